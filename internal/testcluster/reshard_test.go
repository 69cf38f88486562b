package testcluster

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAtomicMigrate(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, server Server) {
		t.Parallel()
		c := Start(t, Config{Server: server, Replicas: 1})
		ctx := within(t, 60*time.Second)
		can, err := c.HasCommand(ctx, "cluster|migrateslots")
		require.NoError(t, err)
		if !can {
			require.Error(t, c.AtomicMigrate(ctx, 0, 99, 1))
			return
		}
		keys := watch(t, c, "key:%d", 3000)
		moving := int64(0)
		for slot := range 1000 {
			n, err := c.NodeClient(0).ClusterCountKeysInSlot(ctx, slot).Result()
			require.NoError(t, err)
			moving += n
		}
		before := total(t, c, 1)
		require.NoError(t, c.AtomicMigrate(ctx, 0, 999, 1))
		for slot, want := range map[int]int{0: 1, 999: 1, 1000: 0} {
			owner, err := c.Owner(ctx, slot)
			require.NoError(t, err)
			assert.Equal(t, want, owner, "slot %d", slot)
		}
		require.NoError(t, c.WaitOK(ctx))
		assert.Equal(t, before+moving, total(t, c, 1))
		require.NoError(t, c.AtomicMigrate(ctx, 0, 999, 0))
		require.NoError(t, c.AtomicMigrate(ctx, 0, 999, 2))
		require.NoError(t, c.WaitOK(ctx))
		require.Error(t, c.AtomicMigrate(ctx, 0, 999, 2), "they are there")
		keys.assertAll(t)
	})
}

// Slots that nobody owns for a while keep their keys, which come back with the owner: for clients CLUSTERDOWN, not nil.
func TestDelSlotsKeepsKeys(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, server Server) {
		t.Parallel()
		c := Start(t, Config{Server: server, Replicas: 1})
		ctx := within(t, 60*time.Second)
		keys := watch(t, c, "{user42}:%d", 100)
		slot := slotOf(t, c, "{user42}")
		owner, err := c.Owner(ctx, slot)
		require.NoError(t, err)
		require.NoError(t, c.DelSlots(ctx, slot))
		require.ErrorContains(t, c.NodeClient(owner).Get(ctx, "{user42}:1").Err(), "CLUSTERDOWN")
		require.NoError(t, c.AddSlots(ctx, owner, slot))
		require.NoError(t, c.WaitOK(ctx))
		assert.Equal(t, int64(100), total(t, c, 0, 1, 2))
		keys.assertAll(t)
	})
}
