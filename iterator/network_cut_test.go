package iterator_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/redisarrow/redisarrow/internal/faultnet"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/stretchr/testify/require"
)

// every is the distance between the places at which connections are cut: 1
// on the fake, and with REDISARROW_TEST_EVERY_BYTE set everywhere.
func every(fakeServer bool) int64 {
	switch {
	case os.Getenv("REDISARROW_TEST_EVERY_BYTE") != "":
		return 1
	case testing.Short():
		return 101
	case fakeServer:
		return 1
	default:
		return 37
	}
}

// Wherever a connection is cut, in the handshake, in SCAN's reply or in a
// key's, the rows are right: the same server goes on where it was. What cuts
// the connections of the constructor, it says.
func testCutAtEveryByte(t *testing.T, n networked) {
	for i, s := range pageScans(t) {
		step := every(n.fake)
		if s.name == "HGETALL" { // differs from HMGET in the key's reply alone
			step = max(step, 2*every(false)/3)
		}
		records := n.measure(t, s)
		for conn, name := range connNames {
			first := int64(i) % step
			if i > 0 { // all ways begin alike
				if conn != connPass {
					continue
				}
				begin, _ := opening(records[conn].Replies)
				first += begin
			}
			t.Run(s.name+"/"+name, func(t *testing.T) {
				n.cutAtEach(t, s, conn, faultnet.Bytes(records[conn].Replies), first, step)
			})
		}
	}
}

// cutAtEach cuts one connection at every step-th byte of its replies, by turns
// in order and by a reset; in both ways if everything is wanted.
func (n networked) cutAtEach(t *testing.T, s pageScan, conn int, size, first, step int64) {
	kinds := [][]faultnet.Kind{{faultnet.Close}, {faultnet.Reset}}
	if os.Getenv("REDISARROW_TEST_EVERY_BYTE") != "" {
		kinds = [][]faultnet.Kind{{faultnet.Close, faultnet.Reset}}
	}
	begun, scans := time.Now(), 0
	for at := first; at <= size; at += step {
		for _, kind := range kinds[int(at/step+first)%len(kinds)] {
			n.onConnection(conn, faultnet.Plan{Replies: faultnet.Stream{Fault: faultnet.Fault{Kind: kind, At: at}}})
			scans++
			what := fmt.Sprintf("fault %d at byte %d of %d", kind, at, size)
			got, opened := s.run(t, context.Background(), n.rdb, iterator.Config{StallTimeout: 5 * time.Second}, nil)
			if opened {
				s.whole(t, got, what)
				continue
			}
			require.NotEqual(t, connPass, conn, what)
			var node *iterator.NodeError
			require.ErrorAs(t, got.err, &node, what)
		}
	}
	t.Logf("%d cuts in %v", scans, time.Since(begun))
}

// When every connection is cut after so many bytes, rows come as long as each
// of them brings something new. Otherwise the scan ends with an error.
func testCutAgainAndAgain(t *testing.T, n networked) {
	places := 24
	if testing.Short() {
		places = 5
	}
	for i, s := range pageScans(t) {
		opening, largest := opening(n.measure(t, s)[connPass].Replies)
		enough := 2*opening + largest // for the state twice, or the largest reply
		at := func(place int) int64 { return int64(i) + int64(place)*(enough+largest)/int64(places) }
		got := make([]result, places)
		together(places, func(place int) {
			stall := stallSoon
			if at(place) >= enough {
				stall = 20 * time.Second
			}
			fault := faultnet.Fault{Kind: []faultnet.Kind{faultnet.Close, faultnet.Reset}[place%2], At: at(place)}
			got[place] = behindNetwork(t, n.addrs).scan(t, context.Background(), s, iterator.Config{StallTimeout: stall}, strikeAll(fault))
		})
		for place := range places {
			what := fmt.Sprintf("%s: every connection cut at byte %d; opening one takes %d", s.name, at(place), opening)
			if s.honest(t, got[place], what) {
				require.Greater(t, at(place), opening, what)
			} else {
				require.Less(t, at(place), enough, "%s: %v", what, got[place].err)
			}
		}
	}
}
