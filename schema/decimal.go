package schema

import (
	"fmt"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// Decimal128 is a data column of decimal numbers, kept exactly as they are
// written: of at most precision digits (1 to 38), scale of which (0 to
// precision) stand behind the point. A number that has more digits before the
// point than that leaves, or other digits than zeros behind the scale, is a
// conversion failure: nothing is rounded.
func Decimal128(name string, precision, scale int32) Column {
	return field(name, &arrow.Decimal128Type{Precision: precision, Scale: scale})
}

const decimalUsage = "decimal128[PRECISION,SCALE]"

// checkDecimal allows what most readers of Arrow do, and Parquet and SQL.
// Arrow itself has scales below zero and above the precision too.
func checkDecimal(precision, scale int32) (reason string) {
	switch {
	case precision < 1 || precision > decimal128.MaxPrecision:
		return fmt.Sprintf("a decimal128's precision is from 1 to %d digits, not %d", decimal128.MaxPrecision, precision)
	case scale < 0 || scale > precision:
		return fmt.Sprintf("the scale of a decimal128 with %d digits is from 0 to %d, not %d", precision, precision, scale)
	}
	return ""
}

// parseDecimal reads a precision and a scale, which is 0 if it is left out, as
// in SQL.
func parseDecimal(name string, params []token) (Column, *Error) {
	if len(params) > 2 {
		return Column{}, params[2].errorf(name, "a precision and a scale are enough: write %s", decimalUsage)
	}
	var digits [2]int32
	for i, p := range params {
		n, err := strconv.ParseUint(p.text, 10, 31)
		if err != nil {
			return Column{}, p.errorf(name, "%q isn't a number of digits: write %s", shorten(p.text), decimalUsage)
		}
		digits[i] = int32(n)
	}
	if reason := checkDecimal(digits[0], 0); reason != "" {
		return Column{}, params[0].errorf(name, "%s", reason)
	}
	if reason := checkDecimal(digits[0], digits[1]); reason != "" {
		return Column{}, params[1].errorf(name, "%s", reason)
	}
	return Decimal128(name, digits[0], digits[1]), nil
}

func formatDecimal(c Column) []string {
	t, ok := c.dataType.(*arrow.Decimal128Type)
	if !ok {
		return nil
	}
	return []string{strconv.Itoa(int(t.Precision)), strconv.Itoa(int(t.Scale))}
}
