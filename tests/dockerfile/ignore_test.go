// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

package dockerfile

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

var contextPaths = []string{"a", "ab", "a/b", "a/b/c", "b", "b/a", "b/ab", "a.b", "a.b/c", "x.go", "a/x.go", "a/b/x.go", ".git", ".git/config",
	"a/.git", "a-b", "a b", "é", "a/é", "*", "a*", "a/*", "[a]", "a^b", "aXb", "README.md", "README-x.md", "docs/README.md", "a/b/c/d/e", "ba/c", "xfoo", "a/foo", "foo", "a/bfoo/c"}

// compareIgnored returns false if something differs.
func compareIgnored(t *testing.T, davit *reader, file string) bool {
	t.Helper()
	a := davit.ask(t, question{Kind: "ignored", Text: []byte(file), Paths: contextPaths})
	patterns, err := ignorefile.ReadAll(strings.NewReader(file))
	var matcher *patternmatcher.PatternMatcher
	if err == nil {
		matcher, err = patternmatcher.New(patterns)
	}
	if (err != nil) != (a.Problem != "") {
		t.Errorf("%q: problem %q, theirs is %v", file, a.Problem, err)
		return false
	}
	if err != nil {
		return true
	}
	var ignored []bool
	a.read(t, &ignored)
	for i, path := range contextPaths {
		want, err := matcher.MatchesOrParentMatches(path)
		if err != nil { // a pattern that only the regular expression refuses
			return true
		}
		if ignored[i] != want {
			t.Errorf("%q, %q: %v instead of %v", file, path, ignored[i], want)
			return false
		}
	}
	return true
}

func TestIgnoreFiles(t *testing.T) {
	davit := startReader(t)
	for _, file := range []string{
		"a", "/a", "a/", "./a", "a/../b", "../a", "/", ".", "*", "**", "**/", "/**", "*/*", "*/b", "**/b", "**/*.go", "a/**", "a/**/c", "a/**/*", "**/a/**", "**foo",
		"**foo*", "***", "a**", "a**/c", "**/**", "?", "a?b", "[ab]", "[^a]", "[^a]*", "a[^a]b", "[a-c]/[b]", "\\*", "a\\*", "[[]a[]]", "[\\]a]", "a.b", "a+b", "é", "?/é",
		"!", "! ", "!a", "*\n!a", "*\n!a/b", "a\n!a/b", "a\n!a/b\na/b/c", "*\n!*.md\nREADME-*.md", "**/*.md\n!README*", "#a", " #a", "  a  ", "\ufeffa", "a\r\nb\r\n", "a b",
		"[", "[a", "[]", "[]a]", "[a-]", "[-a]", "[^]", "a\\", "[a\\", "!!a", "!/a", "a//b", "**/.git", ".git*", "(a)", "{a}", "a|b", "$a", "*$",
	} {
		compareIgnored(t, davit, file)
	}
}

func TestRandomIgnoreFiles(t *testing.T) {
	davit := startReader(t)
	pieces := []string{"a", "b", "ab", "x.go", ".git", "foo", "README", ".md", "/", "/", "*", "**", "**/", "?", "[ab]", "[^a]", "\\*", ".", "..", "\n", "\n!", "!", " ", "é", "c"}
	random := rand.New(rand.NewPCG(14, 3))
	for range 20000 {
		var file strings.Builder
		for range 1 + random.IntN(8) {
			file.WriteString(pieces[random.IntN(len(pieces))])
		}
		if !compareIgnored(t, davit, file.String()) {
			return
		}
	}
}
