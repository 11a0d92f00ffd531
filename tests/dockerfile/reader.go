// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Package dockerfile compares how Davit reads Dockerfiles, variables and .dockerignore files with BuildKit and
// moby/patternmatcher: on BuildKit's own test data, on texts of ours, and on random ones.
//
// DAVIT_DOCKERFILE_READER names the program of Davit that answers (cli/build/dockerfile/testing/dockerfile_reader.cc).
package dockerfile

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const readerVariable = "DAVIT_DOCKERFILE_READER"

type question struct {
	Kind          string   `json:"kind"`
	Text          []byte   `json:"text"`
	Variables     []string `json:"variables,omitempty"`
	Escape        string   `json:"escape,omitempty"`
	QuotesStay    bool     `json:"quotes_stay,omitempty"`
	QuotesAreText bool     `json:"quotes_are_text,omitempty"`
	EscapesStay   bool     `json:"escapes_stay,omitempty"`
	UnsetStays    bool     `json:"unset_stays,omitempty"`
	Paths         []string `json:"paths,omitempty"`
}

type heredoc struct {
	Name    string `json:"name"`
	Expand  bool   `json:"expand"`
	Chomp   bool   `json:"chomp"`
	Fd      uint   `json:"fd"`
	Content string `json:"content"`
}

type answer struct {
	Answer   json.RawMessage `json:"answer"`
	Problem  string          `json:"problem"`
	Lines    [][2]int        `json:"lines"`
	Heredocs []heredoc       `json:"heredocs"`
	Unset    []string        `json:"unset"`
}

func (a answer) text(t *testing.T) string {
	t.Helper()
	var text string
	a.read(t, &text)
	return text
}

func (a answer) read(t *testing.T, into any) {
	t.Helper()
	if err := json.Unmarshal(a.Answer, into); err != nil {
		t.Fatalf("the answer %s: %v", a.Answer, err)
	}
}

// reader is Davit's program.
type reader struct {
	questions io.Writer
	answers   *bufio.Reader
}

func startReader(t *testing.T) *reader {
	t.Helper()
	path := os.Getenv(readerVariable)
	if path == "" {
		t.Fatalf("%s is not set: it names the program dockerfile_reader", readerVariable)
	}
	command := exec.Command(path)
	command.Stderr = os.Stderr
	questions, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	answers, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		questions.Close()
		if err := command.Wait(); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	})
	return &reader{questions, bufio.NewReader(answers)}
}

func (r *reader) ask(t *testing.T, q question) answer {
	t.Helper()
	line, err := json.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.questions.Write(append(line, '\n')); err != nil {
		t.Fatalf("%q: %v", q.Text, err)
	}
	reply, err := r.answers.ReadBytes('\n')
	if err != nil {
		t.Fatalf("%q: %v", q.Text, err)
	}
	var a answer
	if err := json.Unmarshal(reply, &a); err != nil {
		t.Fatalf("%q: %v", reply, err)
	}
	return a
}

// testData is a file or folder of BuildKit's module, below frontend/dockerfile.
func testData(t *testing.T, name string) string {
	t.Helper()
	folder, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/moby/buildkit").Output()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(strings.TrimSpace(string(folder)), "frontend/dockerfile", name)
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
