package arrowutil_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var errReader = errors.New("the scan broke off")

var testSchema = arrow.NewSchema([]arrow.Field{
	{Name: "_key", Type: arrow.BinaryTypes.String},
	{Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "blob", Type: arrow.BinaryTypes.Binary, Nullable: true},
	{Name: "ok", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
	{Name: "at", Type: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}, Nullable: true},
}, nil)

// reader makes its batches one by one, as an iterator does: a batch is gone
// after the next Next. It fails after `batches` batches if err is set.
type reader struct {
	mem     memory.Allocator
	batches int
	rows    int
	err     error
	onNext  func(done int)

	done  int
	batch arrow.RecordBatch
}

func (r *reader) Retain()                        {}
func (r *reader) Schema() *arrow.Schema          { return testSchema }
func (r *reader) RecordBatch() arrow.RecordBatch { return r.batch }
func (r *reader) Record() arrow.RecordBatch      { return r.batch }

func (r *reader) Release() {
	if r.batch != nil {
		r.batch.Release()
		r.batch = nil
	}
}

func (r *reader) Err() error {
	if r.done < r.batches {
		return nil
	}
	return r.err
}

func (r *reader) Next() bool {
	r.Release()
	if r.onNext != nil {
		r.onNext(r.done)
	}
	if r.done == r.batches {
		return false
	}
	r.batch = makeBatch(r.mem, r.done, r.rows)
	r.done++
	return true
}

var _ array.RecordReader = (*reader)(nil)

func makeBatch(mem memory.Allocator, number, rows int) arrow.RecordBatch {
	b := array.NewRecordBuilder(mem, testSchema)
	defer b.Release()
	for i := range rows {
		n := number*rows + i
		b.Field(0).(*array.StringBuilder).Append(fmt.Sprintf("user:%d", n))
		if n%7 == 3 {
			for _, f := range b.Fields()[1:] {
				f.AppendNull()
			}
			continue
		}
		b.Field(1).(*array.Int64Builder).Append(int64(n) * 1_000_003)
		b.Field(2).(*array.BinaryBuilder).Append(bytes.Repeat([]byte{0xff, byte(n)}, n%40))
		b.Field(3).(*array.BooleanBuilder).Append(n%2 == 0)
		b.Field(4).(*array.TimestampBuilder).Append(arrow.Timestamp(n))
	}
	return b.NewRecordBatch()
}

// checked is an allocator whose balance must be zero at the end of the test.
func checked(t *testing.T) *memory.CheckedAllocator {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	t.Cleanup(func() { mem.AssertSize(t, 0) })
	return mem
}

func newReader(t *testing.T, mem memory.Allocator, batches, rows int) *reader {
	r := &reader{mem: mem, batches: batches, rows: rows}
	t.Cleanup(r.Release)
	return r
}

// requireBatches compares what was read back with what newReader gives.
func requireBatches(t *testing.T, got []arrow.RecordBatch, batches, rows int) {
	t.Helper()
	require.Len(t, got, batches)
	for i, b := range got {
		want := makeBatch(memory.NewGoAllocator(), i, rows)
		require.True(t, array.RecordEqual(want, b), "batch %d: want %v, got %v", i, want, b)
		want.Release()
	}
}

func readFile(t *testing.T, path string) []arrow.RecordBatch {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	r, err := ipc.NewFileReader(f)
	require.NoError(t, err)
	defer r.Close()
	require.True(t, r.Schema().Equal(testSchema), "schema %v", r.Schema())
	var out []arrow.RecordBatch
	for i := range r.NumRecords() {
		b, err := r.RecordBatchAt(i)
		require.NoError(t, err)
		out = append(out, b)
	}
	return out
}

func readStream(rd io.Reader) ([]arrow.RecordBatch, error) {
	r, err := ipc.NewReader(rd)
	if err != nil {
		return nil, err
	}
	defer r.Release()
	var out []arrow.RecordBatch
	for r.Next() {
		b := r.RecordBatch()
		b.Retain()
		out = append(out, b)
	}
	return out, r.Err()
}

func requireEmptyFolder(t *testing.T, dir string) {
	t.Helper()
	require.Empty(t, names(t, dir))
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// needRoot skips where a file system can't be mounted, but never in CI.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("CI") != "" {
		assert.FailNow(t, "CI has to run as root: this test mounts a small tmpfs")
	}
	t.Skip("mounting a small tmpfs needs root")
}
