package faultnet

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/redisarrow/redisarrow/internal/resp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server answers ECHO x with x as a bulk, BIG with 1000 x, QUIT with the end
// of the stream, and anything else with +OK, until the test ends.
func server(t *testing.T) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	accepted, done := make(chan net.Conn), make(chan struct{})
	go func() {
		defer close(accepted)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	go func() {
		defer close(done)
		var conns []net.Conn
		for c := range accepted {
			conns = append(conns, c)
			go answer(c)
		}
		for _, c := range conns {
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().String()
}

func answer(c net.Conn) {
	defer c.Close()
	r := resp.NewReader(c, 1024)
	var args [][]byte
	for {
		var err error
		if args, err = r.ReadCommand(args); err != nil {
			return
		}
		var out []byte
		switch string(args[0]) {
		case "ECHO":
			out = resp.AppendBulk(nil, args[1])
		case "BIG":
			out = resp.AppendBulkString(nil, strings.Repeat("x", 1000))
		case "QUIT":
			return
		default:
			out = resp.AppendSimple(nil, "OK")
		}
		if _, err := c.Write(out); err != nil {
			return
		}
	}
}

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// dial connects through a network with one plan for all connections.
func dial(t *testing.T, plan Plan) (*Network, net.Conn) {
	t.Helper()
	n := Start(t)
	n.SetPlan(func(Conn) Plan { return plan })
	c, err := n.Dial(testContext(t), "tcp", server(t))
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(10*time.Second)))
	return n, c
}

// send writes a command.
func send(t *testing.T, c net.Conn, args ...string) {
	t.Helper()
	_, err := c.Write(resp.AppendCommand(nil, args...))
	require.NoError(t, err)
}

// receive reads n bytes.
func receive(t *testing.T, c net.Conn, n int) string {
	t.Helper()
	b := make([]byte, n)
	_, err := io.ReadFull(c, b)
	require.NoError(t, err)
	return string(b)
}

// silent makes sure that nothing comes for a while.
func silent(t *testing.T, c net.Conn) {
	t.Helper()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(30*time.Millisecond)))
	n, err := c.Read(make([]byte, 1))
	require.Zero(t, n)
	var timeout net.Error
	require.ErrorAs(t, err, &timeout)
	require.True(t, timeout.Timeout())
}
