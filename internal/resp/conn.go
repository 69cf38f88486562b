package resp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// readBuffer is large enough for some hundred small replies a system call,
// and small enough for hundreds of connections.
const readBuffer = 64 << 10

// ErrStalled is wrapped by the error of a read or a write that made no
// progress for as long as [Conn.SetTimeout] allows.
var ErrStalled = errors.New("resp: the peer made no progress")

// Conn is a network connection with a [Reader] on it. One goroutine may use
// it at a time; Close may be called from any.
type Conn struct {
	*Reader
	nc      net.Conn
	timeout time.Duration
	limit   time.Duration
	waited  time.Duration
	out     []byte
}

// NewConn takes nc over: closing the Conn closes it.
func NewConn(nc net.Conn) *Conn {
	c := &Conn{nc: nc}
	c.Reader = NewReader((*connSource)(c), readBuffer)
	return c
}

// SetTimeout sets how long a single read or write may go without progress;
// 0 means for ever. It fails then with [ErrStalled].
func (c *Conn) SetTimeout(d time.Duration) { c.timeout = d }

// SetLimit sets how long Do and Pipeline may take, whose answers are small,
// even if there is progress; 0 means as long as there is. They fail then with
// [ErrStalled].
func (c *Conn) SetLimit(d time.Duration) { c.limit = d }

// Waited is how long reads and writes have taken so far, all together: how long
// the peer, and the way to it, were waited for.
func (c *Conn) Waited() time.Duration { return c.waited }

// Close closes the connection; a read or write in flight fails at once.
func (c *Conn) Close() error { return c.nc.Close() }

// CloseWith closes the connection as soon as ctx ends, which interrupts
// whatever it is doing. stop ends the watch.
//
// It closes, rather than moving the deadline: what comes back after an
// interrupted read could not be told from the answer to the next command.
func (c *Conn) CloseWith(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() { _ = c.nc.Close() })
}

// Write sends commands.
func (c *Conn) Write(b []byte) (written int, err error) {
	begun := time.Now()
	defer func() { c.waited += time.Since(begun) }()
	for {
		if c.timeout > 0 {
			if err := c.nc.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {
				return written, err
			}
		}
		n, err := c.nc.Write(b[written:])
		written += n
		if n > 0 && written < len(b) && errors.Is(err, os.ErrDeadlineExceeded) {
			continue // slow, but not at a standstill
		}
		return written, c.stalled(err)
	}
}

// connSource is the Conn as the Reader's source: each read has its own
// deadline, so that a reply may take as long as it likes while bytes arrive.
type connSource Conn

func (s *connSource) Read(b []byte) (int, error) {
	c := (*Conn)(s)
	begun := time.Now()
	if c.timeout > 0 {
		if err := c.nc.SetReadDeadline(begun.Add(c.timeout)); err != nil {
			return 0, err
		}
	}
	n, err := c.nc.Read(b)
	c.waited += time.Since(begun)
	return n, c.stalled(err)
}

func (c *Conn) stalled(err error) error {
	if err != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("%w for %v: %w", ErrStalled, c.timeout, err)
	}
	return err
}

// Do sends one command and reads its reply; nothing else may be in flight.
// An error reply comes back as a [*ReplyError] beside the value, and leaves
// the connection usable; after any other error it must be closed. When ctx
// ends, the connection is closed and ctx's error returned.
func (c *Conn) Do(ctx context.Context, args ...string) (Value, error) {
	values, err := c.Pipeline(ctx, args)
	if err != nil {
		return Value{}, err
	}
	return values[0], values[0].Err()
}

// Pipeline sends commands in one write and reads their replies. Error replies
// are values here. None may take more than [MaxAnswer]. Otherwise as [Conn.Do].
func (c *Conn) Pipeline(ctx context.Context, commands ...[]string) (values []Value, err error) {
	if c.limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.limit, fmt.Errorf("%w fast enough to answer within %v", ErrStalled, c.limit))
		defer cancel()
	}
	stop := c.CloseWith(ctx)
	defer func() {
		if !stop() && err == nil {
			err = ctx.Err()
		}
		if err != nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
	}()
	c.out = c.out[:0]
	for _, args := range commands {
		c.out = AppendCommand(c.out, args...)
	}
	if _, err := c.Write(c.out); err != nil {
		return nil, err
	}
	values = make([]Value, len(commands))
	for i := range values {
		if values[i], err = c.ReadValueWithin(MaxAnswer); err != nil {
			return nil, err
		}
	}
	return values, nil
}
