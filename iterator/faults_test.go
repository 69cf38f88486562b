package iterator_test

import (
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
		if !strings.EqualFold(string(args[0]), name) {
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
	for _, command := range []string{"SCAN", "HMGET", "TTL"} {
		for _, reply := range []string{
			"TRYAGAIN Multiple keys request during rehashing of slot", "LOADING Redis is loading the dataset in memory",
			"CLUSTERDOWN The cluster is down", "MASTERDOWN Link with MASTER is down", "BUSY Redis is busy running a script",
		} {
			t.Run(command+" "+reply, func(t *testing.T) {
				c, rdb := fake(t, minicluster.Config{})
				want := users(c, 200)
				for i := range want {
					want[i] += "|-1"
				}
				c.SetFault(onceFor(command, 7, minicluster.Fault{Error: reply}))
				got := readAll(hashes(t, rdb, userSchema+",_ttl:ttl", iterator.Config{CountHint: 10}))
				require.NoError(t, got.err)
				assertRows(t, want, got.rows)
				assert.GreaterOrEqual(t, got.stats.Retries, int64(7))
			})
		}
	}
}

// A trouble that doesn't pass ends in ErrIncomplete, which names the slots.
func TestLastingTrouble(t *testing.T) {
	for _, command := range []string{"SCAN", "HMGET"} {
		t.Run(command, func(t *testing.T) {
			c, rdb := fake(t, minicluster.Config{})
			users(c, 50)
			c.SetFault(func(node, _ int, args [][]byte) *minicluster.Fault {
				if node == 1 && strings.EqualFold(string(args[0]), command) {
					return &minicluster.Fault{Error: "LOADING Redis is loading the dataset in memory"}
				}
				return nil
			})
			got := readAll(hashes(t, rdb, userSchema, iterator.Config{StallTimeout: 100 * time.Millisecond}))
			require.ErrorIs(t, got.err, iterator.ErrIncomplete)
			require.ErrorContains(t, got.err, "LOADING")
			missing := incomplete(t, got.err)
			others, err := cluster.ParseRanges("0-5460,10923-16383")
			require.NoError(t, err)
			both := missing.Intersect(others)
			assert.True(t, both.Empty(), missing.String())
			assertUnique(t, got.rows)
		})
	}
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
	for _, command := range []string{"SCAN", "HMGET", "TTL", "CLUSTER", "INFO"} {
		for _, bytes := range []int{0, 1, 5, 17, 60} {
			t.Run(fmt.Sprint(command, bytes), func(t *testing.T) {
				c, rdb := fake(t, minicluster.Config{})
				want := users(c, 500)
				for i := range want {
					want[i] += "|-1"
				}
				it := hashes(t, rdb, userSchema+",_ttl:ttl", iterator.Config{CountHint: 20, BatchSize: 100})
				var count atomic.Int64
				c.SetFault(func(_, _ int, args [][]byte) *minicluster.Fault {
					if strings.EqualFold(string(args[0]), command) {
						if n := count.Add(1); n%97 == 3 {
							return &minicluster.Fault{Close: minicluster.CloseWithin, CloseBytes: bytes}
						}
					}
					return nil
				})
				got := readAll(it)
				require.NoError(t, got.err)
				assertRows(t, want, got.rows)
				assert.Positive(t, got.stats.Retries)
			})
		}
	}
}

// acceptance M17, another process: its cursors mean nothing.
func TestM17ServerRestarted(t *testing.T) {
	c, rdb := fake(t, minicluster.Config{})
	users(c, 2000)
	var once sync.Once
	c.SetFault(func(node, _ int, args [][]byte) *minicluster.Fault {
		if node == 1 && string(args[0]) == "HMGET" {
			restart := false
			once.Do(func() { restart = true })
			if restart {
				return &minicluster.Fault{Before: func() { assert.NoError(t, c.Restart(1)) }}
			}
		}
		return nil
	})
	got := readAll(hashes(t, rdb, userSchema, iterator.Config{CountHint: 20}))
	assert.Equal(t, "5461-10922", incomplete(t, got.err).String())
	require.ErrorContains(t, got.err, "restarted")
	assertUnique(t, got.rows)
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
	c, rdb := fake(t, minicluster.Config{})
	users(c, 20_000)
	it := hashes(t, rdb, userSchema, iterator.Config{BatchSize: 100, CountHint: 100})
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
}

// Redirects are followed key by key; the slots concerned can't be promised.
func TestMovedDuringScan(t *testing.T) {
	c, rdb := fake(t, minicluster.Config{})
	want := users(c, 1000)
	const slot = 2648 // of user:3, on node 0
	var once sync.Once
	c.SetFault(func(node, _ int, args [][]byte) *minicluster.Fault {
		if node == 0 && string(args[0]) == "HMGET" {
			once.Do(func() { c.MoveSlot(1, slot) })
		}
		return nil
	})
	got := readAll(hashes(t, rdb, userSchema, iterator.Config{}))
	assert.True(t, func() bool { s := incomplete(t, got.err); return s.Has(slot) }())
	assertRows(t, want, got.rows)
	assert.Positive(t, got.stats.Redirects)
	assert.Positive(t, got.stats.Foreign)
}

func TestMigrationOpen(t *testing.T) {
	for name, when := range map[string]string{"M10 before the scan": "", "M10 during the scan": "HMGET"} {
		t.Run(name, func(t *testing.T) {
			c, rdb := fake(t, minicluster.Config{})
			want := users(c, 1000)
			const slot = 2648
			open := func() {
				assert.NoError(t, c.OpenMigration(slot, 2))
				c.MoveKeys(0, 2, "user:3")
			}
			if when == "" {
				open()
				got := readAll(hashes(t, rdb, userSchema, iterator.Config{}))
				assert.Equal(t, "2648", incomplete(t, got.err).String())
				assert.NotContains(t, got.rows, "user:3|User3|23", "the target shows it, but doesn't own it")
				assertUnique(t, got.rows)
				return
			}
			var once sync.Once
			c.SetFault(func(node, _ int, args [][]byte) *minicluster.Fault {
				if node == 0 && string(args[0]) == when {
					once.Do(open)
				}
				return nil
			})
			got := readAll(hashes(t, rdb, userSchema, iterator.Config{}))
			assert.Equal(t, "2648", incomplete(t, got.err).String())
			assertRows(t, want, got.rows)
			assert.Positive(t, got.stats.Redirects)
		})
	}
}

// nil behind ASK isn't yet vanished: the migration may have been rolled back.
func TestMigrationRolledBackBehindASK(t *testing.T) {
	c, rdb := fake(t, minicluster.Config{})
	want := users(c, 300)
	const slot = 2648
	var open, back sync.Once
	c.SetFault(func(node, _ int, args [][]byte) *minicluster.Fault {
		if string(args[0]) != "HMGET" {
			if node == 2 && string(args[0]) == "ASKING" {
				back.Do(func() { assert.NoError(t, c.AbortMigration(slot)) })
			}
			return nil
		}
		if node == 0 {
			open.Do(func() {
				assert.NoError(t, c.OpenMigration(slot, 2))
				c.MoveKeys(0, 2, "user:3")
			})
		}
		return nil
	})
	got := readAll(hashes(t, rdb, userSchema, iterator.Config{}))
	require.ErrorIs(t, got.err, iterator.ErrIncomplete)
	assertRows(t, want, got.rows)
}

// Keys that lie on a node that doesn't own their slot are nobody's: no client
// that follows redirects can read them.
func TestOrphans(t *testing.T) {
	c, rdb := fake(t, minicluster.Config{})
	want := users(c, 300)
	c.MoveKeys(0, 1, "user:3")
	want = slices.DeleteFunc(want, func(row string) bool { return strings.HasPrefix(row, "user:3|") })
	got := readAll(hashes(t, rdb, userSchema, iterator.Config{}))
	require.NoError(t, got.err)
	assertRows(t, want, got.rows)
	assert.EqualValues(t, 1, got.stats.Foreign)
}

func TestSlotsWithoutOwner(t *testing.T) {
	for name, partial := range map[string]bool{"M11 partial coverage": true, "M11 full coverage": false} {
		t.Run(name, func(t *testing.T) {
			c, rdb := fake(t, minicluster.Config{PartialCoverage: partial})
			users(c, 100)
			c.Unassign(7, 8, 100)
			got := readAll(hashes(t, rdb, userSchema, iterator.Config{StallTimeout: 50 * time.Millisecond}))
			assert.Equal(t, "7-8,100", incomplete(t, got.err).String())
			assert.Empty(t, got.rows, "said before the first row")
			require.ErrorContains(t, got.err, "no master owned the slot")
		})
	}
}

func TestMasterDies(t *testing.T) {
	c, rdb := fake(t, minicluster.Config{})
	users(c, 3000)
	it := hashes(t, rdb, userSchema, iterator.Config{BatchSize: 100, StallTimeout: 150 * time.Millisecond})
	defer it.Release()
	require.True(t, it.Next())
	c.Kill(2)
	n := it.RecordBatch().NumRows()
	for it.Next() {
		n += it.RecordBatch().NumRows()
	}
	assert.Equal(t, "10923-16383", incomplete(t, it.Err()).String())
	require.ErrorContains(t, it.Err(), c.Addrs()[2])
	assert.Positive(t, n)
}

func TestFailoverDuringScan(t *testing.T) {
	c, rdb := fake(t, minicluster.Config{Replicas: 1})
	users(c, 3000)
	var once sync.Once
	c.SetFault(func(node, _ int, args [][]byte) *minicluster.Fault {
		if node == 1 && string(args[0]) == "HMGET" {
			once.Do(func() { assert.NoError(t, c.Failover(4)) })
		}
		return nil
	})
	got := readAll(hashes(t, rdb, userSchema, iterator.Config{StallTimeout: 200 * time.Millisecond}))
	missing := incomplete(t, got.err)
	assert.Equal(t, "5461-10922", missing.String())
	assertUnique(t, got.rows)
}

// Slots that move away and come back within a pass look the same before and
// after, but for the epoch.
func TestMovedThereAndBack(t *testing.T) {
	c, rdb := fake(t, minicluster.Config{})
	users(c, 1000)
	var once sync.Once
	c.SetFault(func(node, _ int, args [][]byte) *minicluster.Fault {
		if node == 0 && string(args[0]) == "SCAN" {
			once.Do(func() { c.MoveSlot(1, 2648); c.MoveSlot(0, 2648) })
		}
		return nil
	})
	got := readAll(hashes(t, rdb, userSchema, iterator.Config{}))
	assert.True(t, func() bool { s := incomplete(t, got.err); return s.Has(2648) }())
}

// A table that shrinks by 95 % in mid-scan returns keys again.
func TestShrinkingTable(t *testing.T) {
	for name, tables := range map[string]bool{"one table": false, "a table for each slot": true} {
		t.Run(name, func(t *testing.T) {
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
				it := hashes(t, rdb, "_key:key", iterator.Config{CountHint: 100, BatchSize: 300})
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
	for command, raws := range map[string][]string{
		"SCAN":  {"+OK\r\n", ":1\r\n", "*3\r\n:1\r\n:2\r\n:3\r\n", "*2\r\n$1\r\nx\r\n*0\r\n", "*2\r\n$1\r\n0\r\n$1\r\nx\r\n", "*2\r\n$1\r\n0\r\n*1\r\n$-1\r\n", "%1\r\n"},
		"HMGET": {"+OK\r\n", ":1\r\n", "$1\r\nx\r\n", "*1\r\n$1\r\nx\r\n", "*2\r\n:1\r\n:2\r\n", "*-1\r\n", "*2\r\n*0\r\n*0\r\n"},
		"TTL":   {"+OK\r\n", "$1\r\n1\r\n", "*0\r\n"},
	} {
		for _, raw := range raws {
			t.Run(fmt.Sprintf("%s %q", command, raw), func(t *testing.T) {
				c, rdb := fake(t, minicluster.Config{})
				want := users(c, 20)
				for i := range want {
					want[i] += "|-1"
				}
				it := hashes(t, rdb, userSchema+",_ttl:ttl", iterator.Config{StallTimeout: 100 * time.Millisecond})
				c.SetFault(onceFor(command, 2, minicluster.Fault{Raw: []byte(raw)}))
				got := readAll(it)
				require.NoError(t, got.err, "asked again on a new connection")
				assertRows(t, want, got.rows)

				it = hashes(t, rdb, userSchema+",_ttl:ttl", iterator.Config{StallTimeout: 50 * time.Millisecond})
				c.SetFault(onceFor(command, -1, minicluster.Fault{Raw: []byte(raw)}))
				got = readAll(it)
				require.ErrorIs(t, got.err, iterator.ErrIncomplete)
				assert.Empty(t, got.rows)
			})
		}
	}
}

// What may not be is said at once, with node and command.
func TestDeniedInMidScan(t *testing.T) {
	for _, command := range []string{"scan", "hmget", "ttl", "cluster|nodes"} {
		t.Run(command, func(t *testing.T) {
			c, err := minicluster.Start(minicluster.Config{Users: map[string]minicluster.User{"app": {Password: "geheim", Deny: []string{command}}}})
			require.NoError(t, err)
			t.Cleanup(c.Close)
			users(c, 100)
			rdb := fakeClient(t, c, func(o *redis.ClusterOptions) { o.Username, o.Password = "app", "geheim" })
			s, err := schema.ParseHash(userSchema + ",_ttl:ttl")
			require.NoError(t, err)
			it, err := iterator.NewClusterHashBatchIterator(context.Background(), rdb, s, checked(t, iterator.Config{}))
			if err == nil {
				err = readAll(it).err
			}
			var node *iterator.NodeError
			require.ErrorAs(t, err, &node)
			assert.Contains(t, c.Addrs(), node.Addr)
			require.ErrorContains(t, err, "NOPERM")
			require.ErrorContains(t, err, strings.ToUpper(strings.ReplaceAll(command, "|", " ")))
			require.NotContains(t, err.Error(), "geheim")
			require.NotErrorIs(t, err, iterator.ErrIncomplete)
		})
	}
}

// A login that has expired is renewed once: credentials may have been rotated.
func TestNoAuthInMidScan(t *testing.T) {
	c, rdb := fake(t, minicluster.Config{})
	want := users(c, 500)
	it := hashes(t, rdb, userSchema, iterator.Config{CountHint: 50})
	c.SetFault(onceFor("SCAN", 1, minicluster.Fault{Error: "NOAUTH Authentication required."}))
	got := readAll(it)
	require.NoError(t, got.err)
	assertRows(t, want, got.rows)

	// In the midst of a page, and for all that is in flight on the connection.
	it = hashes(t, rdb, userSchema, iterator.Config{CountHint: 50})
	var fetches, loggedOut atomic.Int64
	c.SetFault(func(_, conn int, args [][]byte) *minicluster.Fault {
		if string(args[0]) == "HMGET" && fetches.Add(1) == 100 {
			loggedOut.Store(int64(conn))
		}
		if loggedOut.Load() == int64(conn) {
			return &minicluster.Fault{Error: "NOAUTH Authentication required."}
		}
		return nil
	})
	got = readAll(it)
	require.NoError(t, got.err)
	assertRows(t, want, got.rows)

	it = hashes(t, rdb, userSchema, iterator.Config{CountHint: 50})
	c.SetFault(onceFor("SCAN", -1, minicluster.Fault{Error: "NOAUTH Authentication required."}))
	got = readAll(it)
	require.ErrorContains(t, got.err, "NOAUTH")

	it = hashes(t, rdb, userSchema, iterator.Config{CountHint: 50})
	c.SetFault(onceFor("HMGET", -1, minicluster.Fault{Error: "NOAUTH Authentication required."}))
	got = readAll(it)
	require.ErrorContains(t, got.err, "NOAUTH")
}

// However often the connection breaks before a fetch is answered, no more
// pages are asked for than may wait.
func TestPagesDontPileUp(t *testing.T) {
	c, rdb := fake(t, minicluster.Config{})
	users(c, 5000)
	it := hashes(t, rdb, userSchema, iterator.Config{CountHint: 20, StallTimeout: 300 * time.Millisecond})
	c.SetFault(func(_, _ int, args [][]byte) *minicluster.Fault {
		if string(args[0]) == "HMGET" {
			return &minicluster.Fault{Close: minicluster.CloseBefore}
		}
		return nil
	})
	got := readAll(it)
	require.ErrorIs(t, got.err, iterator.ErrIncomplete)
	assert.Empty(t, got.rows)
	// Three pages a master, and what was on its way when a connection broke.
	assert.LessOrEqual(t, got.stats.Scanned, int64(3*4*40))
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
