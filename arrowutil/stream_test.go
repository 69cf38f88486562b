package arrowutil_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/arrowutil"
)

func TestWriteIPCStream(t *testing.T) {
	for _, c := range []arrowutil.Compression{arrowutil.None, arrowutil.LZ4, arrowutil.ZSTD} {
		for _, batches := range []int{0, 1, 4} {
			mem := checked(t)
			var buf bytes.Buffer
			calls := 0
			res, err := arrowutil.WriteIPCStream(&buf, newReader(t, mem, batches, 300),
				arrowutil.WithCompression(c), arrowutil.WithAllocator(mem),
				arrowutil.WithProgress(func(arrowutil.Result) { calls++ }))
			require.NoError(t, err)
			assert.Equal(t, arrowutil.Result{
				Rows: int64(300 * batches), Batches: int64(batches), Bytes: int64(buf.Len()),
			}, res)
			assert.Equal(t, batches, calls)
			got, err := readStream(&buf)
			require.NoError(t, err)
			requireBatches(t, got, batches, 300)
		}
	}
}

// A consumer at the other end of a pipe can't see our exit status: a stream
// that failed has to look broken from there.
func TestWriteIPCStreamReaderFails(t *testing.T) {
	for _, after := range []int{1, 3} {
		mem := checked(t)
		var buf bytes.Buffer
		rr := newReader(t, mem, after, 50)
		rr.err = errReader
		res, err := arrowutil.WriteIPCStream(&buf, rr, arrowutil.WithAllocator(mem))
		assert.Same(t, errReader, err)
		assert.EqualValues(t, after, res.Batches)
		assert.EqualValues(t, buf.Len(), res.Bytes)

		got, err := readStream(&buf)
		require.Error(t, err, "a failed stream must not be read as a whole one")
		requireBatches(t, got, after, 50)
	}
	t.Run("before the first batch", func(t *testing.T) {
		var buf bytes.Buffer
		rr := newReader(t, checked(t), 0, 0)
		rr.err = errReader
		_, err := arrowutil.WriteIPCStream(&buf, rr)
		assert.Same(t, errReader, err)
		assert.Zero(t, buf.Len())
		_, err = readStream(&buf)
		require.Error(t, err)
	})
}

// limitedWriter fails at byte n, having taken what fits.
type limitedWriter struct {
	n      int
	err    error
	failed int // calls after the failure
}

func (w *limitedWriter) Write(p []byte) (int, error) {
	if w.n == 0 {
		w.failed++
	}
	if len(p) <= w.n {
		w.n -= len(p)
		return len(p), nil
	}
	n := w.n
	w.n = 0
	return n, w.err
}

func TestWriteIPCStreamWriterFails(t *testing.T) {
	var whole bytes.Buffer
	_, err := arrowutil.WriteIPCStream(&whole, newReader(t, checked(t), 3, 20))
	require.NoError(t, err)

	cause := errors.New("the pipe is closed")
	mem := checked(t)
	for n := range whole.Len() {
		w := &limitedWriter{n: n, err: cause}
		res, err := arrowutil.WriteIPCStream(w, newReader(t, mem, 3, 20), arrowutil.WithAllocator(mem))
		require.ErrorIs(t, err, cause, "at byte %d", n)
		var we *arrowutil.WriteError
		require.ErrorAs(t, err, &we)
		assert.Empty(t, we.Path)
		require.LessOrEqual(t, w.failed, 1, "nothing more is written after the failure at byte %d", n)
		require.EqualValues(t, n, res.Bytes)
	}
}

// A batch doesn't wait in a buffer for the next one.
func TestWriteIPCStreamEachBatchAtOnce(t *testing.T) {
	rd, wr := io.Pipe()
	mem := checked(t)
	rr := newReader(t, mem, 2, 5)
	second := make(chan struct{})
	rr.onNext = func(done int) {
		if done == 1 {
			<-second // the consumer has the first batch before there is a second
		}
	}
	go func() {
		_, err := arrowutil.WriteIPCStream(wr, rr)
		wr.CloseWithError(err)
	}()
	first := &firstBatch{rd: rd, size: firstBatchSize(t), seen: second}
	got, err := readStream(first)
	require.NoError(t, err)
	requireBatches(t, got, 2, 5)
}

// firstBatch closes seen when the bytes of the schema and one batch are read.
type firstBatch struct {
	rd   io.Reader
	size int
	seen chan struct{}
}

func (f *firstBatch) Read(p []byte) (int, error) {
	n, err := f.rd.Read(p)
	if f.size > 0 && f.size-n <= 0 {
		close(f.seen)
	}
	f.size -= n
	return n, err
}

func firstBatchSize(t *testing.T) int {
	var buf bytes.Buffer
	_, err := arrowutil.WriteIPCStream(&buf, newReader(t, checked(t), 1, 5))
	require.NoError(t, err)
	return buf.Len() - 8 // less the end mark
}
