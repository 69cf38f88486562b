package scan

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"testing"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	oneTable   = state{order: tableOrder, monotone: true}
	slotTables = state{order: slotOrder, monotone: true}
	otherMake  = state{}
)

// after is the cursor after n buckets of a table of 2^k buckets, as dictScan
// of Redis counts them; 0 at the end.
func after(cursor uint64, k int, n uint64) uint64 {
	bucket := bits.Reverse64(cursor) >> (64 - k)
	if bucket += n; bucket>>k != 0 {
		return 0
	}
	return bits.Reverse64(bucket << (64 - k))
}

// honest is a server that scans one table.
type honest struct {
	k       int    // of 2^k buckets
	buckets uint64 // that a page visits
	resize  func(page int) int
}

// scan goes to the end and returns the number of pages.
func (h honest) scan(t *testing.T, g cursorGuard, count int) (pages int) {
	t.Helper()
	for cursor := uint64(0); ; {
		if h.resize != nil {
			h.k = h.resize(pages)
		}
		next := after(cursor, h.k, h.buckets)
		pages++
		if next == 0 {
			return pages
		}
		if err := g.check(cursor, next, count, false); err != nil {
			require.NoError(t, err, "page %d", pages)
		}
		cursor = next
	}
}

// No honest scan is ended, however long it takes and whatever it finds.
func TestGuardIsPatient(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for name, h := range map[string]honest{
		"4 buckets":                  {k: 2, buckets: 1},
		"10 million buckets, 3 keys": {k: 24, buckets: 10},
		"a billion buckets, a child prevents resizing": {k: 30, buckets: 10_000},
		"a pattern without a match, 134 million keys":  {k: 27, buckets: 100},
		"grows in mid-scan":                            {buckets: 10, resize: func(page int) int { return min(10+page/64, 20) }},
		"shrinks in mid-scan":                          {buckets: 10, resize: func(page int) int { return max(20-page/500, 2) }},
		"grows and shrinks at random":                  {buckets: 7, resize: func(int) int { return 4 + rng.IntN(16) }},
		"flushed and filled again":                     {buckets: 10, resize: func(page int) int { return []int{20, 2}[page/300%2] }},
	} {
		t.Run(name, func(t *testing.T) {
			for _, count := range []int{1, 1 << 40} {
				for _, server := range []state{oneTable, otherMake} {
					pages := h.scan(t, newCursorGuard(&server), count)
					assert.Positive(t, pages)
				}
			}
		})
	}
}

// The same in each slot, one after the other.
func TestGuardIsPatientWithSlots(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	g := newCursorGuard(&slotTables)
	cursor := uint64(0)
	for slot := uint64(0); slot < cluster.Slots; slot += 1 + rng.Uint64N(9) {
		for in := uint64(0); ; {
			next := in<<14 | slot
			if next != 0 && next != cursor {
				require.NoError(t, g.check(cursor, next, 1000, false))
			}
			cursor = next
			if in = after(in, 2+rng.IntN(8), 1+rng.Uint64N(10)); in == 0 {
				break
			}
		}
	}
}

// All that never ends is ended, soon.
func TestGuardEnds(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	const slot = 77
	for _, c := range []struct {
		name    string
		servers []state
		next    func(page int, cursor uint64) uint64
		within  int // pages
	}{
		{"the same cursor", []state{oneTable, slotTables, otherMake}, func(int, uint64) uint64 { return 7 << 14 }, 40},
		{"two by turns", []state{oneTable, slotTables, otherMake}, func(page int, _ uint64) uint64 { return uint64(page%2+1) << 14 }, 100},
		{"a circle of 1000 behind a tail", []state{oneTable, slotTables, otherMake}, func(page int, _ uint64) uint64 {
			if page < 500 {
				return uint64(1_000_000 + page)
			}
			return uint64(page%1000+1) << 20
		}, 70_000},
		{"counting up", []state{oneTable, slotTables}, func(page int, _ uint64) uint64 { return uint64(page + 1) }, cluster.Slots + 2},
		{"at random", []state{oneTable, slotTables}, func(int, uint64) uint64 { return rng.Uint64() | 1 }, 100},
		{"creeping", []state{oneTable}, func(_ int, cursor uint64) uint64 {
			return bits.Reverse64(bits.Reverse64(cursor) + 1)
		}, freeWork/1000 + 2},
		{"creeping by buckets of a table of 2^44", []state{oneTable}, func(_ int, cursor uint64) uint64 {
			return after(cursor, 44, 1)
		}, 1100},
		{"creeping in a slot", []state{slotTables}, func(_ int, cursor uint64) uint64 {
			return after(cursor>>14, 50, 1)<<14 | slot
		}, freeWork/1000 + 2},
		{"slots come back", []state{slotTables}, func(page int, _ uint64) uint64 { return uint64(1 + page%100) }, 101},
	} {
		for _, server := range c.servers {
			t.Run(fmt.Sprint(c.name, server.order, server.monotone), func(t *testing.T) {
				g := newCursorGuard(&server)
				cursor := uint64(0)
				for page := range c.within {
					next := c.next(page, cursor)
					if err := g.check(cursor, next, 1000, false); err != nil {
						require.ErrorContains(t, err, "never end")
						return
					}
					cursor = next
				}
				require.Fail(t, "not ended", "%d pages", c.within)
			})
		}
	}
}

// Of other makes it isn't certain that a cursor doesn't come twice: as long as
// there are new keys, nothing is ended.
func TestGuardOfOtherMakes(t *testing.T) {
	g := newCursorGuard(&otherMake)
	for page := range 100_000 {
		require.NoError(t, g.check(7, 7, 1000, page%15 == 0), "new keys now and then")
	}
	for page := range 100_000 {
		require.NoError(t, g.check(1, uint64(page+1), 1000, false), "new cursors, no keys")
	}
	g = newCursorGuard(&otherMake)
	require.NoError(t, g.check(1, 1, 1000, true))
	g.work = freeWork + longestWay - 1000
	require.NoError(t, g.check(1, 2, 1000, false))
	require.ErrorContains(t, g.check(1, 3, 1000, false), "no new key")
	require.NoError(t, g.check(1, 4, 1000, true))
}
