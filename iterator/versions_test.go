package iterator_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/testcluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// This file is about what servers have in different ways, or only some of
// them.

// has reports whether a server knows a command.
func has(t *testing.T, c *testcluster.Cluster, command string) bool {
	t.Helper()
	yes, err := c.HasCommand(context.Background(), command)
	require.NoError(t, err)
	return yes
}

// However a server keeps a hash or a string inside, it is read alike.
func TestEncodings(t *testing.T) {
	onServers(t, func(t *testing.T, on place) {
		ctx := context.Background()
		expire := has(t, on.servers.Cluster, "hpexpire")
		long := strings.Repeat("x", 500)
		encodings := map[string]string{} // by key, as the servers must say
		var wantHashes, wantStrings []string
		hash := func(encoding, key string, more func(p redis.Pipeliner, key string)) {
			store(t, on.admin, func(p redis.Pipeliner) {
				p.HSet(ctx, key, "v", "7", "w", "text")
				if more != nil {
					more(p, key)
				}
			})
			encodings[key] = encoding
			wantHashes = append(wantHashes, key+"|7|text")
		}
		str := func(encoding, key, value string) {
			require.NoError(t, on.admin.Set(ctx, key, value, 0).Err())
			encodings[key] = encoding
			wantStrings = append(wantStrings, key+"|"+value)
		}
		hash("listpack", "h:small", nil)
		hash("hashtable", "h:long value", func(p redis.Pipeliner, key string) { p.HSet(ctx, key, "long", long) })
		hash("hashtable", "h:long field", func(p redis.Pipeliner, key string) { p.HSet(ctx, key, long, "1") })
		hash("hashtable", "h:many fields", func(p redis.Pipeliner, key string) {
			for i := range 600 {
				p.HSet(ctx, key, fmt.Sprint("field", i), i)
			}
		})
		if expire {
			// A field with a time of its own: Redis and Valkey keep it elsewhere.
			encoding := "listpackex"
			if on.servers.Server().Valkey {
				encoding = "hashtable"
			}
			hour := func(p redis.Pipeliner, key string) { p.HExpire(ctx, key, time.Hour, "v", "w") }
			hash(encoding, "h:small, expires", hour)
			hash("hashtable", "h:large, expires", func(p redis.Pipeliner, key string) {
				p.HSet(ctx, key, "long", long)
				hour(p, key)
			})
		}
		str("int", "s:integer", "12345")
		str("embstr", "s:short", "short")
		str("raw", "s:long", long)
		require.NoError(t, on.admin.IncrBy(ctx, "s:counter", 41).Err())
		require.NoError(t, on.admin.IncrByFloat(ctx, "s:float", 0.5).Err())
		require.NoError(t, on.admin.SetRange(ctx, "s:range", 0, "text").Err())
		require.NoError(t, on.admin.Append(ctx, "s:appended", "1").Err())
		require.NoError(t, on.admin.Append(ctx, "s:appended", "2").Err())
		wantStrings = append(wantStrings, "s:counter|41", "s:float|0.5", "s:range|text", "s:appended|12")
		encodings["s:counter"] = "int"
		encodings["s:appended"] = "raw"
		for key, encoding := range encodings {
			got, err := on.admin.ObjectEncoding(ctx, key).Result()
			require.NoError(t, err)
			assert.Equal(t, encoding, got, "of %s: the test shows nothing", key)
		}
		slices.Sort(wantHashes)
		slices.Sort(wantStrings)
		for _, command := range []iterator.HashCommand{iterator.HMGET, iterator.HGETALL} {
			got := readAll(hashes(t, on.rdb, "_key:key,v:int64,w:utf8", iterator.Config{HashCommand: command}))
			require.NoError(t, got.err)
			assert.Equal(t, wantHashes, got.rows, command)
		}
		got := readAll(strs(t, on.rdb, "_key:key,v:utf8", iterator.Config{}))
		require.NoError(t, got.err)
		assert.Equal(t, wantStrings, got.rows)
	})
}

// Fields that expire by themselves (Redis 7.4, Valkey 9): an expired one is
// null like any that isn't there, also while the server has not come to
// remove it.
func TestFieldsThatExpire(t *testing.T) {
	onServers(t, func(t *testing.T, on place) {
		if !has(t, on.servers.Cluster, "hpexpire") {
			t.Logf("%s has no fields that expire", on.servers.Server().Name)
			return
		}
		ctx := context.Background()
		active := func(yes int) {
			for _, addr := range on.addrs {
				assert.NoError(t, on.node(t, addr).Do(ctx, "DEBUG", "SET-ACTIVE-EXPIRE", yes).Err())
			}
		}
		active(0)
		defer active(1)
		const n = 60
		long := strings.Repeat("x", 100)
		var stay, one []string
		store(t, on.admin, func(p redis.Pipeliner) {
			for i := range n {
				for _, kind := range []string{"stays", "loses one", "loses all"} {
					key := fmt.Sprintf("%s:%02d", kind, i)
					p.HSet(ctx, key, "v", i, "w", "text")
					if i%2 > 0 {
						p.HSet(ctx, key, "w", long) // kept otherwise inside
					}
					switch kind {
					case "loses one":
						p.HPExpire(ctx, key, time.Millisecond, "v")
					case "loses all":
						p.HPExpire(ctx, key, time.Millisecond, "v", "w")
					}
				}
				stay = append(stay, fmt.Sprintf("stays:%02d|%d", i, i))
				one = append(one, fmt.Sprintf("loses one:%02d|null", i))
			}
		})
		time.Sleep(20 * time.Millisecond)
		for _, command := range []iterator.HashCommand{iterator.HMGET, iterator.HGETALL} {
			for pattern, want := range map[string][]string{"stays:*": stay, "loses one:*": one} {
				got := readAll(hashes(t, on.rdb, "_key:key,v:int64", iterator.Config{Pattern: pattern, HashCommand: command}))
				require.NoError(t, got.err)
				assert.Equal(t, want, got.rows, command)
			}
			// A hash that has lost all its fields is gone as soon as the server
			// has removed them. Until then EXISTS says that it is there, and
			// with HMGET, whose reply doesn't tell, so do we.
			got := readAll(hashes(t, on.rdb, "_key:key,v:int64", iterator.Config{Pattern: "loses all:*", HashCommand: command}))
			require.NoError(t, got.err)
			if command == iterator.HGETALL {
				assert.Empty(t, got.rows)
				assert.EqualValues(t, n, got.stats.Vanished)
			}
			for _, row := range got.rows {
				assert.True(t, strings.HasSuffix(row, "|null"), row)
			}
		}
		active(1)
		assert.Eventually(t, func() bool {
			got := readAll(hashes(t, on.rdb, "_key:key,v:int64", iterator.Config{Pattern: "loses all:*"}))
			return assert.NoError(t, got.err) && len(got.rows) == 0
		}, 20*time.Second, 50*time.Millisecond, "the servers don't remove them")
	})
}

// A slot that is moved as a whole, by the servers themselves (Valkey 9), has
// no open migration that could be seen, and no redirect by key: it shows by
// its owner, and the slot is read again.
func TestAtomicSlotMigration(t *testing.T) {
	t.Parallel()
	testcluster.Each(t, func(t *testing.T, server testcluster.Server) {
		t.Parallel()
		ctx := context.Background()
		c := testcluster.Start(t, testcluster.Config{Server: server})
		if !has(t, c, "cluster|migrateslots") {
			t.Logf("%s moves slots key by key alone", server.Name)
			return
		}
		rdb := c.Client(t)
		keys := fillReal(t, rdb, "user:", 20_000)
		keys = append(keys, fillReal(t, rdb, "{user:4}", 2000)...)
		slices.Sort(keys)
		const slot = 15039 // of user:4, on the third master
		move := func(to int) {
			from, err := c.Owner(ctx, slot)
			require.NoError(t, err)
			require.NoError(t, c.NodeClient(from).Do(ctx, "CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", c.Nodes()[to].ID).Err())
			require.Eventually(t, func() bool {
				owner, err := c.Owner(ctx, slot)
				return err == nil && owner == to
			}, 20*time.Second, 10*time.Millisecond)
			require.NoError(t, c.WaitOK(ctx))
		}
		config := iterator.Config{BatchSize: 500, CountHint: 200}
		for name, to := range map[string]int{"to a master that was scanned": 0, "and back": 2} {
			t.Run(name, func(t *testing.T) {
				if owner, err := c.Owner(ctx, slot); err == nil && owner == to {
					move(2 - to)
				}
				got := disturbed(t, rdb, config, func() { move(to) })
				require.NoError(t, got.err)
				assertRows(t, keys, got.rows)
				again := disturbed(t, rdb, config, func() {})
				require.NoError(t, again.err)
				assertRows(t, keys, again.rows)
			})
		}
	})
}

// A database other than 0 of a cluster (Valkey 9): a scan reads the one that
// its client is in, and a cluster client is always in 0.
func TestDatabases(t *testing.T) {
	t.Parallel()
	testcluster.Each(t, func(t *testing.T, server testcluster.Server) {
		t.Parallel()
		ctx := context.Background()
		config := testcluster.Config{Server: server}
		numbered := server.Valkey && server.AtLeast(9, 0)
		if numbered {
			config.Conf = map[string]string{"cluster-databases": "16"}
		}
		c := testcluster.Start(t, config)
		_, err := cluster.Connect(ctx, cluster.Options{URLs: []string{c.URL(0) + "/3"}})
		require.ErrorIs(t, err, cluster.ErrOptions)
		require.ErrorContains(t, err, "database 3")

		zero := storeUsers(t, c.Client(t))
		options := c.Options(0)
		options.DB = 3
		inThree := redis.NewClient(options)
		defer inThree.Close()
		s, err := schema.ParseHash("_key:key,v:utf8")
		require.NoError(t, err)
		it, err := iterator.NewClusterHashBatchIterator(ctx, inThree, s, checked(t, iterator.Config{}))
		if !numbered {
			require.ErrorContains(t, err, "SELECT is not allowed in cluster mode")
			require.ErrorContains(t, err, c.Addrs()[0])
			return
		}
		require.NoError(t, err)
		assert.Empty(t, readAll(it).rows)
		for i, key := range []string{"user:3", "user:1", "user:4"} {
			options := c.Options(i)
			options.DB = 3
			node := redis.NewClient(options)
			require.NoError(t, node.HSet(ctx, key, "v", "in three").Err())
			require.NoError(t, node.Close())
		}
		got := readAll(hashes(t, inThree, "_key:key,v:utf8", iterator.Config{}))
		require.NoError(t, got.err)
		assert.Equal(t, []string{"user:1|in three", "user:3|in three", "user:4|in three"}, got.rows)
		got = readAll(hashes(t, c.Client(t), clusterSchema, iterator.Config{}))
		require.NoError(t, got.err)
		assert.Equal(t, zero, got.rows)
	})
}
