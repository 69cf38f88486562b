package iterator_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/testcluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fillReal writes n hashes prefix+i and returns the sorted keys.
func fillReal(t testing.TB, rdb *redis.ClusterClient, prefix string, n int) []string {
	t.Helper()
	ctx := context.Background()
	keys := make([]string, n)
	for start := 0; start < n; start += 1000 {
		_, err := rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i := start; i < min(start+1000, n); i++ {
				keys[i] = fmt.Sprint(prefix, i)
				p.HSet(ctx, keys[i], "name", fmt.Sprint("User", i), "age", i)
			}
			return nil
		})
		require.NoError(t, err)
	}
	slices.Sort(keys)
	return keys
}

func deleteReal(t testing.TB, rdb *redis.ClusterClient, keys []string) {
	t.Helper()
	ctx := context.Background()
	for chunk := range slices.Chunk(keys, 1000) {
		_, err := rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, key := range chunk {
				p.Del(ctx, key)
			}
			return nil
		})
		require.NoError(t, err)
	}
}

// disturbed reads all keys and calls disturb after the first batch. What an
// observer is told meanwhile adds up.
func disturbed(t *testing.T, rdb redis.UniversalClient, config iterator.Config, disturb func()) result {
	t.Helper()
	w, config := watch(t, config)
	it := hashes(t, rdb, "_key:key", config)
	defer it.Release()
	var out result
	for it.Next() {
		if out.rows == nil {
			disturb()
		}
		out.sizes = append(out.sizes, it.RecordBatch().NumRows())
		out.rows = append(out.rows, cells(it.RecordBatch())...)
	}
	slices.Sort(out.rows)
	out.err, out.stats = it.Err(), it.Stats()
	w.assertSums(out)
	return out
}

// waysOf are the ways in which a server can be enumerated.
func waysOf(server testcluster.Server) []iterator.Enumeration {
	ways := []iterator.Enumeration{iterator.KeysInSlot, iterator.PlainScan}
	if server.Valkey || server.AtLeast(7, 4) {
		ways = append(ways, iterator.SlotScan)
	}
	if server.Valkey && server.AtLeast(9, 1) {
		ways = append(ways, iterator.ClusterScan)
	}
	return ways
}

// What a real cluster does during a scan is mended: each key has its row, once,
// whatever way it is enumerated in.
func TestRealDisturbances(t *testing.T) {
	t.Parallel()
	testcluster.Each(t, func(t *testing.T, server testcluster.Server) {
		t.Parallel()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		defer cancel()
		c := testcluster.Start(t, testcluster.Config{Server: server, Replicas: 1, AllowGaps: true})
		rdb := c.Client(t)
		keys := fillReal(t, rdb, "user:", 20_000)
		const slot = 15039 // of user:4, on the third master, which is scanned last
		master := 2        // which that is, also after failovers
		for _, way := range waysOf(server) {
			t.Run(way.String(), func(t *testing.T) {
				config := iterator.Config{BatchSize: 500, CountHint: 200, Enumerate: way, StallTimeout: 10 * time.Second}
				whole := func(t *testing.T, disturb func()) iterator.Stats {
					t.Helper()
					got := disturbed(t, rdb, config, disturb)
					require.NoError(t, got.err)
					assertRows(t, keys, got.rows)
					return got.stats
				}
				assertProgress(t, hashes(t, rdb, "_key:key", config), len(keys))
				quiet := whole(t, func() {})
				assert.Zero(t, quiet.Reread)
				for _, n := range quiet.Nodes {
					assert.Equal(t, []iterator.Enumeration{way}, n.Enumerations)
					assert.False(t, n.Unguarded)
				}
				t.Run("slot moved", func(t *testing.T) {
					whole(t, func() { require.NoError(t, c.MigrateSlot(ctx, slot, 0)) })
					require.NoError(t, c.MigrateSlot(ctx, slot, master))
				})
				t.Run("slot moved there and back", func(t *testing.T) {
					whole(t, func() {
						require.NoError(t, c.MigrateSlot(ctx, slot, 0))
						require.NoError(t, c.MigrateSlot(ctx, slot, master))
					})
				})
				t.Run("M10 migration open", func(t *testing.T) {
					require.NoError(t, c.OpenMigration(ctx, slot, 0))
					_, err := c.MoveKeys(ctx, slot, 1)
					require.NoError(t, err)
					whole(t, func() {})

					strict := config
					strict.Strict, strict.StallTimeout = true, 500*time.Millisecond
					got := disturbed(t, rdb, strict, func() {})
					missing := incomplete(t, got.err)
					assert.Equal(t, fmt.Sprint(slot), missing.String())
					require.ErrorContains(t, got.err, "open migration")
					closeMigration(t, c, slot)
					require.NoError(t, c.MigrateSlot(ctx, slot, master))
				})
				t.Run("migration opened in mid-scan", func(t *testing.T) {
					whole(t, func() {
						require.NoError(t, c.OpenMigration(ctx, slot, 0))
						_, err := c.MoveKeys(ctx, slot, 1)
						require.NoError(t, err)
					})
					closeMigration(t, c, slot)
					require.NoError(t, c.MigrateSlot(ctx, slot, master))
				})
				// Nobody votes twice about a shard within a few seconds: a takeover needs no votes.
				t.Run("failover", func(t *testing.T) {
					replica := replicaOf(t, c, master)
					stats := whole(t, func() { require.NoError(t, c.Failover(ctx, replica, testcluster.Takeover)) })
					t.Logf("%d slots read again", stats.Reread)
					require.NoError(t, c.WaitOK(ctx), "the master of before is in step")
					require.NoError(t, c.Failover(ctx, master, testcluster.Takeover))
				})
			})
		}
	})
}

// Slots that are moved in one step, and are listed at their target while they are
// on the way: GETKEYSINSLOT shows there what SCAN hides.
func TestRealAtomicMigration(t *testing.T) {
	t.Parallel()
	const name = "valkey-9.1"
	server := testcluster.Find(t, name)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	c := testcluster.Start(t, testcluster.Config{Server: server, AllowGaps: true})
	rdb := c.Client(t)
	keys := fillReal(t, rdb, "user:", 20_000)
	to := 0
	for _, way := range waysOf(server) {
		t.Run(way.String(), func(t *testing.T) {
			config := iterator.Config{BatchSize: 200, CountHint: 200, Enumerate: way, StallTimeout: 10 * time.Second}
			moving := make(chan error, 1)
			got := disturbed(t, rdb, config, func() {
				go func() { moving <- c.AtomicMigrate(ctx, 11000, 12000, to) }()
				time.Sleep(20 * time.Millisecond)
			})
			require.NoError(t, <-moving)
			require.NoError(t, got.err)
			assertRows(t, keys, got.rows)
			to = 2 - to // there, and back for the next
		})
	}
}

// closeMigration moves what is left and gives the slot away.
func closeMigration(t *testing.T, c *testcluster.Cluster, slot int) {
	t.Helper()
	_, err := c.MoveKeys(context.Background(), slot, 1_000_000)
	require.NoError(t, err)
	require.NoError(t, c.CloseMigration(context.Background(), slot))
}

// replicaOf is the index of a replica of master i.
func replicaOf(t *testing.T, c *testcluster.Cluster, i int) int {
	t.Helper()
	for _, n := range c.Nodes() {
		if n.Replica && n.Master == i {
			return n.Index
		}
	}
	t.Fatalf("master %d has no replica", i)
	return 0
}

func TestRealLosses(t *testing.T) {
	t.Parallel()
	testcluster.Each(t, func(t *testing.T, server testcluster.Server) {
		t.Parallel()
		ctx := context.Background()
		c := testcluster.Start(t, testcluster.Config{Server: server, AllowGaps: true, NodeTimeout: time.Minute})
		rdb := c.Client(t)
		keys := fillReal(t, rdb, "user:", 20_000)
		config := iterator.Config{BatchSize: 500, CountHint: 200, StallTimeout: 500 * time.Millisecond}

		t.Run("idle connection closed by the server", func(t *testing.T) {
			for i := range 3 {
				require.NoError(t, c.NodeClient(i).ConfigSet(ctx, "timeout", "1").Err())
			}
			got := disturbed(t, rdb, config, func() { time.Sleep(2500 * time.Millisecond) })
			require.NoError(t, got.err)
			assertRows(t, keys, got.rows)
			assert.Positive(t, got.stats.Retries, "the server has not closed the connection: the test shows nothing")
			for i := range 3 {
				require.NoError(t, c.NodeClient(i).ConfigSet(ctx, "timeout", "0").Err())
			}
		})
		t.Run("server stalls", func(t *testing.T) {
			got := disturbed(t, rdb, config, func() { require.NoError(t, c.Pause(2)) })
			missing := incomplete(t, got.err)
			// As long as nobody says that it has failed, it may have the others'
			// slots for all that is known.
			third, err := cluster.ParseRanges("10923-16383")
			require.NoError(t, err)
			assert.Equal(t, third, missing.Intersect(third))
			require.ErrorContains(t, got.err, c.Addrs()[2])
			assertUnique(t, got.rows)
			require.NoError(t, c.Resume(2))
		})
		t.Run("server stalls for a while", func(t *testing.T) {
			patient := config
			patient.StallTimeout = 20 * time.Second
			got := disturbed(t, rdb, patient, func() {
				require.NoError(t, c.Pause(2))
				time.AfterFunc(time.Second, func() { assert.NoError(t, c.Resume(2)) })
			})
			require.NoError(t, got.err)
			assertRows(t, keys, got.rows)
		})
		t.Run("N cancelled while the server stalls", func(t *testing.T) {
			best := time.Hour
			for range 3 {
				scanCtx, cancel := context.WithCancel(ctx)
				s, err := schema.ParseHash("_key:key")
				require.NoError(t, err)
				it, err := iterator.NewClusterHashBatchIterator(scanCtx, rdb, s, checked(t, iterator.Config{StallTimeout: time.Minute, BatchSize: 100}))
				require.NoError(t, err)
				require.True(t, it.Next())
				require.NoError(t, c.Pause(0))
				var cancelled time.Time
				time.AfterFunc(200*time.Millisecond, func() { cancelled = time.Now(); cancel() })
				for it.Next() {
				}
				require.ErrorIs(t, it.Err(), context.Canceled)
				it.Release()
				best = min(best, time.Since(cancelled))
				require.NoError(t, c.Resume(0))
			}
			assert.Less(t, best, 100*time.Millisecond)
		})
		t.Run("killed", func(t *testing.T) {
			got := disturbed(t, rdb, config, func() { require.NoError(t, c.Kill(1)) })
			missing := incomplete(t, got.err)
			second, err := cluster.ParseRanges("5461-10922")
			require.NoError(t, err)
			assert.Equal(t, second, missing.Intersect(second))
			require.ErrorContains(t, got.err, c.Addrs()[1])
			assertUnique(t, got.rows)
			require.NoError(t, c.Restart(ctx, 1))
			require.NoError(t, c.WaitOK(ctx))
		})
		t.Run("restarted", func(t *testing.T) {
			// Its keys are gone with it, so they don't exist to the end; those of
			// the others do.
			patient := config
			patient.StallTimeout = 20 * time.Second // it says for a while that the cluster is down
			got := disturbed(t, rdb, patient, func() { require.NoError(t, c.Restart(ctx, 0)) })
			require.NoError(t, got.err)
			assertUnique(t, got.rows)
			others := slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return cluster.Slot([]byte(key)) <= 10922 })
			kept := slices.DeleteFunc(got.rows, func(key string) bool { return cluster.Slot([]byte(key)) <= 10922 })
			assertRows(t, others, kept)
		})
		t.Run("M11 slot without owner", func(t *testing.T) {
			require.NoError(t, c.WaitOK(ctx))
			require.NoError(t, c.DelSlots(ctx, 7, 9))
			got := disturbed(t, rdb, config, func() {})
			missing := incomplete(t, got.err)
			assert.Equal(t, "7,9", missing.String())
			assert.Empty(t, got.rows)

			allowing := config
			allowing.AllowIncomplete = true
			it := hashes(t, rdb, "_key:key", allowing)
			defer it.Release()
			rows := int64(0)
			for it.Next() {
				rows += it.RecordBatch().NumRows()
			}
			require.NoError(t, it.Err())
			assert.Positive(t, rows)
			require.NotNil(t, it.Missing())
			assert.Equal(t, "7,9", it.Missing().Slots.String())
			require.NoError(t, c.AddSlots(ctx, 0, 7, 9))
		})
	})
}

// The servers' own tables, shrinking by 95 % in mid-scan: no key twice, and
// each that stays once.
func TestRealShrinkingTable(t *testing.T) {
	t.Parallel()
	testcluster.Each(t, func(t *testing.T, server testcluster.Server) {
		t.Parallel()
		c := testcluster.Start(t, testcluster.Config{Server: server})
		rdb := c.Client(t)
		var repeats int64
		for _, prefix := range []string{"shrink:", "{user:3}shrink:"} { // over all slots, and within one
			stay := fillReal(t, rdb, prefix+"stay:", 2000)
			gone := fillReal(t, rdb, prefix+"gone:", 40_000)
			it := hashes(t, rdb, "_key:key", iterator.Config{Pattern: prefix + "*", CountHint: 50, BatchSize: 1000})
			var rows []string
			for it.Next() {
				rows = append(rows, cells(it.RecordBatch())...)
				if gone != nil && len(rows) > 3000 {
					deleteReal(t, rdb, gone)
					gone = nil
				}
				time.Sleep(5 * time.Millisecond) // servers shrink tables in their own time
			}
			require.NoError(t, it.Err())
			repeats += it.Stats().Duplicates
			it.Release()
			assertUnique(t, rows)
			kept := slices.DeleteFunc(rows, func(key string) bool { _, found := slices.BinarySearch(stay, key); return !found })
			assertRows(t, stay, kept)
			deleteReal(t, rdb, stay)
		}
		t.Logf("%s returned %d keys again", server.Name, repeats)
	})
}
