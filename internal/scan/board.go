package scan

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/redisarrow/redisarrow/cluster"
)

// board hands out tasks: it joins what the ledger says of the slots with what
// the latest survey says of the masters. Workers come to it for their next task
// and say what has become of the last one.
//
//	surveyor ── survey ──► board ◄── spans ── pass
//	                        │  ▲               ▲
//	                        │  └── ledger      │
//	                        └────── task ── worker
type board struct {
	scan *Scan

	mu      sync.Mutex
	nodes   []*node
	latest  *survey
	changed chan struct{} // closed when there is something new

	clock    clock
	progress progress
	idle     int // how often nobody had anything to do, in a row
}

// progress is when the scan last came on: a slot was done, or there was a row.
type progress struct {
	moves int
	rows  int64
	since time.Time
}

func newBoard(s *Scan) *board { return &board{scan: s, changed: make(chan struct{})} }

// node is the node with an ID, made if need be; its address is the newest one.
// The lock is held.
func (b *board) node(id, addr string) *node {
	for _, n := range b.nodes {
		if n.id == id || n.id == "" && n.address() == addr {
			if n.id == "" {
				n.id = id // nobody reads it yet: without an ID a node gets no task
			}
			if n.address() != addr {
				n.moved(addr)
			}
			return n
		}
	}
	n := &node{id: id, addr: addr, duty: duty{share: b.scan.duty}}
	b.nodes = append(b.nodes, n)
	return n
}

// stats are the nodes' counters.
func (b *board) stats() []NodeStats {
	b.mu.Lock()
	defer b.mu.Unlock()
	stats := make([]NodeStats, len(b.nodes))
	for i, n := range b.nodes {
		stats[i] = n.stats()
	}
	return stats
}

func (b *board) rows() (rows int64) {
	for _, n := range b.nodes {
		rows += n.stats().Rows
	}
	return rows
}

// surveyed takes a survey in.
func (b *board) surveyed(s *survey) {
	b.scan.ledger.judge(s, b.scan.surveyor.begun())
	b.mu.Lock()
	defer b.mu.Unlock()
	b.latest = s
	b.notify()
}

func (b *board) notify() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// finished takes a task back; rows says whether anything came of it.
func (b *board) finished(t *task, fruitful bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clock.change(-1, 0)
	t.node.busy = false
	if t.peer != nil {
		t.peer.busy = false
	}
	if fruitful {
		t.node.failures.succeeded()
	} else {
		t.node.failures.failed()
	}
	b.notify()
}

// rests says that a pass rests, or that one doesn't any more.
func (b *board) rests(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clock.change(0, n)
}

// next gives a worker its next task. ok is false when the scan has ended, or
// can't go on.
func (b *board) next(ctx context.Context) (t task, ok bool, err error) {
	for {
		if ctx.Err() != nil {
			return t, false, ctx.Err()
		}
		b.mu.Lock()
		standing := b.scan.ledger.standing()
		if b.scan.limit.reached() || !standing.pending && !standing.reading && !standing.spanned {
			b.mu.Unlock()
			return t, false, nil
		}
		if t, ok = b.pick(); ok {
			b.idle = 0
			b.clock.change(1, 0)
			b.mu.Unlock()
			return t, true, nil
		}
		if b.stalled(standing) {
			b.mu.Unlock()
			b.scan.ledger.giveUp(errNoOwner)
			return t, false, nil
		}
		changed := b.changed
		pause := b.pause(standing)
		b.mu.Unlock()
		if err := b.wait(ctx, changed, standing, pause); err != nil {
			return t, false, err
		}
	}
}

// pause is how long to wait before another survey is worth asking for.
func (b *board) pause(standing standing) time.Duration {
	if b.latest == nil || standing.spanned && b.idle == 0 {
		b.idle = 1
		return 0
	}
	b.idle++
	return min(firstWait<<min(b.idle, 10), lastWait)
}

func (b *board) wait(ctx context.Context, changed <-chan struct{}, standing standing, pause time.Duration) error {
	if pause > 0 {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		select {
		case <-changed:
			return nil
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if !b.scan.inCluster || !standing.pending && !standing.spanned {
		return nil
	}
	b.scan.surveyor.want()
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stalled reports whether the scan hasn't come on for too long. What is being
// read still may. The lock is held.
func (b *board) stalled(standing standing) bool {
	now := progress{standing.moves, b.rows(), b.clock.now()}
	if b.progress.since.IsZero() || now.moves != b.progress.moves || now.rows != b.progress.rows || b.hopeful() {
		b.progress = now
		return false
	}
	return !standing.reading && b.late()
}

// late reports whether it is long since the scan came on. Then nothing is tried
// again any more, so that what is being tried comes to an end: several workers
// that fail in turns could go on for ever. The lock is held.
func (b *board) late() bool {
	return !b.progress.since.IsZero() && b.clock.now().Sub(b.progress.since) >= b.scan.stall
}

// hopeful reports whether a pass is under way that isn't a mere try: the first
// after a success, or one that has given rows; it may wait for its reader. The
// lock is held.
func (b *board) hopeful() bool {
	for _, n := range b.nodes {
		if n.busy && (n.failures.n == 0 || n.giving()) {
			return true
		}
	}
	return false
}

// pick claims slots for a task: those of the master that has failed least, of
// these the first. The lock is held.
func (b *board) pick() (best task, ok bool) {
	if !b.scan.inCluster {
		return b.pickSingle()
	}
	s := b.latest
	if s == nil {
		return best, false
	}
	b.suspect(s)
	if !s.conclusive() {
		return best, false
	}
	now := time.Now()
	for _, m := range s.members {
		b.node(m.id, m.addr)
	}
	for _, n := range b.nodes {
		m := s.members[n.id]
		if m == nil || !m.up || n.busy || n.failures.until.After(now) || n.failures.n > 0 && b.late() {
			continue
		}
		if ok && best.node.failures.n <= n.failures.n {
			continue
		}
		if t, found := b.taskOf(s, n, m, now); found {
			best, ok = t, true
		}
	}
	if !ok {
		return best, false
	}
	best.slots = b.scan.ledger.claim(best.slots, s.number)
	best.node.busy = true
	best.node.publish(Counters{}, float64(best.slots.Len()))
	if best.peer != nil {
		best.peer.busy = true
	}
	return best, true
}

// taskOf is what there is to be read of a node.
func (b *board) taskOf(s *survey, n *node, m *member, now time.Time) (t task, ok bool) {
	t = task{node: n, before: s, epoch: m.epoch}
	t.slots = b.scan.ledger.waiting(m.slots.Minus(m.marked()), s.number)
	if !t.slots.Empty() && b.scan.readFrom != ReadMaster {
		if r := b.replicaOf(m, now); r != nil {
			t.node, t.master = r, n
		} else if b.scan.readFrom == ReadReplica || b.replicaBusy(m) {
			b.scan.ledger.suspect(t.slots, atNode(m.addr, errNoReplica))
			t.slots = cluster.SlotSet{}
		}
	}
	if !t.slots.Empty() {
		n.asReplica(false)
		return t, true
	}
	if b.scan.strict {
		return t, false
	}
	for _, to := range m.targets() {
		other := s.members[to]
		if other == nil {
			continue
		}
		peer := b.node(to, other.addr)
		if peer.busy || peer.failures.until.After(now) {
			continue
		}
		if t.slots = b.scan.ledger.waiting(m.movingTo(to), s.number); !t.slots.Empty() {
			t.role, t.peer, t.peerEpoch = source, peer, other.epoch
			return t, true
		}
	}
	return t, false
}

// replicaOf is the replica from which a master's slots are read: the one that has
// failed least. nil if there is none that may be tried now.
func (b *board) replicaOf(m *member, now time.Time) (best *node) {
	for _, r := range m.replicas {
		n := b.node(r.id, r.addr)
		n.asReplica(true)
		switch {
		case n.busy || n.failures.until.After(now) || n.failures.n > 0 && b.late():
		case b.scan.readFrom == PreferReplica && n.failures.n >= replicaTries:
		case best == nil || n.failures.n < best.failures.n:
			best = n
		}
	}
	return best
}

// replicaTries is how often in a row reading from a replica may fail before its
// master is preferred.
const replicaTries = 2

// replicaBusy reports whether a replica is being read, or will be tried again soon.
func (b *board) replicaBusy(m *member) bool {
	for _, r := range m.replicas {
		if n := b.node(r.id, r.addr); n.busy || n.failures.n < replicaTries && n.failures.n > 0 {
			return true
		}
	}
	return false
}

// pickSingle is pick for a server that isn't in a cluster.
func (b *board) pickSingle() (t task, ok bool) {
	n := b.nodes[0]
	if n.busy || n.failures.until.After(time.Now()) {
		return t, false
	}
	t = task{node: n, slots: b.scan.ledger.claim(cluster.AllSlots(), b.scan.surveyor.begun()+1)}
	n.busy = !t.slots.Empty()
	n.publish(Counters{}, float64(t.slots.Len()))
	return t, n.busy
}

// suspect notes why slots can't be claimed by a survey.
func (b *board) suspect(s *survey) {
	l := b.scan.ledger
	if !s.conclusive() {
		l.suspect(cluster.AllSlots(), s.notAsked())
		return
	}
	l.suspect(s.unowned, errNoOwner)
	l.suspect(s.disputed, errDisputed)
	for id, addr := range s.dead {
		l.suspect(s.orphaned, fmt.Errorf("%w (node %s, %s)", errDead, id, addr))
	}
	for _, m := range s.members {
		if !m.up {
			l.suspect(m.slots, atNode(m.addr, errNodeDown))
		}
		if b.scan.strict {
			l.suspect(m.marked(), atNode(m.addr, errMigrating))
		}
	}
}
