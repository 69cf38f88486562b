package iterator_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/arrowutil"
	"github.com/redisarrow/redisarrow/convert"
	"github.com/redisarrow/redisarrow/internal/testcluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// No line has the seconds left, which go by: they are looked at apart.
const oracleMetadata = "_key:binary_key,_ttl:ttl[s],_at:expires_at"

// oracleKeys is how many keys of each kind there are: a mass of them on one
// server that has one table for all keys, and on one that has one for each
// slot; elsewhere it would show nothing more.
func oracleKeys(d *testcluster.Deployment) int {
	mass := []string{"redis-7.0", "valkey-9.1"}
	if testing.Short() || d.Layout.Name != testcluster.Masters.Name || !slices.Contains(mass, d.Server().Name) {
		return 5_000
	}
	return 100_000
}

// oracleColumns are the fields of the random hashes; other fields are there.
var oracleColumns = []plainColumn{
	{"name", "utf8"},
	{"age", "int64"},
	{"score", "float64"},
	{"active", "boolean"},
	{"born", "date32"},
	{"seen", "timestamp[us]"},
	{"raw", "binary"},
	{"odd field", "int64"},
}

// oracleTexts make random texts by type, some of which don't fit.
var oracleTexts = map[string]func(r *rand.Rand) string{
	"utf8": func(r *rand.Rand) string {
		return pick(r, "", "Zürich", "東京", "🙂", "line\r\nbreak", "nul\x00", strings.Repeat("x", r.IntN(300)), "\xff\xfe")
	},
	"binary": func(r *rand.Rand) string {
		b := make([]byte, r.IntN(40))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return string(b)
	},
	"int64": func(r *rand.Rand) string {
		n := r.Int64() >> r.IntN(64)
		return pick(r, strconv.FormatInt(n, 10), strconv.FormatInt(-n, 10), "+5", "007", "9223372036854775808", " 42", "", "1.0")
	},
	"float64": func(r *rand.Rand) string {
		f := (r.Float64() - 0.5) * float64(uint64(1)<<r.IntN(60))
		return pick(r, strconv.FormatFloat(f, 'g', -1, 64), strconv.FormatFloat(f, 'f', 3, 64), "1e309", "-0", "NaN", "-inf", "1,5", "0x1p3", "1_000")
	},
	"boolean": func(r *rand.Rand) string {
		return pick(r, "true", "FALSE", "1", "0", "yes", "N", "on", "", "2")
	},
	"date32": func(r *rand.Rand) string {
		d := r.IntN(40_000)
		return pick(r, time.Unix(int64(d)*86400, 0).UTC().Format(time.DateOnly), strconv.Itoa(d), "2024-02-29", "2023-02-29", "15/01/2024", "20240115")
	},
	"timestamp[us]": func(r *rand.Rand) string {
		at := time.UnixMicro(r.Int64N(1 << 52)).UTC()
		zone := time.FixedZone("", 60*(r.IntN(1440)-720))
		return pick(r, at.Format("2006-01-02T15:04:05.000000"), at.In(zone).Format(time.RFC3339), at.Format("2006-01-02 15:04:05"), at.Format(time.DateOnly),
			strconv.FormatInt(at.Unix(), 10), strconv.FormatInt(at.UnixNano(), 10), "not-a-datetime", "2024-02-31T00:00:00", "")
	},
}

func pick(r *rand.Rand, texts ...string) string { return texts[r.IntN(len(texts))] }

// oracleValueTypes are those of the random strings.
var oracleValueTypes = []string{"utf8", "binary", "int64", "float64", "timestamp[us]"}

// valuePrefix is that of the keys with values of a type.
func valuePrefix(typ string) string {
	name, _, _ := strings.Cut(typ, "[")
	return "s:" + name + ":"
}

// fillOracle stores n random keys of each kind, among keys of other types.
func fillOracle(t *testing.T, rdb *redis.ClusterClient, n int, seed uint64) {
	ctx := context.Background()
	r := rand.New(rand.NewPCG(seed, 1))
	now := time.Now()
	name := func(prefix string, i int) string {
		switch r.IntN(10) {
		case 0:
			return fmt.Sprintf("%s%d\xff\x00\r\n%c", prefix, i, rune(r.IntN(0x500)))
		case 1:
			return fmt.Sprintf("%s{tag%d}%d", prefix, i%7, i)
		default:
			return fmt.Sprint(prefix, i)
		}
	}
	const chunk = 5000
	for start := 0; start < n; start += chunk {
		store(t, rdb, func(p redis.Pipeliner) {
			expire := func(key string) {
				if r.IntN(5) == 0 {
					p.PExpireAt(ctx, key, now.Add(time.Hour+time.Duration(r.IntN(3_600_000))*time.Millisecond))
				}
			}
			for i := start; i < start+chunk; i++ {
				var pairs []string
				for _, c := range oracleColumns {
					if r.IntN(4) > 0 {
						pairs = append(pairs, c.name, oracleTexts[c.typ](r))
					}
				}
				if len(pairs) == 0 || r.IntN(3) == 0 {
					pairs = append(pairs, "another", "x")
				}
				if r.IntN(50) == 0 {
					pairs = []string{"another", "alone"}
				}
				key := name("h:", i)
				p.HSet(ctx, key, pairs)
				expire(key)

				typ := oracleValueTypes[r.IntN(len(oracleValueTypes))]
				key = name(valuePrefix(typ), i)
				p.Set(ctx, key, oracleTexts[typ](r), 0)
				expire(key)

				switch r.IntN(60) {
				case 0:
					p.RPush(ctx, name("h:list:", i), "element")
				case 1:
					p.SAdd(ctx, name("s:int64:set:", i), "member")
				case 2:
					p.ZAdd(ctx, name("h:zset:", i), redis.Z{Score: 1, Member: "m"})
				case 3:
					p.XAdd(ctx, &redis.XAddArgs{Stream: name("s:stream:", i), Values: []string{"a", "b"}})
				}
			}
		})
	}
}

// oracle is what a scan must give.
type oracle struct {
	lines []string // of all rows, bad cells null; sorted
	clean []string // those without a bad cell
	bad   int64    // cells
}

func newOracle(keys map[string]*plainKey, kind, prefix string, columns []plainColumn) (o oracle) {
	for key, k := range keys {
		if k.kind != kind || !strings.HasPrefix(key, prefix) {
			continue
		}
		line, bad := plainLine(key, k, columns)
		o.lines = append(o.lines, line)
		if o.bad += int64(bad); bad == 0 {
			o.clean = append(o.clean, line)
		}
	}
	slices.Sort(o.lines)
	slices.Sort(o.clean)
	return o
}

// oracleScan is a scan that an oracle knows.
type oracleScan struct {
	kind, prefix string
	columns      []plainColumn
}

func (s oracleScan) schema() string {
	text := oracleMetadata
	for _, c := range s.columns {
		text += fmt.Sprintf(",%q:%s", c.name, c.typ)
	}
	return text
}

// check reads to the end, batch by batch, and compares.
func (o oracle) check(t *testing.T, scan oracleScan, rdb redis.UniversalClient, config iterator.Config) {
	t.Helper()
	config.Pattern = scan.prefix + "*"
	begun := time.Now()
	it := kinds[scan.kind](t, rdb, scan.schema(), config)
	defer it.Release()
	var lines []string
	var sizes []int64
	for it.Next() {
		b := it.RecordBatch()
		sizes = append(sizes, b.NumRows())
		lines = append(lines, arrowLines(t, b, "_ttl")...)
		checkTTL(t, b.Column(1).(*array.Int64), b.Column(2).(*array.Timestamp), begun)
	}
	require.NoError(t, it.Err())
	slices.Sort(lines)
	want := o.lines
	if config.OnParseError == convert.SkipRow {
		want = o.clean
		assert.EqualValues(t, len(o.lines)-len(o.clean), it.Stats().SkippedRows)
	}
	assertRows(t, want, lines)
	assert.Equal(t, o.bad, it.Stats().ParseFailures)
	size := int64(config.BatchSize)
	for i, n := range sizes {
		if i == len(sizes)-1 {
			size = int64(len(want)-1)%size + 1
		}
		require.Equal(t, size, n, "rows of batch %d of %d", i, len(sizes))
	}
}

// checkTTL compares the seconds left with the time of expiry, as far as both
// were asked for after begun and before now.
func checkTTL(t *testing.T, ttl *array.Int64, at *array.Timestamp, begun time.Time) {
	t.Helper()
	now := time.Now().UnixMilli()
	for i := range ttl.Len() {
		if at.IsNull(i) {
			require.EqualValues(t, -1, ttl.Value(i))
			continue
		}
		ms := int64(at.Value(i))
		require.GreaterOrEqual(t, ttl.Value(i), (ms-now)/1000)
		require.LessOrEqual(t, ttl.Value(i), (ms-begun.UnixMilli())/1000+1)
	}
}

// Real clusters, as a plain loop sees them.
func TestOracle(t *testing.T) {
	command := buildCommand(t)
	testcluster.Everywhere(t, func(t *testing.T, d *testcluster.Deployment) {
		rdb := d.Reader(t)
		n := oracleKeys(d)
		fillOracle(t, d.Client(t), n, 7)
		keys := readPlain(t, d.Client(t))
		hashScan := oracleScan{"hash", "h:", oracleColumns}
		valueScan := oracleScan{"string", "s:", []plainColumn{{"value", "binary"}}}
		wholes := map[string]oracleScan{"hashes": hashScan, "strings": valueScan}

		for name, scan := range wholes {
			whole := newOracle(keys, scan.kind, scan.prefix, scan.columns)
			require.Len(t, whole.lines, n)
			for cname, concurrency := range concurrencies {
				for _, size := range []int{1000, 8192} {
					t.Run(fmt.Sprintf("%s/%d/%s", name, size, cname), func(t *testing.T) {
						config := iterator.Config{BatchSize: size, Concurrency: concurrency, OnParseError: convert.Null, HashCommand: iterator.HMGET}
						if size == 8192 {
							config.HashCommand = iterator.HGETALL
						}
						whole.check(t, scan, rdb, config)
					})
				}
				part := scan
				part.prefix += map[string]string{"hash": "77", "string": "int64:1"}[scan.kind]
				some := newOracle(keys, part.kind, part.prefix, part.columns)
				require.Greater(t, len(some.lines), n/1000)
				for _, size := range []int{1, 7} {
					t.Run(fmt.Sprintf("%s/%d/%s", name, size, cname), func(t *testing.T) {
						some.check(t, part, rdb, iterator.Config{BatchSize: size, Concurrency: concurrency, OnParseError: convert.Null})
					})
				}
			}
			t.Run(name+"/skip rows", func(t *testing.T) {
				whole.check(t, scan, rdb, iterator.Config{BatchSize: 1000, Concurrency: 2, OnParseError: convert.SkipRow})
			})
			if d.Layout.Name != testcluster.Masters.Name {
				continue // the rows are right: so are their files
			}
			t.Run(name+"/files", func(t *testing.T) {
				byLibrary := filepath.Join(t.TempDir(), "library.arrow")
				config := iterator.Config{Pattern: scan.prefix + "*", OnParseError: convert.Null, Concurrency: iterator.AllMasters}
				it := kinds[scan.kind](t, rdb, scan.schema(), config)
				defer it.Release()
				_, err := arrowutil.WriteIPCFile(byLibrary, it.(array.RecordReader), arrowutil.WithCompression(arrowutil.LZ4))
				require.NoError(t, err)

				byCommand := filepath.Join(t.TempDir(), "command.arrow")
				export := exec.CommandContext(t.Context(), command, "export", "--url", d.URL(0), "--type", scan.kind, "--pattern", config.Pattern,
					"--schema", scan.schema(), "--on-parse-error", "null", "--compression", "zstd", "--output", byCommand)
				out, err := export.CombinedOutput()
				require.NoError(t, err, "%s", out)

				for path, by := range readElsewhere(t, byLibrary, byCommand) {
					for program, lines := range by {
						t.Log(filepath.Base(path), "by", program)
						assertRows(t, whole.lines, lines)
					}
				}
			})
		}
		for _, typ := range oracleValueTypes {
			t.Run("strings/"+typ, func(t *testing.T) {
				scan := oracleScan{"string", valuePrefix(typ), []plainColumn{{"value", typ}}}
				o := newOracle(keys, scan.kind, scan.prefix, scan.columns)
				require.Greater(t, len(o.lines), n/len(oracleValueTypes)/2)
				if typ != "binary" {
					require.Positive(t, o.bad)
				}
				o.check(t, scan, rdb, iterator.Config{BatchSize: 8192, OnParseError: convert.Null})
			})
		}
	})
}

// buildCommand builds the command and returns its path.
func buildCommand(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "redisarrow")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", path, "github.com/redisarrow/redisarrow/cmd/redisarrow")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return path
}
