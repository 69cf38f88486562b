package scan

import (
	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/resp"
)

// slotScan is SCAN on a server with a table for each slot: the low 14 bits of a
// cursor are its slot, the slots come in ascending order, and a slot's own
// number is the cursor of its beginning (kvstoreScan of the servers' kvstore.c).
// That is the servers' own affair and no promise of theirs, so it is looked at
// on every page: a key from elsewhere than where the cursor has been ends this
// way of reading the node.
type slotScan struct {
	walk
	slots cluster.SlotSet // still to be listed
}

func newSlotScan(s *Scan, g *guard, pages *pager, slots cluster.SlotSet, start *state) *slotScan {
	w := &slotScan{walk: newWalk(s, g, pages, start), slots: slots}
	w.jump(0)
	return w
}

// jump goes on at the first slot to be listed that isn't below from.
func (w *slotScan) jump(from uint16) {
	for slot := range w.slots.All() {
		if slot >= from {
			w.cursor = uint64(slot)
			return
		}
	}
	w.over = true
}

func (w *slotScan) receive(r *resp.Reader, pg *page) (pc piece, err error) {
	next, safe, err := w.read(r, pg)
	if err != nil {
		return pc, err
	}
	first, last := uint16(w.cursor%cluster.Slots), uint16(cluster.Slots-1)
	if next != 0 {
		last = uint16(next % cluster.Slots)
		if err := w.check.check(w.cursor, next, w.pager.asked, false); err != nil {
			return pc, err
		}
	}
	for i := range pg.len() {
		if slot := cluster.Slot(pg.key(i)); slot < first || slot > last {
			return pc, errOrder
		}
	}
	var passed cluster.SlotSet // listed, or begun to be
	passed.AddRange(cluster.SlotRange{First: first, Last: last})
	passed = passed.Intersect(w.slots)
	if unsafe := passed.Minus(safe); !unsafe.Empty() {
		pc.doubts = w.guard.reasons(unsafe)
		w.slots, passed = w.slots.Minus(unsafe), passed.Minus(unsafe)
	}
	if next != 0 {
		passed.Remove(last)
	}
	pc.done = passed
	w.slots = w.slots.Minus(passed)
	switch {
	case next == 0:
		w.over = true
	case w.slots.Has(last):
		w.cursor = next
	default:
		w.jump(last)
	}
	return pc, nil
}
