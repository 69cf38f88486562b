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
	slots   cluster.SlotSet // still to be listed
	perSlot int             // about how many keys a slot has, 0 if nothing is known
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

// ask asks for no more keys than come before the next slot that isn't to be
// listed, more or less: SCAN goes on into that.
func (w *slotScan) ask(out []byte) []byte {
	w.most = 0
	here := uint16(w.cursor % cluster.Slots)
	switch {
	case w.perSlot == 0 && w.guard.owned() != w.slots:
		w.most = firstPage // it shows how many keys a slot has
	case w.perSlot > 0:
		for stop := range w.guard.owned().Minus(w.slots).All() {
			if stop < here {
				continue
			}
			run := between(here, stop).Intersect(w.slots)
			w.most = min(w.perSlot*run.Len()*9/8+headroom, maxKeys)
			break
		}
	}
	return w.walk.ask(out)
}

// between are the slots from one on, up to another one, which isn't among them.
func between(first, stop uint16) (s cluster.SlotSet) {
	if first < stop {
		s.AddRange(cluster.SlotRange{First: first, Last: stop - 1})
	}
	return s
}

// estimate takes note of how many slots a page went through.
func (w *slotScan) estimate(first, stop uint16) {
	here := w.guard.owned().Union(w.slots)
	passed := between(first, stop).Intersect(here)
	if n := passed.Len(); n > 0 {
		w.perSlot = w.pager.asked/n + 1
	} else {
		w.perSlot = min(w.perSlot+w.pager.asked, largeSlot)
	}
}

func (w *slotScan) receive(r *resp.Reader, pg *page) (pc piece, err error) {
	next, safe, err := w.read(r, pg)
	if err != nil {
		return pc, err
	}
	first, last := uint16(w.cursor%cluster.Slots), uint16(cluster.Slots-1)
	if next != 0 {
		last = uint16(next % cluster.Slots)
		w.estimate(first, last)
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
