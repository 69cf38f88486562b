// Package iterator turns the hashes and strings of a Redis or Valkey cluster
// into Arrow record batches: each key that exists during the whole scan gives
// exactly one row, or the scan ends with [ErrIncomplete].
//
// [NewClusterHashBatchIterator] and [NewClusterStringBatchIterator] take a
// go-redis client and a schema; what they return is an [array.RecordReader].
//
// How the parts meet: a kind (hash.go, string.go) says which commands a key
// is asked with and reads their replies; a builder (builder.go) gathers the
// cells into the columns of a batch and applies the policy for bad cells; the
// scan (package internal/scan) calls the builders, one for each master that
// is scanned at a time; a [BatchReader] (reader.go) hands the batches to the
// caller and joins what is left over (remainder.go). Another Redis type is
// one more file beside hash.go and string.go.
//
//	scan ─► builder ─► block ─► BatchReader.Next ─► arrow.RecordBatch
//	         ▲   │
//	     kind┘   └─ convert.Column for each column
package iterator
