package scan

import (
	"math/bits"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/zeebo/xxh3"
)

// seen remembers the keys that a pass has met, slot by slot, as 64-bit seeded
// hashes: a SCAN of a table that shrinks meanwhile returns keys again. Two
// keys of one slot with the same hash would be taken for one: with 10⁹ keys
// in 16384 slots that has a chance of some 10⁻⁶.
type seen struct {
	seed  uint64
	slots [cluster.Slots]hashSet
	spare [][]uint64 // tables of cleared slots, to be used again
}

// add reports whether the key is new.
func (s *seen) add(slot uint16, key []byte) bool {
	set := &s.slots[slot]
	if set.full() {
		set.grow(s.table(max(minTable, 2*len(set.table))))
	}
	h := xxh3.HashSeed(key, s.seed)
	if h == 0 {
		h = 1 // 0 marks a free place
	}
	return set.add(h)
}

// clear forgets the keys of a slot.
func (s *seen) clear(slot int) {
	if set := &s.slots[slot]; set.table != nil {
		if len(set.table) <= maxSpareTable && len(s.spare) < maxSpareTables {
			clear(set.table)
			s.spare = append(s.spare, set.table)
		}
		*set = hashSet{}
	}
}

// reset forgets everything, for another pass.
func (s *seen) reset() {
	for slot := range s.slots {
		s.clear(slot)
	}
}

const (
	minTable       = 16
	maxSpareTable  = 1024
	maxSpareTables = 8192
)

// table finds or makes a table of n places.
func (s *seen) table(n int) []uint64 {
	// Only the last one is looked at: in a steady pass they are of a size.
	if last := len(s.spare) - 1; last >= 0 && len(s.spare[last]) == n {
		t := s.spare[last]
		s.spare = s.spare[:last]
		return t
	}
	return make([]uint64, n)
}

// hashSet is a set of hashes other than 0 with linear probing.
type hashSet struct {
	table []uint64 // a power of two of places
	n     int
}

// full reports whether the set must grow before it takes another hash: at
// 7/8, where a probe still looks at few places.
func (s *hashSet) full() bool { return s.n >= len(s.table)-len(s.table)/8 }

func (s *hashSet) add(h uint64) bool {
	mask := uint64(len(s.table) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
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

// grow moves the set to a larger, empty table.
func (s *hashSet) grow(table []uint64) {
	old := s.table
	*s = hashSet{table: table}
	for _, h := range old {
		if h != 0 {
			s.add(h)
		}
	}
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

// forget clears what can't be returned again once the cursor has moved from
// one value to the next, by way of the page.
func (s *seen) forget(order cursorOrder, from, to uint64, pg *page) {
	switch order {
	case tableOrder:
		const firstTwoBits = 62
		if bits.Reverse64(from)>>firstTwoBits == bits.Reverse64(to)>>firstTwoBits {
			return
		}
		s.reset()
		// The page's last keys lie behind the border.
		for i := range pg.len() {
			s.add(cluster.Slot(pg.key(i)), pg.key(i))
		}
	case slotOrder:
		const slotMask = cluster.Slots - 1
		for slot := from & slotMask; slot < to&slotMask; slot++ {
			s.clear(int(slot))
		}
	}
}
