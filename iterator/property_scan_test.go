package iterator_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
)

// propertyReader is how a scan is read.
type propertyReader struct {
	batches int // it stops after so many; -1: it reads to the end
	cancel  bool
	between func(batch int) // is called after each batch; may be nil
}

func newPropertyReader(r *rand.Rand) propertyReader {
	if r.IntN(12) == 0 {
		return propertyReader{batches: r.IntN(4), cancel: r.IntN(2) == 0}
	}
	return propertyReader{batches: -1}
}

// propertyScan is what a scan has given.
type propertyScan struct {
	opened  bool
	err     error // of the constructor, or how it ended
	stopped bool  // by its reader
	rows    []givenRow
	batches []givenBatch
	stats   iterator.Stats
	missing *iterator.IncompleteError // what was left out
	problem error                     // with what isn't a matter of rows
}

// givenRow has all cells but the TTL and the index in its line.
type givenRow struct {
	line string
	ttl  int64
}

// givenBatch is the size of a batch: its bytes as they may be counted at most,
// and at least without its last row.
type givenBatch struct{ rows, most, before int64 }

// propertyTimeout is how long a case may take: what takes longer hangs.
const propertyTimeout = 30 * time.Second

// scanAll opens a scan and reads it.
func (s *propertySchema) scanAll(rdb redis.UniversalClient, config iterator.Config, opened func(), reader propertyReader) (got *propertyScan) {
	ctx, cancel := context.WithTimeout(context.Background(), propertyTimeout)
	defer cancel()
	got = &propertyScan{}
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	config.Allocator = mem
	it, err := s.open(ctx, rdb, config)
	if err != nil {
		got.err = err
		return got
	}
	got.opened = true
	opened()
	if want := s.arrow(); !it.Schema().Equal(want) {
		got.problem = fmt.Errorf("the schema is %s instead of %s", it.Schema(), want)
	}
	retained := s.read(it, reader, cancel, got)
	got.stats, got.missing = it.Stats(), it.Missing()
	it.Release()
	for _, b := range retained {
		if rows, err := s.lines(b.batch); err != nil || !slices.Equal(rows, b.rows) {
			got.problem = fmt.Errorf("a batch that was retained has changed: %w", err)
		}
		b.batch.Release()
	}
	if it.Next() {
		got.problem = fmt.Errorf("Next goes on after Release")
	}
	if n := mem.CurrentAlloc(); n != 0 && got.problem == nil {
		got.problem = fmt.Errorf("%d bytes are not given back", n)
	}
	return got
}

func (s *propertySchema) open(ctx context.Context, rdb redis.UniversalClient, config iterator.Config) (reader, error) {
	if s.kind == "hash" {
		h, err := schema.ParseHash(s.text())
		if err == nil && s.project {
			h, err = h.Project(s.names...)
		}
		if err != nil {
			return nil, err
		}
		return iterator.NewClusterHashBatchIterator(ctx, rdb, h, config)
	}
	v, err := schema.ParseString(s.text())
	if err == nil && s.project {
		v, err = v.Project(s.names...)
	}
	if err != nil {
		return nil, err
	}
	return iterator.NewClusterStringBatchIterator(ctx, rdb, v, config)
}

type retainedBatch struct {
	batch arrow.RecordBatch
	rows  []givenRow
}

// read takes batches, and keeps some of them.
func (s *propertySchema) read(it reader, how propertyReader, cancel func(), got *propertyScan) (retained []retainedBatch) {
	for len(got.batches) != how.batches && it.Next() {
		b := it.RecordBatch()
		rows, err := s.lines(b)
		if err == nil {
			err = s.check(b, len(got.rows))
		}
		if err != nil {
			got.problem = err
		}
		got.rows = append(got.rows, rows...)
		got.batches = append(got.batches, s.size(b))
		if len(retained) < 2 {
			b.Retain()
			retained = append(retained, retainedBatch{b, rows})
		}
		if how.between != nil {
			how.between(len(got.batches))
		}
	}
	switch {
	case len(got.batches) != how.batches:
		got.err = it.Err()
		if it.Next() || !errors.Is(it.Err(), got.err) {
			got.problem = fmt.Errorf("the end isn't the end: %w", it.Err())
		}
	case how.cancel:
		got.stopped = true
		cancel()
		if it.Next() {
			got.problem = fmt.Errorf("Next goes on after the context's end")
		}
		got.err = it.Err()
	default:
		got.stopped = true
	}
	return retained
}

// lines renders a batch.
func (s *propertySchema) lines(b arrow.RecordBatch) ([]givenRow, error) {
	rows := make([]givenRow, b.NumRows())
	var line []byte
	for i := range rows {
		line = line[:0]
		first := true
		for j, c := range s.columns {
			switch c.metadata {
			case "index":
				continue
			case "ttl[s]", "ttl[ms]":
				rows[i].ttl = b.Column(j).(*array.Int64).Value(i)
				continue
			}
			if !first {
				line = append(line, ' ')
			}
			first = false
			var err error
			if line, err = appendCell(line, b.Column(j), i); err != nil {
				return nil, err
			}
		}
		rows[i].line = string(line)
	}
	return rows, nil
}

// check looks at the index, and at what a batch says of itself. row is the
// number of its first row.
func (s *propertySchema) check(b arrow.RecordBatch, row int) error {
	if !b.Schema().Equal(s.arrow()) {
		return fmt.Errorf("a batch has the schema %s instead of %s", b.Schema(), s.arrow())
	}
	for j, col := range b.Columns() {
		nulls := 0
		for i := range col.Len() {
			if col.IsNull(i) {
				nulls++
			}
		}
		if int64(col.Len()) != b.NumRows() || col.NullN() != nulls {
			return fmt.Errorf("column %d has %d rows instead of %d, or %d nulls instead of %d", j, col.Len(), b.NumRows(), col.NullN(), nulls)
		}
		if nulls > 0 && !b.Schema().Field(j).Nullable {
			return fmt.Errorf("column %d has nulls", j)
		}
		if index, ok := col.(*array.Uint64); ok && s.columns[j].metadata == "index" {
			for i, n := range index.Values() {
				if n != uint64(row+i) {
					return fmt.Errorf("row %d has the index %d", row+i, n)
				}
			}
		}
	}
	return nil
}

// size counts the data of a batch, without its index.
func (s *propertySchema) size(b arrow.RecordBatch) givenBatch {
	out := givenBatch{rows: b.NumRows()}
	bits := func(n int64) int64 { return (n + 7) / 8 }
	count := func(rows int64, bitmaps bool) (bytes int64) {
		for j, col := range b.Columns() {
			if s.columns[j].metadata == "index" {
				continue
			}
			if bitmaps {
				bytes += bits(rows) + roundingSlack
			}
			switch dt := col.DataType().(type) {
			case arrow.FixedWidthDataType:
				bytes += bits(rows * int64(dt.BitWidth()))
			default:
				width := int64(4)
				if strings.HasPrefix(dt.Name(), "large") {
					width = 8
				}
				bytes += rows * width
				if v := col.(array.BinaryLike); rows > 0 {
					bytes += v.ValueOffset64(int(rows-1)) + int64(v.ValueLen(int(rows-1))) - v.ValueOffset64(0)
				}
			}
		}
		return bytes
	}
	out.most, out.before = count(out.rows, true), count(out.rows-1, false)
	return out
}

// roundingSlack is what bitmaps of the parts of which a last batch is joined
// may be rounded up by, a column.
const roundingSlack = 16
