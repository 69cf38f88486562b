package iterator_test

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// someStats have a number of its own in each counter.
func someStats(t *testing.T) iterator.Stats {
	t.Helper()
	var c iterator.Counters
	v := reflect.ValueOf(&c).Elem()
	for i := range v.NumField() {
		v.Field(i).SetInt(int64(i + 1))
	}
	return iterator.Stats{
		Counters: c,
		Nodes: []iterator.NodeStats{
			{
				Addr: "127.0.0.1:7000", Enumerations: []iterator.Enumeration{iterator.SlotScan, iterator.PlainScan},
				Commands: []string{"HMGET", "HLEN"}, Unguarded: true, Replica: true, Counters: c,
			},
			{Addr: "[::1]:7001", Enumerations: []iterator.Enumeration{}, Commands: []string{}},
		},
		Surveys: 101, Reread: 102, LedgerBytes: 103, Progress: 0.5,
	}
}

// The names stay: what reads them isn't told when they change.
func TestStatsJSON(t *testing.T) {
	const counters = `"scanned":1,"rows":2,"vanished":3,"wrong_type":4,"parse_failures":5,"large_values":6,"skipped_rows":7,` +
		`"duplicates":8,"foreign":9,"redirects":10,"retries":11,"bytes":12`
	const none = `"scanned":0,"rows":0,"vanished":0,"wrong_type":0,"parse_failures":0,"large_values":0,"skipped_rows":0,` +
		`"duplicates":0,"foreign":0,"redirects":0,"retries":0,"bytes":0`
	stats := someStats(t)
	text, err := json.Marshal(stats)
	require.NoError(t, err)
	assert.Equal(t, `{`+counters+`,"nodes":[`+
		`{"addr":"127.0.0.1:7000","ways":["slotscan","plainscan"],"commands":["HMGET","HLEN"],"unguarded":true,"unidentified":false,"replica":true,`+counters+`},`+
		`{"addr":"[::1]:7001","ways":[],"commands":[],"unguarded":false,"unidentified":false,"replica":false,`+none+`}],`+
		`"surveys":101,"slots_reread":102,"ledger_bytes":103,"progress":0.5}`, string(text))

	var back iterator.Stats
	require.NoError(t, json.Unmarshal(text, &back))
	assert.Equal(t, stats, back)
	assert.Error(t, json.Unmarshal([]byte(`{"nodes":[{"ways":["no such way"]}]}`), &back))
}

func TestStatsTable(t *testing.T) {
	assert.Equal(t, `
node                      listed by           read by     keys  rows  vanished  wrong type  parse failures  large values  skipped rows  duplicates  foreign  redirects  retries  bytes
127.0.0.1:7000 (replica)  slotscan,plainscan  HMGET,HLEN  1     2     3         4           5               6             7             8           9        10         11       12
[::1]:7001                -                   -           0     0     0         0           0               0             0             0           0        0          0        0
all                       -                   -           1     2     3         4           5               6             7             8           9        10         11       12
`, "\n"+someStats(t).String())

	quiet := iterator.Stats{Nodes: []iterator.NodeStats{{Addr: "a:1"}, {Addr: "b:2"}}}
	quiet.Rows, quiet.Nodes[1].Rows = 7, 7
	assert.Equal(t, `
node  listed by  read by  keys  rows  bytes
a:1   -          -        0     0     0
b:2   -          -        0     7     0
all   -          -        0     7     0
`, "\n"+quiet.String())
}

// Progress is about as far as the rows are, whatever is read.
func TestProgress(t *testing.T) {
	t.Parallel()
	half, err := cluster.ParseRanges("4000-12191")
	require.NoError(t, err)
	for name, f := range map[string]struct {
		server minicluster.Config
		config iterator.Config
		rows   int // about
	}{
		"all":              {minicluster.Config{}, iterator.Config{}, 3000},
		"a narrow pattern": {minicluster.Config{}, iterator.Config{Pattern: "user:?00"}, 9},
		"a part":           {minicluster.Config{}, iterator.Config{Slots: half}, 1500},
		"a limit":          {minicluster.Config{}, iterator.Config{MaxRows: 300}, 300},
		"a server alone":   {minicluster.Config{Standalone: true}, iterator.Config{}, 3000},
		"in few slots":     {minicluster.Config{}, iterator.Config{Pattern: "{*"}, 3000},
		"a part of it":     {minicluster.Config{Standalone: true}, iterator.Config{Slots: half}, 1500},
	} {
		inEachWay(t, func(t *testing.T, way fakeWay) {
			t.Run(name, func(t *testing.T) {
				if f.server.Standalone && way.enumerate != iterator.PlainScan {
					t.Skip("it has one way")
				}
				c, rdb := fake(t, way.server(f.server))
				if f.config.Pattern == "{*" {
					for i := range 100 {
						fillHashes(c, fmt.Sprintf("{tag%d}:", i), 30)
					}
				} else {
					fillHashes(c, "user:", 3000)
				}
				config := f.config
				config.BatchSize, config.CountHint = 25, 25
				var client redis.UniversalClient = rdb
				if f.server.Standalone {
					alone := redis.NewClient(&redis.Options{Addr: c.Addrs()[0]})
					defer alone.Close()
					client = alone
				}
				it := hashes(t, client, "_key:key", way.scan(config))
				assertProgress(t, it, f.rows)
			})
		})
	}
}

// assertProgress reads about so many rows, and has the progress at each batch near
// to the share that has been read.
func assertProgress(t *testing.T, it reader, about int) {
	t.Helper()
	defer it.Release()
	assert.Zero(t, it.Stats().Progress)
	rows, farthest := 0, 0.0
	for it.Next() {
		rows += int(it.RecordBatch().NumRows())
		if rows < about { // the last rows come when all is listed
			farthest = max(farthest, math.Abs(it.Stats().Progress-float64(rows)/float64(about)))
		}
	}
	require.NoError(t, it.Err())
	assert.InDelta(t, about, rows, float64(about)/10)
	assert.Equal(t, 1.0, it.Stats().Progress, "%d rows", rows)
	if about >= 300 { // of few, each is much
		assert.Less(t, farthest, 0.25, fmt.Sprint("of ", about))
	}
}
