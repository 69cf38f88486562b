package convert

import (
	"math"
	"strconv"
	"unsafe"
)

// ParseFloat64 reads a decimal number: an optional sign, digits with or without
// a point (.5 and 5. are fine), an optional exponent; or inf, infinity or nan
// with an optional sign, in any capitals. The result is the nearest float64, so
// that what is too large becomes an infinity and what is too small zero. The
// sign of zero is kept. Any other text, hexadecimal and digits parted by _
// among it, is ErrSyntax; ErrRange isn't returned.
//
// Nothing is allocated, except by strconv for numbers that round to infinity
// from below 1e309.
func ParseFloat64(value []byte) (float64, error) {
	d, err := scanDecimal(value)
	if err != nil {
		return specialFloat(value)
	}
	if f, ok := d.exact(); ok {
		if value[0] == '-' {
			f = -f
		}
		return f, nil
	}
	return d.parse(value, 64), nil
}

func parseFloat32(value []byte) (float32, error) {
	d, err := scanDecimal(value)
	if err != nil {
		f, err := specialFloat(value)
		return float32(f), err
	}
	// Not by way of a float64, which would round twice.
	return float32(d.parse(value, 32)), nil
}

// decimal is a number as it is written, but for its sign: so many digits, of
// which the last stands for 10^exponent.
type decimal struct {
	digits   uint64 // the first maxDigits of them
	count    int    // how many, zeros in front left out
	exponent int
}

// scanDecimal reads the whole text as a decimal number, by the rules that
// ParseFloat64 has, or fails with ErrSyntax.
func scanDecimal(text []byte) (decimal, error) {
	var d decimal
	i := 0
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		i = 1
	}
	start, point := i, -1
	for ; i < len(text); i++ {
		c := text[i] - '0'
		if c > 9 {
			if text[i] != '.' || point >= 0 {
				break
			}
			point = i
			continue
		}
		if d.count < maxDigits {
			d.digits = d.digits*10 + uint64(c)
		}
		if d.digits > 0 {
			d.count++
		}
	}
	seen := i - start
	if point >= 0 {
		seen--
		d.exponent = point + 1 - i
	}
	if seen == 0 {
		return d, ErrSyntax
	}
	if i < len(text) {
		e, err := scanExponent(text[i:])
		if err != nil {
			return d, err
		}
		d.exponent += e
	}
	return d, nil
}

// scanExponent reads e, an optional sign and digits. Beyond nine digits it stops
// counting: no digits that fit into a value could make up for it.
func scanExponent(text []byte) (int, error) {
	if text[0]|0x20 != 'e' {
		return 0, ErrSyntax
	}
	text = text[1:]
	negative := false
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		negative = text[0] == '-'
		text = text[1:]
	}
	if len(text) == 0 {
		return 0, ErrSyntax
	}
	v := 0
	for _, c := range text {
		d := c - '0'
		if d > 9 {
			return 0, ErrSyntax
		}
		if v < 1e8 {
			v = v*10 + int(d)
		}
	}
	if negative {
		v = -v
	}
	return v, nil
}

// exact gives the number, without its sign, when one division or multiplication
// of two values that a float64 holds exactly yields it: then it is rounded once,
// and right. That is so for most numbers that people store.
func (d decimal) exact() (float64, bool) {
	if d.count > maxDigits || d.digits >= 1<<53 {
		return 0, false
	}
	f := float64(d.digits)
	switch {
	case d.digits == 0 || d.exponent == 0:
	case d.exponent > 0 && d.exponent < len(powersOfTen):
		f *= powersOfTen[d.exponent]
	case d.exponent < 0 && -d.exponent < len(powersOfTen):
		f /= powersOfTen[-d.exponent]
	default:
		return 0, false
	}
	return f, true
}

// powersOfTen are those that a float64 holds exactly.
var powersOfTen = [...]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// parse leaves the number to strconv. text is what d was read from, so it can't
// be wrong for strconv.
func (d decimal) parse(text []byte, bits int) float64 {
	// The first digit stands for 10^magnitude. Numbers surely too large are
	// caught here: strconv would make an error of each.
	most := 308
	if bits == 32 {
		most = 38
	}
	if magnitude := d.count - 1 + d.exponent; d.digits > 0 && magnitude > most {
		if text[0] == '-' {
			return math.Inf(-1)
		}
		return math.Inf(1)
	}
	// The only error left is ErrRange, with the infinity that is wanted.
	f, _ := strconv.ParseFloat(unsafe.String(unsafe.SliceData(text), len(text)), bits)
	return f
}

func specialFloat(text []byte) (float64, error) {
	sign := 1
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		if text[0] == '-' {
			sign = -1
		}
		text = text[1:]
	}
	switch {
	case isWord(text, "inf"), isWord(text, "infinity"):
		return math.Inf(sign), nil
	case isWord(text, "nan"):
		return math.NaN(), nil
	}
	return 0, ErrSyntax
}
