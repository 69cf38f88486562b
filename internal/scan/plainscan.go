package scan

import (
	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/resp"
)

// plainScan is SCAN of a whole node, of whose cursor nothing is known: its slots
// are all done at its end, and the guard's word counts for each of them on every
// page.
type plainScan struct {
	walk
	slots cluster.SlotSet
	from  uint64 // the cursor of the last page
}

func newPlainScan(s *Scan, g *guard, pages *pager, slots cluster.SlotSet, start *state) *plainScan {
	return &plainScan{walk: newWalk(s, g, pages, start), slots: slots}
}

func (w *plainScan) receive(r *resp.Reader, pg *page) (pc piece, err error) {
	next, safe, err := w.read(r, pg)
	if err != nil {
		return pc, err
	}
	if unsafe := w.slots.Minus(safe); !unsafe.Empty() {
		pc.doubts = w.guard.reasons(unsafe)
		w.slots = w.slots.Minus(unsafe)
	}
	if next == 0 || w.slots.Empty() {
		w.over = true
		pc.done = w.slots
		return pc, nil
	}
	if w.check.monotone {
		err = w.check.check(w.cursor, next, w.pager.asked, false)
	}
	w.from, w.cursor = w.cursor, next
	return pc, err
}

// filtered takes note of whether a page had a key that was new: of cursors of
// unknown make nothing else tells that the scan goes on.
func (w *plainScan) filtered(fresh bool) error {
	if w.check.monotone || w.over {
		return nil
	}
	return w.check.check(w.from, w.cursor, w.pager.asked, fresh)
}
