// Package arrowutil is what to do with an [array.RecordReader]: write it into a
// file or a stream, or collect it into an [arrow.Table].
//
// It knows nothing of Redis: the readers of package iterator go in, and so does
// any other.
//
//   - [WriteFile] writes a file that is either whole or not there at all.
//   - [WriteStream] writes to any [io.Writer]; a stream that failed can't be taken
//     for a whole one.
//   - [Collect] keeps everything in memory.
//
// What is written is a [Format]: [IPCFile], [IPCStream], [CSV], [JSONLines], and
// Parquet, which is in package arrowutil/parquet since it brings much along that
// nobody else needs. [WriteIPCFile] and [WriteIPCStream] are short for the first two.
//
// # Lifetimes
//
// Every function here reads its reader to the end, or to the first error, asks
// it for Err, and never releases it: that stays with the caller. Batches are
// used while they are lent and not kept, except by [Collect], which retains them.
//
// None takes a context. To interrupt one, end its reader: cancel the context
// that the reader was made with.
//
// # Limits
//
// arrow-go's own IPC readers refuse a batch whose body is over 256 MiB unless
// told otherwise (ipc.WithBodySizeLimit); the writers here have no such limit.
package arrowutil
