package iterator_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/internal/testcluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// reading is a real cluster of three masters and their replicas, nodes 3 to 5, that
// is read from these.
type reading struct {
	t    *testing.T
	ctx  context.Context
	c    *testcluster.Cluster
	rdb  *redis.ClusterClient
	keys []string
}

func (r *reading) config(from iterator.ReadFrom) iterator.Config {
	return iterator.Config{BatchSize: 200, CountHint: 100, ReadFrom: from, StallTimeout: 6 * time.Second}
}

// whole scans, calls disturb after the first batch, and has each key once. It
// returns how many rows came from replicas, and how many from masters.
func (r *reading) whole(config iterator.Config, disturb func()) (replicas, masters int64) {
	r.t.Helper()
	got := disturbed(r.t, r.rdb, config, disturb)
	require.NoError(r.t, got.err)
	slices.Sort(r.keys)
	assertRows(r.t, r.keys, got.rows)
	for _, n := range got.stats.Nodes {
		if n.Replica {
			replicas += n.Rows
		} else {
			masters += n.Rows
		}
	}
	return replicas, masters
}

// addOn writes keys of slots of one master.
func (r *reading) addOn(addr string, n int) {
	r.t.Helper()
	for i := range n {
		key := fmt.Sprintf("user:late:%d:%d", len(r.keys), i)
		owner, err := r.rdb.MasterForKey(r.ctx, key)
		require.NoError(r.t, err)
		if owner.Options().Addr != addr {
			continue
		}
		require.NoError(r.t, r.rdb.HSet(r.ctx, key, "name", "late").Err())
		r.keys = append(r.keys, key)
	}
}

// cutLinks keeps a master's replicas away from it; mend lets them come back.
func (r *reading) cutLinks(master int) (mend func()) {
	r.t.Helper()
	node := r.c.NodeClient(master)
	require.NoError(r.t, node.Do(r.ctx, "ACL", "SETUSER", testcluster.AdminUser, "-psync", "-sync").Err())
	require.NoError(r.t, node.Do(r.ctx, "CLIENT", "KILL", "TYPE", "replica").Err())
	return func() {
		require.NoError(r.t, node.Do(r.ctx, "ACL", "SETUSER", testcluster.AdminUser, "+psync", "+sync").Err())
	}
}

// linked waits until a replica is linked to its master, and knows how far it is: not
// if the link was made by the old SYNC, which it falls back to where PSYNC is
// denied.
func (r *reading) linked(replica int) {
	r.t.Helper()
	node := r.c.NodeClient(replica)
	require.Eventually(r.t, func() bool {
		info := node.InfoMap(r.ctx, "replication")
		if info.Item("Replication", "master_link_status") != "up" {
			return false
		}
		offset, err := strconv.Atoi(info.Item("Replication", "slave_repl_offset"))
		if err == nil && offset > 0 {
			return true
		}
		_ = node.Do(r.ctx, "CLIENT", "KILL", "TYPE", "master").Err()
		return false
	}, 30*time.Second, 50*time.Millisecond)
}

func eachReading(t *testing.T, test func(r *reading)) {
	t.Helper()
	t.Parallel()
	testcluster.Each(t, func(t *testing.T, server testcluster.Server) {
		t.Parallel()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		t.Cleanup(cancel)
		c := testcluster.Start(t, testcluster.Config{Server: server, Replicas: 1, AllowGaps: true})
		r := &reading{t: t, ctx: ctx, c: c, rdb: c.Client(t)}
		r.keys = fillReal(t, r.rdb, "user:", 10_000)
		for replica := 3; replica < 6; replica++ {
			r.linked(replica)
		}
		test(r)
	})
}

func TestReplicasRead(t *testing.T) {
	eachReading(t, func(r *reading) {
		for _, way := range append(waysOf(r.c.Server()), iterator.AutoEnumerate) {
			if way == iterator.ClusterScan {
				continue
			}
			for _, from := range []iterator.ReadFrom{iterator.ReadReplica, iterator.PreferReplica} {
				config := r.config(from)
				config.Enumerate, config.Concurrency = way, iterator.AllMasters
				replicas, masters := r.whole(config, func() {})
				assert.EqualValues(r.t, len(r.keys), replicas, "%v %v", way, from)
				assert.Zero(r.t, masters)
			}
		}
		replicas, masters := r.whole(r.config(iterator.ReadMaster), func() {})
		assert.Zero(r.t, replicas)
		assert.EqualValues(r.t, len(r.keys), masters)
	})
}

// What a replica hasn't got yet is waited for, or read from the master.
func TestReplicaBehind(t *testing.T) {
	eachReading(t, func(r *reading) {
		mend := r.cutLinks(2)
		r.addOn(r.c.Addrs()[2], 300)
		replicas, masters := r.whole(r.config(iterator.PreferReplica), func() {})
		assert.Positive(r.t, replicas)
		assert.Positive(r.t, masters)

		strict := r.config(iterator.ReadReplica)
		strict.StallTimeout = 3 * time.Second
		got := readAll(hashes(r.t, r.rdb, "_key:key", strict))
		assert.Equal(r.t, "10923-16383", incomplete(r.t, got.err).String())
		require.ErrorContains(r.t, got.err, "replica")

		mend()
		r.linked(5)
		_, masters = r.whole(r.config(iterator.ReadReplica), func() {})
		assert.Zero(r.t, masters)

		// In mid-scan: what was added before is there, wherever it is found.
		var again func()
		r.whole(r.config(iterator.PreferReplica), func() { again = r.cutLinks(2) })
		again()
	})
}

func TestReplicaStops(t *testing.T) {
	eachReading(t, func(r *reading) {
		// Replicas of the masters that come last.
		r.whole(r.config(iterator.PreferReplica), func() {
			require.NoError(r.t, r.c.Pause(4))
			require.NoError(r.t, r.c.Kill(5))
		})
		require.NoError(r.t, r.c.Resume(4))
		require.NoError(r.t, r.c.Restart(r.ctx, 5))
		r.linked(5)
		// The one that is being read.
		config := r.config(iterator.PreferReplica)
		config.Concurrency = iterator.AllMasters
		r.whole(config, func() { require.NoError(r.t, r.c.Kill(3)) })
		require.NoError(r.t, r.c.Restart(r.ctx, 3))
	})
}

func TestReplicaPromoted(t *testing.T) {
	eachReading(t, func(r *reading) {
		for shard := range 3 {
			r.whole(r.config(iterator.PreferReplica), func() {
				require.NoError(r.t, r.c.Failover(r.ctx, 3+shard, testcluster.Orderly))
			})
		}
		for replica := range 3 {
			r.linked(replica)
		}
		config := r.config(iterator.ReadReplica)
		config.Concurrency = iterator.AllMasters
		r.whole(config, func() { require.NoError(r.t, r.c.Failover(r.ctx, 0, testcluster.Takeover)) })
	})
}

// Slots move while replicas are read, and a migration is broken off so that neither
// look at the master sees a mark.
func TestReplicaOfMovingSlots(t *testing.T) {
	eachReading(t, func(r *reading) {
		const slot = 15039 // of user:4
		for i := range 300 {
			key := fmt.Sprintf("{user:4}:%d", i)
			require.NoError(r.t, r.rdb.HSet(r.ctx, key, "name", "x").Err())
			r.keys = append(r.keys, key)
		}
		for _, from := range []iterator.ReadFrom{iterator.PreferReplica, iterator.ReadReplica} {
			r.whole(r.config(from), func() { require.NoError(r.t, r.c.MigrateSlot(r.ctx, slot, 0)) })
			r.whole(r.config(from), func() { require.NoError(r.t, r.c.MigrateSlot(r.ctx, slot, 2)) })
			for range 3 {
				r.whole(r.config(from), func() {
					require.NoError(r.t, r.c.OpenMigration(r.ctx, slot, 1))
					_, err := r.c.MoveKeys(r.ctx, slot, 150)
					require.NoError(r.t, err)
					time.Sleep(200 * time.Millisecond)
					require.NoError(r.t, r.c.AbortMigration(r.ctx, slot))
				})
			}
			// Left open: read from the masters.
			require.NoError(r.t, r.c.OpenMigration(r.ctx, slot, 1))
			_, err := r.c.MoveKeys(r.ctx, slot, 150)
			require.NoError(r.t, err)
			_, masters := r.whole(r.config(from), func() {})
			assert.Positive(r.t, masters)
			require.NoError(r.t, r.c.AbortMigration(r.ctx, slot))
		}
	})
}

// A migration is opened after the first look at the master, and broken off before the
// second: neither sees a mark, and while the replica is listed half the keys are
// away. And a slot goes to another master and comes back.
func TestReplicaBetweenTheLooks(t *testing.T) {
	eachReading(t, func(r *reading) {
		const slot = 15039 // of user:4
		for i := range 300 {
			key := fmt.Sprintf("{user:4}:%d", i)
			require.NoError(r.t, r.rdb.HSet(r.ctx, key, "name", "x").Err())
			r.keys = append(r.keys, key)
		}
		slices.Sort(r.keys)
		between := func(begin, end func()) {
			r.t.Helper()
			config := r.config(iterator.PreferReplica)
			config.BatchSize, config.CountHint, config.Concurrency = 50, 50, iterator.AllMasters
			it := hashes(r.t, r.rdb, "_key:key", config)
			defer it.Release()
			var rows []string
			for n := 0; it.Next(); n++ {
				rows = append(rows, cells(it.RecordBatch())...)
				switch {
				case n == 3: // each pass has begun, and waits for its reader
					begin()
				case end != nil && len(rows) > len(r.keys)*9/10:
					end()
					end = nil
				}
			}
			require.NoError(r.t, it.Err())
			require.Nil(r.t, end)
			slices.Sort(rows)
			assertRows(r.t, r.keys, rows)
			r.t.Log(it.Stats().Reread, "slots read again") // none, if a pass began late
		}
		between(func() {
			require.NoError(r.t, r.c.OpenMigration(r.ctx, slot, 1))
			_, err := r.c.MoveKeys(r.ctx, slot, 150)
			require.NoError(r.t, err)
		}, func() { require.NoError(r.t, r.c.AbortMigration(r.ctx, slot)) })
		between(func() { require.NoError(r.t, r.c.MigrateSlot(r.ctx, slot, 1)) },
			func() { require.NoError(r.t, r.c.MigrateSlot(r.ctx, slot, 2)) })
	})
}
