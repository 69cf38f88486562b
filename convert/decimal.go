package convert

import (
	"fmt"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// ParseDecimal128 reads a decimal number as exactly as it is written, and gives
// it in units of 10^-scale: 19.99 of scale 2 is 1999. Precision is how many
// digits such a number may have, from 1 to 38, scale how many of them stand
// behind the point, from 0 to precision; other values are an error that wraps
// ErrType.
//
// The text is that of [ParseFloat64] without its words: an optional sign, digits
// with or without a point (.5 and 5. are fine), an optional exponent. Any other
// text, inf and nan among it, is ErrSyntax. A number with more than
// precision-scale digits before the point is ErrRange. One with digits behind
// the scale is ErrScale, never rounded; zeros there lose nothing: 1.500 of scale
// 2 is 1.50.
func ParseDecimal128(value []byte, precision, scale int32) (decimal128.Num, error) {
	if reason := checkDecimal(precision, scale); reason != "" {
		return decimal128.Num{}, fmt.Errorf("%w: %s", ErrType, reason)
	}
	return parseDecimal(value, int(precision), int(scale))
}

func parseDecimal(value []byte, precision, scale int) (decimal128.Num, error) {
	d, err := scanDecimal(value)
	if err != nil || d.digits == 0 {
		return decimal128.Num{}, err
	}
	// The number has whole digits before the point of the unit, then -shift
	// behind it, if shift is negative.
	shift := d.exponent + scale
	whole := d.count + shift
	switch {
	case whole > precision:
		return decimal128.Num{}, ErrRange
	case whole <= 0:
		return decimal128.Num{}, ErrScale
	}
	var v uint128
	if d.count <= maxDigits {
		v.lo = d.digits
		if shift < 0 {
			unit := smallPowersOfTen[-shift] // less than d.count of them
			if v.lo%unit != 0 {
				return decimal128.Num{}, ErrScale
			}
			v.lo /= unit
		}
	} else if v, err = longDecimal(value, whole); err != nil {
		return decimal128.Num{}, err
	}
	for range shift { // zeros that the text leaves to its exponent, or to the scale
		v = v.appendDigit(0)
	}
	n := decimal128.New(int64(v.hi), v.lo) // 38 digits take 127 bits
	if value[0] == '-' {
		n = n.Negate()
	}
	return n, nil
}

// longDecimal reads the first digits of a decimal number, zeros in front left
// out, and sees that no other follows but zeros.
func longDecimal(text []byte, digits int) (v uint128, err error) {
	seen := 0
	for _, c := range text {
		d := c - '0'
		switch {
		case c|0x20 == 'e':
			return v, nil
		case d > 9, seen == 0 && d == 0: // sign, point, zeros in front
		case seen < digits:
			v = v.appendDigit(uint64(d))
			seen++
		case d > 0:
			return v, ErrScale
		}
	}
	return v, nil
}

// uint128 is an unsigned number of 128 bits.
type uint128 struct{ hi, lo uint64 }

// appendDigit is v × 10 + d.
func (v uint128) appendDigit(d uint64) uint128 {
	carry, lo := bits.Mul64(v.lo, 10)
	lo, c := bits.Add64(lo, d, 0)
	return uint128{v.hi*10 + carry + c, lo}
}

// smallPowersOfTen are those that 64 bits hold.
var smallPowersOfTen = [maxDigits + 1]uint64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9,
	1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
}

// checkDecimal says what is wrong with a precision and a scale; "" if nothing
// is. Arrow allows scales below zero and above the precision as well, which most
// of its readers, Parquet, and SQL don't.
func checkDecimal(precision, scale int32) (reason string) {
	switch {
	case precision < 1 || precision > decimal128.MaxPrecision:
		return fmt.Sprintf("a decimal128 has a precision of 1 to %d digits, not %d", decimal128.MaxPrecision, precision)
	case scale < 0 || scale > precision:
		return fmt.Sprintf("the scale of a decimal128 of %d digits is from 0 to %d, not %d", precision, precision, scale)
	}
	return ""
}

func newDecimal(mem memory.Allocator, dt arrow.DataType) (Column, error) {
	t, ok := dt.(*arrow.Decimal128Type)
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrType, dt)
	}
	if reason := checkDecimal(t.Precision, t.Scale); reason != "" {
		return nil, fmt.Errorf("%w: %s", ErrType, reason)
	}
	precision, scale := int(t.Precision), int(t.Scale)
	return newFixed(mem, dt, func(value []byte) (decimal128.Num, error) {
		return parseDecimal(value, precision, scale)
	}), nil
}
