package faultnet

import (
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Exactly so many bytes arrive before the end, and what the client sends
// afterwards is no error of its own when the end was in order.
func TestCut(t *testing.T) {
	const replies = "+OK\r\n$3\r\nabc\r\n+OK\r\n"
	for at := range len(replies) + 1 {
		for kind, want := range map[Kind]error{Close: nil, Reset: syscall.ECONNRESET} {
			n, c := dial(t, Plan{Replies: Stream{Fault: Fault{Kind: kind, At: int64(at)}}})
			_, err := io.WriteString(c, "*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nECHO\r\n$3\r\nabc\r\n*1\r\n$4\r\nPING\r\n")
			if at > 0 { // else it may be over before that
				require.NoError(t, err)
			}
			b, err := io.ReadAll(c)
			require.ErrorIs(t, err, want, "kind %d at %d", kind, at)
			assert.Equal(t, replies[:at], string(b))
			assert.True(t, n.Records()[0].Struck)
			assert.EqualValues(t, at, Bytes(n.Records()[0].Replies))
		}
	}
}

// A fault is aimed at the reply to a command, or at the command.
func TestAim(t *testing.T) {
	for _, c := range []struct {
		fault Fault
		want  int // bytes of +OK, $2 ab, $3 abc, +OK that arrive
	}{
		{Fault{Command: "ECHO"}, 5},
		{Fault{Command: "ECHO", At: 1}, 6},
		{Fault{Command: "ECHO", Nth: 1}, 5 + 8},
		{Fault{Command: "ECHO", Nth: 1, At: 7}, 5 + 8 + 7},
		{Fault{Command: "ECHO", Nth: 1, At: 9}, 5 + 8 + 9},
		{Fault{Command: "ECHO", Nth: 1, At: 10}, 5 + 8 + 9 + 1},
		{Fault{Command: "CLUSTER INFO", Nth: 0, At: 2}, 5 + 8 + 9 + 2},
		{Fault{Command: "CLUSTER NODES"}, 5 + 8 + 9 + 5},
		{Fault{Command: "ECHO", Nth: 2}, 5 + 8 + 9 + 5},
	} {
		t.Run(fmt.Sprint(c.fault.Command, c.fault.Nth, " ", c.fault.At), func(t *testing.T) {
			c.fault.Kind = Close
			_, conn := dial(t, Plan{Replies: Stream{Fault: c.fault}})
			send(t, conn, "PING")
			send(t, conn, "ECHO", "ab")
			send(t, conn, "ECHO", "abc")
			send(t, conn, "CLUSTER", "INFO")
			send(t, conn, "QUIT")
			b, err := io.ReadAll(conn)
			require.NoError(t, err)
			assert.Len(t, b, c.want)
		})
	}
	// The server never gets the second ECHO whole.
	for at := range int64(14) {
		n, conn := dial(t, Plan{Requests: Stream{Fault: Fault{Kind: Close, Command: "ECHO", Nth: 1, At: at}}})
		send(t, conn, "ECHO", "ab")
		assert.Equal(t, "$2\r\nab\r\n", receive(t, conn, 8))
		send(t, conn, "ECHO", "ab")
		b, err := io.ReadAll(conn)
		require.NoError(t, err)
		assert.Empty(t, b)
		assert.Equal(t, 22+at, Bytes(n.Records()[0].Requests))
	}
}

// A peer that vanished: no reply, no end, and what is sent is taken; or, when
// buffers are full, not.
func TestHalfOpen(t *testing.T) {
	for _, kind := range []Kind{Silence, Freeze} {
		for _, way := range []string{"replies", "requests"} {
			t.Run(fmt.Sprint(kind, way), func(t *testing.T) {
				struck := 0
				fault := Fault{Kind: kind, Command: "ECHO", Nth: 1, At: 3, Struck: func() { struck++ }}
				plan := Plan{Narrow: true, Replies: Stream{Fault: fault}}
				if way == "requests" {
					plan = Plan{Narrow: true, Requests: Stream{Fault: fault}}
				}
				n, c := dial(t, plan)
				send(t, c, "ECHO", "a")
				assert.Equal(t, "$1\r\na\r\n", receive(t, c, 7))
				send(t, c, "ECHO", "b")
				if way == "replies" {
					assert.Equal(t, "$1\r", receive(t, c, 3))
				}
				silent(t, c)
				if kind == Silence || way == "requests" {
					send(t, c, "QUIT")
					silent(t, c)
				}
				stuck := kind == Freeze && way == "requests"
				if stuck {
					require.NoError(t, c.SetWriteDeadline(time.Now().Add(50*time.Millisecond)))
				}
				_, err := c.Write(make([]byte, 1<<20))
				if !stuck {
					require.NoError(t, err)
				} else {
					var timeout net.Error
					require.ErrorAs(t, err, &timeout)
					assert.True(t, timeout.Timeout())
				}
				require.NoError(t, c.Close())
				n.Close()
				assert.Equal(t, 1, struck)
			})
		}
	}
	// Accepted, and never answered.
	_, c := dial(t, Plan{Replies: Stream{Fault: Fault{Kind: Silence}}})
	send(t, c, "PING")
	silent(t, c)
}

func TestPause(t *testing.T) {
	begun := time.Now()
	_, c := dial(t, Plan{Replies: Stream{Fault: Fault{Kind: Pause, At: 2, For: 40 * time.Millisecond}}})
	send(t, c, "PING")
	assert.Equal(t, "+O", receive(t, c, 2))
	assert.Equal(t, "K\r\n", receive(t, c, 3))
	assert.GreaterOrEqual(t, time.Since(begun), 40*time.Millisecond)
}

func TestCorrupt(t *testing.T) {
	_, c := dial(t, Plan{Replies: Stream{Fault: Fault{Kind: Corrupt, At: 6, Mask: 0x0f}}})
	send(t, c, "PING")
	send(t, c, "ECHO", "abc")
	assert.Equal(t, "+OK\r\n$<\r\nabc\r\n", receive(t, c, 14))
}

func TestFlood(t *testing.T) {
	_, c := dial(t, Plan{Replies: Stream{Fault: Fault{Kind: Flood, Command: "ECHO", At: 4, Head: []byte("head"), Body: []byte("body")}}})
	send(t, c, "PING")
	send(t, c, "ECHO", "abc")
	assert.Equal(t, "+OK\r\n$3\r\nhead"+strings.Repeat("body", 100_000), receive(t, c, 13+400_000))
	send(t, c, "PING") // taken
	require.NoError(t, c.Close())

	_, c = dial(t, Plan{Replies: Stream{Fault: Fault{Kind: Flood, Body: []byte("x"), Every: time.Millisecond}}})
	begun := time.Now()
	assert.Equal(t, "xxxxxxxxxx", receive(t, c, 10))
	assert.GreaterOrEqual(t, time.Since(begun), 10*time.Millisecond)
}

// Pieces are never larger than planned, at either end.
func TestPieces(t *testing.T) {
	for _, random := range []bool{false, true} {
		var sizes [2][]int
		for try := range sizes {
			s := Stream{Piece: 7, Random: random, Seed: 3, Delay: time.Millisecond, Jitter: time.Millisecond}
			_, c := dial(t, Plan{Requests: s, Replies: s})
			send(t, c, "BIG")
			var got []byte
			b := make([]byte, 100)
			for len(got) < 1009 {
				n, err := c.Read(b)
				require.NoError(t, err)
				require.LessOrEqual(t, n, 7)
				got = append(got, b[:n]...)
				sizes[try] = append(sizes[try], n)
			}
			assert.Equal(t, "$1000\r\n"+strings.Repeat("x", 1000)+"\r\n", string(got))
		}
		assert.Contains(t, sizes[0], 7)
		assert.Equal(t, random, len(sizes[0]) > 250, "pieces of random sizes are more")
	}
	begun := time.Now()
	_, c := dial(t, Plan{Replies: Stream{Piece: 1, Pause: 2 * time.Millisecond}})
	send(t, c, "PING")
	assert.Equal(t, "+OK\r\n", receive(t, c, 5))
	assert.GreaterOrEqual(t, time.Since(begun), 8*time.Millisecond)
}
