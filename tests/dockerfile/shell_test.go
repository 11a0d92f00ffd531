// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

package dockerfile

import (
	"bufio"
	"bytes"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// How many words the test files of v0.34.2 have.
const (
	knownWords = 228
	knownLists = 22
)

func lines(data []byte) []string {
	var all []string
	scanner := bufio.NewScanner(bytes.NewReader(data))
	for scanner.Scan() {
		if line := scanner.Text(); line != "" && !strings.HasPrefix(line, "#") {
			all = append(all, line)
		}
	}
	return all
}

func TestWordsOfEnvVarTest(t *testing.T) {
	davit := startReader(t)
	variables := []string{"PWD=/home", "SHELL=bash", "KOREAN=한국어", "NULL="}
	compared := 0
	for _, line := range lines(readFile(t, testData(t, "shell/envVarTest"))) {
		fields := strings.Split(line, "|")
		if len(fields) != 3 || strings.TrimSpace(fields[0]) == "W" {
			continue
		}
		source, want := strings.TrimSpace(fields[1]), strings.TrimSpace(fields[2])
		a := davit.ask(t, question{Kind: "word", Text: []byte(source), Variables: variables})
		if want == "error" {
			if a.Problem == "" {
				t.Errorf("%q is accepted: %s", source, a.Answer)
			}
		} else if a.Problem != "" || a.text(t) != want {
			t.Errorf("%q: %s%s instead of %q", source, a.Problem, a.Answer, want)
		}
		compared++
	}
	if compared < knownWords {
		t.Errorf("only %d words", compared)
	}
}

func TestListsOfWordsTest(t *testing.T) {
	davit := startReader(t)
	var variables []string
	compared := 0
	for _, line := range lines(readFile(t, testData(t, "shell/wordsTest"))) {
		if entry, ok := strings.CutPrefix(line, "ENV "); ok {
			variables = append(variables, strings.TrimLeft(entry, " "))
			continue
		}
		source, result, _ := strings.Cut(line, "|")
		want := strings.Split(strings.TrimLeft(result, " "), ",")
		a := davit.ask(t, question{Kind: "words", Text: []byte(strings.TrimSpace(source)), Variables: variables})
		words := []string{"error"}
		if a.Problem == "" {
			a.read(t, &words)
		}
		if !slices.Equal(words, want) {
			t.Errorf("%q: %q instead of %q", source, words, want)
		}
		compared++
	}
	if compared < knownLists {
		t.Errorf("only %d lists", compared)
	}
}

var expandedVariables = []string{"a=value", "e=", "p=/usr/lib/lib.so.1", "w= x  y ", "s=a*b?c", "u=日本語", `b=a\b}c`}

// compareWord compares a word, in one of the ways in which instructions and heredocs read it. It returns false if
// something differs.
func compareWord(t *testing.T, davit *reader, q question) bool {
	t.Helper()
	q.Kind, q.Variables = "word", expandedVariables
	lex := shell.NewLex('\\')
	if q.Escape == "`" {
		lex = shell.NewLex('`')
	}
	lex.RawQuotes, lex.RawEscapes, lex.SkipProcessQuotes, lex.SkipUnsetEnv = q.QuotesStay, q.EscapesStay, q.QuotesAreText, q.UnsetStays
	result, err := lex.ProcessWordWithMatches(string(q.Text), shell.EnvsFromSlice(expandedVariables))
	a := davit.ask(t, q)
	if (err != nil) != (a.Problem != "") {
		t.Errorf("%q in %+v: problem %q, BuildKit's is %v (%q)", q.Text, q, a.Problem, err, result.Result)
		return false
	}
	if err != nil {
		return true
	}
	if a.text(t) != result.Result {
		t.Errorf("%q in %+v: %q instead of %q", q.Text, q, a.text(t), result.Result)
		return false
	}
	var unset []string
	for name := range result.Unmatched {
		unset = append(unset, name)
	}
	slices.Sort(unset)
	if len(a.Unset)+len(unset) > 0 && !reflect.DeepEqual(a.Unset, unset) {
		t.Errorf("%q: unset %q instead of %q", q.Text, a.Unset, unset)
		return false
	}
	return true
}

func TestWords(t *testing.T) {
	davit := startReader(t)
	for _, text := range []string{
		"${p#*/}", "${p##*/}", "${p%.*}", "${p%%.*}", "${p#?}", "${p%?}", "${p/lib/x}", "${p//lib/x}", "${p//\\//x}", "${p/\\}/}", "${p//}",
		"${s#*\\*}", "${s%\\?*}", "${s#\\x}", "${s#\\}", "${u#?}", "${u%?}", "${u//?/x}", "${u##*本}", "${x#*}", "${x/a/b}", "${b#'a\\b'}", "${b#\"a\\b\"}",
		"${b#a\\\\b\\}}", "${a#$e}", "${a/$e/x}", "${a#${p%%/*}va}", "${a:#x}", "${a:/x/y}", "${a:-x}${e:-y}${x:-z}${e-1}${x-2}", "${x:?}", "${x?m $a}", "${a:+$p}",
		"$a$", "$", "${", "${a", "${a:", "${a:-", "${a}}", "$1$23x", "${1}", "$_", "${_a:-b}", "$aé", "$a–", "${a=b}", "${a:=b}", "${+a}", "a<b<<c", "<< a", "a\\",
		"'a\\'", "\"a\\x\\$a\\\"\\\\\"", "\"${a:-\"b\"}\"", "${x:-'}'}", "${x:-\\}}", "\\$a\\\\$a", "a b", "\t$a\n$p",
	} {
		for bits := range 32 {
			q := question{Text: []byte(text), QuotesStay: bits&1 > 0, EscapesStay: bits&2 > 0, QuotesAreText: bits&4 > 0, UnsetStays: bits&8 > 0}
			if bits&16 > 0 {
				q.Escape = "`"
			}
			compareWord(t, davit, q)
		}
	}
}

// A $ in a replacement is text for Davit; BuildKit takes it for a group of a regular expression. A backslash at the
// end of a pattern, which is possible with another escape character, is refused; BuildKit reverses the pattern of
// ${v%p}, and the backslash escapes the character before it.
func isKnownDifference(text, escape string) bool {
	return strings.Contains(text, "//") && strings.Contains(text, "$") ||
		escape == "`" && strings.Contains(text, "%") && strings.Contains(text, "\\")
}

func TestRandomWords(t *testing.T) {
	davit := startReader(t)
	pieces := []string{"$a", "$e", "$x", "${a", "${p", "${s", "${x", "}", "}", "}", ":-", ":+", "-", "+", "?", ":?", "#", "##", "%", "%%", "/", "//", "*", "\\*",
		"\\", "'", "\"", "b", "lib", "日", " ", "`", "<<", ":", "$", "."}
	random := rand.New(rand.NewPCG(14, 2))
	for range 20000 {
		var text strings.Builder
		for range 1 + random.IntN(10) {
			text.WriteString(pieces[random.IntN(len(pieces))])
		}
		q := question{Text: []byte(text.String())}
		if random.IntN(4) == 0 {
			q.Escape = "`"
		}
		if random.IntN(4) == 0 {
			q.QuotesStay, q.EscapesStay = true, true
		}
		q.UnsetStays = random.IntN(4) == 0
		q.QuotesAreText = random.IntN(8) == 0
		if !isKnownDifference(text.String(), q.Escape) && !compareWord(t, davit, q) {
			return
		}
	}
}
