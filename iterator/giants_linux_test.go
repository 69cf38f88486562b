package iterator_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/convert"
	"github.com/redisarrow/redisarrow/internal/resp"
	"github.com/redisarrow/redisarrow/internal/testcluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// giantServers are what giants are read from: each keeps them once more while
// it sends them.
var giantServers = []string{realServer, "valkey-9.1"}

const mib = 1 << 20

// The parts of a scan's memory, in bytes.
const (
	// besides is what isn't values: the read buffer, a page or three of keys,
	// a MiB in flight, stacks, and what Go's runtime has for itself.
	besides = 24 * mib
	// batch is a batch of rows that aren't giants, in the making.
	batch = iterator.DefaultBatchBytes
)

// held is what a value of so many bytes takes while it is read: its place in
// the column and, before that, a place of a sixteenth of that size, and so on.
func held(value int64) int64 { return value + value/15 }

// within says that a scan had no more resident than what it may hold. Under
// -short nothing is a giant, and the race detector takes several times as much.
func (m measured) within(t *testing.T, bound int64) {
	t.Helper()
	if !raceDetector && !testing.Short() {
		assert.LessOrEqual(t, (m.Peak-m.Before)/mib, bound/mib, "MiB resident beyond those before")
	}
}

// short is what is done under -short, where more would find nothing.
func short[T any](full, short T) T {
	if testing.Short() {
		return short
	}
	return full
}

// Acceptance F8 and K11, and what is larger. The servers differ in how they
// send what is large, not in how it is read: the mass is for one of them.
func TestGiants(t *testing.T) {
	servers := giantServers
	if testing.Short() {
		servers = servers[:1]
	}
	testcluster.Each(t, func(t *testing.T, server testcluster.Server) {
		g := giants{servers: testcluster.Start(t, testcluster.Config{Server: server})}
		g.rdb = g.servers.Client(t)
		if server.Valkey {
			t.Run("F8 string of 512 MiB", g.testLargestString)
			return
		}
		t.Run("F8 cell of 512 MiB", g.testLargestCell)
		t.Run("F8 strings of 64 MiB", g.testRow)
		t.Run("F8 keys and fields of 1 MiB", g.testLongKeys)
		t.Run("F8 hash of 5 million fields", g.testManyFields)
	}, servers...)
}

type giants struct {
	servers *testcluster.Cluster
	rdb     *redis.ClusterClient
}

// run runs a scan in a process of its own.
func (g giants) run(t *testing.T, job measuredScan, limit int64) measured {
	t.Helper()
	job.Addrs = g.servers.Addrs()
	job.Config.BatchBytes = short[int64](0, mib)
	return job.run(t, limit)
}

// neighbours are small hashes or strings: at the giant's place, and at the
// last master, which is read afterwards.
func (g giants) neighbours(t *testing.T, put func(p redis.Pipeliner, key, value string)) map[string][]string {
	t.Helper()
	want := map[string][]string{}
	store(t, g.rdb, func(p redis.Pipeliner) {
		for i := range 500 {
			for _, tag := range []string{"{user:3}", "{user:4}"} {
				key := fmt.Sprint(tag, i)
				put(p, key, fmt.Sprint("value ", i))
				want[key] = []string{fmt.Sprint("value ", i)}
			}
		}
	})
	return want
}

// A hash with a field as large as servers take: its row is whole, its
// neighbours are unharmed, and in memory it is once.
func (g giants) testLargestCell(t *testing.T) {
	flush(t, g.rdb)
	size := short[int64](512*mib, 16*mib)
	const key = "{user:3}giant"
	ctx := context.Background()
	want := g.neighbours(t, func(p redis.Pipeliner, key, value string) {
		p.HSet(ctx, key, "before", "1", "text", value, "after", "2")
	})
	for neighbour, row := range want {
		want[neighbour] = []string{"2", row[0], "1"}
	}
	g.put(t, key, 1, size, "HSET", key, "text")
	require.NoError(t, g.rdb.HSet(ctx, key, "before", "3", "after", "4").Err())
	want[key] = []string{"4", digestText(io.LimitReader(newGiant(1), size)), "3"}

	for _, command := range []iterator.HashCommand{iterator.HMGET, iterator.HGETALL}[:short(1, 2)] {
		got := g.run(t, measuredScan{Schema: "_key:key,after:int64,text:utf8,before:int64", Config: iterator.Config{HashCommand: command, BatchSize: 600}}, 0)
		require.Empty(t, got.Err)
		assert.Equal(t, want, got.Rows)
		assert.NotEqual(t, []int64{600, 401}, got.Batches, "the giant, one of the first 501 rows, ends its batch")
		got.within(t, held(size)+batch+besides)
		assert.Less(t, got.InUse, int64(besides), "the giant's memory isn't given back")
	}
}

// The same for a string; then its last byte makes it no text any more.
func (g giants) testLargestString(t *testing.T) {
	flush(t, g.rdb)
	size := short[int64](512*mib, 16*mib)
	const key = "{user:3}giant"
	ctx := context.Background()
	want := g.neighbours(t, func(p redis.Pipeliner, key, value string) { p.Set(ctx, key, value, 0) })
	g.put(t, key, 2, size, "SET", key)
	want[key] = []string{digestText(io.LimitReader(newGiant(2), size))}
	job := measuredScan{Strings: true, Schema: "_key:key,value:utf8", Config: iterator.Config{BatchSize: 600}}
	got := g.run(t, job, 0)
	require.Empty(t, got.Err)
	assert.Equal(t, want, got.Rows)
	got.within(t, held(size)+batch+besides)
	assert.Less(t, got.InUse, int64(besides))

	require.NoError(t, g.rdb.SetRange(ctx, key, size-1, "\xff").Err())
	want[key] = []string{"null"}
	job.Config.OnParseError = convert.Null
	got = g.run(t, job, 0)
	require.Empty(t, got.Err)
	assert.Equal(t, want, got.Rows)
	assert.EqualValues(t, 1, got.Stats.ParseFailures)
	assert.Equal(t, []int64{600, 401}, got.Batches)
	got.within(t, held(size)+batch+besides)
	assert.Less(t, got.InUse, int64(besides))
}

// Many giants one after the other: as many are in memory as have a holder,
// each worker one and the caller one.
func (g giants) testRow(t *testing.T) {
	flush(t, g.rdb)
	size, n := short[int64](64*mib, 4*mib), 10
	want := map[string][]string{}
	for i := range n {
		key := fmt.Sprint("giant:", i) // over three masters
		g.put(t, key, i, size, "SET", key)
		want[key] = []string{digestText(io.LimitReader(newGiant(i), size))}
	}
	ctx := context.Background()
	for _, workers := range []int64{1, 3} {
		t.Run(fmt.Sprint(workers, " workers"), func(t *testing.T) {
			// What is garbage isn't the scan's. Go begins to collect it when the
			// limit is passed, so each worker's next value may come on top.
			limit := (workers+1)*held(size) + besides
			job := measuredScan{Strings: true, Schema: "_key:key,value:utf8", Config: iterator.Config{Concurrency: int(workers)}}
			got := g.run(t, job, limit)
			require.Empty(t, got.Err)
			assert.Equal(t, want, got.Rows)
			got.within(t, limit+workers*held(size))
		})
	}
	t.Run("MaxRows", func(t *testing.T) {
		got := g.run(t, measuredScan{Strings: true, Schema: "_key:key,value:utf8", Config: iterator.Config{MaxRows: 3}}, 0)
		require.Empty(t, got.Err)
		require.Len(t, got.Rows, 3)
		for key, row := range got.Rows {
			assert.Equal(t, want[key], row)
		}
		assert.Less(t, got.Stats.Bytes, 3*size+mib, "values were read that nobody wanted")
	})
	t.Run("in a column of numbers", func(t *testing.T) {
		limit := held(size) + besides
		job := measuredScan{Strings: true, Schema: "_key:key,value:int64", Config: iterator.Config{OnParseError: convert.Null, Pattern: "giant:[0-3]"}}
		got := g.run(t, job, limit)
		require.Empty(t, got.Err)
		require.NotEmpty(t, got.Rows)
		for key, row := range got.Rows {
			assert.Equal(t, []string{"null"}, row, key)
		}
		got.within(t, limit+held(size))

		job.Config.OnParseError = convert.SkipRow
		got = g.run(t, job, limit)
		require.Empty(t, got.Err)
		assert.Empty(t, got.Rows)
		got.within(t, limit+held(size))

		job.Config.OnParseError = convert.Fail
		got = g.run(t, job, limit)
		assert.Contains(t, got.Err, `column "value"`)
		assert.Less(t, len(got.Err), 1000)
	})
	t.Run("no text", func(t *testing.T) {
		for i := range n {
			require.NoError(t, g.rdb.SetRange(ctx, fmt.Sprint("giant:", i), size/2, "\xff").Err())
		}
		limit := held(size) + besides
		got := g.run(t, measuredScan{Strings: true, Schema: "_key:key,value:utf8", Config: iterator.Config{OnParseError: convert.SkipRow}}, limit)
		require.Empty(t, got.Err)
		assert.Empty(t, got.Rows)
		assert.EqualValues(t, n, got.Stats.SkippedRows)
		got.within(t, limit+held(size))
	})
}

// Keys of 1 MiB, with fields whose names have as much: pages of them are
// small, but for the first.
func (g giants) testLongKeys(t *testing.T) {
	flush(t, g.rdb)
	ctx := context.Background()
	n, size := short(250, 50), short(mib, 200_000)
	name, other, filler := strings.Repeat("n", size), strings.Repeat("o", size), strings.Repeat("k", size)
	want := map[string][]string{}
	for i := range n {
		key := fmt.Sprint("{user:3}", i, filler)
		if i%10 == 0 {
			require.NoError(t, g.rdb.HSet(ctx, key, name, i, other, i).Err())
		} else {
			require.NoError(t, g.rdb.HSet(ctx, key, "short", i).Err())
		}
		if i%10 == 0 {
			want[digestText(strings.NewReader(key))] = []string{fmt.Sprint(i), "null"}
		} else {
			want[digestText(strings.NewReader(key))] = []string{"null", fmt.Sprint(i)}
		}
	}
	// The first page, while its memory grows; what comes after it is small.
	limit := int64(100*size)*9/4 + 3*batch + besides
	for _, command := range []iterator.HashCommand{iterator.HMGET, iterator.HGETALL} {
		got := g.run(t, measuredScan{Schema: fmt.Sprintf("_key:key,%q:int64,short:int64", name), Config: iterator.Config{HashCommand: command}}, limit)
		require.Empty(t, got.Err)
		assert.Equal(t, want, got.Rows)
		got.within(t, limit+2*batch)
	}
}

// A hash of millions of fields gives its few that are wanted, whatever the
// schema, and the others stay where they are.
func (g giants) testManyFields(t *testing.T) {
	flush(t, g.rdb)
	ctx := context.Background()
	const key, step = "{user:3}giant", 200_000
	fields := short(5_000_000, 100_000)
	want := g.neighbours(t, func(p redis.Pipeliner, key, value string) { p.HSet(ctx, key, "f1", value) })
	wide := map[string][]string{}
	for neighbour, row := range want {
		wide[neighbour] = append(slices.Repeat([]string{"null"}, 12), "null", row[0], "null")
		want[neighbour] = []string{"null", row[0], "null"}
	}
	for from := 0; from < fields; from += step {
		require.NoError(t, g.rdb.Eval(ctx, `for i = ARGV[1], ARGV[1] + ARGV[2] - 1 do redis.call("HSET", KEYS[1], "f" .. i, i) end return 1`,
			[]string{key}, from, min(step, fields-from)).Err())
	}
	require.EqualValues(t, fields, g.rdb.HLen(ctx, key).Val())
	last := fmt.Sprint(fields - 1)
	want[key] = []string{"0", "1", last}
	wide[key] = append(slices.Repeat([]string{"null"}, 12), "0", "1", last)

	narrow := "f0:int64,f1:utf8,f" + last + ":int64"
	var others strings.Builder
	for i := range 12 {
		fmt.Fprintf(&others, "other%d:utf8,", i)
	}
	for _, c := range []struct {
		schema string
		want   map[string][]string
	}{{narrow, want}, {others.String() + narrow, wide}} {
		got := g.run(t, measuredScan{Schema: "_key:key," + c.schema}, 0)
		require.Empty(t, got.Err)
		assert.Equal(t, c.want, got.Rows)
		assert.Less(t, got.Stats.Bytes, int64(mib), "fields were read that nobody wanted")
		got.within(t, besides)
	}
}

// put sends a command whose last argument is a giant, which is never held.
func (g giants) put(t *testing.T, key string, seed int, size int64, args ...string) {
	t.Helper()
	node, err := g.rdb.MasterForKey(context.Background(), key)
	require.NoError(t, err)
	conn, err := net.Dial("tcp", node.Options().Addr)
	require.NoError(t, err)
	defer conn.Close()
	head := resp.AppendArray(nil, len(args)+1)
	for _, arg := range args {
		head = resp.AppendBulkString(head, arg)
	}
	w := bufio.NewWriterSize(conn, mib)
	_, err = w.Write(fmt.Appendf(head, "$%d\r\n", size))
	require.NoError(t, err)
	_, err = io.CopyN(w, newGiant(seed), size)
	require.NoError(t, err)
	_, err = w.WriteString("\r\n")
	require.NoError(t, err)
	require.NoError(t, w.Flush())
	v, err := resp.NewReader(conn, 1024).ReadValue()
	require.NoError(t, err)
	require.NoError(t, v.Err())
}

// giant is a text without end, of which no MiB is like another.
type giant struct {
	block []byte
	at    int64
}

func newGiant(seed int) *giant {
	block := bytes.Repeat([]byte("The quick brown fox jumps over the lazy dog, Zürich, 012345 times"), mib/66)
	copy(block, fmt.Sprintf("%20d", seed))
	return &giant{block: block}
}

func (g *giant) Read(p []byte) (int, error) {
	at := int(g.at % int64(len(g.block)))
	if at == 0 {
		copy(g.block[20:], fmt.Sprintf("%20d", g.at))
	}
	n := copy(p, g.block[at:])
	g.at += int64(n)
	return n, nil
}
