package schema

import "github.com/apache/arrow-go/v18/arrow"

// Utf8 is a data column of text. Bytes that aren't valid UTF-8 are a
// conversion failure, never altered; for those take [Binary]. A stored empty
// string is "", not null.
func Utf8(name string) Column { return field(name, arrow.BinaryTypes.String) }

// Binary is a data column of bytes, as they are stored.
func Binary(name string) Column { return field(name, arrow.BinaryTypes.Binary) }

// Int64 is a data column of decimal integers of 64 bits.
func Int64(name string) Column { return field(name, arrow.PrimitiveTypes.Int64) }

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
