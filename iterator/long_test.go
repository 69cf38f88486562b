package iterator_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/convert"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// longText is n bytes, no two KiB of them alike.
func longText(seed, n int) string {
	const filler = "0123456789abcdefghijklmnopqrstuvwxyz$*Zürich\r\n"
	pattern := strings.Repeat(filler, 1000/len(filler))
	b := make([]byte, 0, n+2000)
	for i := 0; len(b) < n; i++ {
		b = append(fmt.Appendf(b, "%d.%d:", seed, i), pattern...)
	}
	return strings.ToValidUTF8(string(b[:n]), "?") // the last letter may have been cut
}

// Values around the read buffer's size of 64 KiB, and far beyond, among small
// ones, in each column of a hash and as strings: all are what was stored.
func TestLongValues(t *testing.T) {
	c, rdb := fake(t, minicluster.Config{})
	sizes := []int{0, 1, 1000, 64<<10 - 20, 64<<10 - 3, 64<<10 - 2, 64<<10 - 1, 64 << 10, 64<<10 + 1, 100_000, 1<<20 - 1, 1 << 20, 3<<20 + 7}
	var wantHashes, wantStrings []string
	rows, batchSizes := 4*len(sizes), []int64{1, 1 << 20, 0}
	if testing.Short() {
		rows, batchSizes = len(sizes), batchSizes[1:2]
	}
	for i := range rows {
		size := func(k int) int { return sizes[(i*k+k)%len(sizes)] }
		a, b := longText(i, size(1)), longText(i+1000, size(3))
		key := fmt.Sprint("long:", i)
		c.SetHash(key, "other", longText(i, size(5)), "b", b, "n", fmt.Sprint(i), "a", a, "", longText(i, size(7)))
		wantHashes = append(wantHashes, strings.Join([]string{key, a, fmt.Sprint(i), b}, "|"))
		c.SetString("s"+key, a)
		wantStrings = append(wantStrings, "s"+key+"|"+a)
	}
	slices.Sort(wantHashes)
	slices.Sort(wantStrings)
	for _, batchBytes := range batchSizes {
		for _, command := range []iterator.HashCommand{iterator.HMGET, iterator.HGETALL} {
			got := readAll(hashes(t, rdb, "_key:key,a:utf8,n:int64,b:utf8", iterator.Config{HashCommand: command, BatchBytes: batchBytes}))
			require.NoError(t, got.err)
			assertLongRows(t, wantHashes, got.rows)
		}
		got := readAll(strs(t, rdb, "_key:key,value:utf8", iterator.Config{BatchBytes: batchBytes}))
		require.NoError(t, got.err)
		assertLongRows(t, wantStrings, got.rows)
	}
}

// assertLongRows compares rows without printing them whole.
func assertLongRows(t *testing.T, want, got []string) {
	t.Helper()
	require.Len(t, got, len(want))
	for i := range want {
		require.True(t, want[i] == got[i], "row %d: %.40q, %d bytes, instead of %.40q, %d bytes", i, got[i], len(got[i]), want[i], len(want[i]))
	}
}

// Long values that don't fit their column, under each policy: the row is what
// it would be with a short one, and the message is short.
func TestLongBadCells(t *testing.T) {
	size := 5 << 20
	if testing.Short() {
		size = 200_000
	}
	long := longText(1, size)
	for name, bad := range map[string]struct {
		column, value string
		err           error
	}{
		"UTF-8 at the end":   {"utf8", long + "\xff", convert.ErrUTF8},
		"UTF-8 at the start": {"utf8", "\xff" + long, convert.ErrUTF8},
		"UTF-8 cut":          {"utf8", long + "\xc3", convert.ErrUTF8},
		"int64":              {"int64", long, convert.ErrSyntax},
		"many digits":        {"int64", strings.Repeat("7", size), convert.ErrRange},
		"float64":            {"float64", long, convert.ErrSyntax},
		"boolean":            {"boolean", long, convert.ErrSyntax},
		"date32":             {"date32", long, convert.ErrSyntax},
		"timestamp":          {"timestamp", long, convert.ErrSyntax},
	} {
		t.Run(name, func(t *testing.T) {
			c, rdb := fake(t, minicluster.Config{})
			var null, skip []string
			for i := range 20 {
				key := fmt.Sprintf("{k}:%02d", i)
				if i == 10 {
					c.SetHash(key, "a", long, "v", bad.value, "z", long)
					c.SetString("s"+key, bad.value)
					null = append(null, key+"|"+long+"|null|"+long)
					continue
				}
				c.SetHash(key, "a", fmt.Sprint("a", i), "z", fmt.Sprint("z", i))
				skip = append(skip, fmt.Sprintf("%s|a%d|null|z%d", key, i, i))
			}
			null = append(null, skip...)
			slices.Sort(null)
			s := "_key:key,a:utf8,v:" + bad.column + ",z:utf8"
			for _, command := range []iterator.HashCommand{iterator.HMGET, iterator.HGETALL} {
				got := readAll(hashes(t, rdb, s, iterator.Config{HashCommand: command, OnParseError: convert.Null}))
				require.NoError(t, got.err)
				assertLongRows(t, null, got.rows)
				assert.EqualValues(t, 1, got.stats.ParseFailures)
				got = readAll(hashes(t, rdb, s, iterator.Config{HashCommand: command, OnParseError: convert.SkipRow}))
				require.NoError(t, got.err)
				assertLongRows(t, skip, got.rows)
				assert.EqualValues(t, 1, got.stats.SkippedRows)
				got = readAll(hashes(t, rdb, s, iterator.Config{HashCommand: command}))
				assertShortCellError(t, got.err, "{k}:10", "v", bad.value, bad.err)
			}
			got := readAll(strs(t, rdb, "_key:key,value:"+bad.column, iterator.Config{}))
			assertShortCellError(t, got.err, "s{k}:10", "value", bad.value, bad.err)
		})
	}
}

func assertShortCellError(t *testing.T, err error, key, field, value string, cause error) {
	t.Helper()
	var cell *iterator.CellError
	require.ErrorAs(t, err, &cell)
	assert.Equal(t, key, cell.Key)
	assert.Equal(t, field, cell.Field)
	assert.Equal(t, value[:100]+"…", cell.Value)
	require.ErrorIs(t, cell, cause)
	assert.Less(t, len(cell.Error()), 1000)
}

// Numbers may be written with any number of digits.
func TestLongNumbers(t *testing.T) {
	c, rdb := fake(t, minicluster.Config{})
	zeros := strings.Repeat("0", 1<<20)
	c.SetHash("k", "i", zeros+"42", "f", "1."+zeros, "g", strings.Repeat("9", 1<<20))
	got := readAll(hashes(t, rdb, "i:int64,f:float64,g:float64", iterator.Config{}))
	require.NoError(t, got.err)
	assert.Equal(t, []string{"42|1|+Inf"}, got.rows)
}

// A connection that breaks in the middle of a long value costs nothing but
// time, wherever it is.
func TestLongValueIsCut(t *testing.T) {
	c, rdb := fake(t, minicluster.Config{})
	var want []string
	for i := range 5 {
		a, b := longText(i, 1<<20), longText(i+10, 100_000)
		c.SetHash(fmt.Sprint("{k}:", i), "a", a, "b", b)
		want = append(want, fmt.Sprintf("{k}:%d|%s|%s", i, a, b))
	}
	for _, at := range []int{1, 8, 20, 1000, 64 << 10, 64<<10 + 20, 500_000, 1<<20 + 10, 1<<20 + 16, 1<<20 + 20, 1<<20 + 50_000, 1<<20 + 100_000 + 24, 1<<20 + 100_000 + 26} {
		for nth := range int64(2) {
			if testing.Short() && nth > 0 {
				break
			}
			var hits atomic.Int64
			c.SetFault(func(_, _ int, args [][]byte) *minicluster.Fault {
				if string(args[0]) == "HMGET" && hits.Add(1) == nth+1 {
					return &minicluster.Fault{Close: minicluster.CloseWithin, CloseBytes: at}
				}
				return nil
			})
			got := readAll(hashes(t, rdb, "_key:key,a:utf8,b:binary", iterator.Config{}))
			require.NoError(t, got.err)
			for i, row := range got.rows { // binary cells are shown in base64
				cells := strings.Split(row, "|")
				b, err := base64.StdEncoding.DecodeString(cells[2])
				require.NoError(t, err)
				got.rows[i] = cells[0] + "|" + cells[1] + "|" + string(b)
			}
			assertLongRows(t, want, got.rows)
			assert.Positive(t, got.stats.Retries, "nothing was cut")
		}
	}
}

// Fields of a hash that are wanted, and such that are not, with names of 1 MiB.
func TestLongNames(t *testing.T) {
	c, rdb := fake(t, minicluster.Config{})
	name := func(seed int) string { return longText(seed, 1<<20) }
	for i := range 10 {
		c.SetHash(fmt.Sprint("k", i),
			name(1), fmt.Sprint("one", i), name(2), "not wanted", name(3)+"longer", "not wanted", "", "not wanted",
			"short", fmt.Sprint("two", i), name(1)[:100_000], "not wanted")
	}
	c.SetHash("k10", "short", "alone")
	want := []string{"k10|null|alone"}
	for i := range 10 {
		want = append(want, fmt.Sprintf("k%d|one%d|two%d", i, i, i))
	}
	slices.Sort(want)
	s := fmt.Sprintf("_key:key,%q:utf8,short:utf8", name(1))
	for _, command := range []iterator.HashCommand{iterator.HMGET, iterator.HGETALL} {
		got := readAll(hashes(t, rdb, s, iterator.Config{HashCommand: command}))
		require.NoError(t, got.err)
		assertRows(t, want, got.rows)
	}
}

// Keys of 100 KiB and of 1 MiB with some short ones: every key has its row,
// and once they have been met, SCAN is asked for no more of them at a time than
// are some MiB.
func TestLongKeys(t *testing.T) {
	inEachWay(t, testLongKeys)
}

func testLongKeys(t *testing.T, way fakeWay) {
	c, rdb := fake(t, way.server(minicluster.Config{}))
	var want []string
	add := func(i, size int) {
		key := fmt.Sprint("{k}", i, longText(i, size))
		c.SetHash(key, "v", fmt.Sprint(i))
		c.SetString("s"+key, fmt.Sprint(i))
		want = append(want, key+"|"+fmt.Sprint(i))
	}
	long, longer, batchSizes := 300, 10, []int64{1 << 20, 0}
	if testing.Short() {
		long, longer, batchSizes = 60, 1, batchSizes[:1]
	}
	for i := range long {
		add(i, 100_000)
	}
	for i := range longer {
		add(1000+i, 1<<20)
	}
	for i := range 50 {
		add(2000+i, 10)
	}
	slices.Sort(want)
	for _, batchBytes := range batchSizes {
		c.SetRecord(true)
		got := readAll(hashes(t, rdb, "_key:key,v:int64", way.scan(iterator.Config{Pattern: "{k}*", BatchBytes: batchBytes})))
		c.SetRecord(false)
		require.NoError(t, got.err)
		assertLongRows(t, want, got.rows)
		var counts []int
		for _, command := range c.Log() {
			if args := command.Args; args[0] == "SCAN" {
				n, err := strconv.Atoi(args[slices.Index(args, "COUNT")+1])
				require.NoError(t, err)
				counts = append(counts, n)
			}
		}
		c.ResetLog()
		if way.command == listsNode { // a slot's list comes in one go
			assert.Equal(t, 100, counts[0])
			assert.Less(t, slices.Max(counts[1:]), 300)
		}
	}
	got := readAll(strs(t, rdb, "_key:key,value:int64", way.scan(iterator.Config{})))
	require.NoError(t, got.err)
	for i := range got.rows {
		got.rows[i] = got.rows[i][1:]
	}
	assertLongRows(t, want, got.rows)
}

// One large value among many small ones: less is asked for at a time after it,
// and soon as much as before again.
func TestLongValueAmongShort(t *testing.T) {
	c, rdb := fake(t, minicluster.Config{Gather: 5 * time.Millisecond})
	const n, page = 8000, 1000
	// The name is one that the fake, whose order is fixed, returns early.
	want := map[string]int{"{t}giant-h": 16 << 20}
	for i := range n {
		c.SetString(fmt.Sprint("{t}", i), "small")
		want[fmt.Sprint("{t}", i)] = len("small")
	}
	c.SetString("{t}giant-h", longText(1, 16<<20))
	c.SetRecord(true)
	it := strs(t, rdb, "_key:key,value:utf8", iterator.Config{Pattern: "{t}*", Enumerate: iterator.PlainScan, CountHint: page, MaxInFlightBytes: 1 << 20})
	defer it.Release()
	got := map[string]int{}
	for it.Next() {
		keys, values := it.RecordBatch().Column(0).(*array.String), it.RecordBatch().Column(1).(*array.String)
		for i := range keys.Len() {
			got[strings.Clone(keys.Value(i))] = values.ValueLen(i)
		}
	}
	require.NoError(t, it.Err())
	assert.Equal(t, want, got)

	var before, after []int // keys of each pipeline
	for _, batch := range c.Batches() {
		keys, giant := 0, false
		for _, command := range batch {
			if name := command.Args[0]; name == "GET" || name == "MGET" {
				keys += len(command.Args) - 1
				giant = giant || slices.Contains(command.Args, "{t}giant-h")
			}
		}
		if giant || len(after) > 0 {
			after = append(after, keys)
		} else if keys > 0 {
			before = append(before, keys)
		}
	}
	require.Greater(t, len(after), 5, "the giant comes too late to see what follows")
	assert.Equal(t, 1, before[0])
	assert.Greater(t, slices.Max(before), page/2)
	assert.Less(t, slices.Min(after[:len(after)/2]), page/4)
	assert.Greater(t, slices.Max(after[len(after)/2:]), page/2)
}

// A value of more than 1 GiB is refused at once, by key and field.
func TestTooLarge(t *testing.T) {
	const promise = "$1610612736\r\nabc"
	for _, test := range []struct {
		command, reply string
		field          string
	}{
		{"HMGET", "*2\r\n$1\r\nx\r\n" + promise, "b"},
		{"HGETALL", "*4\r\n$1\r\nb\r\n" + promise, "b"},
		{"HGETALL", "*4\r\n$1\r\nc\r\n" + promise, ""},
		{"HGETALL", "*4\r\n" + promise, ""},
		{"GET", promise, ""},
	} {
		t.Run(test.command, func(t *testing.T) {
			c, rdb := fake(t, minicluster.Config{})
			c.SetHash("good", "a", "1", "b", "2")
			c.SetHash("giant", "a", "1", "b", "2")
			c.SetString("giant string", "")
			c.SetFault(func(_, _ int, args [][]byte) *minicluster.Fault {
				if string(args[0]) == test.command && strings.HasPrefix(string(args[1]), "giant") {
					return &minicluster.Fault{Raw: []byte(test.reply)}
				}
				return nil
			})
			var got result
			switch test.command {
			case "GET":
				got = readAll(strs(t, rdb, "value:utf8", iterator.Config{}))
			case "HMGET":
				got = readAll(hashes(t, rdb, "a:utf8,b:utf8", iterator.Config{HashCommand: iterator.HMGET}))
			default:
				got = readAll(hashes(t, rdb, "a:utf8,b:utf8", iterator.Config{HashCommand: iterator.HGETALL}))
			}
			require.ErrorIs(t, got.err, iterator.ErrTooLarge)
			var node *iterator.NodeError
			require.ErrorAs(t, got.err, &node)
			assert.Contains(t, node.Error(), test.command+` "giant`)
			if test.field != "" {
				assert.Contains(t, node.Error(), fmt.Sprintf("field %q", test.field))
			}
			assert.Contains(t, node.Error(), "1610612736 bytes")
			assert.Contains(t, node.Error(), "leave the key out")
			assert.Zero(t, got.stats.Retries)
		})
	}
}

// So is one behind a redirect: it is no matter of time.
func TestTooLargeBehindRedirect(t *testing.T) {
	for _, redirect := range []string{"ASK", "MOVED"} {
		t.Run(redirect, func(t *testing.T) {
			c, rdb := fake(t, minicluster.Config{})
			const key = "giant{user:3}" // at node 0
			c.SetHash(key, "a", "1")
			slot := cluster.Slot([]byte(key))
			c.SetFault(func(node, _ int, args [][]byte) *minicluster.Fault {
				switch {
				case string(args[0]) != "HMGET":
					return nil
				case node == 2:
					return &minicluster.Fault{Raw: []byte("*1\r\n$1610612736\r\nabc")}
				default:
					return &minicluster.Fault{Error: fmt.Sprintf("%s %d %s", redirect, slot, c.Addrs()[2])}
				}
			})
			got := readAll(hashes(t, rdb, "a:utf8", iterator.Config{StallTimeout: time.Hour}))
			require.ErrorIs(t, got.err, iterator.ErrTooLarge)
			assert.Contains(t, got.err.Error(), c.Addrs()[2])
			assert.Contains(t, got.err.Error(), `HMGET "giant{user:3}"`)
			assert.Contains(t, got.err.Error(), `field "a"`)
			assert.Contains(t, got.err.Error(), "leave the key out")
		})
	}
}
