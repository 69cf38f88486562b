package redisarrow_test

import (
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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

// The flags that are named are there.
func TestREADMEFlags(t *testing.T) {
	help, err := exec.CommandContext(t.Context(), buildCommand(t), "export", "--help").Output()
	require.NoError(t, err)
	flags := regexp.MustCompile(`(?:^|[^\w-])(--[a-z][a-z-]*)`).FindAllStringSubmatch(section(t, "Quick start"), -1)
	assert.Greater(t, len(flags), 20)
	for _, m := range flags {
		if flag := m[1]; flag != "--help" {
			assert.Regexp(t, `(?m)^ +`+flag+`[ \[]`, string(help))
		}
	}
}
