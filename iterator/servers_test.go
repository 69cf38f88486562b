package iterator_test

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/internal/testcluster"
	"github.com/stretchr/testify/require"
)

// realServer is what tests run on that need real servers, but not all kinds.
const realServer = "redis-7.0"

// real starts a cluster of real servers, and a client of it.
func real(t testing.TB, name string, config testcluster.Config) (*testcluster.Cluster, *redis.ClusterClient) {
	t.Helper()
	config.Server = testcluster.Find(t, name)
	c := testcluster.Start(t, config)
	return c, c.Client(t)
}

// onBoth runs a test on the fake and on real servers, three masters each.
func onBoth(t *testing.T, test func(t *testing.T, rdb *redis.ClusterClient)) {
	t.Helper()
	t.Run("fake", func(t *testing.T) {
		_, rdb := fake(t, minicluster.Config{})
		test(t, rdb)
	})
	t.Run(realServer, func(t *testing.T) {
		_, rdb := real(t, realServer, testcluster.Config{})
		test(t, rdb)
	})
}

// store sends commands in one pipeline; each must succeed.
func store(t testing.TB, rdb redis.UniversalClient, commands func(p redis.Pipeliner)) {
	t.Helper()
	_, err := rdb.Pipelined(context.Background(), func(p redis.Pipeliner) error {
		commands(p)
		return nil
	})
	require.NoError(t, err)
}

// flush empties the cluster.
func flush(t testing.TB, rdb *redis.ClusterClient) {
	t.Helper()
	require.NoError(t, rdb.ForEachMaster(context.Background(), func(ctx context.Context, node *redis.Client) error {
		return node.FlushAll(ctx).Err()
	}))
}
