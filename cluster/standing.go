package cluster

import (
	"errors"
	"maps"
	"slices"
)

// standing is how the cluster stands, by what its masters say: internal/scan
// judges by the same rules, again and again, whether slots are done.
type standing struct {
	members  map[string]*answer // masters that answered and haven't been replaced, by ID
	replaced map[string]bool    // masters in their own eyes only
	failed   map[string]bool    // most masters agree that these have failed
	owners   map[string]SlotSet // in all members' eyes, by ID; by address where no ID is known
	disputed SlotSet
	unowned  SlotSet
}

var errNoAddress = errors.New("the cluster has no address of it that can be used")

// stand puts the masters' views together.
func (l *look) stand() *standing {
	s := &standing{members: map[string]*answer{}, replaced: map[string]bool{}, failed: map[string]bool{}, owners: map[string]SlotSet{}}
	for _, a := range l.answers {
		if a.master() {
			s.members[a.id] = a
		}
	}
	s.vote()
	for id := range s.replaced {
		delete(s.members, id)
	}
	if len(s.members) == 0 {
		l.believe(s)
	} else {
		s.agree()
	}
	s.unowned = AllSlots().Minus(s.disputed)
	for _, slots := range s.owners {
		s.unowned = s.unowned.Minus(slots)
	}
	return s
}

// vote finds out whom most of the masters with slots take for failed, or for
// replaced although it answers as a master. What they say of before its last
// promotion doesn't count.
func (s *standing) vote() {
	voters := map[string]bool{}
	failed, gone := map[string]int{}, map[string]int{}
	for _, a := range s.members {
		for _, n := range append([]ViewNode{a.view.Self}, a.view.Others...) {
			if n.Master() && !n.Slots.Empty() {
				voters[n.ID] = true
			}
		}
		if a.view.Self.Slots.Empty() {
			continue
		}
		for i := range a.view.Others {
			n := &a.view.Others[i]
			if n.Failed() {
				failed[n.ID]++
			}
			m := s.members[n.ID]
			if m == nil || m.view.Self.Epoch > n.Epoch || m.view.Self.Epoch == n.Epoch && !n.Master() {
				continue // the epoch of a replica is its master's
			}
			if !n.Master() || n.Failed() && n.Slots.Empty() {
				gone[n.ID]++
			}
		}
	}
	for id, n := range failed {
		s.failed[id] = n*2 > len(voters)
	}
	for id, n := range gone {
		if n*2 > len(voters) {
			s.replaced[id] = true
		}
	}
}

// agree compares who owns which slot in the members' views. A master without
// slots, one that has just come, may not have heard of all owners yet.
func (s *standing) agree() {
	var reference *View
	for _, id := range slices.Sorted(maps.Keys(s.members)) {
		if view := s.members[id].view; reference == nil || reference.Self.Slots.Empty() {
			reference = view
		}
	}
	owners := reference.owners()
	for _, a := range s.members {
		view := a.view.owners()
		for id, slots := range view {
			s.disputed = s.disputed.Union(slots.Minus(owners[id]))
		}
		if a.view.Self.Slots.Empty() {
			continue
		}
		for id, slots := range owners {
			s.disputed = s.disputed.Union(slots.Minus(view[id]))
		}
	}
	for id, slots := range owners {
		s.owners[id] = slots.Minus(s.disputed)
	}
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

// owners are the slots of each owner in a view.
func (v *View) owners() map[string]SlotSet {
	owners := map[string]SlotSet{}
	for _, n := range append([]ViewNode{v.Self}, v.Others...) {
		if !n.Slots.Empty() {
			owners[n.ID] = n.Slots
		}
	}
	return owners
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
