package schema_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/convert"
	"github.com/redisarrow/redisarrow/schema"
)

// absent stands for a hash without the field.
const absent = "\x00absent"

// inferField adds a hash with the field for each value.
func inferField(t *testing.T, options schema.InferOptions, values ...string) schema.InferredField {
	t.Helper()
	i, err := schema.NewInference(options)
	require.NoError(t, err)
	for _, value := range values {
		hash := map[string]string{}
		if value != absent {
			hash["f"] = value
		}
		i.AddHash(maps.All(hash))
	}
	assert.EqualValues(t, len(values), i.Rows())
	fields := i.Fields()
	if len(fields) == 0 {
		return schema.InferredField{Column: schema.Utf8("f")} // acceptance: all absent
	}
	require.Len(t, fields, 1)
	return fields[0]
}

// Acceptance group P, and what lies beside it.
func TestInferTypes(t *testing.T) {
	long := strings.Repeat("9", 70_000)
	for _, c := range []struct {
		values []string
		want   string
	}{
		{[]string{"1", "42", "-10"}, "int64"},
		{[]string{"1", "42.5"}, "float64"},
		{[]string{"true", "false", "True"}, "boolean"},
		{[]string{"1", "0"}, "int64"},
		{[]string{"hello", "123abc"}, "utf8"},
		{[]string{"42", absent, "100"}, "int64"},
		{[]string{"2024-01-15"}, "date32"},
		{[]string{"2024-01-15T10:30:00Z"}, "timestamp[us,UTC]"},
		{[]string{"1", "2", "3", "hello", "world"}, "utf8"},
		{[]string{"0xFF"}, "utf8"},
		{[]string{" "}, "utf8"},
		{[]string{"   ", "\t"}, "utf8"},
		{[]string{"0xFF", " ", "  "}, "utf8"},

		// whole numbers
		{[]string{"9223372036854775807", "-9223372036854775808", "0"}, "int64"},
		{[]string{"9223372036854775808", "0"}, "uint64"},
		{[]string{"18446744073709551615"}, "uint64"},
		{[]string{"9223372036854775808", "-1"}, "utf8"},
		{[]string{"18446744073709551616"}, "utf8"},
		{[]string{strings.Repeat("9", 32)}, "utf8"},
		{[]string{long}, "utf8"},
		{[]string{"1705315800", "1705315800000"}, "int64"},
		{[]string{"20240115"}, "int64"},
		{[]string{"007", "1"}, "utf8"},
		{[]string{"01234"}, "utf8"},
		{[]string{"00"}, "utf8"},
		{[]string{"+5"}, "utf8"},
		{[]string{"-0"}, "utf8"},
		{[]string{"-007"}, "utf8"},
		{[]string{""}, "utf8"},
		{[]string{"1", ""}, "utf8"},
		{[]string{"-"}, "utf8"},
		{[]string{" 42"}, "utf8"},
		{[]string{"1,5"}, "utf8"},
		{[]string{"1_000"}, "utf8"},
		{[]string{"\u0663"}, "utf8"},

		// other numbers
		{[]string{"-0.5", ".5", "5.", "1e3", "1E-3", "-0.0", "0e5"}, "float64"},
		{[]string{"0.5", "9007199254740992", "-9007199254740992"}, "float64"},
		{[]string{"0.5", "9007199254740993"}, "utf8"},
		{[]string{"0.5", "12345678901234567890.5"}, "utf8"},
		{[]string{"1e300"}, "float64"},
		{[]string{"1e309"}, "utf8"},
		{[]string{"12e4567"}, "utf8"},
		{[]string{"1e-400"}, "utf8"},
		{[]string{"3.33333333333333333"}, "float64"},
		{[]string{"00.5"}, "utf8"},
		{[]string{"+1.5"}, "utf8"},
		{[]string{"1.5", "007"}, "utf8"},
		{[]string{"1.2.3"}, "utf8"},
		{[]string{"."}, "utf8"},
		{[]string{"1.5", "nan", "-Infinity", "+inf"}, "float64"},
		{[]string{"nan", "inf"}, "utf8"},
		{[]string{"Nan"}, "utf8"},

		// truth values
		{[]string{"yes", "NO"}, "boolean"},
		{[]string{"yes"}, "boolean"},
		{[]string{"true", "1", "0"}, "boolean"},
		{[]string{"true", "2"}, "utf8"},
		{[]string{"t", "f"}, "boolean"},
		{[]string{"f", "f"}, "utf8"},
		{[]string{"y", "n", "0"}, "boolean"},
		{[]string{"n", "0"}, "utf8"},
		{[]string{"f", "m"}, "utf8"},
		{[]string{"on", "off"}, "utf8"},

		// days and moments
		{[]string{"0001-01-01", "9999-12-31"}, "date32"},
		{[]string{"2024-01-15", "19737"}, "utf8"},
		{[]string{"2023-02-29"}, "utf8"},
		{[]string{"2024-01-15", "2024-01-15T10:30:00"}, "timestamp[us]"},
		{[]string{"2024-01-15", "2024-01-15T10:30:00+05:30"}, "timestamp[us,UTC]"},
		{[]string{"2024-01-15T10:30:00", "2024-01-15T10:30:00Z"}, "timestamp[us]"},
		{[]string{"2024-01-15 10:30", "2024-01-15T10:30:00.123456"}, "timestamp[us]"},
		{[]string{"2024-01-15T10:30:00.123456000"}, "timestamp[us]"},
		{[]string{"2024-01-15T10:30:00.123456789Z", "2024-01-15T10:30:00Z"}, "timestamp[ns,UTC]"},
		{[]string{"2024-01-15T10:30:00.1234567", "0001-01-01T00:00:00"}, "utf8"},
		{[]string{"2024-01-15T10:30:00-0530"}, "timestamp[us,UTC]"},
		{[]string{"2024-01-15T10:30:00", "1705314600"}, "utf8"},
		{[]string{"2024-01-15T25:00:00"}, "utf8"},
		{[]string{"2024-01-15garbage"}, "utf8"},

		// text and bytes
		{[]string{"東京", "\x00", "🙂"}, "utf8"},
		{[]string{"a", "\xff\xfe\x00"}, "binary"},
		{[]string{"1", "\xff"}, "binary"},
	} {
		t.Run(shortName(c.values), func(t *testing.T) {
			f := inferField(t, schema.InferOptions{}, c.values...)
			assert.Equal(t, "f:"+c.want, f.Column.String())
			assert.True(t, f.Column.Nullable())
			assert.EqualValues(t, len(c.values)-count(c.values, absent), f.Present)
			assert.Equal(t, f.Present, f.Fits, "what is inferred fits all")
			requireTaken(t, f.Column, c.values)
		})
	}
	assert.Equal(t, "f:utf8", inferField(t, schema.InferOptions{}, absent, absent).Column.String())
}

func shortName(values []string) string {
	name := strings.Join(values, " ")
	return name[:min(len(name), 60)]
}

func count(values []string, wanted string) (n int) {
	for _, v := range values {
		if v == wanted {
			n++
		}
	}
	return n
}

// requireTaken appends the values to the very column that a scan fills.
func requireTaken(t *testing.T, c schema.Column, values []string) {
	t.Helper()
	var opts convert.Options
	if unit, ok := c.EpochUnit(); ok {
		opts.EpochUnit = &unit
	}
	column, err := convert.NewColumn(memory.NewGoAllocator(), c.Type(), opts)
	require.NoError(t, err)
	defer column.Release()
	for _, value := range values {
		if value != absent {
			require.NoError(t, column.Append([]byte(value)), "%s of %.100q", c, value)
		}
	}
}

func TestInferNarrow(t *testing.T) {
	for _, c := range []struct {
		values []string
		narrow string
		fits   int64
	}{
		{[]string{"1", "2", "3", "hello", "world"}, "int64", 3},
		{[]string{"1", "2.5", "3", ""}, "float64", 3},
		{[]string{"true", "false", "?"}, "boolean", 2},
		{[]string{"2024-01-15", "?"}, "date32", 1},
		{[]string{"2024-01-15", "2024-01-15T10:30:00", "?"}, "timestamp[us]", 2},
		{[]string{"1", "\xff"}, "int64", 1},
		{[]string{"hello"}, "", 0},
		{[]string{"42"}, "", 0},
	} {
		f := inferField(t, schema.InferOptions{}, c.values...)
		assert.Equal(t, c.fits, f.NarrowFits, "%q", c.values)
		if c.fits > 0 {
			assert.Equal(t, "f:"+c.narrow, f.Narrow.String(), "%q", c.values)
		}
	}
}

// Given types override inferred ones.
func TestInferGiven(t *testing.T) {
	given, err := schema.ParseHash("zip:utf8, at:timestamp[ms,UTC,epoch=s], never:date32, price:decimal128[10,2], also:int8")
	require.NoError(t, err)
	i, err := schema.NewInference(schema.InferOptions{Types: given.Fields()})
	require.NoError(t, err)
	for n := range 10 {
		i.AddHash(maps.All(map[string]string{"zip": fmt.Sprint(12345 + n), "at": "1705315800", "price": strings.Repeat("9", n+4)}))
	}
	s, err := i.HashSchema(schema.Key("_key"))
	require.NoError(t, err)
	fields := i.Fields()
	at := slices.IndexFunc(fields, func(f schema.InferredField) bool { return f.Column.Name() == "price" })
	assert.True(t, fields[at].Given)
	assert.EqualValues(t, 10, fields[at].Present)
	assert.EqualValues(t, 5, fields[at].Fits, "8 digits and 2 places at most")
	text := s.String()
	for _, column := range given.Fields() {
		assert.Contains(t, text, column.String())
	}
	assert.True(t, strings.HasSuffix(text, ",never:date32,also:int8"), "what no hash has comes last: %s", text)

	for _, c := range []struct {
		types []schema.Column
		want  string
	}{
		{[]schema.Column{schema.Key("k")}, "types are given for fields"},
		{[]schema.Column{schema.Utf8("a"), schema.Int64("a")}, "same name"},
		{[]schema.Column{{}}, "zero Column"},
		{[]schema.Column{schema.Timestamp("t", arrow.Second, schema.TimeZone("Nowhere/Atall"))}, "time zone"},
	} {
		_, err := schema.NewInference(schema.InferOptions{Types: c.types})
		var mistake *schema.Error
		require.ErrorAs(t, err, &mistake)
		assert.ErrorContains(t, err, c.want)
	}
}

func TestInferOrder(t *testing.T) {
	i, err := schema.NewInference(schema.InferOptions{})
	require.NoError(t, err)
	hash := func(names ...string) {
		i.AddHash(func(yield func(string, string) bool) {
			for _, name := range names {
				if !yield(name, "1") {
					return
				}
			}
		})
	}
	hash("score", "name", "age")
	hash("name", "age", "odd name")
	hash("name", "age", "score")
	hash()
	s, err := i.HashSchema(schema.Key("_key"))
	require.NoError(t, err)
	assert.Equal(t, `_key:key,name:int64,age:int64,score:int64,"odd name":int64`, s.String())
	again, err := schema.ParseHash(s.String())
	require.NoError(t, err)
	assert.True(t, again.Equal(s))
	assert.EqualValues(t, 4, i.Rows())

	_, err = i.HashSchema(schema.Key("age"))
	require.ErrorContains(t, err, "same name")
}

func TestInferBounds(t *testing.T) {
	given := []schema.Column{schema.Utf8("mine")}
	i, err := schema.NewInference(schema.InferOptions{MaxFields: 3, Examples: 2, Types: given})
	require.NoError(t, err)
	for n := range 100 {
		i.AddHash(maps.All(map[string]string{fmt.Sprint("id", n): "x"}))
	}
	i.AddHash(maps.All(map[string]string{"\xff": "x"}))
	long := strings.Repeat("é", 100)
	for _, value := range []string{long, long, "\xff" + long, "third"} {
		i.AddHash(maps.All(map[string]string{"mine": value}))
	}
	fields := i.Fields()
	require.Len(t, fields, 4)
	beyond, unnamed := i.LeftOut()
	assert.EqualValues(t, 97, beyond)
	assert.EqualValues(t, 1, unnamed)
	assert.Equal(t, "mine", fields[0].Column.Name())
	require.Len(t, fields[0].Examples, 2)
	assert.Equal(t, strings.Repeat("é", 50)+"…", fields[0].Examples[0])

	assert.Empty(t, inferField(t, schema.InferOptions{Examples: -1}, "a", "b").Examples)
	assert.Equal(t, []string{"a", "b", "c"}, inferField(t, schema.InferOptions{}, "a", "b", "a", "c", "d").Examples)
}

func TestInferString(t *testing.T) {
	i, err := schema.NewInference(schema.InferOptions{})
	require.NoError(t, err)
	s, err := i.StringSchema()
	require.NoError(t, err)
	assert.Equal(t, "value:utf8", s.String())
	i.AddString("1")
	i.AddString("-7")
	s, err = i.StringSchema(schema.BinaryKey("_key"))
	require.NoError(t, err)
	assert.Equal(t, "_key:binary_key,value:int64", s.String())
}

// What is inferred takes every value, prints to what parses, and doesn't depend
// on the order of the values.
func FuzzInfer(f *testing.F) {
	for _, seed := range []string{
		"1\n42\n-10", "1\n42.5", "true\nfalse\nTrue", "2024-01-15\n2024-01-15T10:30:00.123456789Z", "007\n+5\n-0\n1e309", "nan\n1\n\xff", "t\nf\n1", "9223372036854775808\n\n0",
		"2024-01-15T10:30:00.1234567\n0001-01-01", "2024-01-15T10:30:00+23:59", ".\n5.\n-.5e-7",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, absent) {
			return
		}
		values := strings.Split(text, "\n")
		field := inferField(t, schema.InferOptions{}, values...)
		require.EqualValues(t, len(values), field.Present)
		require.Equal(t, field.Present, field.Fits)
		require.Less(t, field.NarrowFits, field.Present)
		requireTaken(t, field.Column, values)
		whole, err := schema.NewHash(field.Column)
		require.NoError(t, err)
		again, err := schema.ParseHash(whole.String())
		require.NoError(t, err)
		require.True(t, again.Equal(whole))
		if field.Column.Type().ID() == arrow.INT64 { // nothing is lost
			for _, value := range values {
				n, err := convert.ParseInt64([]byte(value))
				require.NoError(t, err)
				require.Equal(t, value, fmt.Sprint(n))
			}
		}
		slices.Reverse(values)
		require.Equal(t, field.Column.String(), inferField(t, schema.InferOptions{}, values...).Column.String())
	})
}
