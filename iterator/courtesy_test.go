package iterator_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/internal/testcluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMaxKeysPerSecond(t *testing.T) {
	t.Parallel()
	inEachWay(t, func(t *testing.T, way fakeWay) {
		for name, concurrency := range concurrencies {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				c, rdb := fake(t, way.server(minicluster.Config{}))
				want := users(c, 2000)
				begun := time.Now()
				got := readAll(hashes(t, rdb, userSchema, way.scan(iterator.Config{MaxKeysPerSecond: 1000, Concurrency: concurrency})))
				require.NoError(t, got.err)
				assertRows(t, want, got.rows)
				assert.GreaterOrEqual(t, time.Since(begun), 1500*time.Millisecond)
			})
		}
	})
}

// One's own limit is no stall, however long it makes the scan wait.
func TestMaxKeysPerSecondIsNoStall(t *testing.T) {
	t.Parallel()
	for name, concurrency := range concurrencies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, rdb := fake(t, minicluster.Config{})
			want := users(c, 6)
			var failed atomic.Bool
			c.SetFault(func(_, _ int, args [][]byte) *minicluster.Fault {
				if string(args[0]) == "HMGET" && failed.CompareAndSwap(false, true) {
					return &minicluster.Fault{Close: minicluster.CloseBefore}
				}
				return nil
			})
			begun := time.Now()
			got := readAll(hashes(t, rdb, userSchema, iterator.Config{MaxKeysPerSecond: 1, Concurrency: concurrency, StallTimeout: 900 * time.Millisecond}))
			require.NoError(t, got.err)
			assertRows(t, want, got.rows)
			assert.GreaterOrEqual(t, time.Since(begun), 4*time.Second)
		})
	}
}

// With MaxRows, and with keys that are asked about again, the limit holds and
// nothing waits for ever.
func TestMaxKeysPerSecondWithMaxRows(t *testing.T) {
	t.Parallel()
	for name, concurrency := range concurrencies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, rdb := fake(t, minicluster.Config{})
			users(c, 2000)
			got := readAll(hashes(t, rdb, userSchema, iterator.Config{MaxKeysPerSecond: 500, MaxRows: 300, Concurrency: concurrency}))
			require.NoError(t, got.err)
			assert.Len(t, got.rows, 300)
		})
	}
}

// What is asked of a node with a duty: one thing at a time, and a small one.
func TestDutyAsksForLittle(t *testing.T) {
	t.Parallel()
	for _, on := range []struct {
		name   string
		config minicluster.Config
		way    iterator.Enumeration
	}{
		{"keysinslot", minicluster.Config{}, iterator.KeysInSlot},
		{"plainscan", minicluster.Config{}, iterator.PlainScan},
		{"slotscan", minicluster.Config{SlotTables: true}, iterator.SlotScan},
		{"clusterscan", minicluster.Config{Valkey: "9.1.2"}, iterator.ClusterScan},
	} {
		t.Run(on.name, func(t *testing.T) {
			t.Parallel()
			// What comes while an answer is put together shows as one batch.
			on.config.Gather, on.config.Record = 2*time.Millisecond, true
			c, rdb := fake(t, on.config)
			want := users(c, 600)
			var (
				mu   sync.Mutex
				busy = map[int]int{} // by node: the connection that is being answered
			)
			c.SetFault(func(node, conn int, args [][]byte) *minicluster.Fault {
				if !listsOrReads(args) {
					return nil
				}
				mu.Lock()
				defer mu.Unlock()
				assert.Contains(t, []int{0, conn}, busy[node], "node %d is asked twice at once", node)
				busy[node] = conn
				return &minicluster.Fault{After: func() {
					mu.Lock()
					defer mu.Unlock()
					busy[node] = 0
				}}
			})
			got := readAll(hashes(t, rdb, userSchema, iterator.Config{Enumerate: on.way, Duty: 0.5, Concurrency: iterator.AllMasters}))
			require.NoError(t, got.err)
			assertRows(t, want, got.rows)
			for _, batch := range c.Batches() {
				counts := map[string]int{}
				for _, command := range batch {
					name := strings.ToUpper(command.Args[0])
					switch {
					case name == "CLUSTER":
						name = strings.ToUpper(command.Args[1])
					case name == "SCAN" || name == "CLUSTERSCAN":
						for i, arg := range command.Args {
							if arg == "COUNT" {
								assert.LessOrEqual(t, len(command.Args[i+1]), 2, "%v", command.Args)
							}
						}
					}
					counts[name]++
				}
				lists := counts["SCAN"] + counts["CLUSTERSCAN"] + counts["GETKEYSINSLOT"] + counts["COUNTKEYSINSLOT"]
				assert.LessOrEqual(t, lists, 32)
				assert.LessOrEqual(t, counts["SCAN"], 1)
				assert.LessOrEqual(t, counts["HMGET"], 16)
				assert.False(t, lists > 0 && counts["HMGET"] > 0, "keys are listed ahead: %v", batch)
				assert.False(t, counts["COUNTKEYSINSLOT"] > 0 && counts["GETKEYSINSLOT"]+counts["CLUSTERSCAN"] > 0, "%v", batch)
			}
		})
	}
}

// The scan takes as long as its share has it.
func TestDutyTakesItsTime(t *testing.T) {
	t.Parallel()
	inEachWay(t, func(t *testing.T, way fakeWay) {
		t.Parallel()
		c, rdb := fake(t, way.server(minicluster.Config{Masters: 1}))
		want := users(c, 300)
		c.SetFault(func(_, _ int, args [][]byte) *minicluster.Fault {
			if string(args[0]) == "HMGET" {
				return &minicluster.Fault{Delay: time.Millisecond}
			}
			return nil
		})
		begun := time.Now()
		got := readAll(hashes(t, rdb, userSchema, way.scan(iterator.Config{Duty: 0.25, StallTimeout: 20 * time.Second})))
		require.NoError(t, got.err)
		assertRows(t, want, got.rows)
		// 300 ms of the server's, but for what follows the last request.
		assert.GreaterOrEqual(t, time.Since(begun), time.Second)
	})
}

// Time for which the batches wait for their reader is nobody's.
func TestDutyOfSlowReader(t *testing.T) {
	t.Parallel()
	c, rdb := fake(t, minicluster.Config{Masters: 1})
	users(c, 60)
	it := hashes(t, rdb, userSchema, iterator.Config{Duty: 0.01, BatchSize: 10, Enumerate: iterator.PlainScan})
	defer it.Release()
	begun := time.Now()
	for it.Next() {
		time.Sleep(200 * time.Millisecond)
	}
	require.NoError(t, it.Err())
	assert.Less(t, time.Since(begun), 15*time.Second, "6 times 200 ms by 0.01 is two minutes")
}

// What fails is given up in time with a duty, too; what waits isn't.
func TestDutyAndStall(t *testing.T) {
	t.Parallel()
	c, rdb := fake(t, minicluster.Config{})
	want := users(c, 200)
	c.SetFault(func(node, _ int, args [][]byte) *minicluster.Fault {
		// Counting too: a slot that is counted as empty is done.
		if node > 0 && (sends(args, listsSlot) || sends(args, "CLUSTER COUNTKEYSINSLOT")) {
			return &minicluster.Fault{Error: "LOADING Redis is loading the dataset in memory"}
		}
		return nil
	})
	for name, concurrency := range concurrencies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := readAll(hashes(t, rdb, userSchema, iterator.Config{Duty: 0.2, Concurrency: concurrency, StallTimeout: time.Second}))
			missing := incomplete(t, got.err)
			requireLost(t, "5461-16383", missing)
			assertRows(t, notOf(want, missing.String()), notOf(got.rows, missing.String()))
		})
	}
}

// Who waits for others' sake stops when told to.
func TestCancelWhileResting(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]iterator.Config{
		"keys": {MaxKeysPerSecond: 1, Concurrency: iterator.AllMasters},
		"duty": {Duty: 0.0001},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, rdb := fake(t, minicluster.Config{})
			users(c, 1000)
			s, err := schema.ParseHash(userSchema)
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			it, err := iterator.NewClusterHashBatchIterator(ctx, rdb, s, checked(t, config))
			require.NoError(t, err)
			begun := time.Now()
			got := readAll(it) // and the goroutines' end
			require.ErrorIs(t, got.err, context.DeadlineExceeded)
			assert.Less(t, time.Since(begun), 5*time.Second)
		})
	}
}

func TestCourtesyConfig(t *testing.T) {
	nan := 0.0
	nan /= nan
	for _, config := range []iterator.Config{{Duty: -0.1}, {Duty: 1.1}, {Duty: nan}, {MaxKeysPerSecond: -1}} {
		require.ErrorIs(t, config.Validate(), iterator.ErrConfig, "%v", config.Duty)
	}
	for _, config := range []iterator.Config{{Duty: 1}, {Duty: 1e-9}, {MaxKeysPerSecond: 1 << 40}} {
		require.NoError(t, config.Validate())
	}
}

// The whole, with everything at once, on real servers.
func TestCourtesyOfServers(t *testing.T) {
	onServers(t, func(t *testing.T, on place) {
		want := fillReal(t, on.admin, "user:", 3000)
		got := readAll(hashes(t, on.rdb, "_key:key", iterator.Config{Duty: 0.5, MaxKeysPerSecond: 3000, Concurrency: iterator.AllMasters}))
		require.NoError(t, got.err)
		assertRows(t, want, got.rows)
	})
}

// Reading a key is no use of it, where the server can be told so without harm, and
// the connections have a name.
func TestNoTouch(t *testing.T) {
	testcluster.Each(t, func(t *testing.T, server testcluster.Server) {
		t.Parallel()
		// Every use counts.
		c, rdb := real(t, server.Name, testcluster.Config{Conf: map[string]string{"maxmemory-policy": "allkeys-lfu", "lfu-log-factor": "0"}})
		want := fillReal(t, rdb, "user:", 300)
		uses := func() (sum int64) {
			for _, key := range want {
				n, err := rdb.ObjectFreq(t.Context(), key).Result()
				require.NoError(t, err)
				sum += n
			}
			return sum
		}
		before := uses()
		got := readAll(hashes(t, rdb, "_key:key,name:utf8", iterator.Config{}))
		require.NoError(t, got.err)
		require.Len(t, got.rows, len(want))
		if server.Valkey && server.AtLeast(9, 0) || !server.Valkey && server.AtLeast(8, 4) {
			assert.Equal(t, before, uses())
		} else {
			assert.Greater(t, uses(), before)
		}

		// It is its own name, unless the caller has one.
		options := c.ClusterOptions()
		options.ClientName = "reports"
		named := redis.NewClusterClient(options)
		t.Cleanup(func() { _ = named.Close() })
		for name, rdb := range map[string]*redis.ClusterClient{"redisarrow": rdb, "reports": named} {
			it := hashes(t, rdb, "_key:key", iterator.Config{BatchSize: 10})
			require.True(t, it.Next())
			list, err := c.NodeClient(0).ClientList(t.Context()).Result()
			require.NoError(t, err)
			assert.Contains(t, list, " name="+name+" ")
			it.Release()
		}
	})
}

// Servers that don't know, or forbid, what isn't needed are read all the same; a
// lost connection is a lost connection.
func TestIntroductionRefused(t *testing.T) {
	for name, fault := range map[string]minicluster.Fault{
		"unknown": {Error: "ERR unknown subcommand 'NO-TOUCH'. Try CLIENT HELP."},
		"denied":  {Error: "NOPERM User reader has no permissions to run the 'client|setname' command"},
		"lost":    {Close: minicluster.CloseBefore},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, rdb := fake(t, minicluster.Config{Valkey: "9.1.2"})
			want := users(c, 100)
			var seen atomic.Int64
			s, err := schema.ParseHash(userSchema)
			require.NoError(t, err)
			it, err := iterator.NewClusterHashBatchIterator(t.Context(), rdb, s, checked(t, iterator.Config{}))
			require.NoError(t, err)
			c.SetFault(func(_, _ int, args [][]byte) *minicluster.Fault {
				if string(args[0]) == "CLIENT" && (name != "lost" || seen.Add(1) <= 2) {
					return &fault
				}
				return nil
			})
			got := readAll(it)
			require.NoError(t, got.err)
			assertRows(t, want, got.rows)
			if name != "lost" {
				assert.Zero(t, got.stats.Retries)
			}
		})
	}
	t.Run("lost at the start", func(t *testing.T) {
		c, rdb := fake(t, minicluster.Config{})
		c.SetFault(func(_, _ int, args [][]byte) *minicluster.Fault {
			if string(args[0]) == "CLIENT" {
				return &minicluster.Fault{Close: minicluster.CloseBefore}
			}
			return nil
		})
		s, err := schema.ParseHash(userSchema)
		require.NoError(t, err)
		_, err = iterator.NewClusterHashBatchIterator(t.Context(), rdb, s, checked(t, iterator.Config{}))
		var node *iterator.NodeError
		require.ErrorAs(t, err, &node)
		assert.Equal(t, "CLIENT SETNAME", node.Command)
	})
}

func ExampleConfig_duty() {
	fmt.Println(iterator.Config{Duty: 0.2, MaxKeysPerSecond: 50_000}.Validate())
	fmt.Println(iterator.Config{Duty: 20}.Validate())
	// Output:
	// <nil>
	// iterator: bad config: Duty is 20; it must be above 0 and at most 1, or 0 for no limit
}
