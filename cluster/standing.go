package cluster

import (
	"errors"
	"maps"
	"slices"
)

// standing is how the cluster stands, by what its masters say.
type standing struct {
	members  map[string]*answer // masters that answered and count, by ID
	dead     map[string]bool    // nodes that don't count, as [Agreement] has it
	owners   map[string]SlotSet // in all members' eyes, by ID; by address where no ID is known
	disputed SlotSet
	unowned  SlotSet
}

var errNoAddress = errors.New("the cluster has no address of it that can be used")

// stand puts the masters' views together.
func (l *look) stand() *standing {
	s := &standing{members: map[string]*answer{}}
	for _, a := range l.answers {
		if a.master() {
			s.members[a.id] = a
		}
	}
	var views []*View
	for _, id := range slices.Sorted(maps.Keys(s.members)) {
		views = append(views, s.members[id].view)
	}
	agreed := Agree(views)
	s.dead, s.owners, s.disputed = agreed.Dead, agreed.Owners, agreed.Disputed
	for id := range s.dead {
		delete(s.members, id)
	}
	if len(s.members) == 0 {
		s.disputed = SlotSet{}
		l.believe(s)
	}
	s.unowned = AllSlots().Minus(s.disputed)
	for _, slots := range s.owners {
		s.unowned = s.unowned.Minus(slots)
	}
	return s
}

// believe takes the topology's word, where no master tells its view.
func (l *look) believe(s *standing) {
	if l.topology == nil {
		return
	}
	for i := range l.topology.Masters {
		m := &l.topology.Masters[i]
		s.owners[nameOf(m.ID, m.Addr)] = m.Slots
	}
}

// nameOf is by which a node goes among the owners.
func nameOf(id, addr string) string {
	if id != "" {
		return id
	}
	return addr
}

// disputed are the slots about whose owner the masters don't agree.
func (l *look) disputed() SlotSet { return l.stand().disputed }

// suspects reports whether a member says of a node that it fails, or may.
func (s *standing) suspects(id string) bool {
	for _, a := range s.members {
		if a.id == id {
			continue
		}
		if n := a.view.Node(id); n != nil && (n.Failed() || n.Is("fail?")) {
			return true
		}
	}
	return false
}

// mastered reports whether a member takes a node for a master.
func (s *standing) mastered(id string) bool {
	for _, a := range s.members {
		if n := a.view.Node(id); n != nil && n.Master() {
			return true
		}
	}
	return false
}
