package minicluster

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/resp"
)

// scanPage asks for one page.
func scanPage(t *testing.T, conn *resp.Conn, cursor string, more ...string) (next string, keys []string) {
	t.Helper()
	v, err := conn.Do(testContext(t), append([]string{"SCAN", cursor}, more...)...)
	require.NoError(t, err)
	require.Len(t, v.Elems, 2)
	for _, k := range v.Elems[1].Elems {
		keys = append(keys, k.Text)
	}
	return v.Elems[0].Text, keys
}

// scanAll scans a node, calls between after each page, and counts how often
// each key came.
func scanAll(t *testing.T, conn *resp.Conn, between func(page int), more ...string) map[string]int {
	t.Helper()
	seen := map[string]int{}
	cursor, keys := "0", []string(nil)
	for page := 0; ; page++ {
		cursor, keys = scanPage(t, conn, cursor, more...)
		for _, k := range keys {
			seen[k]++
		}
		if cursor == "0" {
			return seen
		}
		require.Less(t, page, 100_000, "the scan doesn't end")
		between(page)
	}
}

func nothing(int) {}

// Whatever is written and deleted during a scan, what stays comes, and what
// never was doesn't.
func TestScanReturnsWhatStays(t *testing.T) {
	for _, cfg := range []Config{{}, {SlotTables: true}, {Standalone: true}} {
		for seed := range uint64(6) {
			t.Run(fmt.Sprintf("slot tables %t, standalone %t, seed %d", cfg.SlotTables, cfg.Standalone, seed), func(t *testing.T) {
				cfg.Masters, cfg.Seed = 1, seed
				c := start(t, cfg)
				r := rand.New(rand.NewPCG(seed, 1))
				const stay = 300
				for i := range stay {
					c.SetString("stay:"+strconv.Itoa(i), "x")
				}
				others := 0
				live := map[string]bool{}
				change := func(int) {
					// Bursts, so that the tables grow and shrink in mid-scan.
					switch r.IntN(3) {
					case 0:
						for range r.IntN(2000) {
							k := "other:" + strconv.Itoa(others)
							others++
							live[k] = true
							c.SetString(k, "x")
						}
					case 1:
						for k := range live {
							c.Delete(k)
							delete(live, k)
						}
					}
				}
				change(0)
				seen := scanAll(t, dial(t, c, 0), change, "COUNT", strconv.Itoa(10+r.IntN(50)))
				for i := range stay {
					assert.NotZero(t, seen["stay:"+strconv.Itoa(i)])
				}
				for k := range seen {
					var n int
					if _, err := fmt.Sscanf(k, "other:%d", &n); err == nil {
						assert.Less(t, n, others)
					}
				}
			})
		}
	}
}

// Without changes, every key comes once, also while the table is rehashed.
func TestScanWithoutChangesHasNoRepeats(t *testing.T) {
	for _, slotTables := range []bool{false, true} {
		c := start(t, Config{Masters: 1, SlotTables: slotTables})
		for n := range 3000 {
			c.SetString(strconv.Itoa(n), "x")
			if n%500 == 13 {
				seen := scanAll(t, dial(t, c, 0), nothing, "COUNT", "20")
				assert.Len(t, seen, n+1)
				for k, times := range seen {
					assert.Equal(t, 1, times, k)
				}
			}
		}
	}
}

// A table that shrinks joins visited buckets with others: what of them is left
// comes again. Here 95 % go, and what was seen last stays.
func TestScanRepeatsWhenTheTableShrinks(t *testing.T) {
	for _, cfg := range []Config{{Masters: 1}, {Masters: 1, SlotTables: true}, {Standalone: true}} {
		c := start(t, cfg)
		const total, stay, shrinkAt = 20_000, 1000, 50
		for i := range total {
			c.SetString("{tag}:"+strconv.Itoa(i), "x")
		}
		conn := dial(t, c, 0)
		seen := map[string]int{}
		var order []string
		cursor, keys := "0", []string(nil)
		for page := 0; ; page++ {
			cursor, keys = scanPage(t, conn, cursor, "COUNT", "100")
			for _, k := range keys {
				seen[k]++
			}
			if order = append(order, keys...); cursor == "0" {
				break
			}
			if page == shrinkAt {
				left := map[string]bool{}
				for _, k := range order[len(order)-stay:] {
					left[k] = true
				}
				for _, k := range c.Keys(0) {
					if !left[k] {
						c.Delete(k)
					}
				}
			}
		}
		repeats := 0
		for _, k := range c.Keys(0) {
			if assert.NotZero(t, seen[k], k); seen[k] > 1 {
				repeats++
			}
		}
		assert.Len(t, c.Keys(0), stay)
		assert.Positive(t, repeats, "%+v", cfg)
	}
}

func TestScanPages(t *testing.T) {
	c := start(t, Config{Masters: 1})
	for i := range 1000 {
		c.SetString("s:"+strconv.Itoa(i), "x")
	}
	c.SetHash("h:1", "f", "v")
	c.SetList("l:1", "v")
	c.SetSet("m:1", "v")
	conn := dial(t, c, 0)

	_, keys := scanPage(t, conn, "0")
	assert.GreaterOrEqual(t, len(keys), 10, "COUNT is 10 if not given")
	assert.Less(t, len(keys), 20)
	pages, empty := 0, 0
	for cursor := "0"; ; pages++ {
		cursor, keys = scanPage(t, conn, cursor, "MATCH", "h:*", "COUNT", "100")
		if cursor == "0" {
			break
		}
		if len(keys) == 0 {
			empty++
		}
	}
	assert.GreaterOrEqual(t, pages, 8, "MATCH filters after the walk")
	assert.GreaterOrEqual(t, empty, 7, "empty pages aren't the end")
	for kind, want := range map[string]map[string]int{
		"hash": {"h:1": 1}, "LIST": {"l:1": 1}, "set": {"m:1": 1}, "zset": {},
	} {
		assert.Equal(t, want, scanAll(t, conn, nothing, "TYPE", kind, "COUNT", "500"))
	}
	assert.Len(t, scanAll(t, conn, nothing, "TYPE", "string", "MATCH", "s:?", "COUNT", "500"), 10)

	for want, args := range map[string][]string{
		"ERR invalid cursor": {"SCAN", "x"},
		errSyntax:            {"SCAN", "0", "COUNT", "0"},
		errInteger:           {"SCAN", "0", "COUNT", "x"},
		"ERR wrong number of arguments for 'scan' command": {"SCAN"},
	} {
		assert.Equal(t, want, do(t, conn, args...))
	}
	assert.Equal(t, errSyntax, do(t, conn, "SCAN", "0", "FOO", "1"))
	assert.Equal(t, errSyntax, do(t, conn, "SCAN", "0", "COUNT"))
}

// With a table per slot the cursor's low 14 bits are the slot, ascending, and
// so are the keys; in one table they are in no order.
func TestScanOrder(t *testing.T) {
	for _, slotTables := range []bool{true, false} {
		c := start(t, Config{Masters: 1, SlotTables: slotTables})
		for i := range 5000 {
			c.SetString(strconv.Itoa(i), "x")
		}
		for i := range 500 {
			c.SetString("{tag}:"+strconv.Itoa(i), "x")
		}
		conn := dial(t, c, 0)
		backwards, last := 0, 0
		cursor, keys := "0", []string(nil)
		for {
			cursor, keys = scanPage(t, conn, cursor, "COUNT", "100")
			for _, k := range keys {
				if Slot(k) < last {
					backwards++
				}
				last = Slot(k)
			}
			if cursor == "0" {
				break
			}
			if n, err := strconv.ParseUint(cursor, 10, 64); slotTables && assert.NoError(t, err) {
				assert.GreaterOrEqual(t, int(n%Slots), last, "slots below the cursor's are done")
			}
		}
		assert.Equal(t, slotTables, backwards == 0, "%d times backwards", backwards)

		c.ResetLog()
		assert.Len(t, scanAll(t, conn, nothing, "MATCH", "{tag}:*", "COUNT", "100"), 500)
		if slotTables {
			assert.Less(t, c.Count(0, "SCAN"), 8, "only one slot's table is walked")
		}
	}
}

// A cursor of before a restart leads somewhere else.
func TestCursorIsVoidAfterRestart(t *testing.T) {
	missed := 0
	for seed := range uint64(5) {
		c := start(t, Config{Masters: 1, Seed: seed})
		for i := range 2000 {
			c.SetString(strconv.Itoa(i), "x")
		}
		conn := dial(t, c, 0)
		info := do(t, conn, "INFO", "server")
		cursor, first := scanPage(t, conn, "0", "COUNT", "1000")
		seen := map[string]bool{}
		for _, k := range first {
			seen[k] = true
		}
		require.NoError(t, c.Restart(0))
		_, err := conn.Do(testContext(t), "PING")
		require.Error(t, err, "the restart closes connections")
		conn = dial(t, c, 0)
		assert.NotEqual(t, info, do(t, conn, "INFO", "server"), "another run id")
		for cursor != "0" {
			var keys []string
			cursor, keys = scanPage(t, conn, cursor, "COUNT", "1000")
			for _, k := range keys {
				seen[k] = true
			}
		}
		missed += 2000 - len(seen)
		assert.Len(t, c.Keys(0), 2000)
		assert.Len(t, scanAll(t, conn, nothing), 2000)
	}
	assert.Positive(t, missed)
}

func TestTTL(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	c := start(t, Config{Masters: 1, Now: func() time.Time { return now }})
	conn := dial(t, c, 0)
	c.SetHash("h", "f", "v")
	assert.Equal(t, "-1", do(t, conn, "TTL", "h"))
	assert.Equal(t, "-2", do(t, conn, "PTTL", "nobody"))
	assert.True(t, c.Expire("h", 3600*time.Second))
	assert.False(t, c.Expire("nobody", time.Second))
	assert.Equal(t, "3600", do(t, conn, "TTL", "h"))
	assert.Equal(t, "OK", do(t, conn, "SET", "s", "v", "PX", "400"))
	assert.Equal(t, "0", do(t, conn, "TTL", "s"), "acceptance I, row 3")
	assert.Equal(t, "400", do(t, conn, "PTTL", "s"))
	assert.Equal(t, "OK", do(t, conn, "SET", "t", "v", "EX", "2"))
	assert.Equal(t, "1", do(t, conn, "PEXPIRE", "t", "1600"))
	assert.Equal(t, "2", do(t, conn, "TTL", "t"), "rounded")
	assert.Equal(t, "0", do(t, conn, "EXPIRE", "nobody", "1"))

	now = now.Add(400 * time.Millisecond)
	assert.Equal(t, []string{"h", "t"}, c.Keys(0))
	assert.Equal(t, "3", do(t, conn, "DBSIZE"), "expired, but nobody looked")
	assert.Equal(t, "nil", do(t, conn, "GET", "s"))
	assert.Equal(t, "2", do(t, conn, "DBSIZE"))
	now = now.Add(2 * time.Second)
	assert.Equal(t, map[string]int{"h": 1}, scanAll(t, conn, nothing))
	assert.Equal(t, "1", do(t, conn, "DBSIZE"), "SCAN removes what it finds expired")
	assert.Equal(t, "OK", do(t, conn, "SET", "h", "v"))
	assert.Equal(t, "-1", do(t, conn, "TTL", "h"), "SET takes the TTL away")
}
