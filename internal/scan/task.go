package scan

import (
	"context"
	"errors"
	"time"

	"github.com/redisarrow/redisarrow/cluster"
)

// task is slots of one master that a worker has claimed.
type task struct {
	node   *node
	master *node // if the node is a replica: whose; else nil
	role   role
	slots  cluster.SlotSet
	before *survey // by whose word they were claimed
	epoch  uint64  // the node's in it

	// For slots with an open migration: the other end.
	peer      *node
	peerEpoch uint64
}

// guard is the guard of the task's enumeration.
func (t *task) guard() *guard {
	g := &guard{id: t.ownerID(), epoch: t.epoch, role: t.role}
	switch t.role {
	case source:
		g.target = t.peer.id
	case target:
		g.source = t.peer.id
	}
	return g
}

// ownerID is the ID of the master whose slots are read.
func (t *task) ownerID() string {
	if t.master != nil {
		return t.master.id
	}
	return t.node.id
}

// span is what has been read when all keys of slots have given their rows.
func (t *task) span(slots cluster.SlotSet, begun int) span {
	sp := span{slots: slots, before: t.before, after: begun, owner: t.ownerID(), epoch: t.epoch}
	if t.role == target { // the second half: the node is the target
		sp.owner, sp.epoch = t.peer.id, t.peerEpoch
		sp.target, sp.targetEpoch = t.node.id, t.epoch
	}
	return sp
}

// other is the task for the other half of an open migration.
func (t *task) other(slots cluster.SlotSet) task {
	return task{node: t.peer, role: target, slots: slots, before: t.before, epoch: t.peerEpoch, peer: t.node, peerEpoch: t.epoch}
}

// perform reads the slots of a task: from their owner, or with an open migration
// from its source and then from its target. What can't be read now is put back.
// An error ends the whole scan.
func (s *Scan) perform(ctx context.Context, t task, w *worker) error {
	if !s.inCluster {
		return s.performAlone(ctx, t, w)
	}
	if t.role == owner {
		return s.pass(ctx, t, w, func(slots cluster.SlotSet) {
			s.ledger.read(t.span(slots, s.surveyor.begun()))
			s.surveyor.due()
		})
	}
	var half cluster.SlotSet
	if err := s.pass(ctx, t, w, func(slots cluster.SlotSet) { half = half.Union(slots) }); err != nil || half.Empty() {
		return err
	}
	second := t.other(half)
	return s.pass(ctx, second, w, func(slots cluster.SlotSet) {
		s.ledger.read(second.span(slots, s.surveyor.begun()))
	})
}

// pass makes one pass over a node. Slots that it was to read and that settled is
// not told of are pending again.
func (s *Scan) pass(ctx context.Context, t task, w *worker, settled func(cluster.SlotSet)) error {
	p := &pass{
		scan: s, node: t.node, task: t, held: t.slots, decoder: w.decoder, settled: settled,
		sizer: newSizer(s.inFlight, w.value), pager: newPager(s.count, s.farCount), patience: patience{limit: s.brief()},
		buffers: w.buffers, told: telling{begun: time.Now()},
	}
	p.pager.perKey = w.key
	p.pager.keys = max(p.pager.keys, w.page)
	if s.gentle() {
		p.sizer.most = dutyKeys / 2
	}
	defer func() {
		w.buffers, w.value, w.key, w.page = p.buffers, p.sizer.perKey, p.pager.perKey, p.pager.keys
		p.publish()
		p.node.ended()
		p.link.close()
		p.beside.link.close()
		p.follower.close()
	}()
	s.log.Debug("reading slots", "node", t.node.address(), "slots", t.slots.Len())
	err := p.run(ctx)
	p.abandon()
	cause, reason := err, errUnread
	if ended := (*endedError)(nil); errors.As(err, &ended) {
		cause, reason, err = ended.reason, ended.reason, nil
		s.log.Warn("a pass has ended early", "node", t.node.address(), "reason", reason)
	}
	if err == nil && !s.limit.reached() {
		p.giveBack(p.held, reason)
	}
	p.toldAll(cause)
	return err
}

// errUnread is why slots are read again that a pass has left, though nothing went
// wrong: it isn't to be seen.
var errUnread = errors.New("the slot was not read to its end")
