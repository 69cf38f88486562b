package resp

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pipe is a Conn and the peer's end of it.
func pipe(t *testing.T) (*Conn, net.Conn) {
	t.Helper()
	near, far := net.Pipe()
	c := NewConn(near)
	t.Cleanup(func() { _ = c.Close(); _ = far.Close() })
	return c, far
}

// answer reads one command and writes replies.
func answer(t *testing.T, far net.Conn, replies string) {
	t.Helper()
	go func() {
		if _, err := NewReader(far, 1024).ReadCommand(nil); err == nil {
			_, _ = far.Write([]byte(replies))
		}
	}()
}

func TestDo(t *testing.T) {
	c, far := pipe(t)
	answer(t, far, "$4\r\nPONG\r\n")
	v, err := c.Do(context.Background(), "PING")
	require.NoError(t, err)
	assert.Equal(t, "PONG", v.Text)

	answer(t, far, "-NOAUTH Authentication required.\r\n")
	_, err = c.Do(context.Background(), "PING")
	var reply *ReplyError
	require.ErrorAs(t, err, &reply)
	assert.Equal(t, "NOAUTH", reply.Code())

	answer(t, far, "+OK\r\n") // still usable
	_, err = c.Do(context.Background(), "PING")
	require.NoError(t, err)
}

func TestDoIsInterrupted(t *testing.T) {
	c, far := pipe(t)
	answer(t, far, "$4\r\nPO") // and never the rest
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(20*time.Millisecond, cancel)
	_, err := c.Do(ctx, "PING")
	require.ErrorIs(t, err, context.Canceled)
}

// An answer that trickles makes progress, and still takes too long.
func TestTrickle(t *testing.T) {
	c, far := pipe(t)
	c.SetTimeout(10 * time.Second)
	c.SetLimit(50 * time.Millisecond)
	trickle := func() {
		for range 1000 {
			if _, err := far.Write([]byte("x")); err != nil {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	answer(t, far, "$1000\r\n")
	time.AfterFunc(10*time.Millisecond, trickle)
	_, err := c.Do(context.Background(), "PING")
	require.ErrorIs(t, err, ErrStalled)
	require.ErrorContains(t, err, "50ms")
}

// A write may take longer than the timeout, as long as some of it goes.
func TestSlowWrite(t *testing.T) {
	c, far := pipe(t)
	c.SetTimeout(40 * time.Millisecond)
	read := make(chan int)
	go func() {
		n := 0
		for b := make([]byte, 1); n < 20; n++ {
			time.Sleep(5 * time.Millisecond)
			if _, err := far.Read(b); err != nil {
				break
			}
		}
		read <- n
	}()
	n, err := c.Write(make([]byte, 20))
	require.NoError(t, err)
	require.Equal(t, 20, n)
	require.Equal(t, 20, <-read)
}

func TestStall(t *testing.T) {
	c, far := pipe(t)
	c.SetTimeout(30 * time.Millisecond)
	answer(t, far, "$4\r\nPO")
	_, err := c.Do(context.Background(), "PING")
	require.ErrorIs(t, err, ErrStalled)

	d, _ := pipe(t) // nobody reads: the write stalls
	d.SetTimeout(30 * time.Millisecond)
	_, err = d.Do(context.Background(), "PING")
	require.ErrorIs(t, err, ErrStalled)
}
