package scan

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/redisarrow/redisarrow/cluster"
)

// survey is what all masters of a cluster said at about one time: each one's
// CLUSTER NODES, read one beside the other between the survey's beginning and
// its end. What one node says of itself is what it acts upon; what all of them
// say alike is how the cluster stands. A survey is not changed once made.
//
// Which nodes are asked, and count:
//
//   - every node that says of itself that it is a master;
//   - every node that doesn't answer and that one of these takes for a master:
//     it is silent, and as long as a node is, the survey settles nothing, since
//     it may be a master that serves old keys;
//   - unless the masters agree that it doesn't count ([cluster.Agreement]): it
//     has been replaced, or is dead.
type survey struct {
	number  int
	members map[string]*member // the masters that count and answered, by ID
	dead    map[string]string  // the addresses of masters that don't count, as said above, by ID

	disputed cluster.SlotSet // not all masters name the same owner
	unowned  cluster.SlotSet // all agree that nobody owns them
	orphaned cluster.SlotSet // all agree on an owner that is dead
	silent   error           // who counts and didn't answer, and why; nil if all did
}

// member is a master in a survey.
type member struct {
	id, addr string
	up       bool            // cluster_state:ok
	epoch    uint64          // its config epoch, as it says itself
	slots    cluster.SlotSet // all agree that they are its own

	// The marks of open migrations in its view of itself, by slot: the other
	// node's ID.
	migrating, importing map[uint16]string

	replicas []replica // that answered and follow it, by ID
}

// replica is a node that says that it follows a master.
type replica struct{ id, addr string }

// answer is what came of asking one node.
type answer struct {
	id   string        // as others name it; "" if only an address is known
	addr string        // where it was asked
	view *cluster.View // nil if it didn't answer
	up   bool
	err  error // why not
}

// conclusive reports whether everybody was asked who counts.
func (s *survey) conclusive() bool { return s.silent == nil && len(s.members) > 0 }

// notAsked is why a survey isn't conclusive.
func (s *survey) notAsked() error {
	if s.silent == nil {
		return errNotAsked
	}
	return fmt.Errorf("%w: %w", errNotAsked, s.silent)
}

// marked are the member's own slots with a mark of an open migration.
func (m *member) marked() (open cluster.SlotSet) {
	for slot := range m.migrating {
		open.Add(slot)
	}
	for slot := range m.importing {
		open.Add(slot)
	}
	return open.Intersect(m.slots)
}

// targets are the nodes to which the member has slots moving: thousands of slots may
// have one.
func (m *member) targets() []string {
	targets := slices.Collect(maps.Values(m.migrating))
	slices.Sort(targets)
	return slices.Compact(targets)
}

// newSurvey puts the answers together. No node may be among them twice.
func newSurvey(number int, answers []answer) *survey {
	s := &survey{number: number, members: map[string]*member{}, dead: map[string]string{}}
	var masters []*answer
	for i := range answers {
		if a := &answers[i]; a.view != nil && a.view.Self.Master() {
			masters = append(masters, a)
		}
	}
	agreed := agreementOf(masters)
	for id := range agreed.Dead {
		s.dead[id] = "" // for now
	}
	masters = slices.DeleteFunc(masters, func(a *answer) bool { return agreed.Dead[a.view.Self.ID] })
	for _, a := range masters {
		self := &a.view.Self
		s.members[self.ID] = &member{
			id: self.ID, addr: a.addr, up: a.up, epoch: self.Epoch,
			migrating: a.view.Migrating, importing: a.view.Importing,
		}
	}
	for i := range answers {
		v := answers[i].view
		if v == nil || v.Self.Master() {
			continue
		}
		if m := s.members[v.Self.MasterID]; m != nil && answers[i].addr != "" {
			m.replicas = append(m.replicas, replica{v.Self.ID, answers[i].addr})
		}
	}
	for _, m := range s.members {
		slices.SortFunc(m.replicas, func(a, b replica) int { return strings.Compare(a.id, b.id) })
	}
	s.silent = s.missing(masters, answers)
	s.take(&agreed)
	return s
}

func agreementOf(masters []*answer) cluster.Agreement {
	views := make([]*cluster.View, len(masters))
	for i, a := range masters {
		views[i] = a.view
	}
	return cluster.Agree(views)
}

// missing says which nodes count and didn't answer.
func (s *survey) missing(masters []*answer, answers []answer) error {
	var silent []error
	asked := map[string]*answer{}
	for i := range answers {
		if a := &answers[i]; a.id != "" {
			asked[a.id] = a
		}
	}
	told := map[string]bool{}
	for _, a := range masters {
		for i := range a.view.Others {
			n := &a.view.Others[i]
			if told[n.ID] || !n.Master() || n.Is("handshake") || s.members[n.ID] != nil {
				continue
			}
			told[n.ID] = true
			other, known := asked[n.ID]
			if _, dead := s.dead[n.ID]; dead {
				if known {
					s.dead[n.ID] = other.addr
				}
				continue
			}
			switch {
			case n.Is("noaddr") && n.Slots.Empty():
				// Long gone: nobody knows where it was.
			case known && other.view != nil:
				// It is a replica by now, and the others will hear of it.
			case known:
				silent = append(silent, other.err)
			default:
				silent = append(silent, fmt.Errorf("node %s of the cluster has no address that can be used", n.ID))
			}
		}
	}
	if len(masters) == 0 {
		for i := range answers {
			silent = append(silent, answers[i].err)
		}
		silent = append(silent, errNoMaster)
	}
	return errors.Join(silent...)
}

var errNoMaster = errors.New("no master of the cluster answers")

// take takes over what the masters agree upon.
func (s *survey) take(agreed *cluster.Agreement) {
	s.disputed = agreed.Disputed
	s.unowned = cluster.AllSlots().Minus(s.disputed)
	for id, slots := range agreed.Owners {
		s.unowned = s.unowned.Minus(slots)
		if m := s.members[id]; m != nil {
			m.slots = slots
		} else if _, dead := s.dead[id]; dead {
			s.orphaned = s.orphaned.Union(slots)
		}
	}
}
