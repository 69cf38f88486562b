package scan

import (
	"fmt"
	"slices"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/enumeration"
	"github.com/redisarrow/redisarrow/internal/resp"
)

// Enumeration is a way to enumerate the keys of a node; which of them a server
// has is for package enumeration to say.
type Enumeration = enumeration.Way

// The ways, see there.
const (
	AutoEnumerate = enumeration.Auto
	ClusterScan   = enumeration.ClusterScan
	SlotScan      = enumeration.SlotScan
	KeysInSlot    = enumeration.KeysInSlot
	PlainScan     = enumeration.PlainScan
)

// Enumerations are the ways, without AutoEnumerate.
func Enumerations() []Enumeration { return enumeration.All() }

// way enumerates the keys of some slots of one node, in requests that are
// answered in order. At most one is under way.
type way interface {
	// ended reports whether there is nothing more to ask for.
	ended() bool
	// ask appends the commands of the next request.
	ask(out []byte) []byte
	// receive reads the replies to the request under way, puts keys on a page,
	// and says what is known of slots now. A [*refusedError] means that the
	// server refused the request, all replies were read, and it may be asked for
	// again.
	receive(r *resp.Reader, pg *page) (piece, error)
	// again takes back the request under way: its replies won't come.
	again()
	// command is what it asks with, for messages.
	command() string
	// matches reports whether the server has matched the keys to the pattern.
	matches() bool
}

// piece is what a request has told of slots.
type piece struct {
	done   cluster.SlotSet // all of their keys have been listed
	doubts []Reason        // these can't be promised in this pass
	// trouble is why a part of the request was refused, and will be asked for
	// again.
	trouble *refusedError
}

// possible are the ways that a server has, best first.
// CLUSTERSCAN is for masters: they are what it is routed to. A slot is listed in
// one go, which isn't for nodes that are asked for little at a time.
func (p *pass) possible() []Enumeration {
	s := &p.start
	able := enumeration.Ability{Order: s.order, Monotone: s.monotone, ClusterScan: s.clusterScan, CheapLists: s.cheapLists && !p.scan.gentle()}
	return able.Ways(p.scan.inCluster, p.task.role == owner && p.task.master == nil)
}

// choose takes the way for the slots that are left, not one that the user may
// not use.
func (p *pass) choose() error {
	s := p.scan
	ways := p.possible()
	switch {
	case p.large:
		ways = slices.DeleteFunc(ways, func(e Enumeration) bool { return e == KeysInSlot || e == ClusterScan })
	case s.enumerate != AutoEnumerate && p.task.role == owner && s.inCluster:
		if !slices.Contains(ways, s.enumerate) {
			return &cluster.NodeError{Addr: p.addr, Command: "enumerate", Err: fmt.Errorf("%w: %v", ErrEnumerate, s.enumerate)}
		}
		ways = []Enumeration{s.enumerate}
	case p.task.role == owner:
		if e := p.node.preferred(); slices.Contains(ways, e) {
			ways = append([]Enumeration{e}, ways...)
		}
	}
	for _, e := range ways {
		if p.node.refuses(e) {
			continue
		}
		p.take(e)
		return nil
	}
	return p.node.refusal()
}

// take takes a way.
func (p *pass) take(e Enumeration) {
	p.enumeration = e
	p.node.uses(e)
	p.start.typeless = p.node.typeless()
	g := p.guard
	if g != nil {
		g.loose = p.node.unguarded(e)
	}
	switch e {
	case ClusterScan:
		p.way = newClusterScan(p.scan, &p.pager, p.left)
	case KeysInSlot:
		p.way = newKeysInSlot(p.scan, g, &p.pager, p.left)
	case SlotScan:
		p.way = newSlotScan(p.scan, g, &p.pager, p.left, &p.start)
	default:
		p.way = newPlainScan(p.scan, g, &p.pager, p.left, &p.start)
	}
}
