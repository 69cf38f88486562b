package iterator_test

import (
	"context"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/internal/pyenv"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// elsewhere reads IPC and Parquet files with pyarrow and with Polars, and writes
// their rows as lines of the form of plain_test.go, sorted, beside each file.
const elsewhere = `
import struct, sys
import polars, pyarrow, pyarrow.ipc, pyarrow.parquet

def text(values):
    return ["-" if v is None else "x" + v.hex() for v in values]

def number(values):
    return ["-" if v is None else str(v) for v in values]

def boolean(values):
    return ["-" if v is None else str(v).lower() for v in values]

def bits(values):
    return ["-" if v is None else "nan" if v != v else struct.pack(">d", v).hex() for v in values]

def by_pyarrow(path):
    if path.endswith(".parquet"):
        table = pyarrow.parquet.read_table(path)
    else:
        with pyarrow.OSFile(path) as f:
            table = pyarrow.ipc.open_file(f).read_all()
    table.validate(full=True)
    is_ = pyarrow.types
    for name, column in zip(table.column_names, table.columns):
        if is_.is_string(column.type) or is_.is_binary(column.type):
            yield name, text(column.cast(pyarrow.binary()).to_pylist())
        elif is_.is_boolean(column.type):
            yield name, boolean(column.to_pylist())
        elif is_.is_floating(column.type):
            yield name, bits(column.to_pylist())
        elif is_.is_date32(column.type):
            yield name, number(column.cast(pyarrow.int32()).to_pylist())
        else:
            yield name, number(column.cast(pyarrow.int64()).to_pylist())

def by_polars(path):
    for column in (polars.read_parquet if path.endswith(".parquet") else polars.read_ipc)(path):
        kind = column.dtype
        if kind == polars.String or kind == polars.Binary:
            yield column.name, text(column.cast(polars.Binary).to_list())
        elif kind == polars.Boolean:
            yield column.name, boolean(column.to_list())
        elif kind == polars.Float64:
            yield column.name, bits(column.to_list())
        else:
            yield column.name, number(column.to_physical().to_list())

for path in sys.argv[1:]:
    for name, read in ("pyarrow", by_pyarrow), ("polars", by_polars):
        columns = [cells for column, cells in read(path) if column != "_ttl"]
        with open(path + "." + name, "w") as out:
            out.writelines(line + "\n" for line in sorted(map(" ".join, zip(*columns))))
`

// readElsewhere returns the rows of each file, by path, as other Arrow
// implementations read them, by name.
func readElsewhere(t *testing.T, paths ...string) map[string]map[string][]string {
	t.Helper()
	pyenv.Run(t, elsewhere, paths...)
	rows := map[string]map[string][]string{}
	for _, path := range paths {
		rows[path] = map[string][]string{}
		for _, program := range []string{"pyarrow", "polars"} {
			written, err := os.ReadFile(path + "." + program)
			require.NoError(t, err)
			rows[path][program] = strings.Split(strings.TrimSuffix(string(written), "\n"), "\n")
		}
	}
	return rows
}

// Acceptance group Q.
func TestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	var mu sync.Mutex
	want := map[string][]string{} // lines, by file
	// Python starts once, for the files of all servers.
	t.Run("write", func(t *testing.T) {
		onServers(t, func(t *testing.T, on place) {
			for _, file := range storeRoundTrip(t, on.admin) {
				slices.Sort(file.lines)
				for _, extension := range []string{".arrow", ".parquet"} {
					it := kinds[file.kind](t, on.rdb, file.schema, iterator.Config{Pattern: file.pattern})
					written := write(t, it, file.row+extension)
					path := filepath.Join(dir, strings.ReplaceAll(strings.TrimPrefix(t.Name(), "TestRoundTrip/write/")+" "+file.row+extension, "/", " "))
					require.NoError(t, os.Rename(written, path))
					mu.Lock()
					want[path] = file.lines
					mu.Unlock()
				}
			}
		})
	})
	for path, by := range readElsewhere(t, slices.Collect(maps.Keys(want))...) {
		for program, lines := range by {
			t.Run(filepath.Base(path)+" by "+program, func(t *testing.T) { assert.Equal(t, want[path], lines) })
		}
	}
}

// roundTrip is a file of a scan, and the lines that it holds.
type roundTrip struct {
	row, kind, pattern, schema string
	lines                      []string
}

func storeRoundTrip(t *testing.T, rdb redis.UniversalClient) []roundTrip {
	ctx := context.Background()
	integers := []int64{0, 1, -1, 1e12, -1e12, math.MaxInt64, math.MinInt64}
	floats := []float64{0, 0.1, 0.123456789, 1e10, 1e-10, math.MaxFloat64, -math.MaxFloat64, 2.2250738585072014e-308, math.Pi}
	var hashLines, integerLines, floatLines []string
	store(t, rdb, func(p redis.Pipeliner) {
		for i := range max(len(integers), len(floats)) {
			key := fmt.Sprint("q:", i)
			integer, float := plainNull, plainNull
			var pairs []any
			if i < len(integers) {
				integer = strconv.FormatInt(integers[i], 10)
				pairs = append(pairs, "integer", integers[i])
				p.Set(ctx, "integer:"+key, integers[i], 0)
				integerLines = append(integerLines, plainBytes("integer:"+key)+" "+integer)
			}
			if i < len(floats) {
				float = fmt.Sprintf("%016x", math.Float64bits(floats[i]))
				pairs = append(pairs, "float", floats[i]) // as go-redis writes it
				p.Set(ctx, "float:"+key, floats[i], 0)
				floatLines = append(floatLines, plainBytes("float:"+key)+" "+float)
			}
			p.HSet(ctx, key, pairs...)
			hashLines = append(hashLines, strings.Join([]string{plainBytes(key), integer, float}, " "))
		}
		p.HSet(ctx, "n:1", "x", 1, "y", 2)
		p.HSet(ctx, "n:2", "x", 1)
		p.HSet(ctx, "n:3", "y", 2)
	})
	return []roundTrip{
		{"Q1", "hash", "q:*", "_key:key,integer:int64,float:float64", hashLines},
		{"Q1 strings", "string", "integer:*", "_key:key,value:int64", integerLines},
		{"Q2 strings", "string", "float:*", "_key:key,value:float64", floatLines},
		{"Q3", "hash", "n:*", "x:int64,y:float64", []string{"- 4000000000000000", "1 -", "1 4000000000000000"}},
	}
}
