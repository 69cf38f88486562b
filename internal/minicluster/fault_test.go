package minicluster

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/resp"
)

// on is a fault for every command of that name.
func on(name string, f *Fault) FaultFunc {
	return func(_, _ int, args [][]byte) *Fault {
		if strings.EqualFold(string(args[0]), name) {
			return f
		}
		return nil
	}
}

// exchange sends a pipeline and returns all bytes that come back until the
// connection ends, or until want were read.
func exchange(t *testing.T, c *Cluster, want int, cmds ...[]string) string {
	t.Helper()
	nc, err := net.Dial("tcp", c.Addrs()[0])
	require.NoError(t, err)
	defer nc.Close()
	require.NoError(t, nc.SetDeadline(time.Now().Add(10*time.Second)))
	var b []byte
	for _, cmd := range cmds {
		b = resp.AppendCommand(b, cmd...)
	}
	_, err = nc.Write(b)
	require.NoError(t, err)
	if want == 0 {
		got, _ := io.ReadAll(nc)
		return string(got)
	}
	got := make([]byte, want)
	_, err = io.ReadFull(nc, got)
	require.NoError(t, err)
	return string(got)
}

func TestFaultReplies(t *testing.T) {
	c := start(t, Config{Masters: 1, Fault: on("GET", &Fault{Error: "LOADING Redis is loading the dataset in memory"})})
	c.SetString("a", "hello")
	conn := dial(t, c, 0)
	assert.Equal(t, "LOADING Redis is loading the dataset in memory", do(t, conn, "GET", "a"))
	assert.Equal(t, "5", do(t, conn, "STRLEN", "a"))
	c.SetFault(on("GET", &Fault{Raw: []byte("$3\r\nraw\r\n")}))
	assert.Equal(t, "raw", do(t, conn, "GET", "a"))
	c.SetFault(on("GET", &Fault{Edit: func(b []byte) []byte { return []byte(strings.ToUpper(string(b))) }}))
	assert.Equal(t, "HELLO", do(t, conn, "GET", "a"))
	c.SetFault(nil)
	assert.Equal(t, "hello", do(t, conn, "GET", "a"))
}

// Acceptance J, row 1: deleted between SCAN and fetch.
func TestFaultBefore(t *testing.T) {
	c := start(t, Config{Masters: 1})
	c.SetHash("h", "f", "v")
	c.SetFault(on("HGETALL", &Fault{Before: func() { c.Delete("h") }}))
	conn := dial(t, c, 0)
	assert.Equal(t, "[0 [h]]", do(t, conn, "SCAN", "0"))
	assert.Equal(t, "[]", do(t, conn, "HGETALL", "h"))
}

func TestFaultAfter(t *testing.T) {
	c := start(t, Config{Masters: 1})
	c.SetString("a", "1")
	done := make(chan struct{})
	c.SetFault(on("GET", &Fault{After: func() {
		c.SetFault(nil)
		c.SetString("a", "2")
		close(done)
	}}))
	conn := dial(t, c, 0)
	assert.Equal(t, "1", do(t, conn, "GET", "a"))
	<-done
	assert.Equal(t, "2", do(t, conn, "GET", "a"))
}

func TestFaultClose(t *testing.T) {
	const reply = "$5\r\nhello\r\n"
	for name, tc := range map[string]struct {
		fault Fault
		want  string
	}{
		"before":         {Fault{Close: CloseBefore}, "+PONG\r\n"},
		"after no byte":  {Fault{Close: CloseWithin}, "+PONG\r\n"},
		"after 7 bytes":  {Fault{Close: CloseWithin, CloseBytes: 7}, "+PONG\r\n" + reply[:7]},
		"after too many": {Fault{Close: CloseWithin, CloseBytes: 700}, "+PONG\r\n" + reply},
		"after":          {Fault{Close: CloseAfter}, "+PONG\r\n" + reply},
		"after an error": {Fault{Close: CloseAfter, Error: "ERR bye"}, "+PONG\r\n-ERR bye\r\n"},
		"trickled":       {Fault{Close: CloseWithin, CloseBytes: 7, Trickle: time.Microsecond}, "+PONG\r\n" + reply[:7]},
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t, Config{Masters: 1, Fault: on("GET", &tc.fault)})
			c.SetString("a", "hello")
			assert.Equal(t, tc.want, exchange(t, c, 0, []string{"PING"}, []string{"GET", "a"}, []string{"PING"}))
			assert.Equal(t, 1, c.Count(0, "PING"), "what comes after is not executed")
			assert.Equal(t, "PONG", do(t, dial(t, c, 0), "PING"), "the process lives on")
		})
	}
}

// A reply cut off belongs to a command that was executed; one closed before was not.
func TestFaultCloseExecutes(t *testing.T) {
	for closing, want := range map[Close]string{CloseBefore: "1", CloseWithin: "2", CloseAfter: "2"} {
		c := start(t, Config{Masters: 1, Fault: on("INCR", &Fault{Close: closing})})
		c.SetString("n", "1")
		exchange(t, c, 0, []string{"INCR", "n"})
		assert.Equal(t, want, do(t, dial(t, c, 0), "GET", "n"))
	}
}

func TestFaultTrickle(t *testing.T) {
	c := start(t, Config{Masters: 1, Fault: on("GET", &Fault{Trickle: time.Microsecond})})
	c.SetString("a", "hello")
	nc, err := net.Dial("tcp", c.Addrs()[0])
	require.NoError(t, err)
	defer nc.Close()
	_, err = nc.Write(resp.AppendCommand(resp.AppendCommand(nil, "GET", "a"), "PING"))
	require.NoError(t, err)
	var got []byte
	for r := bufio.NewReaderSize(nc, 16); !strings.HasSuffix(string(got), "+PONG\r\n"); {
		b, err := r.ReadByte()
		require.NoError(t, err)
		got = append(got, b)
	}
	assert.Equal(t, "$5\r\nhello\r\n+PONG\r\n", string(got))
}

func TestFaultStall(t *testing.T) {
	release, reached := make(chan struct{}), make(chan struct{}, 8)
	c := start(t, Config{Masters: 1, Fault: on("GET", &Fault{Stall: release, Before: func() { reached <- struct{}{} }})})
	c.SetString("a", "hello")

	// Replies before it come; it and what follows wait until it is released.
	nc, err := net.Dial("tcp", c.Addrs()[0])
	require.NoError(t, err)
	defer nc.Close()
	conn := resp.NewConn(nc)
	_, err = nc.Write(resp.AppendCommand(resp.AppendCommand(nil, "PING"), "GET", "a"))
	require.NoError(t, err)
	v, err := conn.ReadValue()
	require.NoError(t, err)
	assert.Equal(t, "PONG", v.Text)
	<-reached
	_, err = nc.Write(resp.AppendCommand(nil, "STRLEN", "a")) // taken up later
	require.NoError(t, err)
	assert.Equal(t, "PONG", do(t, dial(t, c, 0), "PING"), "others are served")
	assert.Zero(t, c.Count(0, "STRLEN"))
	close(release)
	v, err = conn.ReadValue()
	require.NoError(t, err)
	assert.Equal(t, "hello", v.Text)
	v, err = conn.ReadValue()
	require.NoError(t, err)
	assert.EqualValues(t, 5, v.Int)
}

// A stalled session notices that its client has gone, or that the node stops.
func TestFaultStallEnds(t *testing.T) {
	for _, how := range []string{"client", "drop", "kill"} {
		reached, ended := make(chan struct{}), make(chan struct{})
		var before atomic.Int32
		c := start(t, Config{Masters: 1, Fault: func(int, int, [][]byte) *Fault {
			if before.Add(1) > 1 {
				return nil
			}
			return &Fault{Stall: make(chan struct{}), Before: func() { close(reached) }}
		}})
		nc, err := net.Dial("tcp", c.Addrs()[0])
		require.NoError(t, err)
		_, err = nc.Write(resp.AppendCommand(nil, "PING"))
		require.NoError(t, err)
		<-reached
		switch how {
		case "client":
			nc.Close()
		case "drop":
			c.DropConnections(0)
		case "kill":
			c.Kill(0)
		}
		go func() {
			defer close(ended)
			for {
				c.mu.Lock()
				n := len(c.nodes[0].sessions)
				c.mu.Unlock()
				if n == 0 {
					return
				}
				time.Sleep(time.Millisecond)
			}
		}()
		<-ended
		nc.Close()
		c.Close() // waits for the session
	}
}

func TestFaultDelay(t *testing.T) {
	c := start(t, Config{Masters: 1, Fault: on("PING", &Fault{Delay: 20 * time.Millisecond})})
	conn := dial(t, c, 0)
	begin := time.Now()
	assert.Equal(t, "PONG", do(t, conn, "PING"))
	assert.GreaterOrEqual(t, time.Since(begin), 20*time.Millisecond)
	assert.Equal(t, "OK", do(t, conn, "CLIENT", "SETNAME", "x"), "the connection is as good as before")
}

func TestFaultKnowsWhere(t *testing.T) {
	var got atomic.Value
	c := start(t, Config{Fault: func(node, conn int, args [][]byte) *Fault {
		got.Store(fmt.Sprintf("%d %d %s", node, conn, args))
		return nil
	}})
	conn := dial(t, c, 2)
	id := do(t, conn, "CLIENT", "ID")
	assert.Equal(t, "2 "+id+" [CLIENT ID]", got.Load())
}

// A client may write a whole pipeline before it reads the first reply.
func TestRepliesWithoutLimit(t *testing.T) {
	c := start(t, Config{Masters: 1})
	c.SetString("big", strings.Repeat("x", 1<<20))
	const n = 64
	nc, err := net.Dial("tcp", c.Addrs()[0])
	require.NoError(t, err)
	defer nc.Close()
	require.NoError(t, nc.SetDeadline(time.Now().Add(30*time.Second)))
	filler := strings.Repeat("y", 1<<20)
	for range n {
		_, err = nc.Write(resp.AppendCommand(resp.AppendCommand(nil, "GET", "big"), "ECHO", filler))
		require.NoError(t, err)
	}
	r := resp.NewReader(nc, 1<<16)
	for range n {
		for _, first := range []byte{'x', 'y'} {
			h, err := r.ReadHeader()
			require.NoError(t, err)
			require.EqualValues(t, 1<<20, h.N)
			b, err := r.ReadBulk(h.N)
			require.NoError(t, err)
			require.Equal(t, first, b[0])
		}
	}
}

// An error in a transaction spoils it, whoever made it up.
func TestFaultInTransaction(t *testing.T) {
	c := start(t, Config{Masters: 1})
	c.SetString("a", "1")
	conn := dial(t, c, 0)
	transaction := func(fault FaultFunc) string {
		t.Helper()
		c.SetFault(fault)
		v, err := conn.Pipeline(testContext(t), []string{"MULTI"}, []string{"CLUSTER", "NODES"}, []string{"GET", "a"}, []string{"EXEC"})
		require.NoError(t, err)
		c.SetFault(nil)
		return show(v[2]) + "; " + show(v[3])
	}
	const aborted = "; EXECABORT Transaction discarded because of previous errors."
	denied := &Fault{Error: "NOPERM no"}
	assert.Equal(t, "QUEUED"+aborted, transaction(on("CLUSTER", denied)))
	assert.Equal(t, "NOPERM no"+aborted, transaction(on("GET", denied)))
	assert.Equal(t, "ERR raw"+aborted, transaction(on("GET", &Fault{Raw: []byte("-ERR raw\r\n")})))
	assert.Equal(t, "1; ERR EXEC without MULTI", transaction(on("MULTI", denied)))
	assert.Equal(t, "QUEUED; NOPERM no", transaction(on("EXEC", denied)))
	assert.Equal(t, "1", do(t, conn, "GET", "a"), "EXEC has ended the transaction")
	assert.Contains(t, transaction(nil), " 1]")
}
