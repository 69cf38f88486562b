package testcluster

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMembership(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, server Server) {
		t.Parallel()
		c := Start(t, Config{Server: server, BusProxy: true})
		ctx := within(t, 60*time.Second)
		keys := watch(t, c, "key:%d", 3000)

		added, err := c.AddMaster(ctx)
		require.NoError(t, err)
		assert.Equal(t, 3, added)
		require.Len(t, c.Nodes(), 4)
		replica, err := c.AddReplica(ctx, added)
		require.NoError(t, err)
		require.NoError(t, c.WaitOK(ctx))
		at, err := c.ReplicaOf(ctx, added)
		require.NoError(t, err)
		assert.Equal(t, replica, at)

		slots, err := c.Rebalance(ctx, added, 90)
		require.NoError(t, err)
		require.NoError(t, c.WaitOK(ctx))
		require.Len(t, slots, 90)
		perMaster := make(map[int]int)
		for _, slot := range slots {
			owner, err := c.Owner(ctx, slot)
			require.NoError(t, err)
			assert.Equal(t, added, owner)
			perMaster[min(slot/5461, 2)]++
		}
		assert.Equal(t, map[int]int{0: 30, 1: 30, 2: 30}, perMaster)
		assert.Equal(t, int64(3000), total(t, c, 0, 1, 2, added))
		assert.Positive(t, total(t, c, added))
		require.NoError(t, c.WaitInStep(ctx, added))
		assert.Equal(t, total(t, c, added), total(t, c, replica))

		killed, err := c.KillMaster(ctx, added)
		require.NoError(t, err)
		assert.Equal(t, added, killed)
		at, err = c.MasterOf(ctx, added)
		require.NoError(t, err)
		assert.Equal(t, replica, at)
		require.NoError(t, c.Restart(ctx, killed))
		require.NoError(t, c.WaitOK(ctx))

		require.Error(t, c.RemoveNode(ctx, replica), "it has slots")
		require.NoError(t, c.Reshard(ctx, 1, slots...))
		require.NoError(t, c.WaitOK(ctx))
		require.NoError(t, c.RemoveNode(ctx, added))
		require.NoError(t, c.RemoveNode(ctx, replica))
		require.NoError(t, c.WaitOK(ctx))
		assert.Equal(t, int64(3000), total(t, c, 0, 1, 2))
		keys.assertAll(t)
	})
}

func TestReaddress(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, server Server) {
		t.Parallel()
		c := Start(t, Config{Server: server, Replicas: 1})
		ctx := within(t, 60*time.Second)
		keys := watch(t, c, "key:%d", 300)
		before := c.Nodes()[3]
		require.NoError(t, c.Readdress(ctx, 3))
		require.NoError(t, c.WaitOK(ctx))
		after := c.Nodes()[3]
		assert.Equal(t, before.ID, after.ID)
		assert.NotEqual(t, before.Addr, after.Addr)
		require.NoError(t, c.WaitInStep(ctx, 0))
		assert.Equal(t, total(t, c, 0), total(t, c, 3))

		// And where it is known as a master from now on.
		require.NoError(t, c.Failover(ctx, 3, Orderly))
		require.NoError(t, c.WaitOK(ctx))
		require.NoError(t, c.Readdress(ctx, 0))
		require.NoError(t, c.WaitOK(ctx))
		nodes, err := c.NodeClient(1).ClusterNodes(ctx).Result()
		require.NoError(t, err)
		assert.Contains(t, nodes, after.Addr+"@")
		assert.Contains(t, nodes, c.Nodes()[0].Addr+"@")
		assert.NotContains(t, nodes, before.Addr+"@")
		keys.assertAll(t)
	})
}
