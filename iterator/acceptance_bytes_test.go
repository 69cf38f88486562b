package iterator_test

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/convert"
	"github.com/redisarrow/redisarrow/internal/testcluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The rest of acceptance group F: keys, field names, and what is large.
func TestBytes(t *testing.T) { onServers(t, testBytes) }

func testBytes(t *testing.T, on place) {
	ctx := context.Background()
	rdb := on.rdb

	t.Run("F4", func(t *testing.T) {
		// One hash with a text that is none, among others.
		store(t, on.admin, func(p redis.Pipeliner) {
			for i := range 100 {
				p.HSet(ctx, fmt.Sprintf("f4:%02d", i), "text", fmt.Sprint("text", i), "raw", "\xff\xfe\x00")
			}
			p.HSet(ctx, "f4:50", "text", "\xff\xfe\x00")
		})
		s := "_key:key,text:utf8,raw:binary"
		got := readAll(hashes(t, rdb, s, iterator.Config{Pattern: "f4:*", OnParseError: convert.Null}))
		require.NoError(t, got.err)
		require.Len(t, got.rows, 100)
		for i, row := range got.rows {
			text := fmt.Sprint("text", i)
			if i == 50 {
				text = "null"
			}
			assert.Equal(t, fmt.Sprintf("f4:%02d|%s|//4A", i, text), row) // ff fe 00 in base64
		}
		got = readAll(hashes(t, rdb, s, iterator.Config{Pattern: "f4:*", OnParseError: convert.SkipRow}))
		require.NoError(t, got.err)
		assert.Len(t, got.rows, 99)
	})

	t.Run("F5", func(t *testing.T) {
		keys := []string{"f5:\xff", "f5:\x00\r\n", "f5:東京", "f5: ", "f5:\xc3"}
		store(t, on.admin, func(p redis.Pipeliner) {
			for _, key := range keys {
				p.HSet(ctx, key, "v", key)
				p.Set(ctx, "s"+key, key, 0)
			}
		})
		cells, _ := readCells(t, hashes(t, rdb, "_key:binary_key,v:binary", iterator.Config{Pattern: "f5:*"}))
		assert.Len(t, cells, len(keys))
		for _, key := range keys {
			assert.Equal(t, key, cells[key])
		}
		cells, _ = readCells(t, strs(t, rdb, "_key:binary_key,v:binary", iterator.Config{Pattern: "sf5:*"}))
		assert.Len(t, cells, len(keys))
		for _, key := range keys {
			assert.Equal(t, key, cells["s"+key])
		}
		// In a utf8 column such a key is a failure of the row, never altered;
		// and a key can't be null.
		for _, policy := range []convert.Policy{convert.Null, convert.SkipRow} {
			for kind, prefix := range map[string]string{"hash": "", "string": "s"} {
				got := readAll(kinds[kind](t, rdb, "_key:key", iterator.Config{Pattern: prefix + "f5:*", OnParseError: policy}))
				require.NoError(t, got.err)
				assert.Equal(t, []string{prefix + "f5:\x00\r\n", prefix + "f5: ", prefix + "f5:東京"}, got.rows)
				assert.EqualValues(t, 2, got.stats.SkippedRows)
				assert.EqualValues(t, 2, got.stats.ParseFailures)
			}
		}
		got := readAll(hashes(t, rdb, "_key:key,v:binary", iterator.Config{Pattern: "f5:\xff"}))
		var failure *iterator.CellError
		require.ErrorAs(t, got.err, &failure)
		assert.Equal(t, "f5:\xff", failure.Key)
		assert.Equal(t, "_key", failure.Field)
		assert.ErrorIs(t, failure, convert.ErrUTF8)
	})

	t.Run("F6", func(t *testing.T) {
		names := []string{strings.Repeat("a", 1000), "123", "field-with-dashes", "a.b", "a:b", "", "with space", "a,b"}
		columns := []schema.Column{schema.Key("_key")}
		var pairs, want []string
		for i, name := range names {
			columns = append(columns, schema.Int64(name))
			pairs = append(pairs, name, fmt.Sprint(i))
			want = append(want, fmt.Sprint(i))
		}
		require.NoError(t, on.admin.HSet(ctx, "f6", pairs).Err())
		s, err := schema.NewHash(columns...)
		require.NoError(t, err)
		for _, command := range []iterator.HashCommand{iterator.HMGET, iterator.HGETALL} {
			it, err := iterator.NewClusterHashBatchIterator(ctx, rdb, s, checked(t, iterator.Config{Pattern: "f6", HashCommand: command}))
			require.NoError(t, err)
			for i, name := range names {
				assert.Equal(t, name, it.Schema().Field(i+1).Name)
			}
			got := readAll(it)
			require.NoError(t, got.err)
			assert.Equal(t, []string{"f6|" + strings.Join(want, "|")}, got.rows)
		}
	})

	t.Run("F7", func(t *testing.T) {
		var pairs, columns, want []string
		for i := range 100 {
			pairs = append(pairs, fmt.Sprint("f", i), fmt.Sprint("v", i))
			columns = append(columns, fmt.Sprintf("f%d:utf8", i))
			want = append(want, fmt.Sprint("v", i))
		}
		require.NoError(t, on.admin.HSet(ctx, "f7", pairs).Err())
		got := readAll(hashes(t, rdb, "_key:key,"+strings.Join(columns, ","), iterator.Config{Pattern: "f7"}))
		require.NoError(t, got.err)
		assert.Equal(t, []string{"f7|" + strings.Join(want, "|")}, got.rows)
	})
}

// acceptance F, row 8. On one server after the other: they measure memory.
func TestLarge(t *testing.T) {
	testcluster.Each(t, func(t *testing.T, server testcluster.Server) {
		testLarge(t, placeOf(t, testcluster.Shared(t, server, testcluster.Masters)))
	})
}

func testLarge(t *testing.T, on place) {
	ctx := context.Background()
	t.Run("F8 string of 64 MiB", func(t *testing.T) {
		const size = 64 << 20
		value := bytes.Repeat([]byte("0123456789abcdef"), size/16)
		const n = 3
		for i := range n {
			require.NoError(t, on.admin.Set(ctx, fmt.Sprint("{f8}:", i), value, 0).Err())
		}
		peak := &peakAllocator{Allocator: memory.NewGoAllocator()}
		mem := memory.NewCheckedAllocator(peak)
		defer mem.AssertSize(t, 0)
		s, err := schema.ParseString("value:utf8")
		require.NoError(t, err)
		before := allocated()
		it, err := iterator.NewClusterStringBatchIterator(ctx, on.rdb, s, iterator.Config{Pattern: "{f8}:*", Allocator: mem})
		require.NoError(t, err)
		defer it.Release()
		rows := 0
		for it.Next() {
			require.EqualValues(t, 1, it.RecordBatch().NumRows(), "each is more than BatchBytes")
			got := it.RecordBatch().Column(0).(*array.String).Value(0)
			// assert.Equal would print them.
			require.True(t, got == unsafe.String(&value[0], len(value)), "the value is not what was stored")
			rows++
		}
		require.NoError(t, it.Err())
		assert.Equal(t, n, rows)
		// One value at the reader's, one under way, and a column that grows.
		assert.Less(t, peak.max.Load(), int64(5*size), "arrow memory at its peak")
		// For each value: the read buffer, which grows, and the column.
		assert.Less(t, allocated()-before, uint64(8*n*size), "bytes allocated in sum")
	})

	t.Run("F8 hash of 100,000 fields", func(t *testing.T) {
		filler := strings.Repeat("x", 200)
		for from := 0; from < 100_000; from += 1000 {
			var pairs []string
			for i := from; i < from+1000; i++ {
				pairs = append(pairs, fmt.Sprint("f", i), filler)
			}
			require.NoError(t, on.admin.HSet(ctx, "f8", pairs).Err())
		}
		require.NoError(t, on.admin.HSet(ctx, "f8", "f777", "one", "f99998", "two").Err())
		for _, command := range []iterator.HashCommand{iterator.HMGET, iterator.HGETALL} {
			before := allocated()
			got := readAll(hashes(t, on.rdb, "_key:key,f99998:utf8,f777:utf8", iterator.Config{Pattern: "f8", HashCommand: command}))
			require.NoError(t, got.err)
			assert.Equal(t, []string{"f8|two|one"}, got.rows)
			// The hash is more than 20 MB; what isn't wanted is never held.
			assert.Less(t, allocated()-before, uint64(4<<20), "bytes allocated")
		}
	})
}

// allocated is the memory that the program has allocated so far, in bytes,
// whatever of it is free again.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// peakAllocator remembers how much was in use at most.
type peakAllocator struct {
	memory.Allocator
	used, max atomic.Int64
}

func (a *peakAllocator) count(n int) {
	used := a.used.Add(int64(n))
	for {
		peak := a.max.Load()
		if used <= peak || a.max.CompareAndSwap(peak, used) {
			return
		}
	}
}

func (a *peakAllocator) Allocate(size int) []byte {
	a.count(size)
	return a.Allocator.Allocate(size)
}

func (a *peakAllocator) Reallocate(size int, b []byte) []byte {
	a.count(size - len(b))
	return a.Allocator.Reallocate(size, b)
}

func (a *peakAllocator) Free(b []byte) {
	a.count(-len(b))
	a.Allocator.Free(b)
}
