package iterator_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/convert"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/iterator"
)

// Values beyond MaxValueBytes become what OnLargeValue says, and strings among
// them are never sent.
func TestMaxValueBytes(t *testing.T) {
	t.Parallel()
	const most = 100
	for _, c := range []struct {
		name, kind, schema string
		command            iterator.HashCommand
	}{
		{"GET", "string", "_key:key,v:large_utf8", 0},
		{"GET TTL", "string", "_key:key,v:utf8,_ttl:ttl", 0},
		{"HMGET", "hash", "_key:key,v:utf8", iterator.HMGET},
		{"HGETALL", "hash", "_key:key,v:large_utf8,_ttl:ttl[ms]", iterator.HGETALL},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			fake, rdb := fake(t, minicluster.Config{})
			set := func(key, value string) {
				if c.kind == "string" {
					fake.SetString(key, value)
				} else {
					fake.SetHash(key, "v", value, "w", strings.Repeat("w", 1000)) // which nobody wants
				}
			}
			tail := strings.Repeat("|-1", strings.Count(c.schema, "ttl:"))
			var small, null []string
			for i := range 50 {
				set(fmt.Sprint("a", i), fmt.Sprint(i))
				small = append(small, fmt.Sprintf("a%d|%d%s", i, i, tail))
			}
			set("edge", strings.Repeat("x", most))
			set("empty", "")
			small = append(small, "edge|"+strings.Repeat("x", most)+tail, "empty|"+tail)
			for i, n := range []int{most + 1, 5000, 1 << 20} { // in the read buffer, and beyond
				set(fmt.Sprint("large", i), strings.Repeat("y", n))
				null = append(null, fmt.Sprintf("large%d|null%s", i, tail))
			}
			slices.Sort(small)
			fake.SetRecord(true)

			got := readAll(kinds[c.kind](t, rdb, c.schema, iterator.Config{HashCommand: c.command, MaxValueBytes: most, OnLargeValue: convert.SkipRow}))
			require.NoError(t, got.err)
			assert.Equal(t, small, got.rows)
			assert.EqualValues(t, 3, got.stats.LargeValues)
			assert.EqualValues(t, 3, got.stats.SkippedRows)
			assert.Zero(t, got.stats.ParseFailures)

			got = readAll(kinds[c.kind](t, rdb, c.schema, iterator.Config{HashCommand: c.command, MaxValueBytes: most, OnLargeValue: convert.Null}))
			require.NoError(t, got.err)
			all := append(slices.Clone(small), null...)
			slices.Sort(all)
			assert.Equal(t, all, got.rows)
			assert.EqualValues(t, 3, got.stats.LargeValues)
			if c.kind == "string" {
				for _, batch := range fake.Batches() {
					for _, command := range batch {
						if command.Args[0] == "GET" || command.Args[0] == "MGET" {
							assert.NotContains(t, strings.Join(command.Args, " "), "large")
						}
					}
				}
			}

			got = readAll(kinds[c.kind](t, rdb, c.schema, iterator.Config{HashCommand: c.command, MaxValueBytes: most, OnParseError: convert.Null}))
			large := (*iterator.LargeValueError)(nil)
			require.ErrorAs(t, got.err, &large)
			assert.Contains(t, large.Key, "large")
			assert.Equal(t, "v", large.Field)
			assert.EqualValues(t, most, large.Most)
			assert.Greater(t, large.Bytes, large.Most)
			require.ErrorContains(t, got.err, "OnLargeValue")
		})
	}
	for _, config := range []iterator.Config{{MaxValueBytes: -1}, {OnLargeValue: 7}, {MaxInFlightBytes: -1}} {
		require.ErrorIs(t, config.Validate(), iterator.ErrConfig)
	}
}

// A hash of many fields of which the schema has few is never read whole, though
// the others are, with the same schema; and also where HLEN is denied, all are read.
func TestLargeHash(t *testing.T) {
	t.Parallel()
	const fields = 20
	var columns []string
	for i := range fields {
		columns = append(columns, fmt.Sprintf("f%d:int64", i))
	}
	text := "_key:key," + strings.Join(columns, ",") + ",_ttl:ttl"
	for _, denied := range []bool{false, true} {
		t.Run(fmt.Sprint(denied), func(t *testing.T) {
			t.Parallel()
			c, rdb := fake(t, minicluster.Config{})
			var want []string
			set := func(key string, n int) {
				var pairs, cells []string
				for i := range n {
					pairs = append(pairs, fmt.Sprintf("f%d", i), fmt.Sprint(i*i))
				}
				for i := range fields {
					if i < n {
						cells = append(cells, fmt.Sprint(i*i))
					} else {
						cells = append(cells, "null")
					}
				}
				c.SetHash(key, pairs...)
				want = append(want, key+"|"+strings.Join(cells, "|")+"|-1")
			}
			for i := range 60 {
				set(fmt.Sprint("small:", i), 1+i)
			}
			set("large", 3000)
			c.SetString("text", "no hash")
			slices.Sort(want)
			if denied {
				c.SetFault(func(_, _ int, args [][]byte) *minicluster.Fault {
					if sends(args, "HLEN") {
						return &minicluster.Fault{Error: "NOPERM User reader has no permissions to run the 'hlen' command"}
					}
					return nil
				})
			}
			c.SetRecord(true)
			got := readAll(hashes(t, rdb, text, iterator.Config{}))
			require.NoError(t, got.err)
			assert.Equal(t, want, got.rows)
			assert.EqualValues(t, 1, got.stats.WrongType)
			by := map[string]string{}
			for _, batch := range c.Batches() {
				for _, command := range batch {
					if name := command.Args[0]; name == "HMGET" || name == "HGETALL" {
						by[command.Args[1]] += name
					}
				}
			}
			assert.Equal(t, "HGETALL", by["small:7"])
			if denied {
				assert.Equal(t, "HGETALL", by["large"])
			} else {
				assert.Equal(t, "HMGET", by["large"])
			}
		})
	}
}
