package convert

import "math"

// ParseInt64 reads a decimal integer: an optional + or -, then digits; zeros in
// front are allowed. Any other text is ErrSyntax, a number that 64 bits can't
// hold ErrRange.
func ParseInt64(value []byte) (int64, error) {
	if v, ok := parseShort(value); ok {
		return v, nil
	}
	abs, negative, err := parseInteger(value)
	if err != nil {
		return 0, err
	}
	if negative {
		if abs > 1<<63 {
			return 0, ErrRange
		}
		return -int64(abs), nil
	}
	if abs > math.MaxInt64 {
		return 0, ErrRange
	}
	return int64(abs), nil
}

// ParseUint64 reads what ParseInt64 does; a number below zero, or above what 64
// bits can hold, is ErrRange. "-0" is zero.
func ParseUint64(value []byte) (uint64, error) {
	abs, negative, err := parseInteger(value)
	if err != nil {
		return 0, err
	}
	if negative && abs > 0 {
		return 0, ErrRange
	}
	return abs, nil
}

func parseSigned[T int8 | int16 | int32](value []byte) (T, error) {
	wide, err := ParseInt64(value)
	if err != nil {
		return 0, err
	}
	if int64(T(wide)) != wide {
		return 0, ErrRange
	}
	return T(wide), nil
}

func parseUnsigned[T uint8 | uint16 | uint32](value []byte) (T, error) {
	wide, err := ParseUint64(value)
	if err != nil {
		return 0, err
	}
	if uint64(T(wide)) != wide {
		return 0, ErrRange
	}
	return T(wide), nil
}

// parseShort reads the integers that most cells hold: without a sign, and so
// short that they can't be out of range. It is small, so that it can be inlined.
func parseShort(digits []byte) (v int64, ok bool) {
	for _, c := range digits {
		d := c - '0'
		if d > 9 {
			return 0, false
		}
		v = v*10 + int64(d)
	}
	return v, len(digits) > 0 && len(digits) < maxDigits
}

// parseInteger reads a sign and digits. strconv has the same rules for signed
// numbers, but makes a new error for each bad cell, and has others for unsigned
// ones.
func parseInteger(text []byte) (abs uint64, negative bool, err error) {
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		negative = text[0] == '-'
		text = text[1:]
	}
	if len(text) == 0 {
		return 0, false, ErrSyntax
	}
	if len(text) > maxDigits {
		abs, err = parseLongDigits(text)
		return abs, negative, err
	}
	for _, c := range text {
		d := c - '0'
		if d > 9 {
			return 0, false, ErrSyntax
		}
		abs = abs*10 + uint64(d)
	}
	return abs, negative, nil
}

// maxDigits is how many decimal digits fit into 64 bits, whichever they are.
const maxDigits = 19

// parseLongDigits reads more digits than may fit. All of them are looked at
// before one is found to be too many, so that ErrRange always means a number.
func parseLongDigits(digits []byte) (uint64, error) {
	var v uint64
	var overflow bool
	for _, c := range digits {
		d := c - '0'
		if d > 9 {
			return 0, ErrSyntax
		}
		next := v*10 + uint64(d)
		overflow = overflow || v > math.MaxUint64/10 || next < v*10
		v = next
	}
	if overflow {
		return 0, ErrRange
	}
	return v, nil
}
