package arrowutil

import (
	"bufio"
	"errors"
	"io"

	"github.com/apache/arrow-go/v18/arrow/array"
)

// bufferSize joins the writer's many small pieces (headers, padding, bitmaps);
// larger buffers go past it unchanged.
const bufferSize = 64 << 10

// Result is what was written.
type Result struct {
	Rows    int64 // rows
	Batches int64 // record batches
	Bytes   int64 // bytes handed to the file or the writer, headers included; in a progress also those that wait for it
}

// output stands between a format's writer and the target: it buffers, counts,
// and after a failure lets nothing through any more. The last is needed
// because arrow's writers have to be closed (they hold memory), and write the end
// mark or the footer when closed, whatever happened before. Nor does it tell them
// of the failure: once told, Parquet's keeps its memory.
type output struct {
	buf *bufio.Writer
	raw *countingWriter
	err error
}

func newOutput(w io.Writer) *output {
	raw := &countingWriter{w: w}
	return &output{buf: bufio.NewWriterSize(raw, bufferSize), raw: raw}
}

func (o *output) Write(p []byte) (int, error) {
	if o.err == nil {
		_, o.err = o.buf.Write(p)
	}
	return len(p), nil
}

// failed is what is wrong after a call of the writer, which returned err.
func (o *output) failed(err error) error {
	if err == nil {
		return o.err
	}
	return err
}

func (o *output) flush() error {
	if o.err != nil {
		return o.err
	}
	o.err = o.buf.Flush()
	return o.err
}

// bytes includes what still waits in the buffer.
func (o *output) bytes() int64 { return o.raw.n + int64(o.buf.Buffered()) }

type countingWriter struct {
	w   io.Writer
	n   int64
	err error // the first error of w
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	if c.err == nil {
		c.err = err
	}
	return n, err
}

// copyBatches writes all of rr to w, then closes w. readErr is the reader's
// own error, writeErr anything else; one of them at most is set.
// With flushEach a batch leaves the buffer as soon as it is written.
func copyBatches(w BatchWriter, out *output, rr array.RecordReader, o options, flushEach bool) (res Result, readErr, writeErr error) {
	closed := false
	waiting := func() int64 { return 0 }
	if w, ok := w.(interface{ Waiting() int64 }); ok {
		waiting = w.Waiting
	}
	defer func() {
		res.Bytes = out.bytes()
		if !closed {
			if out.err == nil {
				out.err = errAborted
			}
			_ = w.Close() // gives its memory back; nothing is written any more
		}
	}()

	for rr.Next() {
		batch := rr.RecordBatch()
		if err := out.failed(w.Write(batch)); err != nil {
			return res, nil, err
		}
		if flushEach {
			if err := out.flush(); err != nil {
				return res, nil, err
			}
		}
		res.Rows += batch.NumRows()
		res.Batches++
		res.Bytes = out.bytes() + waiting()
		o.progress(res)
	}
	if err := rr.Err(); err != nil {
		return res, err, nil
	}

	closed = true
	if err := out.failed(w.Close()); err != nil {
		return res, nil, err
	}
	return res, nil, out.flush()
}

var errAborted = errors.New("arrowutil: writing was given up")
