package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/minicluster"
)

// smallDisk mounts a tmpfs. It needs root, which CI has to be.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("CI has to run as root: this test mounts a small tmpfs")
		}
		t.Skip("mounting a small tmpfs needs root")
	}
	dir := t.TempDir()
	require.NoError(t, syscall.Mount("none", dir, "tmpfs", 0, "size="+size))
	t.Cleanup(func() { assert.NoError(t, syscall.Unmount(dir, 0)) })
	return dir
}

func TestFullDisk(t *testing.T) {
	c := startMini(t, minicluster.Config{})
	for i := range 200 {
		c.SetString(fmt.Sprintf("page:%d", i), strings.Repeat("x", 10_000))
	}
	args := []string{"--type", "string", "--pattern", "page:*", "--batch-size", "20", "--value-type", "utf8"}
	for _, existing := range []bool{false, true} {
		dir := smallDisk(t, "512k")
		path := filepath.Join(dir, "out.arrow")
		want := []string{}
		if existing {
			require.NoError(t, os.WriteFile(path, []byte("yesterday's"), 0o644))
			want = []string{"out.arrow"}
		}
		p := redisarrow(t, exportArgs(c, path, args...)...)
		requireLine(t, p, exitFailure, path, "no space left on device")
		assert.Equal(t, want, names(t, dir))
		if existing {
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, "yesterday's", string(data))
		}
	}

	dir := smallDisk(t, "64k")
	p := redisarrow(t, "demo", "--output", dir)
	assert.Equal(t, exitFailure, p.status)
	assert.Contains(t, p.stderr, "no space left on device")
	assert.Empty(t, names(t, dir))
}

// A redirection to a full disk: redisarrow … --output - > file.
func TestFullDevice(t *testing.T) {
	c := fixture(t, minicluster.Config{})
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	defer full.Close()
	var stderr bytes.Buffer
	cmd := command(t.Context(), nil, exportArgs(c, "-", hashArgs...)...)
	cmd.Stdout, cmd.Stderr = full, &stderr
	p := process{status: wait(t, cmd.Run()), stderr: stderr.String()}
	requireLine(t, p, exitFailure, "no space left on device")
}
