package iterator_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Acceptance group H.
func TestStrings(t *testing.T) { onServers(t, testStrings) }

func testStrings(t *testing.T, on place) {
	rdb := on.rdb
	ctx := context.Background()
	read := func(t *testing.T, schema string, config iterator.Config) result {
		t.Helper()
		got := readAll(strs(t, rdb, schema, config))
		require.NoError(t, got.err)
		return got
	}
	rows := func(format string, n int, value func(i int) any) []string {
		var out []string
		for i := 1; i <= n; i++ {
			out = append(out, fmt.Sprintf(format, i, value(i)))
		}
		slices.Sort(out)
		return out
	}
	store(t, on.admin, func(p redis.Pipeliner) {
		for i := 1; i <= 20; i++ {
			p.Set(ctx, fmt.Sprint("cache:", i), fmt.Sprint("cached_value_", i), 0)
			p.Set(ctx, fmt.Sprint("counter:", i), i*10, 0)
			p.Set(ctx, fmt.Sprint("flag:", i), fmt.Sprint(i%2 == 0), 0)
		}
		p.Set(ctx, "price:1", "19.99", 0)
		p.Set(ctx, "price:2", "0.5", 0)
		p.IncrBy(ctx, "hits", 41)
		p.Incr(ctx, "hits")
		p.HSet(ctx, "cache:hash", "value", "not a string")
		p.RPush(ctx, "cache:list", "not a string")
	})

	t.Run("H1", func(t *testing.T) {
		it := strs(t, rdb, "_key:key,value:utf8", iterator.Config{Pattern: "cache:*"})
		assert.Equal(t, []string{"_key", "value"}, columnNames(it.Schema()))
		got := readAll(it)
		require.NoError(t, got.err)
		assert.Equal(t, rows("cache:%d|%s", 20, func(i int) any { return fmt.Sprint("cached_value_", i) }), got.rows)
	})
	t.Run("H2", func(t *testing.T) {
		it := strs(t, rdb, "value:int64", iterator.Config{Pattern: "counter:*"})
		defer it.Release()
		total := int64(0)
		for it.Next() {
			for _, v := range it.RecordBatch().Column(0).(*array.Int64).Int64Values() {
				total += v
			}
		}
		require.NoError(t, it.Err())
		assert.EqualValues(t, 2100, total)
	})
	t.Run("H3", func(t *testing.T) {
		assert.Equal(t, []string{"price:1|19.99", "price:2|0.5"}, read(t, "_key:key,value:float64", iterator.Config{Pattern: "price:*"}).rows)
	})
	t.Run("H4", func(t *testing.T) {
		got := read(t, "_key:key,value:boolean", iterator.Config{Pattern: "flag:*"})
		assert.Equal(t, rows("flag:%d|%v", 20, func(i int) any { return i%2 == 0 }), got.rows)
	})
	t.Run("H5", func(t *testing.T) {
		it := strs(t, rdb, "_key:key,count:int64", iterator.Config{Pattern: "counter:*"})
		assert.Equal(t, []string{"_key", "count"}, columnNames(it.Schema()))
		assert.Equal(t, rows("counter:%d|%d", 20, func(i int) any { return i * 10 }), readAll(it).rows)
	})
	t.Run("H6", func(t *testing.T) {
		it := strs(t, rdb, "_key:key,_ttl:ttl[s],value:utf8", iterator.Config{Pattern: "price:*"})
		assert.Equal(t, []string{"_key", "_ttl", "value"}, columnNames(it.Schema()))
		assert.Equal(t, []string{"price:1|-1|19.99", "price:2|-1|0.5"}, readAll(it).rows)
	})
	t.Run("H7", func(t *testing.T) {
		it := strs(t, rdb, "_key:key,value:float64", iterator.Config{Pattern: "nothing:*"})
		defer it.Release()
		assert.False(t, it.Next())
		require.NoError(t, it.Err())
		assert.Nil(t, it.RecordBatch())
		assert.Equal(t, []string{"_key", "value"}, columnNames(it.Schema()))
		assert.Equal(t, arrow.PrimitiveTypes.Float64, it.Schema().Field(1).Type)
	})
	t.Run("H8", func(t *testing.T) {
		assert.Equal(t, []string{"hits|42"}, read(t, "_key:key,value:int64", iterator.Config{Pattern: "hits"}).rows)
		assert.Equal(t, []string{"hits|42"}, read(t, "_key:key,value:utf8", iterator.Config{Pattern: "hits"}).rows)
	})
	t.Run("H9", func(t *testing.T) {
		got := read(t, "_index:index,value:int64", iterator.Config{Pattern: "counter:*", BatchSize: 7})
		assert.Equal(t, []int64{7, 7, 6}, got.sizes)
		assertIndex(t, strs(t, rdb, "_index:index,value:int64", iterator.Config{Pattern: "counter:*", BatchSize: 7}), 20)
	})
	t.Run("keys alone", func(t *testing.T) {
		got := read(t, "_key:key", iterator.Config{Pattern: "cache:*"})
		assert.Equal(t, rows("cache:%d%s", 20, func(int) any { return "" }), got.rows)
	})
	t.Run("value alone", func(t *testing.T) {
		assert.Equal(t, []string{"0.5", "19.99"}, read(t, "value:utf8", iterator.Config{Pattern: "price:*"}).rows)
	})
}

func columnNames(s *arrow.Schema) []string {
	var names []string
	for _, f := range s.Fields() {
		names = append(names, f.Name)
	}
	return names
}

// assertIndex reads to the end and asserts that the first column counts the
// rows from 0 to n-1, in the order in which they come.
func assertIndex(t *testing.T, r reader, n int) {
	t.Helper()
	defer r.Release()
	var got []uint64
	for r.Next() {
		got = append(got, r.RecordBatch().Column(0).(*array.Uint64).Uint64Values()...)
	}
	require.NoError(t, r.Err())
	require.Len(t, got, n)
	for i, v := range got {
		require.EqualValues(t, i, v)
	}
}
