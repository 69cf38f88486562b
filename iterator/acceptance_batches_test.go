package iterator_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/convert"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/internal/testcluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// concurrencies are those with which results must be the same.
var concurrencies = map[string]int{"one": 1, "two": 2, "all": iterator.AllMasters}

// Acceptance group K.
func TestBatches(t *testing.T) {
	onAny(t, func(t *testing.T, on place) {
		for _, n := range []int{10, 25, 30} {
			store(t, on.admin, func(p redis.Pipeliner) {
				for i := range n {
					put(p, "hash", fmt.Sprintf("hash:%d:%d", n, i), fmt.Sprint(i))
					put(p, "string", fmt.Sprintf("string:%d:%d", n, i), fmt.Sprint(i))
				}
			})
		}
		for _, c := range []struct {
			name   string
			keys   int
			config iterator.Config
			sizes  []int64
		}{
			{"K1", 30, iterator.Config{BatchSize: 5}, []int64{5, 5, 5, 5, 5, 5}},
			{"K2", 25, iterator.Config{BatchSize: 10}, []int64{10, 10, 5}},
			{"K3", 10, iterator.Config{BatchSize: 1}, slices.Repeat([]int64{1}, 10)},
			{"K4", 10, iterator.Config{BatchSize: 1_000_000}, []int64{10}},
			{"K5", 30, iterator.Config{BatchSize: 5, MaxRows: 12}, []int64{5, 5, 2}},
			{"K5 one", 30, iterator.Config{BatchSize: 5, MaxRows: 1}, []int64{1}},
			{"K7 equal", 25, iterator.Config{BatchSize: 10, MaxRows: 25}, []int64{10, 10, 5}},
			{"K7 above", 25, iterator.Config{BatchSize: 10, MaxRows: 26}, []int64{10, 10, 5}},
			{"K7 far above", 25, iterator.Config{BatchSize: 10, MaxRows: math.MaxInt64}, []int64{10, 10, 5}},
			{"K9 zero means default", 30, iterator.Config{}, []int64{30}},
			{"BatchBytes of a byte", 10, iterator.Config{BatchBytes: 1}, slices.Repeat([]int64{1}, 10)},
		} {
			for kind, open := range kinds {
				for name, concurrency := range concurrencies {
					t.Run(fmt.Sprintf("%s/%s/%s", c.name, kind, name), func(t *testing.T) {
						config := c.config
						config.Pattern = fmt.Sprintf("%s:%d:*", kind, c.keys)
						config.Concurrency = concurrency
						it := open(t, on.rdb, "_key:key,v:utf8", config)
						got := readAll(it)
						require.NoError(t, got.err)
						assert.Equal(t, c.sizes, got.sizes)
						assertUnique(t, got.rows)
						for _, row := range got.rows {
							parts := strings.Split(row, "|")
							assert.True(t, strings.HasSuffix(parts[0], ":"+parts[1]), "the cell of another row: %s", row)
						}
						assert.EqualValues(t, sum(c.sizes), got.stats.Rows)
						for range 2 {
							assert.False(t, it.Next(), "K8")
						}
					})
				}
			}
		}
		t.Run("K8", func(t *testing.T) {
			it := hashes(t, on.rdb, "_key:key", iterator.Config{Pattern: "hash:10:*"})
			defer it.Release()
			require.True(t, it.Next())
			for range 5 {
				assert.False(t, it.Next())
				assert.Nil(t, it.RecordBatch())
				assert.NoError(t, it.Err())
			}
		})
		t.Run("G12", func(t *testing.T) {
			for _, concurrency := range concurrencies {
				assertIndex(t, hashes(t, on.rdb, "_index:index,v:utf8", iterator.Config{Pattern: "hash:10:*", BatchSize: 4, Concurrency: concurrency}), 10)
			}
		})
		t.Run("K10", func(t *testing.T) {
			const n = 10_000
			want := make([]string, n)
			store(t, on.admin, func(p redis.Pipeliner) {
				for i := range n {
					put(p, "hash", fmt.Sprint("k10:", i), fmt.Sprint(i))
					want[i] = fmt.Sprintf("k10:%d|%d", i, i)
				}
			})
			slices.Sort(want)
			for _, concurrency := range concurrencies {
				got := readAll(hashes(t, on.rdb, "_key:key,v:utf8", iterator.Config{Pattern: "k10:*", CountHint: 10, Concurrency: concurrency}))
				require.NoError(t, got.err)
				assertRows(t, want, got.rows)
			}
		})
	})
}

// acceptance K, row 6
func TestMaxRowsReadsLittleMore(t *testing.T) {
	inEachWay(t, func(t *testing.T, way fakeWay) {
		c, rdb := fake(t, way.server(minicluster.Config{}))
		fillHashes(c, "user:", 10_000)
		for i := range 10_000 {
			c.SetString(fmt.Sprint("string:", i), "v")
		}
		for kind, open := range kinds {
			for name, concurrency := range concurrencies {
				t.Run(fmt.Sprintf("K6/%s/%s", kind, name), func(t *testing.T) {
					c.ResetLog()
					got := readAll(open(t, rdb, "_key:key,name:utf8", way.scan(iterator.Config{MaxRows: 10, Concurrency: concurrency})))
					require.NoError(t, got.err)
					assert.Len(t, got.rows, 10)
					counts := c.Counts(-1)
					assert.LessOrEqual(t, counts["HMGET"]+counts["HGETALL"]+counts["GET"]+counts["MGET"]-ofAnotherType(t, got), 20, "%v", counts)
				})
			}
		}
	})
}

// ofAnotherType is how many keys were asked for in vain because they are of
// another type: that happens only where they are listed with them.
func ofAnotherType(t *testing.T, got result) int {
	t.Helper()
	if !slices.ContainsFunc(got.stats.Nodes, func(n iterator.NodeStats) bool { return slices.Contains(n.Enumerations, iterator.KeysInSlot) }) {
		assert.Zero(t, got.stats.WrongType, "TYPE leaves the others out")
	}
	return int(got.stats.WrongType)
}

func TestMaxRowsOnServers(t *testing.T) {
	onServers(t, func(t *testing.T, on place) {
		store(t, on.admin, func(p redis.Pipeliner) {
			for i := range 10_000 {
				for kind := range kinds {
					put(p, kind, fmt.Sprint(kind, i), "v")
				}
			}
		})
		for kind, open := range kinds {
			for name, concurrency := range concurrencies {
				t.Run(fmt.Sprintf("K6/%s/%s", kind, name), func(t *testing.T) {
					on.countCalls(t)
					got := readAll(open(t, on.rdb, "_key:key,v:utf8", iterator.Config{MaxRows: 10, Concurrency: concurrency, StringCommand: iterator.GET}))
					require.NoError(t, got.err)
					assert.Len(t, got.rows, 10)
					fetches := total(on.calls(t, "hmget")) + total(on.calls(t, "hgetall")) + total(on.calls(t, "get"))
					fetches -= ofAnotherType(t, got)
					assert.LessOrEqual(t, fetches, 20)
					assert.GreaterOrEqual(t, fetches, 10)
				})
			}
		}
	}, testcluster.Masters)
}

// acceptance K, rows 5 and 7: keys without a row don't count, wherever they
// are, and whoever of several workers meets them.
func TestMaxRowsAmongKeysWithoutRow(t *testing.T) {
	c, rdb := fake(t, minicluster.Config{})
	const good, bad = 60, 900
	for i := range good {
		c.SetHash(fmt.Sprint("good:", i), "v", fmt.Sprint(i))
	}
	for i := range bad {
		c.SetHash(fmt.Sprint("bad:", i), "v", "x")
	}
	for name, concurrency := range concurrencies {
		for _, limit := range []int64{1, 50, good - 1, good, good + 1, 10 * good} {
			t.Run(fmt.Sprintf("K7/%s/%d", name, limit), func(t *testing.T) {
				got := readAll(hashes(t, rdb, "_key:key,v:int64", iterator.Config{
					MaxRows: limit, Concurrency: concurrency, OnParseError: convert.SkipRow, BatchSize: 20, CountHint: 30,
				}))
				require.NoError(t, got.err)
				assert.EqualValues(t, min(limit, good), len(got.rows))
				assertUnique(t, got.rows)
				for _, size := range got.sizes[:len(got.sizes)-1] {
					assert.EqualValues(t, 20, size)
				}
			})
		}
	}
}

// acceptance K, row 9
func TestConfigMistakes(t *testing.T) {
	_, rdb := fake(t, minicluster.Config{})
	for name, config := range map[string]iterator.Config{
		"BatchSize":    {BatchSize: -1},
		"BatchBytes":   {BatchBytes: -1},
		"CountHint":    {CountHint: -1},
		"MaxRows":      {MaxRows: -1},
		"Concurrency":  {Concurrency: -2},
		"StallTimeout": {StallTimeout: -time.Second},
		"OnParseError": {OnParseError: 99},
		"HashCommand":  {HashCommand: 99},
	} {
		t.Run("K9/"+name, func(t *testing.T) {
			require.ErrorIs(t, config.Validate(), iterator.ErrConfig)
			h, err := schema.ParseHash("_key:key")
			require.NoError(t, err)
			hashes, err := iterator.NewClusterHashBatchIterator(context.Background(), rdb, h, config)
			assert.Nil(t, hashes)
			require.ErrorIs(t, err, iterator.ErrConfig)
			require.ErrorContains(t, err, name)
			s, err := schema.ParseString("_key:key")
			require.NoError(t, err)
			strs, err := iterator.NewClusterStringBatchIterator(context.Background(), rdb, s, config)
			assert.Nil(t, strs)
			require.ErrorIs(t, err, iterator.ErrConfig)
		})
	}
	require.NoError(t, iterator.Config{}.Validate())
	require.ErrorIs(t, iterator.Config{BatchSize: 1 << 40}.Validate(), iterator.ErrConfig)
	require.ErrorIs(t, iterator.Config{BatchBytes: 1 << 40}.Validate(), iterator.ErrConfig)
	require.NoError(t, iterator.Config{BatchBytes: iterator.MaxBatchBytes}.Validate())
}

// acceptance K, row 11: a batch ends with the row that reaches BatchBytes.
func TestBatchBytes(t *testing.T) {
	onAny(t, func(t *testing.T, on place) {
		value := strings.Repeat("x", 1000)
		store(t, on.admin, func(p redis.Pipeliner) {
			for i := range 1000 {
				key := fmt.Sprintf("%05d", i)
				put(p, "hash", "hash:"+key, value)
				put(p, "string", "string:"+key, value)
			}
		})
		for kind, open := range kinds {
			for name, concurrency := range concurrencies {
				t.Run(fmt.Sprintf("K11/%s/%s", kind, name), func(t *testing.T) {
					const limit = 50_000
					got := readAll(open(t, on.rdb, "_key:key,v:utf8", iterator.Config{BatchBytes: limit, Concurrency: concurrency}))
					require.NoError(t, got.err)
					assert.Len(t, got.rows, 1000)
					assertUnique(t, got.rows)
					// A row is 1000 bytes of text, its key and two offsets.
					for _, size := range got.sizes[:len(got.sizes)-1] {
						assert.LessOrEqual(t, size, int64(limit/1000))
						assert.Greater(t, size, int64(limit/1100))
					}
				})
			}
		}
	})
}

// acceptance K, row 11: 5 GB of values, of which a column of 32-bit offsets
// holds two.
func TestGigabytes(t *testing.T) {
	const size = 16 << 20
	n := 300
	if raceDetector {
		n = 40 // memory that it watches costs 20 times as much
	}
	value := bytes.Repeat([]byte("0123456789abcde\n"), size/16)
	reply := fmt.Appendf(nil, "$%d\r\n%s\r\n", size, value)
	c, rdb := fake(t, minicluster.Config{Fault: onceFor("GET", -1, minicluster.Fault{Raw: reply})})
	for i := range n {
		c.SetString(fmt.Sprint("big:", i), "")
	}
	it := strs(t, rdb, "_key:key,value:binary", iterator.Config{BatchBytes: 256 << 20, Concurrency: iterator.AllMasters, StallTimeout: time.Minute})
	defer it.Release()
	var keys []string
	for it.Next() {
		b := it.RecordBatch()
		assert.LessOrEqual(t, b.NumRows(), int64(16))
		for i := range int(b.NumRows()) {
			keys = append(keys, b.Column(0).ValueStr(i))
			require.True(t, bytes.Equal(value, b.Column(1).(*array.Binary).Value(i)), "another value")
		}
	}
	require.NoError(t, it.Err())
	assert.Len(t, keys, n)
	assertUnique(t, keys)
	assert.Greater(t, it.Stats().Bytes, int64(n*size))
}

// Keys that must be asked about once more, as hashes with none of the fields
// are, take their place among MaxRows with them: they don't wait for it.
func TestMaxRowsAndKeysAskedAgain(t *testing.T) {
	c, rdb := fake(t, minicluster.Config{Masters: 1})
	fillHashes(c, "user:", 5)
	for i := range 5 {
		c.SetHash(fmt.Sprint("other:", i), "another", "x")
	}
	for rows := range int64(11) {
		for _, concurrency := range []int{1, iterator.AllMasters} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // it must not hang
			s, err := schema.ParseHash(userSchema)
			require.NoError(t, err)
			it, err := iterator.NewClusterHashBatchIterator(ctx, rdb, s, checked(t, iterator.Config{MaxRows: 1 + rows, Concurrency: concurrency}))
			require.NoError(t, err)
			got := readAll(it)
			cancel()
			require.NoError(t, got.err)
			assert.Len(t, got.rows, int(min(1+rows, 10)))
		}
	}
}

// What a master that was given up had taken of MaxRows, the others may have.
func TestMaxRowsAndMasterLost(t *testing.T) {
	for _, concurrency := range []int{1, iterator.AllMasters} {
		c, rdb := fake(t, minicluster.Config{Masters: 2})
		fillHashes(c, "user:", 40)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // it must not hang
		defer cancel()
		s, err := schema.ParseHash(userSchema)
		require.NoError(t, err)
		it, err := iterator.NewClusterHashBatchIterator(ctx, rdb, s, checked(t, iterator.Config{
			MaxRows: 7, Concurrency: concurrency, CountHint: 3, StallTimeout: 2 * time.Second,
		}))
		require.NoError(t, err)
		c.SetFault(func(node, _ int, args [][]byte) *minicluster.Fault {
			if node == 0 && string(args[0]) == "HMGET" {
				return &minicluster.Fault{Close: minicluster.CloseBefore}
			}
			return nil
		})
		got := readAll(it)
		require.NoError(t, got.err)
		assert.Len(t, got.rows, 7)
	}
}
