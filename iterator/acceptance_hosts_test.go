package iterator_test

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/testcluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// acceptance M, row 12: masters announced by host name, by IPv6, with an
// unknown ("?") or null host.
func TestAnnouncedHosts(t *testing.T) {
	t.Parallel()
	testcluster.Each(t, func(t *testing.T, server testcluster.Server) {
		t.Parallel()
		ctx := context.Background()
		c := testcluster.Start(t, testcluster.Config{
			Server: server, TLS: true, // certificates are for host names, too
			NodeConf: func(node int) map[string]string {
				if node == 2 {
					return nil
				}
				return map[string]string{"cluster-announce-hostname": "localhost"}
			},
		})
		configure := func(t *testing.T, node int, name, value string) {
			require.NoError(t, c.NodeClient(node).ConfigSet(ctx, name, value).Err())
		}
		for _, h := range []struct {
			name, preferred string
			hosts           []any // of the masters
			setup           func(t *testing.T)
		}{
			{"M12 null host", "unknown-endpoint", []any{nil, nil, nil}, nil},
			{"M12 host names, one unknown", "hostname", []any{"localhost", "localhost", "?"}, nil},
			{"M12 host names", "hostname", []any{"localhost", "localhost", "localhost"}, func(t *testing.T) {
				configure(t, 2, "cluster-announce-hostname", "localhost")
			}},
		} {
			t.Run(h.name, func(t *testing.T) {
				for i := range 3 {
					configure(t, i, "cluster-preferred-endpoint-type", h.preferred)
				}
				if h.setup != nil {
					h.setup(t)
				}
				testAnnounced(t, c, h.hosts)
			})
		}
	})
}

func TestAnnouncedIPv6(t *testing.T) {
	t.Parallel()
	testcluster.Each(t, func(t *testing.T, server testcluster.Server) {
		t.Parallel()
		c := testcluster.Start(t, testcluster.Config{Server: server, Host: "::1"})
		t.Run("M12 IPv6", func(t *testing.T) { testAnnounced(t, c, []any{"::1", "::1", "::1"}) })
	})
}

func testAnnounced(t *testing.T, c *testcluster.Cluster, hosts []any) {
	ctx := context.Background()
	// Host names take a moment to get about.
	require.Eventually(t, func() bool {
		reply, err := c.NodeClient(0).Do(ctx, "CLUSTER", "SLOTS").Slice()
		require.NoError(t, err)
		announced := make([]any, len(reply))
		for i, shard := range reply {
			announced[i] = shard.([]any)[2].([]any)[0] // slots, to, master: host, port, …
		}
		return assert.ObjectsAreEqual(hosts, announced)
	}, 10*time.Second, 20*time.Millisecond, "the masters are never announced as %q", hosts)

	// By the nodes' own clients: go-redis's cluster client doesn't find its
	// way in all of these clusters.
	for i, key := range []string{"user:3", "user:1", "user:4"} {
		require.NoError(t, c.NodeClient(i).HSet(ctx, key, "v", fmt.Sprint("on ", i)).Err())
	}
	want := []string{"user:1|on 1", "user:3|on 0", "user:4|on 2"}
	connected, err := cluster.Connect(ctx, cluster.Options{URLs: c.Addrs()[:1], TLSConfig: c.ClusterOptions().TLSConfig})
	require.NoError(t, err)
	defer connected.Close()
	for _, rdb := range []redis.UniversalClient{connected, c.Client(t)} {
		for _, concurrency := range concurrencies {
			got := readAll(hashes(t, rdb, "_key:key,v:utf8", iterator.Config{Concurrency: concurrency}))
			require.NoError(t, got.err)
			assert.Equal(t, want, got.rows)
		}
	}

	// Redirects name hosts in the same way: this one that of the third master.
	const slot = 2648 // of user:3
	move := sync.OnceFunc(func() {
		assert.NoError(t, c.OpenMigration(ctx, slot, 2))
		_, err := c.MoveKeys(ctx, slot, 0)
		assert.NoError(t, err)
	})
	rdb := wired(t, c.ClusterOptions(), &wire{sends: func(_ string, commands []byte) {
		if bytes.Contains(commands, []byte("user:3\r\n")) {
			move()
		}
	}})
	got := readAll(hashes(t, rdb, "_key:key,v:utf8", iterator.Config{}))
	require.NoError(t, c.AbortMigration(ctx, slot))
	require.NoError(t, got.err)
	assert.Equal(t, want, got.rows)
	assert.Positive(t, got.stats.Redirects)
}
