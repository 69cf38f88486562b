package minicluster

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/resp"
)

// claims tells who claims the slot, in the eyes of each node of itself, and
// what each says of the slot: "served" or whereto it sends.
func claims(t *testing.T, c *Cluster, conn []*resp.Conn, slot int) (owners []int, says []string) {
	t.Helper()
	for i := range conn {
		c.mu.Lock()
		if c.nodes[i].view.Owner(slot) == i {
			owners = append(owners, i)
		}
		c.mu.Unlock()
		reply := do(t, conn[i], "EXISTS", keyIn(slot, 999))
		for n, addr := range c.Addrs() {
			reply = strings.ReplaceAll(reply, addr, "node"+string(rune('0'+n)))
		}
		says = append(says, reply)
	}
	return owners, says
}

// A reshard in its steps: what each node says between them.
func TestSetSlotNodeByNode(t *testing.T) {
	c := start(t, Config{})
	conn := conns(t, c)
	c.SetString(keyIn(7, 1), "x")
	assert.Error(t, c.SetSlotNode(0, 7, 1), "it still has a key")
	require.NoError(t, c.OpenMigration(7, 1))
	assert.Equal(t, 1, c.MoveKeys(0, 1, c.SlotKeys(0, 7)...))

	owners, says := claims(t, c, conn, 7)
	assert.Equal(t, []int{0}, owners)
	assert.Equal(t, []string{"ASK 7 node1", "MOVED 7 node0", "MOVED 7 node0"}, says)

	require.NoError(t, c.SetSlotNode(1, 7, 1))
	owners, says = claims(t, c, conn, 7)
	assert.Equal(t, []int{0, 1}, owners, "the old owner wasn't told")
	assert.Equal(t, []string{"ASK 7 node1", "0", "MOVED 7 node0"}, says)
	assert.Equal(t, 4, epoch(t, conn[1]))
	assert.NotContains(t, ownLine(t, conn[1]), "[")

	require.NoError(t, c.SetSlotNode(0, 7, 1))
	owners, says = claims(t, c, conn, 7)
	assert.Equal(t, []int{1}, owners)
	assert.Equal(t, []string{"MOVED 7 node1", "0", "MOVED 7 node0"}, says, "node 2 lags")
	assert.NotContains(t, ownLine(t, conn[0]), "[")

	c.Learn(2)
	_, says = claims(t, c, conn, 7)
	assert.Equal(t, []string{"MOVED 7 node1", "0", "MOVED 7 node1"}, says)

	// And back, while node 2 lags: it must not come to other epochs later.
	require.NoError(t, c.OpenMigration(7, 0))
	c.MoveKeys(1, 0, c.SlotKeys(1, 7)...)
	require.NoError(t, c.SetSlotNode(0, 7, 0))
	require.NoError(t, c.SetSlotNode(1, 7, 0))
	assert.Equal(t, 5, epoch(t, conn[0]), "there and back raises the epoch")
	c.MoveSlot(2, 8)
	assert.Equal(t, 6, epoch(t, conn[2]))
	c.Learn()
	assert.Equal(t, []int{5, 4, 6}, []int{epoch(t, conn[0]), epoch(t, conn[1]), epoch(t, conn[2])})
	_, says = claims(t, c, conn, 7)
	assert.Equal(t, []string{"0", "MOVED 7 node0", "MOVED 7 node0"}, says)
}

// Without marks, no epoch tells of the way there and back, as on the servers.
func TestSetSlotNodeWithoutMarks(t *testing.T) {
	c := start(t, Config{})
	conn := conns(t, c)
	for _, owner := range []int{1, 0} {
		for _, at := range []int{owner, 1 - owner, 2} {
			require.NoError(t, c.SetSlotNode(at, 8, owner))
		}
	}
	owners, _ := claims(t, c, conn, 8)
	assert.Equal(t, []int{0}, owners)
	assert.Equal(t, []int{1, 2, 3}, []int{epoch(t, conn[0]), epoch(t, conn[1]), epoch(t, conn[2])})
}

// A move rolled back leaves no trace but what was seen meanwhile.
func TestRollback(t *testing.T) {
	c := start(t, Config{})
	conn := conns(t, c)
	for i := range 10 {
		c.SetString(keyIn(7, i), "x")
	}
	before := do(t, conn[0], "CLUSTER", "NODES")
	require.NoError(t, c.OpenMigration(7, 1))
	half := c.SlotKeys(0, 7)[:5]
	c.MoveKeys(0, 1, half...)
	assert.Len(t, c.SlotKeys(0, 7), 5)
	c.MoveKeys(1, 0, half...)
	c.SetMigrating(0, 7, -1)
	c.SetImporting(1, 7, -1)
	assert.Len(t, c.SlotKeys(0, 7), 10)
	assert.Equal(t, before, do(t, conn[0], "CLUSTER", "NODES"))
}

func TestSetSlotNodeOfThoseCutOff(t *testing.T) {
	c := start(t, Config{Replicas: 1})
	assert.Error(t, c.SetSlotNode(3, 7, 1), "a replica")
	c.Isolate(2)
	require.NoError(t, c.SetSlotNode(2, 7, 2))
	conn := conns(t, c)
	assert.Contains(t, do(t, conn[2], "EXISTS", keyIn(7, 1)), "0")
	assert.Equal(t, "0", do(t, conn[0], "EXISTS", keyIn(7, 1)), "nobody else hears of it")
	c.Learn()
	assert.Equal(t, "0", do(t, conn[2], "EXISTS", keyIn(7, 1)), "and it of nothing")
	c.Rejoin(2)
	assert.Contains(t, do(t, conn[2], "EXISTS", keyIn(7, 1)), "MOVED 7 ")
}

// An atomic migration's moment: both have all keys, and claim the slot.
func TestTakeSlot(t *testing.T) {
	c := start(t, Config{Valkey: "9.1.2"})
	conn := conns(t, c)
	for i := range 10 {
		c.SetString(keyIn(7, i), "x")
	}
	want := c.SlotKeys(0, 7)
	c.TakeSlot(1, 7)
	owners, says := claims(t, c, conn, 7)
	assert.Equal(t, []int{0, 1}, owners)
	assert.Equal(t, []string{"0", "0", "MOVED 7 node0"}, says)
	assert.Equal(t, want, c.SlotKeys(0, 7))
	assert.Equal(t, want, c.SlotKeys(1, 7))
	assert.Equal(t, []int{1, 4}, []int{epoch(t, conn[0]), epoch(t, conn[1])})
	assert.NotContains(t, ownLine(t, conn[1]), "[", "atomic migrations have no marks")

	c.SettleSlot(7)
	owners, says = claims(t, c, conn, 7)
	assert.Equal(t, []int{1}, owners)
	assert.Equal(t, []string{"MOVED 7 node1", "0", "MOVED 7 node1"}, says)
	assert.Empty(t, c.SlotKeys(0, 7))
	assert.Equal(t, want, c.SlotKeys(1, 7))
	c.TakeSlot(1, 7) // it has it
	assert.Equal(t, 4, epoch(t, conn[1]))
}
