package minicluster

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// patience is how long the session's goroutine itself waits for a client that
// doesn't read, before it leaves the rest to another one.
const patience = 20 * time.Millisecond

// output is a connection's replies. Like a Redis server it takes any amount of
// them, whether or not the client reads: a client may write a pipeline to its
// end before it reads the first reply.
type output struct {
	nc      net.Conn
	async   bool   // never write from the session's goroutine
	pending []byte // appended to by the session

	mu       sync.Mutex
	idle     sync.Cond
	rest     []byte // what flush could not write
	draining bool
	err      error
}

func newOutput(nc net.Conn) *output {
	// A TLS connection is of no use after a write that timed out.
	_, isTLS := nc.(*tls.Conn)
	o := &output{nc: nc, async: isTLS}
	o.idle.L = &o.mu
	return o
}

// flush hands the pending replies to the network, or to a goroutine started
// with spawn that writes them when the client reads.
func (o *output) flush(spawn func(func())) {
	if len(o.pending) == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.err != nil:
	case o.draining:
		o.rest = append(o.rest, o.pending...)
	default:
		o.write(spawn)
	}
	if o.pending = o.pending[:0]; cap(o.pending) > 1<<20 {
		o.pending = nil // a large value came by; most replies are small
	}
}

func (o *output) write(spawn func(func())) {
	n := 0
	if !o.async {
		var err error
		_ = o.nc.SetWriteDeadline(time.Now().Add(patience))
		n, err = o.nc.Write(o.pending)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			o.err = err
			return
		}
		_ = o.nc.SetWriteDeadline(time.Time{})
	}
	o.rest = append(o.rest, o.pending[n:]...)
	o.draining = true
	spawn(o.drain)
}

func (o *output) drain() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.rest) > 0 && o.err == nil {
		chunk := o.rest
		o.rest = nil
		o.mu.Unlock()
		_, err := o.nc.Write(chunk)
		o.mu.Lock()
		o.err = err
	}
	o.draining = false
	o.idle.Broadcast()
}

// wait returns when everything flushed was written, or can't be any more.
func (o *output) wait() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.draining {
		o.idle.Wait()
	}
}
