package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/redisarrow/redisarrow/internal/minicluster"
)

// terminal opens a pseudo-terminal: what a program prints on the second comes
// out of the first.
func terminal(t *testing.T, columns uint16) (screen, tty *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = screen.Close() })
	fd := int(screen.Fd())
	require.NoError(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}))
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = tty.Close() })
	return screen, tty
}

func TestStreamToTerminalRefused(t *testing.T) {
	c := fixture(t, minicluster.Config{})
	screen, tty := terminal(t, 70)
	var stderr bytes.Buffer
	cmd := command(t.Context(), nil, exportArgs(c, "-", hashArgs...)...)
	cmd.Stdout, cmd.Stderr = tty, &stderr
	p := process{status: wait(t, cmd.Run()), stderr: stderr.String()}
	requireLine(t, p, exitUsage, "--output -", "terminal", "name a file")

	_, err := tty.WriteString("end")
	require.NoError(t, err)
	printed := make([]byte, 100)
	n, err := screen.Read(printed)
	require.NoError(t, err)
	assert.Equal(t, "end", string(printed[:n]), "not a byte of the stream")
}

// Text is for terminals.
func TestTextToTerminal(t *testing.T) {
	c := fixture(t, minicluster.Config{})
	screen, tty := terminal(t, 70)
	var stderr bytes.Buffer
	cmd := command(t.Context(), nil, exportArgs(c, "-", append(hashArgs, "--format", "jsonl")...)...)
	cmd.Stdout, cmd.Stderr = tty, &stderr
	require.NoError(t, cmd.Start())
	printed := readUntil(t, screen, `"name":"User7","age":27}`)
	assert.True(t, strings.HasPrefix(printed, `{"_key":"user:`), printed)
	_ = tty.Close()
	go func() { _, _ = io.Copy(io.Discard, screen) }() // until the last end of the terminal is closed
	require.Zero(t, wait(t, cmd.Wait()), stderr.String())
}

func TestProgressOnTerminal(t *testing.T) {
	for _, f := range []struct {
		pattern, want string
		columns       uint16
	}{
		{"*", " %  ", 70},
		{"user:*", " %  ", 100},
		{"user:?7", " %  ", 30},
		{"user:*", " %  ", 0}, // a terminal that doesn't know its size
	} {
		c := fixture(t, minicluster.Config{})
		drawn := make(chan struct{})
		c.SetFault(func(_, _ int, args [][]byte) *minicluster.Fault {
			if strings.EqualFold(string(args[0]), "HMGET") || strings.EqualFold(string(args[0]), "HGETALL") {
				return &minicluster.Fault{Stall: drawn} // until the line was seen
			}
			return nil
		})
		screen, tty := terminal(t, f.columns)
		path := filepath.Join(t.TempDir(), "out.arrow")
		cmd := command(t.Context(), []string{"TERM=xterm"}, "export", "--url", c.URLs()[0], "--output", path,
			"--type", "hash", "--pattern", f.pattern, "--schema", "name:utf8", "--log-level", "debug")
		cmd.Stderr = tty
		require.NoError(t, cmd.Start())
		require.NoError(t, tty.Close())

		printed := readUntil(t, screen, f.want)
		close(drawn)
		rest, _ := io.ReadAll(screen) // ends with EIO when the process has ended
		require.Zero(t, wait(t, cmd.Wait()))
		lines := 0
		for line := range strings.SplitSeq(printed, clearLine) {
			if strings.HasSuffix(line, "\n") || strings.HasPrefix(line, "time=") {
				continue // the log's
			}
			lines++
			assert.Less(t, len(line), cmp.Or(int(f.columns), 80), "it would wrap: %q", line)
		}
		assert.Positive(t, lines)
		_, after, found := strings.Cut(lastFrom(string(rest), clearLine), clearLine)
		require.True(t, found)
		assert.True(t, strings.HasPrefix(after, "file  "), "the line is gone, then the summary: %q", after)
	}
}

func lastFrom(text, mark string) string {
	if i := strings.LastIndex(text, mark); i >= 0 {
		return text[i:]
	}
	return text
}

func readUntil(t *testing.T, rd *os.File, want string) string {
	t.Helper()
	var all []byte
	timeout := time.AfterFunc(30*time.Second, func() { _ = rd.Close() })
	defer timeout.Stop()
	for !strings.Contains(string(all), want) {
		buf := make([]byte, 4096)
		n, err := rd.Read(buf)
		all = append(all, buf[:n]...)
		require.NoError(t, err, "waiting for %q; so far %q", want, all)
	}
	return string(all)
}
