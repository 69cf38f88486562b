package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// complete is what a shell is given for a command line whose last word is begun.
func complete(t *testing.T, args ...string) (words []string, files bool) {
	t.Helper()
	p := redisarrow(t, append([]string{"__complete"}, args...)...)
	require.Zero(t, p.status, p.stderr)
	lines := strings.Split(strings.TrimSpace(p.stdout), "\n")
	for _, line := range lines[:len(lines)-1] {
		word, _, _ := strings.Cut(line, "\t")
		words = append(words, word)
	}
	return words, lines[len(lines)-1] == ":0"
}

func TestCompletion(t *testing.T) {
	words, _ := complete(t, "he")
	assert.Equal(t, []string{"health", "help"}, words)
	words, _ = complete(t, "export", "--max-")
	assert.Contains(t, words, "--max-rows")
	for flag, want := range map[string][]string{
		"--type":           {"hash", "string"},
		"--on-parse-error": {"fail", "null", "skip"},
		"--concurrency":    {"all"},
		"--read-from":      {"master", "replica", "prefer-replica"},
		"--enumerate":      {"auto", "clusterscan", "slotscan", "keysinslot", "plainscan"},
		"--max-rows":       nil,
		"--url":            nil,
	} {
		words, files := complete(t, "export", flag, "")
		assert.Equal(t, want, words, flag)
		assert.False(t, files, flag)
	}
	for _, flag := range []string{"--password-file", "--sentinel-password-file", "--output", "--checkpoint", "--stats-json", "--cacert", "--cert", "--key-file"} {
		_, files := complete(t, "export", flag, "")
		assert.True(t, files, flag)
	}
}

// The scripts are such that the shells take them.
func TestCompletionScripts(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		p := redisarrow(t, "completion", shell)
		require.Zero(t, p.status, p.stderr)
		assert.Contains(t, p.stdout, "redisarrow")
	}
	bash, err := exec.LookPath("bash")
	if err != nil {
		require.Empty(t, os.Getenv("CI"), "bash is missing, and CI skips nothing")
		t.Skip("no bash here")
	}
	cmd := exec.CommandContext(t.Context(), bash, "-c", `source <(redisarrow completion bash) && complete -p redisarrow`)
	cmd.Env = []string{"PATH=" + filepath.Dir(binary) + ":/usr/bin:/bin"}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Contains(t, string(out), "__start_redisarrow")

	requireLine(t, redisarrow(t, "completion", "tcsh"), exitUsage, "tcsh", "bash")
}
