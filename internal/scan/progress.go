package scan

import (
	"math/bits"

	"github.com/redisarrow/redisarrow/cluster"
)

// progress is about the share of the scan that has been done, from 0 to 1. Keys
// are spread over slots by a hash, so it goes by slots, whatever the pattern; and
// where a SCAN goes through a node as a whole, by the place that its cursor has
// come to. With a limit of rows it may be nearer to its end by those.
//
// Where slots are read one after the other, those before the next one count, and no
// others that are done: the empty ones are seen at once, and where keys have
// hash tags they may be nearly all.
func (s *Scan) progress() float64 {
	left := s.ledger.unclaimed() + s.board.ahead()
	done := 1.0
	if s.wanted > 0 {
		done = 1 - left/float64(s.wanted)
	}
	return min(max(done, s.limit.share(), 0), 1)
}

// unclaimed is how many slots are to be read and aren't being read.
func (l *ledger) unclaimed() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return float64(l.pending.Len())
}

// ahead is how many slots the passes under way have before them.
func (b *board) ahead() (slots float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range b.nodes {
		slots += n.left()
	}
	return slots
}

// share is the part of the rows that are there already.
func (l *limit) share() float64 {
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return 1 - float64(l.free+l.pending)/float64(l.all)
}

// ahead is how many of its slots the pass has before it.
func (p *pass) ahead() float64 {
	slots := &p.task.slots
	if p.large {
		slots = &p.left
	}
	switch w := p.way.(type) {
	case *plainScan:
		return float64(slots.Len()) * (1 - w.passed())
	case *slotScan:
		if w.over {
			return 0
		}
		return float64(countFrom(slots, uint16(w.cursor%cluster.Slots)))
	case *keysInSlot:
		return w.ahead(slots)
	case *clusterScan:
		return w.ahead(slots)
	default:
		return float64(slots.Len())
	}
}

func (q *slotQueue) ahead(slots *cluster.SlotSet) float64 {
	if q.ended() {
		return 0
	}
	return float64(countFrom(slots, q.next[0].slot))
}

// countFrom is how many slots there are from one on.
func countFrom(slots *cluster.SlotSet, first uint16) (n int) {
	const word = 64
	for i := int(first / word); i < len(slots); i++ {
		n += bits.OnesCount64(slots[i])
	}
	return n - bits.OnesCount64(slots[first/word]&(1<<(first%word)-1))
}

// passed is the share of the node that the cursor has passed; 0 where it doesn't
// tell.
func (w *plainScan) passed() float64 {
	switch {
	case w.over:
		return 1
	case !w.check.monotone:
		return 0
	}
	table, place := w.check.place(w.cursor)
	share := float64(place) / (1 << 64)
	if w.check.order == slotOrder {
		share = (float64(table) + share) / cluster.Slots
	}
	return share
}
