package iterator_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/testcluster"
	"github.com/redisarrow/redisarrow/iterator"
)

const (
	guarded       = "mymaster"
	watchedKeys   = 20_000
	watchPassword = "watch"
)

// startWatched starts a master with two replicas, guarded by two Sentinels.
func startWatched(t *testing.T, server testcluster.Server) (*testcluster.Cluster, []*testcluster.Sentinel) {
	t.Helper()
	c := testcluster.Start(t, testcluster.Config{Server: server, Standalone: true, Replicas: 2, Password: "secret"})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	sentinels, err := c.StartSentinels(ctx, 2, guarded, watchPassword)
	require.NoError(t, err)
	return c, sentinels
}

func connectWatched(t *testing.T, options cluster.Options) redis.UniversalClient {
	t.Helper()
	rdb, err := cluster.Connect(t.Context(), options)
	require.NoError(t, err)
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

// A failover in mid-scan, ordered or by the master's death: each key once.
func TestSentinelFailover(t *testing.T) {
	testcluster.Each(t, func(t *testing.T, server testcluster.Server) {
		t.Parallel()
		c, sentinels := startWatched(t, server)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var want, keys []string
		for i := range watchedKeys {
			keys = append(keys, fmt.Sprint("user:", i))
			want = append(want, fmt.Sprintf("user:%d|%d", i, i))
		}
		slices.Sort(want)
		old := c.NodeClient(0)
		var copies *redis.Cmd
		store(t, old, func(p redis.Pipeliner) {
			for i, key := range keys {
				p.HSet(ctx, key, "n", i)
			}
			copies = p.Do(ctx, "WAIT", 2, 5000) // for the writes of this connection
		})
		require.EqualValues(t, 2, copies.Val())

		t.Run("health", func(t *testing.T) {
			rdb := connectWatched(t, cluster.Options{URLs: []string{"redis://:" + watchPassword + "@" + sentinels[1].Addr}, SentinelMaster: guarded, Password: "secret"})
			report, err := cluster.Check(ctx, rdb)
			require.NoError(t, err)
			assert.Equal(t, cluster.VerdictYes, report.Verdict, "%+v", report.Findings)
			require.Len(t, report.Nodes, 1)
			assert.Equal(t, guarded, report.Nodes[0].Addr)
			assert.EqualValues(t, watchedKeys, *report.Keys)
		})
		t.Run("a Sentinel in place of a server", func(t *testing.T) {
			_, err := cluster.Connect(ctx, cluster.Options{URLs: []string{"redis://:" + watchPassword + "@" + sentinels[0].Addr}})
			require.ErrorIs(t, err, cluster.ErrSentinel)
			_, err = cluster.Connect(ctx, cluster.Options{URLs: []string{"redis://:" + watchPassword + "@" + sentinels[0].Addr}, SentinelMaster: "other"})
			require.ErrorContains(t, err, `but "`+guarded+`"`)
			_, err = cluster.Connect(ctx, cluster.Options{URLs: c.Addrs()[:1], SentinelMaster: guarded})
			require.ErrorContains(t, err, "NOAUTH")
			_, err = cluster.Connect(ctx, cluster.Options{URLs: []string{c.URL(0)}, SentinelMaster: guarded})
			require.ErrorContains(t, err, "no Sentinel")
		})
		config := iterator.Config{BatchSize: 500, CountHint: 100, StallTimeout: 20 * time.Second}
		scan := func(t *testing.T, rdb redis.UniversalClient, midway func()) {
			t.Helper()
			it := hashes(t, rdb, "_key:key,n:int64", config)
			defer it.Release()
			var rows []string
			for it.Next() {
				if rows = append(rows, cells(it.RecordBatch())...); len(rows) == 10*config.BatchSize {
					midway()
				}
			}
			require.NoError(t, it.Err())
			slices.Sort(rows)
			require.Equal(t, want, rows)
			assert.EqualValues(t, cluster.Slots, it.Stats().Reread, "it was begun anew")
			assert.Positive(t, it.Stats().Duplicates)
		}
		var master *testcluster.Node
		t.Run("ordered", func(t *testing.T) {
			rdb := connectWatched(t, cluster.Options{
				URLs:           []string{"redis://:" + watchPassword + "@" + closedPort(t), sentinels[0].Addr, sentinels[1].Addr},
				SentinelMaster: guarded, Password: "secret",
			})
			scan(t, rdb, func() {
				var err error
				master, err = c.SentinelFailover(ctx, guarded)
				require.NoError(t, err)
				// Nobody tells the old master for some seconds. Whoever still talks to it
				// doesn't count: these keys exist all the time, at the new one.
				require.NoError(t, old.Del(ctx, keys...).Err())
			})
			require.NoError(t, rdb.Set(ctx, "{other}", "x", 0).Err(), "the client has found the new master")
			require.Equal(t, "x", c.NodeClient(master.Index).Get(ctx, "{other}").Val())
		})
		t.Run("killed", func(t *testing.T) {
			rdb := redis.NewFailoverClient(&redis.FailoverOptions{
				MasterName: guarded, SentinelAddrs: []string{sentinels[0].Addr, sentinels[1].Addr}, SentinelPassword: watchPassword, Password: "secret",
			})
			t.Cleanup(func() { _ = rdb.Close() })
			scan(t, rdb, func() { require.NoError(t, c.Kill(master.Index)) })
		})
	}, "redis-7.0", "valkey-8.1")
}

// closedPort is an address at which nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, ln.Close())
	return ln.Addr().String()
}
