package minicluster

import (
	"bytes"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"github.com/redisarrow/redisarrow/internal/resp"
)

const (
	inputSize = 64 << 10
	// outputSize is how many bytes of replies may gather before they are
	// written although there is more input.
	outputSize = 256 << 10
)

// session is one connection: what Redis calls a client.
type session struct {
	node   *node
	c      *Cluster
	id     int
	nc     net.Conn
	in     *resp.Reader
	out    *output
	closed chan struct{}
	once   sync.Once

	stash   []byte // input read while a fault held the session up
	drained bool   // the next read starts a batch
	batch   int

	user     string // "default" or one of Config.Users
	authed   bool
	name     string
	db       int
	readonly bool
	asking   bool
	multi    bool
	dirty    bool // the transaction can't be executed
	queue    []queued
	quit     bool

	keys [][]byte // scratch for the keys of a command
}

// queued is a command between MULTI and EXEC.
type queued struct {
	cmd  *command
	args [][]byte
}

func newSession(n *node, nc net.Conn) *session {
	s := &session{
		node: n, c: n.c, nc: nc, id: int(n.c.lastConn.Add(1)),
		out: newOutput(nc), closed: make(chan struct{}),
		user: "default", authed: n.c.cfg.Password == "",
	}
	s.in = resp.NewReader(s, inputSize)
	return s
}

// close ends the session from any goroutine.
func (s *session) close() {
	s.once.Do(func() {
		close(s.closed)
		s.nc.Close()
	})
}

func (s *session) serve() {
	defer func() {
		s.close()
		s.c.mu.Lock()
		delete(s.node.sessions, s)
		s.c.mu.Unlock()
	}()
	var args [][]byte
	for !s.quit {
		s.drained = s.in.Buffered() == 0
		var err error
		if args, err = s.in.ReadCommand(args); err != nil {
			s.refuse(err)
			return
		}
		if !s.handle(args) {
			return
		}
		if len(s.out.pending) > outputSize {
			s.flush()
		}
	}
	s.flush()
	s.out.wait()
}

// refuse tells a client that doesn't speak the protocol.
func (s *session) refuse(err error) {
	var protocol *resp.ProtocolError
	if errors.As(err, &protocol) {
		s.out.pending = resp.AppendError(s.out.pending, "ERR Protocol error: "+protocol.Reason)
		s.flush()
		s.out.wait()
	}
}

func (s *session) flush() { s.out.flush(s.c.wg.Go) }

// Read is the input of the session's reader. It is called when the reader has
// used up what it had: the moment to send the replies that have gathered.
func (s *session) Read(p []byte) (int, error) {
	if len(s.stash) > 0 {
		n := copy(p, s.stash)
		s.stash = s.stash[n:]
		return n, nil
	}
	if s.drained {
		s.drained = false
		if n, err := s.gather(p); n > 0 || err != nil {
			return n, err
		}
		s.batch++
	}
	s.flush()
	return s.nc.Read(p)
}

// gather waits a little for input that belongs to the batch which was worked
// off, but not answered yet.
func (s *session) gather(p []byte) (int, error) {
	if s.c.cfg.Gather <= 0 || len(s.out.pending) == 0 {
		return 0, nil
	}
	_ = s.nc.SetReadDeadline(time.Now().Add(s.c.cfg.Gather))
	n, err := s.nc.Read(p)
	_ = s.nc.SetReadDeadline(time.Time{})
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	return n, err
}

// handle takes one command up and returns whether the session goes on.
func (s *session) handle(args [][]byte) bool {
	cmd, name := s.c.find(args[0])
	s.c.wire.add(s, name, args)
	fault := s.c.faultFor(s, args)
	if fault == nil {
		s.execute(cmd, args)
		return true
	}
	s.flush()
	if fault.Before != nil {
		fault.Before()
	}
	if !s.hold(fault.Stall, fault.Delay) {
		return false
	}
	if fault.Close == CloseBefore {
		s.out.wait()
		s.close()
	} else {
		switch {
		case fault.Raw != nil:
			s.out.pending = append(s.out.pending, fault.Raw...)
			if bytes.HasPrefix(fault.Raw, []byte{'-'}) {
				s.mishap(cmd)
			}
		case fault.Error != "":
			s.out.pending = resp.AppendError(s.out.pending, fault.Error)
			s.mishap(cmd)
		default:
			s.execute(cmd, args)
		}
		s.deliver(fault)
	}
	if fault.After != nil {
		fault.After()
	}
	return fault.Close == CloseNever
}

// deliver sends the reply, all that is pending, as a fault wants it.
func (s *session) deliver(f *Fault) {
	if f.Edit != nil {
		s.out.pending = f.Edit(s.out.pending)
	}
	reply := s.out.pending
	if f.Close == CloseWithin {
		reply = reply[:min(max(f.CloseBytes, 0), len(reply))]
	}
	if f.Trickle > 0 {
		for i := range reply {
			s.out.pending = reply[i : i+1 : i+1]
			s.flush()
			if !s.hold(nil, f.Trickle) {
				break
			}
		}
		s.out.pending = nil
	} else {
		s.out.pending = reply
		s.flush()
	}
	if f.Close != CloseNever {
		s.out.wait()
		s.close()
	}
}

// hold waits for stall and then for d. It returns false when the connection
// was closed meanwhile, at whichever end; input is kept for later.
func (s *session) hold(stall <-chan struct{}, d time.Duration) bool {
	if stall == nil && d <= 0 {
		return true
	}
	done := make(chan struct{})
	var interrupted sync.WaitGroup
	interrupted.Go(func() {
		if stall != nil {
			select {
			case <-stall:
			case <-s.closed:
			case <-done:
			}
		}
		if d > 0 {
			timer := time.NewTimer(d)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-s.closed:
			case <-done:
			}
		}
		_ = s.nc.SetReadDeadline(time.Unix(1, 0)) // wakes the Read below
	})
	err := s.keepInput()
	close(done)
	interrupted.Wait()
	_ = s.nc.SetReadDeadline(time.Time{})
	return errors.Is(err, os.ErrDeadlineExceeded)
}

// keepInput stashes what comes in until the connection ends or its read
// deadline passes.
func (s *session) keepInput() error {
	chunk := make([]byte, 4096)
	for {
		n, err := s.nc.Read(chunk)
		s.stash = append(s.stash, chunk[:n]...)
		if err != nil {
			return err
		}
	}
}
