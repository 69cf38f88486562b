package convert

import (
	"errors"
	"io"
	"math"
	"unicode/utf8"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// content says which bytes a variable column takes.
type content bool

const (
	anyBytes  content = false
	checkUTF8 content = true
)

// variable is a column of values of any length: their bytes one after another,
// and the offset at which each ends, after a first offset of zero. O is the type
// of the offsets.
type variable[O int32 | int64] struct {
	dt      arrow.DataType
	content content
	// limit is the most bytes that the offsets can count.
	limit   int64
	offsets buffer[O]
	data    buffer[byte]
	valid   validity
}

func newVariable[O int32 | int64](mem memory.Allocator, dt arrow.DataType, content content) *variable[O] {
	limit := int64(math.MaxInt64)
	if unsafe.Sizeof(O(0)) == 4 {
		limit = math.MaxInt32
	}
	return &variable[O]{
		dt: dt, content: content, limit: limit,
		offsets: newBuffer[O](mem), data: newBuffer[byte](mem), valid: newValidity(mem),
	}
}

func (c *variable[O]) Append(value []byte) error {
	if c.content == checkUTF8 && !utf8.Valid(value) {
		return ErrUTF8
	}
	start := len(c.data.vals)
	if int64(len(value)) > c.limit-int64(start) {
		return ErrFull
	}
	end := start + len(value)
	if end > cap(c.data.vals) {
		c.data.grow(len(value))
	}
	c.data.vals = c.data.vals[:end]
	copy(c.data.vals[start:], value)
	c.valid.appendValid(c.Len())
	c.appendOffset()
	return nil
}

// AppendFrom implements [LongColumn].
func (c *variable[O]) AppendFrom(src io.Reader, n int64) error {
	start := len(c.data.vals)
	if n > c.limit-int64(start) {
		return ErrFull
	}
	err := c.read(src, int(n))
	if err == nil && c.content == checkUTF8 && !utf8.Valid(c.data.vals[start:]) {
		err = ErrUTF8
	}
	if err != nil {
		c.data.cut(start)
		return err
	}
	c.valid.appendValid(c.Len())
	c.appendOffset()
	return nil
}

// trust is how many times more than what has come a length is believed. The
// larger it is, the less memory is taken beside the last piece, the one of the
// right size: with 16, a fifteenth.
const trust = 16

// read appends the next n bytes of src to the data. It makes room for all of
// them at once if n is small or some have come already, so that a length
// that isn't true costs little, and a true one no copy of much.
func (c *variable[O]) read(src io.Reader, n int) error {
	for got := 0; got < n; {
		start := len(c.data.vals)
		if start == cap(c.data.vals) {
			believed := n
			for believed/trust > max(got, largeAlloc/trust) {
				believed /= trust
			}
			c.data.grow(believed - got)
		}
		end := min(start+n-got, cap(c.data.vals))
		c.data.vals = c.data.vals[:end]
		if _, err := io.ReadFull(src, c.data.vals[start:end]); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF // there should have been more
			}
			return err
		}
		got += end - start
	}
	return nil
}

func (c *variable[O]) AppendNull() {
	c.valid.appendNull(c.Len())
	c.appendOffset()
}

// appendOffset ends a row where the data ends now.
func (c *variable[O]) appendOffset() {
	if len(c.offsets.vals) == 0 {
		c.offsets.push(0)
	}
	c.offsets.push(O(len(c.data.vals)))
}

func (c *variable[O]) Len() int { return max(len(c.offsets.vals)-1, 0) }

func (c *variable[O]) Bytes() int64 {
	return c.data.bytes() + int64(c.Len()*c.offsets.elemSize()) + c.valid.bytes()
}

func (c *variable[O]) Truncate(rows int) {
	if n := c.Len(); rows < n {
		c.valid.truncate(rows, n)
		c.offsets.vals = c.offsets.vals[:rows+1]
		c.data.cut(int(c.offsets.vals[rows]))
	}
}

func (c *variable[O]) NewArray() arrow.Array {
	rows := c.Len()
	next := 0
	if rows > 0 {
		// The batch may have ended with a giant, which seldom comes again.
		next = min(len(c.data.vals), 2*int(c.offsets.vals[rows-1]))
	}
	nulls, bits := c.valid.take()
	arr := newArray(c.dt, rows, nulls, bits, c.offsets.take(), c.data.take())
	c.data.last = next
	return arr
}

func (c *variable[O]) Release() {
	c.offsets.release()
	c.data.release()
	c.valid.release()
}

func (c *variable[O]) DataType() arrow.DataType { return c.dt }
