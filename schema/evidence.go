package schema

import (
	"math"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/redisarrow/redisarrow/convert"
)

// trait is something that a value may be. The first ones, up to traitText, are
// that a column of a type takes it, by the parser that scans use, and that nothing
// of it is lost by that.
type trait int

const (
	traitInt64 trait = iota
	traitUint64
	traitFloat64
	traitBoolean
	traitDate
	traitMicros // a timestamp in µs
	traitNanos  // a timestamp in ns
	traitText

	traitNumber // a float written in digits, not nan or inf
	traitWord   // a boolean of more than one character
	traitTrue   // a boolean letter or word that means true
	traitFalse  // likewise, false
	traitClock  // a timestamp with a time of day
	traitOffset // a timestamp with an offset
	traits
)

// evidence is how many values of a field there were, and of each trait.
type evidence struct {
	values int64
	of     [traits]int64
}

func (e *evidence) add(value []byte) {
	e.values++
	if utf8.Valid(value) {
		e.of[traitText]++
	}
	e.addNumber(value)
	e.addBoolean(value)
	e.addTime(value)
}

// exactFloats is up to where float64 has every whole number.
const exactFloats = 1 << 53

func (e *evidence) addNumber(value []byte) {
	switch writtenAs(value) {
	case wholeNumber:
		if _, err := convert.ParseUint64(value); err == nil {
			e.of[traitUint64]++
		}
		n, err := convert.ParseInt64(value)
		if err != nil {
			return
		}
		e.of[traitInt64]++
		if n >= -exactFloats && n <= exactFloats {
			e.of[traitFloat64]++
			e.of[traitNumber]++
		}
	case otherNumber:
		f, err := convert.ParseFloat64(value)
		switch {
		case err != nil, math.IsInf(f, 0), f == 0 && hasDigits(value, '1'):
			return // beyond what a float can hold
		case math.Abs(f) > exactFloats && !hasExponent(value):
			return
		}
		e.of[traitFloat64]++
		e.of[traitNumber]++
	case noNumber:
		if hasDigits(value, '0') {
			return
		}
		if _, err := convert.ParseFloat64(value); err == nil { // nan and inf
			e.of[traitFloat64]++
		}
	}
}

// form is how a number is written.
type form int

const (
	noNumber    form = iota // letters come first; or it is a number that is a name: 007, +5, -0
	wholeNumber             // digits as an integer is printed
	otherNumber             // perhaps digits with a point or an exponent
)

// writtenAs tells numbers from what only looks like one: a leading zero or plus
// would be lost in a column of numbers, and is there because it counts, as in zip
// codes, telephone numbers and article numbers.
func writtenAs(value []byte) form {
	digits := value
	if len(digits) > 0 && digits[0] == '-' {
		digits = digits[1:]
	}
	switch {
	case len(digits) == 0 || digits[0] != '.' && (digits[0] < '0' || digits[0] > '9'):
		return noNumber
	case digits[0] == '0' && len(digits) > 1 && digits[1] >= '0' && digits[1] <= '9':
		return noNumber
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return otherNumber
		}
	}
	if len(digits) < len(value) && digits[0] == '0' {
		return noNumber // -0
	}
	return wholeNumber
}

// hasDigits reports whether there is a digit from least on, exponents left out.
func hasDigits(value []byte, least byte) bool {
	for _, c := range value {
		if c|0x20 == 'e' {
			return false
		}
		if c >= least && c <= '9' {
			return true
		}
	}
	return false
}

func hasExponent(value []byte) bool {
	for _, c := range value {
		if c|0x20 == 'e' {
			return true
		}
	}
	return false
}

func (e *evidence) addBoolean(value []byte) {
	truth, err := convert.ParseBool(value)
	if err != nil {
		return
	}
	e.of[traitBoolean]++
	switch {
	case value[0] == '0' || value[0] == '1':
		return
	case truth:
		e.of[traitTrue]++
	default:
		e.of[traitFalse]++
	}
	if len(value) > 1 {
		e.of[traitWord]++
	}
}

// addTime looks for dates and times in letters, never for numbers of days or
// seconds: those are numbers.
func (e *evidence) addTime(value []byte) {
	const dateLen, microsLen = len("2024-01-15"), len("2024-01-15T10:30:00.123456")
	if len(value) < dateLen || value[4] != '-' {
		return
	}
	if _, err := convert.ParseDate(value); err == nil {
		e.of[traitDate]++
	}
	if _, err := convert.ParseTimestamp(value, arrow.Nanosecond, nil, nil); err == nil {
		e.of[traitNanos]++
	}
	if _, err := convert.ParseTimestamp(value, arrow.Microsecond, nil, nil); err != nil {
		return
	}
	fine := false
	for i := microsLen; i < len(value) && value[i] >= '0' && value[i] <= '9'; i++ {
		fine = fine || value[i] != '0'
	}
	if !fine || value[microsLen-7] != '.' {
		e.of[traitMicros]++
	}
	if len(value) == dateLen {
		return
	}
	e.of[traitClock]++
	for _, c := range value[dateLen+1:] {
		if c == 'Z' || c == '+' || c == '-' {
			e.of[traitOffset]++
			break
		}
	}
}

// candidate is a type that a field may have, and how many values fit it.
type candidate struct {
	column func(name string) Column
	fits   int64
}

// candidates are the types in the order in which they are preferred.
func (e *evidence) candidates() []candidate {
	of := e.of
	list := []candidate{{Int64, of[traitInt64]}, {Uint64, of[traitUint64]}}
	if of[traitNumber] > 0 { // inf and nan alone are names
		list = append(list, candidate{Float64, of[traitFloat64]})
	}
	// Of a lone letter it isn't known what the other one is: f may be female.
	if of[traitWord] > 0 || of[traitTrue] > 0 && of[traitFalse] > 0 {
		list = append(list, candidate{Boolean, of[traitBoolean]})
	}
	var options []TimestampOption
	if of[traitOffset] > 0 && of[traitOffset] == of[traitClock] {
		options = append(options, TimeZone("UTC")) // they are moments, not what a clock on some wall shows
	}
	timestamp := func(unit arrow.TimeUnit) func(string) Column {
		return func(name string) Column { return Timestamp(name, unit, options...) }
	}
	return append(list,
		candidate{Date, of[traitDate]},
		candidate{timestamp(arrow.Microsecond), of[traitMicros]},
		candidate{timestamp(arrow.Nanosecond), of[traitNanos]})
}

// infer is the first type that all values fit, and the one that the most fit
// among those that aren't text; its fits are 0 if there is none.
func (e *evidence) infer() (best, narrow candidate) {
	for _, c := range e.candidates() {
		if e.values > 0 && c.fits == e.values {
			return c, c
		}
		if c.fits > narrow.fits {
			narrow = c
		}
	}
	if e.of[traitText] == e.values {
		return candidate{Utf8, e.values}, narrow
	}
	return candidate{Binary, e.values}, narrow
}
