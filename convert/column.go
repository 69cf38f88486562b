package convert

import (
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Column takes the cells of one column, row by row, as bytes, and makes Arrow
// arrays of them. It isn't safe for use by several goroutines at once.
type Column interface {
	// Append parses value and adds a row with it. The bytes are copied or
	// parsed before it returns. On an error (ErrSyntax, ErrRange, ErrScale,
	// ErrUTF8, ErrFull, as they are) the column is unchanged.
	Append(value []byte) error

	// AppendNull adds a row that is null.
	AppendNull()

	// Len is the number of rows now in the column.
	Len() int

	// Bytes is the size in bytes of the data of these rows: values, offsets,
	// and validity if there are nulls. It is cheap enough to ask for each row.
	Bytes() int64

	// Truncate cuts the column back to its first rows. Asked for as many as
	// it has or more, it does nothing. rows is not negative.
	Truncate(rows int)

	// NewArray makes an array of the rows, which owns their memory from then
	// on (the caller releases it), and leaves the column empty, for the rows
	// of the next batch. Nothing is copied, unless more than a third of the
	// memory, and more than 4 KiB of it, isn't used.
	NewArray() arrow.Array

	// Release gives all memory back. The column is empty then; it may be used
	// again, and released again.
	Release()

	// DataType is the Arrow type of the arrays.
	DataType() arrow.DataType
}

// LongColumn is a Column that holds its values' text: text and binary. A long
// value need not be in memory beside the column to be appended.
type LongColumn interface {
	Column

	// AppendFrom adds a row as Append does, with the next n bytes of src, read
	// into the column's own memory. Memory is taken for as many as come, not
	// for as many as n says: 16 times as many at most, or 1 MiB. On an error
	// (ErrFull, for which nothing is read; ErrUTF8; src's own; or
	// io.ErrUnexpectedEOF if src has fewer bytes) the column is unchanged.
	AppendFrom(src io.Reader, n int64) error
}

// Options are what a column's type doesn't say about its text.
type Options struct {
	// EpochUnit is the unit of plain numbers in a timestamp column: that of
	// what is stored, not of the column. With nil they are told apart by their
	// size, as ParseTimestamp describes. For other types it must be nil.
	EpochUnit *arrow.TimeUnit
}

// NewColumn makes an empty column for one of the types
//
//	int8 int16 int32 int64 uint8 uint16 uint32 uint64   ParseInt64, ParseUint64, within the type's range
//	float32 float64                                     ParseFloat64
//	decimal128, of any precision and scale from 0 to it ParseDecimal128
//	bool                                                ParseBool
//	date32                                              ParseDate
//	timestamp, of any unit and time zone                ParseTimestamp
//	utf8 large_utf8                                     valid UTF-8, byte for byte
//	binary large_binary                                 any bytes
//
// where each takes the text that the function beside it describes. For any
// other type, an unknown time zone, another scale, or options that don't go with
// the type, the error wraps ErrType. Memory is taken from mem, beginning with the first row.
func NewColumn(mem memory.Allocator, dt arrow.DataType, opts Options) (Column, error) {
	if dt == nil {
		return nil, fmt.Errorf("%w: no type given", ErrType)
	}
	if opts.EpochUnit != nil && dt.ID() != arrow.TIMESTAMP {
		return nil, fmt.Errorf("%w: an epoch unit is for timestamps, not for %s", ErrType, dt)
	}
	switch dt.ID() {
	case arrow.INT8:
		return newFixed(mem, dt, parseSigned[int8]), nil
	case arrow.INT16:
		return newFixed(mem, dt, parseSigned[int16]), nil
	case arrow.INT32:
		return newFixed(mem, dt, parseSigned[int32]), nil
	case arrow.INT64:
		return newFixed(mem, dt, ParseInt64), nil
	case arrow.UINT8:
		return newFixed(mem, dt, parseUnsigned[uint8]), nil
	case arrow.UINT16:
		return newFixed(mem, dt, parseUnsigned[uint16]), nil
	case arrow.UINT32:
		return newFixed(mem, dt, parseUnsigned[uint32]), nil
	case arrow.UINT64:
		return newFixed(mem, dt, ParseUint64), nil
	case arrow.FLOAT32:
		return newFixed(mem, dt, parseFloat32), nil
	case arrow.FLOAT64:
		return newFixed(mem, dt, ParseFloat64), nil
	case arrow.DECIMAL128:
		return newDecimal(mem, dt)
	case arrow.BOOL:
		return newBoolean(mem, dt), nil
	case arrow.DATE32:
		return newFixed(mem, dt, ParseDate), nil
	case arrow.TIMESTAMP:
		return newTimestamp(mem, dt, opts.EpochUnit)
	case arrow.STRING:
		return newVariable[int32](mem, dt, checkUTF8), nil
	case arrow.LARGE_STRING:
		return newVariable[int64](mem, dt, checkUTF8), nil
	case arrow.BINARY:
		return newVariable[int32](mem, dt, anyBytes), nil
	case arrow.LARGE_BINARY:
		return newVariable[int64](mem, dt, anyBytes), nil
	}
	return nil, fmt.Errorf("%w: %s", ErrType, dt)
}

// newArray makes an array of buffers whose references it takes over. A nil one
// is a validity bitmap that isn't needed.
func newArray(dt arrow.DataType, rows, nulls int, buffers ...*memory.Buffer) arrow.Array {
	data := array.NewData(dt, rows, buffers, nil, nulls, 0)
	defer data.Release()
	memory.ReleaseBuffers(buffers)
	return array.MakeFromData(data)
}
