package iterator_test

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/convert"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/internal/resp"
	"github.com/redisarrow/redisarrow/internal/testcluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fetches are all ways in which keys are read: the commands that are sent
// for each.
var fetches = []struct {
	name, kind, schema string
	command            iterator.HashCommand
	first              string // the first command for a key
}{
	{"HMGET", "hash", "_key:key,v:utf8", iterator.HMGET, "HMGET"},
	{"HMGET TTL", "hash", "_key:key,v:utf8,_ttl:ttl", iterator.HMGET, "HMGET"},
	{"HGETALL", "hash", "_key:key,v:utf8", iterator.HGETALL, "HGETALL"},
	{"HGETALL PTTL", "hash", "_key:key,v:utf8,_ttl:ttl[ms]", iterator.HGETALL, "HGETALL"},
	{"hash TYPE", "hash", "_key:key", 0, "TYPE"},
	{"hash TYPE TTL", "hash", "_key:key,_ttl:ttl", 0, "TYPE"},
	{"GET", "string", "_key:key,v:utf8", 0, "GET"},
	{"GET TTL", "string", "_key:key,v:utf8,_ttl:ttl", 0, "GET"},
	{"string TYPE", "string", "_key:key", 0, "TYPE"},
}

// acceptance J, rows 1 to 3: what happens to keys between SCAN and fetch.
func TestKeysThatVanish(t *testing.T) {
	t.Parallel()
	for _, fetch := range fetches {
		start := func(t *testing.T, config minicluster.Config) (*minicluster.Cluster, func(iterator.Config) reader) {
			c, rdb := fake(t, config)
			for i := range 20 {
				if key := fmt.Sprint("key:", i); fetch.kind == "hash" {
					c.SetHash(key, "v", fmt.Sprint(i))
				} else {
					c.SetString(key, fmt.Sprint(i))
				}
			}
			return c, func(config iterator.Config) reader {
				config.HashCommand = fetch.command
				return kinds[fetch.kind](t, rdb, fetch.schema, config)
			}
		}
		// before runs f before the first command for a key.
		before := func(key string, f func()) minicluster.FaultFunc {
			var once sync.Once
			return func(_, _ int, args [][]byte) *minicluster.Fault {
				if strings.EqualFold(string(args[0]), fetch.first) && string(args[1]) == key {
					return &minicluster.Fault{Before: func() { once.Do(f) }}
				}
				return nil
			}
		}
		t.Run("J1/"+fetch.name, func(t *testing.T) {
			c, scan := start(t, minicluster.Config{})
			c.SetFault(before("key:7", func() { c.Delete("key:7") }))
			got := readAll(scan(iterator.Config{BatchSize: 4}))
			require.NoError(t, got.err)
			assert.Len(t, got.rows, 19)
			assertNoKey(t, got.rows, "key:7")
			assert.Equal(t, []int64{4, 4, 4, 4, 3}, got.sizes)
			assert.EqualValues(t, 1, got.stats.Vanished)
			assert.Zero(t, got.stats.WrongType)
		})
		t.Run("J2/"+fetch.name, func(t *testing.T) {
			inEachWay(t, func(t *testing.T, way fakeWay) {
				c, scan := start(t, way.server(minicluster.Config{}))
				var mu sync.Mutex
				var pages, deleted int
				c.SetFault(whenExecuted(func(_, _ int, args [][]byte) *minicluster.Fault {
					if !way.lists(args) {
						return nil
					}
					return &minicluster.Fault{Edit: func(reply []byte) []byte {
						mu.Lock()
						defer mu.Unlock()
						if keys := listedKeys(reply); len(keys) > 0 {
							if pages++; pages == 2 {
								deleted = c.Delete(keys...)
								assert.Len(t, keys, deleted)
							}
						}
						return reply
					}}
				}))
				got := readAll(scan(way.scan(iterator.Config{BatchSize: 1, CountHint: 4})))
				require.NoError(t, got.err)
				require.Greater(t, pages, 2)
				require.Positive(t, deleted)
				assert.Len(t, got.rows, 20-deleted)
				assert.NotContains(t, got.sizes, int64(0), "an empty batch")
				assert.EqualValues(t, deleted, got.stats.Vanished)
			})
		})
		t.Run("J2 all/"+fetch.name, func(t *testing.T) {
			c, scan := start(t, minicluster.Config{})
			var once sync.Once
			c.SetFault(func(node, _ int, args [][]byte) *minicluster.Fault {
				if strings.EqualFold(string(args[0]), fetch.first) {
					once.Do(func() {
						for node := range 3 {
							c.Delete(c.Keys(node)...)
						}
					})
				}
				return nil
			})
			got := readAll(scan(iterator.Config{}))
			require.NoError(t, got.err)
			assert.Empty(t, got.sizes, "a batch without rows")
			assert.Positive(t, got.stats.Vanished)
			assert.Equal(t, got.stats.Scanned, got.stats.Vanished)
		})
		t.Run("J3/"+fetch.name, func(t *testing.T) {
			c, scan := start(t, minicluster.Config{})
			c.SetFault(before("key:7", func() {
				c.Delete("key:7")
				if fetch.kind == "hash" {
					c.SetString("key:7", "a string by now")
				} else {
					c.SetHash("key:7", "v", "a hash by now")
				}
			}))
			got := readAll(scan(iterator.Config{}))
			require.NoError(t, got.err)
			assert.Len(t, got.rows, 19)
			assertNoKey(t, got.rows, "key:7")
			assert.EqualValues(t, 1, got.stats.WrongType)
			assert.Zero(t, got.stats.Vanished)
			assert.Zero(t, got.stats.ParseFailures)
		})
	}
}

// acceptance J, rows 1 to 3, on real servers: the same, done just before the
// fetch goes out.
func TestKeysThatVanishFromServers(t *testing.T) {
	onServers(t, func(t *testing.T, on place) {
		ctx := context.Background()
		w := &wire{}
		rdb := wired(t, on.servers.ReaderOptions(), w)
		for _, fetch := range fetches {
			another := map[string]string{"hash": "string", "string": "hash"}[fetch.kind]
			first := "\r\n" + fetch.first + "\r\n"
			// run scans 20 keys; before the nth pipeline of fetches goes out,
			// f is told which keys are in it.
			run := func(t *testing.T, nth int, config iterator.Config, f func(keys []string)) result {
				w.sends = nil
				flush(t, on.admin)
				store(t, on.admin, func(p redis.Pipeliner) {
					for i := range 20 {
						put(p, fetch.kind, fmt.Sprint("key:", i), fmt.Sprint(i))
					}
				})
				pipelines := 0
				w.sends = func(_ string, commands []byte) {
					keys := fetchedKeys(commands)
					if !bytes.Contains(commands, []byte(first)) || len(keys) == 0 { // TYPE is in SCAN too
						return
					}
					if pipelines++; pipelines == nth {
						f(keys)
					}
				}
				config.HashCommand = fetch.command
				got := readAll(kinds[fetch.kind](t, rdb, fetch.schema, config))
				require.NoError(t, got.err)
				require.GreaterOrEqual(t, pipelines, nth)
				assertUnique(t, got.rows)
				return got
			}
			t.Run("J1/"+fetch.name, func(t *testing.T) {
				gone := ""
				got := run(t, 1, iterator.Config{BatchSize: 4}, func(keys []string) {
					gone = keys[0]
					assert.NoError(t, on.admin.Del(ctx, gone).Err())
				})
				assert.Len(t, got.rows, 19)
				assertNoKey(t, got.rows, gone)
				assert.Equal(t, []int64{4, 4, 4, 4, 3}, got.sizes)
				assert.EqualValues(t, 1, got.stats.Vanished)
				assert.Zero(t, got.stats.WrongType)
			})
			t.Run("J2/"+fetch.name, func(t *testing.T) {
				var gone []string
				got := run(t, 2, iterator.Config{BatchSize: 1, CountHint: 4}, func(keys []string) {
					gone = keys
					for _, key := range keys {
						assert.NoError(t, on.admin.Del(ctx, key).Err())
					}
				})
				require.NotEmpty(t, gone)
				assert.Len(t, got.rows, 20-len(gone))
				assert.NotContains(t, got.sizes, int64(0), "an empty batch")
				assert.EqualValues(t, len(gone), got.stats.Vanished)
			})
			t.Run("J3/"+fetch.name, func(t *testing.T) {
				changed := ""
				got := run(t, 1, iterator.Config{}, func(keys []string) {
					changed = keys[len(keys)/2]
					_, err := on.admin.Pipelined(ctx, func(p redis.Pipeliner) error {
						p.Del(ctx, changed)
						put(p, another, changed, "another by now")
						return nil
					})
					assert.NoError(t, err)
				})
				assert.Len(t, got.rows, 19)
				assertNoKey(t, got.rows, changed)
				assert.EqualValues(t, 1, got.stats.WrongType)
				assert.Zero(t, got.stats.Vanished)
				assert.Zero(t, got.stats.ParseFailures)
			})
		}
	}, testcluster.Masters)
}

// fetchedKeys are the keys in a pipeline of fetches.
func fetchedKeys(commands []byte) (keys []string) {
	for _, key := range regexp.MustCompile(`(key|user):\d+`).FindAllString(string(commands), -1) {
		if !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

func assertNoKey(t *testing.T, rows []string, key string) {
	t.Helper()
	for _, row := range rows {
		assert.False(t, row == key || strings.HasPrefix(row, key+"|"), "a row of %s: %s", key, row)
	}
}

// listedKeys are the keys in a reply to SCAN, or to CLUSTER GETKEYSINSLOT.
func listedKeys(reply []byte) []string {
	v, err := resp.NewReader(bytes.NewReader(reply), len(reply)).ReadValue()
	if err != nil {
		return nil
	}
	if len(v.Elems) == 2 && v.Elems[1].Kind == resp.Array {
		v = v.Elems[1]
	}
	var keys []string
	for _, key := range v.Elems {
		keys = append(keys, key.Text)
	}
	return keys
}

func TestKeys(t *testing.T) { onServers(t, testKeys) }

func testKeys(t *testing.T, on place) {
	rdb := on.rdb
	ctx := context.Background()
	t.Run("J1", func(t *testing.T) {
		flush(t, on.admin)
		store(t, on.admin, func(p redis.Pipeliner) {
			for i := 1; i <= 20; i++ {
				p.HSet(ctx, fmt.Sprint("user:", i), "v", i)
			}
		})
		it := hashes(t, rdb, "_key:key", iterator.Config{BatchSize: 1})
		defer it.Release()
		require.True(t, it.Next())
		rows := cells(it.RecordBatch())
		nodes := it.Stats().Nodes
		last := nodes[len(nodes)-1]
		require.Zero(t, last.Scanned, "it has been started")
		keys, err := on.node(t, last.Addr).Keys(ctx, "*").Result()
		require.NoError(t, err)
		require.GreaterOrEqual(t, len(keys), 6)
		for _, key := range keys[:6] {
			require.NoError(t, on.admin.Del(ctx, key).Err())
		}
		for it.Next() {
			rows = append(rows, cells(it.RecordBatch())...)
		}
		require.NoError(t, it.Err())
		assert.Len(t, rows, 14)
		assertUnique(t, rows)
	})
	t.Run("J4", func(t *testing.T) {
		flush(t, on.admin)
		store(t, on.admin, func(p redis.Pipeliner) {
			p.HSet(ctx, "a:1", "v", "hash")
			p.Set(ctx, "a:2", "string", 0)
			p.RPush(ctx, "a:3", "list")
			p.SAdd(ctx, "a:4", "set")
		})
		for kind, want := range map[string]string{"hash": "a:1|hash", "string": "a:2|string"} {
			got := readAll(kinds[kind](t, rdb, "_key:key,v:utf8", iterator.Config{Pattern: "a:*"}))
			require.NoError(t, got.err)
			assert.Equal(t, []string{want}, got.rows)
			assert.LessOrEqual(t, ofAnotherType(t, got), 3)
		}
	})
	t.Run("J5", func(t *testing.T) {
		flush(t, on.admin)
		store(t, on.admin, func(p redis.Pipeliner) {
			for i := range 1000 {
				p.HSet(ctx, fmt.Sprintf("user:%04d", i), "name", fmt.Sprint("User", i), "age", i)
			}
			p.HSet(ctx, "user:0123", "age", "twelve")
		})
		for _, concurrency := range []int{1, iterator.AllMasters} {
			config := iterator.Config{Concurrency: concurrency, BatchSize: 100}

			config.OnParseError = convert.Fail
			got := readAll(hashes(t, rdb, "_key:key,name:utf8,age:int64", config))
			var failure *iterator.CellError
			require.ErrorAs(t, got.err, &failure)
			require.ErrorIs(t, got.err, convert.ErrSyntax)
			assert.Equal(t, iterator.CellError{
				Key: "user:0123", Field: "age", Type: arrow.PrimitiveTypes.Int64, Value: "twelve", Err: failure.Err,
			}, *failure)
			for _, part := range []string{"user:0123", "age", "int64", "twelve"} {
				assert.ErrorContains(t, got.err, part)
			}
			assertNoKey(t, got.rows, "user:0123")
			assertUnique(t, got.rows)

			config.OnParseError = convert.Null
			got = readAll(hashes(t, rdb, "_key:key,name:utf8,age:int64", config))
			require.NoError(t, got.err)
			require.Len(t, got.rows, 1000)
			for i, row := range got.rows {
				age := fmt.Sprint(i)
				if i == 123 {
					age = "null"
				}
				require.Equal(t, fmt.Sprintf("user:%04d|User%d|%s", i, i, age), row)
			}
			assert.EqualValues(t, 1, got.stats.ParseFailures)
			assert.Zero(t, got.stats.SkippedRows)

			config.OnParseError = convert.SkipRow
			got = readAll(hashes(t, rdb, "_key:key,name:utf8,age:int64", config))
			require.NoError(t, got.err)
			assert.Len(t, got.rows, 999)
			assertNoKey(t, got.rows, "user:0123")
			assert.Equal(t, []int64{100, 100, 100, 100, 100, 100, 100, 100, 100, 99}, got.sizes)
			assert.EqualValues(t, 1, got.stats.ParseFailures)
			assert.EqualValues(t, 1, got.stats.SkippedRows)
			assert.EqualValues(t, 999, got.stats.Rows)
		}
	})
	t.Run("J6", func(t *testing.T) {
		flush(t, on.admin)
		store(t, on.admin, func(p redis.Pipeliner) {
			for i := range 100 {
				p.HSet(ctx, fmt.Sprint("user:", i), "age", "none")
			}
		})
		it := hashes(t, rdb, "_key:key,age:int64", iterator.Config{})
		require.False(t, it.Next())
		first := it.Err()
		require.ErrorIs(t, first, convert.ErrSyntax)
		for range 3 {
			assert.False(t, it.Next())
			assert.Same(t, first, it.Err())
			assert.Nil(t, it.RecordBatch())
		}
		it.Release()
		assert.False(t, it.Next())
		assert.Same(t, first, it.Err())
	})
}

// acceptance J, row 7
func TestExpiredKeys(t *testing.T) {
	ctx := context.Background()
	fill := func(t *testing.T, rdb *redis.ClusterClient, ttl time.Duration) {
		t.Helper()
		store(t, rdb, func(p redis.Pipeliner) {
			for i := range 50 {
				for kind := range kinds {
					key := fmt.Sprint(kind, i)
					put(p, kind, key, "v")
					if i%2 == 0 {
						p.PExpire(ctx, key, ttl)
					}
				}
			}
		})
	}
	check := func(t *testing.T, rdb *redis.ClusterClient) {
		for kind, open := range kinds {
			got := readAll(open(t, rdb, "_key:key,v:utf8,_ttl:ttl", iterator.Config{}))
			require.NoError(t, got.err)
			assert.Len(t, got.rows, 25, kind)
			for _, row := range got.rows {
				assert.True(t, strings.HasSuffix(row, "|v|-1"), row)
			}
		}
	}
	t.Run("J7/fake", func(t *testing.T) {
		var mu sync.Mutex
		now := time.Now()
		_, rdb := fake(t, minicluster.Config{Now: func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return now
		}})
		fill(t, rdb, time.Second)
		mu.Lock()
		now = now.Add(2 * time.Second)
		mu.Unlock()
		check(t, rdb)
	})
	onServers(t, func(t *testing.T, on place) {
		// Servers that don't look for expired keys by themselves: they are
		// still there when SCAN comes by.
		active := func(yes int) {
			for _, addr := range on.addrs {
				assert.NoError(t, on.node(t, addr).Do(ctx, "DEBUG", "SET-ACTIVE-EXPIRE", yes).Err())
			}
		}
		active(0)
		defer active(1)
		t.Run("J7", func(t *testing.T) {
			fill(t, on.admin, 10*time.Millisecond)
			time.Sleep(50 * time.Millisecond)
			check(t, on.rdb)
		})
	})
}
