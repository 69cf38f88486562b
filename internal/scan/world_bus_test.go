package scan

// What the servers of a world hear of each other on the cluster bus, and what they
// make of it: cluster.c of Redis (cluster_legacy.c), as far as slots, roles and
// epochs go.

// setKeys changes what a host has of a slot, and its replicas with it.
func (w *world) setKeys(at int8, slot int, keys uint8) {
	h := &w.hosts[at]
	h.keys[slot] = keys
	for i := range w.hosts {
		if r := &w.hosts[i]; r.master == at && r.reached() && h.reached() {
			r.keys[slot] = keys
		}
	}
}

// follow makes a host a replica of another one, or of its master.
func (w *world) follow(who, master int8) {
	h := &w.hosts[who]
	for range w.hosts {
		if next := w.hosts[master].master; next != nobody && next != who {
			master = next
		}
	}
	if master == who || !w.hosts[master].isMasterNow() {
		return
	}
	h.master = master
	for slot := range worldSlots {
		h.migrating[slot], h.importing[slot] = nobody, nobody
	}
	h.isMaster[master] = true
	w.synchronize(who)
	w.note("%s is a replica of %s", h, w.at(master))
}

// synchronize gives a replica, and its own ones, what its master has.
func (w *world) synchronize(who int8) {
	h := &w.hosts[who]
	if h.master == nobody || !h.reached() || !w.hosts[h.master].reached() {
		return
	}
	for slot := range worldSlots {
		w.setKeys(who, slot, w.hosts[h.master].keys[slot])
	}
}

// raise gives a host an epoch above all that it knows, unless it has the highest
// already (clusterBumpConfigEpochWithoutConsensus).
func (w *world) raise(who int8, anyhow bool) {
	h := &w.hosts[who]
	highest := max(h.epoch, h.current)
	for _, epoch := range h.heard {
		highest = max(highest, epoch)
	}
	if h.epoch == 0 || h.epoch != highest || anyhow {
		h.current = highest + 1
		h.epoch = h.current
	}
}

// epochOf is the epoch that a host takes another one to have.
func (h *host) epochOf(self, other int8) uint64 {
	if self == other {
		return h.epoch
	}
	return h.heard[other]
}

func (h *host) owns(self int8) (n int) {
	for _, owner := range h.owner {
		if owner == self {
			n++
		}
	}
	return n
}

// hear has one host get a message of another one.
func (w *world) hear(listener, speaker int8) bool {
	l, s := &w.hosts[listener], &w.hosts[speaker]
	if listener == speaker || !l.reached() || !s.reached() || !l.known[speaker] || !s.known[listener] {
		return false
	}
	for i := range w.hosts {
		if s.known[i] && !l.known[i] && int8(i) != listener {
			l.known[i], l.isMaster[i] = true, s.isMaster[i] // will be met next
			w.hosts[i].known[listener] = true
			w.hosts[i].isMaster[listener] = l.isMasterNow()
		}
	}
	l.current = max(l.current, s.current)
	w.note("%s hears %s", l, s)
	if !s.isMasterNow() {
		w.hearReplica(listener, speaker)
	} else {
		w.hearMaster(listener, speaker)
	}
	return true
}

func (w *world) hearReplica(listener, speaker int8) {
	l, s := &w.hosts[listener], &w.hosts[speaker]
	l.failed[speaker] = false
	l.follows[speaker] = s.master
	if l.isMaster[speaker] {
		l.isMaster[speaker] = false
		for slot := range worldSlots {
			if l.owner[slot] == speaker {
				l.owner[slot] = nobody
			}
		}
	}
	if l.master == speaker {
		w.follow(listener, s.master)
	}
}

func (w *world) hearMaster(listener, speaker int8) {
	l, s := &w.hosts[listener], &w.hosts[speaker]
	l.isMaster[speaker] = true
	l.heard[speaker] = s.epoch
	if l.failed[speaker] && (l.owns(speaker) == 0 || w.chance(2)) {
		l.failed[speaker] = false
	}
	if l.isMasterNow() && l.epoch == s.epoch && s.id > l.id {
		l.current++
		l.epoch = l.current
	}
	claimed, stale := uint(0), nobody
	for slot := range worldSlots {
		if s.owner[slot] != speaker {
			continue
		}
		claimed |= 1 << slot
		if owner := l.owner[slot]; owner != nobody && owner != speaker && l.epochOf(listener, owner) > s.epoch {
			stale = owner
		}
	}
	w.claim(listener, speaker, s.epoch, claimed)
	if stale != nobody {
		w.update(speaker, listener, stale)
	}
}

// update has a host that claims what it has lost be told by the one that it told so
// whose it is (clusterSendUpdate).
func (w *world) update(who, by, owner int8) {
	h, teller := &w.hosts[who], &w.hosts[by]
	epoch := teller.epochOf(by, owner)
	if h.heard[owner] >= epoch || owner == who {
		return
	}
	claimed := uint(0)
	for slot := range worldSlots {
		if teller.owner[slot] == owner {
			claimed |= 1 << slot
		}
	}
	w.note("    %s tells it about %s", teller, w.at(owner))
	h.known[owner], h.isMaster[owner], h.heard[owner] = true, true, epoch
	w.claim(who, owner, epoch, claimed)
}

// claim has a host take note of the slots that a master claims
// (clusterUpdateSlotsConfigWith).
func (w *world) claim(listener, speaker int8, epoch uint64, slots uint) {
	l := &w.hosts[listener]
	mine := l.master // whose slots are mine, or my master's
	if l.isMasterNow() {
		mine = listener
	}
	lost, dirty := false, uint(0)
	for slot := range worldSlots {
		if slots&(1<<slot) == 0 || l.owner[slot] == speaker {
			continue
		}
		if l.importing[slot] != nobody && !w.terms.valkey {
			continue // not to be touched but by the administrator
		}
		was := l.owner[slot]
		if was != nobody && l.epochOf(listener, was) >= epoch &&
			(was == listener || !w.hosts[was].up || w.hosts[was].owner[slot] == was) {
			continue
		}
		if w.terms.valkey {
			l.migrating[slot], l.importing[slot] = nobody, nobody
		}
		if was == listener && l.keys[slot] != 0 {
			dirty |= 1 << slot
		}
		lost = lost || was == mine
		l.owner[slot] = speaker
	}
	switch {
	case lost && l.owns(mine) == 0:
		w.follow(listener, speaker)
	case dirty != 0 && l.isMasterNow():
		for slot := range worldSlots {
			if dirty&(1<<slot) != 0 { // what it still has of a slot that it has lost, it deletes
				w.setKeys(listener, slot, 0)
			}
		}
	}
}
