//go:build unix

package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/testcluster"
)

// killing is an export in parts that is killed again and again.
type killing struct {
	t    *testing.T
	rng  *rand.Rand
	args []string // without the folder and the checkpoint
	want []string
}

// run kills an export so many times, at random moments, and lets it end then. An
// export that ends before that is followed by another one. between is called after
// each kill. It returns how many exports there were.
func (k *killing) run(kills int, between func(kill int)) (exports int) {
	k.t.Helper()
	for killed := 0; killed < kills || exports == 0; exports++ {
		dir := k.t.TempDir()
		args := append([]string{"--output", filepath.Join(dir, "out") + "/", "--checkpoint", filepath.Join(dir, "progress")}, k.args...)
		args = append([]string{"export"}, args...)
		for {
			var stderr bytes.Buffer
			cmd := command(k.t.Context(), nil, args...)
			cmd.Stderr = &stderr
			require.NoError(k.t, cmd.Start())
			if killed < kills {
				timer := time.AfterFunc(time.Duration(k.rng.IntN(250))*time.Millisecond, func() { _ = cmd.Process.Kill() })
				err := cmd.Wait()
				timer.Stop()
				if cmd.ProcessState.ExitCode() < 0 {
					between(killed)
					killed++
					continue
				}
				require.NoError(k.t, err, stderr.String())
			} else {
				require.NoError(k.t, cmd.Wait(), stderr.String())
			}
			break
		}
		rows, parts := readParts(k.t, filepath.Join(dir, "out"))
		assert.Greater(k.t, parts, 1)
		if !assert.Equal(k.t, len(k.want), len(rows), "rows") || !assert.True(k.t, slices.Equal(k.want, rows), "other rows") {
			k.t.FailNow()
		}
	}
	return exports
}

// Killed at a hundred random moments, 25 on each server, and run again, the parts
// have what was there, each key once: Arrow's on one half of the servers, Parquet's
// on the other.
func TestPartsKilled(t *testing.T) {
	kills := 25
	if testing.Short() {
		kills = 5
	}
	testcluster.Each(t, func(t *testing.T, server testcluster.Server) {
		c := testcluster.Start(t, testcluster.Config{Server: server})
		rdb := redis.NewClusterClient(c.ClusterOptions())
		defer rdb.Close()
		const keys = 20_000
		pipe := rdb.Pipeline()
		var want []string
		for i := range keys {
			pipe.HSet(t.Context(), fmt.Sprintf("k:%d", i), "v", i)
			want = append(want, fmt.Sprintf("k:%d|%d", i, i))
		}
		_, err := pipe.Exec(t.Context())
		require.NoError(t, err)
		slices.Sort(want)
		format := "arrow"
		if server.Valkey {
			format = "parquet"
		}
		k := &killing{t: t, rng: rand.New(rand.NewPCG(1, 2)), want: want, args: []string{
			"--url", c.URL(0), "--type", "hash", "--pattern", "k:*", "--schema", "v:int64", "--part-rows", "300", "--concurrency", "all", "--format", format,
		}}
		exports := k.run(kills, func(int) {})
		t.Logf("%d kills, %d exports", kills, exports)
	})
}

// The cluster changes while nobody scans it.
func TestPartsKilledWhileMoving(t *testing.T) {
	const kills, keys = 10, 20_000
	c := testcluster.Start(t, testcluster.Config{Server: testcluster.Find(t, "redis-7.0"), Replicas: 1})
	rdb := redis.NewClusterClient(c.ClusterOptions())
	defer rdb.Close()
	pipe := rdb.Pipeline()
	var want []string
	for i := range keys {
		key := fmt.Sprintf("k:%d", i)
		if i%4 == 0 {
			key = fmt.Sprintf("k:{%d}:%d", i%16, i)
		}
		pipe.HSet(t.Context(), key, "v", i)
		want = append(want, fmt.Sprintf("%s|%d", key, i))
	}
	_, err := pipe.Exec(t.Context())
	require.NoError(t, err)
	slices.Sort(want)
	rng := rand.New(rand.NewPCG(3, 4))
	k := &killing{t: t, rng: rng, want: want, args: []string{
		"--url", c.URL(0), "--type", "hash", "--pattern", "k:*", "--schema", "v:int64", "--part-rows", "300",
	}}
	masters := []int{0, 1, 2}
	exports := k.run(kills, func(kill int) {
		if kill%4 == 1 {
			shard := kill % 3
			other := (masters[shard] + 3) % 6
			require.NoError(t, c.Failover(t.Context(), other, testcluster.Orderly))
			masters[shard] = other
		}
		for i := range 4 {
			slot := int(cluster.Slot(fmt.Appendf(nil, "{%d}", 4*i)))
			from, err := c.Owner(t.Context(), slot)
			require.NoError(t, err)
			if to := masters[rng.IntN(3)]; to != from {
				require.NoError(t, c.MigrateSlot(t.Context(), slot, to))
			}
		}
	})
	t.Logf("%d kills, %d exports", kills, exports)
}
