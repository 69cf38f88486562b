package iterator

import (
	"sync"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/scan"
)

// mark is what a checkpoint remembers of a row: its key's slot, and the hash by
// which the scan knows the key.
type mark struct {
	slot uint16
	hash uint64
}

// batchID is a batch of one of the builders, counted from 1.
type batchID struct{ builder, number int }

// marks are a builder's marks of the batch under way.
type marks struct {
	scan    *scan.Scan
	builder int
	number  int // of the batch under way
	rows    []mark

	// last is in which batch a slot's last row is, 0 if there is none. A builder
	// writes a slot's only while its worker has the slot, and it is read when the
	// slot is done: the scan's ledger is between the two.
	last [cluster.Slots]int32
}

func newMarks(s *scan.Scan, builder int) *marks { return &marks{scan: s, builder: builder, number: 1} }

func (m *marks) add(key []byte) {
	slot, hash := m.scan.Mark(key)
	m.rows = append(m.rows, mark{slot, hash})
	m.last[slot] = int32(m.number)
}

// take ends the batch under way.
func (m *marks) take() ([]mark, []batchID) {
	rows := m.rows
	m.rows = make([]mark, 0, len(rows))
	m.number++
	return rows, []batchID{{m.builder, m.number - 1}}
}

// account is what has been handed out, slot by slot, so that a checkpoint can be
// taken after any batch. The scan is ahead of it: it has read rows that are in no
// batch yet, or in one that nobody has taken. So a slot counts as handed out when
// the scan is done with it and the last batch that has a row of it is out; until
// then the keys of its rows that are out are remembered.
type account struct {
	builders []*marks

	mu      sync.Mutex // the scan tells of slots that are done while batches are taken
	out     []int      // the last batch of each builder that is out
	done    cluster.SlotSet
	waiting map[uint16][]batchID    // of slots that the scan is done with: batches that aren't out
	keys    [cluster.Slots][]uint64 // of rows that are out, of slots that aren't in done
}

func newAccount() *account { return &account{waiting: map[uint16][]batchID{}} }

// builder makes the marks for one more builder.
func (a *account) builder(s *scan.Scan) *marks {
	m := newMarks(s, len(a.builders))
	a.builders, a.out = append(a.builders, m), append(a.out, 0)
	return m
}

// finished takes note of slots that the scan is done with.
func (a *account) finished(slots cluster.SlotSet) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for slot := range slots.All() {
		var open []batchID
		for i, m := range a.builders {
			if last := int(m.last[slot]); last > a.out[i] {
				open = append(open, batchID{i, last})
			}
		}
		if len(open) > 0 {
			a.waiting[slot] = open
		} else {
			a.close(slot)
		}
	}
}

func (a *account) close(slot uint16) {
	a.done.Add(slot)
	a.keys[slot] = nil
	delete(a.waiting, slot)
}

// handed takes note of a batch that is out.
func (a *account) handed(b *block) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, m := range b.marked {
		a.keys[m.slot] = append(a.keys[m.slot], m.hash)
	}
	if len(b.ends) == 0 {
		return
	}
	for _, id := range b.ends {
		a.out[id.builder] = id.number
	}
	for slot, open := range a.waiting {
		kept := open[:0]
		for _, id := range open {
			if id.number > a.out[id.builder] {
				kept = append(kept, id)
			}
		}
		if a.waiting[slot] = kept; len(kept) == 0 {
			a.close(slot)
		}
	}
}
