package scan

import "math/rand/v2"

// terms are what is possible in a world. Each world has some of all that there is:
// what is rare among everything comes up often where there is little else.
type terms struct {
	masters, replicas int
	newcomer          bool
	slots             int   // that are scanned
	atFirst           uint8 // keys of each
	bare              uint8 // masters without a slot that isn't scanned
	valkey            bool

	migrations                            int // how many
	rollsBack, aborts, abortsDirty, fixes bool
	abandons, interrupts                  bool
	targetOnly, sourceFirst               bool
	manual, takeover, hasty, forgets      bool
	fullCoverage, deletes                 bool
	weights                               [kindsOfEvents]int
	total                                 int
	eventsBefore, eventsDuring            int
	eventsInARow, stepsInARow             int // at most

	// What the scanner meets.
	order       cursorOrder
	clusterScan bool
	enumerate   Enumeration
	count       int // SCAN's
	workers     int
	silence     int // one question in so many isn't answered
	drops       int // one step in so many breaks the connection
	letter      bool
}

func newTerms(rng *rand.Rand) terms {
	maybe := func() bool { return rng.IntN(2) == 0 }
	t := terms{
		masters: 2 + rng.IntN(2), newcomer: rng.IntN(4) == 0, slots: max(1, rng.IntN(scannedSlots+2)-1),
		atFirst: uint8(rng.IntN(1<<worldKeys) | rng.IntN(1<<worldKeys)),
		valkey:  rng.IntN(3) == 0, migrations: 1 + rng.IntN(4),
		rollsBack: maybe(), aborts: maybe(), abortsDirty: maybe(), fixes: rng.IntN(4) == 0,
		abandons: rng.IntN(3) == 0, interrupts: rng.IntN(3) == 0,
		targetOnly: rng.IntN(3) == 0, sourceFirst: rng.IntN(4) == 0,
		manual: maybe(), takeover: rng.IntN(4) == 0, hasty: maybe(), forgets: rng.IntN(4) == 0,
		fullCoverage: maybe(), deletes: maybe(),
		eventsBefore: rng.IntN(2) * rng.IntN(30), eventsDuring: 5 + rng.IntN(100),
		eventsInARow: 1 + rng.IntN(12), stepsInARow: 1 + rng.IntN(12),
		count: 1 + rng.IntN(4), workers: 1 + rng.IntN(2),
		letter: maybe(),
	}
	if maybe() {
		t.replicas = 1 + rng.IntN(t.masters)
	}
	if t.masters+t.replicas == worldHosts {
		t.newcomer = false
	}
	if rng.IntN(4) == 0 {
		t.bare = uint8(rng.IntN(1 << t.masters))
	}
	if rng.IntN(4) == 0 {
		t.silence = 5 + rng.IntN(20)
	}
	if rng.IntN(4) == 0 {
		t.drops = 5 + rng.IntN(40)
	}
	t.serve(rng)
	themes[rng.IntN(len(themes))](&t, rng)
	for _, weight := range t.weights {
		t.total += weight
	}
	return t
}

// themes are what worlds are about: what comes together to a fault is rare among
// everything.
var themes = [...]func(t *terms, rng *rand.Rand){
	func(t *terms, rng *rand.Rand) { // a half of all there is
		for i := range t.weights {
			t.weights[i] = rng.IntN(2) * (1 + rng.IntN(6))
		}
		t.weights[administration] *= 1 + rng.IntN(5)
		t.weights[gossiping] = 1 + rng.IntN(12)
	},
	func(t *terms, rng *rand.Rand) { // migrations
		t.set(rng, administration, 20, gossiping, 6, announcing, 3, migratingAtOnce, 1, writing, 2, forgettingMarks, 1)
		t.replicas, t.slots = 0, 1
	},
	func(t *terms, rng *rand.Rand) { // migrations that come to nothing
		t.set(rng, administration, 20, gossiping, 2, announcing, 1, writing, 2)
		t.replicas, t.slots, t.rollsBack, t.abandons, t.interrupts = 0, 1, true, false, false
	},
	func(t *terms, rng *rand.Rand) { // failovers
		t.set(rng, failing, 6, suspecting, 6, crashing, 2, restarting, 3, gossiping, 8, announcing, 4, writing, 4, changingState, 6)
		t.masters, t.replicas, t.newcomer = 3, 1+rng.IntN(3), false
	},
	func(t *terms, rng *rand.Rand) { // partitions
		t.set(rng, separating, 2, reconnecting, 1, suspecting, 8, failing, 6, gossiping, 6, announcing, 4, writing, 4, changingState, 1)
		t.masters, t.replicas, t.newcomer = 3, 1+rng.IntN(3), false
	},
	func(t *terms, rng *rand.Rand) { // restarts
		t.set(rng, crashing, 4, restarting, 8, gossiping, 2, announcing, 2, writing, 2, changingState, 8)
		t.hasty, t.fullCoverage, t.slots = true, false, 1
	},
	func(t *terms, rng *rand.Rand) { // migrations and failovers
		t.set(rng, administration, 20, failing, 4, suspecting, 2, crashing, 1, restarting, 2, gossiping, 8, announcing, 4, writing, 2, changingState, 4)
		t.replicas = max(t.replicas, 1)
		if t.masters+t.replicas == worldHosts {
			t.newcomer = false
		}
	},
}

// set sets weights: kinds of events, and about how often.
func (t *terms) set(rng *rand.Rand, weights ...int) {
	for i := 0; i < len(weights); i += 2 {
		t.weights[weights[i]] = (rng.IntN(4) + 1) * weights[i+1]
	}
}

// serve says of which kind the servers are.
func (t *terms) serve(rng *rand.Rand) {
	ways := []Enumeration{AutoEnumerate, KeysInSlot, PlainScan}
	switch rng.IntN(4) {
	case 0:
		t.order = tableOrder
	case 1:
		t.order = unknownOrder
	case 2:
		t.order = slotOrder
		ways = append(ways, SlotScan)
	case 3:
		t.order, t.clusterScan = slotOrder, true
		ways = append(ways, SlotScan, ClusterScan)
	}
	t.enumerate = ways[rng.IntN(len(ways))]
	// What the order is like is what the rule doesn't need to know: what Valkey
	// does with marks may come with all of them.
}
