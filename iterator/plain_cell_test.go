package iterator_test

import (
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // zones also where the machine has none
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// What the cells of texts are, said a second time: from the acceptance cases
// and the documentation of package convert, with the standard library's
// parsers, and slowly. Nothing here may use package convert.
//
// A cell is a text without blanks: bytes in hexadecimal, numbers in decimal
// (floats as their bits), null as [plainNull].

const plainNull = "-"

func plainBytes(text string) string { return "x" + hex.EncodeToString([]byte(text)) }

// plainFloat is the bits of a float: all NaNs are the same.
func plainFloat(f float64) string {
	if math.IsNaN(f) {
		return "nan"
	}
	return fmt.Sprintf("%016x", math.Float64bits(f))
}

// plainParser gives the cell of a text; ok is false if the text doesn't fit.
type plainParser func(text string) (cell string, ok bool)

func plainBinary(text string) (string, bool) { return plainBytes(text), true }
func plainUTF8(text string) (string, bool)   { return plainBytes(text), utf8.ValidString(text) }

var (
	plainIntegerForm = regexp.MustCompile(`^[+-]?[0-9]+$`)
	plainDecimalForm = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)
	plainSpecialForm = regexp.MustCompile(`(?i)^[+-]?(inf|infinity|nan)$`)
	plainDateForm    = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)
	plainSecondsForm = regexp.MustCompile(`^([+-]?[0-9]+)\.([0-9]{1,9})$`)
	plainTimeForm    = regexp.MustCompile(
		`^([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?(?:(Z)|([+-])([0-9]{2})(?::?([0-9]{2}))?)?)?$`)
)

// plainInteger reads integers of a range.
func plainInteger(least, most *big.Int) plainParser {
	return func(text string) (string, bool) {
		n, ok := plainBig(text)
		if !ok || n.Cmp(least) < 0 || n.Cmp(most) > 0 {
			return "", false
		}
		return n.String(), true
	}
}

func plainBig(text string) (*big.Int, bool) {
	if !plainIntegerForm.MatchString(text) {
		return nil, false
	}
	return new(big.Int).SetString(text, 10)
}

// plainFloats reads floats of 32 or 64 bits; the cell is that of a float64.
func plainFloats(bits int) plainParser {
	return func(text string) (string, bool) {
		if !plainDecimalForm.MatchString(text) && !plainSpecialForm.MatchString(text) {
			return "", false
		}
		if strings.HasSuffix(strings.ToLower(text), "nan") {
			return "nan", true
		}
		f, _ := strconv.ParseFloat(text, bits) // out of range: the infinity
		return plainFloat(f), true
	}
}

// plainDecimal reads decimal numbers; the cell is the number of units.
func plainDecimal(precision, scale int) plainParser {
	power := func(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }
	const most = 1000 // an exponent beyond is none of a number that fits
	return func(text string) (string, bool) {
		parts := plainDecimalForm.FindStringSubmatch(text)
		if parts == nil {
			return "", false
		}
		if !strings.ContainsAny(strings.TrimSuffix(text, parts[2]), "123456789") {
			return "0", true
		}
		if exponent, err := strconv.Atoi(strings.TrimLeft(parts[2], "eE")); parts[2] != "" && (err != nil || exponent > most || exponent < -most) {
			return "", false
		}
		n, ok := new(big.Rat).SetString(text)
		if !ok {
			return "", false
		}
		n.Mul(n, new(big.Rat).SetInt(power(scale)))
		return n.Num().String(), n.IsInt() && n.Num().CmpAbs(power(precision)) < 0
	}
}

func plainBoolean(text string) (string, bool) {
	switch strings.ToLower(text) {
	case "true", "t", "yes", "y", "1":
		return "true", true
	case "false", "f", "no", "n", "0":
		return "false", true
	}
	return "", false
}

// plainDay is the midnight of a date in the calendar, from year 1 to 9999.
func plainDay(text string) (time.Time, bool) {
	at, err := time.Parse(time.DateOnly, text)
	return at, err == nil && plainDateForm.MatchString(text) && at.Year() >= 1
}

func plainDate(text string) (string, bool) {
	if at, ok := plainDay(text); ok {
		return strconv.FormatInt(at.Unix()/86400, 10), true
	}
	n, ok := plainBig(text)
	if !ok || !n.IsInt64() || n.Int64() < -719162 || n.Int64() > 2932896 {
		return "", false
	}
	return n.String(), true
}

var plainPowers = map[arrow.TimeUnit]*big.Int{ // of the units, in a second
	arrow.Second: big.NewInt(1), arrow.Millisecond: big.NewInt(1e3), arrow.Microsecond: big.NewInt(1e6), arrow.Nanosecond: big.NewInt(1e9),
}

// plainTimestamp reads moments into a unit. Texts without an offset are of
// the zone, numbers of the unit epoch, or if that is nil of one by their size.
func plainTimestamp(unit arrow.TimeUnit, zone *time.Location, epoch *arrow.TimeUnit) plainParser {
	most := big.NewInt(math.MaxInt64)
	inUnit := func(nanos *big.Int) (string, bool) {
		per := new(big.Int).Div(plainPowers[arrow.Nanosecond], plainPowers[unit])
		v := new(big.Int).Div(nanos, per) // rounds down for positive divisors
		return v.String(), v.CmpAbs(most) <= 0
	}
	unitOf := func(abs *big.Int) arrow.TimeUnit {
		switch {
		case epoch != nil:
			return *epoch
		case abs.Cmp(big.NewInt(1e10)) < 0:
			return arrow.Second
		case abs.Cmp(big.NewInt(1e13)) < 0:
			return arrow.Millisecond
		case abs.Cmp(big.NewInt(1e16)) < 0:
			return arrow.Microsecond
		default:
			return arrow.Nanosecond
		}
	}
	return func(text string) (string, bool) {
		if at, ok := plainTime(text, zone); ok {
			nanos := new(big.Int).Mul(big.NewInt(at.Unix()), plainPowers[arrow.Nanosecond])
			return inUnit(nanos.Add(nanos, big.NewInt(int64(at.Nanosecond()))))
		}
		if n, ok := plainBig(text); ok {
			if n.CmpAbs(most) > 0 {
				return "", false
			}
			per := new(big.Int).Div(plainPowers[arrow.Nanosecond], plainPowers[unitOf(new(big.Int).Abs(n))])
			return inUnit(n.Mul(n, per))
		}
		parts := plainSecondsForm.FindStringSubmatch(text)
		if parts == nil {
			return "", false
		}
		whole, _ := plainBig(parts[1])
		if unitOf(new(big.Int).Abs(whole)) != arrow.Second || whole.CmpAbs(most) > 0 {
			return "", false
		}
		nanos, _ := plainBig(parts[1] + (parts[2] + "000000000")[:9])
		return inUnit(nanos)
	}
}

// plainTime reads a date, or a date and a time.
func plainTime(text string, zone *time.Location) (time.Time, bool) {
	parts := plainTimeForm.FindStringSubmatch(text)
	if parts == nil {
		return time.Time{}, false
	}
	number := func(i int) int {
		n, _ := strconv.Atoi(parts[i]) // empty: 0
		return n
	}
	day, ok := plainDay(parts[1])
	hour, minute, second := number(2), number(3), number(4)
	nanos, _ := strconv.Atoi((parts[5] + "000000000")[:9])
	if !ok || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	switch hours, minutes := number(8), number(9); {
	case hours > 23 || minutes > 59:
		return time.Time{}, false
	case parts[6] == "Z":
		zone = time.UTC
	case parts[7] == "+":
		zone = time.FixedZone("", 3600*hours+60*minutes)
	case parts[7] == "-":
		zone = time.FixedZone("", -3600*hours-60*minutes)
	}
	return time.Date(day.Year(), day.Month(), day.Day(), hour, minute, second, nanos, zone), true
}

// appendCell appends a cell of an array.
func appendCell(line []byte, col arrow.Array, i int) ([]byte, error) {
	if col.IsNull(i) {
		return append(line, plainNull...), nil
	}
	switch col := col.(type) {
	case *array.String:
		return hex.AppendEncode(append(line, 'x'), []byte(col.Value(i))), nil
	case *array.LargeString:
		return hex.AppendEncode(append(line, 'x'), []byte(col.Value(i))), nil
	case *array.Binary:
		return hex.AppendEncode(append(line, 'x'), col.Value(i)), nil
	case *array.LargeBinary:
		return hex.AppendEncode(append(line, 'x'), col.Value(i)), nil
	case *array.Int8:
		return strconv.AppendInt(line, int64(col.Value(i)), 10), nil
	case *array.Int16:
		return strconv.AppendInt(line, int64(col.Value(i)), 10), nil
	case *array.Int32:
		return strconv.AppendInt(line, int64(col.Value(i)), 10), nil
	case *array.Int64:
		return strconv.AppendInt(line, col.Value(i), 10), nil
	case *array.Uint8:
		return strconv.AppendUint(line, uint64(col.Value(i)), 10), nil
	case *array.Uint16:
		return strconv.AppendUint(line, uint64(col.Value(i)), 10), nil
	case *array.Uint32:
		return strconv.AppendUint(line, uint64(col.Value(i)), 10), nil
	case *array.Uint64:
		return strconv.AppendUint(line, col.Value(i), 10), nil
	case *array.Float32:
		return append(line, plainFloat(float64(col.Value(i)))...), nil
	case *array.Float64:
		return append(line, plainFloat(col.Value(i))...), nil
	case *array.Decimal128:
		return append(line, col.Value(i).BigInt().String()...), nil
	case *array.Boolean:
		return strconv.AppendBool(line, col.Value(i)), nil
	case *array.Date32:
		return strconv.AppendInt(line, int64(col.Value(i)), 10), nil
	case *array.Timestamp:
		return strconv.AppendInt(line, int64(col.Value(i)), 10), nil
	default:
		return line, fmt.Errorf("a column of type %s, which is unknown here", col.DataType())
	}
}
