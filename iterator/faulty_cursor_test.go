package iterator_test

import (
	"bytes"
	"context"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/internal/testcluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// editCursor changes the cursors that a node returns. edit gets the number of
// the page, the cursor asked with and the honest answer.
func editCursor(node int, edit func(page int64, from, honest uint64) uint64) minicluster.FaultFunc {
	var pages atomic.Int64
	return func(n, _ int, args [][]byte) *minicluster.Fault {
		if n != node || string(args[0]) != "SCAN" {
			return nil
		}
		from, err := strconv.ParseUint(string(args[1]), 10, 64)
		if err != nil {
			panic(err)
		}
		page := pages.Add(1)
		return &minicluster.Fault{Edit: func(reply []byte) []byte {
			// *2, the length of the cursor, the cursor, the keys
			lines := bytes.SplitN(reply, []byte("\r\n"), 4)
			honest, err := strconv.ParseUint(string(lines[2]), 10, 64)
			if err != nil {
				panic(err)
			}
			cursor := strconv.FormatUint(edit(page, from, honest), 10)
			return fmt.Appendf(nil, "*2\r\n$%d\r\n%s\r\n%s", len(cursor), cursor, lines[3])
		}}
	}
}

// A cursor that never ends: the master is given up, with an error that names
// it, and no key comes twice; the other masters are read.
func TestEndlessCursor(t *testing.T) {
	t.Parallel()
	liars := map[string]func(page int64, from, honest uint64) uint64{
		"the same":     func(int64, uint64, uint64) uint64 { return 1 << 20 },
		"a circle":     func(page int64, _, _ uint64) uint64 { return uint64(1+page%5) << 14 },
		"begins again": func(_ int64, _, honest uint64) uint64 { return max(honest, 4<<14) },
		"a step back": func(page int64, from, honest uint64) uint64 {
			return map[bool]uint64{true: honest, false: from}[page < 4 || from == 0]
		},
		// (Where a cursor has its slot, in that slot: one that is further on means
		// that the slots in between are done, and who says that isn't doubted.)
		"at random": func(_ int64, from, _ uint64) uint64 { return rand.Uint64()&^(1<<14-1) | from&(1<<14-1) | 1<<14 },
		"creeping":  func(_ int64, from, _ uint64) uint64 { return bits.Reverse64(bits.Reverse64(from) + 1) },
		"creeping in a slot": func(_ int64, from, _ uint64) uint64 {
			return bits.Reverse64(bits.Reverse64(from>>14)+1<<14)<<14 | 100
		},
		"the largest there": func(_ int64, from, _ uint64) uint64 { return 1<<64 - 1<<14 | from&(1<<14-1) },
	}
	for server, config := range map[string]minicluster.Config{
		"one table": {}, "a table for each slot": {SlotTables: true}, "of unknown make": {}, "alone": {Standalone: true},
	} {
		for name, liar := range liars {
			if server == "of unknown make" && strings.HasPrefix(name, "creeping") || server == "of unknown make" && name == "at random" {
				continue // some 10⁸ pages: see the guard's own test
			}
			if config.SlotTables != (name == "creeping in a slot") && strings.HasPrefix(name, "creeping") {
				continue // it would be something else
			}
			t.Run(server+"/"+name, func(t *testing.T) {
				c, rdb := fake(t, config)
				var client redis.UniversalClient = rdb
				node, slots := 1, ofMaster1
				if config.Standalone {
					node, slots = 0, "0-16383"
					client = redis.NewClient(&redis.Options{Addr: c.Addrs()[0]})
					t.Cleanup(func() { _ = client.Close() })
				}
				want := users(c, 500)
				lie := editCursor(node, liar)
				c.SetFault(whenExecuted(func(node, conn int, args [][]byte) *minicluster.Fault {
					if server == "of unknown make" && string(args[0]) == "INFO" {
						return &minicluster.Fault{Error: "NOPERM this user has no permissions to run the 'info' command"}
					}
					return lie(node, conn, args)
				}))
				enumerate := iterator.PlainScan
				if config.SlotTables {
					enumerate = iterator.SlotScan
				}
				count := 10
				if strings.HasPrefix(name, "creeping") {
					count = 1000
				}
				got := readAll(hashes(t, client, userSchema, iterator.Config{CountHint: count, Enumerate: enumerate, StallTimeout: time.Second}))
				missing := incomplete(t, got.err)
				lost, err := cluster.ParseRanges(slots)
				require.NoError(t, err)
				assert.Equal(t, missing, missing.Intersect(lost), "%s", missing) // some slots may have been listed whole
				require.ErrorContains(t, got.err, "redis node "+c.Addrs()[node]+": SCAN: ")
				if !config.SlotTables || !strings.Contains(got.err.Error(), "out of the order of slots") {
					require.ErrorContains(t, got.err, "it would never end")
				}
				assertUnique(t, got.rows)
				assertRows(t, notOf(want, slots), notOf(got.rows, slots))
				for _, row := range got.rows {
					_, found := slices.BinarySearch(want, row)
					require.True(t, found, row)
				}
			})
		}
	}
}

// Tables of real servers that grow and shrink in mid-scan, and patterns that
// match nothing: no honest server is given up, and no key that stays is missing.
func TestRealTablesInMotion(t *testing.T) {
	t.Parallel()
	testcluster.Each(t, func(t *testing.T, server testcluster.Server) {
		c := testcluster.Start(t, testcluster.Config{Server: server, Conf: map[string]string{"hz": "500"}})
		rdb := c.Client(t)
		n := 20_000
		if server.Name == realServer && !testing.Short() {
			n = 100_000
		}
		// All of one master, most of them in one slot: where there is a table for
		// each slot, that is the one that moves.
		var stay, gone []string
		for i := range n {
			key := fmt.Sprintf("{slot}:%d", i)
			if i%10 == 0 {
				key = fmt.Sprintf("{%d}:%d", i, i)
			}
			if i%50 < 2 {
				stay = append(stay, key)
			} else {
				gone = append(gone, key)
			}
		}
		slices.Sort(stay)
		setAll := func(keys []string) {
			for chunk := range slices.Chunk(keys, 10_000) {
				store(t, rdb, func(p redis.Pipeliner) {
					for _, key := range chunk {
						p.Set(context.Background(), key, "x", 0)
					}
				})
			}
		}
		setAll(stay)
		setAll(gone)
		config := iterator.Config{BatchSize: 500, CountHint: 10}
		read := func(disturb func(batch int)) {
			t.Helper()
			it := strs(t, rdb, "_key:key", config)
			defer it.Release()
			var rows []string
			for batch := 0; it.Next(); batch++ {
				rows = append(rows, cells(it.RecordBatch())...)
				disturb(batch)
			}
			require.NoError(t, it.Err())
			assertUnique(t, rows)
			wanted := make(map[string]bool, len(stay))
			for _, key := range stay {
				wanted[key] = true
			}
			assertRows(t, stay, slices.DeleteFunc(rows, func(key string) bool { return !wanted[key] }))
		}
		part := len(gone) / 8
		read(func(batch int) { // shrinks
			if batch < 8 {
				deleteReal(t, rdb, gone[batch*part:(batch+1)*part])
			}
		})
		deleteReal(t, rdb, gone)
		read(func(batch int) { // grows, while it is small at first
			if batch < 8 {
				setAll(gone[batch*part : (batch+1)*part])
			}
		})

		// Nothing is found on a long way.
		config = iterator.Config{Pattern: "nothing:*", CountHint: 1}
		got := readAll(strs(t, rdb, "_key:key", config))
		require.NoError(t, got.err)
		assert.Empty(t, got.rows)
	})
}

// What is announced as a page of millions of keys is none, and isn't held.
func TestGiantPage(t *testing.T) {
	for often, n := range map[string]int64{"once": 1, "for ever": -1} {
		t.Run(often, func(t *testing.T) {
			c, rdb := fake(t, minicluster.Config{})
			want := users(c, 50)
			it := hashes(t, rdb, userSchema, iterator.Config{Enumerate: iterator.PlainScan, StallTimeout: time.Second})
			c.SetFault(whenExecuted(onceFor("SCAN", n, minicluster.Fault{Raw: []byte("*2\r\n$1\r\n0\r\n*4000000\r\n" + strings.Repeat("$1\r\nx\r\n", 1000)), Close: minicluster.CloseAfter})))
			got := readAll(it)
			if n > 0 {
				require.NoError(t, got.err)
				assertRows(t, want, got.rows)
				return
			}
			assert.Equal(t, "0-16383", incomplete(t, got.err).String())
			require.ErrorContains(t, got.err, "4000000 keys at once")
			assert.Empty(t, got.rows)
		})
	}
}
