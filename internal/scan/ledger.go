package scan

import (
	"sync"

	"github.com/redisarrow/redisarrow/cluster"
)

// ledger holds what has become of each slot. The slot, not the node, is what
// is done or not done, because slots are what a cluster moves around:
//
//	         claim               settle
//	pending ───────► reading ───────────────► done
//	   │                │
//	   └──────┬─────────┘ lose
//	          ▼
//	        lost
//
// A slot is claimed once, by one pass over one master: a key that is moved to
// a master whose turn comes later has its row already. A slot that ends
// anywhere but in done makes the scan incomplete.
type ledger struct {
	mu      sync.Mutex
	wanted  cluster.SlotSet
	pending cluster.SlotSet
	done    cluster.SlotSet
	lost    cluster.SlotSet
	reasons []Reason
	told    map[string]int // where in reasons an error stands, by its text
}

func newLedger(wanted cluster.SlotSet) *ledger {
	return &ledger{wanted: wanted, pending: wanted}
}

// claim takes those of the slots that nobody has claimed yet.
func (l *ledger) claim(slots cluster.SlotSet) cluster.SlotSet {
	l.mu.Lock()
	defer l.mu.Unlock()
	claimed := slots.Intersect(l.pending)
	l.pending = l.pending.Minus(claimed)
	return claimed
}

// settle marks slots as done, except those that were lost meanwhile.
func (l *ledger) settle(slots cluster.SlotSet) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done = l.done.Union(slots.Minus(l.lost))
}

// lose marks slots, claimed or not, as not to be promised, and says why. The
// first reason counts.
func (l *ledger) lose(slots cluster.SlotSet, reason error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	slots = slots.Intersect(l.wanted).Minus(l.done).Minus(l.lost)
	if slots.Len() == 0 {
		return
	}
	l.pending = l.pending.Minus(slots)
	l.lost = l.lost.Union(slots)
	// The same trouble with many slots, one after the other, is one reason.
	text := reason.Error()
	if i, ok := l.told[text]; ok {
		l.reasons[i].Slots = l.reasons[i].Slots.Union(slots)
		return
	}
	if l.told == nil {
		l.told = make(map[string]int)
	}
	l.told[text] = len(l.reasons)
	l.reasons = append(l.reasons, Reason{Slots: slots, Err: reason})
}

// missingOwners is the error for the slots that were lost before the scan
// began, nil if there are none.
func (l *ledger) missingOwners() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost.Empty() {
		return nil
	}
	return &IncompleteError{Slots: l.lost, Reasons: l.reasons}
}

// missing is the error for the slots that aren't done, nil if there are none.
func (l *ledger) missing() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	slots := l.wanted.Minus(l.done)
	if slots.Len() == 0 {
		return nil
	}
	reasons := l.reasons
	if unclaimed := slots.Minus(l.lost); unclaimed.Len() > 0 {
		reasons = append(reasons[:len(reasons):len(reasons)], Reason{Slots: unclaimed, Err: errNoOwner})
	}
	return &IncompleteError{Slots: slots, Reasons: reasons}
}
