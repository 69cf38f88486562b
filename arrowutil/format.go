package arrowutil

import (
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Format is how batches become bytes: [IPCFile], [IPCStream], [CSV], [JSONLines],
// the Parquet of package arrowutil/parquet, or one's own. Its values may be used by
// several goroutines at once. One that has fields may have a method Validate() error,
// which is asked before anything is made.
type Format interface {
	// NewWriter begins a file or stream of batches of this schema. w tells of no
	// failure: [WriteFile] and [WriteStream], which give it, see to that, and write
	// no more to their target after one.
	NewWriter(w io.Writer, schema *arrow.Schema, mem memory.Allocator) (BatchWriter, error)

	// Broken is what makes a stream look broken that ends in the middle; nil where
	// its end is missed anyway.
	Broken() []byte
}

// BatchWriter writes batches in a [Format]. Close is called once, whatever
// happened before, writes what has to be at the end, and gives all memory back; w
// stays open. A BatchWriter that holds back much of what it was given may have a
// method Waiting() int64 that says how many bytes: they are told to [WithProgress].
type BatchWriter interface {
	// Write writes a batch, which it doesn't keep, or holds back what is in it.
	Write(arrow.RecordBatch) error
	// Close ends the output.
	Close() error
}

// check refuses a format whose fields can't be, before anything is made.
func check(f Format) error {
	if f, ok := f.(interface{ Validate() error }); ok {
		return f.Validate()
	}
	return nil
}
