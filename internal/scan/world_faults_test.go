package scan

// What befalls the servers of a world, and what clients and operators do there.

// event is something that may happen; false if it can't, as things are.
type event func(w *world) bool

// The kinds of events.
const (
	administration = iota
	gossiping
	announcing
	suspecting
	failing
	crashing
	restarting
	separating
	reconnecting
	changingState
	writing
	migratingAtOnce
	meeting
	operating
	forgettingMarks
	kindsOfEvents
)

// events are what may happen, by the weights of a world's terms.
var events = [kindsOfEvents]event{
	administration:  (*world).administer,
	gossiping:       (*world).gossip,
	announcing:      (*world).announce,
	suspecting:      (*world).suspectFailed,
	failing:         (*world).failover,
	crashing:        (*world).crash,
	restarting:      (*world).restart,
	separating:      (*world).separate,
	reconnecting:    (*world).reconnect,
	changingState:   (*world).changeState,
	writing:         (*world).write,
	migratingAtOnce: (*world).moveAtOnce,
	meeting:         (*world).meet,
	operating:       (*world).operate,
	forgettingMarks: (*world).forgetMark,
}

// happen has something happen.
func (w *world) happen() {
	for range 20 {
		n := w.rng.IntN(w.terms.total)
		for i, weight := range w.terms.weights {
			if n -= weight; n < 0 {
				if events[i](w) {
					w.look()
					return
				}
				break
			}
		}
	}
}

func (w *world) gossip() bool { return w.hear(w.any(), w.any()) }

// announce has everybody hear one host, as after a failover.
func (w *world) announce() bool {
	who, heard := w.any(), false
	for i := range w.hosts {
		heard = w.hear(int8(i), who) || heard
	}
	return heard
}

// meet makes a newcomer known to somebody.
func (w *world) meet() bool {
	last, other := int8(len(w.hosts)-1), w.any()
	n, o := &w.hosts[last], &w.hosts[other]
	if !w.terms.newcomer || n.known[other] || other == last || !n.reached() || !o.reached() {
		return false
	}
	n.known[other], n.isMaster[other] = true, o.isMasterNow()
	o.known[last], o.isMaster[last] = true, true
	w.note("%s and %s meet", n, o)
	return true
}

// joined reports whether a host is in the cluster.
func (h *host) joined() bool { return h.known != [worldHosts]bool{} }

// voters are how many masters with slots a host knows, and how many of them are
// reached now.
func (w *world) voters(of int8) (all, reached int) {
	h := &w.hosts[of]
	for i := range w.hosts {
		master := h.known[i] && h.isMaster[i]
		if int8(i) == of {
			master = h.isMasterNow()
		}
		if !master || h.owns(int8(i)) == 0 {
			continue
		}
		all++
		if w.hosts[i].reached() {
			reached++
		}
	}
	return all, reached
}

// suspectFailed has one host hear that another one has failed, which a majority has
// agreed upon.
func (w *world) suspectFailed() bool {
	who, whom := w.any(), w.any()
	h, other := &w.hosts[who], &w.hosts[whom]
	if who == whom || !h.reached() || other.reached() || !h.known[whom] || h.failed[whom] {
		return false
	}
	if all, reached := w.voters(who); 2*reached <= all {
		return false
	}
	h.failed[whom] = true
	w.note("%s takes %s for failed", h, other)
	return true
}

// failover promotes a replica: by election when its master has failed, by hand when
// both are well, or by force.
func (w *world) failover() bool {
	who := w.any()
	h := &w.hosts[who]
	old := h.master
	if old == nobody || !h.reached() || h.owns(old) == 0 {
		return false
	}
	all, reached := w.voters(who)
	elected := 2*reached > all
	highest := h.current
	for i := range w.hosts {
		if w.hosts[i].reached() {
			highest = max(highest, w.hosts[i].current)
		}
	}
	switch {
	case h.failed[old] && elected:
		w.note("%s is elected in place of %s", h, w.at(old))
	case w.terms.manual && w.hosts[old].reached() && elected:
		w.note("CLUSTER FAILOVER on %s, in place of %s", h, w.at(old))
	case w.terms.takeover:
		highest = h.current
		for _, epoch := range h.heard {
			highest = max(highest, epoch)
		}
		w.note("CLUSTER FAILOVER TAKEOVER on %s, in place of %s", h, w.at(old))
	default:
		return false
	}
	h.master, h.promoted = nobody, true
	h.current = highest + 1
	h.epoch = h.current
	for slot := range worldSlots {
		if h.owner[slot] == old {
			h.owner[slot] = who
		}
		if !w.terms.valkey {
			h.migrating[slot], h.importing[slot] = nobody, nobody
		}
	}
	return true
}

func (w *world) crash() bool {
	who := w.any()
	h := &w.hosts[who]
	if !h.up {
		return false
	}
	h.up, h.ok = false, false
	for slot := range w.admins {
		if a := &w.admins[slot]; a.moving != 0 && (a.from == who || a.to == who) {
			a.moving = 0
		}
	}
	w.note("%s crashes", h)
	w.lose(who)
	return true
}

func (w *world) restart() bool {
	who := w.any()
	h := &w.hosts[who]
	if h.up {
		return false
	}
	h.up, h.cut = true, false
	h.run++
	h.ok = w.terms.hasty
	w.note("%s starts again", h)
	if w.terms.forgets && w.chance(3) {
		w.note("    without its data")
		for slot := range worldSlots {
			w.setKeys(who, slot, 0)
		}
	}
	w.synchronize(who)
	return true
}

func (w *world) separate() bool {
	who := w.any()
	h := &w.hosts[who]
	if !h.up || h.cut {
		return false
	}
	h.cut = true
	w.note("%s is cut off from the others", h)
	w.lose(who)
	return true
}

func (w *world) reconnect() bool {
	who := w.any()
	h := &w.hosts[who]
	if !h.cut {
		return false
	}
	h.cut = false
	w.note("%s is connected to the others again", h)
	w.synchronize(who)
	return true
}

// changeState has a host take note of what the cluster's state is to it.
func (w *world) changeState() bool {
	who := w.any()
	h := &w.hosts[who]
	if !h.up {
		return false
	}
	all, reached := w.voters(who)
	good := !h.cut && 2*reached > all
	if w.terms.fullCoverage {
		for slot := range worldSlots {
			owner := h.owner[slot]
			good = good && owner != nobody && !h.failed[owner]
		}
	}
	if h.ok == good {
		return false
	}
	h.ok = good
	w.note("%s: cluster_state ok is %v", h, good)
	return true
}

// write is a client that makes or deletes a key.
func (w *world) write() bool {
	slot, bit := w.anySlot(), uint8(1)<<w.rng.IntN(worldKeys)
	found, at := w.find(slot, bit)
	switch {
	case found == isThere && w.terms.deletes && w.chance(3):
		w.setKeys(at, slot, w.hosts[at].keys[slot]&^bit)
		w.note("key %s of slot %d is deleted on %s", keyNames(bit), slotNumbers[slot], w.at(at))
	case found == isNot:
		w.setKeys(at, slot, w.hosts[at].keys[slot]|bit)
		w.note("key %s of slot %d is made on %s", keyNames(bit), slotNumbers[slot], w.at(at))
	default:
		return false
	}
	return true
}

// operate is an operator who takes a slot from a server, or gives it one that it
// takes for unowned.
func (w *world) operate() bool {
	who, slot := w.any(), w.anySlot()
	h := &w.hosts[who]
	if !w.obeys(who) || !h.joined() || w.admins[slot].phase != idle || w.newest(slot) != nobody && !w.chance(3) {
		return false
	}
	if h.owner[slot] == nobody {
		h.owner[slot] = who
		h.importing[slot] = nobody
		w.note("ADDSLOTS %d on %s", slotNumbers[slot], h)
	} else {
		h.owner[slot] = nobody
		w.note("DELSLOTS %d on %s", slotNumbers[slot], h)
	}
	w.tell(who, slot)
	return true
}

// forgetMark is a second tool that sends STABLE to a source whose keys are all gone.
func (w *world) forgetMark() bool {
	who, slot := w.any(), w.anySlot()
	h := &w.hosts[who]
	if !w.obeys(who) || h.migrating[slot] == nobody || h.keys[slot] != 0 || w.admins[slot].phase == migrating {
		return false
	}
	w.stable(who, slot)
	return true
}

// heal ends all that is wrong, so that every slot has an owner that is up, and
// everybody knows. Migrations may stay open, between masters.
func (w *world) heal() {
	w.note("--- nothing happens any more")
	for slot := range w.admins {
		if w.admins[slot].moving != 0 {
			w.endMove(slot)
		}
		w.admins[slot].phase = idle
	}
	for i := range w.hosts {
		h := &w.hosts[i]
		if !h.up {
			h.run++
		}
		h.up, h.cut = true, false
	}
	w.gossipAll()
	for slot := range worldSlots {
		if w.newest(slot) == nobody {
			for who := int8(0); ; who++ {
				if h := &w.hosts[who]; h.isMasterNow() && h.joined() {
					w.hosts[who].owner[slot] = who
					break
				}
			}
		}
	}
	w.gossipAll()
	for slot := range worldSlots {
		w.healMarks(slot)
	}
	w.gossipAll()
	for i := range w.hosts {
		h := &w.hosts[i]
		h.ok = true
		h.failed = [worldHosts]bool{}
		w.synchronize(int8(i))
	}
	w.look()
}

func (w *world) gossipAll() {
	for range 4 {
		for i := range w.hosts {
			for j := range w.hosts {
				w.hear(int8(i), int8(j))
			}
		}
	}
}

// healMarks takes marks away that no scan can do anything about: of the owner to
// somebody who is no master, of an owner that imports its own slot; and of those who
// import, since to take in a slot keeps a server from hearing whose it is.
func (w *world) healMarks(slot int) {
	owner := w.newest(slot)
	keep := w.chance(2)
	for i := range w.hosts {
		h := &w.hosts[i]
		self := int8(i)
		if to := h.migrating[slot]; to != nobody && (!keep || self != owner || !w.hosts[to].isMasterNow() || h.importing[slot] != nobody) {
			h.migrating[slot] = nobody
		}
		if from := h.importing[slot]; from != nobody && (!keep || self == owner || h.owner[slot] != owner || from != owner) {
			h.importing[slot] = nobody
		}
		if h.owner[slot] != owner && self != owner && !w.hosts[owner].isMasterNow() {
			h.owner[slot] = nobody
		}
	}
	w.note("slot %d: %s", slotNumbers[slot], w.at(owner))
}
