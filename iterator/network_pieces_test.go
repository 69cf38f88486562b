package iterator_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redisarrow/redisarrow/internal/faultnet"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/stretchr/testify/assert"
)

// In whatever pieces and however late the bytes come, the rows are the same.
func testPieces(t *testing.T, n networked) {
	single := faultnet.Stream{Piece: 1}
	late := faultnet.Stream{Delay: 2 * time.Millisecond, Jitter: 3 * time.Millisecond, Seed: 1}
	plans := map[string]func(faultnet.Conn) faultnet.Plan{
		"replies byte by byte":  func(faultnet.Conn) faultnet.Plan { return faultnet.Plan{Replies: single} },
		"requests byte by byte": func(faultnet.Conn) faultnet.Plan { return faultnet.Plan{Requests: single} },
		"random pieces": func(c faultnet.Conn) faultnet.Plan {
			s := faultnet.Stream{Piece: 1 + c.N%17, Random: true, Seed: uint64(c.N)}
			return faultnet.Plan{Requests: s, Replies: s}
		},
		"late":        func(faultnet.Conn) faultnet.Plan { return faultnet.Plan{Requests: late, Replies: late} },
		"interrupted": strikeAll(faultnet.Fault{Kind: faultnet.Pause, Command: "EXEC", At: 99, For: 50 * time.Millisecond}),
	}
	for name, plan := range plans {
		t.Run(name, func(t *testing.T) {
			for _, s := range pageScans(t) {
				n.net.Restart()
				n.net.SetPlan(plan)
				got, _ := s.run(t, context.Background(), n.rdb, iterator.Config{StallTimeout: 20 * time.Second}, nil)
				s.whole(t, got, s.name)
			}
		})
	}
}

// TCP's checksums let a wrong byte through now and then. In the data it can't
// be told from a right one; anywhere else it is an error of the stream. None
// makes a scan hang, or give a key two rows.
func testCorrupted(t *testing.T, n networked) {
	places := 40
	if testing.Short() {
		places = 8
	}
	for i, s := range pageScans(t) {
		size := faultnet.Bytes(n.measure(t, s)[connPass].Replies)
		together(places, func(place int) {
			at := (int64(place)*size + int64(i)*17) / int64(places)
			fault := faultnet.Fault{Kind: faultnet.Corrupt, At: at, Mask: 1 << (place % 8)}
			got := behindNetwork(t, n.addrs).scan(t, context.Background(), s, iterator.Config{StallTimeout: stallSoon}, func(c faultnet.Conn) faultnet.Plan {
				if c.N != passConn {
					return faultnet.Plan{}
				}
				return faultnet.Plan{Replies: faultnet.Stream{Fault: fault}}
			})
			what := fmt.Sprintf("%s, bit %#x of byte %d: %v", s.name, fault.Mask, at, got.err)
			var (
				missing *iterator.IncompleteError
				node    *iterator.NodeError
				cell    *iterator.CellError
			)
			assert.True(t, got.err == nil || errors.As(got.err, &missing) || errors.As(got.err, &node) || errors.As(got.err, &cell), what)
			keys := make(map[string]bool)
			for _, row := range got.rows {
				key, _, _ := strings.Cut(row, "|")
				assert.False(t, keys[key], "%s: %s comes twice", what, key)
				keys[key] = true
			}
			assert.LessOrEqual(t, len(keys), pageKeys, what)
		})
	}
}
