package arrowutil_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/arrowutil"
	"github.com/redisarrow/redisarrow/arrowutil/parquet"
)

// formats are all there are; what WriteFile and WriteStream promise holds for each.
var formats = map[string]arrowutil.Format{
	"IPC file":            arrowutil.IPCFile{},
	"IPC file, zstd":      arrowutil.IPCFile{Compression: arrowutil.ZSTD},
	"IPC stream":          arrowutil.IPCStream{},
	"CSV":                 arrowutil.CSV{},
	"JSON lines":          arrowutil.JSONLines{},
	"Parquet":             parquet.Format{},
	"Parquet, row groups": parquet.Format{Compression: parquet.ZSTD, RowGroupRows: 7},
}

func TestFormats(t *testing.T) {
	for name, f := range formats {
		t.Run(name, func(t *testing.T) {
			for _, batches := range []int{0, 1, 5} {
				mem := checked(t)
				dir := t.TempDir()
				path := filepath.Join(dir, "out")
				var seen []arrowutil.Result
				res, err := arrowutil.WriteFile(path, newReader(t, mem, batches, 30), f, arrowutil.WithAllocator(mem),
					arrowutil.WithProgress(func(r arrowutil.Result) { seen = append(seen, r) }))
				require.NoError(t, err)
				data, err := os.ReadFile(path)
				require.NoError(t, err)
				assert.Equal(t, arrowutil.Result{Rows: int64(30 * batches), Batches: int64(batches), Bytes: int64(len(data))}, res)
				assert.Len(t, seen, batches)
				assert.Equal(t, []string{"out"}, names(t, dir))

				var stream bytes.Buffer
				streamed, err := arrowutil.WriteStream(&stream, newReader(t, mem, batches, 30), f, arrowutil.WithAllocator(mem))
				require.NoError(t, err)
				assert.Equal(t, res, streamed)
				assert.True(t, bytes.Equal(data, stream.Bytes()), "the same bytes")
			}
		})
	}
}

// A reader that fails leaves no file, and a stream that isn't whole.
func TestFormatsReaderFails(t *testing.T) {
	for name, f := range formats {
		t.Run(name, func(t *testing.T) {
			for _, after := range []int{0, 1, 3} {
				mem := checked(t)
				dir := t.TempDir()
				failing := func() *reader {
					rr := newReader(t, mem, after, 30)
					rr.err = errReader
					return rr
				}
				_, err := arrowutil.WriteFile(filepath.Join(dir, "out"), failing(), f, arrowutil.WithAllocator(mem))
				assert.Same(t, errReader, err)
				requireEmptyFolder(t, dir)

				var whole, stream bytes.Buffer
				_, err = arrowutil.WriteStream(&whole, newReader(t, mem, after, 30), f)
				require.NoError(t, err)
				res, err := arrowutil.WriteStream(&stream, failing(), f, arrowutil.WithAllocator(mem))
				assert.Same(t, errReader, err)
				assert.EqualValues(t, stream.Len(), res.Bytes)
				if after == 0 {
					assert.Zero(t, stream.Len())
					continue
				}
				if tail := f.Broken(); tail != nil && stream.Len() > 0 {
					assert.True(t, bytes.HasSuffix(stream.Bytes(), tail))
				} else {
					assert.Less(t, stream.Len(), whole.Len(), "no footer")
				}
			}
		})
	}
}

// After a failure of the target nothing more is written, and no memory is kept.
func TestFormatsWriterFails(t *testing.T) {
	cause := errors.New("the pipe is closed")
	for name, f := range formats {
		t.Run(name, func(t *testing.T) {
			var whole bytes.Buffer
			_, err := arrowutil.WriteStream(&whole, newReader(t, checked(t), 2, 15), f)
			require.NoError(t, err)
			mem := checked(t)
			for n := 0; n < whole.Len(); n += 37 {
				w := &limitedWriter{n: n, err: cause}
				res, err := arrowutil.WriteStream(w, newReader(t, mem, 2, 15), f, arrowutil.WithAllocator(mem))
				require.ErrorIs(t, err, cause, "at byte %d", n)
				var we *arrowutil.WriteError
				require.ErrorAs(t, err, &we)
				require.LessOrEqual(t, w.failed, 1, "nothing more is written after the failure at byte %d", n)
				require.EqualValues(t, n, res.Bytes)
			}
		})
	}
}

// ownFormat is one of somebody else.
type ownFormat struct{ err error }

func (f ownFormat) NewWriter(w io.Writer, _ *arrow.Schema, _ memory.Allocator) (arrowutil.BatchWriter, error) {
	return ownWriter{w, f.err}, nil
}
func (ownFormat) Broken() []byte { return []byte("broken") }

type ownWriter struct {
	w   io.Writer
	err error
}

func (w ownWriter) Write(b arrow.RecordBatch) error {
	if w.err != nil {
		return w.err
	}
	_, err := w.w.Write([]byte("batch\n"))
	return err
}
func (w ownWriter) Waiting() int64 { return 1000 }
func (w ownWriter) Close() error {
	_, err := w.w.Write([]byte("end\n"))
	return err
}

func TestOwnFormat(t *testing.T) {
	var out bytes.Buffer
	var seen []int64
	_, err := arrowutil.WriteStream(&out, newReader(t, checked(t), 2, 3), ownFormat{},
		arrowutil.WithProgress(func(r arrowutil.Result) { seen = append(seen, r.Bytes) }))
	require.NoError(t, err)
	assert.Equal(t, "batch\nbatch\nend\n", out.String())
	assert.Equal(t, []int64{1006, 1012}, seen, "with what waits")

	out.Reset()
	cause := errors.New("a cell that can't be")
	_, err = arrowutil.WriteStream(&out, newReader(t, checked(t), 2, 3), ownFormat{err: cause})
	require.ErrorIs(t, err, cause)
	assert.Empty(t, out.String())
}

// What a format can't be is said before anything is made.
func TestFormatsRefused(t *testing.T) {
	dir := t.TempDir()
	for _, f := range []arrowutil.Format{
		arrowutil.IPCFile{Compression: 9}, arrowutil.IPCStream{Compression: -1},
		parquet.Format{Compression: 9}, parquet.Format{Compression: -1}, parquet.Format{RowGroupRows: -1}, parquet.Format{RowGroupBytes: -1},
	} {
		rr := newReader(t, checked(t), 1, 1)
		rr.onNext = func(int) { t.Error("the reader was asked") }
		_, err := arrowutil.WriteFile(filepath.Join(dir, "out"), rr, f)
		require.Error(t, err)
		var out bytes.Buffer
		_, streamErr := arrowutil.WriteStream(&out, rr, f)
		assert.Equal(t, err, streamErr)
		assert.Zero(t, out.Len())
	}
	requireEmptyFolder(t, dir)
}

// columns makes a reader of one batch with these columns, made from JSON.
func columns(t *testing.T, mem memory.Allocator, schema *arrow.Schema, rows string) array.RecordReader {
	t.Helper()
	batch, _, err := array.RecordFromJSON(mem, schema, bytes.NewReader([]byte(rows)))
	require.NoError(t, err)
	defer batch.Release()
	rr, err := array.NewRecordReader(schema, []arrow.RecordBatch{batch})
	require.NoError(t, err)
	t.Cleanup(rr.Release)
	return rr
}
