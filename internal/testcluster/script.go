package testcluster

import (
	"math/rand/v2"
	"slices"
	"time"
)

// ScriptConfig says what a script may hold.
type ScriptConfig struct {
	Masters int   // that the cluster starts with; each has a replica. 0 means 3
	Events  int   // how many, about: what was begun is also ended; 0 means 6
	Slots   []int // those worth moving, such as have many keys, and the first one most of all; nil means all

	// Kinds are those to draw from; nil means all but Abort, by which keys get lost for a while, Forsake, and Atomic.
	// What ends a kind of them (Close, Restart, Rejoin, Drain) comes with it.
	Kinds []Kind

	// Atomic says that the servers can move slots atomically, and adds that kind.
	Atomic bool

	// Pause is how long it is quiet between two events at most; 0 means 300 ms.
	Pause time.Duration
}

// Script draws events for a cluster as [StartAt] starts it, with one replica for each master. The same seed and config
// give the same events.
//
// The events keep to an operator's rules, by which no key gets lost: while a shard takes part in an open migration
// nothing happens to its master (the marks are the master's alone on most servers, and die with it), and who has no
// live replica isn't killed.
func Script(seed uint64, config ScriptConfig) []Event {
	s := newScript(seed, config)
	for tries := 0; len(s.events) < s.config.Events && tries < 1000; tries++ {
		s.draw(s.kinds[s.IntN(len(s.kinds))])
	}
	s.end()
	return s.events
}

// script is one in the making, and what the cluster is like after the events so far.
type script struct {
	*rand.Rand
	config ScriptConfig
	kinds  []Kind
	events []Event

	owners  [slots]int // shards
	open    []Event    // begun by Open
	dead    map[int]bool
	cut     map[int]bool
	added   bool
	forsook bool
}

func newScript(seed uint64, config ScriptConfig) *script {
	if config.Masters == 0 {
		config.Masters = 3
	}
	if config.Events == 0 {
		config.Events = 6
	}
	if config.Pause == 0 {
		config.Pause = 300 * time.Millisecond
	}
	if config.Slots == nil {
		for slot := range slots {
			config.Slots = append(config.Slots, slot)
		}
	}
	s := &script{
		Rand:   rand.New(rand.NewPCG(seed, 0)),
		config: config,
		kinds:  slices.Clone(config.Kinds),
		dead:   make(map[int]bool),
		cut:    make(map[int]bool),
	}
	if len(s.kinds) == 0 {
		// Migrations are half of all: nothing else needs so much luck to show.
		s.kinds = []Kind{
			Move, Move, Return, Return, Chain, Chain, Open, Open, RollBack,
			HandOver, HandOver, KillMaster, KillReplica, Bounce, CutOff, Add, Down, Silence,
		}
		if config.Atomic {
			s.kinds = append(s.kinds, Atomic, Atomic, Atomic)
		}
	}
	for shard, share := range slotShares(config.Masters) {
		for slot := share[0]; slot <= share[1]; slot++ {
			s.owners[slot] = shard
		}
	}
	return s
}

// draw adds an event of a kind, and perhaps the end of what was begun before, unless nothing of that kind can happen.
func (s *script) draw(kind Kind) {
	if s.forsook {
		return
	}
	if s.IntN(3) == 0 {
		s.finish()
	}
	shards := s.Perm(s.config.Masters)
	if s.added {
		shards = slices.Insert(shards, s.IntN(len(shards)+1), Added)
	}
	calm := slices.DeleteFunc(slices.Clone(shards), func(shard int) bool { return s.cut[shard] })
	switch kind {
	case Move, Return, Chain, Open, RollBack, Abort, Atomic:
		s.drawMove(kind, calm)
	case HandOver, KillMaster, KillReplica, Bounce, CutOff:
		s.drawBlow(kind, calm)
	case Add:
		if s.added {
			return
		}
		e := Event{Kind: Add, To: Added}
		for _, shard := range calm {
			e.Slots = append(e.Slots, s.pick(shard, 10)...)
		}
		slices.Sort(e.Slots)
		s.added = true
		s.give(e.Slots, Added)
		s.add(e)
	case Down, Forsake:
		e := Event{Kind: kind, Shard: calm[0], Slots: s.pick(calm[0], 3)}
		// Who has been away claims what is nobody's when it comes back.
		if len(e.Slots) == 0 || len(s.cut) > 0 || kind == Forsake && len(s.dead) > 0 {
			return
		}
		if kind == Forsake {
			s.forsook = true // and nothing comes after it
		} else {
			e.Hold = s.duration(300*time.Millisecond, 2*time.Second)
		}
		s.add(e)
	case Silence:
		if len(s.cut) > 0 {
			return
		}
		s.add(Event{Kind: Silence, Shard: calm[0], Hold: s.duration(200*time.Millisecond, 2500*time.Millisecond)})
	}
}

func (s *script) drawMove(kind Kind, shards []int) {
	need := 2
	if kind == Chain {
		need = 3
	}
	if len(shards) < need {
		return
	}
	first := s.config.Slots[0]
	if at := slices.Index(shards, s.owners[first]); at >= 0 && s.free(first, shards[at]) && s.IntN(3) == 0 {
		shards[0], shards[at] = shards[at], shards[0]
	} else {
		first = -1
	}
	e := Event{Kind: kind, Shard: shards[0], To: shards[1]}
	if kind == Atomic && (s.moving(e.Shard) || s.moving(e.To)) {
		return // refused: "Slots are being manually migrated"
	}
	switch {
	case kind == Atomic:
		e.Slots = s.pickRange(e.Shard)
	case kind == Open:
		e.Slots = s.pick(e.Shard, 4)
	default:
		e.Slots = s.pick(e.Shard, 10)
	}
	if first >= 0 && kind != Atomic && !slices.Contains(e.Slots, first) {
		e.Slots = append(e.Slots, first)
		slices.Sort(e.Slots)
	}
	if len(e.Slots) == 0 {
		return
	}
	if kind != Atomic && kind != RollBack && s.IntN(3) == 0 {
		e.Pace = s.duration(time.Millisecond, 20*time.Millisecond)
	}
	switch kind {
	case Move, Atomic:
		s.give(e.Slots, e.To)
	case Return:
		e.Hold = s.duration(0, 500*time.Millisecond)
	case Chain:
		e.On = shards[2]
		s.give(e.Slots, e.On)
		e.Hold = s.duration(0, 500*time.Millisecond)
	case Open:
		e.Percent = 10 + s.IntN(90)
		s.open = append(s.open, e)
	case RollBack:
		e.Hold = s.duration(0, time.Second)
	case Abort:
		e.Percent = 10 + s.IntN(90)
		e.Hold = s.duration(0, time.Second)
	}
	s.add(e)
}

// drawBlow draws what befalls a master or its replica.
func (s *script) drawBlow(kind Kind, shards []int) {
	for _, shard := range shards {
		if shard == Added || s.dead[shard] || kind != KillReplica && s.moving(shard) {
			continue
		}
		if kind == CutOff && len(s.cut) > 0 {
			return
		}
		e := Event{Kind: kind, Shard: shard}
		switch kind {
		case HandOver:
			e.Mode = []FailoverMode{Orderly, Force, Takeover}[s.IntN(3)]
		case KillMaster, KillReplica:
			s.dead[shard] = true
		case CutOff:
			s.cut[shard] = true
		}
		s.add(e)
		return
	}
}

// finish ends something that was begun, if there is anything.
func (s *script) finish() {
	switch shard := s.IntN(s.config.Masters); {
	case s.cut[shard]:
		delete(s.cut, shard)
		s.add(Event{Kind: Rejoin, Shard: shard})
	case s.dead[shard]:
		delete(s.dead, shard)
		s.add(Event{Kind: Restart, Shard: shard, Moves: s.IntN(2) == 0})
	case len(s.open) > 0:
		e := s.open[0]
		s.open = s.open[1:]
		s.give(e.Slots, e.To)
		s.add(Event{Kind: Close, Slots: e.Slots})
	case s.added && !s.moving(Added) && !s.cut[shard]:
		var all []int
		for slot, owner := range s.owners {
			if owner == Added {
				all = append(all, slot)
			}
		}
		s.added = false
		s.give(all, shard)
		s.add(Event{Kind: Drain, Shard: Added, To: shard, Slots: all})
	}
}

// end lets those that were cut off come back, and one half of all else that was begun be finished: the other half
// stays as it is for ever.
func (s *script) end() {
	for shard := range s.config.Masters {
		if s.cut[shard] {
			delete(s.cut, shard)
			s.add(Event{Kind: Rejoin, Shard: shard})
		}
	}
	for range len(s.open) + len(s.dead) {
		if s.IntN(2) == 0 {
			s.finish()
		}
	}
}

func (s *script) add(e Event) {
	e.Pause = s.duration(0, s.config.Pause)
	s.events = append(s.events, e)
}

func (s *script) duration(from, to time.Duration) time.Duration {
	return (from + time.Duration(s.Int64N(int64(to-from)+1))).Round(time.Millisecond)
}

func (s *script) give(slots []int, to int) {
	for _, slot := range slots {
		s.owners[slot] = to
	}
}

// moving reports whether a shard takes part in an open migration.
func (s *script) moving(shard int) bool {
	return slices.ContainsFunc(s.open, func(e Event) bool { return e.Shard == shard || e.To == shard })
}

func (s *script) free(slot, shard int) bool {
	return s.owners[slot] == shard && !slices.ContainsFunc(s.open, func(e Event) bool { return slices.Contains(e.Slots, slot) })
}

// pick draws one slot of a shard, or a few, or many, in order, of those worth moving.
func (s *script) pick(shard, most int) []int {
	n := 1
	switch s.IntN(3) {
	case 1:
		n = 1 + s.IntN(max(1, most/4))
	case 2:
		n = 1 + s.IntN(most)
	}
	var picked []int
	for _, i := range s.Perm(len(s.config.Slots)) {
		if len(picked) == n {
			break
		}
		if slot := s.config.Slots[i]; s.free(slot, shard) {
			picked = append(picked, slot)
		}
	}
	slices.Sort(picked)
	return picked
}

// pickRange draws slots of a shard that follow one another, about one that is worth moving.
func (s *script) pickRange(shard int) []int {
	picked := s.pick(shard, 1)
	if first := s.config.Slots[0]; s.free(first, shard) && s.IntN(2) == 0 {
		picked = []int{first}
	}
	if len(picked) == 0 {
		return nil
	}
	first, last := picked[0], picked[0]
	for n := s.IntN(200); n > 0 && first > 0 && s.free(first-1, shard); n-- {
		first--
	}
	for n := s.IntN(200); n > 0 && last < slots-1 && s.free(last+1, shard); n-- {
		last++
	}
	picked = picked[:0]
	for slot := first; slot <= last; slot++ {
		picked = append(picked, slot)
	}
	return picked
}
