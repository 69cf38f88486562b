package scan

import (
	"errors"
	"fmt"
	"math/bits"

	"github.com/redisarrow/redisarrow/cluster"
)

// cursorGuard tells a SCAN that never ends from one that takes long. It looks
// at the cursors only, once a page, and holds a few numbers.
//
// How long an honest scan takes has little to do with what it finds: a table
// that has lost nearly all of its keys while a snapshot kept it from shrinking
// has millions of empty buckets, and a pattern may match nothing among
// billions of keys. So neither time nor empty pages count, but the way that
// the cursor has come.
//
// # Servers whose cursors are known
//
// A cursor of Redis and Valkey is the number of the next bucket of a table of
// 2^k buckets, and what comes after bucket v is (dictScan of Redis' dict.c,
// nextCursor of Valkey's hashtable.c)
//
//	rev((rev(v) | ones(64-k)) + 1)
//
// where rev reverses the 64 bits and ones(n) is the n lowest. Call rev(v) the
// place: it is a binary fraction of the way through the table. The place after
// is larger than the place before, whatever k was and has become meanwhile: a
// table that grew or shrank between two pages, or is being rehashed (then the
// step is taken several times with the larger k), changes the size of the
// step, never its direction. It is also at least a bucket on; the step out of
// the last bucket overflows to 0, the end. With a table for each slot the
// cursor holds the slot below it, each slot has its own way, and slots ascend
// (kvstoreScan). A page is many such steps. Hence
//
//   - a cursor that isn't further on is none of an honest server's: it would
//     come to itself again;
//   - and the way has a length. A page visits ten times COUNT buckets, or finds
//     COUNT keys, whether or not they match. Through a table of 2^38 buckets
//     (whose pointers alone take 2 TiB) with 2^36 keys (3 TiB of the smallest)
//     all COUNTs make less than 2^37, spread evenly over the way, as the hash
//     is random. What has been told to do more than its share of that isn't on
//     its way to the end. (Proxies may lower a COUNT: to 1000, say.)
//
// The second rule is for cursors that creep: without it the first allows 2^64
// pages.
//
// # Other servers
//
// Of a cursor of unknown make it isn't even certain that it doesn't come twice
// in an honest scan that is thrown back. But where one comes again and again
// with not one new key in between (new keys are known exactly here: nothing is
// forgotten before the pass ends), nothing changes any more: Brent's algorithm
// finds it, with a mark that is moved to where the scan is after 1, 2, 4, 8 …
// pages. And without a new key the way is no longer than said above.
type cursorGuard struct {
	order    cursorOrder
	monotone bool   // the cursors are Redis' or Valkey's
	work     uint64 // COUNTs in this table; if not monotone, since the last new key

	mark  uint64 // a cursor of before; see Brent
	steps uint64 // pages since then
	reach uint64 // after how many the mark is moved
	laps  int    // how often it came again
}

const (
	longestWay = 1 << 37 // keys, or tens of buckets
	// freeWork is what any table may take: nothing is said of the first pages.
	freeWork = 1 << 16
	// lowestCount is what proxies may make of a larger COUNT.
	lowestCount = 1000
	maxLaps     = 16
)

func newCursorGuard(s *state) cursorGuard { return cursorGuard{order: s.order, monotone: s.monotone} }

// check takes note of a page: the cursor and the COUNT it was asked for with,
// the cursor that it came with, which isn't 0, and whether it had a key that
// was new.
func (g *cursorGuard) check(from, to uint64, count int, fresh bool) error {
	done := uint64(min(count, lowestCount))
	if g.monotone {
		return g.checkPlace(from, to, done)
	}
	return g.checkCycle(to, done, fresh)
}

// place splits a cursor of Redis or Valkey into the table and the place in it.
func (g *cursorGuard) place(cursor uint64) (table, place uint64) {
	if g.order == slotOrder {
		const slotBits = 14
		return cursor % cluster.Slots, bits.Reverse64(cursor >> slotBits)
	}
	return 0, bits.Reverse64(cursor)
}

func (g *cursorGuard) checkPlace(from, to, done uint64) error {
	before, begin := g.place(from)
	table, place := g.place(to)
	if table != before {
		g.work = 0
	}
	g.work += done
	share, _ := bits.Mul64(place, longestWay)
	switch {
	case table < before, table == before && place <= begin:
		return endless("SCAN %d came back with cursor %d, which lies before it", from, to)
	case g.work > freeWork+share:
		return endless("after looking at %d keys, by its COUNTs, SCAN has come to cursor %d, which is hardly on", g.work, to)
	}
	return nil
}

func (g *cursorGuard) checkCycle(to, done uint64, fresh bool) error {
	g.work += done
	g.steps++
	switch {
	case fresh:
		g.work = 0
		g.mark, g.steps, g.reach, g.laps = to, 0, 1, 0
	case to == g.mark:
		if g.laps++; g.laps == maxLaps {
			return endless("SCAN came to cursor %d again and again, %d times without a new key", to, g.laps)
		}
	case g.work > freeWork+longestWay:
		return endless("SCAN returned no new key among %d, by its COUNTs", g.work)
	}
	if g.steps >= g.reach {
		g.mark, g.steps, g.reach, g.laps = to, 0, max(1, 2*g.reach), 0
	}
	return nil
}

// errEndless is wrapped by the error for a scan that would not end.
var errEndless = errors.New("endless SCAN")

// endless is the error for a scan that would not end.
func endless(format string, args ...any) error {
	return fmt.Errorf("%w: "+format+": it would never end, so it is ended here; connect to the server itself if a proxy is in between, and see whether redis-cli --scan ends", append([]any{errEndless}, args...)...)
}
