package parquet

import (
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/redisarrow/redisarrow/arrowutil"
)

// The defaults of a [Format].
const (
	DefaultRowGroupRows  = 262_144   // rows
	DefaultRowGroupBytes = 128 << 20 // bytes
)

// Format is the Parquet format, version 2.6, with data pages that old readers know
// too. The zero value has the defaults. A file without its footer can't be read, so
// a stream that failed isn't taken for a whole one.
type Format struct {
	// Compression is how pages are compressed; the zero value is [Snappy].
	Compression Compression

	// RowGroupRows is the number of rows of each row group; only the last one may
	// have fewer, but for RowGroupBytes. 0 means [DefaultRowGroupRows]. Readers skip
	// whole row groups by their statistics, and share them among their threads:
	// fewer rows allow more of both, more rows make smaller files.
	RowGroupRows int

	// RowGroupBytes ends a row group early, with the batch that makes its data, as it
	// is in Arrow, reach so many bytes. 0 means [DefaultRowGroupBytes]. A row group is
	// kept in memory, encoded and compressed, until it is whole.
	RowGroupBytes int64

	// NoStatistics leaves out the least and the greatest value of each page and row
	// group, and the number of its nulls. They are values of the data, readable by
	// whoever may read the file's footer.
	NoStatistics bool
}

var _ arrowutil.Format = Format{}

// Validate refuses an unknown compression and negative sizes.
func (f Format) Validate() error {
	switch {
	case f.Compression < 0 || int(f.Compression) >= len(codecs):
		return fmt.Errorf("parquet: unknown compression %v: use Snappy, None, LZ4, ZSTD or Gzip", f.Compression)
	case f.RowGroupRows < 0:
		return fmt.Errorf("parquet: RowGroupRows is %d: give a number of rows, or 0 for the default", f.RowGroupRows)
	case f.RowGroupBytes < 0:
		return fmt.Errorf("parquet: RowGroupBytes is %d: give a number of bytes, or 0 for the default", f.RowGroupBytes)
	}
	return nil
}

// Broken is nil: without its footer a Parquet file can't be read.
func (f Format) Broken() []byte { return nil }

// NewWriter is for arrowutil.WriteFile and WriteStream.
func (f Format) NewWriter(w io.Writer, schema *arrow.Schema, mem memory.Allocator) (arrowutil.BatchWriter, error) {
	out := &writer{sink: gate{w: w, open: true}, mostRows: int64(f.RowGroupRows), mostBytes: f.RowGroupBytes}
	if out.mostRows == 0 {
		out.mostRows = DefaultRowGroupRows
	}
	if out.mostBytes == 0 {
		out.mostBytes = DefaultRowGroupBytes
	}
	properties := parquet.NewWriterProperties(
		parquet.WithAllocator(mem),
		parquet.WithVersion(parquet.V2_6), // nanoseconds
		parquet.WithDataPageVersion(parquet.DataPageV1),
		parquet.WithCompression(codecs[f.Compression].codec),
		parquet.WithMaxRowGroupLength(out.mostRows),
		parquet.WithStats(!f.NoStatistics),
	)
	var err error
	out.file, err = pqarrow.NewFileWriter(schema, &out.sink, properties,
		pqarrow.NewArrowWriterProperties(pqarrow.WithAllocator(mem), pqarrow.WithStoreSchema()))
	if err != nil {
		return nil, fmt.Errorf("this schema as Parquet: %w", err)
	}
	out.sink.open = false
	return out, nil
}
