package cluster

// Agreement is what masters say of their cluster, put together: no master has the
// last word, and what one thinks that has been cut off has no bearing on the
// others' slots.
type Agreement struct {
	// Dead are the nodes that don't count, by ID: most masters with slots agree
	// that such a node has failed, and it gave no view, or owns no slot any more for
	// any of those who say so; or they agree that it is a replica of somebody with
	// a higher epoch, whatever it says itself. One whose own epoch is news to them
	// has just been promoted: what they say is of before that.
	Dead map[string]bool
	// Owners are the slots of each owner, by ID, about which all masters that
	// count agree.
	Owners map[string]SlotSet
	// Disputed are the slots about which they don't; all slots, if none counts.
	Disputed SlotSet
}

// Agree puts the views of masters together: of all that say of themselves that they
// are one, at most one view each.
func Agree(views []*View) Agreement {
	a := Agreement{Dead: dead(views), Owners: map[string]SlotSet{}}
	var members []*View
	for _, v := range views {
		if !a.Dead[v.Self.ID] {
			members = append(members, v)
		}
	}
	if len(members) == 0 {
		a.Disputed = AllSlots()
		return a
	}
	// A master without slots, one that has just come, may not have heard of all
	// owners yet.
	reference := members[0]
	for _, v := range members {
		if reference.Self.Slots.Empty() {
			reference = v
		}
	}
	owners := reference.owners()
	for _, v := range members {
		theirs := v.owners()
		for id, slots := range theirs {
			a.Disputed = a.Disputed.Union(slots.Minus(owners[id]))
		}
		if v.Self.Slots.Empty() {
			continue
		}
		for id, slots := range owners {
			a.Disputed = a.Disputed.Union(slots.Minus(theirs[id]))
		}
	}
	for id, slots := range owners {
		a.Owners[id] = slots.Minus(a.Disputed)
	}
	return a
}

// dead are the nodes that don't count.
func dead(views []*View) map[string]bool {
	voters := map[string]bool{}     // masters with slots, in anybody's eyes
	against := map[string]int{}     // how many say of a node that it has failed, or is a replica
	owner := map[string]bool{}      // who still owns a slot for one of those
	answered := map[string]uint64{} // with which epoch
	for _, v := range views {
		answered[v.Self.ID] = v.Self.Epoch
	}
	for _, v := range views {
		if !v.Self.Slots.Empty() {
			voters[v.Self.ID] = true
		}
		for i := range v.Others {
			n := &v.Others[i]
			if n.Master() && !n.Slots.Empty() {
				voters[n.ID] = true
			}
			epoch, answers := answered[n.ID]
			// The epoch of a replica is its master's.
			news := answers && (epoch > n.Epoch || epoch == n.Epoch && !n.Master())
			demoted := answers && !n.Master()
			if news || !n.Failed() && !demoted || v.Self.Slots.Empty() {
				continue
			}
			against[n.ID]++
			owner[n.ID] = owner[n.ID] || !n.Slots.Empty()
		}
	}
	dead := map[string]bool{}
	for id, n := range against {
		_, answers := answered[id]
		if n*2 > len(voters) && !(answers && owner[id]) {
			dead[id] = true
		}
	}
	return dead
}

// owners are the slots of each owner in a view.
func (v *View) owners() map[string]SlotSet {
	owners := map[string]SlotSet{}
	if !v.Self.Slots.Empty() {
		owners[v.Self.ID] = v.Self.Slots
	}
	for i := range v.Others {
		if n := &v.Others[i]; !n.Slots.Empty() {
			owners[n.ID] = n.Slots
		}
	}
	return owners
}
