// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Package compose compares how Davit reads Compose files with compose-go, on the projects in files/.
//
// DAVIT_COMMAND names the program `davit`.
package compose

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
)

const (
	commandVariable = "DAVIT_COMMAND"
	projectName     = "shop"
)

// The files of a project: compose.yaml, and those that follow it over it.
func filesOf(t *testing.T, directory string) []string {
	t.Helper()
	files := []string{filepath.Join(directory, "compose.yaml")}
	over, err := filepath.Glob(filepath.Join(directory, "over*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	sort.Strings(over)
	return append(files, over...)
}

func theirs(t *testing.T, directory string) any {
	t.Helper()
	options, err := cli.NewProjectOptions(filesOf(t, directory), cli.WithName(projectName), cli.WithWorkingDirectory(directory),
		cli.WithEnv([]string{"FROM_OUTSIDE=outside", "HOME=/root"}), cli.WithEnvFiles(), cli.WithDotEnv, cli.WithInterpolation(true),
		cli.WithResolvedPaths(true), cli.WithDiscardEnvFile)
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	text, err := project.WithoutUnnecessaryResources().MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, text)
}

func ours(t *testing.T, directory string) any {
	t.Helper()
	arguments := []string{"compose", "-p", projectName}
	for _, file := range filesOf(t, directory) {
		arguments = append(arguments, "-f", file)
	}
	command := exec.Command(os.Getenv(commandVariable), append(arguments, "config", "--format", "json")...)
	command.Env = []string{"FROM_OUTSIDE=outside", "HOME=/root"}
	var problems strings.Builder
	command.Stderr = &problems
	text, err := command.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, problems.String())
	}
	return parse(t, text)
}

func parse(t *testing.T, text []byte) any {
	t.Helper()
	var document any
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	return document
}

// isEmpty is true for what Go leaves out of JSON, or writes for a structure without content.
func isEmpty(value any) bool {
	switch v := value.(type) {
	case bool:
		return !v
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return value == nil
}

// differences adds a line for each value that is not the same. Davit leaves out extensions ("x-...").
func differences(path string, ours, theirs any, lines *[]string) {
	a, isMap := ours.(map[string]any)
	b, areMaps := theirs.(map[string]any)
	if isMap && areMaps {
		for key, value := range b {
			if _, there := a[key]; !there && !strings.HasPrefix(key, "x-") && !isEmpty(value) {
				*lines = append(*lines, fmt.Sprintf("%s.%s: only theirs: %v", path, key, value))
			}
		}
		for key, value := range a {
			other, there := b[key]
			if !there && isEmpty(value) {
				continue
			}
			if !there {
				*lines = append(*lines, fmt.Sprintf("%s.%s: only ours: %v", path, key, value))
				continue
			}
			differences(path+"."+key, value, other, lines)
		}
		return
	}
	c, isList := ours.([]any)
	d, areLists := theirs.([]any)
	if isList && areLists && len(c) == len(d) {
		for i := range c {
			differences(fmt.Sprintf("%s[%d]", path, i), c[i], d[i], lines)
		}
		return
	}
	if fmt.Sprintf("%#v", ours) != fmt.Sprintf("%#v", theirs) {
		*lines = append(*lines, fmt.Sprintf("%s: ours %#v, theirs %#v", path, ours, theirs))
	}
}

func TestProjects(t *testing.T) {
	if os.Getenv(commandVariable) == "" {
		t.Skip(commandVariable + " is not set")
	}
	directories, err := filepath.Glob("files/*")
	if err != nil || len(directories) == 0 {
		t.Fatal("no projects in files/", err)
	}
	for _, relative := range directories {
		t.Run(filepath.Base(relative), func(t *testing.T) {
			directory, err := filepath.Abs(relative)
			if err != nil {
				t.Fatal(err)
			}
			var lines []string
			differences("", ours(t, directory), theirs(t, directory), &lines)
			sort.Strings(lines)
			for _, line := range lines {
				t.Error(line)
			}
		})
	}
}
