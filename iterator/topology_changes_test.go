package iterator_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Slots that move while they are read: redirects are followed key by key, and
// the slots read again from who has them now.
func TestMovedDuringScan(t *testing.T) {
	t.Parallel()
	inEachWay(t, func(t *testing.T, way fakeWay) {
		c, rdb := fake(t, way.server(minicluster.Config{}))
		want := users(c, 1000)
		const slot = 2648 // of user:3, on node 0
		c.SetFault(func(node, _ int, args [][]byte) *minicluster.Fault {
			if node == 0 && sends(args, "HMGET user:3") {
				return &minicluster.Fault{Before: sync.OnceFunc(func() { c.MoveSlot(1, slot) })}
			}
			return nil
		})
		got := readAll(hashes(t, rdb, userSchema, way.scan(iterator.Config{})))
		require.NoError(t, got.err)
		assertRows(t, want, got.rows)
		assert.Positive(t, got.stats.Redirects)
		assert.Positive(t, got.stats.Reread)
	})
}

// A migration that is open: its slot is read at both ends, but not if that isn't
// enough for the user.
func TestMigrationOpen(t *testing.T) {
	t.Parallel()
	const slot = 2648
	inEachWay(t, func(t *testing.T, way fakeWay) {
		for _, strict := range []bool{false, true} {
			for name, when := range map[string]string{"M10 before the scan": "", "M10 between list and fetch": "HMGET user:3"} {
				t.Run(fmt.Sprint(name, ", strict ", strict), func(t *testing.T) {
					t.Parallel()
					c, rdb := fake(t, way.server(minicluster.Config{}))
					want := users(c, 1000)
					open := sync.OnceFunc(func() {
						assert.NoError(t, c.OpenMigration(slot, 2))
						c.MoveKeys(0, 2, "user:3")
					})
					config := way.scan(iterator.Config{Strict: strict, StallTimeout: 20 * time.Second})
					if strict {
						config.StallTimeout = time.Second
					}
					if when == "" {
						open()
					} else {
						c.SetFault(func(node, _ int, args [][]byte) *minicluster.Fault {
							if node == 0 && sends(args, when) {
								return &minicluster.Fault{Before: open}
							}
							return nil
						})
					}
					got := readAll(hashes(t, rdb, userSchema, config))
					if when != "" {
						assert.Positive(t, got.stats.Redirects)
					}
					if !strict {
						require.NoError(t, got.err)
						assertRows(t, want, got.rows)
						return
					}
					assert.Equal(t, fmt.Sprint(slot), incomplete(t, got.err).String())
					require.ErrorContains(t, got.err, "open migration")
					if when == "" {
						assert.NotContains(t, got.rows, "user:3|User3|23", "the target shows it, but doesn't own it")
						want = notOf(want, fmt.Sprint(slot))
					}
					assertRows(t, want, got.rows)
				})
			}
		}
	})
}

// nil behind ASK isn't yet vanished: the migration may have been rolled back.
func TestMigrationRolledBackBehindASK(t *testing.T) {
	inEachWay(t, func(t *testing.T, way fakeWay) {
		c, rdb := fake(t, way.server(minicluster.Config{}))
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
		got := readAll(hashes(t, rdb, userSchema, way.scan(iterator.Config{})))
		require.NoError(t, got.err)
		assertRows(t, want, got.rows)
		assert.Zero(t, got.stats.Vanished)
	})
}

// Keys that lie on a node that doesn't own their slot are nobody's: no client
// that follows redirects can read them.
func TestOrphans(t *testing.T) {
	t.Parallel()
	inEachWay(t, func(t *testing.T, way fakeWay) {
		c, rdb := fake(t, way.server(minicluster.Config{}))
		want := users(c, 300)
		c.MoveKeys(0, 1, "user:3")
		want = slices.DeleteFunc(want, func(row string) bool { return strings.HasPrefix(row, "user:3|") })
		got := readAll(hashes(t, rdb, userSchema, way.scan(iterator.Config{})))
		require.NoError(t, got.err)
		assertRows(t, want, got.rows)
		if way.enumerate == iterator.PlainScan { // the others don't come by
			assert.EqualValues(t, 1, got.stats.Foreign)
		}
	})
}

func TestSlotsWithoutOwner(t *testing.T) {
	t.Parallel()
	for name, partial := range map[string]bool{"M11 partial coverage": true, "M11 full coverage": false} {
		t.Run(name, func(t *testing.T) {
			c, rdb := fake(t, minicluster.Config{PartialCoverage: partial})
			users(c, 100)
			c.Unassign(7, 8, 100)
			got := readAll(hashes(t, rdb, userSchema, iterator.Config{StallTimeout: time.Second}))
			assert.Equal(t, "7-8,100", incomplete(t, got.err).String())
			assert.Empty(t, got.rows, "said before the first row")
			require.ErrorContains(t, got.err, "no master owned the slot")
		})
	}
}

// A master that is dead, and that nobody has marked so: it may be one that others
// can't reach, with other keys than its replacement, so nothing of what was read
// can be promised that wasn't settled before. In the end the slots are named, with
// the node.
func TestMasterDies(t *testing.T) {
	t.Parallel()
	inEachWay(t, func(t *testing.T, way fakeWay) {
		c, rdb := fake(t, way.server(minicluster.Config{}))
		want := users(c, 3000)
		it := hashes(t, rdb, userSchema, way.scan(iterator.Config{BatchSize: 100, StallTimeout: 500 * time.Millisecond}))
		defer it.Release()
		require.True(t, it.Next())
		rows := cells(it.RecordBatch())
		c.Kill(2)
		for it.Next() {
			rows = append(rows, cells(it.RecordBatch())...)
		}
		missing := incomplete(t, it.Err())
		requireLost(t, "10923-16383", missing)
		require.ErrorContains(t, it.Err(), c.Addrs()[2])
		slices.Sort(rows)
		assertUnique(t, rows)
		assertRows(t, notOf(want, missing.String()), notOf(rows, missing.String()))
	})
}

// The same, and it comes back; or the others mark it as failed, and then its
// slots alone are missing.
func TestMasterDiesForAWhile(t *testing.T) {
	t.Parallel()
	inEachWay(t, func(t *testing.T, way fakeWay) {
		for _, back := range []bool{true, false} {
			t.Run(fmt.Sprint("it comes back ", back), func(t *testing.T) {
				c, rdb := fake(t, way.server(minicluster.Config{PartialCoverage: true}))
				want := users(c, 3000)
				config := iterator.Config{BatchSize: 100, StallTimeout: 20 * time.Second}
				if !back {
					config.StallTimeout = 1500 * time.Millisecond
				}
				it := hashes(t, rdb, userSchema, way.scan(config))
				defer it.Release()
				require.True(t, it.Next())
				rows := cells(it.RecordBatch())
				c.Kill(2)
				then := time.AfterFunc(300*time.Millisecond, func() {
					if back {
						assert.NoError(t, c.Restart(2))
					} else {
						c.SetFailed(2, true)
					}
				})
				defer then.Stop()
				for it.Next() {
					rows = append(rows, cells(it.RecordBatch())...)
				}
				slices.Sort(rows)
				if back {
					require.NoError(t, it.Err())
					assertRows(t, want, rows)
					return
				}
				assert.Equal(t, "10923-16383", incomplete(t, it.Err()).String())
				require.ErrorContains(t, it.Err(), c.Addrs()[2])
				assertUnique(t, rows)
				assertRows(t, notOf(want, "10923-16383"), notOf(rows, "10923-16383"))
			})
		}
	})
}

// A replica takes over: what the old master had under way is read again.
func TestFailoverDuringScan(t *testing.T) {
	t.Parallel()
	inEachWay(t, func(t *testing.T, way fakeWay) {
		for _, kill := range []bool{false, true} {
			t.Run(fmt.Sprint("the old one dies ", kill), func(t *testing.T) {
				c, rdb := fake(t, way.server(minicluster.Config{Replicas: 1}))
				want := users(c, 3000)
				failover := sync.OnceFunc(func() {
					assert.NoError(t, c.Failover(4))
					if kill {
						c.SetFailed(1, true)
						c.Kill(1)
					}
				})
				var fetches atomic.Int64
				c.SetFault(func(node, _ int, args [][]byte) *minicluster.Fault {
					if node == 1 && string(args[0]) == "HMGET" && fetches.Add(1) == 300 {
						return &minicluster.Fault{Before: failover}
					}
					return nil
				})
				got := readAll(hashes(t, rdb, userSchema, way.scan(iterator.Config{CountHint: 100, StallTimeout: 20 * time.Second})))
				require.NoError(t, got.err)
				assertRows(t, want, got.rows)
				assert.Positive(t, got.stats.Reread)
			})
		}
	})
}

// A master that was cut off and replaced goes on answering, with the keys of
// before.
func TestReplacedMasterGoesOn(t *testing.T) {
	t.Parallel()
	inEachWay(t, func(t *testing.T, way fakeWay) {
		for _, when := range []string{"before the scan", "during the scan"} {
			t.Run(when, func(t *testing.T) {
				c, rdb := fake(t, way.server(minicluster.Config{Replicas: 1}))
				want := users(c, 2000)
				part := sync.OnceFunc(func() {
					c.Isolate(1)
					assert.NoError(t, c.Failover(4))
					c.SetHash("user:1", "name", "written to the new one", "age", "1") // user:1 is in one of its slots
					c.SetHash("user:new", "name", "x", "age", "1")
				})
				if when == "before the scan" {
					part()
				} else {
					var fetches atomic.Int64
					c.SetFault(func(node, _ int, args [][]byte) *minicluster.Fault {
						if node == 1 && string(args[0]) == "HMGET" && fetches.Add(1) == 200 {
							return &minicluster.Fault{Before: part}
						}
						return nil
					})
				}
				back := time.AfterFunc(700*time.Millisecond, func() { c.Rejoin(1) })
				defer back.Stop()
				got := readAll(hashes(t, rdb, userSchema, way.scan(iterator.Config{CountHint: 50, StallTimeout: 20 * time.Second})))
				require.NoError(t, got.err)
				keys := func(rows []string) (keys []string) {
					for _, row := range rows {
						if key, _, _ := strings.Cut(row, "|"); key != "user:new" {
							keys = append(keys, key)
						}
					}
					return keys
				}
				assertRows(t, keys(want), keys(got.rows))
				if when == "before the scan" {
					assert.Contains(t, got.rows, "user:1|written to the new one|1")
				}
			})
		}
	})
}

// Slots that move away and come back within a pass look the same before and
// after, but for the epoch.
func TestMovedThereAndBack(t *testing.T) {
	t.Parallel()
	inEachWay(t, func(t *testing.T, way fakeWay) {
		c, rdb := fake(t, way.server(minicluster.Config{}))
		want := users(c, 1000)
		var once sync.Once
		c.SetFault(func(node, _ int, args [][]byte) *minicluster.Fault {
			if node == 0 && way.lists(args) {
				once.Do(func() { c.MoveSlot(1, 2648); c.MoveSlot(0, 2648) })
			}
			return nil
		})
		got := readAll(hashes(t, rdb, userSchema, way.scan(iterator.Config{})))
		require.NoError(t, got.err)
		assertRows(t, want, got.rows)
		assert.Positive(t, got.stats.Reread)
	})
}

// A master comes, takes slots, and they are read there.
func TestMasterAddedDuringScan(t *testing.T) {
	t.Parallel()
	inEachWay(t, func(t *testing.T, way fakeWay) {
		c, rdb := fake(t, way.server(minicluster.Config{}))
		want := users(c, 2000)
		grow := sync.OnceFunc(func() {
			added, err := c.AddMaster()
			if assert.NoError(t, err) {
				for slot := 0; slot < minicluster.Slots; slot += 5 {
					c.MoveSlot(added, slot)
				}
			}
		})
		var fetches atomic.Int64
		c.SetFault(func(_, _ int, args [][]byte) *minicluster.Fault {
			if string(args[0]) == "HMGET" && fetches.Add(1) == 300 {
				return &minicluster.Fault{Before: grow}
			}
			return nil
		})
		got := readAll(hashes(t, rdb, userSchema, way.scan(iterator.Config{CountHint: 50, StallTimeout: 20 * time.Second})))
		require.NoError(t, got.err)
		assertRows(t, want, got.rows)
		assert.Len(t, got.stats.Nodes, 4)
	})
}
