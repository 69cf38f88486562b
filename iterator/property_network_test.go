package iterator_test

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/redisarrow/redisarrow/internal/faultnet"
)

// propertyNetwork is a faulty network between a scan and its servers.
type propertyNetwork struct {
	streams faultnet.Stream // how the bytes come through, without a fault
	cuts    []faultnet.Plan // of the first connections
	rest    faultnet.Plan   // of the others
	lasting bool            // others are struck too, or one falls silent

	schema *propertySchema
	keys   int

	dialled, struck atomic.Int64
}

// newPropertyNetwork draws a network for so many keys of a schema.
func newPropertyNetwork(r *rand.Rand, s *propertySchema, keys int) *propertyNetwork {
	if r.IntN(3) > 0 {
		return nil
	}
	n := &propertyNetwork{schema: s, keys: keys}
	if r.IntN(3) == 0 {
		n.streams = faultnet.Stream{Piece: oneOf(r, 1, 2, 7, 100, 1000), Random: r.IntN(2) == 0, Seed: r.Uint64()}
	}
	if r.IntN(6) == 0 {
		n.streams.Delay = time.Duration(r.IntN(300)) * time.Microsecond
	}
	for range r.IntN(6) {
		n.cuts = append(n.cuts, n.cut(r))
	}
	n.rest = n.plan(faultnet.Fault{}, false)
	if r.IntN(12) == 0 {
		n.rest, n.lasting = n.cut(r), true
	}
	return n
}

// plan makes a plan with a fault in one of the directions.
func (n *propertyNetwork) plan(f faultnet.Fault, request bool) faultnet.Plan {
	p := faultnet.Plan{Requests: n.streams, Replies: n.streams}
	if f.Kind != faultnet.None {
		f.Struck = func() { n.struck.Add(1) }
	}
	if request {
		p.Requests.Fault = f
	} else {
		p.Replies.Fault = f
	}
	return p
}

func (n *propertyNetwork) cut(r *rand.Rand) faultnet.Plan {
	f := faultnet.Fault{Kind: oneOf(r, faultnet.None, faultnet.Close, faultnet.Close, faultnet.Reset, faultnet.Reset, faultnet.Pause)}
	f.For = time.Duration(r.IntN(2000)) * time.Microsecond
	if r.IntN(20) == 0 {
		f.Kind, n.lasting = oneOf(r, faultnet.Silence, faultnet.Freeze), true
	}
	if r.IntN(20) == 0 {
		return faultnet.Plan{Dial: faultnet.Refused}
	}
	switch r.IntN(4) {
	case 0:
		f.At = oneOf(r, r.Int64N(100), r.Int64N(3000), r.Int64N(20_000))
	case 1:
		f.At = r.Int64N(200)
		f.Command, f.Nth = oneOf(r, "SCAN", "EXEC", "MULTI", "CLUSTER GETKEYSINSLOT", "TTL", "CLUSTER NODES", "INFO"), r.IntN(5)
	default:
		f.At = n.schema.somewhere(r)
		f.Command, f.Nth = oneOf(r, n.schema.fetches()...), r.IntN(n.keys/2+1)
	}
	return n.plan(f, r.IntN(6) == 0)
}

// next is the plan of the connection that is dialled now.
func (n *propertyNetwork) next(faultnet.Conn) faultnet.Plan {
	p := n.rest
	if i := n.dialled.Add(1) - 1; int(i) < len(n.cuts) {
		p = n.cuts[i]
	}
	if p.Dial != faultnet.Accepted {
		n.struck.Add(1)
	}
	return p
}

func (n *propertyNetwork) String() string {
	if n == nil {
		return "without faults"
	}
	text := fmt.Sprintf("pieces of %d, random %v, delays of %v", n.streams.Piece, n.streams.Random, n.streams.Delay)
	for i, p := range append(n.cuts[:len(n.cuts):len(n.cuts)], n.rest) {
		if p.Dial != faultnet.Accepted {
			text += fmt.Sprintf("\n          connection %d refused", i)
		}
		for direction, f := range map[string]faultnet.Fault{"requests": p.Requests.Fault, "replies": p.Replies.Fault} {
			if f.Kind != faultnet.None {
				text += fmt.Sprintf("\n          connection %d: %s, fault of kind %d after %d bytes of %s %d", i, direction, f.Kind, f.At, f.Command, f.Nth)
			}
		}
	}
	return text
}
