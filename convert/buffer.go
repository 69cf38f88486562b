package convert

import (
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow/memory"
)

const (
	// minAlloc is the size in bytes of a buffer's first allocation: one that
	// spares small batches most of their growth.
	minAlloc = 512
	// maxWaste is what a buffer may hold beyond one and a half times its data
	// when it is handed over, in bytes. Below that a copy isn't worth it.
	maxWaste = 4096
	// largeAlloc is from where on a buffer grows by a quarter instead of
	// doubling, in bytes: what it grows by is what it may hold in vain.
	largeAlloc = 1 << 20
)

// buffer is a growing run of values in memory of an Arrow allocator, which
// becomes a memory.Buffer without a copy. Nothing is allocated until the first
// value comes. T holds no pointers.
type buffer[T any] struct {
	mem memory.Allocator
	raw *memory.Buffer
	// vals is raw seen as values: its length is what is used, its capacity
	// what is allocated. It must never grow by append, which would leave raw:
	// grow comes first.
	vals []T
	// last is how many values the batch before held: the next one starts with
	// that, so that batches of like size never grow theirs. Who knows that they
	// won't be alike sets it.
	last int
}

func newBuffer[T any](mem memory.Allocator) buffer[T] {
	return buffer[T]{mem: mem}
}

func (b *buffer[T]) elemSize() int {
	var zero T
	return int(unsafe.Sizeof(zero))
}

// push adds v. It is small, so that it can be inlined.
func (b *buffer[T]) push(v T) {
	if len(b.vals) == cap(b.vals) {
		b.grow(1)
	}
	b.vals = append(b.vals, v)
}

// grow makes room for n more values.
func (b *buffer[T]) grow(n int) {
	size := b.elemSize()
	want := len(b.vals) + n
	if b.raw == nil {
		b.raw = memory.NewResizableBuffer(b.mem)
		want = max(want, b.last+b.last/64, minAlloc/size)
	} else {
		more := cap(b.vals)
		if more*size >= largeAlloc {
			more /= 4
		}
		want = max(want, cap(b.vals)+more)
	}
	b.raw.Reserve(want * size)
	b.view(len(b.vals))
}

// view looks at raw anew after it has moved.
func (b *buffer[T]) view(length int) {
	mem := b.raw.Buf()
	b.vals = unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(mem))), len(mem)/b.elemSize())[:length]
}

func (b *buffer[T]) bytes() int64 { return int64(len(b.vals)) * int64(b.elemSize()) }

// take hands the memory over; the caller owns the reference. The buffer is
// empty afterwards. The result is never nil: arrow-go takes a missing data
// buffer for nulls in some places.
func (b *buffer[T]) take() *memory.Buffer {
	raw, used := b.raw, len(b.vals)*b.elemSize()
	b.last = len(b.vals)
	b.raw, b.vals = nil, nil
	switch {
	case raw == nil:
		return memory.NewBufferBytes([]byte{})
	case raw.Cap() > used+used/2+maxWaste:
		exact := b.copyOf(raw, used)
		raw.Release()
		return exact
	}
	raw.ResizeNoShrink(used)
	return raw
}

// copyOf is a buffer with the first bytes of another. Shrinking that one in
// place wouldn't do: Go's allocator gives nothing back.
func (b *buffer[T]) copyOf(raw *memory.Buffer, size int) *memory.Buffer {
	exact := memory.NewResizableBuffer(b.mem)
	exact.Resize(size)
	copy(exact.Bytes(), raw.Buf())
	return exact
}

// cut shortens the buffer to n values. If that is less than half of a large
// one, the memory is given back: a giant that was given up must not be held
// until the end of the batch. What it costs to copy is less than what the
// giant has cost.
func (b *buffer[T]) cut(n int) {
	gone := len(b.vals) - n
	b.vals = b.vals[:n]
	if gone <= n || gone*b.elemSize() < largeAlloc {
		return
	}
	if n == 0 {
		b.release()
		return
	}
	small := b.copyOf(b.raw, n*b.elemSize())
	b.raw.Release()
	b.raw = small
	b.view(n)
}

func (b *buffer[T]) release() {
	if b.raw != nil {
		b.raw.Release()
	}
	b.raw, b.vals = nil, nil
}
