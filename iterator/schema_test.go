package iterator_test

import (
	"fmt"
	"testing"

	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Acceptance group G, as far as rows are concerned (the rest: package schema).
func TestGColumns(t *testing.T) {
	c, rdb := fake(t, minicluster.Config{})
	c.SetHash("user:1", "name", "Alice", "age", "30", "active", "true", "other", "x")
	for name, want := range map[string]struct{ schema, row string }{
		"G1":             {"_key:key,name:utf8,age:int64,active:boolean", "user:1|Alice|30|true"},
		"G2":             {"name:utf8,age:int64,active:boolean", "Alice|30|true"},
		"G3":             {"redis_key:key,name:utf8", "user:1|Alice"},
		"G4 first":       {"_index:index,_key:key,_ttl:ttl[s],name:utf8", "0|user:1|-1|Alice"},
		"G4 last":        {"name:utf8,_index:index,_key:key,_ttl:ttl[s]", "Alice|0|user:1|-1"},
		"G5":             {"_key:key", "user:1"},
		"G5 with ttl":    {"_key:key,_ttl:ttl[ms]", "user:1|-1"},
		"G7":             {"_key:key,name:utf8,size:int64", "user:1|Alice|null"},
		"G9":             {"name:utf8", "Alice"},
		"G10":            {"active:boolean,name:utf8,age:int64", "true|Alice|30"},
		"expires at":     {"_key:key,at:expires_at", "user:1|null"},
		"all nil fields": {"_key:key,no:utf8,never:int64", "user:1|null|null"},
	} {
		for command, how := range map[string]iterator.HashCommand{"HMGET": iterator.HMGET, "HGETALL": iterator.HGETALL} {
			t.Run(name+"/"+command, func(t *testing.T) {
				got := readAll(hashes(t, rdb, want.schema, iterator.Config{HashCommand: how}))
				require.NoError(t, got.err)
				assert.Equal(t, []string{want.row}, got.rows)
			})
		}
	}
}

func TestThinWhole(t *testing.T) {
	for _, tables := range []bool{false, true} {
		c, rdb := fake(t, minicluster.Config{SlotTables: tables})
		fillHashes(c, "user:", 3000)
		for i := range 2000 {
			c.SetString(fmt.Sprint("cache:", i), fmt.Sprint("value", i))
		}
		for _, concurrency := range []int{1, 2, iterator.AllMasters} {
			got := readAll(hashes(t, rdb, "_key:key,name:utf8,age:int64", iterator.Config{Pattern: "user:*", BatchSize: 256, Concurrency: concurrency}))
			require.NoError(t, got.err)
			assert.Len(t, got.rows, 3000)
			assertUnique(t, got.rows)
			assert.EqualValues(t, 3000, got.stats.Rows)
			got = readAll(strs(t, rdb, "_key:key,value:utf8", iterator.Config{Concurrency: concurrency}))
			require.NoError(t, got.err)
			assert.Len(t, got.rows, 2000)
		}
	}
}
