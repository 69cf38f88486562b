package iterator_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// projected opens a scan of some of a schema's fields.
func projected(t *testing.T, rdb redis.UniversalClient, text string, config iterator.Config, fields ...string) reader {
	t.Helper()
	whole, err := schema.ParseHash(text)
	require.NoError(t, err)
	s, err := whole.Project(fields...)
	require.NoError(t, err)
	it, err := iterator.NewClusterHashBatchIterator(context.Background(), rdb, s, checked(t, config))
	require.NoError(t, err)
	return it
}

// Acceptance group L. Its row 4 is in package schema.
func TestProjection(t *testing.T) {
	const whole = "_key:key,name:utf8,age:int64,active:boolean,nothing:utf8,_ttl:ttl[s]"
	onAny(t, func(t *testing.T, on place) {
		const n = 1000
		store(t, on.admin, func(p redis.Pipeliner) {
			for i := range n {
				fields := []string{"name", fmt.Sprint("User", i), "age", fmt.Sprint(i), "active", fmt.Sprint(i%3 == 0), "other", "x"}
				from := 2 * (i % 4) // some lack some of them, others all that is asked for
				p.HSet(context.Background(), fmt.Sprintf("user:%04d", i), fields[from:])
			}
		})
		for _, command := range []iterator.HashCommand{iterator.HMGET, iterator.HGETALL, iterator.AutoHashCommand} {
			config := iterator.Config{HashCommand: command, BatchSize: 300}
			read := func(t *testing.T, fields ...string) (columns []string, got result) {
				t.Helper()
				it := projected(t, on.rdb, whole, config, fields...)
				columns = columnNames(it.Schema())
				got = readAll(it)
				require.NoError(t, got.err)
				require.Len(t, got.rows, n)
				return columns, got
			}
			t.Run(fmt.Sprint("L1/", command), func(t *testing.T) {
				columns, got := read(t, "name", "age")
				assert.Equal(t, []string{"_key", "name", "age", "_ttl"}, columns)
				assert.Equal(t, "user:0004|User4|4|-1", got.rows[4])
				columns, got = read(t, "age", "name")
				assert.Equal(t, []string{"_key", "age", "name", "_ttl"}, columns)
				assert.Equal(t, "user:0004|4|User4|-1", got.rows[4])
			})
			t.Run(fmt.Sprint("L2/", command), func(t *testing.T) {
				columns, got := read(t, "active")
				assert.Equal(t, []string{"_key", "active", "_ttl"}, columns)
				assert.Equal(t, "user:0000|true|-1", got.rows[0])
				columns, got = read(t)
				assert.Equal(t, []string{"_key", "_ttl"}, columns)
				assert.Equal(t, "user:0000|-1", got.rows[0])
			})
			t.Run(fmt.Sprint("L3/", command), func(t *testing.T) {
				_, got := read(t, "nothing")
				for i, row := range got.rows {
					require.Equal(t, fmt.Sprintf("user:%04d|null|-1", i), row)
				}
				it := projected(t, on.rdb, "nothing:utf8", config, "nothing")
				defer it.Release()
				rows := int64(0)
				for it.Next() {
					b := it.RecordBatch()
					rows += b.NumRows()
					assert.EqualValues(t, b.NumRows(), b.Column(0).NullN())
				}
				require.NoError(t, it.Err())
				assert.EqualValues(t, n, rows)
			})
			t.Run(fmt.Sprint("L6/", command), func(t *testing.T) {
				for _, fields := range [][]string{{"name"}, {"age", "name"}, {"active", "nothing"}, {"active", "age", "name"}} {
					_, got := read(t, fields...)
					// The same columns of the whole.
					var want []string
					restricted := hashes(t, on.rdb, whole, config)
					for restricted.Next() {
						b := restricted.RecordBatch()
						for i := range int(b.NumRows()) {
							parts := []string{b.Column(0).(*array.String).Value(i)}
							for _, f := range fields {
								parts = append(parts, cell(b.Column(b.Schema().FieldIndices(f)[0]), i))
							}
							want = append(want, strings.Join(append(parts, "-1"), "|"))
						}
					}
					require.NoError(t, restricted.Err())
					restricted.Release()
					slices.Sort(want)
					assertRows(t, want, got.rows)
				}
			})
		}
	})
}

func TestProjectionOnServers(t *testing.T) {
	onServers(t, func(t *testing.T, on place) {
		store(t, on.admin, func(p redis.Pipeliner) {
			for i := range 100 {
				p.HSet(context.Background(), fmt.Sprint("user:", i), "name", fmt.Sprint("User", i), "age", i, "active", i%2)
			}
		})
		var mu sync.Mutex
		var sent []byte
		rdb := wired(t, on.servers.ReaderOptions(), &wire{sends: func(_ string, commands []byte) {
			mu.Lock()
			defer mu.Unlock()
			sent = append(sent, commands...)
		}})
		t.Run("L5", func(t *testing.T) {
			on.countCalls(t)
			got := readAll(projected(t, rdb, "_key:key,name:utf8,age:int64,active:boolean,_ttl:ttl", iterator.Config{}, "age"))
			require.NoError(t, got.err)
			assert.Len(t, got.rows, 100)
			assert.Equal(t, 100, total(on.calls(t, "hmget")))
			assert.Equal(t, 100, total(on.calls(t, "ttl")))
			assert.Zero(t, total(on.calls(t, "hgetall")))
			assert.Equal(t, 100, bytes.Count(sent, []byte("$3\r\nage\r\n")))
			for _, column := range []string{"name", "active", "_key", "_ttl"} {
				assert.NotContains(t, string(sent), column)
			}
		})
	})
}

// acceptance L, row 5: only data fields are asked for.
func TestProjectionOnTheWire(t *testing.T) {
	c, rdb := fake(t, minicluster.Config{Record: true})
	fillHashes(c, "user:", 100)
	c.SetHash("user:none", "other", "x") // none of the fields: asked about twice
	for _, l := range []struct {
		name, schema string
		command      iterator.HashCommand
		fields       []string
		want         []string // the commands for a key, without it
	}{
		{"one field", "_key:key,name:utf8,age:int64", 0, []string{"age"}, []string{"HMGET age"}},
		{"order", "name:utf8,age:int64,_index:index", iterator.HMGET, []string{"age", "name"}, []string{"HMGET age name"}},
		{"with TTL", "_key:key,_ttl:ttl,_at:expires_at,name:utf8,age:int64", iterator.HMGET, []string{"name"}, []string{"HMGET name", "TTL", "PEXPIRETIME"}},
		{"HGETALL", "_key:key,name:utf8,age:int64", iterator.HGETALL, []string{"name"}, []string{"HGETALL"}},
		{"no field", "_key:key,name:utf8", 0, nil, []string{"TYPE"}},
		{"no field, TTL", "_ttl:ttl[ms],name:utf8", 0, nil, []string{"TYPE", "PTTL"}},
	} {
		t.Run("L5/"+l.name, func(t *testing.T) {
			it := projected(t, rdb, l.schema, iterator.Config{Pattern: "user:*", HashCommand: l.command}, l.fields...)
			c.ResetLog()
			got := readAll(it)
			require.NoError(t, got.err)
			require.Len(t, got.rows, 101)
			byKey := map[string][]string{}
			for _, cmd := range c.Log() {
				if len(cmd.Args) < 2 || !strings.HasPrefix(cmd.Args[1], "user:") {
					continue
				}
				key := cmd.Args[1]
				byKey[key] = append(byKey[key], strings.Join(slices.Delete(slices.Clone(cmd.Args), 1, 2), " "))
			}
			require.Len(t, byKey, 101)
			for key, commands := range byKey {
				want := l.want
				if key == "user:none" && strings.HasPrefix(want[0], "HMGET") {
					want = slices.Concat(want, []string{"EXISTS"}, want)
				}
				assert.Equal(t, want, commands, key)
			}
		})
	}
	t.Run("L5/value of a string", func(t *testing.T) {
		c.SetString("string", "v")
		whole, err := schema.ParseString("_key:key,v:utf8")
		require.NoError(t, err)
		s, err := whole.Project()
		require.NoError(t, err)
		it, err := iterator.NewClusterStringBatchIterator(context.Background(), rdb, s, checked(t, iterator.Config{}))
		require.NoError(t, err)
		c.ResetLog()
		assert.Equal(t, []string{"string"}, readAll(it).rows)
		assert.Zero(t, c.Count(-1, "GET"))
	})
	t.Run("L5/many fields", func(t *testing.T) {
		// From 13 fields on the whole hash is read.
		for n, want := range map[int]string{12: "HMGET", 13: "HGETALL"} {
			var columns []string
			for i := range n {
				columns = append(columns, fmt.Sprintf("f%d:utf8", i))
			}
			c.ResetLog()
			got := readAll(hashes(t, rdb, strings.Join(columns, ","), iterator.Config{Pattern: "user:1"}))
			require.NoError(t, got.err)
			assert.Len(t, got.rows, 1)
			assert.Positive(t, c.Count(-1, want))
			assert.Zero(t, c.Count(-1, "HMGET")+c.Count(-1, "HGETALL")-c.Count(-1, want))
		}
	})
}
