package minicluster

import (
	"context"
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Nobody who wants just any port gets the one of a node that is down, and nobody
// answers there.
func TestPortOfDeadNode(t *testing.T) {
	c := start(t, Config{})
	addr := c.Addrs()[1]
	for range 2 {
		c.Kill(1)
		_, err := anyPortOf(t, c.nodes[1].port)
		require.ErrorIs(t, err, syscall.EADDRINUSE)
		_, err = net.Dial("tcp4", addr)
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		require.NoError(t, c.Restart(1))
		assert.Equal(t, addr, c.Addrs()[1])
		nc, err := net.Dial("tcp4", addr)
		require.NoError(t, err)
		require.NoError(t, nc.Close())
	}
	c.Kill(1)
	c.Close()
	ln, err := anyPortOf(t, c.nodes[1].port)
	require.NoError(t, err, "it is free again")
	require.NoError(t, ln.Close())
}

// anyPortOf listens on whichever port of the system's choice, where it may
// choose among one only.
func anyPortOf(t *testing.T, port int) (net.Listener, error) {
	t.Helper()
	const ipLocalPortRange = 51 // IP_LOCAL_PORT_RANGE, since Linux 6.3
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var failed error
		err := c.Control(func(fd uintptr) {
			failed = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, ipLocalPortRange, port<<16|port)
		})
		if err == nil && failed != nil {
			t.Skip("the range of ports can't be set: ", failed)
		}
		return err
	}}
	return config.Listen(context.Background(), "tcp4", "127.0.0.1:0")
}
