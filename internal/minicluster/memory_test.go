package minicluster

import (
	"context"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A cluster in memory does what one on the network does, and all of it within
// a bubble: nothing waits outside, and waiting takes no time. (Host names must
// not be announced there: go-redis looks them up, and a bubble has no network.)
func TestMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		c, err := Start(Config{Memory: true, Announce: AnnounceEmpty, Password: "geheim"})
		require.NoError(t, err)
		defer c.Close()
		assert.Equal(t, []string{"127.0.0.1:7000", "127.0.0.1:7001", "127.0.0.1:7002"}, c.Addrs())
		rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: c.Addrs(), Dialer: c.Dial, Password: "geheim"})
		defer rdb.Close()
		ctx := t.Context()
		for _, key := range []string{"user:1", "user:3", "user:4"} { // one on each node
			require.NoError(t, rdb.Set(ctx, key, "v", 0).Err())
			require.Equal(t, "v", rdb.Get(ctx, key).Val())
		}

		c.SetFault(func(_, _ int, args [][]byte) *Fault {
			if is(args[0], "GET") {
				return &Fault{Delay: time.Hour}
			}
			return nil
		})
		require.NoError(t, rdb.Set(ctx, "user:1", "w", 0).Err())
		require.ErrorIs(t, rdb.Get(ctx, "user:1").Err(), os.ErrDeadlineExceeded)
		c.SetFault(nil)

		c.Kill(1)
		_, err = c.Dial(ctx, "tcp", c.Addrs()[1])
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		require.NoError(t, c.Restart(1))
		nc, err := c.Dial(ctx, "tcp", c.Addrs()[1])
		require.NoError(t, err)
		c.Close()
		_, err = nc.Read(make([]byte, 1))
		require.Equal(t, io.EOF, err)
		assert.Greater(t, time.Since(begun), time.Second, "of the bubble's time")
	})
}

func TestMemoryRefuses(t *testing.T) {
	c := start(t, Config{Memory: true, Masters: 1})
	for _, addr := range []string{"", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:7001"} {
		_, err := c.Dial(context.Background(), "tcp", addr)
		assert.Error(t, err, addr)
	}
}

func TestPipe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newPipe(&net.TCPAddr{})
		n, err := a.Write([]byte("hello"))
		require.NoError(t, err)
		require.Equal(t, 5, n)
		buf := make([]byte, 3)
		for _, want := range []string{"hel", "lo"} {
			n, err = b.Read(buf)
			require.NoError(t, err)
			require.Equal(t, want, string(buf[:n]))
		}

		require.NoError(t, b.SetReadDeadline(time.Now().Add(time.Second)))
		_, err = b.Read(buf)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.NoError(t, b.SetDeadline(time.Time{}))

		time.AfterFunc(time.Minute, func() { _ = b.SetReadDeadline(time.Now()) }) // wakes a reader
		_, err = b.Read(buf)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.NoError(t, b.SetDeadline(time.Time{}))

		_, err = a.Write([]byte("bye"))
		require.NoError(t, err)
		require.NoError(t, a.Close())
		n, err = b.Read(buf)
		require.NoError(t, err, "what was written before the close")
		require.Equal(t, "bye", string(buf[:n]))
		_, err = b.Read(buf)
		require.Equal(t, io.EOF, err)
		_, err = b.Write([]byte("x"))
		require.ErrorIs(t, err, io.ErrClosedPipe)
		_, err = a.Read(buf)
		require.ErrorIs(t, err, net.ErrClosed)
		_, err = a.Write(buf)
		require.ErrorIs(t, err, net.ErrClosed)
	})
}
