package minicluster

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/resp"
)

func clusterPage(t *testing.T, conn *resp.Conn, cursor string, more ...string) (next string, keys []string) {
	t.Helper()
	v, err := conn.Do(testContext(t), append([]string{"CLUSTERSCAN", cursor}, more...)...)
	require.NoError(t, err)
	require.Len(t, v.Elems, 2)
	for _, k := range v.Elems[1].Elems {
		keys = append(keys, k.Text)
	}
	return v.Elems[0].Text, keys
}

// cursorOf is the cursor of the beginning of a slot, with a tag of the test's
// own: servers take any.
func cursorOf(slot int) string {
	tag, _, _ := strings.Cut(keyIn(slot, 0), ":")
	return "0-" + tag + "-0"
}

func TestClusterScanIsValkey91(t *testing.T) {
	for valkey, want := range map[string]string{"": "ERR unknown command", "8.1.1": "ERR unknown command", "9.0.3": "ERR unknown command", "9.1.2": "[0 []]"} {
		c := start(t, Config{Valkey: valkey})
		conn := dial(t, c, 0)
		assert.Contains(t, do(t, conn, "CLUSTERSCAN", cursorOf(6), "SLOT", "6"), want)
		info := do(t, conn, "INFO", "server")
		if valkey == "" {
			assert.Contains(t, info, "redis_version:7.0.15\r\n")
			assert.NotContains(t, info, "valkey")
			continue
		}
		assert.Contains(t, info, "redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:"+valkey+"\r\n")
		assert.Contains(t, do(t, conn, "HELLO", "2"), "[server valkey version "+valkey)
	}
	_, err := Start(Config{Valkey: "new"})
	assert.Error(t, err)
}

func TestClusterScanSlot(t *testing.T) {
	c := start(t, Config{Valkey: "9.1.2", Replicas: 1})
	conn, addrs := conns(t, c), c.Addrs()
	var want []string
	for i := range 100 {
		want = append(want, keyIn(5, i))
		c.SetString(keyIn(5, i), "x")
		c.SetString(keyIn(100, i), "x")
	}
	slices.Sort(want)

	next, keys := clusterPage(t, conn[0], cursorOf(5), "SLOT", "5", "COUNT", "1000")
	slices.Sort(keys)
	assert.Equal(t, "0", next)
	assert.Equal(t, want, keys)

	keys = nil
	pages := 0
	for next = cursorOf(5); next != "0"; pages++ {
		var page []string
		next, page = clusterPage(t, conn[0], next, "SLOT", "5")
		keys = append(keys, page...)
	}
	slices.Sort(keys)
	assert.Equal(t, want, keys)
	assert.Greater(t, pages, 3)

	_, keys = clusterPage(t, conn[0], cursorOf(5), "SLOT", "5", "COUNT", "1000", "MATCH", "*:1?")
	assert.Len(t, keys, 10)
	_, keys = clusterPage(t, conn[0], cursorOf(5), "SLOT", "5", "COUNT", "1000", "TYPE", "hash")
	assert.Empty(t, keys)

	t.Run("errors", func(t *testing.T) {
		for _, bad := range []string{"5", "0-{460}", "0-{460}-x", "0-{460}--1", "a-b-{460}-0"} {
			assert.Equal(t, "ERR Invalid cursor", do(t, conn[slotOwner(c, bad)], "CLUSTERSCAN", bad), bad)
		}
		assert.Equal(t, "ERR Cursor slot mismatch with SLOT argument", do(t, conn[0], "CLUSTERSCAN", cursorOf(5), "SLOT", "6"))
		assert.Equal(t, "ERR Invalid or out of range slot", do(t, conn[0], "CLUSTERSCAN", cursorOf(5), "SLOT", "16384"))
		assert.Equal(t, "ERR SLOT option can only be specified once", do(t, conn[0], "CLUSTERSCAN", cursorOf(5), "SLOT", "5", "SLOT", "5"))
		for _, more := range [][]string{{"SLOT"}, {"COUNT"}, {"COUNT", "0"}, {"NO", "1"}} {
			assert.Equal(t, errSyntax, do(t, conn[0], append([]string{"CLUSTERSCAN", cursorOf(5)}, more...)...))
		}
	})
	t.Run("routes", func(t *testing.T) {
		assert.Equal(t, "MOVED 13907 "+addrs[2], do(t, conn[0], "CLUSTERSCAN", "0", "SLOT", "5"), "0 is hashed as any cursor")
		assert.Equal(t, fmt.Sprintf("[0-{%s}-0 []]", slotTags()[5]), do(t, conn[2], "CLUSTERSCAN", "0", "SLOT", "5"))
		assert.Equal(t, "MOVED 5 "+addrs[0], do(t, conn[1], "CLUSTERSCAN", cursorOf(5)))
		assert.Equal(t, "MOVED 5 "+addrs[0], do(t, conn[3], "CLUSTERSCAN", cursorOf(5)), "a replica")
		do(t, conn[3], "READONLY")
		_, keys := clusterPage(t, conn[3], cursorOf(5), "SLOT", "5", "COUNT", "1000")
		assert.Len(t, keys, 100)

		require.NoError(t, c.OpenMigration(5, 1))
		assert.Equal(t, "ASK 5 "+addrs[1], do(t, conn[0], "CLUSTERSCAN", cursorOf(5), "SLOT", "5"))
		c.MoveKeys(0, 1, want[:30]...)
		do(t, conn[1], "ASKING")
		_, keys = clusterPage(t, conn[1], cursorOf(5), "SLOT", "5", "COUNT", "1000")
		assert.Len(t, keys, 30)
		_, keys = clusterPage(t, conn[0], cursorOf(0), "COUNT", "1000")
		assert.Len(t, keys, 170, "without SLOT nobody asks about the slots that follow")
		require.NoError(t, c.AbortMigration(5))
	})
}

func slotOwner(c *Cluster, key string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.truth.Owner(Slot(key))
}

// A cursor of another process begins the slot again, without a word.
func TestClusterScanFingerprint(t *testing.T) {
	c := start(t, Config{Valkey: "9.1.2"})
	for i := range 100 {
		c.SetString(keyIn(5, i), "x")
	}
	conn := dial(t, c, 0)
	next, _ := clusterPage(t, conn, cursorOf(5), "SLOT", "5", "COUNT", "60")
	again, rest := clusterPage(t, conn, next, "SLOT", "5", "COUNT", "1000")
	assert.Equal(t, "0", again)
	assert.Less(t, len(rest), 100)
	_, all := clusterPage(t, conn, "0"+next[strings.Index(next, "-"):], "SLOT", "5", "COUNT", "1000")
	assert.Len(t, all, 100, "nobody's fingerprint: from the beginning")

	require.NoError(t, c.Restart(0))
	conn = dial(t, c, 0)
	after, _ := clusterPage(t, conn, next, "SLOT", "5", "COUNT", "60")
	assert.NotEqual(t, strings.Split(next, "-")[0], strings.Split(after, "-")[0])
	_, all = clusterPage(t, conn, next, "SLOT", "5", "COUNT", "1000")
	assert.Len(t, all, 100)
}

// Without SLOT it goes through all slots of all nodes, as redirects lead it.
func TestClusterScanAll(t *testing.T) {
	c := start(t, Config{Valkey: "9.1.2"})
	conn := conns(t, c)
	for i := range 1000 {
		c.SetString(fmt.Sprint(i), "x")
	}
	c.MoveSlot(2, 77)
	seen := map[string]bool{}
	for next, pages := "0", 0; ; pages++ {
		require.Less(t, pages, 1000)
		var keys []string
		next, keys = clusterPage(t, conn[slotOwner(c, next)], next, "COUNT", "40")
		for _, k := range keys {
			assert.False(t, seen[k], k)
			seen[k] = true
		}
		if next == "0" {
			break
		}
	}
	assert.Len(t, seen, 1000)

	next, keys := clusterPage(t, conn[0], cursorOf(5), "MATCH", keyIn(100, 1))
	assert.Equal(t, begin(100), next, "it jumps to the pattern's slot")
	assert.Empty(t, keys)
	next, _ = clusterPage(t, conn[0], cursorOf(5), "MATCH", keyIn(100, 1), "SLOT", "5")
	assert.Equal(t, "0", next)
}

func TestClusterScanInTransactions(t *testing.T) {
	c := start(t, Config{Valkey: "9.1.2"})
	conn := dial(t, c, 0)
	exec := func(cmds ...[]string) string {
		t.Helper()
		v, err := conn.Pipeline(testContext(t), append(append([][]string{{"MULTI"}}, cmds...), []string{"EXEC"})...)
		require.NoError(t, err)
		return show(v[len(v)-1])
	}
	six := []string{"CLUSTERSCAN", cursorOf(6), "SLOT", "6"}
	assert.Equal(t, "[[0 []] [0 []] []]", exec(six, six, []string{"CLUSTER", "GETKEYSINSLOT", "7", "9"}))
	assert.Equal(t, errCrossSlot, exec(six, []string{"CLUSTERSCAN", cursorOf(7), "SLOT", "7"}))
	assert.Equal(t, "[ERR Cursor slot mismatch with SLOT argument]", exec([]string{"CLUSTERSCAN", cursorOf(6), "SLOT", "7"}))
}

// The number of a slot is a cursor: that of its table's beginning.
func TestScanBeginsAtASlot(t *testing.T) {
	c := start(t, Config{SlotTables: true})
	for slot, n := range map[int]int{0: 20, 5: 300, 100: 3, 5460: 4} {
		for i := range n {
			c.SetString(keyIn(slot, i), "x")
		}
	}
	conn := dial(t, c, 0)
	for first, want := range map[int]int{0: 327, 1: 307, 5: 307, 6: 7, 100: 7, 101: 4, 5460: 4, 5461: 0, 16383: 0} {
		seen := map[string]bool{}
		next := fmt.Sprint(first)
		for {
			var keys []string
			next, keys = scanPage(t, conn, next, "COUNT", "50")
			for _, k := range keys {
				assert.GreaterOrEqual(t, Slot(k), first)
				seen[k] = true
			}
			if next == "0" {
				break
			}
		}
		assert.Len(t, seen, want, "from slot %d", first)
	}
}
