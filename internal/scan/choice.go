package scan

import "github.com/redisarrow/redisarrow/internal/enumeration"

// Listing keys by slot costs a Redis server less than SCAN does, but lists all keys
// of a slot, whatever their name and their type: those of another name cost their
// way over the network, and those of another type a command each. How many there
// are shows when some slots have been read; then the pass may go on with SCAN.
//
// Measured, in µs of a server's time for each key listed, one of nine or none of
// which is wanted: Redis 7.0 0.65 or 0.32 by slot, 0.90 or 0.54 by SCAN; Redis 8.0
// 0.59 or 0.35 by slot, 0.69 or 0.33 by SCAN. A key of another type costs some 0.7
// on top. Valkey's SCAN is as cheap as its lists.

const (
	// sampleKeys is how many keys are listed before it is seen whether they are
	// wanted.
	sampleKeys = 8000
	// wantedShare is the least share of wanted keys, one in so many, for which
	// slots are listed where SCAN goes slot by slot, too.
	wantedShare = 9
	// foreignShare is the largest share of keys of another type, one in so many,
	// for which they are; plainForeignShare is the same where there is only a SCAN
	// of all keys together, which costs more, and remembers all that it has given.
	foreignShare      = 6
	plainForeignShare = 2
	// rememberedShare is the part of the ledger's memory that such a SCAN may take,
	// by the estimate: one in so many.
	rememberedShare = 4
	// rememberedBytes is what a remembered key takes at most.
	rememberedBytes = 16
)

// sample is what has been listed by slot in a pass, and what it was good for.
type sample struct {
	listed int64 // keys
	wanted int64 // of them, by their names
	slots  int   // that have been listed
	over   bool  // it has been looked at
}

// saw takes note of a page.
func (s *sample) saw(listed, wanted, slots int) {
	s.listed += int64(listed)
	s.wanted += int64(wanted)
	s.slots += slots
}

// reconsider goes on with SCAN if that is better by what slots have shown.
// Nothing of the way may be under way.
func (p *pass) reconsider() {
	s := &p.sample
	if s.over || s.listed < sampleKeys {
		return
	}
	s.over = true
	if p.enumeration != KeysInSlot || p.scan.enumerate != AutoEnumerate || p.task.role != owner {
		return
	}
	better := PlainScan
	if p.start.order == enumeration.SlotOrder {
		better = SlotScan
	}
	if p.node.refuses(better) || !s.prefers(better, p.foreign(), p.left.Len(), p.scan.memory.most) {
		return
	}
	p.scan.log.Debug("few of the keys listed by slot are wanted", "node", p.addr, "listed", s.listed, "wanted", s.wanted, "way", better)
	p.node.prefer(better)
	p.take(better)
}

// foreign is the share of keys of another type among those whose value was asked
// for.
func (p *pass) foreign() float64 {
	asked := p.count.Rows + p.count.SkippedRows + p.count.Vanished + p.count.WrongType
	return float64(p.count.WrongType) / float64(max(asked, 1))
}

// prefers reports whether a SCAN is better than lists. foreign is the share of keys
// of another type among the wanted ones, left how many slots are still to be
// listed, memory what the ledger may take.
func (s *sample) prefers(way Enumeration, foreign float64, left int, memory int64) bool {
	others := foreign * float64(s.wanted) / float64(s.listed)
	if way == SlotScan {
		return s.wanted*wantedShare < s.listed || others*foreignShare > 1
	}
	remembered := (1 - foreign) * float64(s.wanted) / float64(max(s.slots, 1)) * float64(left) * rememberedBytes
	return others*plainForeignShare > 1 && remembered*rememberedShare < float64(memory)
}
