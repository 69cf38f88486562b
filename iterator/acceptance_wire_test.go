package iterator_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// acceptance M, row 13: a key of A that has become another type.
func TestWrongTypeOnOneMaster(t *testing.T) {
	for _, command := range []iterator.HashCommand{iterator.HMGET, iterator.HGETALL} {
		t.Run(fmt.Sprint("M13/", command), func(t *testing.T) {
			c, rdb := fake(t, minicluster.Config{})
			want := storeUsers(t, rdb)
			c.SetHash("user:3", "name", "on A")
			c.SetFault(func(_, _ int, args [][]byte) *minicluster.Fault {
				if name := string(args[0]); (name == "HMGET" || name == "HGETALL") && string(args[1]) == "user:3" {
					return &minicluster.Fault{Before: func() { c.SetString("user:3", "a string") }}
				}
				return nil
			})
			got := readAll(hashes(t, rdb, clusterSchema, iterator.Config{HashCommand: command}))
			require.NoError(t, got.err)
			assert.Equal(t, want, got.rows)
			assert.EqualValues(t, 1, got.stats.WrongType)
			assert.Equal(t, []int64{7, 9, 14}, byNode(t, c.Addrs(), got.stats))
		})
	}
}

func TestWrongTypeOnOneServer(t *testing.T) {
	onServers(t, func(t *testing.T, on place) {
		ctx := context.Background()
		w := &wire{}
		rdb := wired(t, on.servers.ReaderOptions(), w)
		for _, command := range []iterator.HashCommand{iterator.HMGET, iterator.HGETALL} {
			t.Run(fmt.Sprint("M13/", command), func(t *testing.T) {
				w.sends = nil
				flush(t, on.admin)
				want := storeUsers(t, on.admin)
				require.NoError(t, on.admin.HSet(ctx, "user:3", "name", "on A").Err())
				w.sends = func(_ string, commands []byte) {
					if bytes.Contains(commands, []byte("user:3\r\n")) {
						assert.NoError(t, on.admin.Del(ctx, "user:3").Err())
						assert.NoError(t, on.admin.RPush(ctx, "user:3", "a list").Err())
					}
				}
				got := readAll(hashes(t, rdb, clusterSchema, iterator.Config{HashCommand: command}))
				require.NoError(t, got.err)
				assert.Equal(t, want, got.rows)
				assert.EqualValues(t, 1, got.stats.WrongType)
				assert.Equal(t, []int64{7, 9, 14}, byNode(t, on.addrs, got.stats))
			})
		}
	})
}

// acceptance M, row 15: a pattern with a hash tag asks only its owner.
func TestHashTagAsksItsOwner(t *testing.T) {
	onServers(t, func(t *testing.T, on place) {
		ctx := context.Background()
		store(t, on.admin, func(p redis.Pipeliner) {
			for i := range 50 {
				p.HSet(ctx, fmt.Sprint("{user42}:", i), "v", i)
				p.HSet(ctx, fmt.Sprint("user42:", i), "v", "another")
			}
		})
		for pattern, rows := range map[string]int{"{user42}:*": 50, "{user42}:7": 1} {
			t.Run("M15/"+pattern, func(t *testing.T) {
				on.countCalls(t)
				got := readAll(hashes(t, on.rdb, "_key:key,v:int64", iterator.Config{Pattern: pattern, Concurrency: iterator.AllMasters}))
				require.NoError(t, got.err)
				assert.Len(t, got.rows, rows)
				owner := slices.IndexFunc(byNode(t, on.addrs, got.stats), func(n int64) bool { return n > 0 })
				for node, lists := range on.lists(t) {
					assert.Equal(t, node == owner, lists > 0, "node %d", node)
				}
				for node, fetches := range on.calls(t, "hmget") {
					assert.Equal(t, node == owner, fetches == rows, "node %d", node)
				}
			})
		}
	})
}

func TestHashTagOnTheWire(t *testing.T) {
	inEachWay(t, testHashTagOnTheWire)
}

func testHashTagOnTheWire(t *testing.T, way fakeWay) {
	c, rdb := fake(t, way.server(minicluster.Config{Record: true}))
	slot := minicluster.Slot("{user42}:1")
	owner := -1
	c.EditView(0, func(v *minicluster.View) { owner = v.Owner(slot) })
	for i := range 50 {
		c.SetHash(fmt.Sprint("{user42}:", i), "v", fmt.Sprint(i))
		c.SetHash(fmt.Sprint("user42:", i), "v", "another")
	}
	for _, pattern := range []string{"{user42}:*", "{user42}:7"} {
		t.Run("M15/"+pattern, func(t *testing.T) {
			c.ResetLog()
			got := readAll(hashes(t, rdb, "_key:key,v:int64", way.scan(iterator.Config{Pattern: pattern, Concurrency: iterator.AllMasters})))
			require.NoError(t, got.err)
			wanted := 50
			if !strings.HasSuffix(pattern, "*") {
				wanted = 1
			}
			assert.Len(t, got.rows, wanted)
			for node := range 3 {
				fetches := c.Count(node, "HMGET")
				lists := slices.ContainsFunc(c.Log(), func(cmd minicluster.Command) bool {
					return cmd.Node == node && strings.HasPrefix(strings.Join(cmd.Args, " "), way.command)
				})
				if node == owner {
					assert.True(t, lists)
					assert.Equal(t, wanted, fetches)
				} else {
					assert.False(t, lists, "node %d, which isn't the owner", node)
					assert.Zero(t, fetches, "node %d, which isn't the owner", node)
				}
			}
		})
	}
}

// acceptance M, row 16: one pipeline a page, no command across slots.
func TestPipelinesOnTheWire(t *testing.T) {
	inEachWay(t, testPipelinesOnTheWire)
}

func testPipelinesOnTheWire(t *testing.T, way fakeWay) {
	c, rdb := fake(t, way.server(minicluster.Config{Record: true, Gather: 5 * time.Millisecond}))
	const n, page = 600, 50
	fillHashes(c, "user:", n)
	for _, schema := range []string{"_key:key,name:utf8,age:int64", "_key:key,name:utf8,_ttl:ttl", "_key:key"} {
		t.Run("M16/"+schema, func(t *testing.T) {
			it := hashes(t, rdb, schema, way.scan(iterator.Config{CountHint: page}))
			c.ResetLog()
			got := readAll(it)
			require.NoError(t, got.err)
			assert.Len(t, got.rows, n)
			fetches, pages := 0, 0
			for _, batch := range c.Batches() {
				fetched, transaction := 0, false
				for _, cmd := range batch {
					if transaction { // of what lists keys, and of nothing else
						assert.Contains(t, []string{"CLUSTER", "SCAN", "EXEC"}, cmd.Args[0])
					}
					switch cmd.Args[0] {
					case "MULTI":
						transaction = true
						pages++
					case "EXEC":
						transaction = false
					case "HMGET", "TYPE":
						fetched++
						assert.True(t, strings.HasPrefix(cmd.Args[1], "user:"))
						for _, arg := range cmd.Args[2:] {
							assert.Contains(t, []string{"name", "age"}, arg, "another key in the same command")
						}
					case "TTL":
						assert.Len(t, cmd.Args, 2)
					case "MGET":
						for _, key := range cmd.Args[2:] {
							assert.Equal(t, cluster.Slot([]byte(cmd.Args[1])), cluster.Slot([]byte(key)), "a command across slots: %v", cmd.Args)
						}
					case "EVAL":
						assert.Fail(t, "a command across keys", "%v", cmd.Args)
					}
				}
				if fetched > 0 {
					fetches++
				}
			}
			// The first pages are fetched in parts that grow, the others whole;
			// each master begins anew.
			assert.LessOrEqual(t, fetches, pages+3*4, "fetches came in %d batches, %d pages", fetches, pages)
			assert.GreaterOrEqual(t, pages, n/(2*page))
		})
	}
}

func TestPipelinesToServers(t *testing.T) {
	onServers(t, func(t *testing.T, on place) {
		const n, page = 600, 50
		store(t, on.admin, func(p redis.Pipeliner) {
			for i := range n {
				p.HSet(context.Background(), fmt.Sprint("user:", i), "name", fmt.Sprint("User", i), "age", i)
			}
		})
		w := &wire{}
		rdb := wired(t, on.servers.ReaderOptions(), w)
		for schema, first := range map[string]string{"_key:key,name:utf8,age:int64": "HMGET", "_key:key,name:utf8,_ttl:ttl": "HMGET", "_key:key": "TYPE"} {
			t.Run("M16/"+schema, func(t *testing.T) {
				pipelines, pages := 0, 0
				w.sends = func(_ string, commands []byte) {
					if len(fetchedKeys(commands)) > 0 {
						pipelines++
					}
					for _, lists := range []string{"\nSCAN\r", "\nGETKEYSINSLOT\r", "\nCLUSTERSCAN\r"} {
						if bytes.Contains(commands, []byte(lists)) {
							pages++
						}
					}
				}
				on.countCalls(t)
				got := readAll(hashes(t, rdb, schema, iterator.Config{CountHint: page}))
				require.NoError(t, got.err)
				assert.Len(t, got.rows, n)
				assert.GreaterOrEqual(t, pages, n/(2*page))
				assert.LessOrEqual(t, pipelines, pages+3*4, "pages are fetched in parts that grow, then whole")
				assert.Equal(t, n, total(on.calls(t, strings.ToLower(first))))
				for _, command := range []string{"mget", "eval"} {
					assert.Zero(t, total(on.calls(t, command)), command)
				}
			})
		}
	})
}

// acceptance M, row 17: a connection that dies in mid-reply, wherever that is:
// the same server process goes on where it was.
func TestM17ConnectionToServerLost(t *testing.T) {
	onServers(t, func(t *testing.T, on place) {
		const n = 2000
		var want []string
		store(t, on.admin, func(p redis.Pipeliner) {
			for i := range n {
				p.HSet(context.Background(), fmt.Sprint("user:", i), "name", fmt.Sprint("User", i), "age", i)
				want = append(want, fmt.Sprintf("user:%d|User%d|%d", i, i, i))
			}
		})
		slices.Sort(want)
		var connections atomic.Int64
		rdb := wired(t, on.servers.ReaderOptions(), &wire{cut: func(string) int64 {
			// The replies before the first SCAN are some 2 KB.
			if n := connections.Add(1); n%3 > 0 && n < 40 {
				return 4000 + n*n*13%7001
			}
			return 0
		}})
		got := readAll(hashes(t, rdb, userSchema, iterator.Config{CountHint: 100}))
		require.NoError(t, got.err)
		assertRows(t, want, got.rows)
		assert.Greater(t, got.stats.Retries, int64(2))
	})
}

// acceptance M, row 10: a slot left MIGRATING. Its keys are read at both ends,
// by way of ASK if they were listed before they moved; where that isn't enough
// for the user, the slot is reported.
func TestOpenMigrationOfServers(t *testing.T) {
	const slot = 2648 // of user:3, on A
	onServers(t, func(t *testing.T, on place) {
		ctx := context.Background()
		var want []string
		store(t, on.admin, func(p redis.Pipeliner) {
			for i := range 300 {
				p.HSet(ctx, fmt.Sprint("user:", i), "name", fmt.Sprint("User", i), "age", i)
				want = append(want, fmt.Sprintf("user:%d|User%d|%d", i, i, i))
			}
		})
		slices.Sort(want)
		t.Run("M10 moved between SCAN and fetch", func(t *testing.T) {
			open := sync.OnceFunc(func() {
				assert.NoError(t, on.servers.OpenMigration(ctx, slot, 2))
				_, err := on.servers.MoveKeys(ctx, slot, 0)
				assert.NoError(t, err)
			})
			rdb := wired(t, on.servers.ReaderOptions(), &wire{sends: func(_ string, commands []byte) {
				if bytes.Contains(commands, []byte("user:3\r\n")) {
					open()
				}
			}})
			got := readAll(hashes(t, rdb, userSchema, iterator.Config{}))
			require.NoError(t, got.err)
			assertRows(t, want, got.rows)
			assert.Positive(t, got.stats.Redirects, "ASK")
		})
		t.Run("M10 moved before", func(t *testing.T) {
			got := readAll(hashes(t, on.rdb, userSchema, iterator.Config{Concurrency: iterator.AllMasters}))
			require.NoError(t, got.err)
			assertRows(t, want, got.rows)
		})
		t.Run("M10 moved before, strict", func(t *testing.T) {
			config := iterator.Config{Concurrency: iterator.AllMasters, Strict: true}
			got := losing(t, on.rdb, userSchema, config, fmt.Sprint(slot))
			assertRows(t, slices.DeleteFunc(slices.Clone(want), func(row string) bool { return strings.HasPrefix(row, "user:3|") }), got.rows)
		})
		require.NoError(t, on.servers.AbortMigration(ctx, slot))
		got := readAll(hashes(t, on.rdb, userSchema, iterator.Config{}))
		require.NoError(t, got.err)
		assertRows(t, want, got.rows)
	})
}

func total(counts []int) (sum int) {
	for _, n := range counts {
		sum += n
	}
	return sum
}
