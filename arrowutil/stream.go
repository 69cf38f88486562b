package arrowutil

import (
	"io"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
)

// brokenTail begins a message that never comes: the continuation mark and the
// length of its metadata. By Arrow's rules a stream that merely stops between
// two messages is whole, so the consumer at the other end of a pipe would take
// the rows of a failed scan for all there are. With this tail every Arrow
// library reports a truncated stream.
var brokenTail = []byte{0xff, 0xff, 0xff, 0xff, 0x08, 0x00, 0x00, 0x00}

// WriteIPCStream writes all batches of rr to w as an Arrow IPC stream. A reader
// without batches gives a stream with the schema alone.
//
// Each batch is handed to w as soon as it is there. If rr ends with an error,
// that error is returned as it is, and the stream is broken on purpose, so that
// whoever reads it sees an error too. If w fails, the error is a *[WriteError].
// The Result counts what was written, also beside an error.
//
// rr is read to its end and not released; w is not closed.
func WriteIPCStream(w io.Writer, rr array.RecordReader, opts ...Option) (Result, error) {
	o := newOptions(opts)
	ipcOpts, err := o.ipcOptions()
	if err != nil {
		return Result{}, err
	}

	out := newOutput(w)
	writer := ipc.NewWriter(out, append(ipcOpts, ipc.WithSchema(rr.Schema()))...)
	res, readErr, writeErr := copyBatches(writer, out, rr, o, true)
	if readErr == nil && writeErr == nil {
		return res, nil
	}
	// A stream without a byte is an error to every library already, and leaves
	// an HTTP handler free to answer with a status instead.
	if out.raw.n > 0 && out.raw.err == nil {
		_, _ = out.raw.Write(brokenTail) // the error at hand is the one to report
	}
	res.Bytes = out.raw.n
	if readErr != nil {
		return res, readErr
	}
	return res, writeError("", writeErr)
}
