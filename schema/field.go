package schema

import "github.com/apache/arrow-go/v18/arrow"

// Utf8 is a data column of text. Bytes that aren't valid UTF-8 are a
// conversion failure, never altered; for those take [Binary]. A stored empty
// string is "", not null.
func Utf8(name string) Column { return field(name, arrow.BinaryTypes.String) }

// Binary is a data column of bytes, as they are stored.
func Binary(name string) Column { return field(name, arrow.BinaryTypes.Binary) }

// LargeUtf8 is [Utf8] with 64-bit offsets, for readers that want these; it
// takes 4 bytes more a row. No single batch needs it: see BatchBytes in package
// iterator.
func LargeUtf8(name string) Column { return field(name, arrow.BinaryTypes.LargeString) }

// LargeBinary is [Binary] with 64-bit offsets, as [LargeUtf8] is of Utf8.
func LargeBinary(name string) Column { return field(name, arrow.BinaryTypes.LargeBinary) }

// Int8 is a data column of decimal integers from -128 to 127. A number out of
// range is a conversion failure, here and in all integer types.
func Int8(name string) Column { return field(name, arrow.PrimitiveTypes.Int8) }

// Int16 is a data column of decimal integers from -32768 to 32767.
func Int16(name string) Column { return field(name, arrow.PrimitiveTypes.Int16) }

// Int32 is a data column of decimal integers of 32 bits.
func Int32(name string) Column { return field(name, arrow.PrimitiveTypes.Int32) }

// Int64 is a data column of decimal integers of 64 bits.
func Int64(name string) Column { return field(name, arrow.PrimitiveTypes.Int64) }

// Uint8 is a data column of decimal integers from 0 to 255. -0 is 0, here and
// in all unsigned types.
func Uint8(name string) Column { return field(name, arrow.PrimitiveTypes.Uint8) }

// Uint16 is a data column of decimal integers from 0 to 65535.
func Uint16(name string) Column { return field(name, arrow.PrimitiveTypes.Uint16) }

// Uint32 is a data column of decimal integers from 0, of 32 bits.
func Uint32(name string) Column { return field(name, arrow.PrimitiveTypes.Uint32) }

// Uint64 is a data column of decimal integers from 0, of 64 bits.
func Uint64(name string) Column { return field(name, arrow.PrimitiveTypes.Uint64) }

// Float32 is a data column of decimal numbers, read to the nearest float32:
// from about 3.4e38 on that is infinity.
func Float32(name string) Column { return field(name, arrow.PrimitiveTypes.Float32) }

// Float64 is a data column of decimal numbers, read to the nearest float64.
func Float64(name string) Column { return field(name, arrow.PrimitiveTypes.Float64) }

// Boolean is a data column of true, 1, yes, t, y and false, 0, no, f, n, in
// any case.
func Boolean(name string) Column { return field(name, arrow.FixedWidthTypes.Boolean) }

// Date is a data column of days (date32), stored as 2024-01-15 or as the
// number of days since 1970-01-01.
func Date(name string) Column { return field(name, arrow.FixedWidthTypes.Date32) }

func field(name string, dataType arrow.DataType) Column {
	return Column{name: name, kind: KindField, dataType: dataType}
}
