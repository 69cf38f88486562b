package iterator_test

import (
	"context"
	"testing"
	"time"

	"github.com/redisarrow/redisarrow/internal/faultnet"
	"github.com/redisarrow/redisarrow/iterator"
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
		"interrupted": strikeAll(faultnet.Fault{Kind: faultnet.Pause, Command: "SCAN", At: 99, For: 50 * time.Millisecond}),
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
