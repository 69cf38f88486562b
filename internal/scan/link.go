package scan

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/resp"
)

// brokenError says that a connection can't be used any more. Whether that
// ends the scan is for the pass to find out.
type brokenError struct{ cause error }

func (e *brokenError) Error() string { return e.cause.Error() }
func (e *brokenError) Unwrap() error { return e.cause }

// lostError says that a pass has ended without its slots, for a reason that
// leaves the rest of the scan alone.
type lostError struct{ reason error }

func (e *lostError) Error() string { return e.reason.Error() }
func (e *lostError) Unwrap() error { return e.reason }

// link is our own connection to a node.
type link struct {
	conn *resp.Conn
	stop func() bool
}

// connect connects to a master of the scan and asks it about itself. Errors say
// which node, and which command. Another node than the one meant is an error:
// what it owns is not what is looked for.
func (s *Scan) connect(ctx context.Context, n *node) (link, state, error) {
	l, now, err := s.connectTo(ctx, n.addr, s.stall)
	if err == nil && n.id != "" && now.id != "" && now.id != n.id {
		l.close()
		err = wrongNode(n.addr, "it is node %s, not %s", now.id, n.id)
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
	now, err := readState(ctx, l.conn, addr, s.inCluster)
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
	return link{conn: conn, stop: conn.CloseWith(ctx)}, nil
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

// open makes the connection to the pass's master, reads its state and claims
// its slots. It tries until the master is up, or patience ends.
func (p *pass) open(ctx context.Context) error {
	for {
		err := p.tryOpen(ctx)
		if err == nil {
			p.patience.succeeded()
			return nil
		}
		if cluster.IsDenied(err) {
			return err
		}
		if err := p.wait(ctx, err); err != nil {
			return err
		}
		p.count.Retries++
	}
}

func (p *pass) tryOpen(ctx context.Context) error {
	l, now, err := p.scan.connect(ctx, p.node)
	if err != nil {
		return err
	}
	if !now.up {
		l.close()
		return errDown
	}
	p.link, p.start, p.order = l, now, now.order
	p.guard = newCursorGuard(now)
	if now.master {
		p.slots = p.scan.ledger.claim(now.owned)
	}
	return nil
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
		p.count.Retries++
		l, now, err := p.scan.connect(ctx, p.node)
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
			return &lostError{errNoRunID}
		case p.start.runID != now.runID:
			return &lostError{errRestarted}
		}
		p.rewind()
		return nil
	}
}

// rewind makes what was in flight on a lost connection be asked for again.
func (p *pass) rewind() {
	p.queue = p.queue[:0]
	p.sizer.lost()
	if p.progress == scanAsked {
		p.progress = scanIdle
	}
	for _, pg := range p.pages {
		pg.sent = pg.received
	}
}

// troubled looks at an error reply to a command that concerns the node as a
// whole. It returns nil, after a while, if the command may be tried again.
func (p *pass) troubled(ctx context.Context, command string, reply *resp.ReplyError) error {
	if transient(reply) {
		p.count.Retries++
		return p.wait(ctx, &cluster.NodeError{Addr: p.node.addr, Command: command, Err: reply})
	}
	if loggedOut(reply) && !p.loggedInAgain {
		p.loggedInAgain = true
		return &brokenError{reply}
	}
	return &cluster.NodeError{Addr: p.node.addr, Command: command, Err: reply}
}

// loggedOut reports whether a reply calls for another login, which is tried
// once before the scan ends: credentials may have been rotated, and new ones
// reach only new connections.
func loggedOut(reply *resp.ReplyError) bool { return reply.Code() == "NOAUTH" }

// succeeded ends a row of failures: something was received.
func (p *pass) succeeded() {
	p.patience.succeeded()
	p.loggedInAgain = false
}

// wait waits before the next try. When patience has ended, the pass is lost,
// because of cause.
func (p *pass) wait(ctx context.Context, cause error) error {
	err := p.patience.retry(ctx, cause)
	if err == nil || ctx.Err() != nil {
		return err
	}
	return &lostError{cause}
}
