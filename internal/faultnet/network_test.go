package faultnet

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Without faults, bytes pass as they are, and are recorded by message.
func TestNoFaults(t *testing.T) {
	n, c := dial(t, Plan{})
	for i := range 3 {
		word := strings.Repeat("x", i)
		send(t, c, "ECHO", word)
		reply := fmt.Sprintf("$%d\r\n%s\r\n", i, word)
		assert.Equal(t, reply, receive(t, c, len(reply)))
	}
	send(t, c, "cluster", "nodes")
	assert.Equal(t, "+OK\r\n", receive(t, c, 5))
	send(t, c, "QUIT")
	_, err := c.Read(make([]byte, 1))
	require.Equal(t, io.EOF, err)
	require.NoError(t, c.Close())

	records := n.Records()
	require.Len(t, records, 1)
	assert.Equal(t, Record{
		Conn:     Conn{Node: records[0].Conn.Node},
		Requests: []Message{{"ECHO", 20}, {"ECHO", 21}, {"ECHO", 22}, {"CLUSTER NODES", 28}, {"QUIT", 14}},
		Replies:  []Message{{"ECHO", 6}, {"ECHO", 7}, {"ECHO", 8}, {"CLUSTER NODES", 5}},
	}, records[0])
	assert.EqualValues(t, 26, Bytes(records[0].Replies))
	n.Restart()
	assert.Empty(t, n.Records())
}

// What isn't RESP2 passes too, both ways.
func TestOtherProtocols(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err == nil {
			_, _ = io.Copy(c, c)
			_ = c.Close()
		}
	}()
	n := Start(t)
	c, err := n.Dial(testContext(t), "tcp", l.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	for _, text := range []string{"\x16\x03\x01\n", "$1\r\nxyz\n", strings.Repeat("\n", 100)} {
		_, err = io.WriteString(c, text)
		require.NoError(t, err)
		assert.Equal(t, text, receive(t, c, len(text)))
	}
}

func TestDial(t *testing.T) {
	n := Start(t)
	addr := server(t)
	var conns []Conn
	n.SetPlan(func(c Conn) Plan {
		conns = append(conns, c)
		return Plan{Dial: []Dial{Accepted, Refused, Unanswered}[c.N%3]}
	})
	c, err := n.Dial(testContext(t), "tcp", addr)
	require.NoError(t, err)
	defer c.Close()

	_, err = n.Dial(testContext(t), "tcp", addr)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = n.Dial(ctx, "tcp", addr)
	require.ErrorIs(t, err, context.DeadlineExceeded)

	// Nobody listens there: as without the network.
	_, err = n.Dial(testContext(t), "tcp", "127.0.0.1:1")
	require.ErrorIs(t, err, syscall.ECONNREFUSED)

	assert.Equal(t, []Conn{{addr, 0, 0}, {addr, 1, 1}, {addr, 2, 2}, {"127.0.0.1:1", 3, 0}}, conns)

	n.SetPlan(nil)
	c, err = n.Dial(testContext(t), "tcp", addr)
	require.NoError(t, err)
	n.Close()
	n.Close()
	_, err = c.Read(make([]byte, 1))
	require.Error(t, err)
	_ = c.Close()
	_, err = n.Dial(testContext(t), "tcp", addr)
	require.Error(t, err)
}

// Several at once get each their own server, and their own fault.
func TestManyConnections(t *testing.T) {
	n := Start(t)
	addr := server(t)
	n.SetPlan(func(c Conn) Plan { return Plan{Replies: Stream{Fault: Fault{Kind: Close, At: int64(c.N)}}} })
	var all sync.WaitGroup
	var mu sync.Mutex
	lengths := make(map[int]bool)
	for range 50 {
		all.Go(func() {
			c, err := n.Dial(testContext(t), "tcp", addr)
			if !assert.NoError(t, err) {
				return
			}
			defer c.Close()
			_, err = c.Write([]byte("*1\r\n$3\r\nBIG\r\n"))
			assert.NoError(t, err)
			b, err := io.ReadAll(c)
			assert.NoError(t, err)
			mu.Lock()
			defer mu.Unlock()
			lengths[len(b)] = true
		})
	}
	all.Wait()
	assert.Len(t, lengths, 50)
}
