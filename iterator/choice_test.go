package iterator_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/iterator"
)

// In which way keys are listed goes by what the first ones have shown.
func TestChoiceByWhatIsListed(t *testing.T) {
	t.Parallel()
	const keys = 40_000
	for _, c := range []struct {
		name   string
		tables bool
		wanted int // one in so many
		lists  bool
		want   []iterator.Enumeration
	}{
		{"all are wanted", true, 1, false, []iterator.Enumeration{iterator.KeysInSlot}},
		{"few are wanted", true, 20, false, []iterator.Enumeration{iterator.KeysInSlot, iterator.SlotScan}},
		{"most are of another type", true, 3, true, []iterator.Enumeration{iterator.KeysInSlot, iterator.SlotScan}},
		{"few are wanted, one table", false, 20, false, []iterator.Enumeration{iterator.KeysInSlot}},
		{"most are of another type, one table", false, 3, true, []iterator.Enumeration{iterator.KeysInSlot, iterator.PlainScan}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server, rdb := fake(t, minicluster.Config{SlotTables: c.tables, Masters: 2})
			var want []string
			for i := range keys {
				key := fmt.Sprint("user:", i)
				switch {
				case i%c.wanted == 0:
					server.SetHash(key, "n", fmt.Sprint(i))
					want = append(want, fmt.Sprintf("%s|%d", key, i))
				case c.lists:
					server.SetList(key, "x")
				default:
					server.SetHash(fmt.Sprint("other:", i), "n", "0")
				}
			}
			slices.Sort(want)
			got := readAll(hashes(t, rdb, "_key:key,n:int64", iterator.Config{Pattern: "user:*"}))
			require.NoError(t, got.err)
			assert.Equal(t, want, got.rows)
			require.Len(t, got.stats.Nodes, 2)
			for _, n := range got.stats.Nodes {
				assert.Equal(t, c.want, n.Enumerations)
			}
			// Slots that were listed are done, and what was known of their keys is
			// forgotten, before a SCAN meets them again.
			server.SetFault(func(_, _ int, args [][]byte) *minicluster.Fault {
				if sends(args, "EXEC") && slices.Contains(c.want, iterator.PlainScan) {
					return &minicluster.Fault{Before: func() { time.Sleep(150 * time.Millisecond) }}
				}
				return nil
			})
			got = readAll(hashes(t, rdb, "_key:key,n:int64", iterator.Config{Pattern: "user:*"}))
			server.SetFault(nil)
			require.NoError(t, got.err)
			assertRows(t, want, got.rows)
			// What the user fixes stays.
			got = readAll(hashes(t, rdb, "_key:key,n:int64", iterator.Config{Pattern: "user:*", Enumerate: iterator.KeysInSlot}))
			require.NoError(t, got.err)
			assert.Equal(t, want, got.rows)
			assert.Equal(t, []iterator.Enumeration{iterator.KeysInSlot}, got.stats.Nodes[0].Enumerations)
		})
	}
}
