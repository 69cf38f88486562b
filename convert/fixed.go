package convert

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// fixedWidth are the values that Arrow keeps side by side, each in as many
// bytes as Go does.
type fixedWidth interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32 | ~float64 | decimal128.Num
}

// fixed is a column of values of equal size.
type fixed[T fixedWidth] struct {
	dt    arrow.DataType
	parse func([]byte) (T, error)
	vals  buffer[T]
	valid validity
}

func newFixed[T fixedWidth](mem memory.Allocator, dt arrow.DataType, parse func([]byte) (T, error)) *fixed[T] {
	return &fixed[T]{dt: dt, parse: parse, vals: newBuffer[T](mem), valid: newValidity(mem)}
}

func (c *fixed[T]) Append(value []byte) error {
	v, err := c.parse(value)
	if err != nil {
		return err
	}
	c.appendValue(v)
	return nil
}

func (c *fixed[T]) appendValue(v T) {
	c.valid.appendValid(len(c.vals.vals))
	c.vals.push(v)
}

func (c *fixed[T]) AppendNull() {
	c.valid.appendNull(len(c.vals.vals))
	var zero T
	c.vals.push(zero)
}

func (c *fixed[T]) Len() int { return len(c.vals.vals) }

func (c *fixed[T]) Bytes() int64 { return c.vals.bytes() + c.valid.bytes() }

func (c *fixed[T]) Truncate(rows int) {
	if n := c.Len(); rows < n {
		c.valid.truncate(rows, n)
		c.vals.vals = c.vals.vals[:rows]
	}
}

func (c *fixed[T]) NewArray() arrow.Array {
	rows := c.Len()
	nulls, bits := c.valid.take()
	return newArray(c.dt, rows, nulls, bits, c.vals.take())
}

func (c *fixed[T]) Release() {
	c.vals.release()
	c.valid.release()
}

func (c *fixed[T]) DataType() arrow.DataType { return c.dt }

// Int64Column is a Column of 64-bit integers, or of timestamps, that takes
// numbers as well as text: for cells that don't come as text, such as TTLs.
type Int64Column struct {
	fixed[int64]
}

var _ Column = (*Int64Column)(nil)

// NewInt64Column makes an empty column of type int64, or timestamp of any unit
// and time zone. For another type, or an unknown zone, the error wraps ErrType.
func NewInt64Column(mem memory.Allocator, dt arrow.DataType) (*Int64Column, error) {
	c, err := NewColumn(mem, dt, Options{})
	if err != nil {
		return nil, err
	}
	ints, ok := c.(*fixed[int64])
	if !ok {
		return nil, fmt.Errorf("%w: %s is neither int64 nor timestamp", ErrType, dt)
	}
	return &Int64Column{*ints}, nil
}

// AppendInt64 adds a row with v, for a timestamp in the column's unit, since the
// epoch.
func (c *Int64Column) AppendInt64(v int64) { c.appendValue(v) }
