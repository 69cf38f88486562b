package iterator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/arrowutil"
	"github.com/redisarrow/redisarrow/arrowutil/parquet"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/internal/pyenv"
	"github.com/redisarrow/redisarrow/internal/testcluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// typesElsewhere prints what pyarrow and Polars make of the columns of IPC and
// Parquet files: name, type, and cells by key, bit for bit, as JSON.
const typesElsewhere = `
import json, struct, sys
import polars, pyarrow, pyarrow.ipc, pyarrow.parquet

def cell(v, float32):
    if v is None:
        return None
    if isinstance(v, bytes):
        return v.hex()
    if isinstance(v, float):
        return struct.pack(">f" if float32 else ">d", v).hex()
    return str(v)

def by_pyarrow(path):
    if path.endswith(".parquet"):
        table = pyarrow.parquet.read_table(path)
    else:
        with pyarrow.OSFile(path) as f:
            table = pyarrow.ipc.open_file(f).read_all()
    table.validate(full=True)
    is_ = pyarrow.types
    for field, column in zip(table.schema, table.columns):
        kind = field.type
        name = str(kind) + ("" if field.nullable else " not null")
        if is_.is_string(kind) or is_.is_large_string(kind):
            column = column.cast(pyarrow.large_binary())
        elif is_.is_timestamp(kind):
            column = column.cast(pyarrow.int64())
        elif is_.is_date32(kind):
            column = column.cast(pyarrow.int32())
        yield field.name, name, [cell(v, is_.is_float32(kind)) for v in column.to_pylist()]

def by_polars(path):
    read = polars.read_parquet if path.endswith(".parquet") else polars.read_ipc
    for column in read(path):
        kind = column.dtype
        if kind == polars.String:
            column = column.cast(polars.Binary)
        elif kind.is_temporal():
            column = column.to_physical()
        yield column.name, str(kind), [cell(v, kind == polars.Float32) for v in column.to_list()]

files = []
for path in sys.argv[1:]:
    file = {}
    for by, read in ("pyarrow", by_pyarrow), ("polars", by_polars):
        columns = list(read(path))
        keys = columns[0][2]
        file[by] = {name: {"type": kind, "cells": dict(zip(keys, cells))} for name, kind, cells in columns}
    files.append(file)
print(json.dumps(files))
`

// elsewhereColumn is a column as another Arrow implementation sees it.
type elsewhereColumn struct {
	Type  string
	Cells map[string]*string // by the key's bytes in hexadecimal
}

func readTypesElsewhere(t *testing.T, paths ...string) []map[string]map[string]elsewhereColumn {
	t.Helper()
	var files []map[string]map[string]elsewhereColumn
	require.NoError(t, json.Unmarshal([]byte(pyenv.Run(t, typesElsewhere, paths...)), &files))
	require.Len(t, files, len(paths))
	return files
}

func writeIPC(t *testing.T, it reader) string { return write(t, it, "types.arrow") }

// write writes all that a reader gives into a file, in the format of its name.
func write(t *testing.T, it reader, name string) string {
	t.Helper()
	defer it.Release()
	var format arrowutil.Format = arrowutil.IPCFile{}
	if filepath.Ext(name) == ".parquet" {
		format = parquet.Format{RowGroupRows: 3}
	}
	path := filepath.Join(t.TempDir(), name)
	_, err := arrowutil.WriteFile(path, it.(array.RecordReader), format)
	require.NoError(t, err)
	return path
}

// typesThere are the types of data columns, as others name them, with texts
// and cells: numbers as they are printed, floats as bits, bytes in hexadecimal.
var typesThere = []struct {
	typ, pyarrow, polars string
	cells                [][2]string
}{
	{"utf8", "string", "String", [][2]string{{"Zürich", hexOf("Zürich")}, {"", ""}}},
	{"large_utf8", "large_string", "String", [][2]string{{"Zürich", hexOf("Zürich")}, {"", ""}}},
	{"binary", "binary", "Binary", [][2]string{{"\xff\x00", "ff00"}, {"", ""}}},
	{"large_binary", "large_binary", "Binary", [][2]string{{"\xff\x00", "ff00"}, {"", ""}}},
	{"int8", "int8", "Int8", extremes("-128", "127")},
	{"int16", "int16", "Int16", extremes("-32768", "32767")},
	{"int32", "int32", "Int32", extremes("-2147483648", "2147483647")},
	{"int64", "int64", "Int64", extremes("-9223372036854775808", "9223372036854775807")},
	{"uint8", "uint8", "UInt8", extremes("0", "255")},
	{"uint16", "uint16", "UInt16", extremes("0", "65535")},
	{"uint32", "uint32", "UInt32", extremes("0", "4294967295")},
	{"uint64", "uint64", "UInt64", extremes("0", "18446744073709551615")},
	{"float32", "float", "Float32", [][2]string{
		{"0.1", hexFloat32(0.1)}, {"-0", "80000000"}, {"3.4028234663852886e38", hexFloat32(math.MaxFloat32)}, {"1e39", "7f800000"}, {"1e-45", "00000001"},
	}},
	{"float64", "double", "Float64", [][2]string{
		{"0.1", hexFloat64(0.1)}, {"-0", "8000000000000000"}, {"1.7976931348623157e308", hexFloat64(math.MaxFloat64)}, {"1e309", "7ff0000000000000"}, {"5e-324", "0000000000000001"},
	}},
	{"decimal128[10,2]", "decimal128(10, 2)", "Decimal(precision=10, scale=2)", [][2]string{
		{"19.995e1", "199.95"}, {"-.5", "-0.50"}, {"0", "0.00"}, {"-99999999.99", "-99999999.99"}, {"1.000", "1.00"},
	}},
	{"decimal128[38,0]", "decimal128(38, 0)", "Decimal(precision=38, scale=0)", extremes("-"+strings.Repeat("9", 38), strings.Repeat("9", 38))},
	{"boolean", "bool", "Boolean", [][2]string{{"yes", "True"}, {"0", "False"}}},
	{"date32", "date32[day]", "Date", [][2]string{{"2024-01-15", "19737"}, {"1969-12-31", "-1"}}},
	{"timestamp[s]", "timestamp[s]", "Datetime(time_unit='ms', time_zone=None)", nil},
	{"timestamp[ms]", "timestamp[ms]", "Datetime(time_unit='ms', time_zone=None)", [][2]string{{"2024-01-15T10:30:00.123456", "1705314600123"}, {"-1.5", "-1500"}}},
	{"timestamp[us,UTC]", "timestamp[us, tz=UTC]", "Datetime(time_unit='us', time_zone='UTC')", [][2]string{{"2024-01-15T10:30:00", "1705314600000000"}}},
	{"timestamp[ns,Europe/Berlin]", "timestamp[ns, tz=Europe/Berlin]", "Datetime(time_unit='ns', time_zone='Europe/Berlin')", [][2]string{
		{"2024-01-15T10:30:00", "1705311000000000000"}, {"2024-07-15T10:30:00.000000001", "1721032200000000001"},
	}},
	{"timestamp[ms,Europe/Berlin,epoch=s]", "timestamp[ms, tz=Europe/Berlin]", "Datetime(time_unit='ms', time_zone='Europe/Berlin')", [][2]string{
		{"1705315800", "1705315800000"}, {"10000000000", "10000000000000"},
	}},
	{"timestamp[us,epoch=ms]", "timestamp[us]", "Datetime(time_unit='us', time_zone=None)", [][2]string{{"1705315800", "1705315800000"}, {"-1", "-1000"}}},
}

func hexOf(text string) string         { return fmt.Sprintf("%x", text) }
func hexFloat32(f float32) string      { return fmt.Sprintf("%08x", math.Float32bits(f)) }
func hexFloat64(f float64) string      { return fmt.Sprintf("%016x", math.Float64bits(f)) }
func extremes(a, b string) [][2]string { return [][2]string{{a, a}, {b, b}, {"42", "42"}} }

// Acceptance group Q for all types, and the last line of E: as fields of hashes
// and as values of strings, written with Redis and read from the file, IPC and
// Parquet, by other implementations.
func TestTypesElsewhere(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	_, rdb := real(t, realServer, testcluster.Config{})
	rows := 0
	for _, c := range typesThere {
		rows = max(rows, len(c.cells))
	}
	text := "_key:key"
	store(t, rdb, func(p redis.Pipeliner) {
		for i, c := range typesThere {
			text += fmt.Sprintf(",f%d:%s", i, c.typ)
			for row, cell := range c.cells {
				p.HSet(ctx, fmt.Sprint("h:", row), fmt.Sprint("f", i), cell[0])
				p.Set(ctx, fmt.Sprintf("s%d:%d", i, row), cell[0], 0)
			}
		}
		p.HSet(ctx, fmt.Sprint("h:", rows), "another", "x") // a row of nulls
	})
	var paths []string
	names := []string{"types.arrow", "types.parquet"}
	for _, name := range names {
		paths = append(paths, write(t, hashes(t, rdb, text, iterator.Config{Pattern: "h:*"}), name))
		for i, c := range typesThere {
			paths = append(paths, write(t, strs(t, rdb, "_key:key,value:"+c.typ, iterator.Config{Pattern: fmt.Sprintf("s%d:*", i)}), name))
		}
	}
	all := readTypesElsewhere(t, paths...)
	for n := range len(names) * len(typesThere) {
		name, i := names[n/len(typesThere)], n%len(typesThere)
		c, files := typesThere[i], all[n/len(typesThere)*(1+len(typesThere)):]
		if c.typ == "timestamp[s]" && name == "types.parquet" {
			c.pyarrow = "timestamp[ms]" // Parquet has no seconds
		}
		t.Run("Q/"+c.typ+" in "+name, func(t *testing.T) {
			for by, want := range map[string]string{"pyarrow": c.pyarrow, "polars": c.polars} {
				column := files[0][by][fmt.Sprint("f", i)]
				assert.Equal(t, want, column.Type, by)
				require.Len(t, column.Cells, rows+1)
				values := files[1+i][by]["value"]
				assert.Equal(t, want, values.Type, by)
				require.Len(t, values.Cells, len(c.cells))
				for row := range rows + 1 {
					cell := column.Cells[hexOf(fmt.Sprint("h:", row))]
					if row >= len(c.cells) {
						assert.Nil(t, cell, "%s, row %d", by, row)
						continue
					}
					value := values.Cells[hexOf(fmt.Sprintf("s%d:%d", i, row))]
					for _, got := range []*string{cell, value} {
						require.NotNil(t, got, "%s, row %d", by, row)
						assert.Equal(t, c.cells[row][1], *got, "%s, %q", by, c.cells[row][0])
					}
				}
			}
		})
	}
}

// Metadata columns in the file: acceptance F5, G4, I3, I5.
func TestMetadataElsewhere(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_123)
	c, rdb := fake(t, minicluster.Config{Now: func() time.Time { return now }})
	for _, kind := range []string{"hash", "string"} {
		store(t, rdb, func(p redis.Pipeliner) {
			put(p, kind, kind+":\xff", "v")
			put(p, kind, kind+":none", "v")
		})
		require.True(t, c.Expire(kind+":\xff", 400*time.Millisecond))
	}
	var paths []string
	for _, kind := range []string{"hash", "string"} {
		paths = append(paths, writeIPC(t, kinds[kind](t, rdb, "_key:binary_key,_ttl:ttl[ms],_at:expires_at,_index:index,v:utf8", iterator.Config{})))
	}
	files := readTypesElsewhere(t, paths...)
	for i, kind := range []string{"hash", "string"} {
		short, none := hexOf(kind+":\xff"), hexOf(kind+":none")
		for by, types := range map[string]map[string]string{
			"pyarrow": {"_key": "binary not null", "_ttl": "int64 not null", "_at": "timestamp[ms, tz=UTC]", "_index": "uint64 not null"},
			"polars":  {"_key": "Binary", "_ttl": "Int64", "_at": "Datetime(time_unit='ms', time_zone='UTC')", "_index": "UInt64"},
		} {
			t.Run(kind+" by "+by, func(t *testing.T) {
				columns := files[i][by]
				for name, want := range types {
					assert.Equal(t, want, columns[name].Type, name)
					require.Len(t, columns[name].Cells, 2, name)
				}
				cell := func(column, key string) string {
					if v := columns[column].Cells[key]; v != nil {
						return *v
					}
					return "null"
				}
				assert.Equal(t, short, cell("_key", short))
				assert.Equal(t, "400", cell("_ttl", short))
				assert.Equal(t, "-1", cell("_ttl", none))
				assert.Equal(t, fmt.Sprint(now.UnixMilli()+400), cell("_at", short))
				assert.Equal(t, "null", cell("_at", none))
				assert.ElementsMatch(t, []string{"0", "1"}, []string{cell("_index", short), cell("_index", none)})
			})
		}
	}
}
