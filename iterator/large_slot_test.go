package iterator_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/redisarrow/redisarrow/internal/testcluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A slot that is larger than any that may be listed in one go: all keys have the
// same hash tag. It is read within the ledger's default memory.
func TestLargeSlot(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string]int{"redis-7.0": 2_000_000, "redis-8.0": 200_000, "valkey-8.1": 200_000, "valkey-9.1": 2_000_000} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() {
				keys = 150_000
			}
			_, rdb := real(t, name, testcluster.Config{AllowGaps: true})
			ctx := context.Background()
			const step = 100_000
			for start := 0; start < keys; start += step {
				script := fmt.Sprintf("for i = %d, %d do redis.call('SET', '{large}:' .. i, i) end return 1", start, min(start+step, keys)-1)
				require.NoError(t, rdb.Eval(ctx, script, []string{"{large}:0"}).Err())
			}
			ways := []iterator.Enumeration{iterator.AutoEnumerate}
			if keys < 1_000_000 {
				ways = append(ways, iterator.KeysInSlot) // which leaves it to SCAN
			}
			for _, way := range ways {
				it := strs(t, rdb, "_key:key,value:int64", iterator.Config{Enumerate: way})
				seen := make([]bool, keys)
				rows := 0
				for it.Next() {
					for _, i := range it.RecordBatch().Column(1).(*array.Int64).Values() {
						if seen[i] {
							t.Errorf("key %d again", i)
						}
						seen[i] = true
						rows++
					}
				}
				require.NoError(t, it.Err())
				assert.Equal(t, keys, rows)
				stats := it.Stats()
				it.Release()
				// At most 8 bytes a place, of which the fifth part is free, and while a
				// table grows by a quarter the one before it is there, too.
				assert.LessOrEqual(t, stats.LedgerBytes, int64(keys)*8*5/4*9/4+2<<20)
				t.Logf("%d keys of one slot, %.1f MiB in the ledger", keys, float64(stats.LedgerBytes)/(1<<20))
			}
		})
	}
}
