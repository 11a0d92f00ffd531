// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

package dockerfile

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// How much test data v0.34.2 has, so that no mistake here can make the tests compare nothing.
const (
	knownTrees    = 33
	knownRefusals = 4
)

func folders(t *testing.T, path string, known int) []string {
	t.Helper()
	entries, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != known {
		t.Fatalf("%s has %d folders instead of %d", path, len(entries), known)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, filepath.Join(path, entry.Name()))
	}
	return names
}

func TestTreesOfTheTestFiles(t *testing.T) {
	davit := startReader(t)
	for _, folder := range folders(t, testData(t, "parser/testfiles"), knownTrees) {
		text := readFile(t, filepath.Join(folder, "Dockerfile"))
		a := davit.ask(t, question{Kind: "tree", Text: text})
		if a.Problem != "" {
			t.Errorf("%s: %s", folder, a.Problem)
		} else if want := string(readFile(t, filepath.Join(folder, "result"))); a.text(t) != want {
			t.Errorf("%s:\n%s\ninstead of\n%s", folder, a.text(t), want)
		}
		compareFile(t, davit, text)
	}
}

func TestRefusalsOfTheTestFiles(t *testing.T) {
	davit := startReader(t)
	for _, folder := range folders(t, testData(t, "parser/testfiles-negative"), knownRefusals) {
		a := davit.ask(t, question{Kind: "tree", Text: readFile(t, filepath.Join(folder, "Dockerfile"))})
		if a.Problem == "" {
			t.Errorf("%s is accepted: %s", folder, a.Answer)
		}
	}
}

func TestLineNumbersOfTheTestFile(t *testing.T) {
	davit := startReader(t)
	text := readFile(t, testData(t, "parser/testfile-line/Dockerfile"))
	a := davit.ask(t, question{Kind: "tree", Text: text})
	if want := [][2]int{{5, 5}, {11, 12}, {17, 31}}; !reflect.DeepEqual(a.Lines, want) {
		t.Errorf("%v instead of %v", a.Lines, want)
	}
}

// compareFile compares tree, lines, heredocs and acceptance of a Dockerfile with BuildKit's. It returns false if
// something differs.
func compareFile(t *testing.T, davit *reader, text []byte) bool {
	t.Helper()
	a := davit.ask(t, question{Kind: "tree", Text: text})
	theirs, err := parser.Parse(bytes.NewReader(text))
	if (err != nil) != (a.Problem != "") {
		t.Errorf("%q: problem %q, BuildKit's is %v", text, a.Problem, err)
		return false
	}
	if err != nil {
		return true
	}
	ours := a.text(t)
	if want := theirs.AST.Dump() + "\n"; ours != want {
		t.Errorf("%q:\n%s\ninstead of\n%s", text, ours, want)
		return false
	}
	return compareLines(t, a, theirs, text) && compareMeaning(t, davit, theirs, text)
}

func compareLines(t *testing.T, a answer, theirs *parser.Result, text []byte) bool {
	t.Helper()
	var lines [][2]int
	var heredocs []heredoc
	for _, node := range theirs.AST.Children {
		lines = append(lines, [2]int{node.StartLine, node.EndLine})
		for _, h := range node.Heredocs {
			heredocs = append(heredocs, heredoc{h.Name, h.Expand, h.Chomp, h.FileDescriptor, h.Content})
		}
	}
	if !reflect.DeepEqual(a.Lines, lines) {
		t.Errorf("%q: lines %v instead of %v", text, a.Lines, lines)
		return false
	}
	if len(a.Heredocs)+len(heredocs) > 0 && !reflect.DeepEqual(a.Heredocs, heredocs) {
		t.Errorf("%q: heredocs %+v instead of %+v", text, a.Heredocs, heredocs)
		return false
	}
	return true
}

// What Davit refuses and BuildKit accepts, or finds only when it builds. Here are the words of the problems.
var stricter = []string{
	"RUN requires at least one argument", // BuildKit runs a shell without a command
	"unknown flag",                       // BuildKit ignores the flags of ARG, STOPSIGNAL and HEALTHCHECK NONE
	"is not supported",
	"no stages to build",
}

func compareMeaning(t *testing.T, davit *reader, theirs *parser.Result, text []byte) bool {
	t.Helper()
	a := davit.ask(t, question{Kind: "instructions", Text: text})
	_, _, err := instructions.Parse(theirs.AST, nil)
	if err != nil && a.Problem == "" {
		t.Errorf("%q is accepted, BuildKit says %v", text, err)
		return false
	}
	if err == nil && a.Problem != "" {
		if bytes.Contains(bytes.ToLower(text), []byte("onbuild")) { // its trigger is parsed at once, not when it runs
			return true
		}
		for _, words := range stricter {
			if strings.Contains(a.Problem, words) {
				return true
			}
		}
		t.Errorf("%q: %s, BuildKit accepts it", text, a.Problem)
		return false
	}
	return true
}

func TestFiles(t *testing.T) {
	davit := startReader(t)
	for _, text := range []string{
		"FROM a\nRUN <<A <<-'B' 3<<\"C\" cat\n$a\nA\n\tb\n\tB\nc\r\nC\nRUN x",
		"FROM a\nCOPY << A b\nA\nRUN cat <<A>x\nz\nA>x\nRUN <<A\\ B\nA B\n",
		"FROM a\nRUN <<A\nA ",
		"FROM a\nRUN ['<<A']\nRUN [\"<<A\"]\nRUN echo \"<<A\"\nRUN echo '\nRUN <<<x\nRUN <<\nRUN <<''\nRUN x",
		"ONBUILD COPY <<A /b\nc\nA\nFROM a",
		"# escape=`\nFROM a\nRUN a `\n  b\\\nCOPY C:\\a C:\\b `\n  # c\n\n  d\nENV a=b` c d='e` f'",
		"#escape=\\\n#syntax=docker/dockerfile:1\n#check=skip=all\n#escape=`\nFROM a",
		"# escape = \t` \t\nFROM a `\n b",
		"# escape=\nFROM a \\\n b",
		"# escape= \nFROM a",
		"# unknown=x\n# escape=`\nFROM a `\n",
		"\xef\xbb\xbf# escape=`\nFROM a `\n b",
		"FROM a\r\nENV a=b \\\r\n  c=d\r\n\r\nENV e f\\\r\n",
		"FROM a\nENV a b \\\n\n c\nENV a='b\nENV a=\"b\\\" c=d",
		"ENV a\nFROM b", "ENV a=b c\nFROM d", "LABEL =b\nFROM a", "FROM a\nENV \"a b\"=c d",
		"FROM a\nCMD [\"a\", [\"b\"]]", "FROM a\nCMD [\"a\" \"b\"]", "FROM a\nCMD []\nENTRYPOINT [ ]\nVOLUME [\"\"]",
		"FROM a\nCMD [\"\\u00e4\\n\\\"\", \"\\ud800\"]\nSHELL []", "FROM a\nCMD [1e999]", "FROM a\nSHELL [\"a\", \"-c\"]\nSHELL b",
		"FROM a\nHEALTHCHECK\nHEALTHCHECK NONE\nHEALTHCHECK NONE a", "FROM a\nHEALTHCHECK --interval=1.5h2us --retries=0 CMD a",
		"FROM a\nHEALTHCHECK --timeout=5 CMD a", "FROM a\nHEALTHCHECK --interval=-1s CMD a", "FROM a\nHEALTHCHECK --retries=1.0 CMD a",
		"FROM a\nHEALTHCHECK cmd [\"a\"]\nHEALTHCHECK what a",
		"FROM", "FROM a b", "FROM a as b", "FROM a AS 1", "FROM a AS B_-.1", "FROM --platform=x --platform=y a", "FROM --platform a",
		"FROM a\nCOPY --link --parents=FALSE --exclude=a --exclude=b --from=c --chown=d --chmod=e f g",
		"FROM a\nCOPY --link=x a b", "FROM a\nCOPY --link= a b", "FROM a\nCOPY --from a b", "FROM a\nCOPY --what=x a b",
		"FROM a\nCOPY a", "FROM a\nCOPY", "FROM a\nADD --keep-git-dir --unpack=true --checksum=x a b\nADD --from=x a b",
		"FROM a\nCOPY -- --a b\nCOPY --\"from\"='x y' a b\nCOPY --from=x\\ y a b\nCOPY -a b",
		"FROM a\nRUN --mount=type=bind,target=/x --network=host --security=sandbox y", "FROM a\nRUN --network=x y",
		"FROM a\nRUN --security=x y", "FROM a\nRUN --mount=from=$x,target=/y z", "FROM a\nRUN --mount=\"a z",
		"FROM a\nONBUILD", "FROM a\nONBUILD ONBUILD RUN x", "FROM a\nONBUILD FROM x", "FROM a\nonbuild maintainer x",
		"FROM a\nONBUILD --x RUN y", "FROM a\nONBUILD RUN --mount=type=tmpfs,target=/x [\"y\"]",
		"FROM a\nEXPOSE", "FROM a\nVOLUME [\" \"]", "FROM a\nWORKDIR", "FROM a\nUSER a  b ", "FROM a\nSTOPSIGNAL", "FROM a\nMAINTAINER",
		"FROM a\nARG", "FROM a\nARG =b", "FROM a\nARG a b=c d= \"e f\"=g",
		"RUN a", "ARG a", "ARG a\nENV b=c\nFROM d", "FROM a\nWHAT\nwhat is this", "FROM a\nRUNN x", "\\\n\\\n", "\\\n\nFROM a", " \t \n\f\nFROM a",
		"FROM a\nRUN x \\  \n y\\\t\n z\\\\\nRUN w", "FROM a\nRUN x\\", "FROM a\nRUN \xc2\xa0x\xc2\xa0\nENV a=b\xe3\x80\x80c=d",
		"FROM\ta\v\fb", "FROM a\nLABEL a b  c\nLABEL a\tb\nLABEL a  ", "FROM a\nENV a=1 \\\n# c\n  b=2 # c",
		"FROM a\n" + "RUN " + strings.Repeat("x", 65531) + "\n", "FROM a\n" + "RUN " + strings.Repeat("x", 65532) + "\n",
		"FROM a\n" + "RUN " + strings.Repeat("x", 65531),
	} {
		compareFile(t, davit, []byte(text))
	}
}

// BuildKit reads flags byte by byte, and damages characters beyond ASCII.
func isDamagedFlag(text string) bool {
	return strings.Contains(text, "--") && strings.ContainsAny(text, "é日")
}

// Pieces of Dockerfiles in random order, with a fixed seed: a difference can be repeated.
func TestRandomFiles(t *testing.T) {
	davit := startReader(t)
	pieces := []string{"FROM a", "RUN ", "COPY ", "ADD", "ENV ", "LABEL", "ARG ", "CMD ", "HEALTHCHECK ", "ONBUILD ", "VOLUME ", "SHELL ",
		"USER ", "WORKDIR", "from", "as ", "NONE", "--from=", "--mount=type=tmpfs", "--link", "--", "<<A", "<<-A", "<< ", "<<'B'", "A\n", "\tA\n", "B\n",
		"\\", "\\\n", "\\ \n", "\\\\", "\n", "\n\n", "\r\n", " ", "  ", "\t", "#", "# escape=`\n", "`", "`\n", "'", "\"", "[", "]", ",",
		"[\"a\", \"b\"]", "a", "b=", "c=d", "$x", "${y", "}", "=", "é", "日本", "x y", "\f"}
	random := rand.New(rand.NewPCG(14, 1))
	for range 4000 {
		var text strings.Builder
		if random.IntN(4) > 0 {
			text.WriteString("FROM a\n")
		}
		for range random.IntN(20) {
			text.WriteString(pieces[random.IntN(len(pieces))])
		}
		if !isDamagedFlag(text.String()) && !compareFile(t, davit, []byte(text.String())) {
			return
		}
	}
}
