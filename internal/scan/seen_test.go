package scan

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func pageOf(keys ...string) *page {
	pg := &page{}
	for _, k := range keys {
		pg.add([]byte(k))
	}
	return pg
}

// A keySet agrees with a map, whatever the order of adding, forgetting and growing,
// and however the hashes crowd: at one place, at the table's end, from where they go
// on at its beginning, or all over.
func TestKeySetAgainstMap(t *testing.T) {
	for name, hash := range map[string]func(rng *rand.Rand) uint64{
		"all over":           func(rng *rand.Rand) uint64 { return 1 + rng.Uint64N(3000)*(math.MaxUint64/3001) },
		"at one place":       func(rng *rand.Rand) uint64 { return 1<<63 + rng.Uint64N(60) },
		"at the end":         func(rng *rand.Rand) uint64 { return math.MaxUint64 - rng.Uint64N(60) },
		"at some few places": func(rng *rand.Rand) uint64 { return 1 + rng.Uint64N(4)<<62 + rng.Uint64N(40) },
		"around the end": func(rng *rand.Rand) uint64 {
			return max(1, math.MaxUint64-1<<60+rng.Uint64N(200)*(1<<54))
		},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(40) {
				rng := rand.New(rand.NewPCG(seed, 4))
				m := newMemory(1 << 30)
				s, model := &keySet{}, map[uint64]bool{}
				forgetful := 1 + rng.IntN(10) // of 20
				var from *block
				if n := rng.IntN(2) * rng.IntN(100); n > 0 { // it begins as a list
					var err error
					from, err = m.lists(n)
					require.NoError(t, err)
					m.list(s, from, n)
					for range n {
						if h := hash(rng); !model[h] {
							s.append(h)
							model[h] = true
						}
					}
					m.parted(from)
				}
				for h := range model {
					if rng.IntN(3) == 0 {
						s.remove(h)
						delete(model, h)
						if other := hash(rng); !model[other] {
							s.remove(other)
						}
					}
				}
				for range 3000 {
					h := hash(rng)
					if rng.IntN(20) < forgetful {
						s.remove(h)
						delete(model, h)
						continue
					}
					if s.list > 0 || s.full() {
						require.NoError(t, m.grow(s))
					}
					require.Equal(t, !model[h], s.add(h), "seed %d", seed)
					model[h] = true
					require.Equal(t, len(model), s.n)
				}
				// All of them can be found, so none stands behind a gap.
				for h := range model {
					require.False(t, s.add(h))
					s.remove(h)
				}
				require.Zero(t, s.n)
				for _, h := range s.table {
					require.Zero(t, h)
				}
				closeAll(m)
				require.Equal(t, s.bytes(), m.taken-m.kept)
			}
		})
	}
}

// An empty set, without a table, knows nothing and can be asked to forget.
func TestKeySetEmpty(t *testing.T) {
	s := &keySet{}
	s.remove(5)
	assert.True(t, s.full())
	assert.Equal(t, minTable, s.grown())
	s.move(make([]uint64, minTable))
	s.remove(5)
	assert.False(t, s.full())
}

func TestHashOfIsNeverZero(t *testing.T) {
	assert.NotZero(t, hashOf(nil, 0))
	assert.NotEqual(t, hashOf([]byte("a"), 1), hashOf([]byte("a"), 2), "the seed counts")
}

// nthHash is one of any number of hashes, all over.
func nthHash(i int) uint64 { return uint64(1+i) * 0x9E3779B97F4A7C15 }

// fill adds n hashes to a set.
func fill(t *testing.T, m *memory, s *keySet, n int) error {
	t.Helper()
	for i := range n {
		if s.full() {
			if err := m.grow(s); err != nil {
				return err
			}
		}
		s.add(nthHash(i))
	}
	return nil
}

// Slots one after the other take no new memory; what a giant leaves is let go.
func TestMemoryIsUsedAgain(t *testing.T) {
	m := newMemory(1 << 30)
	scan := func() {
		for range 100 {
			s := &keySet{}
			require.NoError(t, fill(t, m, s, 500))
			m.recycle(s)
		}
	}
	scan()
	allocs := testing.AllocsPerRun(3, func() {
		for range 100 {
			s := keySet{}
			_ = fill(t, m, &s, 500)
			m.recycle(&s)
		}
	})
	assert.Less(t, allocs, 200.0, "a table an allocation would be 600")
	before := m.taken
	giant := &keySet{}
	require.NoError(t, fill(t, m, giant, 1_000_000))
	assert.Greater(t, m.taken, int64(1_000_000*hashBytes))
	assert.Less(t, m.taken, int64(1_000_000*hashBytes*2), "growing by a quarter, from 4/5 full")
	assert.GreaterOrEqual(t, m.peaked(), m.taken)
	m.recycle(giant)
	assert.Nil(t, giant.table)
	assert.LessOrEqual(t, m.taken, before+maxSpareBytes)
	assert.LessOrEqual(t, m.kept, int64(maxSpareBytes))
	closeAll(m)
	require.Equal(t, m.kept, m.taken, "nothing is in use")
}

// A table that was used before is empty.
func TestMemoryIsCleared(t *testing.T) {
	m := newMemory(1 << 30)
	s := &keySet{}
	require.NoError(t, fill(t, m, s, 10))
	m.recycle(s)
	again := &keySet{}
	require.NoError(t, fill(t, m, again, 1))
	assert.Equal(t, 1, again.n)
	assert.True(t, again.add(nthHash(1)))
}

// The lists of a page have one piece of memory, which is used again when the last
// of them is gone.
func TestMemoryOfLists(t *testing.T) {
	m := newMemory(1 << 20)
	var sets [10]keySet
	from, err := m.lists(100)
	require.NoError(t, err)
	for i := range sets {
		m.list(&sets[i], from, 10)
		for j := range 10 {
			sets[i].append(nthHash(10*i + j))
		}
	}
	m.parted(from)
	require.EqualValues(t, blockStep*hashBytes, m.taken)
	require.NoError(t, m.grow(&sets[0]))
	for i := range sets {
		for j := range 10 {
			require.True(t, i > 0 || !sets[i].add(nthHash(10*i+j)), "a table knows what it had as a list")
			sets[i].remove(nthHash(10*i + j))
		}
		require.Zero(t, sets[i].n)
		require.Empty(t, m.free)
		m.recycle(&sets[i])
	}
	require.Equal(t, []*block{from}, m.free)
	closeAll(m)
	require.Equal(t, m.kept, m.taken, "nothing is in use")
	m.free = m.free[:1]

	again, err := m.lists(50)
	require.NoError(t, err)
	require.True(t, from == again)
	m.parted(again)
	// What is too small makes room for what isn't.
	again, err = m.lists(blockStep + 1)
	require.NoError(t, err)
	require.True(t, from != again)
	m.parted(again)
	require.Equal(t, m.kept, m.taken)

	_, err = newMemory(1000).lists(1000)
	require.ErrorIs(t, err, ErrLedger)
}

func TestMemoryIsBounded(t *testing.T) {
	const most = 64 << 10
	m := newMemory(most)
	var sets []*keySet
	var err error
	for err == nil {
		s := &keySet{}
		sets = append(sets, s)
		err = fill(t, m, s, 100)
		require.LessOrEqual(t, m.taken, int64(most))
		require.Less(t, len(sets), 1000)
	}
	require.ErrorIs(t, err, ErrLedger)
	require.ErrorContains(t, err, "MaxLedgerBytes")
	assert.True(t, m.pressed())
	assert.Greater(t, len(sets), most/2/hashBytes/256)

	// What is done makes room, also for tables of another size than there were.
	for _, s := range sets {
		m.recycle(s)
	}
	assert.False(t, m.pressed())
	large := &keySet{}
	require.NoError(t, fill(t, m, large, 3000))
	assert.LessOrEqual(t, m.peaked(), int64(most))
}

// The error of a full ledger says in which slot it was met.
func TestLedgerIsFull(t *testing.T) {
	l := newLedger(slotSetOf(7), newMemory(1000))
	var err error
	n := 0
	for ; err == nil; n++ {
		var known bool
		known, err = l.seen(7, uint64(1+n)<<40)
		require.False(t, known)
	}
	require.ErrorIs(t, err, ErrLedger)
	require.ErrorContains(t, err, "slot 7")
	require.Equal(t, 49, n, "about 4/5 of a table of 64, which takes 512 bytes")
}

// What is forgotten is new again; to warm the sets changes nothing.
func TestLedgerForgets(t *testing.T) {
	l := ledgerOf(slotSetOf(7))
	see := func(slot uint16, hash uint64) bool {
		known, err := l.seen(slot, hash)
		require.NoError(t, err)
		return known
	}
	require.False(t, see(7, 5))
	require.False(t, see(8, 5), "slots have sets of their own")
	l.warm([]uint16{7, 8, 9}, []uint64{5, 6, 7})
	require.True(t, see(7, 5))
	l.forget(7, 5)
	l.forget(9, 5)
	require.False(t, see(7, 5))
	require.True(t, see(8, 5))
}

// closeAll ends the blocks from which small tables are cut.
func closeAll(m *memory) {
	for size := range m.open {
		m.close(size)
	}
}

// bytes is the memory that a key set keeps from others.
func (s *keySet) bytes() int64 {
	if s.from != nil {
		return int64(len(s.from.hashes)) * hashBytes
	}
	return int64(len(s.table)) * hashBytes
}
