package minicluster

import (
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/resp"
)

func conns(t *testing.T, c *Cluster) []*resp.Conn {
	t.Helper()
	var out []*resp.Conn
	for i := range c.Addrs() {
		out = append(out, dial(t, c, i))
	}
	return out
}

func TestMoved(t *testing.T) {
	c := start(t, Config{})
	conn, addrs := conns(t, c), c.Addrs()
	c.SetHash("user:1", "name", "Alice") // slot 10778, node 1
	assert.Equal(t, "MOVED 10778 "+addrs[1], do(t, conn[0], "HGETALL", "user:1"))
	assert.Equal(t, "[name Alice]", do(t, conn[1], "hgetall", "user:1"))
	assert.Equal(t, "MOVED 10778 "+addrs[1], do(t, conn[2], "HSET", "user:1", "a", "b"))
	assert.Equal(t, errCrossSlot, do(t, conn[1], "MGET", "user:1", "user:3"))
	c.MoveSlot(2, 10778)
	assert.Equal(t, "MOVED 10778 "+addrs[2], do(t, conn[1], "HLEN", "user:1"))
	assert.Equal(t, "1", do(t, conn[2], "HLEN", "user:1"))
	assert.Empty(t, c.Keys(1))
}

func TestOpenMigration(t *testing.T) {
	c := start(t, Config{})
	conn, addrs := conns(t, c), c.Addrs()
	a, b, none := keyIn(100, 1), keyIn(100, 2), keyIn(100, 3)
	c.SetString(a, "A")
	c.SetString(b, "B")
	require.Error(t, c.OpenMigration(100, 0))
	require.Error(t, c.CloseMigration(100))
	require.NoError(t, c.OpenMigration(100, 1))
	assert.Equal(t, 1, c.MoveKeys(0, 1, a, "nobody"))
	ask := "ASK 100 " + addrs[1]

	// Acceptance M, row 10.
	assert.Equal(t, ask, do(t, conn[0], "GET", a))
	assert.Equal(t, "B", do(t, conn[0], "GET", b))
	assert.Equal(t, ask, do(t, conn[0], "GET", none))
	assert.Equal(t, errTryAgain, do(t, conn[0], "MGET", a, b))
	assert.Equal(t, "MOVED 100 "+addrs[0], do(t, conn[1], "GET", a))
	assert.Equal(t, "OK", do(t, conn[1], "ASKING"))
	assert.Equal(t, "A", do(t, conn[1], "GET", a))
	assert.Equal(t, "MOVED 100 "+addrs[0], do(t, conn[1], "GET", a), "ASKING holds once")
	do(t, conn[1], "ASKING")
	assert.Equal(t, errTryAgain, do(t, conn[1], "MGET", a, b))
	do(t, conn[1], "ASKING")
	assert.Equal(t, "nil", do(t, conn[1], "GET", none))
	assert.Equal(t, "["+a+"]", do(t, conn[1], "CLUSTER", "GETKEYSINSLOT", "100", "10"), "the target shows moved keys at once")

	line := ownLine(t, conn[0])
	assert.Contains(t, line, fmt.Sprintf(" [100->-%s]", c.NodeID(1)))
	assert.Contains(t, ownLine(t, conn[1]), fmt.Sprintf(" [100-<-%s]", c.NodeID(0)))
	assert.NotContains(t, ownLine(t, conn[2]), "[")

	rdb := clusterClient(t, c, &redis.ClusterOptions{})
	assert.Equal(t, "A", rdb.Get(testContext(t), a).Val(), "through ASK")

	require.NoError(t, c.AbortMigration(100))
	assert.Equal(t, "[A B]", do(t, conn[0], "MGET", a, b))
	assert.NotContains(t, ownLine(t, conn[0]), "[")
	require.NoError(t, c.OpenMigration(100, 1))
	require.NoError(t, c.CloseMigration(100))
	assert.Equal(t, "[A B]", do(t, conn[1], "MGET", a, b))
	assert.Equal(t, "MOVED 100 "+addrs[1], do(t, conn[2], "GET", a))
	assert.Equal(t, []int{1, 4, 3}, []int{epoch(t, conn[0]), epoch(t, conn[1]), epoch(t, conn[2])}, "importing raises the epoch")
}

// The highest epoch isn't raised any further: an unchanged one proves nothing.
func TestEpochStaysWhenHighest(t *testing.T) {
	c := start(t, Config{})
	conn := dial(t, c, 2)
	c.MoveSlot(2, 7)
	assert.Equal(t, 3, epoch(t, conn))
}

func ownLine(t *testing.T, conn *resp.Conn) string {
	t.Helper()
	for line := range strings.Lines(do(t, conn, "CLUSTER", "NODES")) {
		if strings.Contains(line, "myself") {
			return line
		}
	}
	t.Fatal("no line of its own")
	return ""
}

func epoch(t *testing.T, conn *resp.Conn) int {
	t.Helper()
	var n int
	_, err := fmt.Sscan(strings.Fields(ownLine(t, conn))[6], &n)
	require.NoError(t, err)
	return n
}

// The guard of the scan: check and keys in one instant.
func TestGuardedEnumeration(t *testing.T) {
	c := start(t, Config{})
	conn, addrs := conns(t, c), c.Addrs()
	k := keyIn(100, 1)
	c.SetString(k, "x")
	guarded := func(node int, asking bool) string {
		cmds := [][]string{{"MULTI"}, {"EXISTS", keyIn(100, 999)}, {"CLUSTER", "GETKEYSINSLOT", "100", "10"}, {"EXEC"}}
		if asking {
			cmds = append([][]string{{"ASKING"}}, cmds...)
		}
		v, err := conn[node].Pipeline(testContext(t), cmds...)
		require.NoError(t, err)
		if probe := v[len(v)-3]; probe.Err() != nil {
			return show(probe) + "; " + show(v[len(v)-1])
		}
		return show(v[len(v)-1])
	}
	const aborted = "; EXECABORT Transaction discarded because of previous errors."
	assert.Equal(t, "[0 ["+k+"]]", guarded(0, false))
	assert.Equal(t, "MOVED 100 "+addrs[0]+aborted, guarded(1, false))
	require.NoError(t, c.OpenMigration(100, 1))
	assert.Equal(t, "ASK 100 "+addrs[1]+aborted, guarded(0, false))
	assert.Equal(t, "[0 []]", guarded(1, true), "ASKING holds for the transaction")
	assert.Equal(t, "MOVED 100 "+addrs[0]+aborted, guarded(1, false))
	require.NoError(t, c.AbortMigration(100))
	c.Unassign(100)
	assert.Equal(t, errSlotUnowned+aborted, guarded(0, false))

	// Between the probe and EXEC the slot goes away: EXEC asks again.
	c.MoveSlot(0, 100)
	do(t, conn[0], "MULTI")
	assert.Equal(t, "QUEUED", do(t, conn[0], "EXISTS", k))
	c.MoveSlot(1, 100)
	assert.Equal(t, "MOVED 100 "+addrs[1], do(t, conn[0], "EXEC"))
	assert.Equal(t, "ERR EXEC without MULTI", do(t, conn[0], "EXEC"))
}

func TestTransaction(t *testing.T) {
	conn := dial(t, start(t, Config{Masters: 1}), 0)
	assert.Equal(t, "ERR DISCARD without MULTI", do(t, conn, "DISCARD"))
	do(t, conn, "MULTI")
	assert.Equal(t, "ERR MULTI calls can not be nested", do(t, conn, "MULTI"))
	do(t, conn, "SET", "a", "1")
	assert.Equal(t, "OK", do(t, conn, "DISCARD"))
	assert.Equal(t, "nil", do(t, conn, "GET", "a"))
	do(t, conn, "MULTI")
	do(t, conn, "SET", "a", "x")
	do(t, conn, "INCR", "a")
	do(t, conn, "HGETALL", "a")
	assert.Equal(t, "[OK "+errInteger+" "+errWrongType+"]", do(t, conn, "EXEC"))
	do(t, conn, "MULTI")
	assert.Contains(t, do(t, conn, "NONSENSE", "x\r\ny"), "ERR unknown command 'NONSENSE'")
	assert.Contains(t, do(t, conn, "EXEC"), "EXECABORT")
}

// Acceptance M, row 11.
func TestUnownedSlot(t *testing.T) {
	for _, partial := range []bool{false, true} {
		c := start(t, Config{PartialCoverage: partial})
		conn := conns(t, c)
		c.SetString("user:1", "x")
		c.Unassign(0)
		assert.Equal(t, errSlotUnowned, do(t, conn[0], "GET", keyIn(0, 1)))
		info, get := do(t, conn[1], "CLUSTER", "INFO"), do(t, conn[1], "GET", "user:1")
		assert.Contains(t, info, "cluster_slots_assigned:16383\r\n")
		if partial {
			assert.Contains(t, info, "cluster_state:ok")
			assert.Equal(t, "x", get)
		} else {
			assert.Contains(t, info, "cluster_state:fail")
			assert.Equal(t, errClusterDown, get)
			assert.Equal(t, "[0 [user:1]]", do(t, conn[1], "SCAN", "0"), "SCAN answers all the same")
		}
		assert.Contains(t, ownLine(t, conn[0]), " 1-5460")
	}
}

func TestSetSlotByCommand(t *testing.T) {
	c := start(t, Config{})
	conn, addrs := conns(t, c), c.Addrs()
	k := keyIn(100, 1)
	c.SetString(k, "x")
	src, dst := c.NodeID(0), c.NodeID(1)
	assert.Equal(t, src, do(t, conn[0], "CLUSTER", "MYID"))
	assert.Contains(t, do(t, conn[1], "CLUSTER", "SETSLOT", "100", "MIGRATING", src), "I'm not the owner")
	assert.Contains(t, do(t, conn[0], "CLUSTER", "SETSLOT", "100", "IMPORTING", dst), "I'm already the owner")
	assert.Contains(t, do(t, conn[0], "CLUSTER", "SETSLOT", "100", "MIGRATING", "xyz"), "I don't know about node")
	assert.Equal(t, "OK", do(t, conn[1], "CLUSTER", "SETSLOT", "100", "IMPORTING", src))
	assert.Equal(t, "OK", do(t, conn[0], "CLUSTER", "SETSLOT", "100", "MIGRATING", dst))
	assert.Contains(t, do(t, conn[0], "CLUSTER", "SETSLOT", "100", "NODE", dst), "while I still hold keys")
	assert.Equal(t, 1, c.MoveKeys(0, 1, k))
	assert.Equal(t, "OK", do(t, conn[1], "CLUSTER", "SETSLOT", "100", "NODE", dst))
	assert.Equal(t, "OK", do(t, conn[0], "CLUSTER", "SETSLOT", "100", "NODE", dst))
	assert.Equal(t, "MOVED 100 "+addrs[1], do(t, conn[0], "GET", k))
	assert.Equal(t, "MOVED 100 "+addrs[1], do(t, conn[2], "GET", k))
	for _, n := range conn {
		assert.NotContains(t, ownLine(t, n), "[")
	}
	c.SetImporting(2, 9, 0)
	assert.Contains(t, ownLine(t, conn[2]), "[9-<-"+src+"]", "a stale mark")
	assert.Equal(t, "OK", do(t, conn[2], "CLUSTER", "SETSLOT", "9", "STABLE"))
	assert.NotContains(t, ownLine(t, conn[2]), "[")
	assert.Equal(t, "OK", do(t, conn[1], "CLUSTER", "DELSLOTS", "100"))
	assert.Equal(t, "OK", do(t, conn[1], "CLUSTER", "ADDSLOTS", "100"))
	assert.Contains(t, do(t, conn[1], "CLUSTER", "ADDSLOTS", "100"), "already busy")
	assert.Contains(t, do(t, conn[1], "CLUSTER", "COUNTKEYSINSLOT", "16384"), "out of range slot")
	assert.Equal(t, "1", do(t, conn[1], "CLUSTER", "COUNTKEYSINSLOT", "100"))
}

// Acceptance M, row 12: what the nodes are called, and what a client makes of it.
func TestAnnounce(t *testing.T) {
	for _, tc := range []struct {
		announce           Announce
		slots, moved, line string
		usable             bool
	}{
		{AnnounceIP, "127.0.0.1", "127.0.0.1:", "127.0.0.1:%d@%d ", true},
		{AnnounceHostname, "localhost", "localhost:", "127.0.0.1:%d@%d,localhost ", true},
		{AnnounceIPv6, "::ffff:127.0.0.1", "::ffff:127.0.0.1:", "::ffff:127.0.0.1:%d@%d ", true},
		{AnnounceEmpty, "", ":", ":%d@%d ", true},
		{AnnounceNull, "nil", ":", "127.0.0.1:%d@%d ", false},
		{AnnounceUnknown, "?", "?:", "127.0.0.1:%d@%d ", false},
	} {
		c := start(t, Config{Announce: tc.announce})
		conn := dial(t, c, 0)
		port := c.nodeAt(1).port
		assert.Equal(t, fmt.Sprintf("MOVED 10778 %s%d", tc.moved, port), do(t, conn, "GET", "user:1"))
		assert.Contains(t, do(t, conn, "CLUSTER", "NODES"), fmt.Sprintf(c.NodeID(1)+" "+tc.line, port, busPort(port)))
		v, err := conn.Do(testContext(t), "CLUSTER", "SLOTS")
		require.NoError(t, err)
		require.Len(t, v.Elems, 3)
		assert.Equal(t, "5461", show(v.Elems[1].Elems[0]))
		assert.Equal(t, "10922", show(v.Elems[1].Elems[1]))
		assert.Equal(t, tc.slots, show(v.Elems[1].Elems[2].Elems[0]))
		v, err = conn.Do(testContext(t), "CLUSTER", "SHARDS")
		require.NoError(t, err)
		require.Len(t, v.Elems, 3)
		shard := v.Elems[1].Elems
		assert.Equal(t, "[5461 10922]", show(shard[1]))
		assert.Equal(t, tc.slots, show(shard[3].Elems[0].Elems[7]), "the endpoint")
		if tc.usable {
			rdb := clusterClient(t, c, &redis.ClusterOptions{MaxRedirects: 1})
			assert.NoError(t, rdb.Set(testContext(t), "user:1", "x", 0).Err())
		}
	}
}

func TestViewsDiffer(t *testing.T) {
	c := start(t, Config{})
	conn, addrs := conns(t, c), c.Addrs()
	k := keyIn(100, 1)
	c.EditView(2, func(v *View) { v.SetOwner(100, 100, 1) })
	assert.Equal(t, "MOVED 100 "+addrs[0], do(t, conn[1], "GET", k))
	assert.Equal(t, "MOVED 100 "+addrs[1], do(t, conn[2], "GET", k))

	c.Isolate(2)
	c.MoveSlot(1, 100)
	c.MoveSlot(0, 101)
	assert.Equal(t, "MOVED 101 "+addrs[0], do(t, conn[2], "GET", keyIn(101, 1)), "it knows nothing new")
	assert.Equal(t, 1, strings.Count(do(t, conn[2], "CLUSTER", "NODES"), " 3 connected 10923-16383"))
	c.Rejoin(2)
	assert.Equal(t, "MOVED 100 "+addrs[1], do(t, conn[2], "GET", k))

	c.EditView(0, func(v *View) { v.SetDown(true) })
	assert.Equal(t, errClusterDown, do(t, conn[0], "GET", k))
	assert.Equal(t, "nil", do(t, conn[1], "GET", k))
}

func TestFailover(t *testing.T) {
	c := start(t, Config{Replicas: 1})
	conn, addrs := conns(t, c), c.Addrs()
	c.SetHash("user:3", "name", "Carol") // slot 2648: node 0, replica 3
	assert.Equal(t, []string{"user:3"}, c.Keys(3))
	assert.Equal(t, "MOVED 2648 "+addrs[0], do(t, conn[3], "HGETALL", "user:3"))
	do(t, conn[3], "READONLY")
	assert.Equal(t, "[name Carol]", do(t, conn[3], "HGETALL", "user:3"))
	assert.Equal(t, "MOVED 2648 "+addrs[0], do(t, conn[3], "HSET", "user:3", "a", "b"))
	assert.Contains(t, ownLine(t, conn[3]), "myself,slave "+c.NodeID(0))
	assert.Contains(t, do(t, conn[3], "INFO", "replication"), "role:slave")
	do(t, conn[0], "HSET", "user:3", "age", "7")
	assert.Equal(t, "2", do(t, conn[3], "HLEN", "user:3"))

	c.Kill(0)
	c.SetFailed(0, true)
	assert.Contains(t, do(t, conn[1], "CLUSTER", "NODES"), "master,fail")
	assert.Equal(t, errClusterDown, do(t, conn[1], "GET", "user:1"))
	require.NoError(t, c.Failover(3))
	require.Error(t, c.Failover(3))
	assert.Equal(t, "MOVED 2648 "+addrs[3], do(t, conn[1], "HLEN", "user:3"))
	assert.Equal(t, 4, epoch(t, conn[3]))
	require.NoError(t, c.Restart(0))
	c.SetFailed(0, false)
	assert.Equal(t, "MOVED 2648 "+addrs[3], do(t, dial(t, c, 0), "HLEN", "user:3"))
	assert.Equal(t, "2", do(t, conn[3], "HLEN", "user:3"))

	rdb := clusterClient(t, c, &redis.ClusterOptions{})
	assert.EqualValues(t, 2, rdb.HLen(testContext(t), "user:3").Val())
}

// An old master that is cut off still thinks it is one.
func TestPartition(t *testing.T) {
	c := start(t, Config{Replicas: 1})
	conn := conns(t, c)
	c.SetString("user:3", "old")
	c.SetString("{user:3}n", "1")
	c.Isolate(0)
	assert.Equal(t, "OK", do(t, conn[0], "SET", "{user:3}m", "lost"))
	require.NoError(t, c.Failover(3))
	assert.Equal(t, "nil", do(t, conn[3], "GET", "{user:3}m"), "not replicated")
	assert.Equal(t, "OK", do(t, conn[3], "SET", "user:3", "new"))
	assert.Equal(t, "2", do(t, conn[3], "INCR", "{user:3}n"))
	assert.Equal(t, "1", do(t, conn[0], "GET", "{user:3}n"))
	assert.Equal(t, "old", do(t, conn[0], "GET", "user:3"))
	assert.Contains(t, ownLine(t, conn[0]), "myself,master - 0 0 1 connected 0-5460")
	c.Rejoin(0)
	assert.Contains(t, do(t, conn[0], "GET", "user:3"), "MOVED")
	assert.Equal(t, c.Keys(3), c.Keys(0))
}

func TestNodesJoinAndLeave(t *testing.T) {
	c := start(t, Config{Masters: 2})
	c.SetString(keyIn(5, 1), "x")
	n, err := c.AddMaster()
	require.NoError(t, err)
	assert.Equal(t, 2, n)
	conn := dial(t, c, n)
	assert.Equal(t, 3, strings.Count(do(t, conn, "CLUSTER", "NODES"), "\n"))
	c.MoveSlot(n, 5)
	assert.Equal(t, "x", do(t, conn, "GET", keyIn(5, 1)))
	require.Error(t, c.Forget(n))
	c.MoveSlot(0, 5)
	require.NoError(t, c.Forget(n))
	assert.Equal(t, 2, strings.Count(do(t, dial(t, c, 1), "CLUSTER", "NODES"), "\n"))
}
