package iterator_test

import (
	"context"
	"errors"
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
	"github.com/redisarrow/redisarrow/schema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const userSchema = "_key:key,name:utf8,age:int64"

// users fills a fake with n hashes and says which rows they give.
func users(c *minicluster.Cluster, n int) (rows []string) {
	fillHashes(c, "user:", n)
	for i := 1; i <= n; i++ {
		rows = append(rows, fmt.Sprintf("user:%d|User%d|%d", i, i, 20+i))
	}
	slices.Sort(rows)
	return rows
}

// onceFor makes a fault of the first n commands of that name; n < 0: of all.
func onceFor(name string, n int64, f minicluster.Fault) minicluster.FaultFunc {
	var count atomic.Int64
	return func(_, _ int, args [][]byte) *minicluster.Fault {
		if !sends(args, name) {
			return nil
		}
		if c := count.Add(1); n >= 0 && c > n {
			return nil
		}
		return &f
	}
}

// A passing trouble costs time and nothing else.
func TestTransientErrors(t *testing.T) {
	t.Parallel()
	replies := []string{
		"TRYAGAIN Multiple keys request during rehashing of slot", "LOADING Redis is loading the dataset in memory",
		"CLUSTERDOWN The cluster is down", "MASTERDOWN Link with MASTER is down", "BUSY Redis is busy running a script",
	}
	inEachWay(t, func(t *testing.T, way fakeWay) {
		for _, command := range []string{way.command, "MULTI", "CLUSTER NODES", "CLUSTER COUNTKEYSINSLOT", "EXEC", "HMGET", "TTL"} {
			for _, reply := range replies {
				if command == "CLUSTER COUNTKEYSINSLOT" && way.command != listsSlot {
					continue
				}
				t.Run(command+" "+reply, func(t *testing.T) {
					t.Parallel()
					c, rdb := fake(t, way.server(minicluster.Config{}))
					want := users(c, 200)
					for i := range want {
						want[i] += "|-1"
					}
					it := hashes(t, rdb, userSchema+",_ttl:ttl", way.scan(iterator.Config{CountHint: 10, StallTimeout: 20 * time.Second}))
					c.SetFault(whenExecuted(onceFor(command, 7, minicluster.Fault{Error: reply})))
					got := readAll(it)
					require.NoError(t, got.err)
					assertRows(t, want, got.rows)
					switch command {
					case "HMGET", "TTL", listsNode:
						assert.GreaterOrEqual(t, got.stats.Retries, int64(7))
					case "CLUSTER NODES": // may have been asked by those who look at the whole cluster
					default: // several in one request
						assert.Positive(t, got.stats.Retries)
					}
				})
			}
		}
	})
}

// A trouble that doesn't pass ends in ErrIncomplete, which names the slots.
func TestLastingTrouble(t *testing.T) {
	t.Parallel()
	inEachWay(t, func(t *testing.T, way fakeWay) {
		for _, command := range []string{way.command, "HMGET"} {
			t.Run(command, func(t *testing.T) {
				t.Parallel()
				c, rdb := fake(t, way.server(minicluster.Config{}))
				want := users(c, 50)
				c.SetFault(func(node, _ int, args [][]byte) *minicluster.Fault {
					if node == 1 && sends(args, command) {
						return &minicluster.Fault{Error: "LOADING Redis is loading the dataset in memory"}
					}
					return nil
				})
				of1, err := cluster.ParseRanges(ofMaster1)
				require.NoError(t, err)
				got := inVain(
					func(stall time.Duration) result {
						return tryHashes(t, rdb, userSchema, way.scan(iterator.Config{StallTimeout: stall}))
					},
					func(got result) bool {
						var e *iterator.IncompleteError
						return errors.As(got.err, &e) && e.Slots == e.Slots.Intersect(of1) && strings.Contains(e.Error(), "LOADING")
					},
				)
				require.ErrorContains(t, got.err, "LOADING")
				require.ErrorContains(t, got.err, "redis node "+c.Addrs()[1])
				missing := incomplete(t, got.err)
				require.Equal(t, missing, missing.Intersect(of1), missing.String())
				assertRows(t, notOf(want, missing.String()), notOf(got.rows, missing.String()))
				assertUnique(t, got.rows)
			})
		}
	})
}

// incomplete is what an IncompleteError says is missing; its reasons cover it.
func incomplete(t *testing.T, err error) cluster.SlotSet {
	t.Helper()
	var e *iterator.IncompleteError
	require.ErrorAs(t, err, &e)
	var covered cluster.SlotSet
	for _, r := range e.Reasons {
		covered = covered.Union(r.Slots)
	}
	assert.Equal(t, e.Slots, covered)
	assert.False(t, e.Slots.Empty())
	return e.Slots
}

// acceptance M17: a connection that dies in mid-reply, wherever that is: the
// same process goes on where it was.
func TestM17ConnectionLost(t *testing.T) {
	t.Parallel()
	inEachWay(t, func(t *testing.T, way fakeWay) {
		for _, command := range []string{way.command, "MULTI", "EXEC", "HMGET", "TTL", "CLUSTER", "INFO"} {
			for _, bytes := range []int{0, 1, 5, 17, 60} {
				t.Run(fmt.Sprint(command, bytes), func(t *testing.T) {
					t.Parallel()
					c, rdb := fake(t, way.server(minicluster.Config{}))
					want := users(c, 500)
					for i := range want {
						want[i] += "|-1"
					}
					it := hashes(t, rdb, userSchema+",_ttl:ttl", way.scan(iterator.Config{CountHint: 20, BatchSize: 100, StallTimeout: 20 * time.Second}))
					var count, struck atomic.Int64
					c.SetFault(whenExecuted(func(_, _ int, args [][]byte) *minicluster.Fault {
						if !sends(args, command) {
							return nil
						}
						if n := count.Add(1); n%97 != 3 {
							return nil
						}
						struck.Add(1)
						return &minicluster.Fault{Close: minicluster.CloseWithin, CloseBytes: bytes}
					}))
					got := readAll(it)
					require.NoError(t, got.err)
					assertRows(t, want, got.rows)
					assert.Positive(t, struck.Load())
					if command != "CLUSTER" && command != "INFO" { // where others than the passes ask
						assert.Positive(t, got.stats.Retries)
					}
				})
			}
		}
	})
}

// acceptance M17, another process: its cursors mean nothing, its slots are read
// again from their beginning.
func TestM17ServerRestarted(t *testing.T) {
	inEachWay(t, func(t *testing.T, way fakeWay) {
		c, rdb := fake(t, way.server(minicluster.Config{}))
		want := users(c, 2000)
		var once sync.Once
		var fetches atomic.Int64
		c.SetFault(func(node, _ int, args [][]byte) *minicluster.Fault {
			if node == 1 && string(args[0]) == "HMGET" && fetches.Add(1) == 200 {
				return &minicluster.Fault{Before: func() { once.Do(func() { assert.NoError(t, c.Restart(1)) }) }}
			}
			return nil
		})
		got := readAll(hashes(t, rdb, userSchema, way.scan(iterator.Config{CountHint: 20, StallTimeout: 20 * time.Second})))
		require.NoError(t, got.err)
		assertRows(t, want, got.rows)
		assert.Positive(t, got.stats.Reread)
	})
}

// A consumer that stops reading for so long that the server closes the idle
// connection; when it goes on, so does the scan.
func TestIdleConnectionClosed(t *testing.T) {
	c, rdb := fake(t, minicluster.Config{})
	want := users(c, 3000)
	it := hashes(t, rdb, userSchema, iterator.Config{BatchSize: 100, CountHint: 100})
	defer it.Release()
	var rows []string
	for it.Next() {
		rows = append(rows, cells(it.RecordBatch())...)
		if len(rows)%700 == 0 {
			for node := range 3 {
				c.DropConnections(node)
			}
		}
	}
	require.NoError(t, it.Err())
	slices.Sort(rows)
	assertRows(t, want, rows)
}

// A consumer that stops reading stops the servers: what is asked for and not
// taken is bounded.
func TestBackpressure(t *testing.T) {
	inEachWay(t, func(t *testing.T, way fakeWay) {
		c, rdb := fake(t, way.server(minicluster.Config{}))
		users(c, 20_000)
		it := hashes(t, rdb, userSchema, way.scan(iterator.Config{BatchSize: 100, CountHint: 100}))
		defer it.Release()
		require.True(t, it.Next())
		settled := func() int {
			last := -1
			for n := c.Count(-1, "HMGET"); n != last; n = c.Count(-1, "HMGET") {
				last = n
				time.Sleep(50 * time.Millisecond)
			}
			return last
		}
		assert.LessOrEqual(t, settled(), 1500, "keys asked for beyond one batch")
	})
}

// A table that shrinks by 95 % in mid-scan returns keys again.
func TestShrinkingTable(t *testing.T) {
	for name, tables := range map[string]bool{"one table": false, "a table for each slot": true} {
		t.Run(name, func(t *testing.T) {
			enumerate := iterator.PlainScan
			if tables {
				enumerate = iterator.SlotScan
			}
			c, rdb := fake(t, minicluster.Config{SlotTables: tables})
			var repeats int64
			for try := range 5 {
				var stay, gone []string
				for i := range 20_000 {
					key := fmt.Sprint(try, ":", i)
					if tables {
						key = fmt.Sprint("{one slot}", key) // whose table shrinks
					}
					c.SetHash(key, "name", "x")
					if i%20 == 0 {
						stay = append(stay, key)
					} else {
						gone = append(gone, key)
					}
				}
				slices.Sort(stay)
				it := hashes(t, rdb, "_key:key", iterator.Config{Enumerate: enumerate, CountHint: 100, BatchSize: 300})
				var rows []string
				for it.Next() {
					rows = append(rows, cells(it.RecordBatch())...)
					c.Delete(gone...)
				}
				require.NoError(t, it.Err())
				repeats += it.Stats().Duplicates
				it.Release()
				assertUnique(t, rows)
				c.Delete(gone...)
				deleted := make(map[string]bool)
				for _, key := range gone {
					deleted[key] = true
				}
				rows = slices.DeleteFunc(rows, func(key string) bool { return deleted[key] })
				assertRows(t, stay, rows)
				c.Delete(stay...)
			}
			assert.Positive(t, repeats, "the tables have not shrunk under the scan: the test shows nothing")
		})
	}
}

// A key that goes between its value and its TTL is read again.
func TestVanishedBetweenValueAndTTL(t *testing.T) {
	c, rdb := fake(t, minicluster.Config{})
	users(c, 50)
	c.SetFault(func(_, _ int, args [][]byte) *minicluster.Fault {
		if string(args[0]) == "TTL" && string(args[1]) == "user:7" {
			return &minicluster.Fault{Before: func() { c.Delete("user:7") }}
		}
		return nil
	})
	got := readAll(hashes(t, rdb, userSchema+",_ttl:ttl", iterator.Config{}))
	require.NoError(t, got.err)
	assert.Len(t, got.rows, 49)
	assert.EqualValues(t, 1, got.stats.Vanished)
}

// Replies that contradict each other for ever end the scan with an error.
func TestRepliesThatContradict(t *testing.T) {
	c, rdb := fake(t, minicluster.Config{})
	users(c, 5)
	c.SetFault(onceFor("TTL", -1, minicluster.Fault{Raw: []byte(":-2\r\n")}))
	got := readAll(hashes(t, rdb, userSchema+",_ttl:ttl", iterator.Config{}))
	require.ErrorContains(t, got.err, "contradicted each other")
	assert.Empty(t, got.rows)
}

// What isn't the reply that a command has is never taken for data.
func TestMalformedReplies(t *testing.T) {
	t.Parallel()
	all := map[string][]string{
		"SCAN":                    {"+OK\r\n", ":1\r\n", "*3\r\n:1\r\n:2\r\n:3\r\n", "*2\r\n$1\r\nx\r\n*0\r\n", "*2\r\n$1\r\n0\r\n$1\r\nx\r\n", "*2\r\n$1\r\n0\r\n*1\r\n$-1\r\n", "%1\r\n"},
		listsSlot:                 {"+OK\r\n", ":1\r\n", "$1\r\nx\r\n", "*-1\r\n", "*1\r\n:1\r\n", "*1\r\n$-1\r\n", "*1\r\n*0\r\n", "*2\r\n$1\r\nx\r\n", "%1\r\n"},
		"CLUSTER COUNTKEYSINSLOT": {"+OK\r\n", ":-1\r\n", "$1\r\n1\r\n", "*0\r\n"},
		"EXEC":                    {"+OK\r\n", ":2\r\n", "*0\r\n", "*-1\r\n", "*2\r\n:1\r\n:1\r\n", "$1\r\nx\r\n"},
		"HMGET":                   {"+OK\r\n", ":1\r\n", "$1\r\nx\r\n", "*1\r\n$1\r\nx\r\n", "*2\r\n:1\r\n:2\r\n", "*-1\r\n", "*2\r\n*0\r\n*0\r\n"},
		"TTL":                     {"+OK\r\n", "$1\r\n1\r\n", "*0\r\n"},
	}
	inEachWay(t, func(t *testing.T, way fakeWay) {
		commands := []string{way.command, "EXEC", "HMGET", "TTL"}
		if way.command == listsSlot {
			commands = append(commands, "CLUSTER COUNTKEYSINSLOT")
		}
		for _, command := range commands {
			for _, raw := range all[command] {
				t.Run(fmt.Sprintf("%s %q", command, raw), func(t *testing.T) {
					t.Parallel()
					c, rdb := fake(t, way.server(minicluster.Config{}))
					want := users(c, 20)
					for i := range want {
						want[i] += "|-1"
					}
					it := hashes(t, rdb, userSchema+",_ttl:ttl", way.scan(iterator.Config{StallTimeout: 20 * time.Second}))
					c.SetFault(whenExecuted(onceFor(command, 2, minicluster.Fault{Raw: []byte(raw)})))
					got := readAll(it)
					require.NoError(t, got.err, "asked again on a new connection")
					assertRows(t, want, got.rows)

					it = hashes(t, rdb, userSchema+",_ttl:ttl", way.scan(iterator.Config{StallTimeout: 300 * time.Millisecond}))
					c.SetFault(whenExecuted(onceFor(command, -1, minicluster.Fault{Raw: []byte(raw)})))
					got = readAll(it)
					require.ErrorIs(t, got.err, iterator.ErrIncomplete)
					assert.Empty(t, got.rows)
				})
			}
		}
	})
}

// What may not be is said at once, with node and command.
func TestDeniedInMidScan(t *testing.T) {
	for _, command := range []string{"hmget", "ttl", "cluster|nodes"} {
		t.Run(command, func(t *testing.T) {
			c, err := minicluster.Start(minicluster.Config{Users: map[string]minicluster.User{"app": {Password: "geheim", Deny: []string{command}}}})
			require.NoError(t, err)
			t.Cleanup(c.Close)
			users(c, 100)
			rdb := fakeClient(t, c, func(o *redis.ClusterOptions) { o.Username, o.Password = "app", "geheim" })
			requireDenied(t, c, strings.ToUpper(strings.ReplaceAll(command, "|", " ")), readUsers(t, rdb, iterator.Config{}).err)
		})
	}
}

// readUsers scans users with their TTLs; the constructor may fail.
func readUsers(t *testing.T, rdb redis.UniversalClient, config iterator.Config) result {
	t.Helper()
	s, err := schema.ParseHash(userSchema + ",_ttl:ttl")
	require.NoError(t, err)
	it, err := iterator.NewClusterHashBatchIterator(context.Background(), rdb, s, checked(t, config))
	if err != nil {
		return result{err: err}
	}
	return readAll(it)
}

// requireDenied looks for an error that says which command the user may not run,
// and where.
func requireDenied(t *testing.T, c *minicluster.Cluster, command string, err error) {
	t.Helper()
	var node *iterator.NodeError
	require.ErrorAs(t, err, &node)
	assert.Contains(t, c.Addrs(), node.Addr)
	assert.Equal(t, command, strings.ToUpper(node.Command))
	require.ErrorContains(t, err, "NOPERM")
	require.NotContains(t, err.Error(), "geheim")
	require.NotErrorIs(t, err, iterator.ErrIncomplete)
}

// A login that has expired is renewed once: credentials may have been rotated.
func TestNoAuthInMidScan(t *testing.T) {
	const noAuth = "NOAUTH Authentication required."
	inEachWay(t, func(t *testing.T, way fakeWay) {
		c, rdb := fake(t, way.server(minicluster.Config{}))
		want := users(c, 500)
		open := func() reader { return hashes(t, rdb, userSchema, way.scan(iterator.Config{CountHint: 50})) }
		it := open()
		c.SetFault(onceFor(way.command, 1, minicluster.Fault{Error: noAuth}))
		got := readAll(it)
		require.NoError(t, got.err)
		assertRows(t, want, got.rows)

		// In the midst of a page, and for all that is in flight on the connection.
		it = open()
		var fetches, loggedOut atomic.Int64
		c.SetFault(func(_, conn int, args [][]byte) *minicluster.Fault {
			if string(args[0]) == "HMGET" && fetches.Add(1) == 100 {
				loggedOut.Store(int64(conn))
			}
			if loggedOut.Load() == int64(conn) {
				return &minicluster.Fault{Error: noAuth}
			}
			return nil
		})
		got = readAll(it)
		require.NoError(t, got.err)
		assertRows(t, want, got.rows)

		for _, command := range []string{way.command, "MULTI", "EXEC", "HMGET"} {
			it = open()
			c.SetFault(whenExecuted(onceFor(command, -1, minicluster.Fault{Error: noAuth})))
			got = readAll(it)
			require.ErrorContains(t, got.err, "NOAUTH", command)
			require.NotErrorIs(t, got.err, iterator.ErrIncomplete)
		}
	})
}

// However often the connection breaks before a fetch is answered, no more
// pages are asked for than may wait.
func TestPagesDontPileUp(t *testing.T) {
	t.Parallel()
	inEachWay(t, func(t *testing.T, way fakeWay) {
		c, rdb := fake(t, way.server(minicluster.Config{}))
		users(c, 5000)
		it := hashes(t, rdb, userSchema, way.scan(iterator.Config{CountHint: 20, StallTimeout: 600 * time.Millisecond}))
		var mu sync.Mutex
		var pages, most int // that were listed since a pass began
		c.SetFault(func(_, _ int, args [][]byte) *minicluster.Fault {
			mu.Lock()
			defer mu.Unlock()
			switch {
			case string(args[0]) == "HMGET":
				return &minicluster.Fault{Close: minicluster.CloseBefore}
			case sends(args, "SCAN 0"), sends(args, "CLUSTER COUNTKEYSINSLOT"):
				pages = 1
			case string(args[0]) == "EXEC":
				pages++
				most = max(most, pages)
			}
			return nil
		})
		got := readAll(it)
		require.ErrorIs(t, got.err, iterator.ErrIncomplete)
		assert.Empty(t, got.rows)
		if way.enumerate == iterator.PlainScan { // the others don't begin each pass in the same way
			// Three pages, and what was on its way when a connection broke.
			assert.LessOrEqual(t, most, 2*4)
		}
		assert.Less(t, got.stats.Scanned, int64(5000), "in all passes")
	})
}

func TestUnknownErrorReply(t *testing.T) {
	c, rdb := fake(t, minicluster.Config{})
	users(c, 50)
	c.SetFault(onceFor("HMGET", 1, minicluster.Fault{Error: "ERR something else"}))
	got := readAll(hashes(t, rdb, userSchema, iterator.Config{}))
	var node *iterator.NodeError
	require.ErrorAs(t, got.err, &node)
	assert.Equal(t, "HMGET", node.Command)
	require.ErrorContains(t, got.err, "ERR something else")
}
