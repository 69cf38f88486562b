package iterator_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/internal/testcluster"
	"github.com/stretchr/testify/require"
)

// realServer is what tests run on that need real servers, but not all kinds.
const realServer = "redis-7.0"

// place is a cluster of three masters on which a test runs.
type place struct {
	rdb   *redis.ClusterClient // scans
	admin *redis.ClusterClient // may do everything
	addrs []string             // of the masters, in the order of their slots

	servers *testcluster.Deployment // nil on the fake
}

// onServers runs a test on real servers of all kinds, set up in each of the
// layouts, by default in every way: with replicas and without, and with TLS and
// a user who may scan and nothing else. Each begins without a key.
func onServers(t *testing.T, test func(t *testing.T, on place), layouts ...testcluster.Layout) {
	t.Helper()
	testcluster.Everywhere(t, func(t *testing.T, d *testcluster.Deployment) { test(t, placeOf(t, d)) }, layouts...)
}

// onAny is onServers, and on the fake first.
func onAny(t *testing.T, test func(t *testing.T, on place)) {
	t.Helper()
	t.Run("fake", func(t *testing.T) {
		c, rdb := fake(t, minicluster.Config{})
		test(t, place{rdb: rdb, admin: rdb, addrs: c.Addrs()})
	})
	onServers(t, test)
}

func placeOf(t testing.TB, d *testcluster.Deployment) place {
	t.Helper()
	return place{rdb: d.Reader(t), admin: d.Client(t), addrs: d.Addrs()[:3], servers: d}
}

// connect is cluster.Connect, as whoever scans.
func connect(t testing.TB, d *testcluster.Deployment, addrs ...string) redis.UniversalClient {
	t.Helper()
	as := d.ReaderOptions()
	rdb, err := cluster.Connect(context.Background(), cluster.Options{
		URLs: addrs, Username: as.Username, Password: as.Password, TLSConfig: as.TLSConfig,
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

// node is a client of the master at an address, which may do everything.
func (on place) node(t testing.TB, addr string) *redis.Client {
	t.Helper()
	i := slices.Index(on.addrs, addr)
	require.GreaterOrEqual(t, i, 0, "%s is none of %v", addr, on.addrs)
	return on.servers.NodeClient(i)
}

// calls are how often each master has run a command since [place.countCalls],
// in the order of their slots.
func (on place) calls(t testing.TB, command string) []int {
	t.Helper()
	calls := make([]int, len(on.addrs))
	for i := range on.addrs {
		text, err := on.servers.NodeClient(i).Info(context.Background(), "commandstats").Result()
		require.NoError(t, err)
		if _, line, found := strings.Cut(text, "cmdstat_"+command+":calls="); found {
			_, err = fmt.Sscan(line, &calls[i])
			require.NoError(t, err)
		}
	}
	return calls
}

// lists are how often each master was asked to list keys, in any way.
func (on place) lists(t testing.TB) []int {
	t.Helper()
	sums := make([]int, len(on.addrs))
	for _, command := range []string{"scan", "clusterscan", "cluster|getkeysinslot"} {
		for i, n := range on.calls(t, command) {
			sums[i] += n
		}
	}
	return sums
}

func (on place) countCalls(t testing.TB) {
	t.Helper()
	for i := range on.addrs {
		require.NoError(t, on.servers.NodeClient(i).ConfigResetStat(context.Background()).Err())
	}
}

// real starts a cluster of real servers for one test alone, which may disturb
// it, and a client of it.
func real(t testing.TB, name string, config testcluster.Config) (*testcluster.Cluster, *redis.ClusterClient) {
	t.Helper()
	config.Server = testcluster.Find(t, name)
	c := testcluster.Start(t, config)
	return c, c.Client(t)
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
