package minicluster

import (
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/resp"
)

func TestReaddress(t *testing.T) {
	for _, memory := range []bool{false, true} {
		c := start(t, Config{Memory: memory})
		connect := func(addr string) (*resp.Conn, error) {
			var nc net.Conn
			var err error
			if memory {
				nc, err = c.Dial(testContext(t), "tcp", addr)
			} else {
				nc, err = net.Dial("tcp", addr)
			}
			if err != nil {
				return nil, err
			}
			conn := resp.NewConn(nc)
			t.Cleanup(func() { conn.Close() })
			return conn, nil
		}
		open := func(addr string) *resp.Conn {
			conn, err := connect(addr)
			require.NoError(t, err)
			return conn
		}
		k := keyIn(7, 1)
		c.SetString(k, "x")
		old := c.Addrs()[0]
		other := open(c.Addrs()[1])
		assert.Equal(t, "MOVED 7 "+old, do(t, other, "GET", k))
		before := runID(t, open(old))

		require.NoError(t, c.Readdress(0))
		addr := c.Addrs()[0]
		assert.NotEqual(t, old, addr)
		_, err := connect(old)
		require.Error(t, err)
		assert.Equal(t, "MOVED 7 "+addr, do(t, other, "GET", k))
		assert.Contains(t, do(t, other, "CLUSTER", "NODES"), " "+addr+"@")
		assert.Equal(t, "x", do(t, open(addr), "GET", k))
		assert.NotEqual(t, before, runID(t, open(addr)), "another process")

		require.NoError(t, c.Restart(0))
		assert.Equal(t, addr, c.Addrs()[0])
		assert.Equal(t, "x", do(t, open(addr), "GET", k))
		c.Close()
		assert.Error(t, c.Readdress(0))
	}
}

func runID(t *testing.T, conn *resp.Conn) string {
	t.Helper()
	_, rest, ok := strings.Cut(do(t, conn, "INFO", "server"), "run_id:")
	require.True(t, ok)
	id, _, _ := strings.Cut(rest, "\r\n")
	return id
}
