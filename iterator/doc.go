// Package iterator turns the hashes and strings of a Redis or Valkey cluster
// into Arrow record batches: each key that exists during the whole scan gives
// exactly one row, while slots migrate and masters fail over; or, where that can't
// be mended, the scan ends with [ErrIncomplete].
//
// [NewClusterHashBatchIterator] and [NewClusterStringBatchIterator] take a
// go-redis client and a schema; what they return is an [array.RecordReader].
//
// [InferHash] and [InferString] look at some keys of each master (package
// internal/sample) and propose such a schema.
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
//
// # What it does
//
// [BatchReader.Stats] has counters at any time, of all and of each node, and how far
// the scan has come; they print as a table, and as JSON with names that stay.
// [Config.Observer] is told event by event: pages, batches, retries, redirects, how
// the cluster stands, begin and end; package oteliterator, a module of its own, makes
// OpenTelemetry spans and metrics of them. [Config.Logger] takes what goes wrong and
// is mended. Nothing is printed, logged or sent unless it is asked for.
//
// # Where rows come from
//
// The metadata of a reader's schema, so also of an Arrow or Parquet file made of
// it, says which cluster was read when, with which pattern and schema, and by which
// version of this library: see [MetadataCluster] and what stands beside it. It holds
// no user and no password.
//
// # Memory
//
// Each worker of a scan (Config.Concurrency) has a batch of Config.BatchBytes
// in the making, and the caller the one that Next has read. A row counts whole
// to the batch that it ends: so with values that are larger than BatchBytes,
// each worker has one of them and the caller another. A text or binary value
// comes from the connection into its column: while it is read it takes its own
// size and a fifteenth of it. Keys come in pages of CountHint, three of them at
// most; where they are long, a page has 4 MiB, but for the one in which they
// are met. Beside that there are some hundred KiB of buffers and the ledger: 10 to
// 12 bytes for a key, from when it is listed until its slot is done, at most
// Config.MaxLedgerBytes.
//
// What is no longer used is free again when Go's collector has run: with the
// default settings a process may have twice as much resident. GOMEMLIMIT
// (see [runtime/debug.SetMemoryLimit]) bounds that.
//
// A server keeps replies that aren't read yet in its own memory. Config.MaxInFlightBytes of
// them are asked for at a time, going by the values seen: it begins with one key, and
// a giant that comes as a surprise can have others behind it, on two pages at
// most. Where that is too much, lower CountHint.
package iterator
