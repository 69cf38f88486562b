package convert

import (
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// bitmap is a run of bits. It doesn't count them: its user does. The bits of
// the last byte beyond that count are always zero.
type bitmap struct {
	buffer[byte]
}

// put sets bit i, which must be the first that isn't there yet.
func (b *bitmap) put(i int, set bool) {
	if i&7 == 0 {
		b.push(0)
	}
	if set {
		b.vals[i>>3] |= 1 << (i & 7)
	}
}

// fill makes the bitmap n bits of one.
func (b *bitmap) fill(n int) {
	b.vals = b.vals[:0]
	size := int(bitutil.BytesForBits(int64(n)))
	if size > cap(b.vals) {
		b.grow(size)
	}
	b.vals = b.vals[:size]
	for i := range b.vals {
		b.vals[i] = 0xff
	}
	b.truncate(n)
}

func (b *bitmap) truncate(n int) {
	b.vals = b.vals[:bitutil.BytesForBits(int64(n))]
	if n&7 != 0 {
		b.vals[n>>3] &= 1<<(n&7) - 1
	}
}

// validity says which rows of a column are not null. It has no bits until the
// first null comes: most columns never see one, and a batch without nulls
// carries no bitmap.
type validity struct {
	bits  bitmap
	nulls int
}

func newValidity(mem memory.Allocator) validity {
	return validity{bits: bitmap{newBuffer[byte](mem)}}
}

// appendValid notes that the row at this index has a value. It is small, so
// that it can be inlined into every Append.
func (v *validity) appendValid(row int) {
	if len(v.bits.vals) > 0 {
		v.bits.put(row, true)
	}
}

func (v *validity) appendNull(row int) {
	if len(v.bits.vals) == 0 {
		v.bits.fill(row)
	}
	v.bits.put(row, false)
	v.nulls++
}

// truncate cuts n rows down to rows. The bitmap stays, also when no null is
// left: nulls that come and go with each row given up would rebuild it again
// and again.
func (v *validity) truncate(rows, n int) {
	if len(v.bits.vals) == 0 {
		return
	}
	cut := n - rows
	v.nulls -= cut - bitutil.CountSetBits(v.bits.vals, rows, cut)
	v.bits.truncate(rows)
}

func (v *validity) bytes() int64 {
	if v.nulls == 0 {
		return 0
	}
	return v.bits.bytes()
}

// take gives the number of nulls and the bitmap, nil if there are none, and
// starts anew.
func (v *validity) take() (nulls int, bits *memory.Buffer) {
	nulls, v.nulls = v.nulls, 0
	if nulls == 0 {
		// Kept for the next batch: it is ours still.
		v.bits.vals = v.bits.vals[:0]
		return 0, nil
	}
	return nulls, v.bits.take()
}

func (v *validity) release() {
	v.nulls = 0
	v.bits.release()
}
