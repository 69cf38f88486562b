package arrowutil

import (
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// IPCFile is the Arrow IPC file, also known as Feather V2: batches that can be read
// in any order, with what is said of them at the end. Broken off, it can't be read.
type IPCFile struct {
	Compression Compression // of the buffers of every batch
}

// IPCStream is the Arrow IPC stream: a batch after the other, for a pipe or a
// socket. After a failure it ends with the beginning of a message that never
// comes, so every Arrow library reports it as truncated.
type IPCStream struct {
	Compression Compression // of the buffers of every batch
}

// Validate refuses an unknown compression.
func (f IPCFile) Validate() error { return f.Compression.validate() }

// NewWriter is for [WriteFile] and [WriteStream].
func (f IPCFile) NewWriter(w io.Writer, schema *arrow.Schema, mem memory.Allocator) (BatchWriter, error) {
	return ipc.NewFileWriter(w, f.Compression.ipcOptions(schema, mem)...)
}

// Broken is nil: without its end the file can't be read.
func (f IPCFile) Broken() []byte { return nil }

// Validate refuses an unknown compression.
func (f IPCStream) Validate() error { return f.Compression.validate() }

// NewWriter is for [WriteFile] and [WriteStream].
func (f IPCStream) NewWriter(w io.Writer, schema *arrow.Schema, mem memory.Allocator) (BatchWriter, error) {
	return ipc.NewWriter(w, f.Compression.ipcOptions(schema, mem)...), nil
}

// Broken begins a message that never comes: the continuation mark and the length
// of its metadata. By Arrow's rules a stream that merely stops between two messages
// is whole, so the consumer at the other end of a pipe would take the rows of a
// failed scan for all there are.
func (f IPCStream) Broken() []byte {
	return []byte{0xff, 0xff, 0xff, 0xff, 0x08, 0x00, 0x00, 0x00}
}
