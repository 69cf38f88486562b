package testcluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// crashDir names the environment variable by which TestCrash tells this test binary to be the program that crashes.
const crashDir = "TESTCLUSTER_CRASH_DIR"

// crash starts a cluster, writes its servers' process IDs to dir, and panics in a goroutine, so that no Cleanup and no
// deferred call runs. One node has been restarted, from another goroutine than the one that started it.
func crash(dir string) {
	server, err := Lookup(os.Getenv("TESTCLUSTER_CRASH_SERVER"))
	exitOn(err)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := StartAt(ctx, dir, Config{Server: server})
	exitOn(err)
	go func() {
		exitOn(c.Restart(ctx, 1))
		exitOn(c.Pause(2)) // the paused must die too
		pids := fmt.Sprintln(c.Pid(0), c.Pid(1), c.Pid(2))
		exitOn(os.WriteFile(filepath.Join(dir, "pids"), []byte(pids), 0o600))
		panic("deliberate")
	}()
	select {}
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
}

func TestCrash(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the kernel's promise is Linux's alone: see the package's comment")
	}
	server := Find(t, "redis-7.0")
	dir := t.TempDir()
	cmd := exec.CommandContext(within(t, time.Minute), os.Args[0])
	cmd.Env = append(os.Environ(), crashDir+"="+dir, "TESTCLUSTER_CRASH_SERVER="+server.Name)
	out, err := cmd.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "panic: deliberate")

	text, err := os.ReadFile(filepath.Join(dir, "pids"))
	require.NoError(t, err, "%s", out)
	pids := strings.Fields(string(text))
	require.Len(t, pids, 3)
	for _, field := range pids {
		pid, err := strconv.Atoi(field)
		require.NoError(t, err)
		assert.Eventually(t, func() bool { return gone(pid, dir) }, 10*time.Second, 10*time.Millisecond, "process %d", pid)
	}
}

// gone reports whether no process of that ID works in dir any more: the ID may be another's by now, and a process that
// nobody has reaped yet counts as gone.
func gone(pid int, dir string) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
	return err != nil || !strings.HasPrefix(cwd, dir)
}

func TestCleanupStopsEverything(t *testing.T) {
	t.Parallel()
	server := Find(t, "redis-7.0")
	var pids []int
	var dir string
	t.Run("a test", func(t *testing.T) {
		c := Start(t, Config{Server: server, Replicas: 1})
		dir = c.dir
		for i := range c.Nodes() {
			pids = append(pids, c.Pid(i))
			require.NoError(t, syscall.Kill(c.Pid(i), 0))
		}
		require.NoError(t, c.Pause(4))
		require.NoError(t, c.Kill(5))
	})
	require.Len(t, pids, 6)
	for _, pid := range pids {
		assert.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH)
	}
	assert.NoDirExists(t, dir)
}

func TestStartAtRelativeFolder(t *testing.T) {
	server := Find(t, "redis-7.0")
	t.Chdir(t.TempDir())
	require.NoError(t, os.Mkdir("here", 0o700))
	c, err := StartAt(within(t, 20*time.Second), "here", Config{Server: server, Standalone: true})
	require.NoError(t, err)
	require.NoError(t, c.NodeClient(0).Ping(t.Context()).Err())
	require.NoError(t, c.Close())
	require.NoError(t, c.Close(), "a second time changes nothing")
	assert.FileExists(t, filepath.Join("here", "node0", "server.log"), "the folder stays")
}

func TestStartFails(t *testing.T) {
	t.Parallel()
	server := Find(t, "redis-7.0")
	ctx := within(t, 20*time.Second)

	_, err := StartAt(ctx, t.TempDir(), Config{Server: server, Conf: map[string]string{"no-such-directive": "1"}})
	require.ErrorContains(t, err, "the server has ended")
	require.ErrorContains(t, err, "Bad directive", "the log is in the error")

	for name, config := range map[string]Config{
		"no server":           {},
		"two alone":           {Server: server, Standalone: true, Masters: 2},
		"negative":            {Server: server, Masters: -1},
		"certificate, no TLS": {Server: server, RequireClientCert: true},
	} {
		_, err := StartAt(ctx, t.TempDir(), config)
		assert.Error(t, err, name)
	}

	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	_, err = StartAt(cancelled, t.TempDir(), Config{Server: server})
	require.ErrorIs(t, err, context.Canceled)
}
