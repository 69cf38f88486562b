package arrowutil

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// cellText returns the text of a column's cells that aren't null: arrow-go's, but
// for decimals, which it rounds there and may write with an exponent.
func cellText(column arrow.Array) func(row int) string {
	switch column := column.(type) {
	case *array.Decimal128:
		scale := column.DataType().(*arrow.Decimal128Type).Scale
		return func(row int) string { return column.Value(row).ToString(scale) }
	case *array.Decimal256:
		scale := column.DataType().(*arrow.Decimal256Type).Scale
		return func(row int) string { return column.Value(row).ToString(scale) }
	default:
		return column.ValueStr
	}
}
