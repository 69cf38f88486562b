package testcluster

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// TestMain is also the program that TestCrash runs.
func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		crash(dir)
	}
	// The tests wait for servers most of the time: more at once than there are processors. -parallel still has the say.
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(Main(m), goleak.IgnoreAnyFunction(Redialling))
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// slotOf asks a server, so that no code under test is used.
func slotOf(t *testing.T, c *Cluster, key string) int {
	t.Helper()
	slot, err := c.NodeClient(0).ClusterKeySlot(t.Context(), key).Result()
	require.NoError(t, err)
	return int(slot)
}

func fill(t *testing.T, rdb redis.UniversalClient, pattern string, n int) {
	t.Helper()
	for i := range n {
		require.NoError(t, rdb.Set(t.Context(), fmt.Sprintf(pattern, i), i, 0).Err())
	}
}

func TestStart(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, server Server) {
		t.Parallel()
		c := Start(t, Config{Server: server})
		assert.Equal(t, server, c.Server())
		assert.Len(t, c.Addrs(), 3)
		ctx := within(t, 20*time.Second)

		t.Run("slots as the acceptance cases have them", func(t *testing.T) {
			for slot, want := range map[int]int{0: 0, 5460: 0, 5461: 1, 10922: 1, 10923: 2, 16383: 2} {
				owner, err := c.Owner(ctx, slot)
				require.NoError(t, err)
				assert.Equal(t, want, owner, "slot %d", slot)
			}
			for key, want := range map[string]int{"user:3": 0, "user:1": 1, "user:4": 2} {
				owner, err := c.Owner(ctx, slotOf(t, c, key))
				require.NoError(t, err)
				assert.Equal(t, want, owner, key)
			}
		})
		t.Run("keys on every master", func(t *testing.T) {
			rdb := c.Client(t)
			fill(t, rdb, "cl:s:%d", 100)
			total := int64(0)
			for i := range 3 {
				size, err := c.NodeClient(i).DBSize(ctx).Result()
				require.NoError(t, err)
				assert.Positive(t, size, "node %d", i)
				total += size
			}
			assert.Equal(t, int64(100), total)
		})
		t.Run("what it can do", func(t *testing.T) {
			for name, want := range map[string]bool{
				"cluster|shards":       true,
				"no-such-command":      false,
				"cluster|migrateslots": server.Valkey && server.AtLeast(9, 0),
			} {
				has, err := c.HasCommand(ctx, name)
				require.NoError(t, err)
				assert.Equal(t, want, has, name)
			}
		})
		assert.Contains(t, c.Log(0, 1000), "Ready to accept connections")
	})
}

func TestMoveSlot(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, server Server) {
		t.Parallel()
		c := Start(t, Config{Server: server})
		ctx := within(t, 30*time.Second)
		rdb := c.Client(t)
		fill(t, rdb, "{user42}:%d", 250)
		slot := slotOf(t, c, "{user42}")
		from, err := c.Owner(ctx, slot)
		require.NoError(t, err)
		to := (from + 1) % 3
		keys := func(node int) int64 {
			n, err := c.NodeClient(node).ClusterCountKeysInSlot(ctx, slot).Result()
			require.NoError(t, err)
			return n
		}

		_, err = c.MoveKeys(ctx, slot, 1)
		require.ErrorIs(t, err, errNoMigration)

		// Half way: what has moved is answered with ASK by the old owner.
		require.NoError(t, c.OpenMigration(ctx, slot, to))
		moved, err := c.MoveKeys(ctx, slot, 120)
		require.NoError(t, err)
		assert.Equal(t, 120, moved)
		assert.Equal(t, []int64{130, 120}, []int64{keys(from), keys(to)})
		asked := 0
		for i := range 250 {
			err := c.NodeClient(from).Get(ctx, fmt.Sprintf("{user42}:%d", i)).Err()
			if err != nil {
				assert.Regexp(t, "^ASK ", err.Error())
				asked++
			}
		}
		assert.Equal(t, 120, asked)

		// Back again.
		require.NoError(t, c.AbortMigration(ctx, slot))
		owner, err := c.Owner(ctx, slot)
		require.NoError(t, err)
		assert.Equal(t, from, owner)
		assert.Equal(t, []int64{250, 0}, []int64{keys(from), keys(to)})
		require.NoError(t, c.WaitOK(ctx))

		// In full.
		require.NoError(t, c.MigrateSlot(ctx, slot, to))
		owner, err = c.Owner(ctx, slot)
		require.NoError(t, err)
		assert.Equal(t, to, owner)
		assert.Equal(t, []int64{0, 250}, []int64{keys(from), keys(to)})
		require.NoError(t, c.WaitOK(ctx))
		assert.Equal(t, "7", rdb.Get(ctx, "{user42}:7").Val())
	})
}

func TestDelSlots(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, server Server) {
		t.Parallel()
		c := Start(t, Config{Server: server, AllowGaps: true})
		ctx := within(t, 20*time.Second)
		slot := slotOf(t, c, "user:1")
		require.NoError(t, c.DelSlots(ctx, slot, 7))
		for i := range 3 {
			assert.ErrorContains(t, c.NodeClient(i).Get(ctx, "user:1").Err(), "CLUSTERDOWN Hash slot not served")
		}
		owner, err := c.Owner(ctx, slot)
		require.NoError(t, err)
		assert.Equal(t, -1, owner)
		require.NoError(t, c.WaitOK(ctx), "the other slots are served")

		require.NoError(t, c.AddSlots(ctx, 2, slot))
		require.NoError(t, c.WaitOK(ctx))
		require.NoError(t, c.NodeClient(2).Set(ctx, "user:1", "x", 0).Err())
	})
}

func TestFailover(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, server Server) {
		t.Parallel()
		c := Start(t, Config{Server: server, Replicas: 1})
		ctx := within(t, 40*time.Second)
		require.Len(t, c.Nodes(), 6)
		for i, n := range c.Nodes() {
			assert.Equal(t, i >= 3, n.Replica)
			assert.Equal(t, i%3, n.Master)
		}
		fill(t, c.Client(t), "key:%d", 60)
		for i := range 3 {
			require.NoError(t, c.NodeClient(i).Do(ctx, "WAIT", 1, 5000).Err())
		}
		require.Error(t, c.Failover(ctx, 0, Orderly), "a master is no replica")

		require.NoError(t, c.Failover(ctx, 3, Orderly))
		owner, err := c.Owner(ctx, 0)
		require.NoError(t, err)
		assert.Equal(t, 3, owner)
		require.NoError(t, c.WaitOK(ctx), "and the old master is its replica")
		role, err := c.node(0).info(ctx, "replication")
		require.NoError(t, err)
		assert.Equal(t, "slave", role["role"])

		require.NoError(t, c.Failover(ctx, 0, Takeover))
		require.NoError(t, c.WaitOK(ctx))

		require.NoError(t, c.Kill(1))
		require.NoError(t, c.Failover(ctx, 4, Force))
		require.NoError(t, c.WaitOK(ctx))
		owner, err = c.Owner(ctx, 5461)
		require.NoError(t, err)
		assert.Equal(t, 4, owner)

		require.NoError(t, c.Restart(ctx, 1), "the old master comes back as a replica")
		require.NoError(t, c.WaitOK(ctx))
		total := int64(0)
		for _, i := range []int{0, 4, 2} {
			total += c.NodeClient(i).DBSize(ctx).Val()
		}
		assert.Equal(t, int64(60), total, "nothing was lost on the way")
	})
}

func TestElection(t *testing.T) {
	t.Parallel()
	c := Start(t, Config{Server: Find(t, "redis-7.0"), Replicas: 1, NodeTimeout: 500 * time.Millisecond})
	ctx := within(t, 30*time.Second)
	require.NoError(t, c.Kill(2))
	require.NoError(t, c.WaitMaster(ctx, 5), "the servers vote on their own")
	require.NoError(t, c.WaitOK(ctx))
}

func TestKillAndRestart(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, server Server) {
		t.Parallel()
		c := Start(t, Config{Server: server})
		ctx := within(t, 30*time.Second)
		before, err := c.RunID(ctx, 1)
		require.NoError(t, err)
		require.Len(t, before, 40)
		pid, addr := c.Pid(1), c.Addrs()[1]

		require.NoError(t, c.Kill(1))
		assert.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH)
		_, err = net.Dial("tcp", addr)
		assert.ErrorIs(t, err, syscall.ECONNREFUSED)
		require.NoError(t, c.Kill(1), "the dead can be killed again")
		require.Error(t, c.Pause(1))

		require.NoError(t, c.Restart(ctx, 1))
		require.NoError(t, c.WaitOK(ctx))
		after, err := c.RunID(ctx, 1)
		require.NoError(t, err)
		assert.NotEqual(t, before, after)
		assert.Equal(t, addr, c.Addrs()[1])
		id, err := c.NodeClient(1).Do(ctx, "CLUSTER", "MYID").Text()
		require.NoError(t, err)
		assert.Equal(t, c.Nodes()[1].ID, id, "the same node in the cluster's eyes")
	})
}

func TestPause(t *testing.T) {
	t.Parallel()
	c := Start(t, Config{Server: Find(t, "redis-7.0"), NodeTimeout: time.Minute})
	ctx := within(t, 20*time.Second)
	rdb := redis.NewClient(c.Options(0))
	t.Cleanup(func() { _ = rdb.Close() })
	require.NoError(t, rdb.Ping(ctx).Err())
	require.NoError(t, c.Pause(0))

	conn, err := net.Dial("tcp", c.Addrs()[0])
	require.NoError(t, err, "the kernel goes on to accept")
	defer conn.Close()
	_, err = conn.Write([]byte("PING\r\n"))
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(200*time.Millisecond)))
	_, err = conn.Read(make([]byte, 1))
	assert.ErrorIs(t, err, os.ErrDeadlineExceeded)

	require.NoError(t, c.WaitOK(ctx), "asks the others alone")
	require.NoError(t, c.Resume(0))
	require.NoError(t, rdb.Ping(ctx).Err())
	require.NoError(t, c.WaitOK(ctx))
}

func TestStandalone(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, server Server) {
		t.Parallel()
		c := Start(t, Config{Server: server, Standalone: true, Replicas: 1, Password: "p@ss w/rd"})
		ctx := within(t, 20*time.Second)
		require.Len(t, c.Addrs(), 2)
		opts, err := redis.ParseURL(c.URL(0))
		require.NoError(t, err)
		rdb := redis.NewClient(opts)
		t.Cleanup(func() { _ = rdb.Close() })
		require.NoError(t, rdb.Set(ctx, "a", "1", 0).Err())
		require.NoError(t, rdb.Do(ctx, "WAIT", 1, 5000).Err())
		assert.Equal(t, "1", c.NodeClient(1).Get(ctx, "a").Val())
		assert.ErrorContains(t, rdb.ClusterInfo(ctx).Err(), "cluster support disabled")
		require.NoError(t, c.Restart(ctx, 0))
		require.NoError(t, c.WaitOK(ctx))
	})
}

func TestTLS(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, server Server) {
		t.Parallel()
		c := Start(t, Config{
			Server: server, Replicas: 1, TLS: true, RequireClientCert: true, Password: "secret",
			Users: []string{"reader on >rosebud ~user:* +@read +cluster|slots +command +ping", "default off"},
		})
		ctx := within(t, 30*time.Second)
		reader := c.ClusterOptions()
		reader.Username, reader.Password = "reader", "rosebud"
		rdb := redis.NewClusterClient(reader)
		t.Cleanup(func() { _ = rdb.Close() })

		slot := slotOf(t, c, "user:1")
		owner, err := c.Owner(ctx, slot)
		require.NoError(t, err)
		require.NoError(t, c.NodeClient(owner).Set(ctx, "user:1", "Alice", 0).Err())
		assert.Equal(t, "Alice", rdb.Get(ctx, "user:1").Val())
		require.NoError(t, c.MigrateSlot(ctx, slot, (owner+1)%3), "MIGRATE speaks TLS too")
		assert.Equal(t, "Alice", rdb.Get(ctx, "user:1").Val())
		assert.ErrorContains(t, rdb.Set(ctx, "user:1", "Bob", 0).Err(), "NOPERM")

		assert.True(t, strings.HasPrefix(c.URL(0), "rediss://:secret@127.0.0.1:"), c.URL(0))
		bare := c.Options(0)
		bare.TLSConfig.Certificates = nil
		bare.MaxRetries = -1
		stranger := redis.NewClient(bare)
		t.Cleanup(func() { _ = stranger.Close() })
		require.Error(t, stranger.Ping(ctx).Err(), "no certificate, no entry")
		for _, file := range []string{c.Certificates().CAFile, c.Certificates().ClientCertFile, c.Certificates().ClientKeyFile} {
			assert.FileExists(t, file)
		}
	})
}

func TestOptions(t *testing.T) {
	t.Parallel()
	server := Find(t, "valkey-8.1")
	t.Run("announced hostnames and sockets", func(t *testing.T) {
		t.Parallel()
		c := Start(t, Config{
			Server: server, UnixSocket: true,
			Conf: map[string]string{"cluster-preferred-endpoint-type": "hostname"},
			NodeConf: func(i int) map[string]string {
				return map[string]string{"cluster-announce-hostname": fmt.Sprintf("node%d.test", i)}
			},
		})
		ctx := within(t, 10*time.Second)
		require.Eventually(t, func() bool {
			// CLUSTER SHARDS doesn't go by the preferred endpoint.
			ranges, err := c.NodeClient(0).ClusterSlots(ctx).Result() //nolint:staticcheck // old, and what we want to see
			return err == nil && len(ranges) == 3 && strings.HasPrefix(ranges[2].Nodes[0].Addr, "node2.test:")
		}, 10*time.Second, 20*time.Millisecond)
		rdb := redis.NewClient(&redis.Options{Network: "unix", Addr: c.Nodes()[1].Socket})
		t.Cleanup(func() { _ = rdb.Close() })
		require.NoError(t, rdb.Ping(ctx).Err())
	})
	t.Run("IPv6", func(t *testing.T) {
		t.Parallel()
		l, err := net.Listen("tcp", "[::1]:0")
		if err != nil {
			t.Skipf("this machine has no IPv6 loopback: %v", err) // the kernel's, so nothing that CI could fetch
		}
		require.NoError(t, l.Close())
		c := Start(t, Config{Server: server, Host: "::1"})
		assert.True(t, strings.HasPrefix(c.Addrs()[0], "[::1]:"), c.Addrs()[0])
		fill(t, c.Client(t), "key:%d", 10)
	})
	t.Run("one master, and five", func(t *testing.T) {
		t.Parallel()
		for _, n := range []int{1, 5} {
			c := Start(t, Config{Server: server, Masters: n})
			owner, err := c.Owner(t.Context(), slots-1)
			require.NoError(t, err)
			assert.Equal(t, n-1, owner)
		}
	})
}
