package scan

import (
	"math"
	"math/bits"

	"github.com/zeebo/xxh3"
)

// keySet remembers keys of one slot: those that have given their row, or are
// about to. A SCAN may return a key twice, and a slot may be read again. It
// holds 64-bit seeded hashes in an open-addressed table. Two keys of a slot
// with the same hash would be taken for one: that has a chance of some 10⁻⁶
// among a thousand million keys, spread over the slots.
//
// Where a slot is listed in one go, its keys are different if the server is right
// (a [sieve] sees to it that it is), and mostly nobody ever asks for one of them:
// then the hashes are only a list, until somebody does.
type keySet struct {
	table []uint64 // 0 marks a free place; of a list, its first n places are taken
	n     int
	list  uint32 // 0: it is no list; otherwise 1 and the place behind the one removed last
	from  *block // what the table is a part of, or nil
}

const (
	// minTable is the size of the smallest table.
	minTable = 16
	// doubledTable is up to where tables double when they are full; larger ones
	// grow by a quarter: they may well be the largest thing that a scan holds.
	doubledTable = 1024
)

// noKey is no key's hash.
const noKey = 0

// hashOf is what a keySet takes for a key; never noKey.
func hashOf(key []byte, seed uint64) uint64 {
	if h := xxh3.HashSeed(key, seed); h != noKey {
		return h
	}
	return 1
}

// place is where a hash is looked for first: the hash, as a fraction of its
// range, of the table (so that its size needn't be a power of two).
func (s *keySet) place(h uint64) int {
	place, _ := bits.Mul64(h, uint64(len(s.table)))
	return int(place)
}

// full reports whether the table must grow before another hash is added: it is
// at most 4/5 full.
func (s *keySet) full() bool { return s.n >= capacity(len(s.table)) }

// capacity is how many hashes a table of a size may have.
func capacity(size int) int { return size / 5 * 4 }

// append adds a hash that is known to be new to a list that has room for it.
func (s *keySet) append(h uint64) {
	s.table[s.n] = h
	s.n++
}

// grown is the size of the table after this one, or for a list and one hash more.
func (s *keySet) grown() int {
	if s.list == 0 {
		return grown(len(s.table))
	}
	size := minTable
	for capacity(size) <= s.n {
		size = grown(size)
	}
	return size
}

func grown(size int) int {
	if size < doubledTable {
		return max(minTable, 2*size)
	}
	return size + size/4
}

// add reports whether a hash is new. The table must not be full.
func (s *keySet) add(h uint64) bool {
	for i := s.place(h); ; i++ {
		if i == len(s.table) {
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

// move puts the hashes into another table, which is empty and larger.
func (s *keySet) move(table []uint64) {
	old := s.table
	if s.list > 0 {
		old = old[:s.n]
	}
	*s = keySet{table: table}
	for _, h := range old {
		if h != 0 {
			s.add(h)
		}
	}
}

// remove forgets a hash. What was put behind it because its place was taken
// moves up, so that it is found without it.
func (s *keySet) remove(h uint64) {
	switch {
	case s.n == 0:
		return
	case s.list > 0:
		s.strike(h)
		return
	}
	i := s.place(h)
	for s.table[i] != h {
		if s.table[i] == 0 {
			return
		}
		i = s.next(i)
	}
	s.n--
	for j := s.next(i); s.table[j] != 0; j = s.next(j) {
		// What stands at j may move to i unless its own place lies behind i, on
		// the way from i to j.
		home := s.place(s.table[j])
		if behind := (home - i + len(s.table)) % len(s.table); behind == 0 || behind > (j-i+len(s.table))%len(s.table) {
			s.table[i] = s.table[j]
			i = j
		}
	}
	s.table[i] = 0
}

// strike forgets a hash of a list. Keys mostly go in the order in which they were
// listed: the next one is looked for where the last one was.
func (s *keySet) strike(h uint64) {
	for i := range s.n {
		at := (int(s.list-1) + i) % s.n
		if s.table[at] != h {
			continue
		}
		s.n--
		s.table[at], s.table[s.n] = s.table[s.n], 0
		s.list = uint32(min(at+1, math.MaxUint32-1)) + 1
		return
	}
}

func (s *keySet) next(i int) int {
	if i++; i == len(s.table) {
		return 0
	}
	return i
}
