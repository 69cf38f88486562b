package iterator_test

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/internal/faultnet"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/stretchr/testify/require"
)

// After a cut the server can't be reached for a while, or ever again.
func testRefused(t *testing.T, n networked) {
	cut := faultnet.Plan{Replies: faultnet.Stream{Fault: faultnet.Fault{Kind: faultnet.Reset, Command: "TTL", Nth: 3, At: 1}}}
	n.rdb = redis.NewClusterClient(&redis.ClusterOptions{Addrs: n.addrs, Dialer: n.net.Dial, DialTimeout: stallSoon / 3})
	defer n.rdb.Close()
	ways := pageScans(t)
	for i, dial := range []faultnet.Dial{faultnet.Refused, faultnet.Unanswered} {
		s := ways[i]
		config := iterator.Config{StallTimeout: 20 * time.Second}
		got := n.scan(t, context.Background(), s, config, func(c faultnet.Conn) faultnet.Plan {
			switch {
			case c.N == passConn:
				return cut
			case c.N > passConn && c.N <= passConn+3:
				return faultnet.Plan{Dial: dial}
			default:
				return faultnet.Plan{}
			}
		})
		s.whole(t, got, "back again")

		config.StallTimeout = stallSoon
		got = n.scan(t, context.Background(), s, config, func(c faultnet.Conn) faultnet.Plan {
			switch {
			case c.N < passConn:
				return faultnet.Plan{}
			case c.N == passConn:
				return cut
			}
			return faultnet.Plan{Dial: dial}
		})
		missing := incomplete(t, got.err)
		require.Equal(t, "0-16383", missing.String())
		require.Len(t, got.rows, 3, "those that had come")
		if dial == faultnet.Refused {
			require.ErrorIs(t, got.err, syscall.ECONNREFUSED)
		}
		require.ErrorContains(t, got.err, n.addrs[0])
	}
}
