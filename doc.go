// Package redisarrow is the root of a module that turns the hashes and strings
// of a Redis or Valkey cluster into Apache Arrow record batches, each key
// exactly once. There is no code in it; README.md says how to begin.
//
// What a program imports, in the order in which it uses it:
//
//   - cluster: connect, or bring a go-redis client of your own.
//   - schema: which columns a row has.
//   - iterator: the scan, as an array.RecordReader.
//   - arrowutil: write the reader's batches into a file or a stream (Arrow IPC, CSV,
//     JSON lines), or collect them into a table; arrowutil/parquet: as Parquet.
//   - convert: the policies for text that doesn't fit its column, and the
//     parsers behind the column types.
//
// Whole programs are in examples/, the command line is in cmd/redisarrow.
package redisarrow
