package parquet

import (
	"fmt"

	"github.com/apache/arrow-go/v18/parquet/compress"
)

// Compression is how the pages are compressed. The zero value is [Snappy].
type Compression int

// What common readers of Parquet take; LZ4 is what the format calls LZ4_RAW, which
// some older ones don't know.
const (
	Snappy Compression = iota // fast, moderately small; what most programs write
	None                      // not compressed
	LZ4                       // about as Snappy
	ZSTD                      // Zstandard: slower, small
	Gzip                      // slow, small; for readers that know nothing newer
)

var codecs = []struct {
	name  string
	codec compress.Compression
}{
	Snappy: {"snappy", compress.Codecs.Snappy},
	None:   {"none", compress.Codecs.Uncompressed},
	LZ4:    {"lz4", compress.Codecs.Lz4Raw},
	ZSTD:   {"zstd", compress.Codecs.Zstd},
	Gzip:   {"gzip", compress.Codecs.Gzip},
}

// ParseCompression reads "snappy", "none", "lz4", "zstd" or "gzip".
func ParseCompression(text string) (Compression, error) {
	for c, codec := range codecs {
		if codec.name == text {
			return Compression(c), nil
		}
	}
	return Snappy, fmt.Errorf("unknown compression %q: use snappy, none, lz4, zstd or gzip", text)
}

// String returns the text that [ParseCompression] reads.
func (c Compression) String() string {
	if c < 0 || int(c) >= len(codecs) {
		return fmt.Sprintf("Compression(%d)", int(c))
	}
	return codecs[c].name
}
