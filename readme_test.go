package redisarrow_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/internal/pyenv"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
)

// What README.md shows is run here, so that it stays true.

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	return string(text)
}

// block is the fenced block of that language in which a text occurs.
func block(t *testing.T, language, containing string) string {
	t.Helper()
	const fence = "```"
	// Text, block, text, block…
	for i, part := range strings.Split(readme(t), "\n"+fence) {
		first, rest, _ := strings.Cut(part, "\n")
		if i%2 == 1 && first == language && strings.Contains(rest, containing) {
			return rest + "\n"
		}
	}
	t.Fatalf("README.md has no block of %q with %q in it", language, containing)
	return ""
}

// section is what stands under a heading.
func section(t *testing.T, heading string) string {
	t.Helper()
	_, after, found := strings.Cut(readme(t), "\n## "+heading+"\n")
	require.True(t, found, heading)
	text, _, _ := strings.Cut(after, "\n## ")
	return text
}

func TestREADMEProgram(t *testing.T) {
	program, err := os.ReadFile("examples/quickstart/main.go")
	require.NoError(t, err)
	_, code, _ := strings.Cut(string(program), "\npackage main\n")
	assert.Equal(t, "package main\n"+code, block(t, "go", "package main"))
}

func TestREADMESchema(t *testing.T) {
	text := strings.TrimSpace(block(t, "", "_key:key"))
	parsed, err := schema.ParseHash(text)
	require.NoError(t, err)
	assert.Equal(t, text, parsed.String())
}

func TestREADMEConfig(t *testing.T) {
	var shown, there []string
	for _, m := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\|").FindAllStringSubmatch(section(t, "Configuration"), -1) {
		shown = append(shown, m[1])
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[iterator.Config]()) {
		there = append(there, f.Name)
	}
	assert.Equal(t, there, shown)
}

func TestREADMELinks(t *testing.T) {
	for _, m := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(readme(t), -1) {
		switch heading, ok := strings.CutPrefix(m[1], "#"); {
		case ok:
			assert.Contains(t, strings.ToLower(readme(t)), "# "+strings.ReplaceAll(heading, "-", " ")+"\n", m[1])
		case !strings.HasPrefix(m[1], "https://"):
			assert.FileExists(t, m[1])
		}
	}
}

func TestREADMETargets(t *testing.T) {
	makefile, err := os.ReadFile("Makefile")
	require.NoError(t, err)
	for _, m := range regexp.MustCompile(`(?m)^make (\w+)`).FindAllStringSubmatch(readme(t), -1) {
		assert.Contains(t, string(makefile), "\n"+m[1]+": ## ")
	}
}

// TestREADMECommand runs the command lines in a folder, then the Python that
// reads what they wrote.
func TestREADMECommand(t *testing.T) {
	c, err := minicluster.Start(minicluster.Config{})
	require.NoError(t, err)
	defer c.Close()
	for i := range 3000 {
		key := fmt.Sprint("user:", i)
		c.SetHash(key, "name", fmt.Sprint("User ", i), "age", fmt.Sprint(18+i%60), "active", fmt.Sprint(i%2 == 0),
			"signup_date", "2024-01-15", "seen", "2024-01-15T10:30:00Z")
		if i%5 == 0 {
			c.Expire(key, time.Hour)
		}
		c.SetString(fmt.Sprint("counter:", i), fmt.Sprint(i))
	}
	dir := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", dir, "./cmd/redisarrow")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)

	shell := func(t *testing.T, path, command string) (stdout, stderr string) {
		t.Helper()
		command = strings.ReplaceAll(command, "redis://node1:7000", c.URLs()[0])
		cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PATH="+dir+string(os.PathListSeparator)+path+string(os.PathListSeparator)+os.Getenv("PATH"))
		var outs, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &outs, &errs
		require.NoError(t, cmd.Run(), errs.String())
		return outs.String(), errs.String()
	}

	t.Run("flags", func(t *testing.T) {
		help, _ := shell(t, "", "redisarrow export --help")
		flags := regexp.MustCompile(`--[a-z][a-z-]*`).FindAllString(section(t, "Quick start"), -1)
		assert.Greater(t, len(flags), 20)
		for _, flag := range flags {
			if flag != "--help" {
				assert.Regexp(t, `(?m)^ +`+flag+`[ \[]`, help)
			}
		}
	})

	// The lines up to the one without a \ at its end are the command, the
	// others what it tells; … stands for what differs from run to run.
	lines := strings.SplitAfter(strings.TrimPrefix(block(t, "console", "$ redisarrow export"), "$ "), "\n")
	n := 1
	for strings.HasSuffix(lines[n-1], "\\\n") {
		n++
	}
	_, summary := shell(t, "", strings.Join(lines[:n], ""))
	for _, line := range lines[n:] {
		if line != "…\n" {
			assert.Contains(t, "\n"+summary, "\n"+line)
		}
	}
	require.FileExists(t, filepath.Join(dir, "users.arrow"))

	t.Run("stream", func(t *testing.T) {
		python := pyenv.Python(t)
		stdout, _ := shell(t, filepath.Dir(python), block(t, "sh", "--output -"))
		assert.Equal(t, "3000\n", stdout)
	})
	for _, m := range []struct{ library, expression, want string }{
		{"import pyarrow as pa\nusers", "users.num_rows, users.schema.names", "3000 ['_key', '_ttl', 'name', 'age', 'active', 'signup_date', 'seen']\n"},
		{"import polars", "users.shape, users['age'].min()", "(3000, 7) 18\n"},
	} {
		t.Run(m.library, func(t *testing.T) {
			script := "import os, sys\nos.chdir(sys.argv[1])\n" + block(t, "python", m.library) + "print(" + m.expression + ")\n"
			assert.Equal(t, m.want, pyenv.Run(t, script, dir))
		})
	}
	t.Run("duckdb", func(t *testing.T) {
		// In an environment of its own, beside the one with pyarrow.
		duckdb := filepath.Join(filepath.Dir(filepath.Dir(pyenv.Python(t, "duckdb==2.0.0"))), "lib", "python3*", "site-packages")
		script := "import glob, os, sys\nos.chdir(sys.argv[1])\nsys.path += glob.glob(sys.argv[2])\n" + block(t, "python", "import duckdb")
		out := pyenv.Run(t, script, dir, duckdb)
		assert.Regexp(t, `true .*1500`, out)
		assert.Regexp(t, `false .*1500`, out)
	})
}
