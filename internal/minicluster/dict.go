package minicluster

import "math/bits"

// item is one key in one node's table. The value may be shared with replicas;
// the item is not.
type item struct {
	key  string
	hash uint64
	slot int32
	pos  int32 // in keyspace.bySlot[slot]
	next *item // in the bucket
	val  *value
}

const (
	dictMinSize = 4
	dictMinFill = 8 // a table with fewer keys than 1 in 8 buckets shrinks
	cronSteps   = 1 << 14
)

// dict is Redis's hash table: chained buckets, a power of two of them, and a
// second table while it grows or shrinks, into which every operation moves a
// bucket. The scan's behaviour hangs on these details.
type dict struct {
	table  [2][]*item
	used   [2]int
	rehash int // next bucket of table[0] to move; valid while table[1] != nil
}

func (d *dict) len() int        { return d.used[0] + d.used[1] }
func (d *dict) rehashing() bool { return d.table[1] != nil }

// find returns the item of key, or nil.
func (d *dict) find(hash uint64, key []byte) *item {
	d.step()
	for _, t := range d.table {
		if len(t) == 0 {
			continue
		}
		for it := t[hash&uint64(len(t)-1)]; it != nil; it = it.next {
			if it.hash == hash && it.key == string(key) {
				return it
			}
		}
	}
	return nil
}

// insert adds an item whose key must not be there yet.
func (d *dict) insert(it *item) {
	d.step()
	if !d.rehashing() && d.used[0] >= len(d.table[0]) {
		d.resize(d.used[0] + 1)
	}
	i := 0
	if d.rehashing() {
		i = 1
	}
	d.push(i, it)
}

func (d *dict) push(i int, it *item) {
	t := d.table[i]
	b := it.hash & uint64(len(t)-1)
	it.next, t[b] = t[b], it
	d.used[i]++
}

// remove takes an item out, which must be there.
func (d *dict) remove(it *item) {
	d.step()
	for i, t := range d.table {
		if len(t) == 0 {
			continue
		}
		for at := &t[it.hash&uint64(len(t)-1)]; *at != nil; at = &(*at).next {
			if *at == it {
				*at, it.next = it.next, nil
				d.used[i]--
				return
			}
		}
	}
}

// cron is what a server's timer does to its tables: it starts shrinking one
// that is mostly empty, and moves many buckets at once. It comes between pages
// of a scan, so a page finds tables before, in and after rehashing.
func (d *dict) cron() {
	if size := len(d.table[0]); !d.rehashing() && size > dictMinSize && d.used[0]*dictMinFill <= size {
		d.resize(d.used[0])
	}
	for steps := cronSteps; d.rehashing() && steps > 0; steps-- {
		d.step()
	}
}

// resize starts moving to a table for n items.
func (d *dict) resize(n int) {
	size := dictMinSize
	for size < n {
		size *= 2
	}
	if size == len(d.table[0]) {
		return
	}
	if d.table[0] == nil {
		d.table[0] = make([]*item, size)
		return
	}
	d.table[1] = make([]*item, size)
	d.rehash = 0
}

// step moves one bucket, as every operation on a Redis table does.
func (d *dict) step() {
	if !d.rehashing() {
		return
	}
	for empty := 10; d.rehash < len(d.table[0]) && d.table[0][d.rehash] == nil; d.rehash++ {
		if empty--; empty == 0 {
			return
		}
	}
	if d.rehash < len(d.table[0]) {
		for it := d.table[0][d.rehash]; it != nil; {
			next := it.next
			d.used[0]--
			d.push(1, it)
			it = next
		}
		d.table[0][d.rehash] = nil
		d.rehash++
	}
	if d.used[0] == 0 {
		d.table[0], d.table[1] = d.table[1], nil
		d.used[0], d.used[1] = d.used[1], 0
	}
}

// scan emits one bucket, or while rehashing one bucket of the smaller table
// with all those of the larger that it splits into, and returns the cursor of
// the next one, 0 after the last.
//
// The cursor counts with its bits reversed, from the highest bit of the mask
// down: then a table that grows or shrinks between two calls has the buckets
// that were visited still behind the cursor. Shrinking joins visited buckets
// with ones that were not, so their items come twice.
func (d *dict) scan(cursor uint64, emit func(*item)) uint64 {
	if d.len() == 0 {
		return 0
	}
	if !d.rehashing() {
		mask := uint64(len(d.table[0]) - 1)
		emitBucket(d.table[0][cursor&mask], emit)
		return nextCursor(cursor, mask)
	}
	small, large := d.table[0], d.table[1]
	if len(small) > len(large) {
		small, large = large, small
	}
	m0, m1 := uint64(len(small)-1), uint64(len(large)-1)
	emitBucket(small[cursor&m0], emit)
	for {
		emitBucket(large[cursor&m1], emit)
		cursor = nextCursor(cursor, m1)
		if cursor&(m0^m1) == 0 {
			return cursor
		}
	}
}

func emitBucket(it *item, emit func(*item)) {
	for ; it != nil; it = it.next {
		emit(it)
	}
}

func nextCursor(cursor, mask uint64) uint64 {
	return bits.Reverse64(bits.Reverse64(cursor|^mask) + 1)
}
