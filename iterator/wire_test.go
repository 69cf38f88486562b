package iterator_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"
)

// wire is what passes between a client and real servers, in plain text also
// where they speak TLS. Its functions may be nil, and are set before the
// client is used; they are called from the client's goroutines.
type wire struct {
	sends func(addr string, commands []byte) // before these go out
	cut   func(addr string) int64            // of a new connection: bytes after which it breaks when read; 0 for never
}

// wired gives a client with these options, which become its own, over a wire.
func wired(t testing.TB, options *redis.ClusterOptions, w *wire) *redis.ClusterClient {
	t.Helper()
	// As go-redis does it itself: a dialer of one's own has to speak TLS.
	dial := redis.NewDialer(&redis.Options{TLSConfig: options.TLSConfig})
	options.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		wc := &wireConn{Conn: conn, wire: w, addr: addr}
		if w.cut != nil {
			wc.left.Store(w.cut(addr))
			wc.breaks = wc.left.Load() > 0
		}
		return wc, nil
	}
	rdb := redis.NewClusterClient(options)
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

type wireConn struct {
	net.Conn
	wire   *wire
	addr   string
	breaks bool
	left   atomic.Int64
}

func (c *wireConn) Write(b []byte) (int, error) {
	if c.wire.sends != nil {
		c.wire.sends(c.addr, b)
	}
	return c.Conn.Write(b)
}

func (c *wireConn) Read(b []byte) (int, error) {
	if !c.breaks {
		return c.Conn.Read(b)
	}
	left := c.left.Load()
	if left <= 0 {
		_ = c.Close()
		return 0, errors.New("cut by the test")
	}
	n, err := c.Conn.Read(b[:min(int64(len(b)), left)])
	c.left.Add(-int64(n))
	return n, err
}
