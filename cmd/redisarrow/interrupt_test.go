//go:build unix

package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/minicluster"
)

// stallAfter lets the scan fetch some keys and then wait for good. The
// channel is closed when it waits.
func stallAfter(t *testing.T, c *minicluster.Cluster, fetches int) <-chan struct{} {
	t.Helper()
	stalled, forever := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(forever) })
	var mu sync.Mutex
	seen := 0
	c.SetFault(func(_, _ int, args [][]byte) *minicluster.Fault {
		if name := strings.ToUpper(string(args[0])); name != "HGETALL" && name != "HMGET" {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		if seen++; seen == fetches {
			close(stalled)
		}
		if seen >= fetches {
			return &minicluster.Fault{Stall: forever}
		}
		return nil
	})
	return stalled
}

func TestInterruptedFile(t *testing.T) {
	for _, s := range []struct {
		signal syscall.Signal
		status int
	}{{syscall.SIGINT, 130}, {syscall.SIGTERM, 143}} {
		for _, existing := range []bool{false, true} {
			c := fixture(t, minicluster.Config{})
			stalled := stallAfter(t, c, 30)
			dir := t.TempDir()
			path := filepath.Join(dir, "out.arrow")
			if existing {
				require.NoError(t, os.WriteFile(path, []byte("yesterday's"), 0o644))
			}
			var stdout, stderr bytes.Buffer
			stats := filepath.Join(t.TempDir(), "stats.json")
			cmd := command(t.Context(), nil, exportArgs(c, path, append(hashArgs, "--batch-size", "10", "--stats-json", stats)...)...)
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			require.NoError(t, cmd.Start())
			<-stalled
			require.NoError(t, cmd.Process.Signal(s.signal))

			p := process{status: wait(t, cmd.Wait()), stdout: stdout.String(), stderr: stderr.String()}
			requireLine(t, p, s.status, s.signal.String())
			r := readReport(t, stats, "error")
			assert.Equal(t, false, r["complete"])
			assert.Contains(t, r["error"], s.signal.String())
			if existing {
				data, err := os.ReadFile(path)
				require.NoError(t, err)
				assert.Equal(t, "yesterday's", string(data))
				assert.Equal(t, []string{"out.arrow"}, names(t, dir))
			} else {
				assert.Empty(t, names(t, dir), "neither the file nor the hidden one")
			}
		}
	}
}

// The consumer of a stream sees no exit status: it has to see a broken stream.
func TestInterruptedStream(t *testing.T) {
	c := fixture(t, minicluster.Config{})
	stalled := stallAfter(t, c, 30)
	var stderr bytes.Buffer
	cmd := command(t.Context(), nil, exportArgs(c, "-", append(hashArgs, "--batch-size", "1")...)...)
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())

	r, err := ipc.NewReader(stdout)
	require.NoError(t, err)
	defer r.Release()
	require.True(t, r.Next(), "a batch comes as soon as it is there")
	<-stalled
	require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
	for r.Next() {
	}
	require.Error(t, r.Err())
	_, _ = io.Copy(io.Discard, stdout)
	assert.Equal(t, 130, wait(t, cmd.Wait()))
	assert.Equal(t, 1, strings.Count(stderr.String(), "\n"), stderr.String())
}

// A consumer that goes away ends the export as it ends any program in a pipe.
func TestClosedPipe(t *testing.T) {
	c := fixture(t, minicluster.Config{})
	cmd := command(t.Context(), nil, exportArgs(c, "-", hashArgs...)...)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, stdout.Close())
	require.Error(t, cmd.Run())
	assert.False(t, cmd.ProcessState.Success())
}

func TestInterruptedDemo(t *testing.T) {
	c := fixture(t, minicluster.Config{})
	stalled := stallAfter(t, c, 1)
	tmp := t.TempDir()
	cmd := command(t.Context(), []string{"REDIS_URL=" + strings.Join(c.URLs(), ","), "TMPDIR=" + tmp}, "demo")
	require.NoError(t, cmd.Start())
	<-stalled
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	assert.Equal(t, 130, wait(t, cmd.Wait()))
	assert.Empty(t, names(t, tmp))
}

// The second signal ends a process whose clean end hangs: here, a consumer
// that reads nothing.
func TestSecondSignal(t *testing.T) {
	c := startMini(t, minicluster.Config{})
	c.SetString("large", strings.Repeat("x", 8<<20))
	var stderr bytes.Buffer
	cmd := command(t.Context(), nil, exportArgs(c, "-", "--type", "string", "--pattern", "*", "--value-type", "utf8")...)
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	_, err = io.ReadFull(stdout, make([]byte, 1<<20)) // it has begun to write, and will hang in it
	require.NoError(t, err)

	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for ended := false; !ended; {
		_ = cmd.Process.Signal(os.Interrupt) // the last one may come too late
		select {
		case err := <-done:
			ended = true
			require.Error(t, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	require.True(t, ok)
	assert.True(t, status.Signaled() && status.Signal() == syscall.SIGINT, "%v", cmd.ProcessState)
}

// Interrupted, the parts that are known are whole, the checkpoint is valid, and
// the same command brings the rest.
func TestInterruptedParts(t *testing.T) {
	for _, s := range []struct {
		signal syscall.Signal
		status int
	}{{syscall.SIGINT, 130}, {syscall.SIGTERM, 143}} {
		c := fixture(t, minicluster.Config{})
		stalled := stallAfter(t, c, 30)
		dir := t.TempDir()
		args := partsArgs(c, dir, "--part-rows", "5")
		var stderr bytes.Buffer
		cmd := command(t.Context(), nil, args...)
		cmd.Stderr = &stderr
		require.NoError(t, cmd.Start())
		<-stalled
		require.NoError(t, cmd.Process.Signal(s.signal))
		require.Equal(t, s.status, wait(t, cmd.Wait()), stderr.String())
		assert.Contains(t, stderr.String(), s.signal.String())
		assert.Contains(t, stderr.String(), "the same command goes on behind them")
		for _, name := range names(t, filepath.Join(dir, "out")) {
			assert.False(t, strings.HasPrefix(name, "."), "half-written: %s", name)
		}
		known, parts := readParts(t, filepath.Join(dir, "out"))
		require.Positive(t, parts)

		c.SetFault(nil)
		p := redisarrow(t, args...)
		require.Zero(t, p.status, p.stderr)
		assert.Contains(t, p.stderr, "going on behind")
		rows, _ := readParts(t, filepath.Join(dir, "out"))
		assert.Equal(t, userRows("user:%[1]d|User%[1]d|%[2]d"), rows)
		assert.Subset(t, rows, known)
	}
}
