package iterator_test

import (
	"context"
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
	inEachWay(t, func(t *testing.T, way fakeWay) {
		for _, concurrency := range []int{1, 2} {
			c, rdb := fake(t, way.server(minicluster.Config{}))
			want := users(c, 100)
			c.SetFault(func(node, _ int, args [][]byte) *minicluster.Fault {
				if node > 0 && way.lists(args) {
					return &minicluster.Fault{Error: "LOADING Redis is loading the dataset in memory"}
				}
				return nil
			})
			ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
			s, err := schema.ParseHash(userSchema)
			require.NoError(t, err)
			it, err := iterator.NewClusterHashBatchIterator(ctx, rdb, s, checked(t, way.scan(iterator.Config{StallTimeout: time.Second, Concurrency: concurrency})))
			require.NoError(t, err)
			got := readAll(it)
			cancel()
			missing := incomplete(t, got.err)
			require.Equal(t, "5461-16383", missing.String())
			assertRows(t, notOf(want, missing.String()), got.rows)
		}
	})
}
