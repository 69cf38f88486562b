package arrowutil

import (
	"io"

	"github.com/apache/arrow-go/v18/arrow/array"
)

// WriteStream writes all batches of rr to w in the format f. A reader without
// batches gives a whole result with the schema alone.
//
// Each batch is handed to w as soon as it is there, as far as the format allows:
// Parquet keeps a row group. If rr ends with an error, that error is returned as it
// is, and the stream is broken on purpose, so that whoever reads it sees an error
// too; what is certain of that is said at each [Format]. Before the first byte
// nothing is written then at all. If w fails, the error is a *[WriteError]. The
// Result counts what was written, also beside an error.
//
// rr is read to its end and not released; w is not closed.
func WriteStream(w io.Writer, rr array.RecordReader, f Format, opts ...Option) (Result, error) {
	o := newOptions(opts)
	if err := check(f); err != nil {
		return Result{}, err
	}
	out := newOutput(w)
	writer, err := f.NewWriter(out, rr.Schema(), o.mem)
	if err != nil {
		return Result{}, writeError("", err)
	}
	res, readErr, writeErr := copyBatches(writer, out, rr, o, true)
	if readErr == nil && writeErr == nil {
		return res, nil
	}
	// A stream without a byte leaves an HTTP handler free to answer with a status
	// instead.
	if out.raw.n > 0 && out.raw.err == nil {
		_, _ = out.raw.Write(f.Broken()) // the error at hand is the one to report
	}
	res.Bytes = out.raw.n
	if readErr != nil {
		return res, readErr
	}
	return res, writeError("", writeErr)
}

// WriteIPCStream is [WriteStream] with the format [IPCStream]: an Arrow IPC stream.
// [WithCompression] sets its compression.
func WriteIPCStream(w io.Writer, rr array.RecordReader, opts ...Option) (Result, error) {
	return WriteStream(w, rr, IPCStream{Compression: newOptions(opts).compression}, opts...)
}
