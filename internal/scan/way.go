package scan

import (
	"fmt"
	"slices"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/resp"
)

// Enumeration is a way to enumerate the keys of a node.
type Enumeration int

const (
	// AutoEnumerate takes for each node the first of the others, in the order
	// in which they stand here, that its server has and the user may use; on
	// servers without a table for each slot (Redis up to 7.2) PlainScan comes
	// last.
	AutoEnumerate Enumeration = iota
	// ClusterScan is CLUSTERSCAN of one slot after another: Valkey 9.1 and newer.
	ClusterScan
	// SlotScan is SCAN where its cursor goes through the slots in order, so that
	// slots are done as it passes them: Redis 7.4 and newer, Valkey 8.0 and newer.
	SlotScan
	// KeysInSlot is CLUSTER GETKEYSINSLOT of one slot after another. It lists a
	// slot in one go, so slots of more than 100,000 keys are left to SCAN; and
	// all keys of a slot, whatever the pattern and their type.
	KeysInSlot
	// PlainScan is SCAN of a whole node, the only way to read a server that is
	// alone. All of the node's slots are under way until it ends, and the keys
	// have to be remembered until then: see MaxLedgerBytes.
	PlainScan
)

func (e Enumeration) String() string {
	names := [...]string{"auto", "clusterscan", "slotscan", "keysinslot", "plainscan"}
	if e < 0 || int(e) >= len(names) {
		return fmt.Sprintf("Enumeration(%d)", int(e))
	}
	return names[e]
}

// Enumerations are the ways, without AutoEnumerate.
func Enumerations() []Enumeration {
	return []Enumeration{ClusterScan, SlotScan, KeysInSlot, PlainScan}
}

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
// CLUSTERSCAN is for masters: they are what it is routed to.
func possible(s *state, inCluster bool, r role, fromReplica bool) []Enumeration {
	switch {
	case !inCluster:
		return []Enumeration{PlainScan}
	case r == owner && s.clusterScan && !fromReplica:
		return []Enumeration{ClusterScan, SlotScan, KeysInSlot, PlainScan}
	case s.order == slotOrder:
		return []Enumeration{SlotScan, KeysInSlot, PlainScan}
	default:
		return []Enumeration{KeysInSlot, PlainScan}
	}
}

// choose takes the way for the slots that are left, not one that the user may
// not use.
func (p *pass) choose() error {
	s := p.scan
	ways := possible(&p.start, s.inCluster, p.task.role, p.task.master != nil)
	switch {
	case p.large:
		ways = slices.DeleteFunc(ways, func(e Enumeration) bool { return e == KeysInSlot || e == ClusterScan })
	case s.enumerate != AutoEnumerate && p.task.role == owner && s.inCluster:
		if !slices.Contains(ways, s.enumerate) {
			return &cluster.NodeError{Addr: p.addr, Command: "enumerate", Err: fmt.Errorf("%w: %v", ErrEnumerate, s.enumerate)}
		}
		ways = []Enumeration{s.enumerate}
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
