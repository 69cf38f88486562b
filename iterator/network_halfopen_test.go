package iterator_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/internal/faultnet"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// vanishing are the places of a scan at which its peer vanishes without a
// trace.
func vanishing() map[string]faultnet.Plan {
	plans := map[string]faultnet.Plan{
		"once connected": {Replies: faultnet.Stream{Fault: faultnet.Fault{Kind: faultnet.Silence}}},
	}
	for name, f := range map[string]faultnet.Fault{
		"in the handshake":  {Command: "HELLO", At: 3},
		"in the state":      {Command: "CLUSTER NODES", At: 20},
		"in the last state": {Command: "CLUSTER NODES", Nth: 1, At: 20},
		"before SCAN":       {Command: "SCAN"},
		"in a page":         {Command: "EXEC", At: 400},
		"before a fetch":    {Command: "TTL", Nth: 20},
		"in a fetch":        {Command: "TTL", Nth: 20, At: 2},
	} {
		for way, kind := range map[string]faultnet.Kind{"": faultnet.Silence, ", frozen": faultnet.Freeze} {
			f.Kind = kind
			plans[name+way] = faultnet.Plan{Replies: faultnet.Stream{Fault: f}}
			plans[name+", while asked"+way] = faultnet.Plan{Requests: faultnet.Stream{Fault: f}}
		}
	}
	return plans
}

// A peer that vanishes is given up after StallTimeout. If it is there again
// the scan goes on where it was.
func testHalfOpen(t *testing.T, n networked) {
	plans := vanishing()
	var names []string
	for name := range plans {
		names = append(names, name)
	}
	ways := pageScans(t)
	var back, gone []result
	for range names {
		back, gone = append(back, result{}), append(gone, result{})
	}
	together(len(names), func(i int) {
		own := behindNetwork(t, n.addrs)
		back[i] = own.recovers(t, ways[i%len(ways)], plans[names[i]])
		assert.True(t, own.net.Records()[passConn].Struck, names[i])
	})
	together(len(names), func(i int) {
		s, config := ways[i%len(ways)], iterator.Config{StallTimeout: stallSoon}
		gone[i] = behindNetwork(t, n.addrs).scan(t, context.Background(), s, config, func(faultnet.Conn) faultnet.Plan { return plans[names[i]] })
	})
	for i, name := range names {
		s := ways[i%len(ways)]
		s.whole(t, back[i], name)
		if !strings.Contains(name, "a fetch") || !s.honest(t, gone[i], name) { // 20 keys a connection are progress
			missing := incomplete(t, gone[i].err)
			require.Equal(t, "0-16383", missing.String(), name)
		}
	}
}

// A peer that vanishes while there is more to be said to it than the system
// takes: the write itself is given up.
func testHalfOpenWhileSending(t *testing.T, n networked) {
	prefix := strings.Repeat("long", 50)
	direct := redis.NewClusterClient(&redis.ClusterOptions{Addrs: n.addrs})
	defer direct.Close()
	want := fillLong(t, direct, prefix)
	defer deleteReal(t, direct, want)

	var stalledWrites atomic.Int64
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: n.addrs, Dialer: func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := n.net.Dial(ctx, network, addr)
		return &writeWatch{c, &stalledWrites}, err
	}})
	defer rdb.Close()
	// Commands go out in writes of 256 KiB: this key is at the beginning of
	// the second such one.
	stuck := faultnet.Plan{Narrow: true, Requests: faultnet.Stream{Fault: faultnet.Fault{Kind: faultnet.Freeze, Command: "TYPE", Nth: 940}}}
	var got result
	for stall := stallSoon; stall < 40*stallSoon; stall *= 3 { // a busy machine may need longer
		n.net.SetPlan(nil)
		it := hashes(t, rdb, "_key:key,_ttl:ttl", iterator.Config{Enumerate: iterator.PlainScan, Pattern: prefix + "*", CountHint: 10_000, StallTimeout: stall})
		n.net.Restart()
		n.net.SetPlan(func(c faultnet.Conn) faultnet.Plan {
			if c.N != passConn {
				return faultnet.Plan{}
			}
			return stuck
		})
		before := stalledWrites.Load()
		got = readAll(it)
		assert.Greater(t, stalledWrites.Load(), before, "the write has not been held up: the test shows nothing")
		if got.err == nil {
			break
		}
	}
	require.NoError(t, got.err)
	assert.Len(t, got.rows, len(want))
	assertUnique(t, got.rows)
}

// fillLong stores hashes with keys so long that asking for a page of them is
// more than the system's buffers hold.
func fillLong(t *testing.T, rdb redis.UniversalClient, prefix string) (keys []string) {
	t.Helper()
	store(t, rdb, func(p redis.Pipeliner) {
		for i := range 3000 {
			keys = append(keys, fmt.Sprint(prefix, i))
			p.HSet(context.Background(), keys[i], "name", "x")
		}
	})
	return keys
}

// writeWatch counts the writes that ended by their deadline.
type writeWatch struct {
	net.Conn
	stalled *atomic.Int64
}

func (w *writeWatch) Write(b []byte) (int, error) {
	n, err := w.Conn.Write(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		w.stalled.Add(1)
	}
	return n, err
}

// The end of the context ends a scan whose peer has vanished within 100 ms.
func testHalfOpenCancelled(t *testing.T, n networked) {
	s := pageScans(t)[0]
	for name, plan := range vanishing() {
		if strings.Contains(name, "while asked") {
			continue
		}
		best := time.Hour
		for range 5 { // of which a busy machine may spoil some
			ctx, cancel := context.WithCancel(context.Background())
			var cancelled time.Time
			f := &plan.Replies.Fault
			f.Struck = func() {
				time.AfterFunc(5*time.Millisecond, func() { cancelled = time.Now(); cancel() })
			}
			got := n.scan(t, ctx, s, iterator.Config{StallTimeout: time.Hour}, func(faultnet.Conn) faultnet.Plan { return plan })
			require.ErrorIs(t, got.err, context.Canceled, name)
			if best = min(best, time.Since(cancelled)); best < 50*time.Millisecond {
				break
			}
		}
		assert.Less(t, best, 100*time.Millisecond, name)
	}
}
