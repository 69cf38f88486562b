package iterator

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/redisarrow/redisarrow/convert"
	"github.com/redisarrow/redisarrow/internal/resp"
	"github.com/redisarrow/redisarrow/internal/scan"
	"github.com/redisarrow/redisarrow/schema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// everyType are the types of data columns, each with texts that fit.
var everyType = []struct {
	typ   string
	texts []string
}{
	{"utf8", []string{"Zürich", "", "a longer text than that"}},
	{"binary", []string{"\xff\xfe", "", "\x00"}},
	{"large_utf8", []string{"Zürich", "", "a longer text than that"}},
	{"large_binary", []string{"\xff\xfe", "", "\x00"}},
	{"int8", []string{"8", "-8"}},
	{"int16", []string{"16", "-16"}},
	{"int32", []string{"32", "-32"}},
	{"int64", []string{"64", "-64"}},
	{"uint8", []string{"8", "0"}},
	{"uint16", []string{"16", "0"}},
	{"uint32", []string{"32", "0"}},
	{"uint64", []string{"64", "0"}},
	{"float32", []string{"3.25", "-0"}},
	{"float64", []string{"6.5", "inf"}},
	{"decimal128[38,2]", []string{"19.99", "-1e30"}},
	{"boolean", []string{"true", "no"}},
	{"date32", []string{"2024-01-15", "1969-12-31"}},
	{"timestamp[ms,UTC]", []string{"2024-01-15T10:30:00Z", "0"}},
}

func TestEveryTypeIsTested(t *testing.T) {
	_, err := schema.ParseField("v", "none")
	require.Error(t, err)
	_, known, _ := strings.Cut(err.Error(), "known are ")
	known, _, _ = strings.Cut(regexp.MustCompile(`\[.*?\]`).ReplaceAllString(known, ""), "; ")
	var tested []string
	for _, e := range everyType {
		word, _, _ := strings.Cut(e.typ, "[")
		tested = append(tested, word)
	}
	assert.Equal(t, known, strings.Join(tested, ", "))
}

func newTestColumn(t *testing.T, mem memory.Allocator, typ string) convert.Column {
	t.Helper()
	field, err := schema.ParseField("v", typ)
	require.NoError(t, err)
	column, err := convert.NewColumn(mem, field.Type(), convert.Options{})
	require.NoError(t, err)
	return column
}

// appendRows appends cells that follow from the row's number; if there are to
// be nulls, every third is one.
func appendRows(t *testing.T, c convert.Column, texts []string, from, to int, nulls bool) {
	t.Helper()
	for row := from; row < to; row++ {
		if nulls && row%3 == 1 {
			c.AppendNull()
			continue
		}
		require.NoError(t, c.Append([]byte(texts[row%len(texts)])))
	}
}

// Parts of a block are as large as a column that has only their rows says.
func TestSizeOfParts(t *testing.T) {
	const rows = 40
	for _, e := range everyType {
		for _, nulls := range []bool{false, true} {
			t.Run(fmt.Sprint(e.typ, "/nulls ", nulls), func(t *testing.T) {
				mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
				defer mem.AssertSize(t, 0)
				whole := newTestColumn(t, mem, e.typ)
				defer whole.Release()
				appendRows(t, whole, e.texts, 0, rows, nulls)
				b := block{arrays: []arrow.Array{whole.NewArray(), nil}, rows: rows}
				defer b.release()
				part := newTestColumn(t, mem, e.typ)
				defer part.Release()
				for from := range rows - 3 {
					for to := from + 3; to <= rows; to++ { // three rows have a null
						part.Truncate(0)
						appendRows(t, part, e.texts, from, to, nulls)
						require.Equal(t, part.Bytes(), b.sizeOf(from, to-from), "rows %d to %d", from, to)
					}
				}
			})
		}
	}
}

// What the workers had in hand comes out in batches of full size, of all
// types, cell by cell as it went in.
func TestRemainderJoins(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	config := Config{BatchSize: 10, Allocator: mem}.withDefaults()
	var rest remainder
	defer rest.release()
	const rows = 33
	for _, part := range [][2]int{{0, 7}, {7, 8}, {8, 30}, {30, rows}} {
		b := block{rows: part[1] - part[0]}
		for _, e := range everyType {
			c := newTestColumn(t, mem, e.typ)
			appendRows(t, c, e.texts, part[0], part[1], true)
			b.bytes += c.Bytes()
			b.arrays = append(b.arrays, c.NewArray())
		}
		rest.add(b)
	}
	var sizes []int
	got := make([][]string, len(everyType))
	for {
		b, ok, err := rest.next(&config)
		require.NoError(t, err)
		if !ok {
			break
		}
		sizes = append(sizes, b.rows)
		for i, a := range b.arrays {
			require.NoError(t, array.ValidateFull(a))
			require.Equal(t, b.rows, a.Len())
			for row := range a.Len() {
				got[i] = append(got[i], a.ValueStr(row))
			}
		}
		b.release()
	}
	assert.Equal(t, []int{10, 10, 10, 3}, sizes)
	for i, e := range everyType {
		whole := newTestColumn(t, mem, e.typ)
		appendRows(t, whole, e.texts, 0, rows, true)
		a := whole.NewArray()
		for row := range rows {
			assert.Equal(t, a.ValueStr(row), got[i][row], "%s, row %d", e.typ, row)
		}
		a.Release()
	}
}

// acceptance K, row 11: whatever the type, a batch ends with the row that makes
// it reach BatchBytes. The builder doesn't add the columns up at each row:
// nulls and short texts of wide types are what it could miss.
func TestBatchBytesOfEveryType(t *testing.T) {
	const rows, limit, fields = 600, 1200, 20
	for _, e := range everyType {
		for _, stored := range []string{"all", "one", "none"} {
			t.Run("K11/"+e.typ+"/"+stored, func(t *testing.T) {
				mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
				defer mem.AssertSize(t, 0)
				columns := make([]string, fields)
				for i := range columns {
					columns[i] = fmt.Sprintf("f%d:%s", i, e.typ)
				}
				s, err := schema.ParseHash(strings.Join(columns, ","))
				require.NoError(t, err)
				l := newLayout(s)
				has := map[string]int{"all": fields, "one": 1, "none": 0}[stored]
				config := Config{BatchBytes: limit, Allocator: mem}.withDefaults()
				var sizes []int
				b, err := newBuilder(&l, &config, newHashKind(&l, HGETALL).newReader(), func(b block) error {
					sizes = append(sizes, b.rows)
					assert.GreaterOrEqual(t, b.bytes, int64(limit))
					assert.Less(t, b.sizeOf(0, b.rows-1), int64(limit), "%d rows: one too many", b.rows)
					b.release()
					return nil
				})
				require.NoError(t, err)
				defer b.release()
				var wire []byte
				for range rows {
					wire = resp.AppendArray(wire, max(2*has, 2))
					for i := range has {
						wire = resp.AppendBulkString(wire, fmt.Sprint("f", i))
						wire = resp.AppendBulkString(wire, e.texts[0])
					}
					if has == 0 {
						wire = resp.AppendBulkString(wire, "other")
						wire = resp.AppendBulkString(wire, "")
					}
				}
				r := resp.NewReader(bytes.NewReader(wire), 64<<10)
				for range rows {
					res, err := b.Decode(0, []byte("k"), r)
					require.NoError(t, err)
					require.Equal(t, scan.Rows, res.Outcome)
				}
				require.NotEmpty(t, sizes)
				assert.LessOrEqual(t, slices.Max(sizes)-slices.Min(sizes), 1)
			})
		}
	}
}
