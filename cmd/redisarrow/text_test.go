package main

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/arrowutil"
	"github.com/redisarrow/redisarrow/convert"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
)

func TestSecrets(t *testing.T) {
	for _, c := range []struct{ url, text, want string }{
		{"redis://:hunter22@h:1", "no: hunter22", "no: ***"},
		{"redis://u:p%40ss%2Fword@h:1", "p@ss/word or p%40ss%2Fword", "*** or ***"},
		{"redis://u:pa:ss/wo@rd@h:1", "pa:ss/wo@rd", "***"},
		{"u:hunter22@h", "hunter22", "***"},
		{"redis://u:bad%zz-escape@h", "bad%zz-escape", "***"},
		{"redis://user@h:1", "user", "user"},
		{"redis://h:7000", "h:7000", "h:7000"},
		{"redis://:abc@h", "abcdef", "abcdef"},
	} {
		var s secrets
		s.addURL(c.url)
		assert.Equal(t, c.want, s.hide(c.text), c.url)
	}
}

func TestSummary(t *testing.T) {
	s := summary{output: "out.arrow", result: arrowutil.Result{Rows: 1000, Batches: 2, Bytes: 4096}, elapsed: 2 * time.Second}
	s.stats.Vanished, s.stats.WrongType, s.stats.ParseFailures = 1, 2, 3
	var b bytes.Buffer
	s.print(&b)
	assert.Equal(t, strings.Join([]string{
		"file            out.arrow",
		"rows            1000",
		"batches         2",
		"seconds         2.000",
		"rows/s          500",
		"vanished        1",
		"wrong type      2",
		"parse failures  3",
		"file size       4096 bytes (4.0 KiB)",
		"",
	}, "\n"), b.String())

	b.Reset()
	s.output, s.stats.Redirects = standardOutput, 7
	s.print(&b)
	assert.Contains(t, b.String(), "redirects       7\n")
	assert.Contains(t, b.String(), "stream size     4096")
}

func TestBinarySize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1 << 20: "1.0 MiB", 5 << 30: "5.0 GiB", math.MaxInt64: "8.0 EiB",
	} {
		assert.Equal(t, want, binarySize(n))
	}
}

func TestShown(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "",
		"東京":                            "東京",
		"a\tb":                          `"a\tb"`,
		"\x1b[31mred":                   `"\x1b[31mred"`,
		"\xff\xfe":                      `"\xff\xfe"`,
		strings.Repeat("x", cellWidth):  strings.Repeat("x", cellWidth),
		strings.Repeat("é", 10_000_000): strings.Repeat("é", cellWidth-1) + "…",
	} {
		assert.Equal(t, want, shown(text))
	}
}

func TestPrintTable(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	b := array.NewRecordBuilder(mem, arrow.NewSchema([]arrow.Field{
		{Name: "_key", Type: arrow.BinaryTypes.Binary},
		{Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "text", Type: arrow.BinaryTypes.String, Nullable: true},
	}, nil))
	defer b.Release()
	for i := range 20 {
		b.Field(0).(*array.BinaryBuilder).Append([]byte{'k', byte('a' + i)})
		b.Field(1).(*array.Int64Builder).Append(int64(i) * 1000)
		b.Field(2).(*array.StringBuilder).AppendNull()
	}
	batch := b.NewRecordBatch()
	defer batch.Release()

	var out bytes.Buffer
	require.NoError(t, printTable(&out, batch))
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	require.Len(t, lines, 1+headRows)
	assert.Equal(t, "_key  n     text", lines[0])
	assert.Equal(t, "ka    0     null", lines[1])
	assert.Equal(t, "kh    7000  null", lines[8])
}

// A cell of each type in the demo's table.
func TestCell(t *testing.T) {
	nines := strings.Repeat("9", 36)
	for _, c := range []struct{ typ, stored, want string }{
		{"utf8", "Zürich", "Zürich"},
		{"large_utf8", "Zürich", "Zürich"},
		{"binary", "a\xff", `"a\xff"`},
		{"large_binary", "a\xff", `"a\xff"`},
		{"int8", "-8", "-8"},
		{"int16", "-16", "-16"},
		{"int32", "-32", "-32"},
		{"int64", "-64", "-64"},
		{"uint8", "255", "255"},
		{"uint16", "65535", "65535"},
		{"uint32", "4294967295", "4294967295"},
		{"uint64", "18446744073709551615", "18446744073709551615"},
		{"float32", "0.1", "0.1"},
		{"float64", "-0.1", "-0.1"},
		{"decimal128[10,2]", "100", "100.00"},
		{"decimal128[38,2]", "-" + nines + ".5", "-" + nines + ".50"}, // a number cut short would be another
		{"boolean", "yes", "true"},
		{"date32", "2024-01-15", "2024-01-15"},
		{"timestamp[ms,UTC]", "2024-01-15T10:30:00.5", "2024-01-15T10:30:00.5Z"},
		{"timestamp[s,Europe/Berlin]", "2024-01-15T10:30:00", "2024-01-15T10:30:00+01:00"},
	} {
		t.Run(c.typ, func(t *testing.T) {
			field, err := schema.ParseField("v", c.typ)
			require.NoError(t, err)
			column, err := convert.NewColumn(memory.DefaultAllocator, field.Type(), convert.Options{})
			require.NoError(t, err)
			require.NoError(t, column.Append([]byte(c.stored)))
			column.AppendNull()
			values := column.NewArray()
			defer values.Release()
			assert.Equal(t, c.want, cell(values, 0))
			assert.Equal(t, "null", cell(values, 1))
		})
	}
}

func TestNumbers(t *testing.T) {
	for _, text := range []string{"-1", "", "x", "1.5", "9223372036854775808", "1e3"} {
		_, err := parseCount(text)
		require.ErrorContains(t, err, "whole number", text)
		_, err = parseSize(text)
		require.ErrorContains(t, err, "whole number", text)
		_, err = parseConcurrency(text)
		require.ErrorContains(t, err, "all", text)
	}
	_, err := parseSize("2147483648")
	require.Error(t, err)
	_, err = parseConcurrency("0")
	require.Error(t, err)
	n, err := parseConcurrency("all")
	require.NoError(t, err)
	assert.Equal(t, iterator.AllMasters, n)
	c, err := parseCount("9223372036854775807")
	require.NoError(t, err)
	assert.EqualValues(t, math.MaxInt64, c)
}
