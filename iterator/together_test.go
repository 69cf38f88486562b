package iterator_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/iterator"
)

// togetherTags make slots; two of them have more keys than go into one command.
var togetherTags = []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"}

// Strings of one slot are read with MGET. Some are neighbours in theirs, others
// are alone.
func setTogether(c *minicluster.Cluster) (want []string) {
	for i := range 250 {
		for n, tag := range togetherTags {
			if n >= 2 && i >= 60 {
				break
			}
			key := fmt.Sprintf("{%s}:%d", tag, i)
			c.SetString(key, fmt.Sprint(i))
			want = append(want, fmt.Sprintf("%s|%d", key, i))
		}
	}
	for i := range 50 {
		key := fmt.Sprint("alone:", i)
		c.SetString(key, fmt.Sprint(i))
		want = append(want, fmt.Sprintf("%s|%d", key, i))
	}
	slices.Sort(want)
	return want
}

func TestTogetherRows(t *testing.T) {
	t.Parallel()
	inEachWay(t, func(t *testing.T, way fakeWay) {
		c, rdb := fake(t, way.server(minicluster.Config{}))
		want := setTogether(c)
		read := func(config iterator.Config) result {
			c.ResetLog()
			return readAll(strs(t, rdb, "_key:key,value:int64", way.scan(config)))
		}
		got := read(iterator.Config{})
		require.NoError(t, got.err)
		assert.Equal(t, want, got.rows)
		if way.enumerate != iterator.PlainScan { // whose keys come in any order
			assert.GreaterOrEqual(t, c.Count(-1, "MGET"), 6+10)
			assert.Less(t, c.Count(-1, "MGET")+c.Count(-1, "GET"), 150)
			assert.Contains(t, commandsOf(got), "MGET")
		}
		for _, cmd := range c.Log() {
			if cmd.Args[0] == "MGET" {
				assert.LessOrEqual(t, len(cmd.Args)-1, 100)
			}
		}

		got = read(iterator.Config{StringCommand: iterator.GET})
		require.NoError(t, got.err)
		assert.Equal(t, want, got.rows)
		assert.Zero(t, c.Count(-1, "MGET"))
		assert.Equal(t, []string{"GET"}, commandsOf(got))

		got = read(iterator.Config{MaxRows: 137})
		require.NoError(t, got.err)
		assert.Len(t, got.rows, 137)
		assert.Subset(t, want, got.rows)
	})
}

// commandsOf are the commands by which the nodes' keys were read.
func commandsOf(r result) (names []string) {
	for _, n := range r.stats.Nodes {
		for _, name := range n.Commands {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// MGET's null is a key that is gone as well as one of another type, and what is
// neither must not be lost.
func TestTogetherChanged(t *testing.T) {
	t.Parallel()
	inEachWay(t, func(t *testing.T, way fakeWay) {
		c, rdb := fake(t, way.server(minicluster.Config{}))
		want := setTogether(c)
		changed := false
		c.SetFault(func(_, _ int, args [][]byte) *minicluster.Fault {
			if changed || string(args[0]) != "MGET" || len(args) < 5 {
				return nil
			}
			changed = true
			gone, list := string(args[1]), string(args[3])
			return &minicluster.Fault{Before: func() {
				c.Delete(gone)
				c.Delete(list)
				c.SetHash(list, "a", "1")
				want = slices.DeleteFunc(want, func(row string) bool {
					return len(row) > len(gone) && row[:len(gone)+1] == gone+"|" || len(row) > len(list) && row[:len(list)+1] == list+"|"
				})
			}}
		})
		got := readAll(strs(t, rdb, "_key:key,value:int64", way.scan(iterator.Config{})))
		require.NoError(t, got.err)
		assert.Equal(t, want, got.rows)
		if changed {
			assert.EqualValues(t, 1, got.stats.Vanished)
			assert.EqualValues(t, 1, got.stats.WrongType)
		}
		assert.True(t, changed || way.enumerate == iterator.PlainScan)
	})
}

// What is said to a command about several keys need not be so for each of them.
func TestTogetherRefused(t *testing.T) {
	t.Parallel()
	again := 0 // how often it is asked for where it may well be answered another time
	for _, reply := range []string{
		"TRYAGAIN Multiple keys request during rehashing of slot", "LOADING Redis is loading the dataset in memory",
		"NOPERM User reader has no permissions to run the 'mget' command", "ERR unknown command 'MGET'", "ERR something",
	} {
		t.Run(reply[:4], func(t *testing.T) {
			c, rdb := fake(t, minicluster.Config{})
			want := setTogether(c)
			refused := 0
			c.SetFault(func(_, _ int, args [][]byte) *minicluster.Fault {
				if string(args[0]) != "MGET" {
					return nil
				}
				refused++
				return &minicluster.Fault{Error: reply}
			})
			got := readAll(strs(t, rdb, "_key:key,value:int64", iterator.Config{CountHint: 40, MaxInFlightBytes: 1000}))
			require.NoError(t, got.err)
			assert.Equal(t, want, got.rows)
			assert.Positive(t, refused)
			if reply[:3] == "TRY" {
				again = refused
			}
			if reply[:4] == "NOPE" || reply[:4] == "ERR " && reply != "ERR something" {
				assert.Less(t, refused, again/2, "it is asked for again, although it is known that it may not be used")
			}
		})
	}
}

// Slots that are being moved: an MGET of keys that are partly away is refused.
func TestTogetherMoving(t *testing.T) {
	t.Parallel()
	c, rdb := fake(t, minicluster.Config{})
	want := setTogether(c)
	slot := int(cluster.Slot([]byte("{a}")))
	owner := slices.IndexFunc([]int{0, 1, 2}, func(node int) bool { return len(c.SlotKeys(node, slot)) > 0 })
	target := (owner + 1) % 3
	require.NoError(t, c.OpenMigration(slot, target))
	require.Equal(t, 100, c.MoveKeys(owner, target, c.SlotKeys(owner, slot)[:100]...))
	got := readAll(strs(t, rdb, "_key:key,value:int64", iterator.Config{}))
	require.NoError(t, got.err)
	assert.Equal(t, want, got.rows)
}

// On real servers, beside keys of other types.
func TestTogetherOnServers(t *testing.T) {
	onServers(t, func(t *testing.T, on place) {
		var want []string
		store(t, on.admin, func(p redis.Pipeliner) {
			for i := range 300 {
				p.Set(context.Background(), fmt.Sprintf("{t}:s:%d", i), i, 0)
				want = append(want, fmt.Sprintf("{t}:s:%d|%d", i, i))
			}
			for i := range 30 {
				p.HSet(context.Background(), fmt.Sprintf("{t}:h:%d", i), "a", i)
			}
		})
		slices.Sort(want)
		for _, way := range append([]iterator.Enumeration{iterator.AutoEnumerate}, iterator.KeysInSlot) {
			got := readAll(strs(t, on.rdb, "_key:key,value:int64", iterator.Config{Enumerate: way}))
			require.NoError(t, got.err)
			assert.Equal(t, want, got.rows)
			assert.Contains(t, commandsOf(got), "MGET")
		}
	})
}
