package iterator_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"
	_ "time/tzdata"
	// the zone of group E is there on any machine

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/convert"
	"github.com/redisarrow/redisarrow/internal/testcluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stored is a row of an acceptance table: texts, and the cells that come out
// of them: a bool, an int64 or uint64 (of integers, days, timestamps), a
// float64 or float32, a string (of text, bytes, decimals); nil is a conversion
// failure.
type stored struct {
	row   string
	cells []cellCase
}

// valueGroup is an acceptance group, for one type.
type valueGroup struct {
	name, typ string
	rows      []stored
}

type cellCase struct {
	text string
	want any
}

// is pairs texts and cells: text, cell, text, cell.
func is(row string, pairs ...any) stored {
	s := stored{row: row}
	for i := 0; i < len(pairs); i += 2 {
		s.cells = append(s.cells, cellCase{pairs[i].(string), pairs[i+1]})
	}
	return s
}

// all gives each text the same cell; nil for those that fail.
func all(row string, want any, texts ...string) stored {
	s := stored{row: row}
	for _, text := range texts {
		s.cells = append(s.cells, cellCase{text, want})
	}
	return s
}

const day = "2024-01-15"

// valueGroups are the acceptance groups A to F, as far as single cells are
// concerned, and the values of group Q.
var valueGroups = slices.Concat(integerGroups(), []valueGroup{
	{"B", "float64", []stored{
		is("B1", "3.5", 3.5, "-0.5", -0.5, "1.5e2", 150.0, ".5", 0.5, "5.", 5.0, "+1.5", 1.5, "42", 42.0),
		is("B2", "-0", math.Copysign(0, -1)),
		all("B3", math.Inf(1), "inf", "+inf", "Inf", "INFINITY", "infinity"),
		all("B3", math.Inf(-1), "-inf"),
		all("B4", math.NaN(), "nan", "NaN", "NAN", "-nan"),
		is("B5", "1e308", 1e308, "1.7976931348623157e308", math.MaxFloat64, "2.2250738585072014e-308", 2.2250738585072014e-308),
		is("B6", "1e309", math.Inf(1), "-1e309", math.Inf(-1), "1e-400", 0.0),
		is("B7", "123456789012345678901234567890", 1.2345678901234568e29),
		all("B8", nil, "", " 1.0", "1.0 ", "1,5", "1_000", "1e", "0x1p3"),
	}},
	{"B float32", "float32", []stored{
		is("B1", "3.5", float32(3.5), "-0.5", float32(-0.5), "1.5e2", float32(150), ".5", float32(0.5), "5.", float32(5), "+1.5", float32(1.5), "42", float32(42)),
		is("B2", "-0", float32(math.Copysign(0, -1))),
		all("B3", float32(math.Inf(1)), "inf", "+inf", "Inf", "INFINITY", "infinity"),
		all("B3", float32(math.Inf(-1)), "-inf"),
		all("B4", float32(math.NaN()), "nan", "NaN", "NAN", "-nan"),
		is("B5", "1e38", float32(1e38), "3.4028234663852886e38", float32(math.MaxFloat32), "1.1754943508222875e-38", float32(1.1754943508222875e-38)),
		is("B6", "1e39", float32(math.Inf(1)), "-1e39", float32(math.Inf(-1)), "1e309", float32(math.Inf(1)), "1e-46", float32(0)),
		// Each to the nearest float32, rounded once.
		is("B7", "0.1", float32(0.1), "16777217", float32(16777216), "1.000000059604644775390626", float32(1.0000001),
			"123456789012345678901234567890", float32(1.2345679e29)),
		all("B8", nil, "", " 1.0", "1.0 ", "1,5", "1_000", "1e", "0x1p3"),
	}},
	{"decimal128", "decimal128[10,2]", []stored{
		is("as written", "19.99", "19.99", "-0.5", "-0.50", "+1.5", "1.50", "42", "42.00", "007", "7.00", ".5", "0.50", "5.", "5.00"),
		is("zero", "0", "0.00", "-0", "0.00", "0.000", "0.00"),
		is("exponent", "1.5e3", "1500.00", "1E+2", "100.00", "150e-2", "1.50", "1e7", "10000000.00"),
		is("zeros lose nothing", "1.500", "1.50", "1000e-3", "1.00"),
		is("range", "99999999.99", "99999999.99", "-99999999.99", "-99999999.99"),
		all("range", nil, "100000000", "-1e8", strings.Repeat("9", 50)),
		all("never rounded", nil, "19.995", "0.001", "1e-3", "99999999.999"),
		all("syntax", nil, "", " 1.0", "1.0 ", "1,5", "1_000", "1e", "0x10", "inf", "nan", "abc", "\u0663"),
	}},
	{"decimal128 of 38 digits", "decimal128[38,0]", []stored{
		same("range", strings.Repeat("9", 38), "-"+strings.Repeat("9", 38), "18446744073709551616"),
		all("range", nil, "1e38", "170141183460469231731687303715884105728"),
	}},
	{"C", "boolean", []stored{
		all("C1", true, strings.Fields("true TRUE True tRuE 1 yes YES t T y Y")...),
		all("C2", false, strings.Fields("false FALSE False 0 no NO f F n N")...),
		all("C3", nil, "", "2", "on", "off", "01", " true", "true ", `"true"`, "maybe"),
	}},
	{"D", "date32", []stored{
		is("D1", day, 19737, "1970-01-01", 0, "1969-12-31", -1, "2000-02-29", 11016, "1900-01-01", -25567),
		is("D2", "0001-01-01", -719162, "9999-12-31", 2932896),
		is("D3", "19737", 19737, "0", 0, "-1", -1),
		all("D4", nil, "20240115", "2147483648", "2024-13-01", "2024-00-10", "2024-01-32", "2024-01-00", "2023-02-29", "2024-02-30",
			"1900-02-29", "15/01/2024", "", " 2024-01-15", "2024-1-5", "2024-01-15garbage", "2024-01-15T10:30:00", "2147483647-01-01"),
	}},
	{"E", "timestamp[us]", []stored{
		all("E1", 1705314600000000, day+"T10:30:00", day+"T10:30:00Z", day+" 10:30:00", day+"T10:30"),
		is("E2", day+"T10:30:00.5", 1705314600500000, day+"T10:30:00.123456Z", 1705314600123456, day+"T10:30:00.123456789Z", 1705314600123456),
		is("E3", day+"T10:30:00+05:00", 1705296600000000, day+"T10:30:00-05:00", 1705332600000000, day+"T10:30:00+0530", 1705294800000000),
		is("E4", day, 1705276800000000),
		is("E5", "1969-12-31T23:59:59.999999Z", -1),
		all("E6", 1705315800000000, "1705315800", "1705315800000", "1705315800000000", "1705315800000000000"),
		is("E7", "9999999999", 9999999999000000, "10000000000", 10000000000000, "9999999999999", 9999999999999000,
			"10000000000000", 10000000000000, "9999999999999999", 9999999999999999, "10000000000000000", 10000000000000),
		is("E8", "0", 0, "-1", -1000000, "-1705315800000", -1705315800000000),
		is("E9", "1705315800.5", 1705315800500000),
		all("E10", nil, "", " 1705315800 ", "not-a-datetime", day+"T10", day+"T25:61:61", "2024-02-31T00:00:00",
			day+"T10:30:00.abc", day+"T10:30:00.12345é", "-9223372036854775808"),
	}},
	{"E epoch", "timestamp[us,epoch=s]", []stored{
		is("E fixed epoch unit", "10000000000", 10000000000000000, "1705315800000", 1705315800000000000, day, 1705276800000000),
	}},
	{"E epoch ms", "timestamp[us,epoch=ms]", []stored{
		is("E fixed epoch unit", "0", 0, "-1", -1000, "1705315800", 1705315800000, "1705315800000000", 1705315800000000000),
		all("E fixed epoch unit", nil, "1705315800.5", "9223372036854775807"),
	}},
	{"E epoch us", "timestamp[s,UTC,epoch=us]", []stored{
		is("E fixed epoch unit", "0", 0, "-1", -1, "999999", 0, "1705315800", 1705),
	}},
	{"E epoch ns", "timestamp[ms,epoch=ns]", []stored{
		is("E fixed epoch unit", "0", 0, "-1", -1, "999999", 0, "1705315800", 1705),
	}},
	{"E unit s", "timestamp[s]", []stored{
		is("E own unit", day+"T10:30:00.999", 1705314600, "1969-12-31T23:59:59.5", -1, "1705315800000", 1705315800),
	}},
	{"E unit ms", "timestamp[ms]", []stored{
		is("E own unit", day+"T10:30:00.1239", 1705314600123, "-1.0005", -1001, "1705315800", 1705315800000),
	}},
	{"E unit", "timestamp[ns]", []stored{
		is("E own unit", day+"T10:30:00.123456789", 1705314600123456789, "1705315800", 1705315800000000000),
		all("E own unit", nil, "9999-12-31"),
	}},
	{"E zone", "timestamp[s,Europe/Berlin]", []stored{
		is("E time zone", day+"T10:30:00", 1705311000, "2024-07-15T10:30:00", 1721032200, day+"T10:30:00Z", 1705314600, "-1500", -1500, "-1", -1, "1705315800999", 1705315800),
	}},
	{"E offset", "timestamp[ms,-05:00]", []stored{
		is("E time zone", day+"T10:30:00", 1705332600000, day+"T10:30:00Z", 1705314600000, day, 1705294800000, "1705315800", 1705315800000),
	}},
	{"F text", "utf8", []stored{
		is("F1", "", ""),
		same("F2", "   ", "\t\t", "hello\nworld", `quote"test`, `backslash\path`, "a]b", "<html>", "Zürich", "東京", "مرحبا", "🙂", "nul\x00nul"),
		same("F3", strings.Repeat("x", 100_000)),
		all("F4", nil, "\xff\xfe\x00"),
	}},
	{"F large text", "large_utf8", []stored{
		is("F1", "", ""),
		same("F2", "   ", "hello\nworld", "東京", "🙂", "nul\x00nul"),
		same("F3", strings.Repeat("x", 100_000)),
		all("F4", nil, "\xff\xfe\x00"),
	}},
	{"F large bytes", "large_binary", []stored{
		same("F1", ""),
		same("F3", strings.Repeat("x", 100_000)),
		same("F4", "\xff\xfe\x00"),
	}},
	{"F bytes", "binary", []stored{
		same("F1", ""),
		same("F2", "   ", "hello\nworld", "東京", "nul\x00nul", "\r\n", "$5\r\nhello\r\n"),
		same("F3", strings.Repeat("x", 100_000)),
		same("F4", "\xff\xfe\x00"),
	}},
	{"Q ints", "int64", []stored{
		is("Q1", "0", 0, "1", 1, "-1", -1, "1000000000000", 1000000000000, "-1000000000000", -1000000000000,
			"9223372036854775807", math.MaxInt64, "-9223372036854775808", math.MinInt64),
	}},
	{"Q floats", "float64", []stored{
		is("Q2", "0", 0.0, "0.1", 0.1, "0.123456789", 0.123456789, "1e10", 1e10, "1e-10", 1e-10, "1.7976931348623157e+308", math.MaxFloat64,
			"-1.7976931348623157e+308", -math.MaxFloat64, "2.2250738585072014e-308", 2.2250738585072014e-308, "3.141592653589793", math.Pi),
	}},
})

// integerGroups is group A for each integer type: the same rules, with its own
// range.
func integerGroups() []valueGroup {
	var groups []valueGroup
	for bits := 8; bits <= 64; bits *= 2 {
		least, most := int64(-1)<<(bits-1), int64(1)<<(bits-1)-1
		typ := fmt.Sprint("int", bits)
		groups = append(groups, valueGroup{"A " + typ, typ, []stored{
			is("A1", "42", 42, "-100", -100, "0", 0, "-0", 0, "+5", 5, "007", 7),
			is("A2", fmt.Sprint(most), most, fmt.Sprint(least), least),
			all("A3", nil, next(most, 1), next(least, -1), strings.Repeat("9", 32)),
			all("A3", nil, notIntegers...),
		}})
		unsigned := uint64(1)<<bits - 1
		typ = fmt.Sprint("uint", bits)
		groups = append(groups, valueGroup{"A " + typ, typ, []stored{
			is("A1", "42", 42, "0", 0, "-0", 0, "+0", 0, "+5", 5, "007", 7),
			is("A2", fmt.Sprint(unsigned), unsigned),
			all("A3", nil, next(unsigned, 1), "-1", "-100", strings.Repeat("9", 32)),
			all("A3", nil, notIntegers...),
		}})
	}
	return groups
}

var notIntegers = []string{" 42", "42 ", "", "1.0", "1e3", "1_000", "0x10", "abc", "\u0663"}

// next is the number after n, or before it, whatever its size.
func next[T int64 | uint64](n T, step int64) string {
	after, _ := new(big.Int).SetString(fmt.Sprint(n), 10)
	return after.Add(after, big.NewInt(step)).String()
}

// same are texts that come out as they are.
func same(row string, texts ...string) stored {
	s := stored{row: row}
	for _, text := range texts {
		s.cells = append(s.cells, cellCase{text, text})
	}
	return s
}

// storedCell is a cell case under its key.
type storedCell struct {
	row, key, text string
	want           any
}

// scanner opens a scan of a kind of keys with the columns _key and v.
type scanner func(t *testing.T, typ string, config iterator.Config) reader

func TestValues(t *testing.T) { onServers(t, testValues, testcluster.Masters) }

func testValues(t *testing.T, on place) {
	hash := func(command iterator.HashCommand) scanner {
		return func(t *testing.T, typ string, config iterator.Config) reader {
			config.HashCommand = command
			return hashes(t, on.rdb, "_key:key,v:"+typ, config)
		}
	}
	kinds := []struct {
		name, prefix string
		put          func(p redis.Pipeliner, key, text string)
		scan         scanner
	}{
		{"HMGET", "hash", putHash, hash(iterator.HMGET)},
		{"HGETALL", "hash", putHash, hash(iterator.HGETALL)},
		{"string", "string", putString, func(t *testing.T, typ string, config iterator.Config) reader {
			return strs(t, on.rdb, "_key:key,v:"+typ, config)
		}},
	}
	for _, group := range valueGroups {
		for _, kind := range kinds {
			t.Run(group.name+"/"+kind.name, func(t *testing.T) {
				// Good and bad cells have prefixes of their own.
				prefix := kind.prefix + ":" + group.name
				var stored []storedCell
				store(t, on.admin, func(p redis.Pipeliner) {
					for _, row := range group.rows {
						for _, c := range row.cells {
							quality := "good"
							if c.want == nil {
								quality = "bad"
							}
							// With a hash tag the scan for one bad cell asks one master.
							key := fmt.Sprintf("%s:%s:{%d}", prefix, quality, len(stored))
							kind.put(p, key, c.text)
							stored = append(stored, storedCell{row.row, key, c.text, normal(c.want)})
						}
					}
				})
				checkNull(t, prefix, stored, group.typ, kind.scan)
				checkSkipRow(t, prefix, stored, group.typ, kind.scan)
				if kind.name == "HGETALL" { // a scan for each bad cell is long: here one of each row
					stored = slices.CompactFunc(stored, func(a, b storedCell) bool { return a.want == nil && b.want == nil && a.row == b.row })
				}
				checkFail(t, prefix, stored, group.typ, kind.scan)
			})
		}
	}
}

func putHash(p redis.Pipeliner, key, text string) {
	p.HSet(context.Background(), key, "other", "1", "v", text)
}

func putString(p redis.Pipeliner, key, text string) { p.Set(context.Background(), key, text, 0) }

// checkNull reads all cells of a group in one scan.
func checkNull(t *testing.T, prefix string, stored []storedCell, typ string, scan scanner) {
	got, stats := readCells(t, scan(t, typ, iterator.Config{Enumerate: iterator.PlainScan, Pattern: prefix + ":*", OnParseError: convert.Null}))
	bad := int64(0)
	for _, c := range stored {
		t.Run(c.row, func(t *testing.T) {
			require.Contains(t, got, c.key, "no row for %.100q", c.text)
			assert.Equal(t, c.want, got[c.key], "%.100q", c.text)
		})
		if c.want == nil {
			bad++
		}
	}
	assert.Len(t, got, len(stored))
	assert.EqualValues(t, len(stored), stats.Rows)
	assert.Equal(t, bad, stats.ParseFailures)
	assert.Zero(t, stats.SkippedRows)
}

// checkSkipRow: the bad cells' rows are left out, the others unharmed.
func checkSkipRow(t *testing.T, prefix string, stored []storedCell, typ string, scan scanner) {
	want, bad := map[string]any{}, 0
	for _, c := range stored {
		if c.want == nil {
			bad++
		} else {
			want[c.key] = c.want
		}
	}
	got, stats := readCells(t, scan(t, typ, iterator.Config{Enumerate: iterator.PlainScan, Pattern: prefix + ":*", OnParseError: convert.SkipRow, BatchSize: 3}))
	assert.Equal(t, want, got)
	assert.EqualValues(t, bad, stats.SkippedRows)
	assert.EqualValues(t, bad, stats.ParseFailures)
}

// checkFail: the good cells come out, each bad one is an error that tells
// which it is.
func checkFail(t *testing.T, prefix string, stored []storedCell, typ string, scan scanner) {
	_, stats := readCells(t, scan(t, typ, iterator.Config{Enumerate: iterator.PlainScan, Pattern: prefix + ":good:*"}))
	assert.Zero(t, stats.ParseFailures)
	for _, c := range stored {
		if c.want != nil {
			continue
		}
		t.Run(c.row+" fails", func(t *testing.T) {
			it := scan(t, typ, iterator.Config{Pattern: c.key})
			column := it.Schema().Field(1)
			got := readAll(it)
			assert.Empty(t, got.rows)
			var failure *iterator.CellError
			require.ErrorAs(t, got.err, &failure, "%q", c.text)
			assert.Equal(t, c.key, failure.Key)
			assert.Equal(t, column.Name, failure.Field)
			assert.Equal(t, column.Type, failure.Type)
			assert.Equal(t, c.text, failure.Value)
			known := errors.Is(failure, convert.ErrSyntax) || errors.Is(failure, convert.ErrRange) ||
				errors.Is(failure, convert.ErrScale) || errors.Is(failure, convert.ErrUTF8)
			assert.True(t, known, "cause: %v", failure.Err)
		})
	}
}

// readCells reads rows of a key and a cell, each key once.
func readCells(t *testing.T, r reader) (map[string]any, iterator.Stats) {
	t.Helper()
	defer r.Release()
	cells := map[string]any{}
	for r.Next() {
		b := r.RecordBatch()
		for i := range int(b.NumRows()) {
			key := cellValue(b.Column(0), i).(string)
			assert.NotContains(t, cells, key, "a key with two rows")
			cells[key] = cellValue(b.Column(1), i)
		}
	}
	require.NoError(t, r.Err())
	return cells, r.Stats()
}

// cellValue is a cell as [normal] has it.
func cellValue(a arrow.Array, i int) any {
	if a.IsNull(i) {
		return nil
	}
	switch a := a.(type) {
	case *array.Boolean:
		return normal(a.Value(i))
	case *array.Int8:
		return normal(int64(a.Value(i)))
	case *array.Int16:
		return normal(int64(a.Value(i)))
	case *array.Int32:
		return normal(int64(a.Value(i)))
	case *array.Int64:
		return normal(a.Value(i))
	case *array.Uint8:
		return normal(int64(a.Value(i)))
	case *array.Uint16:
		return normal(int64(a.Value(i)))
	case *array.Uint32:
		return normal(int64(a.Value(i)))
	case *array.Uint64:
		return normal(a.Value(i))
	case *array.Date32:
		return normal(int64(a.Value(i)))
	case *array.Timestamp:
		return normal(int64(a.Value(i)))
	case *array.Float32:
		return normal(a.Value(i))
	case *array.Float64:
		return normal(a.Value(i))
	case *array.Decimal128:
		return a.Value(i).ToString(a.DataType().(arrow.DecimalType).GetScale())
	case *array.String:
		return normal(a.Value(i))
	case *array.LargeString:
		return normal(a.Value(i))
	case *array.Binary:
		return normal(string(a.Value(i)))
	case *array.LargeBinary:
		return normal(string(a.Value(i)))
	default:
		return fmt.Errorf("no cell of type %s was expected", a.DataType())
	}
}

// normal makes cells comparable: floats become texts that tell every value
// from every other, -0 from 0, and not NaN from itself.
func normal(v any) any {
	switch v := v.(type) {
	case int:
		return int64(v)
	case uint64:
		if v > math.MaxInt64 {
			return v
		}
		return int64(v)
	case float32:
		return "float32 " + strconv.FormatFloat(float64(v), 'g', -1, 32)
	case float64:
		return "float64 " + strconv.FormatFloat(v, 'g', -1, 64)
	default:
		return v
	}
}
