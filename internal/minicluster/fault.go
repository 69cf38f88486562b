package minicluster

import "time"

// FaultFunc is asked before each command; nil means that nothing is wrong.
// node is the node's number, conn the connection's (as CLIENT ID has it), and
// args the command as it came, valid during the call only. It is called without
// any lock, by the goroutine of that connection: it may call the cluster's
// methods, and must itself be safe for concurrent use.
type FaultFunc func(node, conn int, args [][]byte) *Fault

// Fault is what goes wrong with one command. Its fields may be combined; they
// take effect in the order in which they stand here. Replies to earlier
// commands of the same pipeline go out first.
type Fault struct {
	// Before runs before the command is executed: to delete the key between
	// SCAN and fetch, say.
	Before func()
	// Stall waits until the channel is closed, and Delay for that long, or
	// until the connection is closed at either end.
	Stall <-chan struct{}
	Delay time.Duration
	// Error replies with this error (without the leading -), Raw with these
	// bytes, instead of executing the command. Raw wins; an empty Raw that
	// isn't nil replies nothing at all. An error between MULTI and EXEC has EXEC
	// discard the transaction, as an error of the server's own.
	Error string
	Raw   []byte
	// Edit changes the reply's bytes, which it may keep or alter.
	Edit func(reply []byte) []byte
	// Trickle sends the reply byte by byte, with this pause between two.
	Trickle time.Duration
	// Close closes the connection, CloseBytes says where for CloseWithin.
	Close      Close
	CloseBytes int
	// After runs when the reply was handed to the network, and the connection
	// closed if it is to be: what it changes, the client sees afterwards.
	After func()
}

// Close says when a Fault closes the connection.
type Close int

const (
	// CloseNever leaves it open.
	CloseNever Close = iota
	// CloseBefore closes it before the command is executed.
	CloseBefore
	// CloseWithin closes it after CloseBytes bytes of the reply.
	CloseWithin
	// CloseAfter closes it after the reply.
	CloseAfter
)

// SetFault sets who is asked before each command, in place of the one before;
// nil means nobody. Commands that are being executed are not affected.
func (c *Cluster) SetFault(f FaultFunc) {
	if f == nil {
		c.fault.Store(nil)
		return
	}
	c.fault.Store(&f)
}

func (c *Cluster) faultFor(s *session, args [][]byte) *Fault {
	if f := c.fault.Load(); f != nil {
		return (*f)(s.node.index, s.id, args)
	}
	return nil
}
