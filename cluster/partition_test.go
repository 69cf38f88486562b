package cluster

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/internal/testcluster"
)

var partitions = []int{1, 3, 7, 100}

// requirePartition makes sure that sets are n, disjoint, complete and not empty.
func requirePartition(t testing.TB, n int, sets []SlotSet) {
	t.Helper()
	require.Len(t, sets, n)
	var all SlotSet
	for i := range sets {
		require.False(t, sets[i].Empty(), "set %d", i)
		twice := all.Intersect(sets[i])
		require.True(t, twice.Empty(), "set %d has slots of others: %s", i, twice)
		all = all.Union(sets[i])
		again, err := ParseRanges(sets[i].String())
		require.NoError(t, err)
		require.Equal(t, sets[i], again)
	}
	require.Equal(t, AllSlots(), all)
}

func TestEvenPartition(t *testing.T) {
	for _, n := range []int{1, 2, 3, 7, 100, 1000, Slots - 1, Slots} {
		sets, err := EvenPartition(n)
		require.NoError(t, err)
		requirePartition(t, n, sets)
		for i := range sets {
			require.Len(t, sets[i].Ranges(), 1)
			require.Contains(t, []int{Slots / n, Slots/n + 1}, sets[i].Len())
		}
	}
	for _, n := range []int{-1, 0, Slots + 1} {
		_, err := EvenPartition(n)
		require.ErrorIs(t, err, ErrPartitions)
		require.ErrorContains(t, err, fmt.Sprint(n))
		_, err = Partition(t.Context(), nil, n)
		require.ErrorIs(t, err, ErrPartitions)
	}
}

// Whatever the slots hold, the sets are a partition.
func FuzzCut(f *testing.F) {
	f.Add(uint64(1), uint16(3), uint8(0))
	f.Add(uint64(2), uint16(100), uint8(1))
	f.Add(uint64(3), uint16(Slots-1), uint8(2))
	f.Add(uint64(4), uint16(7), uint8(3))
	f.Fuzz(func(t *testing.T, seed uint64, parts uint16, kind uint8) {
		r := rand.New(rand.NewPCG(seed, 1))
		keys, most := new([Slots]int64), int64(0)
		for slot := range keys {
			switch kind % 4 {
			case 0: // even
				keys[slot] = 100
			case 1: // sparse
				keys[slot] = max(0, r.Int64N(100)-90)
			case 2: // giants
				if r.IntN(100) == 0 {
					keys[slot] = maxCount
				}
			case 3: // growing
				keys[slot] = int64(slot)
			}
			most = max(most, keys[slot])
		}
		slots := make([]uint16, Slots)
		for i, slot := range r.Perm(Slots) {
			slots[i] = uint16(slot)
		}
		n := int(parts) + 1
		if n != Slots { // so many sets take long to be looked at: that is for a seed
			n = (n-1)%300 + 1
		}
		sets := cut(slots, keys, n)
		requirePartition(t, n, sets)
		if kind%4 == 0 {
			for i := range sets {
				require.InDelta(t, Slots/n, sets[i].Len(), 1)
			}
		}
	})
}

// keysIn are the sums of keys in the sets.
func keysIn(sets []SlotSet, keys []string) []int {
	sums := make([]int, len(sets))
	for _, key := range keys {
		for i := range sets {
			if sets[i].Has(Slot([]byte(key))) {
				sums[i]++
			}
		}
	}
	return sums
}

// requireEven makes sure that sizes are within 20 % of each other.
func requireEven(t *testing.T, sizes []int) {
	t.Helper()
	least, most := sizes[0], sizes[0]
	for _, n := range sizes {
		least, most = min(least, n), max(most, n)
	}
	require.LessOrEqual(t, float64(most), 1.2*float64(least), "%v", sizes)
}

func TestPartition(t *testing.T) {
	const keys = 50_000
	names := make([]string, keys)
	for i := range names {
		names[i] = fmt.Sprint("user:", i)
	}
	test := func(t *testing.T, rdb redis.UniversalClient) {
		for _, n := range partitions {
			sets, err := Partition(t.Context(), rdb, n)
			require.NoError(t, err)
			requirePartition(t, n, sets)
			requireEven(t, keysIn(sets, names))
			topology, err := Discover(t.Context(), dialerOf(t, rdb))
			require.NoError(t, err)
			touched := 0
			for i := range sets {
				for j := range topology.Masters {
					if mine := sets[i].Intersect(topology.Masters[j].Slots); !mine.Empty() {
						touched++
					}
				}
			}
			require.LessOrEqual(t, touched, n+len(topology.Masters)-1)
			if n <= 7 {
				even, err := EvenPartition(n)
				require.NoError(t, err)
				requireEven(t, keysIn(even, names))
			}
		}
	}
	t.Run("fake", func(t *testing.T) {
		c, err := minicluster.Start(minicluster.Config{})
		require.NoError(t, err)
		t.Cleanup(c.Close)
		for _, key := range names {
			c.SetString(key, "x")
		}
		// A cluster whose masters own scattered slots.
		for slot := 0; slot < Slots; slot += 10 {
			c.MoveSlot(slot/10%3, slot)
		}
		test(t, connect(t, Options{URLs: c.URLs()}))
	})
	testcluster.Each(t, func(t *testing.T, server testcluster.Server) {
		t.Parallel()
		c := testcluster.Start(t, testcluster.Config{Server: server})
		rdb := c.Client(t)
		for i := 0; i < keys; i += 5000 {
			_, err := rdb.Pipelined(t.Context(), func(p redis.Pipeliner) error {
				for _, key := range names[i : i+5000] {
					p.Set(t.Context(), key, "x", 0)
				}
				return nil
			})
			require.NoError(t, err)
		}
		test(t, rdb)
	})
}

// A slot that is larger than a part is a part, or nearly; the others share the
// rest.
func TestPartitionOfGiantSlot(t *testing.T) {
	c, err := minicluster.Start(minicluster.Config{})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	for i := range 2000 {
		c.SetString(fmt.Sprint("{giant}", i), "x")
		c.SetString(fmt.Sprint("other:", i), "x")
	}
	sets, err := Partition(t.Context(), connect(t, Options{URLs: c.URLs()}), 4)
	require.NoError(t, err)
	requirePartition(t, 4, sets)
	giant := Slot([]byte("{giant}"))
	for i := range sets {
		if sets[i].Has(giant) {
			continue
		}
		sum := 0
		for slot := range sets[i].All() {
			for node := range 3 {
				sum += len(c.SlotKeys(node, int(slot)))
			}
		}
		assert.InDelta(t, 667, sum, 350)
	}
}

// Where counts can't be had, the slots count.
func TestPartitionBySlots(t *testing.T) {
	for name, config := range map[string]minicluster.Config{
		"denied":       {Users: map[string]minicluster.User{"reader": {Password: "secret", Deny: []string{"cluster|countkeysinslot"}}}},
		"no cluster":   {Standalone: true},
		"without keys": {},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := minicluster.Start(config)
			require.NoError(t, err)
			t.Cleanup(c.Close)
			if name != "without keys" {
				for i := range 1000 {
					c.SetString(fmt.Sprint("{giant}", i), "x")
				}
			}
			options := Options{URLs: c.URLs()[:1]}
			if config.Users != nil {
				options.Username, options.Password = "reader", "secret"
			}
			rdb := connect(t, options)
			for _, n := range partitions {
				sets, err := Partition(t.Context(), rdb, n)
				require.NoError(t, err)
				requirePartition(t, n, sets)
				for i := range sets {
					require.InDelta(t, Slots/n, sets[i].Len(), 1)
				}
			}
		})
	}
}

// Slots that nobody owns are in one of the sets, too.
func TestPartitionWithoutOwner(t *testing.T) {
	c, err := minicluster.Start(minicluster.Config{PartialCoverage: true})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	for i := range 1000 {
		c.SetString(fmt.Sprint("user:", i), "x")
	}
	c.Unassign(0, 100, 16383)
	sets, err := Partition(t.Context(), connect(t, Options{URLs: c.URLs()}), 3)
	require.NoError(t, err)
	requirePartition(t, 3, sets)
}

func TestPartitionErrors(t *testing.T) {
	c, err := minicluster.Start(minicluster.Config{})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	rdb := connect(t, Options{URLs: c.URLs()})
	counts := func(args [][]byte) bool { return len(args) == 3 && string(args[1]) == "COUNTKEYSINSLOT" }
	var node *NodeError
	for name, fault := range map[string]minicluster.Fault{
		"not a number": {Raw: []byte("$1\r\n5\r\n")},
		"negative":     {Raw: []byte(":-1\r\n")},
		"loading":      {Error: "LOADING Redis is loading the dataset in memory"},
		"cut":          {Close: minicluster.CloseBefore},
	} {
		c.SetFault(func(_, _ int, args [][]byte) *minicluster.Fault {
			if counts(args) {
				return &fault
			}
			return nil
		})
		_, err := Partition(t.Context(), rdb, 3)
		require.ErrorAs(t, err, &node, name)
		assert.Equal(t, "CLUSTER COUNTKEYSINSLOT", node.Command, name)
	}
	stuck := make(chan struct{})
	defer close(stuck)
	c.SetFault(func(_, _ int, args [][]byte) *minicluster.Fault {
		if counts(args) {
			return &minicluster.Fault{Stall: stuck}
		}
		return nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = Partition(ctx, rdb, 3)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	_, err = Partition(t.Context(), nil, 3)
	require.ErrorIs(t, err, ErrClient)
}
