package iterator_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
	"github.com/stretchr/testify/require"
)

// Masters that are tried again and again, in turns, by several workers: that
// one of them is always being tried isn't progress.
func TestStallOfSeveralMasters(t *testing.T) {
	t.Parallel()
	inEachWay(t, func(t *testing.T, way fakeWay) {
		for name, concurrency := range concurrencies {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				c, rdb := fake(t, way.server(minicluster.Config{}))
				want := users(c, 100)
				c.SetFault(func(node, _ int, args [][]byte) *minicluster.Fault {
					// Counting too: a slot that is counted as empty is done.
					if node > 0 && (way.lists(args) || sends(args, "CLUSTER COUNTKEYSINSLOT")) {
						return &minicluster.Fault{Error: "LOADING Redis is loading the dataset in memory"}
					}
					return nil
				})
				ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
				defer cancel()
				s, err := schema.ParseHash(userSchema)
				require.NoError(t, err)
				it, err := iterator.NewClusterHashBatchIterator(ctx, rdb, s, checked(t, way.scan(iterator.Config{StallTimeout: time.Second, Concurrency: concurrency})))
				require.NoError(t, err)
				got := readAll(it)
				missing := incomplete(t, got.err)
				require.Equal(t, "5461-16383", missing.String())
				assertRows(t, notOf(want, missing.String()), got.rows)
			})
		}
	})
}

// What must not be listed for want of memory, since what was is never settled,
// ends the scan in time too.
func TestStallForWantOfMemory(t *testing.T) {
	t.Parallel()
	c, rdb := fake(t, minicluster.Config{})
	users(c, 3000)
	it := hashes(t, rdb, userSchema, iterator.Config{Enumerate: iterator.PlainScan, MaxLedgerBytes: 200_000, BatchSize: 100, StallTimeout: time.Second})
	var fetches atomic.Int64
	c.SetFault(func(_, _ int, args [][]byte) *minicluster.Fault {
		if string(args[0]) == "HMGET" && fetches.Add(1) == 500 { // of the first master
			return &minicluster.Fault{Before: func() { c.Kill(2) }}
		}
		return nil
	})
	begun := time.Now()
	got := readAll(it)
	requireLost(t, "5461-16383", incomplete(t, got.err))
	require.Less(t, time.Since(begun), 20*time.Second)
}
