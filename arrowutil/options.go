package arrowutil

import "github.com/apache/arrow-go/v18/arrow/memory"

// Option changes how [WriteFile], [WriteStream] and their kin write.
type Option func(*options)

type options struct {
	compression Compression
	mem         memory.Allocator
	progress    func(Result)
}

// WithCompression compresses the buffers of every batch of [WriteIPCFile] and
// [WriteIPCStream]; the other functions go by the fields of their [Format]. The
// default is [None].
func WithCompression(c Compression) Option {
	return func(o *options) { o.compression = c }
}

// WithAllocator sets where the writer takes its own memory from (messages,
// compressed buffers, pages). The default is memory.DefaultAllocator.
func WithAllocator(mem memory.Allocator) Option {
	return func(o *options) { o.mem = mem }
}

// WithProgress calls f after each batch, with the totals so far, on the
// goroutine that writes. The writing waits for f.
func WithProgress(f func(Result)) Option {
	return func(o *options) { o.progress = f }
}

func newOptions(opts []Option) options {
	o := options{mem: memory.DefaultAllocator, progress: func(Result) {}}
	for _, opt := range opts {
		opt(&o)
	}
	return o
}
