package scan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/resp"
)

// brokenError says that a connection can't be used any more. Whether that
// ends the scan is for the pass to find out.
type brokenError struct{ cause error }

func (e *brokenError) Error() string { return e.cause.Error() }
func (e *brokenError) Unwrap() error { return e.cause }

// link is our own connection to a node.
type link struct {
	conn      *resp.Conn
	stop      func() bool
	roundTrip time.Duration // to the server and back, as the first questions took it
}

// connect connects to a master of the scan and asks it about itself. Errors say
// which node, and which command. Another node than the one meant is an error:
// what it owns is not what is looked for.
func (s *Scan) connect(ctx context.Context, n *node) (link, state, error) {
	addr := n.address()
	l, now, err := s.connectTo(ctx, addr, s.silence())
	if err == nil && n.id != "" && now.id != "" && now.id != n.id {
		l.close()
		err = wrongNode(addr, "it is node %s, not %s", now.id, n.id)
	}
	if err == nil {
		if err = s.sameRole(addr, &now); err != nil {
			l.close()
		}
	}
	if err != nil {
		return link{}, state{}, err
	}
	return l, now, nil
}

// connectTo connects to a server and asks it about itself.
func (s *Scan) connectTo(ctx context.Context, addr string, stall time.Duration) (link, state, error) {
	l, err := dial(ctx, s.dialer, addr, stall)
	if err != nil {
		return link{}, state{}, err
	}
	asked := time.Now()
	now, err := readState(ctx, l.conn, addr, s.inCluster)
	l.roundTrip = time.Since(asked)
	if s.bare {
		now.distrust()
	}
	if err == nil && now.noTouch {
		err = tell(ctx, l.conn, addr, "CLIENT", "NO-TOUCH", "ON")
	}
	if err != nil {
		l.close()
		return link{}, state{}, err
	}
	return l, now, nil
}

// connectFrom follows a redirect of the node that is in a state. A redirect
// names an address only; that it leads into the same cluster shows in that
// the nodes know each other, one of them at least.
func (s *Scan) connectFrom(ctx context.Context, from *state, addr string, stall time.Duration) (link, error) {
	l, now, err := s.connectTo(ctx, addr, stall)
	if err == nil && now.id != from.id && !slices.Contains(now.peers, from.id) && !slices.Contains(from.peers, now.id) {
		l.close()
		err = wrongNode(addr, "it is node %s of another cluster, which doesn't know node %s that redirects there", now.id, from.id)
	}
	return l, err
}

func wrongNode(addr, format string, args ...any) error {
	return &cluster.NodeError{Addr: addr, Command: "CLUSTER NODES", Err: fmt.Errorf("%w: "+format, append([]any{cluster.ErrWrongNode}, args...)...)}
}

// dial connects. The connection closes when ctx ends: that is what interrupts
// a read.
func dial(ctx context.Context, d *cluster.Dialer, addr string, stall time.Duration) (link, error) {
	dialCtx, cancel := context.WithTimeout(ctx, stall)
	defer cancel()
	nc, err := d.Dial(dialCtx, addr)
	if err != nil {
		return link{}, err
	}
	conn := resp.NewConn(nc)
	conn.SetTimeout(stall)
	conn.SetLimit(stall)
	l := link{conn: conn, stop: conn.CloseWith(ctx)}
	if !d.Named() {
		if err := tell(dialCtx, conn, addr, "CLIENT", "SETNAME", clientName); err != nil {
			l.close()
			return link{}, err
		}
	}
	return l, nil
}

// clientName is what our connections are called in CLIENT LIST, unless the
// caller's client gives its own a name.
const clientName = "redisarrow"

// tell sends what a server may refuse: it is read all the same.
func tell(ctx context.Context, conn *resp.Conn, addr string, command ...string) error {
	if _, err := conn.Pipeline(ctx, command); err != nil {
		return &cluster.NodeError{Addr: addr, Command: command[0] + " " + command[1], Err: err}
	}
	return nil
}

func (l *link) close() {
	if l.conn != nil {
		l.stop()
		_ = l.conn.Close()
		*l = link{}
	}
}

// transient reports whether an error reply may be another one soon.
func transient(reply *resp.ReplyError) bool {
	switch reply.Code() {
	case "TRYAGAIN", "LOADING", "CLUSTERDOWN", "MASTERDOWN", "BUSY":
		return true
	default:
		return false
	}
}

// open makes the connection to the pass's node, reads its state, and takes the
// slots of the task that are as the task has it.
func (p *pass) open(ctx context.Context) error {
	for {
		l, now, err := p.connect(ctx)
		if err == nil && !now.up {
			l.close()
			err = &cluster.NodeError{Addr: p.addr, Command: "CLUSTER INFO", Err: errDown}
		}
		if err == nil {
			p.patience.succeeded()
			p.link, p.start = l, now
			p.pager.roundTrip = l.roundTrip
			break
		}
		if cluster.IsDenied(err) {
			return err
		}
		if err := p.wait(ctx, err); err != nil {
			return err
		}
		p.retried(p.addr, err)
	}
	p.slots = p.task.slots
	if !p.scan.inCluster {
		p.node.isAlone(&p.start)
		return nil
	}
	p.guard = p.task.guard()
	if p.task.master != nil {
		return p.beginBeside(ctx)
	}
	if p.start.epoch != p.guard.epoch {
		return &endedError{atNode(p.addr, errEpoch)}
	}
	return nil
}

// connect connects to the pass's node.
func (p *pass) connect(ctx context.Context) (link, state, error) {
	l, now, err := p.scan.connect(ctx, p.node)
	if err != nil || p.task.master == nil {
		return l, now, err
	}
	reply, err := l.conn.Do(ctx, "READONLY")
	if err == nil {
		err = reply.Err()
	}
	if err != nil {
		l.close()
		return link{}, state{}, &cluster.NodeError{Addr: p.addr, Command: "READONLY", Err: err}
	}
	return l, now, nil
}

// reconnect makes the connection anew, to the same server process, and takes
// back what was in flight. A cursor belongs to a process: another one under
// the same address ends the pass.
func (p *pass) reconnect(ctx context.Context, cause error) error {
	for {
		p.link.close()
		if err := p.wait(ctx, cause); err != nil {
			return err
		}
		p.retried(p.addr, cause)
		l, now, err := p.connect(ctx)
		if err != nil {
			if cluster.IsDenied(err) {
				return err
			}
			cause = err
			continue
		}
		p.link = l
		switch {
		case p.start.runID == "":
			return &endedError{atNode(p.addr, errNoRunID)}
		case p.start.runID != now.runID:
			return &endedError{atNode(p.addr, errRestarted)}
		}
		p.rewind()
		return nil
	}
}

// rewind makes what was in flight on a lost connection be asked for again.
func (p *pass) rewind() {
	p.queue = p.queue[:0]
	p.sizer.lost()
	if p.asked {
		p.asked = false
		p.way.again()
	}
	for _, pg := range p.pages {
		pg.sent = pg.received
	}
}

// troubled looks at an error reply to a command that concerns the node as a
// whole. It returns nil, after a while, if the command may be tried again.
func (p *pass) troubled(ctx context.Context, command string, reply *resp.ReplyError) error {
	if transient(reply) {
		cause := &cluster.NodeError{Addr: p.addr, Command: command, Err: reply}
		p.retried(p.addr, cause)
		return p.wait(ctx, cause)
	}
	if loggedOut(reply) && !p.loggedInAgain {
		p.loggedInAgain = true
		return &brokenError{reply}
	}
	return &cluster.NodeError{Addr: p.addr, Command: command, Err: reply}
}

// loggedOut reports whether a reply calls for another login, which is tried
// once before the scan ends: credentials may have been rotated, and new ones
// reach only new connections.
func loggedOut(reply *resp.ReplyError) bool { return reply.Code() == "NOAUTH" }

// unknown reports whether a reply says that the server hasn't got a command.
func unknown(reply *resp.ReplyError) bool {
	return strings.HasPrefix(reply.Text, "ERR unknown ") || strings.HasPrefix(reply.Text, "ERR Unknown ") || reply.Unsupported()
}

// succeeded ends a row of failures: something was received.
func (p *pass) succeeded() {
	p.patience.succeeded()
	p.loggedInAgain = false
}

// wait waits before the next try. When patience has ended, the pass has, because
// of cause.
func (p *pass) wait(ctx context.Context, cause error) error {
	err := p.patience.retry(ctx, cause)
	if err == nil || ctx.Err() != nil {
		return err
	}
	return &endedError{atNode(p.addr, cause)}
}

// atNode adds the node to an error that doesn't name one.
func atNode(addr string, err error) error {
	if named := (*cluster.NodeError)(nil); errors.As(err, &named) {
		return err
	}
	return fmt.Errorf("node %s: %w", addr, err)
}
