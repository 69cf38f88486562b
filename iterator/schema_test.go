package iterator_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Acceptance group G, as far as rows are concerned (the rest: package schema;
// row 12: with group K).
func TestGColumns(t *testing.T) {
	onAny(t, func(t *testing.T, on place) {
		ctx := context.Background()
		store(t, on.admin, func(p redis.Pipeliner) {
			p.HSet(ctx, "user:1", "name", "Alice", "age", "30", "active", "true", "other", "x")
			p.HSet(ctx, "p:1", "a", "1", "b", "2", "c", "3")
			for key, field := range map[string]string{"p:2": "a", "p:3": "b", "p:4": "c", "p:5": "dummy"} {
				p.HSet(ctx, key, field, "0")
			}
		})
		for name, want := range map[string]struct {
			schema string
			rows   []string
		}{
			"G1":             {"_key:key,name:utf8,age:int64,active:boolean", []string{"user:1|Alice|30|true"}},
			"G2":             {"name:utf8,age:int64,active:boolean", []string{"Alice|30|true"}},
			"G3":             {"redis_key:key,name:utf8", []string{"user:1|Alice"}},
			"G4 first":       {"_index:index,_key:key,_ttl:ttl[s],name:utf8", []string{"0|user:1|-1|Alice"}},
			"G4 last":        {"name:utf8,_index:index,_key:key,_ttl:ttl[s]", []string{"Alice|0|user:1|-1"}},
			"G5":             {"_key:key", []string{"user:1"}},
			"G5 with ttl":    {"_key:key,_ttl:ttl[ms]", []string{"user:1|-1"}},
			"G7":             {"_key:key,name:utf8,size:int64", []string{"user:1|Alice|null"}},
			"G8":             {"_key:key,a:int64,b:int64,c:int64", []string{"p:1|1|2|3", "p:2|0|null|null", "p:3|null|0|null", "p:4|null|null|0", "p:5|null|null|null"}},
			"G9":             {"name:utf8", []string{"Alice"}},
			"G10":            {"active:boolean,name:utf8,age:int64", []string{"true|Alice|30"}},
			"expires at":     {"_key:key,at:expires_at", []string{"user:1|null"}},
			"all nil fields": {"_key:key,no:utf8,never:int64", []string{"user:1|null|null"}},
		} {
			pattern := "user:*"
			if name == "G8" {
				pattern = "p:*"
			}
			for command, how := range map[string]iterator.HashCommand{"HMGET": iterator.HMGET, "HGETALL": iterator.HGETALL} {
				t.Run(name+"/"+command, func(t *testing.T) {
					it := hashes(t, on.rdb, want.schema, iterator.Config{Pattern: pattern, HashCommand: how})
					for _, f := range it.Schema().Fields() {
						assert.Equal(t, !strings.HasPrefix(f.Name, "_") && f.Name != "redis_key", f.Nullable, f.Name)
					}
					got := readAll(it)
					require.NoError(t, got.err)
					assert.Equal(t, want.rows, got.rows)
				})
			}
		}
	})
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
