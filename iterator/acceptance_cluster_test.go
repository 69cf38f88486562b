package iterator_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/testcluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// storeUsers stores cl:h:1 to 30 and returns their rows.
func storeUsers(t *testing.T, rdb redis.UniversalClient) (rows []string) {
	t.Helper()
	store(t, rdb, func(p redis.Pipeliner) {
		for i := 1; i <= 30; i++ {
			p.HSet(context.Background(), fmt.Sprint("cl:h:", i), "name", fmt.Sprint("User", i), "age", 20+i, "active", fmt.Sprint(i%2 == 0))
			rows = append(rows, fmt.Sprintf("cl:h:%d|User%d|%d|%t", i, i, 20+i, i%2 == 0))
		}
	})
	slices.Sort(rows)
	return rows
}

const clusterSchema = "_key:key,name:utf8,age:int64,active:boolean"

var clusterUsers = iterator.Config{Pattern: "cl:h:*"}

// byNode are the rows of each master, in the order of their slots.
func byNode(t *testing.T, addrs []string, stats iterator.Stats) []int64 {
	t.Helper()
	rows := make([]int64, len(addrs))
	for _, n := range stats.Nodes {
		i := slices.Index(addrs, n.Addr)
		require.GreaterOrEqual(t, i, 0, "%s is none of %v", n.Addr, addrs)
		rows[i] = n.Rows
	}
	return rows
}

// Acceptance group M, as far as one well cluster shows it.
func TestCluster(t *testing.T) { onServers(t, testCluster) }

func testCluster(t *testing.T, on place) {
	ctx := context.Background()
	rdb, addrs := on.rdb, on.addrs

	t.Run("M1", func(t *testing.T) {
		defer flush(t, on.admin)
		store(t, on.admin, func(p redis.Pipeliner) {
			for _, key := range []string{"user:1", "user:3", "user:4"} {
				p.HSet(ctx, key, "v", "of "+key)
			}
		})
		got := readAll(hashes(t, rdb, "_key:key,v:utf8", iterator.Config{}))
		require.NoError(t, got.err)
		assert.Equal(t, []string{"user:1|of user:1", "user:3|of user:3", "user:4|of user:4"}, got.rows)
		assert.Equal(t, []int64{3}, got.sizes)
		assert.Equal(t, []int64{1, 1, 1}, byNode(t, addrs, got.stats))
	})
	t.Run("M2", func(t *testing.T) {
		defer flush(t, on.admin)
		want := storeUsers(t, on.admin)
		for _, concurrency := range concurrencies {
			got := readAll(hashes(t, rdb, clusterSchema, iterator.Config{Pattern: "cl:h:*", Concurrency: concurrency}))
			require.NoError(t, got.err)
			assert.Equal(t, want, got.rows)
			assert.Equal(t, []int64{7, 9, 14}, byNode(t, addrs, got.stats))
		}
	})
	t.Run("M3", func(t *testing.T) {
		defer flush(t, on.admin)
		store(t, on.admin, func(p redis.Pipeliner) {
			for i := 1; i <= 25; i++ {
				p.Set(ctx, fmt.Sprint("cl:s:", i), i, 0)
			}
		})
		got := readAll(strs(t, rdb, "_key:key,v:int64", iterator.Config{Pattern: "cl:s:*"}))
		require.NoError(t, got.err)
		assert.Len(t, got.rows, 25)
		for _, row := range got.rows {
			key, value, _ := strings.Cut(row, "|")
			assert.Equal(t, "cl:s:"+value, key)
		}
		assert.Equal(t, []int64{6, 6, 13}, byNode(t, addrs, got.stats))
	})
	t.Run("M4", func(t *testing.T) {
		defer flush(t, on.admin)
		store(t, on.admin, func(p redis.Pipeliner) {
			for i := 1; i <= 100; i++ {
				p.HSet(ctx, fmt.Sprint("{tag}:", i), "v", i)
			}
		})
		assert.EqualValues(t, 8338, cluster.Slot([]byte("{tag}:1")))
		// With this pattern one slot is asked for, with the other all are.
		for _, pattern := range []string{"{tag}:*", "*"} {
			got := readAll(hashes(t, rdb, "_key:key,v:int64", iterator.Config{Pattern: pattern}))
			require.NoError(t, got.err)
			assert.Len(t, got.rows, 100)
			assertUnique(t, got.rows)
			assert.Equal(t, []int64{0, 100, 0}, byNode(t, addrs, got.stats))
		}
	})
	t.Run("M5", func(t *testing.T) {
		defer flush(t, on.admin)
		const n = 10_000
		var want []string
		store(t, on.admin, func(p redis.Pipeliner) {
			for i := 1; i <= n; i++ {
				p.HSet(ctx, fmt.Sprint("cl:big:", i), "v", i)
				want = append(want, fmt.Sprintf("cl:big:%d|%d", i, i))
			}
		})
		slices.Sort(want)
		for _, concurrency := range concurrencies {
			got := readAll(hashes(t, rdb, "_key:key,v:int64", iterator.Config{Pattern: "cl:big:*", BatchSize: 1000, Concurrency: concurrency}))
			require.NoError(t, got.err)
			assertRows(t, want, got.rows)
			assert.Equal(t, slices.Repeat([]int64{1000}, 10), got.sizes)
			assert.Equal(t, []int64{3317, 3358, 3325}, byNode(t, addrs, got.stats))
		}
	})
	t.Run("M6", func(t *testing.T) {
		defer flush(t, on.admin)
		store(t, on.admin, func(p redis.Pipeliner) {
			p.HSet(ctx, "user:3", "v", "on A")
			p.HSet(ctx, "user:4", "v", "on C")
		})
		for _, concurrency := range concurrencies {
			got := readAll(hashes(t, rdb, "_key:key,v:utf8", iterator.Config{Concurrency: concurrency}))
			require.NoError(t, got.err)
			assert.Equal(t, []string{"user:3|on A", "user:4|on C"}, got.rows)
			assert.Equal(t, []int64{1, 0, 1}, byNode(t, addrs, got.stats))
		}
	})
	t.Run("M7", func(t *testing.T) {
		defer flush(t, on.admin)
		want := storeUsers(t, on.admin)
		dead := deadAddr(t)
		for name, urls := range map[string][]string{
			"one seed of three": {addrs[1]},
			"dead seed first":   {dead, addrs[2]},
			"all":               addrs,
		} {
			t.Run(name, func(t *testing.T) {
				got := readAll(hashes(t, connect(t, on.servers, urls...), clusterSchema, clusterUsers))
				require.NoError(t, got.err)
				assert.Equal(t, want, got.rows)
			})
		}
		t.Run("a client of one's own, dead seed first", func(t *testing.T) {
			options := on.servers.ReaderOptions()
			options.Addrs = []string{dead, addrs[0]}
			own := redis.NewClusterClient(options)
			defer own.Close()
			got := readAll(hashes(t, own, clusterSchema, clusterUsers))
			require.NoError(t, got.err)
			assert.Equal(t, want, got.rows)
		})
	})
	t.Run("M14 four at once", func(t *testing.T) {
		defer flush(t, on.admin)
		want := storeUsers(t, on.admin)
		var wg sync.WaitGroup
		results := make([]result, 4)
		for i := range results {
			it := hashes(t, rdb, clusterSchema, iterator.Config{Pattern: "cl:h:*", BatchSize: 3, Concurrency: 1 + i%3})
			wg.Go(func() { results[i] = readAll(it) })
		}
		wg.Wait()
		for _, got := range results {
			require.NoError(t, got.err)
			assert.Equal(t, want, got.rows)
		}
	})
	t.Run("M14 again after a part", func(t *testing.T) {
		defer flush(t, on.admin)
		want := storeUsers(t, on.admin)
		for _, concurrency := range concurrencies {
			config := iterator.Config{Pattern: "cl:h:*", BatchSize: 4, Concurrency: concurrency}
			part := hashes(t, rdb, clusterSchema, config)
			require.True(t, part.Next())
			require.True(t, part.Next())
			part.Release()
			got := readAll(hashes(t, rdb, clusterSchema, config))
			require.NoError(t, got.err)
			assert.Equal(t, want, got.rows)
		}
	})
}

// acceptance M, row 18
func TestSingleServer(t *testing.T) {
	t.Parallel()
	testcluster.Each(t, func(t *testing.T, server testcluster.Server) {
		t.Parallel()
		ctx := context.Background()
		alone := testcluster.Start(t, testcluster.Config{Server: server, Standalone: true})
		t.Run("M18", func(t *testing.T) {
			client := redis.NewClient(alone.Options(0))
			defer client.Close()
			want := storeUsers(t, client)
			require.NoError(t, client.HSet(ctx, "other:1", "name", "x").Err())
			require.NoError(t, client.Set(ctx, "cl:h:string", "x", 0).Err())
			for _, concurrency := range concurrencies {
				got := readAll(hashes(t, client, clusterSchema, iterator.Config{Pattern: "cl:h:*", Concurrency: concurrency, BatchSize: 7}))
				require.NoError(t, got.err)
				assert.Equal(t, want, got.rows)
				assert.Equal(t, []int64{7, 7, 7, 7, 2}, got.sizes)
				assert.Len(t, got.stats.Nodes, 1)
			}
			got := readAll(strs(t, client, "_key:key,v:utf8", iterator.Config{}))
			require.NoError(t, got.err)
			assert.Equal(t, []string{"cl:h:string|x"}, got.rows)

			wrong := redis.NewClusterClient(alone.ClusterOptions())
			defer wrong.Close()
			s, err := schema.ParseHash(clusterSchema)
			require.NoError(t, err)
			it, err := iterator.NewClusterHashBatchIterator(ctx, wrong, s, iterator.Config{})
			assert.Nil(t, it)
			require.ErrorIs(t, err, cluster.ErrNotCluster)
			assert.ErrorContains(t, err, alone.Addrs()[0])
		})
	})
}

// deadAddr is an address where nobody listens.
func deadAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// acceptance M, row 8: the same rows with replicas, also of a client that
// reads from them. (Without: every test of this group.)
func TestReplicas(t *testing.T) {
	onServers(t, func(t *testing.T, on place) {
		t.Run("M8", func(t *testing.T) {
			want := storeUsers(t, on.admin)
			readReplicas := on.servers.ReaderOptions()
			readReplicas.ReadOnly, readReplicas.RouteRandomly = true, true
			other := redis.NewClusterClient(readReplicas)
			defer other.Close()
			for _, client := range []redis.UniversalClient{on.rdb, other} {
				for _, concurrency := range concurrencies {
					got := readAll(hashes(t, client, clusterSchema, iterator.Config{Pattern: "cl:h:*", Concurrency: concurrency}))
					require.NoError(t, got.err)
					assert.Equal(t, want, got.rows)
					assert.Equal(t, []int64{7, 9, 14}, byNode(t, on.addrs, got.stats))
				}
			}
		})
	}, testcluster.Replicas)
}
