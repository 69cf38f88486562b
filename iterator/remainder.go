package iterator

import (
	"fmt"
	"sort"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
)

// remainder is what the workers had in hand when a scan ended: a part of a
// batch each. It joins them, so that only the last batch of all is short.
type remainder struct {
	parts []block
	first int // rows of parts[0] handed out already
}

func (m *remainder) add(b block) { m.parts = append(m.parts, b) }

// next makes the next batch; ok is false when nothing is left.
func (m *remainder) next(config *Config) (out block, ok bool, err error) {
	if len(m.parts) == 0 {
		return block{}, false, nil
	}
	var pieces []block
	defer func() {
		for i := range pieces {
			pieces[i].release()
		}
	}()
	rows, bytes := 0, int64(0)
	var marked []mark
	var ends []batchID
	for len(m.parts) > 0 && rows < config.BatchSize && bytes < config.BatchBytes {
		part := &m.parts[0]
		piece := part.slice(m.first, part.prefix(m.first, config.BatchSize-rows, config.BatchBytes-bytes))
		if len(pieces) > 0 && bytes+piece.bytes > MaxBatchBytes {
			piece.release()
			break
		}
		pieces = append(pieces, piece)
		rows += piece.rows
		bytes += piece.bytes
		marked = append(marked, piece.marked...)
		if m.first += piece.rows; m.first == part.rows {
			ends = append(ends, part.ends...)
			part.release()
			m.parts, m.first = m.parts[1:], 0
		}
	}
	if len(pieces) == 1 {
		out, pieces = pieces[0], nil
		out.ends = ends
		return out, true, nil
	}
	out = block{arrays: make([]arrow.Array, len(pieces[0].arrays)), rows: rows, bytes: bytes, marked: marked, ends: ends}
	for i, first := range pieces[0].arrays {
		if first == nil {
			continue
		}
		column := make([]arrow.Array, len(pieces))
		for j := range pieces {
			column[j] = pieces[j].arrays[i]
		}
		if out.arrays[i], err = array.Concatenate(column, config.Allocator); err != nil {
			out.release()
			return block{}, false, fmt.Errorf("joining the last batches: %w", err)
		}
	}
	return out, true, nil
}

func (m *remainder) release() {
	for i := range m.parts {
		m.parts[i].release()
	}
	m.parts = nil
}

// slice is a part of a block, with references of its own.
func (b *block) slice(from, rows int) block {
	s := block{arrays: make([]arrow.Array, len(b.arrays)), rows: rows, bytes: b.sizeOf(from, rows)}
	for i, a := range b.arrays {
		if a != nil {
			s.arrays[i] = array.NewSlice(a, int64(from), int64(from+rows))
		}
	}
	if b.marked != nil {
		s.marked = b.marked[from : from+rows]
	}
	return s
}

// prefix is how many of a block's rows, counted from one on, fit into a
// batch: up to the one that makes them reach the bytes, at least one.
func (b *block) prefix(from, rows int, bytes int64) int {
	rows = min(rows, b.rows-from)
	return 1 + sort.Search(rows-1, func(i int) bool { return b.sizeOf(from, i+1) >= bytes })
}

// sizeOf is the size in bytes of the data of some of the rows, as
// [convert.Column] counts it.
func (b *block) sizeOf(from, rows int) (bytes int64) {
	for _, a := range b.arrays {
		if a == nil {
			continue
		}
		if a.NullN() > 0 {
			bytes += int64(bitutil.CeilByte(rows) / 8)
		}
		if v, ok := a.(array.BinaryLike); ok {
			last := from + rows - 1
			bytes += v.ValueOffset64(last) + int64(v.ValueLen(last)) - v.ValueOffset64(from)
		}
		switch dt := a.DataType().(type) {
		case arrow.FixedWidthDataType:
			bytes += bitutil.BytesForBits(int64(rows) * int64(dt.BitWidth()))
		case arrow.OffsetsDataType:
			bytes += int64(dt.OffsetTypeTraits().BytesRequired(rows))
		}
	}
	return bytes
}
