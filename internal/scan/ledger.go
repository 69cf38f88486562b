package scan

import (
	"fmt"
	"slices"
	"sync"

	"github.com/redisarrow/redisarrow/cluster"
)

// ledger holds what has become of each slot. The slot, not the node, is what is
// done or not done, because slots are what a cluster moves around:
//
//	          claim             read               judge
//	pending ─────────► reading ──────────► spanned ───────► done
//	 │    ▲               │                  │
//	 │    └───────────────┴──────────────────┘
//	 │            again: with a reason
//	 └──────────► lost, at the end, with the last reason
//
// A slot is claimed for one pass over its owner of the day; it is spanned when
// everything was enumerated and every key has its row; and a survey that begun
// after that says whether it is done (rule.go). If not, it is read again. What
// has been emitted of it stays in its set of keys until it is done, so that no
// key has two rows. A slot that is done is never read again, whoever gets it.
//
// Slots may also be given up: what is lost makes the scan incomplete.
//
// The ledger knows nothing of networks. Its methods may be called from any
// goroutine; the key sets belong to whoever has claimed their slots.
type ledger struct {
	mu      sync.Mutex
	pending cluster.SlotSet
	reading cluster.SlotSet
	done    cluster.SlotSet
	lost    cluster.SlotSet
	spans   []span
	fresh   [cluster.Slots]int // the first survey by which the slot may be claimed
	reasons []Reason           // of slots that were to be read again, and aren't done
	moves   int                // grows with everything that is settled: see progress
	reread  int64              // slots claimed that had been read before

	keys   [cluster.Slots]keySet
	memory *memory

	finished func(cluster.SlotSet) // told of slots that are done, may be nil; it must not block
}

func newLedger(wanted cluster.SlotSet, memory *memory) *ledger {
	return &ledger{pending: wanted, memory: memory}
}

// claim takes those of the slots that are pending and that may be claimed by
// what a survey says.
func (l *ledger) claim(slots cluster.SlotSet, survey int) (claimed cluster.SlotSet) {
	l.mu.Lock()
	defer l.mu.Unlock()
	claimed = l.claimable(slots, survey)
	l.pending = l.pending.Minus(claimed)
	l.reading = l.reading.Union(claimed)
	for _, r := range l.reasons {
		again := r.Slots.Intersect(claimed)
		l.reread += int64(again.Len())
	}
	return claimed
}

func (l *ledger) claimable(slots cluster.SlotSet, survey int) cluster.SlotSet {
	slots = slots.Intersect(l.pending)
	for _, r := range l.reasons {
		// Only a slot with a reason was ever refused.
		for slot := range r.Slots.Intersect(slots).All() {
			if l.fresh[slot] > survey {
				slots.Remove(slot)
			}
		}
	}
	return slots
}

// waiting are the slots that claim would give.
func (l *ledger) waiting(slots cluster.SlotSet, survey int) cluster.SlotSet {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.claimable(slots, survey)
}

// again puts slots that are being read back: they have to be read again, by the
// word of a survey that hasn't begun yet; latest is the last one that has.
func (l *ledger) again(slots cluster.SlotSet, reason error, latest int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refuse(slots.Intersect(l.reading), reason, latest)
}

func (l *ledger) refuse(slots cluster.SlotSet, reason error, latest int) {
	if slots.Empty() {
		return
	}
	l.reading = l.reading.Minus(slots)
	l.pending = l.pending.Union(slots)
	for slot := range slots.All() {
		l.fresh[slot] = latest + 1
	}
	l.blame(slots, reason)
}

// blame notes why slots aren't done: the last reason counts.
func (l *ledger) blame(slots cluster.SlotSet, reason error) {
	l.absolve(slots)
	text := reason.Error()
	for i := range l.reasons {
		if l.reasons[i].Err.Error() == text {
			l.reasons[i].Slots = l.reasons[i].Slots.Union(slots)
			return
		}
	}
	l.reasons = append(l.reasons, Reason{Slots: slots, Err: reason})
}

func (l *ledger) absolve(slots cluster.SlotSet) {
	kept := l.reasons[:0]
	for _, r := range l.reasons {
		if r.Slots = r.Slots.Minus(slots); !r.Slots.Empty() {
			kept = append(kept, r)
		}
	}
	clear(l.reasons[len(kept):])
	l.reasons = kept
}

// suspect notes why pending slots can't be claimed at the moment.
func (l *ledger) suspect(slots cluster.SlotSet, reason error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if slots = slots.Intersect(l.pending); !slots.Empty() {
		l.blame(slots, reason)
	}
}

// read says that everything in a span has been enumerated, and every key has
// its row. Slots that are to be read again already aren't in it any more.
func (l *ledger) read(sp span) {
	l.mu.Lock()
	defer l.mu.Unlock()
	sp.slots = sp.slots.Intersect(l.reading)
	if sp.slots.Empty() {
		return
	}
	l.reading = l.reading.Minus(sp.slots)
	for i := range l.spans {
		if o := &l.spans[i]; o.before == sp.before && o.owner == sp.owner && o.epoch == sp.epoch &&
			o.target == sp.target && o.targetEpoch == sp.targetEpoch && o.after == sp.after {
			o.slots = o.slots.Union(sp.slots)
			return
		}
	}
	l.spans = append(l.spans, sp)
}

// settle marks slots as done without a survey: those of a server that is alone.
func (l *ledger) settle(slots cluster.SlotSet) {
	l.mu.Lock()
	defer l.mu.Unlock()
	slots = slots.Intersect(l.reading)
	l.reading = l.reading.Minus(slots)
	l.finish(slots)
}

func (l *ledger) finish(slots cluster.SlotSet) {
	if slots.Empty() {
		return
	}
	l.done = l.done.Union(slots)
	l.absolve(slots)
	l.moves++
	if l.finished != nil {
		l.finished(slots)
	}
	for slot := range slots.All() {
		l.memory.recycle(&l.keys[slot])
	}
}

// judge applies the rule to what was read before the survey begun. latest is
// the last survey that has begun.
func (l *ledger) judge(s *survey, latest int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var waiting []span
	for _, sp := range l.spans {
		if s.number <= sp.after {
			waiting = append(waiting, sp)
			continue
		}
		v := sp.judge(s)
		for _, r := range v.again {
			l.refuse(r.Slots, r.Err, latest)
		}
		l.finish(v.done)
		if sp.slots = v.wait; !sp.slots.Empty() {
			l.blame(sp.slots, v.doubts)
			waiting = append(waiting, sp)
		}
	}
	l.spans = waiting
}

func (l *ledger) rereads() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reread
}

// standing is how far the scan has come.
type standing struct {
	pending, reading, spanned bool // whether there is any
	moves                     int  // grows when slots are done
}

func (l *ledger) standing() standing {
	l.mu.Lock()
	defer l.mu.Unlock()
	return standing{!l.pending.Empty(), !l.reading.Empty(), len(l.spans) > 0, l.moves}
}

// giveUp loses what isn't done, whatever its state. Slots without a reason of
// their own get this one.
func (l *ledger) giveUp(reason error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	slots := l.pending.Union(l.reading)
	for _, sp := range l.spans {
		slots = slots.Union(sp.slots)
	}
	var blamed cluster.SlotSet
	for _, r := range l.reasons {
		blamed = blamed.Union(r.Slots)
	}
	if unexplained := slots.Minus(blamed); !unexplained.Empty() {
		l.blame(unexplained, reason)
	}
	l.pending, l.reading, l.spans = cluster.SlotSet{}, cluster.SlotSet{}, nil
	l.lost = l.lost.Union(slots)
}

// lose gives up pending slots, for a reason that no waiting mends.
func (l *ledger) lose(slots cluster.SlotSet, reason error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if slots = slots.Intersect(l.pending); slots.Empty() {
		return
	}
	l.pending = l.pending.Minus(slots)
	l.lost = l.lost.Union(slots)
	l.blame(slots, reason)
}

// missing is the error for the slots that were lost, nil if there are none.
func (l *ledger) missing() *IncompleteError {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost.Empty() {
		return nil
	}
	return &IncompleteError{Slots: l.lost, Reasons: l.reasons}
}

// seen returns whether a key of a slot is known already, and remembers it.
func (l *ledger) seen(slot uint16, hash uint64) (known bool, err error) {
	keys := &l.keys[slot]
	if keys.list > 0 || keys.full() {
		if err := l.memory.grow(keys); err != nil {
			return false, fmt.Errorf("slot %d: %w", slot, err)
		}
	}
	return !keys.add(hash), nil
}

// unknown reports whether no key of a slot is known.
func (l *ledger) unknown(slot uint16) bool { return l.keys[slot].n == 0 }

// list makes the keys of a slot of which none is known a list for at most n.
func (l *ledger) list(slot uint16, from *block, n int) { l.memory.list(&l.keys[slot], from, n) }

// listed is seen for a key of a slot whose keys are taken in as a list. It is new
// unless it is suspected, see [sieve]: then the list is looked through.
func (l *ledger) listed(slot uint16, hash uint64, suspected bool) (known bool) {
	keys := &l.keys[slot]
	if suspected && slices.Contains(keys.table[:keys.n], hash) {
		return true
	}
	keys.append(hash)
	return false
}

// warm reads the places where keys of slots will be looked for first, and forget
// them: many sets are larger together than the processor's caches, and without
// branches in between it waits for the memory of many keys at once, and not of
// one after the other. Keys whose hash is noKey are left out: their slots may be
// another pass's.
//
// The sum is there so that the loop isn't optimized away.
func (l *ledger) warm(slots []uint16, hashes []uint64) (sum uint64) {
	for i, slot := range slots {
		if hashes[i] == noKey {
			continue
		}
		if keys := &l.keys[slot]; len(keys.table) > 0 {
			sum += keys.table[keys.place(hashes[i])]
		}
	}
	return sum
}

// forget takes back that a key is known: it has given no row.
func (l *ledger) forget(slot uint16, hash uint64) { l.keys[slot].remove(hash) }
