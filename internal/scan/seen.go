package scan

import (
	"math/bits"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/zeebo/xxh3"
)

// seen remembers the keys that a pass has met and may meet again: a SCAN of a
// table that shrinks meanwhile returns keys twice. It holds 64-bit seeded
// hashes in one open-addressed table. Two keys with the same hash would be
// taken for one: among n remembered keys that has a chance of n²/2⁶⁵, which
// for ten million is some 10⁻⁶.
type seen struct {
	seed  uint64
	table []uint64 // 0 marks a free place
	n     int
	sink  uint64 // see warm
}

// The table is at most 4/5 full, and grows by a quarter: it may well be the
// largest thing that a scan holds.
const minTable = 1024

// hash is what add takes for a key.
func (s *seen) hash(key []byte) uint64 {
	if h := xxh3.HashSeed(key, s.seed); h != 0 {
		return h
	}
	return 1
}

// place is where a hash is looked for first: the hash, as a fraction of its
// range, of the table (so that its size needn't be a power of two).
func (s *seen) place(h uint64) uint64 {
	place, _ := bits.Mul64(h, uint64(len(s.table)))
	return place
}

// add reports whether a hash is new.
func (s *seen) add(h uint64) bool {
	if s.n >= len(s.table)/5*4 {
		s.grow()
	}
	for i := s.place(h); ; i++ {
		if i == uint64(len(s.table)) {
			i = 0
		}
		switch s.table[i] {
		case h:
			return false
		case 0:
			s.table[i] = h
			s.n++
			return true
		}
	}
}

// warm reads the places where adding hashes will look first. The table is
// larger than the processor's caches: without branches in between, it waits
// for the memory of many keys at once, and not of one after the other. Adding
// a key took some 110 ns without it, and takes some 50.
func (s *seen) warm(hashes []uint64) {
	if len(s.table) == 0 {
		return
	}
	sum := uint64(0)
	for _, h := range hashes {
		sum += s.table[s.place(h)]
	}
	s.sink = sum // so that the loop isn't optimized away
}

func (s *seen) grow() {
	old := s.table
	s.table, s.n = make([]uint64, max(minTable, len(old)+len(old)/4)), 0
	for _, h := range old {
		if h != 0 {
			s.add(h)
		}
	}
}

// reset forgets everything. A table that was hardly filled is let go: it is
// what one large slot has left.
func (s *seen) reset() {
	if s.n < len(s.table)/64 {
		s.table = nil
	}
	clear(s.table)
	s.n = 0
}

// cursorOrder tells how far back a repeat can reach.
type cursorOrder uint8

const (
	// unknownOrder: a repeat can come at any time in the pass.
	unknownOrder cursorOrder = iota
	// tableOrder: the server has one hash table, and its cursor counts
	// buckets in reversed binary order (dictScan of Redis up to 7.2). A table
	// that shrinks to 2^k buckets makes the scan go back to the start of one
	// of these buckets, so at most to where the first k bits of the reversed
	// cursor last changed; and no table has fewer than 4 buckets.
	tableOrder
	// slotOrder: there is a table for each slot, in ascending order, and the
	// cursor's low 14 bits are the slot (Redis 7.4, Valkey 8.0 and later).
	slotOrder
)

// forget drops what can't be returned again once the cursor has moved from
// one value to the next, by way of the page.
func (s *seen) forget(order cursorOrder, from, to uint64, pg *page) {
	const slotMask = cluster.Slots - 1
	switch {
	case order == tableOrder:
		const firstTwoBits = 62
		if bits.Reverse64(from)>>firstTwoBits == bits.Reverse64(to)>>firstTwoBits {
			return
		}
	case order == unknownOrder || from&slotMask == to&slotMask:
		return
	}
	s.reset()
	// The page's last keys lie behind the border.
	for i := range pg.len() {
		if key := pg.key(i); order == tableOrder || uint64(cluster.Slot(key)) >= to&slotMask {
			s.add(s.hash(key))
		}
	}
}
