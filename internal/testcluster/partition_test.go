package testcluster

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPartition(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, server Server) {
		t.Parallel()
		c := Start(t, Config{Server: server, Replicas: 1, BusProxy: true, NodeTimeout: time.Second})
		ctx := within(t, 60*time.Second)
		keys := watch(t, c, "key:%d", 300)
		require.NoError(t, c.WaitInStep(ctx, 1))
		size := total(t, c, 1)

		require.NoError(t, c.Partition(1))
		require.NoError(t, c.WaitMaster(ctx, 4), "the others vote for its replica")
		// It knows nothing of that, and SCAN isn't refused.
		master, err := c.IsMaster(ctx, 1)
		require.NoError(t, err)
		assert.True(t, master)
		page, _, err := c.NodeClient(1).Scan(ctx, 0, "", 10_000).Result()
		require.NoError(t, err)
		assert.Len(t, page, int(size))
		assert.Eventually(t, func() bool {
			err := c.NodeClient(1).Get(ctx, page[0]).Err()
			return err != nil && err.Error()[:11] == "CLUSTERDOWN"
		}, 10*time.Second, 10*time.Millisecond)
		at, err := c.MasterOf(ctx, 1)
		require.NoError(t, err)
		assert.Equal(t, 4, at)

		require.NoError(t, c.Heal(1))
		require.NoError(t, c.WaitOK(ctx))
		master, err = c.IsMaster(ctx, 1)
		require.NoError(t, err)
		assert.False(t, master)
		require.NoError(t, c.WaitInStep(ctx, 1))
		assert.Equal(t, size, total(t, c, 1))

		// A replica that is cut off stays one.
		require.NoError(t, c.Partition(3))
		time.Sleep(1500 * time.Millisecond)
		require.NoError(t, c.WaitOK(ctx))
		require.NoError(t, c.Heal(3))
		require.NoError(t, c.WaitOK(ctx))
		keys.assertAll(t)
	})
	t.Run("without the proxies", func(t *testing.T) {
		t.Parallel()
		c := Start(t, Config{Server: Find(t, "redis-7.0"), Masters: 1})
		require.ErrorContains(t, c.Partition(0), "BusProxy")
	})
}
