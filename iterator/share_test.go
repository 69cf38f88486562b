package iterator_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/internal/testcluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

var partitions = []int{1, 3, 7, 100}

// scanParts scans the sets, some at once, and returns the rows of each.
func scanParts(t *testing.T, rdb redis.UniversalClient, sets []cluster.SlotSet, config iterator.Config) [][]string {
	t.Helper()
	rows := make([][]string, len(sets))
	var scans errgroup.Group
	scans.SetLimit(3)
	for i := range sets {
		config.Slots = sets[i]
		it := hashes(t, rdb, "_key:key", config)
		scans.Go(func() error {
			got := readAll(it)
			rows[i] = got.rows
			return got.err
		})
	}
	require.NoError(t, scans.Wait())
	return rows
}

// requireOnce makes sure that the parts together have each key once.
func requireOnce(t *testing.T, want []string, parts [][]string) {
	t.Helper()
	all := slices.Concat(parts...)
	slices.Sort(all)
	assertRows(t, want, all)
}

// requireEven makes sure that sizes are within 20 % of each other.
func requireEven(t *testing.T, parts [][]string) {
	t.Helper()
	sizes := make([]int, len(parts))
	for i, rows := range parts {
		sizes[i] = len(rows)
	}
	require.LessOrEqual(t, float64(slices.Max(sizes)), 1.2*float64(slices.Min(sizes)), "%v", sizes)
}

// The parts are disjoint and complete, and their rows together those of one scan.
func TestPartitions(t *testing.T) {
	onAny(t, func(t *testing.T, on place) {
		want := fillReal(t, on.admin, "user:", 30_000)
		whole := readAll(hashes(t, on.rdb, "_key:key", iterator.Config{}))
		require.NoError(t, whole.err)
		assertRows(t, want, whole.rows)
		for _, n := range partitions {
			sets, err := cluster.Partition(t.Context(), on.rdb, n)
			require.NoError(t, err)
			parts := scanParts(t, on.rdb, sets, iterator.Config{})
			requireOnce(t, want, parts)
			requireEven(t, parts)

			sets, err = cluster.EvenPartition(n)
			require.NoError(t, err)
			parts = scanParts(t, on.rdb, sets, iterator.Config{Concurrency: iterator.AllMasters})
			requireOnce(t, want, parts)
			if n <= 7 {
				requireEven(t, parts)
			}
		}
	})
}

// In each way of the fake, and with a pattern.
func TestPartitionsInEachWay(t *testing.T) {
	inEachWay(t, func(t *testing.T, way fakeWay) {
		t.Parallel()
		c, rdb := fake(t, way.server(minicluster.Config{}))
		var want []string
		for i := range 3000 {
			key := fmt.Sprint("user:", i)
			c.SetHash(key, "name", "x")
			c.SetHash(fmt.Sprint("other:", i), "name", "x")
			want = append(want, key)
		}
		slices.Sort(want)
		for _, n := range partitions {
			sets, err := cluster.EvenPartition(n)
			require.NoError(t, err)
			requireOnce(t, want, scanParts(t, rdb, sets, way.scan(iterator.Config{Pattern: "user:*", CountHint: 200})))
		}
		// Sets that are no ranges.
		scattered := make([]cluster.SlotSet, 3)
		for slot := range uint16(cluster.Slots) {
			scattered[slot*7%3].Add(slot)
		}
		requireOnce(t, want, scanParts(t, rdb, scattered, way.scan(iterator.Config{Pattern: "user:*"})))
	})
}

// Slots move while the parts are read, one part after another and some at once.
func TestPartitionsWhileSlotsMove(t *testing.T) {
	t.Run("fake", func(t *testing.T) {
		inEachWay(t, func(t *testing.T, way fakeWay) {
			t.Parallel()
			c, rdb := fake(t, way.server(minicluster.Config{}))
			var want []string
			for i := range 3000 {
				want = append(want, fmt.Sprint("user:", i))
				c.SetHash(want[i], "name", "x")
			}
			slices.Sort(want)
			whileMoving(t, func(ctx context.Context, i int) {
				slot := i * 77 % cluster.Slots
				to := (slot*3/cluster.Slots + 1 + i/200%2) % 3
				if c.OpenMigration(slot, to) != nil {
					return // it is there
				}
				time.Sleep(time.Millisecond)
				assert.NoError(t, c.CloseMigration(slot))
			}, func() {
				for _, n := range partitions[:3] {
					sets, err := cluster.Partition(t.Context(), rdb, n)
					require.NoError(t, err)
					requireOnce(t, want, scanParts(t, rdb, sets, way.scan(iterator.Config{CountHint: 100, StallTimeout: 20 * time.Second})))
				}
			})
		})
	})
	testcluster.Each(t, func(t *testing.T, server testcluster.Server) {
		t.Parallel()
		c := testcluster.Start(t, testcluster.Config{Server: server})
		rdb := c.Client(t)
		want := fillReal(t, rdb, "user:", 20_000)
		moved := 0
		whileMoving(t, func(ctx context.Context, i int) {
			slot := i * 77 % cluster.Slots
			to := (slot*3/cluster.Slots + 1) % 3
			if owner, err := c.Owner(ctx, slot); ctx.Err() != nil || assert.NoError(t, err) && owner == to {
				return
			}
			if err := c.MigrateSlot(context.WithoutCancel(ctx), slot, to); assert.NoError(t, err) {
				moved++
			}
		}, func() {
			for _, n := range partitions {
				sets, err := cluster.Partition(t.Context(), rdb, n)
				require.NoError(t, err)
				requireOnce(t, want, scanParts(t, rdb, sets, iterator.Config{StallTimeout: 20 * time.Second}))
			}
		})
		assert.Positive(t, moved)
		t.Log(moved, "slots have moved")
	})
}

// whileMoving calls move again and again until scan returns.
func whileMoving(t *testing.T, move func(ctx context.Context, i int), scan func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var moving sync.WaitGroup
	defer moving.Wait()
	defer cancel()
	moving.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			move(ctx, i)
		}
	})
	scan()
}

// Nobody is asked who has none of the slots, but for what the cluster looks like.
func TestSlotsAskTheirOwnersOnly(t *testing.T) {
	inEachWay(t, func(t *testing.T, way fakeWay) {
		c, rdb := fake(t, way.server(minicluster.Config{}))
		want := users(c, 3000)
		slots, err := cluster.ParseRanges("100-199,5461-5470")
		require.NoError(t, err)
		c.ResetLog()
		got := readAll(hashes(t, rdb, userSchema, way.scan(iterator.Config{Slots: slots})))
		require.NoError(t, got.err)
		assertRows(t, notOf(want, cluster.AllSlots().Minus(slots).String()), got.rows)
		assert.Zero(t, c.Count(2, "SCAN"))
		assert.Zero(t, c.Count(2, "HMGET"))
		switch way.enumerate {
		case iterator.KeysInSlot:
			assert.Equal(t, got.stats.Rows, got.stats.Scanned)
		case iterator.SlotScan:
			assert.Less(t, got.stats.Scanned, got.stats.Rows+250, "a page too far at each end")
		}
	})
}

// SCAN slot by slot goes little further than the slots that are wanted.
func TestScatteredSlots(t *testing.T) {
	c, rdb := fake(t, minicluster.Config{SlotTables: true})
	const each = 50
	var slots cluster.SlotSet
	for i := 0; slots.Len() < 40; i++ {
		tag := fmt.Sprint("{tag", i, "}")
		if slot := cluster.Slot([]byte(tag)); slot < 5461 {
			if i%2 == 0 {
				slots.Add(slot)
			}
			for k := range each {
				c.SetHash(fmt.Sprint(tag, k), "name", "x")
			}
		}
	}
	got := readAll(hashes(t, rdb, "_key:key", iterator.Config{Slots: slots}))
	require.NoError(t, got.err)
	assert.Len(t, got.rows, slots.Len()*each)
	assert.Less(t, got.stats.Scanned, int64(2*len(got.rows)))
}

// Slots that are none of the scan's may lack an owner.
func TestSlotsWithoutOwnerElsewhere(t *testing.T) {
	inEachWay(t, func(t *testing.T, way fakeWay) {
		c, rdb := fake(t, way.server(minicluster.Config{PartialCoverage: true}))
		want := users(c, 3000)
		c.Unassign(0, 5000, 16383)
		slots, err := cluster.ParseRanges("1-4999,6000-6100")
		require.NoError(t, err)
		got := readAll(hashes(t, rdb, userSchema, way.scan(iterator.Config{Slots: slots})))
		require.NoError(t, got.err)
		assertRows(t, notOf(want, cluster.AllSlots().Minus(slots).String()), got.rows)

		slots.Add(5000)
		got = readAll(hashes(t, rdb, userSchema, way.scan(iterator.Config{Slots: slots})))
		requireLost(t, "5000", incomplete(t, got.err))
		assert.Empty(t, got.rows)
	})
}

// A pattern and slots that have nothing in common: no row, and no key is listed.
func TestSlotsWithoutThePatterns(t *testing.T) {
	for name, config := range map[string]minicluster.Config{"cluster": {}, "no cluster": {Standalone: true}} {
		t.Run(name, func(t *testing.T) {
			c, err := minicluster.Start(config)
			require.NoError(t, err)
			t.Cleanup(c.Close)
			rdb, err := cluster.Connect(t.Context(), cluster.Options{URLs: c.URLs()[:1]})
			require.NoError(t, err)
			t.Cleanup(func() { _ = rdb.Close() })
			c.SetHash("{user4}:x", "name", "x")
			all := cluster.AllSlots()
			all.Remove(cluster.Slot([]byte("user4")))
			got := readAll(hashes(t, rdb, "_key:key", iterator.Config{Pattern: "{user4}:*", Slots: all}))
			require.NoError(t, got.err)
			assert.Empty(t, got.rows)
			assert.Zero(t, c.Count(-1, "SCAN"))
			all.Add(cluster.Slot([]byte("user4")))
			got = readAll(hashes(t, rdb, "_key:key", iterator.Config{Pattern: "{user4}:*", Slots: all}))
			require.NoError(t, got.err)
			assert.Equal(t, []string{"{user4}:x"}, got.rows)
		})
	}
}

// A server alone has no slots, but its keys have: they are cut alike.
func TestPartitionsOfSingleServer(t *testing.T) {
	c, err := minicluster.Start(minicluster.Config{Standalone: true})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	rdb := redis.NewClient(&redis.Options{Addr: c.Addrs()[0]})
	t.Cleanup(func() { _ = rdb.Close() })
	var want []string
	for i := range 5000 {
		want = append(want, fmt.Sprint("user:", i))
		c.SetHash(want[i], "name", "x")
	}
	slices.Sort(want)
	for _, n := range partitions {
		sets, err := cluster.Partition(t.Context(), rdb, n)
		require.NoError(t, err)
		parts := scanParts(t, rdb, sets, iterator.Config{})
		requireOnce(t, want, parts)
		if n <= 3 {
			requireEven(t, parts)
		}
	}
}
