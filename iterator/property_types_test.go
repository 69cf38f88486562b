package iterator_test

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
)

// propertyType is the type of a data column.
type propertyType struct {
	text  string // in a schema's text form
	arrow arrow.DataType
	cell  plainParser
	texts func(r *rand.Rand) string // what is stored; most of it fits
}

// propertyTypes has a line for each word of the text form that names a type
// of data columns. Those with parameters draw them.
var propertyTypes = map[string]func(r *rand.Rand, word string) propertyType{
	"utf8":         textType(arrow.BinaryTypes.String, plainUTF8, randomUTF8),
	"large_utf8":   textType(arrow.BinaryTypes.LargeString, plainUTF8, randomUTF8),
	"binary":       textType(arrow.BinaryTypes.Binary, plainBinary, randomBytes),
	"large_binary": textType(arrow.BinaryTypes.LargeBinary, plainBinary, randomBytes),
	"int8":         integerType(arrow.PrimitiveTypes.Int8, 8, true),
	"int16":        integerType(arrow.PrimitiveTypes.Int16, 16, true),
	"int32":        integerType(arrow.PrimitiveTypes.Int32, 32, true),
	"int64":        integerType(arrow.PrimitiveTypes.Int64, 64, true),
	"uint8":        integerType(arrow.PrimitiveTypes.Uint8, 8, false),
	"uint16":       integerType(arrow.PrimitiveTypes.Uint16, 16, false),
	"uint32":       integerType(arrow.PrimitiveTypes.Uint32, 32, false),
	"uint64":       integerType(arrow.PrimitiveTypes.Uint64, 64, false),
	"float32":      textType(arrow.PrimitiveTypes.Float32, plainFloats(32), randomFloat),
	"float64":      textType(arrow.PrimitiveTypes.Float64, plainFloats(64), randomFloat),
	"decimal128":   decimalType,
	"boolean":      textType(arrow.FixedWidthTypes.Boolean, plainBoolean, randomBoolean),
	"date32":       textType(arrow.FixedWidthTypes.Date32, plainDate, randomDate),
	"timestamp":    timestampType,
}

// textType is a type without parameters.
func textType(dt arrow.DataType, cell plainParser, texts func(*rand.Rand) string) func(*rand.Rand, string) propertyType {
	return func(_ *rand.Rand, word string) propertyType { return propertyType{word, dt, cell, texts} }
}

func integerType(dt arrow.DataType, bits uint, signed bool) func(*rand.Rand, string) propertyType {
	least, most := new(big.Int), new(big.Int).Lsh(big.NewInt(1), bits)
	if signed {
		most.Rsh(most, 1)
		least.Neg(most)
	}
	most.Sub(most, big.NewInt(1))
	texts := func(r *rand.Rand) string {
		n := new(big.Int).SetUint64(r.Uint64() >> r.IntN(64))
		if signed && r.IntN(2) == 0 {
			n.Neg(n)
		}
		if n.Cmp(least) < 0 || n.Cmp(most) > 0 {
			n.SetInt64(r.Int64N(128))
		}
		switch r.IntN(20) {
		case 0:
			return oneOf(r, least, most).String()
		case 1:
			return new(big.Int).Add(oneOf(r, least, most), big.NewInt(r.Int64N(3)-1)).String()
		case 2:
			return oneOf(r, "+5", "-0", "007", "000000000000000000000001", "", " 42", "42 ", "1.0", "1e3", "1_000", "0x10", "abc", "٣", "+", "--1",
				"-1", strings.Repeat("9", 32), "9223372036854775808")
		case 3:
			return disturb(r, n.String())
		default:
			return n.String()
		}
	}
	return textType(dt, plainInteger(least, most), texts)
}

// decimalType draws precision and scale.
func decimalType(r *rand.Rand, word string) propertyType {
	precision := r.IntN(38) + 1
	scale := r.IntN(precision + 1)
	texts := func(r *rand.Rand) string {
		digits := make([]byte, r.IntN(precision)+1)
		for i := range digits {
			digits[i] = byte('0' + r.IntN(10))
		}
		point := max(0, len(digits)-r.IntN(scale+1))
		text := oneOf(r, "", "-", "+") + string(digits[:point]) + "." + string(digits[point:])
		switch r.IntN(10) {
		case 0:
			return oneOf(r, "0", "-0", "0e99999999999", ".5", "5.", "1e3", "1.500", "12E-1", strings.Repeat("9", precision), strings.Repeat("9", precision+1))
		case 1:
			return oneOf(r, "", "inf", "nan", "1e99999999999", "1e-99999999999", "1,5", " 1", "0x1", "1e", ".", "1e-39")
		case 2:
			return disturb(r, text)
		case 3:
			return text + oneOf(r, "e", "E") + strconv.Itoa(r.IntN(6)-3)
		case 4:
			return text + strings.Repeat("0", r.IntN(50))
		default:
			return text
		}
	}
	text := fmt.Sprintf("%s[%d,%d]", word, precision, scale)
	return propertyType{text, &arrow.Decimal128Type{Precision: int32(precision), Scale: int32(scale)}, plainDecimal(precision, scale), texts}
}

// timestampType draws unit, zone and the unit of numbers.
func timestampType(r *rand.Rand, word string) propertyType {
	units := []arrow.TimeUnit{arrow.Second, arrow.Millisecond, arrow.Microsecond, arrow.Nanosecond}
	unit := oneOf(r, units...)
	zone := oneOf(r, "", "", "UTC", "Europe/Berlin", "America/New_York", "+05:30", "-11:00")
	dt := &arrow.TimestampType{Unit: unit, TimeZone: zone}
	text := word + "[" + unit.String()
	if zone != "" {
		text += "," + zone
	}
	var epoch *arrow.TimeUnit
	if r.IntN(3) == 0 {
		e := oneOf(r, units...)
		epoch = &e
		text += ",epoch=" + e.String()
	}
	text += "]"
	if text == word+"[us]" && r.IntN(2) == 0 {
		text = word
	}
	return propertyType{text, dt, plainTimestamp(unit, plainZone(zone), epoch), randomTimestamp}
}

func plainZone(name string) *time.Location {
	if offset, err := time.Parse("-07:00", name); err == nil {
		_, seconds := offset.Zone()
		return time.FixedZone("", seconds)
	}
	zone, err := time.LoadLocation(name) // "" is UTC
	if err != nil {
		panic(err)
	}
	return zone
}

func oneOf[T any](r *rand.Rand, values ...T) T { return values[r.IntN(len(values))] }

// disturb changes, removes or adds a byte.
func disturb(r *rand.Rand, text string) string {
	i := r.IntN(len(text) + 1)
	b := string(oneOf(r, '0', '9', ' ', '-', '+', '.', ':', 'T', 'e', 'x', '\x00', '_', 'é'))
	switch {
	case i == len(text) || r.IntN(3) == 0:
		return text[:i] + b + text[i:]
	case r.IntN(2) == 0:
		return text[:i] + text[i+1:]
	default:
		return text[:i] + b + text[i+1:]
	}
}

func randomUTF8(r *rand.Rand) string {
	switch r.IntN(12) {
	case 0:
		return ""
	case 1:
		return oneOf(r, "Zürich", "東京", "🙂", "line\r\nbreak", "nul\x00", "$5\r\nhello\r\n", "-ERR\r\n", "*1\r\n")
	case 2:
		return strings.Repeat(oneOf(r, "x", "é", "ab c"), r.IntN(200))
	case 3:
		return oneOf(r, "\xff\xfe", "\xc3", "\xed\xa0\x80", "ok\x80")
	default:
		return fmt.Sprint("text ", r.IntN(1_000_000))
	}
}

func randomBytes(r *rand.Rand) string {
	b := make([]byte, r.IntN(24))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return string(b)
}

func randomFloat(r *rand.Rand) string {
	f := math.Float64frombits(r.Uint64())
	if r.IntN(2) == 0 || math.IsNaN(f) || math.IsInf(f, 0) {
		f = (r.Float64() - 0.5) * float64(uint64(1)<<r.IntN(60))
	}
	switch r.IntN(10) {
	case 0:
		return oneOf(r, "1e309", "-1e309", "1e-400", "-0", "NaN", "-nan", "inf", "-INFINITY", "+Inf", ".5", "5.", "+1.5", "3.4028236e38", "16777217", "1e39")
	case 1:
		return oneOf(r, "", " 1.0", "1.0 ", "1,5", "1_000", "1e", "0x1p3", "e5", ".", "infin", "nanu")
	case 2:
		return disturb(r, strconv.FormatFloat(f, 'g', -1, 64))
	case 3:
		return strconv.FormatFloat(f, 'f', r.IntN(30), 64)
	default:
		return strconv.FormatFloat(f, 'g', r.IntN(18)+1, 64)
	}
}

func randomBoolean(r *rand.Rand) string {
	if r.IntN(10) == 0 {
		return oneOf(r, "", "2", "on", "off", "01", " true", "true ", `"true"`, "maybe", "truE\x00")
	}
	return oneOf(r, "true", "TRUE", "tRuE", "1", "yes", "Y", "t", "false", "False", "0", "NO", "f", "n")
}

func randomDate(r *rand.Rand) string {
	day := r.IntN(2932896+719162+1) - 719162
	switch r.IntN(12) {
	case 0:
		return oneOf(r, "0001-01-01", "9999-12-31", "2000-02-29", "1900-02-28", "-719162", "2932896", "+1", "-0")
	case 1:
		return oneOf(r, "", "0000-01-01", "1900-02-29", "2023-02-29", "2024-13-01", "2024-01-00", "20240115", "15/01/2024", "2024-1-5",
			"2024-01-15T10:30:00", "-719163", "2932897", " 2024-01-15", "2147483647-01-01")
	case 2:
		return disturb(r, "2024-01-15")
	case 3:
		return strconv.Itoa(day)
	default:
		return time.Unix(int64(day)*86400, 0).UTC().Format(time.DateOnly)
	}
}

func randomTimestamp(r *rand.Rand) string {
	at := time.Unix(r.Int64N(1<<33)-1<<32, r.Int64N(1e9)).UTC()
	if r.IntN(10) == 0 { // any year, which nanoseconds can't count
		at = time.Unix(r.Int64N(253402300800+62135596800)-62135596800, 0).UTC()
	}
	layout := oneOf(r, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", time.DateOnly, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.000")
	if layout != time.DateOnly {
		layout += oneOf(r, "", "", "Z07:00", "-0700", "-07")
	}
	switch r.IntN(12) {
	case 0:
		return oneOf(r, "0", "-1", "9999999999", "10000000000", "-10000000000", "9999999999999", "10000000000000", "9999999999999999", "10000000000000000",
			"1705315800.5", "-0.5", "-1705315800.25", "2024-03-31T02:30:00", "2024-10-27T02:30:00", "9223372036854775807", "1969-12-31T23:59:59.999999Z")
	case 1:
		return oneOf(r, "", " 1705315800 ", "not-a-datetime", "2024-01-15T10", "2024-01-15T25:61:61", "2024-02-31T00:00:00", "2024-01-15T10:30:00.",
			"2024-01-15T10:30:00.1234567890", "-9223372036854775808", "0000-01-01", "1.5e3", "2024-01-15t10:30:00z", "10000000000.5", "2024-01-15T10:30:00+24:00")
	case 2:
		return disturb(r, at.Format(layout))
	case 3, 4:
		return strconv.FormatInt(oneOf(r, at.Unix(), at.UnixMilli(), at.UnixMicro(), at.UnixNano()), 10)
	default:
		return at.In(time.FixedZone("", 60*(r.IntN(2*23*60)-23*60))).Format(layout)
	}
}
