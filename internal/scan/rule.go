package scan

import (
	"errors"

	"github.com/redisarrow/redisarrow/cluster"
)

// The rule by which a slot is done. A key "exists from start to end" if at every
// moment a client that follows redirects could have read it. All such keys of a
// slot have been enumerated if
//
//  1. each piece of the enumeration was guarded: the server said in the same
//     instant in which it listed the keys (in one MULTI and EXEC, or by refusing
//     the command itself) that it owns the slot and isn't moving it;
//  2. all pieces came from one process, with one config epoch;
//  3. everybody was asked before the first piece and again after the last one
//     (two surveys): all masters named the same owner for the slot both times,
//     no other one claimed it, and the owner said the same of itself both
//     times: master, the slot its own, no mark of a migration, the same epoch
//     as in the pieces.
//
// Why the views before and after aren't enough: a migration may be opened, half
// the keys moved, the pass made, the keys moved back and the marks cleared, and
// both views are equal. Within one instant there is no such thing: an owner that
// isn't moving a slot has all of its keys, since the servers' protocol moves
// keys only while the source is marked, or hands a slot over in one step.
//
// Why the epoch: a slot that goes to another master and comes back within a
// pass of several pieces is owned at each of them. The master that takes a slot
// in by SETSLOT NODE raises its epoch above all that it knows, unless it is the
// highest already; so of the two that have taken it one after the other, the
// second, our owner, can't have been the highest, and has raised it.
//
// Why the others are asked, and before too: a master that has been cut off and
// replaced goes on listing the keys of the old world, until it notices. If the
// promotion comes during the pass, the survey after it tells; if it was before,
// the owner that the others name is another one.
//
// # A migration that stays open
//
// The source (owner) is marked as moving the slot to a target, and what is on
// its way lies at the one or the other. A key is then readable at the source, or
// at the target by way of ASK. The pieces are: the source's list, guarded by its
// mark, and after it the target's, guarded by its mark that it imports from the
// source. A key goes from source to target, by MIGRATE, while both are marked,
// so none slips through when the source is read first. It can't come back
// unseen: a source that is marked takes no key in that it doesn't have (it
// answers ASK), and as soon as it isn't, a key at the target can't be read by
// anybody. Where the target has no mark, its keys can't be read either, and
// there is nothing to list. Everything else is as above, with the mark instead
// of no mark, and the epoch of both.
//
// The model that this rests on has no violation in any of its worlds but for
// SETSLOT NODE given against the protocol while a slot is moving.

// span is what has been enumerated between two surveys: slots of one master, or
// such as are moving from it to another one.
type span struct {
	slots  cluster.SlotSet
	before *survey // ended before the first piece
	after  int     // the number of the last survey that had begun when all was read: a later one counts
	owner  string
	epoch  uint64 // the owner's, in the surveys and in all pieces

	// For slots with an open migration, else empty.
	target      string
	targetEpoch uint64
}

// Reasons why slots are read again. Each says what to do where that doesn't help.
var (
	errMigrating   = errors.New("the slot has an open migration; finish or abort it (redis-cli --cluster fix)")
	errMoved       = errors.New("the slot was moved to another master while it was read")
	errDemoted     = errors.New("the node stopped being a master while it was read")
	errEpoch       = errors.New("the node's config epoch changed while it was read, so slots may have come and gone")
	errNodeDown    = errors.New("the cluster is down for the slot's owner (CLUSTER INFO says that cluster_state isn't ok)")
	errNotAsked    = errors.New("a master of the cluster could not be asked who owns the slot, and hasn't been replaced")
	errDisputed    = errors.New("the masters of the cluster don't agree on the slot's owner")
	errMarkChanged = errors.New("the slot's open migration was changed while it was read")
)

// verdict is what a survey says of a span.
type verdict struct {
	done   cluster.SlotSet // every key has been enumerated
	wait   cluster.SlotSet // a later survey may say so: not everybody was asked, or agrees
	again  []Reason        // to be read again
	doubts error           // why wait isn't empty
}

// judge says what has become of a span's slots, by a survey that begun after
// they were read.
func (sp *span) judge(after *survey) (v verdict) {
	left := sp.slots
	again := func(slots cluster.SlotSet, reason error) {
		if slots = slots.Intersect(left); !slots.Empty() {
			v.again = append(v.again, Reason{Slots: slots, Err: reason})
			left = left.Minus(slots)
		}
	}
	again(sp.slots.Minus(sp.before.settled(sp.owner, sp.epoch, sp.target, sp.targetEpoch)), errNotAsked)
	if !after.conclusive() {
		v.wait, v.doubts = left, after.notAsked()
		return v
	}
	if disputed := left.Intersect(after.disputed); !disputed.Empty() {
		v.wait, v.doubts = disputed, errDisputed
		left = left.Minus(disputed)
	}
	owner := after.members[sp.owner]
	if owner == nil {
		again(left, errDemoted)
		return v
	}
	again(left.Minus(owner.slots), errMoved)
	if owner.epoch != sp.epoch {
		again(left, errEpoch)
	}
	if !owner.up {
		again(left, errNodeDown)
	}
	if sp.target == "" {
		again(owner.marked(), errMigrating)
	} else {
		again(left.Minus(after.settled(sp.owner, sp.epoch, sp.target, sp.targetEpoch)), errMarkChanged)
	}
	v.done = left
	return v
}

// settled are the slots for which a survey has one answer: everybody was asked,
// all name the owner, which is up and has this epoch, and there is no mark of a
// migration; or with a target, that of a migration to it.
func (s *survey) settled(owner string, epoch uint64, target string, targetEpoch uint64) (slots cluster.SlotSet) {
	m := s.members[owner]
	if !s.conclusive() || m == nil || !m.up || m.epoch != epoch {
		return slots
	}
	if target == "" {
		return m.slots.Minus(m.marked())
	}
	if t := s.members[target]; t == nil || t.epoch != targetEpoch {
		return slots
	}
	return m.movingTo(target)
}

// movingTo are the member's slots that are moving to another one.
func (m *member) movingTo(target string) (slots cluster.SlotSet) {
	for slot, to := range m.migrating {
		if _, importing := m.importing[slot]; to == target && !importing {
			slots.Add(slot)
		}
	}
	return slots.Intersect(m.slots)
}
