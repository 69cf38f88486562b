package scan

import (
	"fmt"
	"math/rand/v2"

	"github.com/redisarrow/redisarrow/cluster"
)

// A world is a small cluster of which everything is known, for the test that the
// rule holds (world_rule_test.go): some servers, each with its own view of the
// cluster, epochs, marks and keys. Whatever changes in it changes in steps so small
// that a scanner may look in between: half of a MIGRATE, one node that hears of
// another one, one SETSLOT of several.
//
//	world_test.go          servers, and what a client can read
//	world_terms_test.go    what is possible in a world
//	world_bus_test.go      what servers hear of each other, and make of it
//	world_admin_test.go    migrations by an administrator who keeps to the protocol
//	world_faults_test.go   crashes, partitions, failovers, clients, operators
//	world_server_test.go   commands and replies
//	world_scanner_test.go  the scanner: the engine's code, driven step by step
//	world_fetch_test.go    how it reads a key
//	world_rule_test.go     the property, and that each part of the rule is needed
//
// A world is drawn from its seed, with everything in it, so it can be run again.
// Servers do in it what Redis does, or with marks what Valkey 8 does. Replication is
// synchronous: what a failover loses is lost to everybody. What it can't show are
// SETSLOT NODE and MIGRATE given against the protocol while a slot is moving, by which
// the rule is broken (rule.go).
type world struct {
	rng    *rand.Rand
	terms  terms
	hosts  []host
	admins [worldSlots]admin
	weak   weakness

	cont    [worldSlots]uint8 // keys that have existed ever since the scan began
	emitted [worldSlots]uint8
	done    [worldSlots]bool
	began   bool
	wrong   string // the first violation

	version int // grows when a host may have changed
	tracing bool
	trace   []string
}

const (
	worldHosts = 7 // three masters, a replica each, and a newcomer
	// The first slots are scanned. The others are without keys, and never moved but
	// by a failover: a master without any slot is no voter, and rare.
	scannedSlots = 3
	worldSlots   = scannedSlots + 3
	worldKeys    = 4 // a slot
	nobody       = int8(-1)
)

// slotNumbers are the slots' numbers, ascending.
var slotNumbers = [worldSlots]uint16{5, 77, 9000, 10000, 12000, 16383}

// worldKey are the keys of each slot.
var worldKey = func() (names [scannedSlots][worldKeys]string) {
	for slot := range names {
		for key := range names[slot] {
			names[slot][key] = fmt.Sprintf("{%s}%d", slotTags()[slotNumbers[slot]], key)
		}
	}
	return names
}()

// keyNumber is the key's slot and bit.
func keyNumber(key []byte) (slot int, bit uint8) {
	number := cluster.Slot(key)
	for slot := range scannedSlots {
		if slotNumbers[slot] == number {
			return slot, 1 << (key[len(key)-1] - '0')
		}
	}
	panic(fmt.Sprintf("no key of the world: %q", key))
}

// host is one server, and what it thinks of the cluster.
type host struct {
	id, addr, name string
	up             bool // the process is there
	cut            bool // from the other servers; a scanner still reaches it
	ok             bool // cluster_state
	run            int  // the number of the process
	master         int8 // whose replica it is; nobody: it is a master
	promoted       bool // and not all may have heard

	epoch   uint64 // config epoch
	current uint64 // the highest one that it has heard of
	heard   [worldHosts]uint64

	known    [worldHosts]bool
	isMaster [worldHosts]bool // in its eyes
	failed   [worldHosts]bool // likewise
	follows  [worldHosts]int8 // whose replica another one is, in its eyes

	owner, migrating, importing [worldSlots]int8
	keys                        [worldSlots]uint8

	// Its CLUSTER NODES, as of a version of the world.
	text string
	view *cluster.View
	asOf int
}

func (h *host) isMasterNow() bool { return h.master == nobody }

// reached reports whether the other servers, and administrators, reach a host.
func (h *host) reached() bool { return h.up && !h.cut }

// at is a host, nil for nobody.
func (w *world) at(i int8) *host {
	if i == nobody {
		return nil
	}
	return &w.hosts[i]
}

// newWorld makes a cluster at rest.
func newWorld(seed uint64, weak weakness, tracing bool) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 5)), tracing: tracing, version: 1, weak: weak}
	w.terms = newTerms(w.rng)
	for i := range w.admins {
		w.admins[i] = admin{source: nobody, target: nobody, from: nobody, to: nobody}
	}
	masters := w.terms.masters
	n := masters + w.terms.replicas
	total := n
	if w.terms.newcomer {
		total++
	}
	w.hosts = make([]host, total)
	for i := range w.hosts {
		h := &w.hosts[i]
		*h = host{
			id: fmt.Sprintf("%040d", (i*7+3)%10), addr: fmt.Sprintf("10.0.0.%d:6379", i+1),
			name: hostName(i, &w.terms), up: true, ok: true, master: nobody, epoch: uint64(i + 1), current: uint64(masters),
		}
		for slot := range worldSlots {
			h.owner[slot], h.migrating[slot], h.importing[slot] = nobody, nobody, nobody
		}
		for j := range h.follows {
			h.follows[j] = nobody
			if j >= masters && j < n {
				h.follows[j] = int8(j - masters)
			}
		}
		if i >= n { // the newcomer knows nobody
			h.epoch, h.current = 0, 0
			continue
		}
		if i >= masters {
			h.master = int8(i - masters)
			h.epoch = h.heard[h.master]
		}
		for j := range n {
			h.known[j] = true
			h.isMaster[j] = j < masters
			if h.isMaster[j] {
				h.heard[j] = uint64(j + 1)
			}
		}
		for slot := range worldSlots {
			h.owner[slot] = int8(slot % masters)
			if slot < w.terms.slots && int(h.owner[slot]) == i%masters {
				h.keys[slot] = w.terms.atFirst
			}
			if slot >= scannedSlots && w.terms.bare&(1<<h.owner[slot]) != 0 {
				h.owner[slot] = int8((slot + 1) % masters)
			}
		}
	}
	return w
}

// note adds to the trace.
func (w *world) note(format string, args ...any) {
	if !w.tracing {
		return
	}
	w.trace = append(w.trace, fmt.Sprintf(format, args...))
}

// hostName is A, B, C for the masters, with a stroke for their first replicas.
func hostName(i int, t *terms) string {
	switch {
	case i < t.masters:
		return string(rune('A' + i))
	case i < t.masters+t.replicas:
		return string(rune('A'+i-t.masters)) + "'"
	default:
		return "N"
	}
}

func (h *host) String() string {
	if h == nil {
		return "nobody"
	}
	return h.name
}

// keyNames shows a set of keys.
func keyNames(keys uint8) string { return fmt.Sprintf("{%04b}", keys) }

// chance is true once in n times.
func (w *world) chance(n int) bool { return n > 0 && w.rng.IntN(n) == 0 }

func (w *world) any() int8 { return int8(w.rng.IntN(len(w.hosts))) }

func (w *world) anySlot() int { return w.rng.IntN(w.terms.slots) }

// newest is the master with the highest epoch of those that claim a slot, whether
// or not it is up: it is where the slot is, once everybody has heard of everything.
// One that is down or cut off, and of which no other master has heard that it owns the
// slot, is not of the cluster: no client is sent there.
func (w *world) newest(slot int) int8 {
	best, bestKnown := nobody, false
	for i := range w.hosts {
		h := &w.hosts[i]
		if !h.isMasterNow() || h.owner[slot] != int8(i) {
			continue
		}
		known := h.reached() || w.knownOwner(slot, int8(i))
		if best == nobody || known && !bestKnown || known == bestKnown && h.epoch > w.hosts[best].epoch {
			best, bestKnown = int8(i), known
		}
	}
	return best
}

// knownOwner reports whether a master that isn't cut off takes another host for a
// slot's owner.
func (w *world) knownOwner(slot int, owner int8) bool {
	for i := range w.hosts {
		if h := &w.hosts[i]; int8(i) != owner && h.reached() && h.isMasterNow() && h.owner[slot] == owner {
			return true
		}
	}
	return false
}

// A replica that is promoted is asked by the scanner, but isn't missed if it doesn't
// answer: replicas needn't be reachable. Until everybody has heard that it is a
// master, it is the only one who knows. If it goes before, so does the cluster's
// memory of it, and nothing is owed of its slots: lose. Servers announce a promotion
// at once; here it may take any time.

// told reports whether all others that are reached know of all that a host owns.
func (w *world) told(who int8) bool {
	for i := range w.hosts {
		h := &w.hosts[i]
		for slot := range worldSlots {
			if h.reached() && h.joined() && w.hosts[who].owner[slot] == who && h.owner[slot] != who {
				return false
			}
		}
	}
	return true
}

// settlePromotions is when a survey begins: what everybody knows, the survey will.
func (w *world) settlePromotions() {
	for i := range w.hosts {
		if h := &w.hosts[i]; h.promoted && (!h.isMasterNow() || w.told(int8(i))) {
			h.promoted = false
		}
	}
}

// lose is about a host that goes.
func (w *world) lose(who int8) {
	h := &w.hosts[who]
	if !h.promoted {
		return
	}
	for slot := range w.terms.slots {
		if h.isMasterNow() && h.owner[slot] == who {
			w.note("    (before all know that it owns slot %d)", slotNumbers[slot])
			w.cont[slot] = 0
		}
	}
}

// lookup is what comes of looking for a key.
type lookup uint8

const (
	isThere  lookup = iota
	isNot           // a server says that there is no such key
	isClosed        // somebody who may have it doesn't answer
	isLost          // servers send the client to and fro
)

// find looks for a key as a client does that begins at the slot's newest owner, and
// says which host has the key, or had the last word.
func (w *world) find(slot int, bit uint8) (lookup, int8) {
	at, asking := w.newest(slot), false
	if at == nobody {
		return isClosed, nobody
	}
	for range 6 {
		h := &w.hosts[at]
		switch {
		case !h.up || !h.ok:
			return isClosed, at
		case h.isMasterNow() && h.owner[slot] == at:
			if h.keys[slot]&bit != 0 {
				return isThere, at
			}
			if h.migrating[slot] == nobody {
				return isNot, at
			}
			at, asking = h.migrating[slot], true
			continue
		case h.isMasterNow() && asking && h.importing[slot] != nobody:
			if h.keys[slot]&bit != 0 {
				return isThere, at
			}
			return isNot, at
		case h.owner[slot] == nobody:
			return isClosed, at
		}
		at, asking = h.owner[slot], false
	}
	return isLost, at
}

// exists reports whether a client could read a key: from the slot's newest owner,
// with all redirects. While a server that has it, or knows where it is, can't be
// asked, the key still exists; one that servers send a client to and fro for
// doesn't, as nobody can have it.
func (w *world) exists(slot int, bit uint8) bool {
	found, at := w.find(slot, bit)
	switch found {
	case isThere:
		return true
	case isClosed:
		for i := range w.hosts {
			h := &w.hosts[i]
			there := at == nobody || int8(i) == at || w.hosts[at].migrating[slot] == int8(i)
			if there && h.isMasterNow() && h.keys[slot]&bit != 0 {
				return true
			}
		}
	}
	return false
}

// look takes note of what exists still, after a change.
func (w *world) look() {
	w.version++
	if !w.began {
		return
	}
	for slot := range w.terms.slots {
		for left := w.cont[slot]; left != 0; left &= left - 1 {
			if bit := left & -left; !w.exists(slot, bit) {
				w.cont[slot] &^= bit
				w.note("    (key %s of slot %d can't be read)", keyNames(bit), slotNumbers[slot])
			}
		}
	}
}

// begin is when the scan begins: what exists now, and as long as it does, is owed.
func (w *world) begin() {
	w.began = true
	for slot := range w.terms.slots {
		w.cont[slot] = 1<<worldKeys - 1
	}
	w.note("--- the scan begins")
	w.look()
}

// emit says that a key has given its row.
func (w *world) emit(slot int, bit uint8) {
	w.note("row of key %s of slot %d", keyNames(bit), slotNumbers[slot])
	if w.emitted[slot]&bit != 0 {
		w.fail("key %s of slot %d has two rows", keyNames(bit), slotNumbers[slot])
	}
	w.emitted[slot] |= bit
}

// finish says that a slot is done.
func (w *world) finish(slot int) {
	w.done[slot] = true
	w.note("slot %d is done; owed: %s, rows: %s", slotNumbers[slot], keyNames(w.cont[slot]), keyNames(w.emitted[slot]))
	if missed := w.cont[slot] &^ w.emitted[slot]; missed != 0 {
		w.fail("slot %d is done without key %s, which has been there all the time", slotNumbers[slot], keyNames(missed))
	}
}

func (w *world) fail(format string, args ...any) {
	if w.wrong == "" {
		w.wrong = fmt.Sprintf(format, args...)
		w.note("!!! %s", w.wrong)
	}
}
