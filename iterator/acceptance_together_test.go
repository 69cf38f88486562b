package iterator_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Acceptance group O. That the race detector is silent is for the run with
// -race to show.
func TestTogether(t *testing.T) {
	onAny(t, func(t *testing.T, on place) {
		ctx := context.Background()
		fill := func(prefix string, n int) (rows []string) {
			store(t, on.admin, func(p redis.Pipeliner) {
				for i := range n {
					p.HSet(ctx, fmt.Sprint(prefix, i), "v", i)
					rows = append(rows, fmt.Sprintf("%s%d|%d", prefix, i, i))
				}
			})
			slices.Sort(rows)
			return rows
		}

		t.Run("O1", func(t *testing.T) {
			// 8 readers of 100 keys each, of one client.
			var wg sync.WaitGroup
			var wants [8][]string
			var results [8]result
			for i := range results {
				prefix := fmt.Sprintf("reader%d:", i)
				wants[i] = fill(prefix, 100)
				it := hashes(t, on.rdb, "_key:key,v:int64", iterator.Config{Pattern: prefix + "*", BatchSize: 9, Concurrency: i % 4})
				wg.Go(func() { results[i] = readAll(it) })
			}
			wg.Wait()
			for i, got := range results {
				require.NoError(t, got.err)
				assert.Equal(t, wants[i], got.rows)
			}
		})
		t.Run("O2", func(t *testing.T) {
			// A writer goes on adding keys, also ones that match.
			want := fill("read:", 50)
			done := make(chan struct{})
			var writer sync.WaitGroup
			writer.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-done:
						return
					case <-time.After(time.Millisecond): // or the scans of a slow machine never catch up
					}
					for _, prefix := range []string{"read:more", "written:"} {
						if err := on.admin.HSet(ctx, fmt.Sprint(prefix, i), "v", i).Err(); err != nil {
							t.Error(err)
							return
						}
					}
				}
			})
			for range 3 {
				for _, concurrency := range concurrencies {
					got := readAll(hashes(t, on.rdb, "_key:key,v:int64", iterator.Config{Pattern: "read:*", BatchSize: 7, CountHint: 10, Concurrency: concurrency}))
					assert.NoError(t, got.err)
					assertUnique(t, got.rows)
					for _, row := range want {
						_, found := slices.BinarySearch(got.rows, row)
						assert.True(t, found, "%s was there all the time", row)
					}
				}
			}
			close(done)
			writer.Wait()
		})
		t.Run("O3", func(t *testing.T) {
			want := fill("same:", 3000)
			for concurrency := 1; concurrency <= 3; concurrency++ {
				got := readAll(hashes(t, on.rdb, "_key:key,v:int64", iterator.Config{Pattern: "same:*", Concurrency: concurrency, BatchSize: 100, CountHint: 50}))
				require.NoError(t, got.err)
				assertRows(t, want, got.rows)
			}
		})
	})
}
