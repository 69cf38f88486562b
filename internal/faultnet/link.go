package faultnet

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// link is a connection that is carried.
type link struct {
	conn  Conn
	plan  Plan
	track tracker

	client, server net.Conn      // our ends; nil if it didn't come about
	gone           chan struct{} // closed when the client has closed, or all ends
	leaving        sync.Once
	state          atomic.Int32
	struck         atomic.Bool
}

// The states of a link.
const (
	carrying   int32 = iota
	swallowing       // what comes in is thrown away
)

// start carries the connection, with a goroutine for each direction.
func (l *link) start(client, server net.Conn, spawn func(func())) {
	l.client, l.server = client, server
	requests := newDirection(l, client, server, l.plan.Requests, &l.track.requests)
	requests.request = true
	replies := newDirection(l, server, client, l.plan.Replies, &l.track.replies)
	spawn(func() {
		_ = requests.carry() // however it ends
		l.end()              // the client has closed
	})
	spawn(func() {
		err := replies.carry()
		switch {
		case l.state.Load() != carrying:
		case errors.Is(err, io.EOF):
			l.hangUp()
		default:
			l.reset()
		}
	})
}

// leave wakes whoever waits for nothing but the client's end.
func (l *link) leave() { l.leaving.Do(func() { close(l.gone) }) }

// end closes everything.
func (l *link) end() {
	l.leave()
	if l.client != nil {
		_ = l.client.Close()
		_ = l.server.Close()
	}
}

// hangUp ends the stream to the client in order.
func (l *link) hangUp() {
	l.state.Store(swallowing)
	if c, ok := l.client.(*net.TCPConn); ok {
		_ = c.CloseWrite()
	}
	_ = l.server.Close()
}

// reset breaks the connection.
func (l *link) reset() {
	l.state.Store(swallowing)
	if c, ok := l.client.(*net.TCPConn); ok {
		_ = c.SetLinger(0)
	}
	l.end()
}

// sleep waits and reports whether the client is still there.
func (l *link) sleep(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.gone:
		return false
	}
}

func (l *link) record() Record {
	l.track.mu.Lock()
	defer l.track.mu.Unlock()
	return Record{
		Conn:     l.conn,
		Requests: append([]Message(nil), l.track.requests...),
		Replies:  append([]Message(nil), l.track.replies...),
		Struck:   l.struck.Load(),
	}
}

// clientConn is the client's end.
type clientConn struct {
	net.Conn
	link  *link
	sizes sizes
}

func newClientConn(conn net.Conn, l *link) *clientConn {
	return &clientConn{Conn: conn, link: l, sizes: newSizes(l.plan.Replies)}
}

// Read gives no more than a piece: what the system has put together comes
// apart again.
func (c *clientConn) Read(b []byte) (int, error) {
	return c.Conn.Read(b[:c.sizes.next(len(b))])
}

func (c *clientConn) Close() error {
	err := c.Conn.Close()
	c.link.leave()
	return err
}
