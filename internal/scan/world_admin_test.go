package scan

// admin is what an administrator, or a program of his, is about to do with a slot:
// a migration by IMPORTING, MIGRATING, MIGRATE and SETSLOT NODE, with all ways in
// which it may be broken off, and redis-cli --cluster fix.
type admin struct {
	phase          phase
	source, target int8

	// A MIGRATE between its halves: the copy is there, the original not yet deleted.
	moving   uint8
	from, to int8
}

type phase uint8

const (
	idle      phase = iota
	opened          // the target imports
	migrating       // the source is marked too: keys are moved
	targetTold
	sourceTold
	sourceToldFirst
	rollingBack
	stoppedAtSource // one side is told STABLE, the other not yet
	stoppedAtTarget
	fixing // --cluster fix has chosen an owner (the target) and told it STABLE
	fixOwned
	fixDisowned
	fixNamed
	fixMoving
)

// obeys reports whether an administrator reaches a host, as a master.
func (w *world) obeys(who int8) bool {
	return who != nobody && w.hosts[who].reached() && w.hosts[who].isMasterNow()
}

// tell ends a change of a slot's marks or owner at a master: Valkey's replicas
// know of it too.
func (w *world) tell(who int8, slot int) {
	if !w.terms.valkey {
		return
	}
	h := &w.hosts[who]
	for i := range w.hosts {
		if r := &w.hosts[i]; r.master == who && r.reached() && h.reached() {
			r.owner[slot], r.migrating[slot], r.importing[slot] = h.owner[slot], h.migrating[slot], h.importing[slot]
		}
	}
}

// stable is SETSLOT STABLE.
func (w *world) stable(who int8, slot int) {
	w.hosts[who].migrating[slot], w.hosts[who].importing[slot] = nobody, nobody
	w.tell(who, slot)
	w.note("SETSLOT %d STABLE on %s", slotNumbers[slot], w.at(who))
}

// setNode is SETSLOT NODE; false if the server refuses.
func (w *world) setNode(who int8, slot int, owner int8) bool {
	h := &w.hosts[who]
	if !w.obeys(who) || h.owner[slot] == who && owner != who && h.keys[slot] != 0 {
		return false
	}
	if h.keys[slot] == 0 {
		h.migrating[slot] = nobody
	}
	h.owner[slot] = owner
	if owner == who && h.importing[slot] != nobody {
		w.raise(who, false)
		h.importing[slot] = nobody
	}
	w.tell(who, slot)
	w.note("SETSLOT %d NODE %s on %s", slotNumbers[slot], w.at(owner), h)
	return true
}

// moveKey does the first half of MIGRATE for a key that the servers let through. A
// source that is marked takes no key in that it hasn't got: it answers ASK.
func (w *world) moveKey(slot int, from, to int8) bool {
	a := &w.admins[slot]
	if a.moving != 0 || !w.obeys(from) || !w.obeys(to) {
		return false
	}
	bit := uint8(1) << w.rng.IntN(worldKeys)
	f, t := &w.hosts[from], &w.hosts[to]
	switch {
	case f.keys[slot]&bit == 0, f.owner[slot] != from && f.importing[slot] == nobody:
		return false
	case t.owner[slot] == to && t.migrating[slot] != nobody && t.keys[slot]&bit == 0:
		return false
	case t.owner[slot] != to && t.importing[slot] == nobody:
		return false
	}
	w.setKeys(to, slot, t.keys[slot]|bit)
	a.moving, a.from, a.to = bit, from, to
	w.note("MIGRATE of key %s of slot %d from %s: copied to %s", keyNames(bit), slotNumbers[slot], f, t)
	return true
}

// endMove does the second half of MIGRATE.
func (w *world) endMove(slot int) {
	a := &w.admins[slot]
	bit, from := a.moving, a.from
	a.moving, a.from, a.to = 0, nobody, nobody
	switch h := &w.hosts[from]; {
	case !h.up || !h.isMasterNow():
		w.note("MIGRATE of key %s ends with its source", keyNames(bit))
	case w.terms.abandons && w.chance(4):
		w.note("MIGRATE of key %s times out: both have it", keyNames(bit))
	default:
		w.setKeys(from, slot, h.keys[slot]&^bit)
		w.note("MIGRATE of key %s: deleted on %s", keyNames(bit), h)
	}
}

// administer takes the next step with a slot.
func (w *world) administer() bool {
	slot := w.anySlot()
	a := &w.admins[slot]
	if a.moving != 0 {
		w.endMove(slot)
		return true
	}
	if a.phase != idle && (w.terms.interrupts && w.chance(12) || !w.obeys(a.source) && !w.obeys(a.target)) {
		w.note("(nobody goes on with slot %d)", slotNumbers[slot])
		a.phase = idle
		return true
	}
	switch a.phase {
	case idle:
		return w.openMigration(slot)
	case opened:
		s := w.at(a.source)
		if !w.obeys(a.source) || s.owner[slot] != a.source {
			a.phase = idle
			return true
		}
		s.migrating[slot] = a.target
		w.tell(a.source, slot)
		w.note("SETSLOT %d MIGRATING to %s on %s", slotNumbers[slot], w.at(a.target), s)
		a.phase = migrating
	case migrating:
		return w.migrate(slot)
	case rollingBack:
		if w.hosts[a.target].keys[slot] != 0 && w.obeys(a.target) {
			return w.moveKey(slot, a.target, a.source)
		}
		if !w.obeys(a.target) {
			return false
		}
		w.stable(a.target, slot)
		a.phase = idle
	case targetTold:
		if w.terms.targetOnly && w.chance(2) {
			w.note("(the rest is left to gossip)")
			a.phase = idle
			return true
		}
		if !w.setNode(a.source, slot, a.target) {
			return false
		}
		a.phase = sourceTold
	case sourceToldFirst:
		if !w.setNode(a.target, slot, a.target) {
			return false
		}
		a.phase = sourceTold
	case sourceTold:
		if other := w.any(); other != a.source && other != a.target && w.chance(2) {
			return w.obeys(other) && w.hosts[other].owner[slot] != other && w.setNode(other, slot, a.target)
		}
		w.note("(slot %d has been migrated)", slotNumbers[slot])
		a.phase = idle
	case stoppedAtSource, stoppedAtTarget:
		other := a.target
		if a.phase == stoppedAtTarget {
			other = a.source
		}
		if !w.obeys(other) {
			return false
		}
		w.stable(other, slot)
		a.phase = idle
	default:
		return w.fix(slot)
	}
	return true
}

// openMigration begins a migration at the target.
func (w *world) openMigration(slot int) bool {
	a := &w.admins[slot]
	source, target := w.newest(slot), w.any()
	if w.terms.migrations == 0 || source == target || !w.obeys(source) || !w.obeys(target) || !w.hosts[target].known[source] {
		return false
	}
	t := &w.hosts[target]
	if t.owner[slot] == target {
		return false
	}
	w.terms.migrations--
	a.source, a.target, a.phase = source, target, opened
	t.importing[slot] = source
	w.tell(target, slot)
	w.note("SETSLOT %d IMPORTING from %s on %s", slotNumbers[slot], w.at(source), t)
	return true
}

// migrate moves keys, and goes on when there are none left, or breaks off.
func (w *world) migrate(slot int) bool {
	a := &w.admins[slot]
	s, t := w.at(a.source), w.at(a.target)
	if s.keys[slot] != 0 && s.migrating[slot] == a.target && t.importing[slot] != nobody && !w.chance(5) {
		return w.moveKey(slot, a.source, a.target)
	}
	switch w.rng.IntN(6) {
	case 0:
		if w.terms.rollsBack && w.obeys(a.source) {
			// The source first: marked, it refuses its keys.
			w.stable(a.source, slot)
			a.phase = rollingBack
			return true
		}
	case 1:
		clean := t.keys[slot]&^s.keys[slot] == 0
		if !w.terms.aborts || !clean && !w.terms.abortsDirty {
			return false
		}
		if w.chance(2) {
			if w.obeys(a.source) {
				w.stable(a.source, slot)
				a.phase = stoppedAtSource
				return true
			}
		} else if w.obeys(a.target) {
			w.stable(a.target, slot)
			a.phase = stoppedAtTarget
			return true
		}
	case 2:
		if !w.terms.fixes || !w.obeys(a.source) || !w.obeys(a.target) {
			return false
		}
		if w.chance(2) {
			a.source, a.target = a.target, a.source
		}
		w.note("--cluster fix chooses %s for slot %d", w.at(a.target), slotNumbers[slot])
		w.stable(a.target, slot)
		a.phase = fixing
		return true
	default:
		if s.keys[slot] != 0 {
			return false
		}
		if w.terms.sourceFirst && w.chance(2) {
			if w.setNode(a.source, slot, a.target) {
				a.phase = sourceToldFirst
				return true
			}
		} else if w.setNode(a.target, slot, a.target) {
			a.phase = targetTold
			return true
		}
	}
	return false
}

// fix is what redis-cli --cluster fix does when it has chosen the owner.
func (w *world) fix(slot int) bool {
	a := &w.admins[slot]
	loser, winner := w.at(a.source), w.at(a.target)
	who := a.source
	if a.phase == fixing {
		who = a.target
	}
	if !w.obeys(who) {
		return false
	}
	switch a.phase {
	case fixing:
		winner.owner[slot], winner.migrating[slot], winner.importing[slot] = a.target, nobody, nobody
		w.raise(a.target, false)
		w.note("fix: DELSLOTS, ADDSLOTS and BUMPEPOCH on %s", winner)
		a.phase = fixOwned
	case fixOwned:
		loser.owner[slot], loser.migrating[slot] = nobody, nobody
		w.note("fix: DELSLOTS on %s", loser)
		a.phase = fixDisowned
	case fixDisowned:
		loser.owner[slot] = a.target
		w.note("fix: SETSLOT NODE %s on %s", winner, loser)
		a.phase = fixNamed
	case fixNamed:
		loser.importing[slot] = a.target
		w.note("fix: SETSLOT IMPORTING from %s on %s", winner, loser)
		a.phase = fixMoving
	case fixMoving:
		if loser.keys[slot] != 0 {
			return w.moveKey(slot, a.source, a.target)
		}
		w.stable(a.source, slot)
		a.phase = idle
	}
	w.tell(who, slot)
	return true
}

// moveAtOnce is an atomic migration (Redis 8.4, Valkey 9) at the moment that counts.
func (w *world) moveAtOnce() bool {
	slot := w.anySlot()
	source, target := w.newest(slot), w.any()
	if source == target || !w.obeys(source) || !w.obeys(target) || w.admins[slot].phase != idle {
		return false
	}
	s, t := &w.hosts[source], &w.hosts[target]
	if s.migrating[slot] != nobody || t.owner[slot] == target || t.importing[slot] != nobody || !t.known[source] {
		return false
	}
	t.owner[slot] = target
	w.raise(target, true)
	w.setKeys(target, slot, s.keys[slot])
	w.tell(target, slot)
	w.note("slot %d goes from %s to %s at once", slotNumbers[slot], s, t)
	return true
}
