package parquet_test

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/arrowutil"
	"github.com/redisarrow/redisarrow/arrowutil/parquet"
	"github.com/redisarrow/redisarrow/internal/pyenv"
)

var metadata = arrow.NewMetadata([]string{"redisarrow.pattern"}, []string{"user:*"})

var testSchema = arrow.NewSchema([]arrow.Field{
	{Name: "n", Type: arrow.PrimitiveTypes.Int64},
	{Name: "name", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "ok", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
	{Name: "blob", Type: arrow.BinaryTypes.LargeBinary, Nullable: true},
	{Name: "score", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
	{Name: "dec", Type: &arrow.Decimal128Type{Precision: 20, Scale: 3}, Nullable: true},
	{Name: "seen", Type: &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "UTC"}, Nullable: true},
	{Name: "u", Type: arrow.PrimitiveTypes.Uint64, Nullable: true},
}, &metadata)

// makeBatch has rows from on, a null here and there, each column at other places.
func makeBatch(mem memory.Allocator, from, rows int) arrow.RecordBatch {
	b := array.NewRecordBuilder(mem, testSchema)
	defer b.Release()
	for n := from; n < from+rows; n++ {
		b.Field(0).(*array.Int64Builder).Append(int64(n))
		for i, value := range []string{
			fmt.Sprintf("User%d", n), fmt.Sprint(n%3 == 0), "AP8=", fmt.Sprint(float64(n) / 8),
			fmt.Sprintf("%d.125", n), fmt.Sprintf("2024-01-15T10:30:00.%09dZ", n), fmt.Sprint(uint64(math.MaxUint64) - uint64(n)),
		} {
			if f := b.Field(1 + i); n%(5+i) == 1 {
				f.AppendNull()
			} else if err := f.AppendValueFromString(value); err != nil {
				panic(err)
			}
		}
	}
	return b.NewRecordBatch()
}

// newReader has batches of these many rows.
func newReader(t *testing.T, mem memory.Allocator, sizes ...int) array.RecordReader {
	t.Helper()
	var batches []arrow.RecordBatch
	from := 0
	for _, rows := range sizes {
		batches = append(batches, makeBatch(mem, from, rows))
		from += rows
	}
	rr, err := array.NewRecordReader(testSchema, batches)
	require.NoError(t, err)
	for _, b := range batches {
		b.Release()
	}
	t.Cleanup(rr.Release)
	return rr
}

func checked(t *testing.T) *memory.CheckedAllocator {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	t.Cleanup(func() { mem.AssertSize(t, 0) })
	return mem
}

func write(t *testing.T, rr array.RecordReader, f parquet.Format, mem memory.Allocator) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "out.parquet")
	_, err := arrowutil.WriteFile(path, rr, f, arrowutil.WithAllocator(mem))
	require.NoError(t, err)
	return path
}

// open opens a file with what wrote it.
func open(t *testing.T, path string) *file.Reader {
	t.Helper()
	r, err := file.OpenParquetFile(path, false)
	require.NoError(t, err)
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func groups(r *file.Reader) (rows []int64) {
	for i := range r.NumRowGroups() {
		rows = append(rows, r.RowGroup(i).NumRows())
	}
	return rows
}

func TestRowGroups(t *testing.T) {
	for _, c := range []struct {
		name    string
		format  parquet.Format
		batches []int
		want    []int64
	}{
		{"no batches", parquet.Format{}, nil, nil},
		{"a batch without rows", parquet.Format{}, []int{0}, nil},
		{"one", parquet.Format{}, []int{10, 20}, []int64{30}},
		{"smaller than batches", parquet.Format{RowGroupRows: 7}, []int{20, 1}, []int64{7, 7, 7}},
		{"larger than batches", parquet.Format{RowGroupRows: 25}, []int{10, 10, 10}, []int64{25, 5}},
		{"as large as batches", parquet.Format{RowGroupRows: 10}, []int{10, 0, 10}, []int64{10, 10}},
		{"a row each", parquet.Format{RowGroupRows: 1}, []int{2, 1}, []int64{1, 1, 1}},
		{"by bytes: the batch that reaches them ends it", parquet.Format{RowGroupBytes: 1000}, []int{10, 10, 10, 10, 10, 10}, []int64{20, 20, 20}},
		{"by one byte", parquet.Format{RowGroupBytes: 1}, []int{10, 10}, []int64{10, 10}},
		{"by rows and bytes", parquet.Format{RowGroupRows: 15, RowGroupBytes: 1}, []int{40, 10}, []int64{15, 15, 10, 10}},
	} {
		t.Run(c.name, func(t *testing.T) {
			mem := checked(t)
			r := open(t, write(t, newReader(t, mem, c.batches...), c.format, mem))
			assert.Equal(t, c.want, groups(r))

			back, err := pqarrow.NewFileReader(r, pqarrow.ArrowReadProperties{}, memory.NewGoAllocator())
			require.NoError(t, err)
			schema, err := back.Schema()
			require.NoError(t, err)
			for i, f := range schema.Fields() {
				f.Metadata = arrow.Metadata{} // a field's number, of pqarrow's own
				assert.True(t, f.Equal(testSchema.Field(i)), "%v", f)
			}
			got, ok := schema.Metadata().GetValue("redisarrow.pattern")
			assert.True(t, ok)
			assert.Equal(t, "user:*", got)
			table, err := back.ReadTable(t.Context())
			require.NoError(t, err)
			defer table.Release()
			rows := 0
			for _, n := range c.batches {
				rows += n
			}
			require.EqualValues(t, rows, table.NumRows())
			want := makeBatch(memory.NewGoAllocator(), 0, rows)
			for i, column := range want.Columns() {
				whole := arrow.NewChunked(column.DataType(), []arrow.Array{column})
				assert.True(t, array.ChunkedEqual(whole, table.Column(i).Data()), "want %v\ngot %v", whole, table.Column(i).Data())
			}
		})
	}
}

func TestCompression(t *testing.T) {
	size := map[parquet.Compression]int64{}
	for c, codec := range map[parquet.Compression]compress.Compression{
		parquet.Snappy: compress.Codecs.Snappy, parquet.None: compress.Codecs.Uncompressed, parquet.LZ4: compress.Codecs.Lz4Raw,
		parquet.ZSTD: compress.Codecs.Zstd, parquet.Gzip: compress.Codecs.Gzip,
	} {
		parsed, err := parquet.ParseCompression(c.String())
		require.NoError(t, err)
		assert.Equal(t, c, parsed)
		mem := checked(t)
		path := write(t, newReader(t, mem, 3000), parquet.Format{Compression: c}, mem)
		column, err := open(t, path).RowGroup(0).MetaData().ColumnChunk(1)
		require.NoError(t, err)
		assert.Equal(t, codec, column.Compression())
		info, err := os.Stat(path)
		require.NoError(t, err)
		size[c] = info.Size()
	}
	for c, n := range size {
		if c != parquet.None {
			assert.Less(t, n, size[parquet.None], c)
		}
	}
	assert.Equal(t, parquet.Snappy, parquet.Format{}.Compression)
	_, err := parquet.ParseCompression("brotli")
	require.ErrorContains(t, err, "snappy, none, lz4, zstd or gzip")
	assert.Equal(t, "Compression(99)", parquet.Compression(99).String())
}

// A value that a column can't hold as Parquet: an error, and no footer that would
// make the rows before it look like all of them.
func TestBadValue(t *testing.T) {
	seconds := arrow.NewSchema([]arrow.Field{{Name: "at", Type: &arrow.TimestampType{Unit: arrow.Second}}}, nil)
	batch := func(value arrow.Timestamp) arrow.RecordBatch {
		b := array.NewRecordBuilder(memory.NewGoAllocator(), seconds)
		defer b.Release()
		b.Field(0).(*array.TimestampBuilder).Append(value)
		return b.NewRecordBatch()
	}
	rr, err := array.NewRecordReader(seconds, []arrow.RecordBatch{batch(1), batch(math.MaxInt64)})
	require.NoError(t, err)
	var out bytes.Buffer
	_, err = arrowutil.WriteStream(&out, rr, parquet.Format{})
	var we *arrowutil.WriteError
	require.ErrorAs(t, err, &we)
	require.ErrorContains(t, err, "overflow")
	assert.Equal(t, "PAR1", out.String(), "the beginning, and nothing that could be a footer")

	union := arrow.NewSchema([]arrow.Field{{Name: "x", Type: arrow.RunEndEncodedOf(arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int32)}}, nil)
	rr, err = array.NewRecordReader(union, nil)
	require.NoError(t, err)
	_, err = arrowutil.WriteStream(&out, rr, parquet.Format{})
	require.ErrorContains(t, err, "as Parquet")
}

// Progress tells of what waits in a row group, before it is written.
func TestWaiting(t *testing.T) {
	var seen []int64
	res, err := arrowutil.WriteStream(&bytes.Buffer{}, wide(t, 4, 2000), parquet.Format{Compression: parquet.None},
		arrowutil.WithProgress(func(r arrowutil.Result) { seen = append(seen, r.Bytes) }))
	require.NoError(t, err)
	require.Len(t, seen, 4)
	for i, n := range seen {
		assert.InDelta(t, (i+1)*2000*1000, n, 2.5e6, "some pages of 1 MiB are still open")
	}
	assert.Greater(t, seen[3], int64(6e6))
	assert.Greater(t, res.Bytes, int64(8e6))
}

// wide has batches of a column of a thousand different bytes a cell.
func wide(t *testing.T, batches, rows int) array.RecordReader {
	schema := arrow.NewSchema([]arrow.Field{{Name: "text", Type: arrow.BinaryTypes.String}}, nil)
	var all []arrow.RecordBatch
	for i := range batches {
		b := array.NewRecordBuilder(memory.NewGoAllocator(), schema)
		for row := range rows {
			b.Field(0).(*array.StringBuilder).Append(strings.Repeat(fmt.Sprintf("%010d", i*rows+row), 100))
		}
		all = append(all, b.NewRecordBatch())
	}
	rr, err := array.NewRecordReader(schema, all)
	require.NoError(t, err)
	t.Cleanup(rr.Release)
	return rr
}

// What pyarrow, Polars and DuckDB make of it.
func TestOtherReaders(t *testing.T) {
	dir := t.TempDir()
	for name, f := range map[string]struct {
		format  parquet.Format
		batches []int
	}{
		"snappy": {parquet.Format{RowGroupRows: 400}, []int{1000, 500}},
		"none":   {parquet.Format{Compression: parquet.None, RowGroupRows: 400}, []int{1000, 500}},
		"lz4":    {parquet.Format{Compression: parquet.LZ4, RowGroupRows: 400}, []int{1000, 500}},
		"zstd":   {parquet.Format{Compression: parquet.ZSTD, RowGroupRows: 400}, []int{1000, 500}},
		"gzip":   {parquet.Format{Compression: parquet.Gzip, RowGroupRows: 400}, []int{1000, 500}},
		"plain":  {parquet.Format{NoStatistics: true}, []int{1500}},
		"empty":  {parquet.Format{}, nil},
	} {
		path := write(t, newReader(t, memory.NewGoAllocator(), f.batches...), f.format, memory.NewGoAllocator())
		require.NoError(t, os.Rename(path, filepath.Join(dir, name+".parquet")))
	}
	odd := arrow.NewSchema([]arrow.Field{
		{Name: "a.b", Type: arrow.PrimitiveTypes.Int64}, {Name: "", Type: arrow.PrimitiveTypes.Int64}, {Name: "Zürich \"x\"", Type: arrow.PrimitiveTypes.Int64},
		{Name: strings.Repeat("a", 1000), Type: &arrow.TimestampType{Unit: arrow.Second, TimeZone: "Europe/Berlin"}, Nullable: true},
	}, nil)
	batch, _, err := array.RecordFromJSON(memory.NewGoAllocator(), odd, strings.NewReader(
		`[{"a.b":1,"":2,"Zürich \"x\"":3,"`+strings.Repeat("a", 1000)+`":"1969-12-31T23:59:58Z"}]`))
	require.NoError(t, err)
	rr, err := array.NewRecordReader(odd, []arrow.RecordBatch{batch})
	require.NoError(t, err)
	require.NoError(t, os.Rename(write(t, rr, parquet.Format{}, memory.NewGoAllocator()), filepath.Join(dir, "odd.parquet")))

	duckdb := filepath.Join(filepath.Dir(filepath.Dir(pyenv.Python(t, "duckdb==2.0.0"))), "lib", "python3*", "site-packages")
	pyenv.Run(t, `
import datetime, decimal, glob, os, sys
sys.path += glob.glob(sys.argv[2])
import duckdb, polars, pyarrow, pyarrow.parquet as pq
os.chdir(sys.argv[1])
utc = datetime.timezone.utc

def rows(n):
    def value(i, x):
        return None if n % (5 + i) == 1 else x
    at = int(datetime.datetime(2024, 1, 15, 10, 30, tzinfo=utc).timestamp()) * 10**9
    return (n, value(0, f"User{n}"), value(1, n % 3 == 0), value(2, b"\x00\xff"), value(3, n / 8),
            value(4, decimal.Decimal(f"{n}.125")), value(5, at + n), value(6, 2**64 - 1 - n))

want = [rows(n) for n in range(1500)]
for name in "snappy", "none", "lz4", "zstd", "gzip", "plain":
    file = name + ".parquet"
    t = pq.read_table(file)
    t.validate(full=True)
    assert t.schema.metadata[b"redisarrow.pattern"] == b"user:*", t.schema
    assert [str(f.type) for f in t.schema] == ["int64", "string", "bool", "large_binary", "double", "decimal128(20, 3)", "timestamp[ns, tz=UTC]", "uint64"], t.schema
    assert [f.nullable for f in t.schema] == [False] + [True] * 7
    t = t.set_column(6, "seen", t["seen"].cast(pyarrow.int64()))
    assert list(zip(*(c.to_pylist() for c in t.columns))) == want, name

    p = polars.read_parquet(file).with_columns(polars.col("seen").to_physical())
    assert p.rows() == want, name
    # Row groups are left out by their statistics.
    assert polars.scan_parquet(file).filter(polars.col("n") >= 1200).collect()["n"].to_list() == list(range(1200, 1500))

    d = duckdb.sql(f"select n, name, ok, blob, score, dec, epoch_ns(seen) as seen, u from '{file}' order by n").fetchall()
    assert d == want, name
    assert duckdb.sql(f"select count(*), sum(n) from '{file}' where n >= 1200 and name is not null").fetchall() == [(240, sum(n for n in range(1200, 1500) if n % 5 != 1))]

    m = pq.read_metadata(file)
    groups = [m.row_group(i) for i in range(m.num_row_groups)]
    assert [g.num_rows for g in groups] == ([1500] if name == "plain" else [400, 400, 400, 300]), name
    assert groups[0].column(1).compression == {"none": "UNCOMPRESSED", "plain": "SNAPPY"}.get(name, name.upper()), groups[0].column(1).compression
    s = groups[-1].column(0).statistics
    if name == "plain":
        assert s is None, s
    else:
        assert (s.min, s.max, s.null_count) == (1200, 1499, 0), s
        s = groups[1].column(7).statistics
        assert (s.min, s.max) == (2**64 - 800, 2**64 - 1 - 400), s
        s = groups[0].column(4).statistics
        assert s.null_count == sum(n % 8 == 1 for n in range(400)), s

t, p = pq.read_table("empty.parquet"), polars.read_parquet("empty.parquet")
assert (t.num_rows, t.num_columns, p.shape) == (0, 8, (0, 8))
assert duckdb.sql("select count(*) from 'empty.parquet'").fetchall() == [(0,)]

names = ["a.b", "", "Zürich \"x\"", "a" * 1000]
t, p = pq.read_table("odd.parquet"), polars.read_parquet("odd.parquet")
assert t.column_names == names and p.columns == names, t.column_names
assert [c[0].as_py() for c in t.columns[:3]] == [1, 2, 3]
assert str(t.schema[3].type) == "timestamp[ms, tz=Europe/Berlin]" and t[3].cast(pyarrow.int64()).to_pylist() == [-2000], t
assert p.to_series(3).to_physical().to_list() == [-2000], p
assert duckdb.sql("select \"a.b\", \"Zürich \"\"x\"\"\" from 'odd.parquet'").fetchall() == [(1, 3)]
`, dir, duckdb)
}

// A row group is all that is kept.
func TestMemoryIsBounded(t *testing.T) {
	mem := checked(t)
	most := 0
	const bound = 4 << 20
	_, err := arrowutil.WriteStream(&bytes.Buffer{}, wide(t, 40, 1000), parquet.Format{Compression: parquet.None, RowGroupBytes: bound},
		arrowutil.WithAllocator(mem), arrowutil.WithProgress(func(arrowutil.Result) { most = max(most, mem.CurrentAlloc()) }))
	require.NoError(t, err)
	assert.Greater(t, most, bound/2)
	assert.Less(t, most, 3*bound, "of 40 MB")
}
