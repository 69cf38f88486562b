package minicluster

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// newPipe makes a connection through memory: its two ends. Unlike net.Pipe's,
// but like a network's, it holds what was written until it is read: a client
// may write a pipeline to its end before the server has read any of it, and
// what the server has written before it closes can still be read.
func newPipe(addr net.Addr) (client, server net.Conn) {
	up, down := newStream(), newStream()
	return &pipeEnd{in: down, out: up, addr: addr}, &pipeEnd{in: up, out: down, addr: addr}
}

// pipeEnd is one end of a pipe. Writing never waits, so only reading has a
// deadline.
type pipeEnd struct {
	in, out *stream
	addr    net.Addr // for both ends
}

func (p *pipeEnd) Read(b []byte) (int, error)         { return p.in.read(b) }
func (p *pipeEnd) Write(b []byte) (int, error)        { return p.out.write(b) }
func (p *pipeEnd) LocalAddr() net.Addr                { return p.addr }
func (p *pipeEnd) RemoteAddr() net.Addr               { return p.addr }
func (p *pipeEnd) SetDeadline(t time.Time) error      { return p.SetReadDeadline(t) }
func (p *pipeEnd) SetReadDeadline(t time.Time) error  { p.in.setDeadline(t); return nil }
func (p *pipeEnd) SetWriteDeadline(_ time.Time) error { return nil }

func (p *pipeEnd) Close() error {
	p.in.leave()
	p.out.end()
	return nil
}

// stream is one direction of a pipe.
type stream struct {
	mu       sync.Mutex
	changed  sync.Cond
	data     []byte // written and not read
	ended    bool   // the writing end was closed
	left     bool   // the reading end was closed
	deadline time.Time
	timer    *time.Timer // wakes the reader at the deadline
}

func newStream() *stream {
	s := &stream{}
	s.changed.L = &s.mu
	return s
}

func (s *stream) read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.left:
			return 0, net.ErrClosed
		case !s.deadline.IsZero() && !time.Now().Before(s.deadline):
			return 0, os.ErrDeadlineExceeded
		case len(s.data) > 0:
			n := copy(b, s.data)
			s.data = s.data[n:]
			return n, nil
		case s.ended:
			return 0, io.EOF
		}
		s.changed.Wait()
	}
}

func (s *stream) write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended:
		return 0, net.ErrClosed
	case s.left:
		return 0, io.ErrClosedPipe
	}
	s.data = append(s.data, b...)
	s.changed.Broadcast()
	return len(b), nil
}

func (s *stream) setDeadline(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline = t
	if s.timer != nil {
		s.timer.Stop()
	}
	if !t.IsZero() && !s.left {
		s.timer = time.AfterFunc(time.Until(t), func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.changed.Broadcast()
		})
	}
	s.changed.Broadcast()
}

// end is the writer's close.
func (s *stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.changed.Broadcast()
}

// leave is the reader's close.
func (s *stream) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left, s.data = true, nil
	if s.timer != nil {
		s.timer.Stop()
	}
	s.changed.Broadcast()
}
