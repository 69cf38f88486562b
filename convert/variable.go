package convert

import (
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
		c.data.vals = c.data.vals[:c.offsets.vals[rows]]
	}
}

func (c *variable[O]) NewArray() arrow.Array {
	rows := c.Len()
	nulls, bits := c.valid.take()
	return newArray(c.dt, rows, nulls, bits, c.offsets.take(), c.data.take())
}

func (c *variable[O]) Release() {
	c.offsets.release()
	c.data.release()
	c.valid.release()
}

func (c *variable[O]) DataType() arrow.DataType { return c.dt }
