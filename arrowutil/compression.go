package arrowutil

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Compression is how the buffers of an IPC file or stream are compressed. The
// zero value is [None].
type Compression int

// The compressions that Arrow's IPC format knows. All Arrow libraries since
// 1.0 read all of them.
const (
	None Compression = iota // not compressed; can be mapped into memory as it is
	LZ4                     // LZ4 frames: fast, moderately small
	ZSTD                    // Zstandard: slower, smallest
)

// ParseCompression reads "none", "lz4" or "zstd".
func ParseCompression(text string) (Compression, error) {
	for _, c := range []Compression{None, LZ4, ZSTD} {
		if c.String() == text {
			return c, nil
		}
	}
	return None, fmt.Errorf("unknown compression %q: use none, lz4 or zstd", text)
}

// String returns the text that [ParseCompression] reads.
func (c Compression) String() string {
	switch c {
	case None:
		return "none"
	case LZ4:
		return "lz4"
	case ZSTD:
		return "zstd"
	default:
		return fmt.Sprintf("Compression(%d)", int(c))
	}
}

func (c Compression) validate() error {
	if c < None || c > ZSTD {
		return fmt.Errorf("unknown compression %v: use None, LZ4 or ZSTD", c)
	}
	return nil
}

func (c Compression) ipcOptions(schema *arrow.Schema, mem memory.Allocator) []ipc.Option {
	options := []ipc.Option{ipc.WithSchema(schema), ipc.WithAllocator(mem)}
	switch c {
	case LZ4:
		return append(options, ipc.WithLZ4())
	case ZSTD:
		return append(options, ipc.WithZstd())
	default:
		return options
	}
}
