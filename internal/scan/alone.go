package scan

import (
	"context"
	"errors"

	"github.com/redisarrow/redisarrow/cluster"
)

// A server that isn't in a cluster has no slots that could move: it is read by one
// SCAN, and a nil guard. What can happen to it is that another server takes its
// place, at the same address or, where Sentinels are asked, at another one. A cursor
// belongs to a process, so whatever is another process, or isn't known to be the same
// one, is read from the beginning; the ledger knows the keys that have their row. Two
// rules are left, for servers that have replicas:
//
//  1. What was a master when the scan began is read as a master only. One that
//     has been demoted and not replaced yet, as far as Sentinels or names go, is waited
//     for as for one that can't be reached.
//  2. Where the client's dialer knows alone where it leads ([cluster.Dialer.Floating]),
//     it is asked once more when all is read. If it leads to another process, that one
//     is read, too: the old one may have been cut off, and served old keys.
//
// A key that exists from start to end was in the old master when that was read, and is
// in the new one: a failover loses writes that the replica hadn't got, as ever.

var (
	errReplica  = errors.New("the server has become a replica, and it isn't known yet where its master is; wait until the failover is over, and scan again")
	errReplaced = errors.New("another server has become the master while it was read")
)

// sameRole makes sure that a master is still one, see above.
func (s *Scan) sameRole(addr string, now *state) error {
	switch {
	case s.inCluster:
	case now.role == "master":
		s.leads = true
	case now.role == "slave" && s.leads:
		return &cluster.NodeError{Addr: addr, Command: "INFO", Err: errReplica}
	}
	return nil
}

// performAlone reads a server that isn't in a cluster.
func (s *Scan) performAlone(ctx context.Context, t task, w *worker) error {
	var read cluster.SlotSet
	err := s.pass(ctx, t, w, func(slots cluster.SlotSet) { read = read.Union(slots) })
	if err != nil || read.Empty() {
		return err
	}
	switch err := s.stillThere(ctx, t.node); {
	case err == nil:
		s.ledger.settle(read)
		return nil
	case ctx.Err() != nil || cluster.IsDenied(err):
		return err
	default:
		s.log.Warn("the server is read again", "node", t.node.address(), "reason", err)
		s.ledger.again(read, atNode(t.node.address(), err), s.surveyor.begun())
		return nil
	}
}

// stillThere asks once more where the server is that was read.
func (s *Scan) stillThere(ctx context.Context, n *node) error {
	if !s.dialer.Floating() || !s.leads || n.runID == "" {
		return nil
	}
	patience := patience{limit: s.brief()}
	for {
		l, now, err := s.connect(ctx, n)
		if err == nil {
			l.close()
			if now.runID != n.runID {
				return errReplaced
			}
			return nil
		}
		if cluster.IsDenied(err) {
			return err
		}
		if err := patience.retry(ctx, err); err != nil {
			return err
		}
	}
}
