package scan

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/resp"
)

// scanner drives the engine's own code through a world, step by step: surveys,
// board, ledger, and passes with their ways and guards. What it does itself is what
// goes by networks and clocks: to ask the servers for surveys, node by node, in any
// order; to carry requests and replies; and to fetch keys, one at a time.
type scanner struct {
	w        *world
	scan     *Scan
	asking   *asking // the survey under way
	addrs    uint    // hosts that the surveyor knows
	lost     bool
	jobs     []*job
	slots    cluster.SlotSet // that are scanned
	texts    [worldHosts]string
	said     [worldHosts]string // for the trace
	finished bool
}

// asking is a survey under way.
type asking struct {
	number  int
	left    uint // hosts to be asked
	asked   uint
	answers []answer
	texts   [worldHosts]string
}

var quiet = slog.New(slog.DiscardHandler)

func newScanner(w *world) *scanner {
	sc := &scanner{w: w, lost: true}
	for slot := range w.terms.slots {
		sc.slots.Add(slotNumbers[slot])
	}
	s := &Scan{
		kind: nil, inCluster: true, log: quiet, seed: 1, memory: newMemory(1 << 20),
		enumerate: w.terms.enumerate, pattern: "*", count: w.terms.count, maxPageKeys: 1000,
		surveyor: &surveyor{},
	}
	s.prepare(Config{Kind: worldKind{}, Pattern: "*"})
	s.ledger = ledgers.Get().(*ledger)
	s.ledger.pending, s.ledger.memory = sc.slots, s.memory
	s.board = newBoard(s)
	for i := range w.hosts { // in this order they are looked at
		s.board.nodes = append(s.board.nodes, &node{id: w.hosts[i].id, addr: w.hosts[i].addr})
	}
	sc.scan = s
	return sc
}

// ledgers are used again: they are large, and mostly empty.
var ledgers = sync.Pool{New: func() any { return newLedger(cluster.SlotSet{}, nil) }}

// release gives the ledger back.
func (sc *scanner) release() {
	l := sc.scan.ledger
	for slot := range sc.slots.All() {
		l.keys[slot], l.fresh[slot] = keySet{}, 0
	}
	l.pending, l.reading, l.done, l.lost = cluster.SlotSet{}, cluster.SlotSet{}, cluster.SlotSet{}, cluster.SlotSet{}
	l.spans, l.reasons, l.moves, l.reread, l.memory = nil, nil, 0, 0, nil
	ledgers.Put(l)
}

type worldKind struct{}

func (worldKind) Type() string             { return "string" }
func (worldKind) Commands(uint8) []Command { return []Command{{Name: "GET"}} }
func (worldKind) Many() *Many              { return nil }

// hostOf is the host with an ID, or an address.
func (w *world) hostOf(name string) int8 {
	for i := range w.hosts {
		if w.hosts[i].id == name || w.hosts[i].addr == name {
			return int8(i)
		}
	}
	panic(name)
}

// step does something, if there is anything to be done.
func (sc *scanner) step() {
	w := sc.w
	sc.checkHeld()
	if standing := sc.scan.ledger.standing(); !standing.pending && !standing.reading && !standing.spanned {
		sc.finished = true
		return
	}
	if len(sc.jobs) > 0 && w.rng.IntN(3) != 0 {
		n := w.rng.IntN(len(sc.jobs))
		if j := sc.jobs[n]; !j.step() {
			sc.jobs = append(sc.jobs[:n], sc.jobs[n+1:]...)
		}
		return
	}
	if len(sc.jobs) < w.terms.workers && sc.asking == nil && sc.take() {
		return
	}
	sc.survey()
}

// checkHeld makes sure that no slot is in the hands of two: each of them would
// take the other's keys for such as have their row.
func (sc *scanner) checkHeld() {
	var all cluster.SlotSet
	for _, j := range sc.jobs {
		held := j.pass.held.Union(j.half)
		if j.second {
			held = j.pass.held
		}
		if twice := all.Intersect(held); !twice.Empty() {
			sc.w.fail("two passes hold slots %s", twice)
		}
		if lost := held.Minus(sc.scan.ledger.reading); !lost.Empty() {
			sc.w.fail("a pass holds slots %s, which the ledger gives to others", lost)
		}
		all = all.Union(held)
	}
}

// take takes a task from the board.
func (sc *scanner) take() bool {
	b := sc.scan.board
	for _, n := range b.nodes {
		n.failures.until = time.Time{}
	}
	t, ok := b.pick()
	if !ok {
		return false
	}
	if sc.w.weak.seen {
		for slot := range t.slots.All() {
			sc.scan.memory.recycle(&sc.scan.ledger.keys[slot])
		}
	}
	j := &job{sc: sc, w: sc.w, task: t}
	for i := range sc.w.hosts {
		j.texts[i] = sc.texts[i]
	}
	sc.w.note("scanner: reads slots %s of %s", t.slots, sc.w.at(sc.w.hostOf(t.node.id)))
	if t.role == source {
		sc.w.note("scanner:     with an open migration to %s", sc.w.at(sc.w.hostOf(t.peer.id)))
	}
	j.begin()
	sc.jobs = append(sc.jobs, j)
	return true
}

var errNoAnswer = errors.New("no answer")

// survey asks the next server.
func (sc *scanner) survey() {
	w, v := sc.w, sc.scan.surveyor
	if sc.asking == nil {
		v.started++
		sc.asking = &asking{number: v.started}
		if sc.lost || sc.addrs == 0 {
			sc.discover()
		}
		sc.asking.left = sc.addrs
		w.settlePromotions()
		w.note("scanner: survey %d", v.started)
	}
	a := sc.asking
	if a.left == 0 {
		sc.named()
		if a.left == 0 {
			sc.surveyed()
			return
		}
	}
	who := w.any()
	for a.left&(1<<who) == 0 {
		who = (who + 1) % int8(len(w.hosts))
	}
	a.left &^= 1 << who
	a.asked |= 1 << who
	h := &w.hosts[who]
	one := answer{id: h.id, addr: h.addr, err: errNoAnswer}
	if h.up && (h.promoted || !w.chance(w.terms.silence)) {
		text, view := w.nodes(who)
		one.view, one.up, one.err = view, h.ok, nil
		a.texts[who] = text
		if w.tracing {
			sc.say(a.number, who, text)
		}
	} else {
		w.note("scanner: survey %d: %s doesn't answer", a.number, h)
	}
	a.answers = append(a.answers, one)
}

// say notes what a server has said, unless it is what it said before.
func (sc *scanner) say(number int, who int8, text string) {
	saying := saying(text)
	if saying == sc.said[who] {
		saying = "the same"
	} else {
		sc.said[who] = saying
	}
	sc.w.note("scanner: survey %d: %s says %s", number, sc.w.at(who), saying)
}

// saying is CLUSTER NODES for a trace.
func saying(text string) string {
	var out []string
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		out = append(out, strings.TrimSuffix(strings.TrimPrefix(f[1], "10.0.0."), ":6379@16379")+" "+f[2]+" "+f[6]+" "+strings.Join(f[8:], " "))
	}
	return strings.Join(out, " | ")
}

// discover learns of masters from any server, as a new topology does.
func (sc *scanner) discover() {
	who := sc.w.any()
	if h := &sc.w.hosts[who]; h.up && h.joined() {
		sc.addrs = 0
		for i := range sc.w.hosts {
			if int8(i) == who && h.isMasterNow() || int8(i) != who && h.known[i] && h.isMaster[i] {
				sc.addrs |= 1 << i
			}
		}
	}
}

// named adds the nodes that those masters name who have answered.
func (sc *scanner) named() {
	a := sc.asking
	for i := range a.answers {
		view := a.answers[i].view
		if view == nil || !view.Self.Master() {
			continue
		}
		for j := range view.Others {
			if n := &view.Others[j]; n.Master() || !n.Failed() {
				a.left |= 1 << sc.w.hostOf(n.ID) &^ a.asked
			}
		}
	}
}

// surveyed ends the survey.
func (sc *scanner) surveyed() {
	a := sc.asking
	sc.asking = nil
	s := newSurvey(a.number, a.answers)
	sc.addrs = 0
	for i := range a.answers {
		if v := a.answers[i].view; v != nil && v.Self.Master() {
			sc.addrs |= 1 << sc.w.hostOf(v.Self.ID)
		}
	}
	sc.lost = !s.conclusive() || !s.disputed.Empty()
	sc.texts = a.texts
	sc.w.note("scanner: survey %d ends: silent: %v, disputed %s, dead %d", a.number, s.silent, s.disputed.Intersect(sc.slots), len(s.dead))
	before, after := s, s
	if sc.w.weak.before {
		before = alone(a.number, a.answers)
	}
	if sc.w.weak.after {
		after = alone(a.number, a.answers)
	}
	l, b := sc.scan.ledger, sc.scan.board
	done := l.done
	b.surveyed(after)
	b.latest = before
	if l.done != done {
		now := l.done.Minus(done)
		for slot := range sc.w.terms.slots {
			if now.Has(slotNumbers[slot]) {
				sc.w.finish(slot)
			}
		}
	}
}

// job is a worker with a task.
type job struct {
	sc    *scanner
	w     *world
	task  task
	texts [worldHosts]string // what was said in the survey before it

	pass   *pass
	client *client
	half   cluster.SlotSet // of an open migration, read at its source
	second bool
	fetch  fetch
}

// begin makes the pass that Scan.pass makes.
func (j *job) begin() {
	s := j.sc.scan
	j.client = nil
	j.pass = &pass{
		scan: s, node: j.task.node, task: j.task, held: j.task.slots, addr: j.task.node.address(),
		sizer: newSizer(1<<20, 0), pager: newPager(s.count, s.count),
		settled: func(slots cluster.SlotSet) {
			j.w.note("scanner: has all of slots %s", slots)
			if j.task.role == source {
				j.half = j.half.Union(slots)
				return
			}
			s.ledger.read(j.task.span(slots, s.surveyor.begun()))
		},
	}
}

// end ends the pass as Scan.pass does, and begins the second one of an open
// migration. It returns false if the job has ended.
func (j *job) end(why error) bool {
	s := j.sc.scan
	if ended := (*endedError)(nil); errors.As(why, &ended) {
		why = ended.reason
	}
	if why == nil {
		why = errUnread
	}
	j.w.note("scanner: the pass over %s ends: %v", j.w.at(j.w.hostOf(j.task.node.id)), why)
	j.pass.node.ended()
	j.pass.abandon()
	j.pass.giveBack(j.pass.held, why)
	if j.w.weak.held {
		s.ledger.again(j.task.slots.Minus(j.half), why, s.surveyor.begun())
	}
	if j.task.role == source && !j.half.Empty() {
		j.task = j.task.other(j.half)
		j.second = true
		j.begin()
		return true
	}
	t := j.task
	s.board.finished(&t, true)
	return false
}

// step takes the pass a step further; false if the job has ended.
func (j *job) step() bool {
	p := j.pass
	if j.client == nil {
		return j.open()
	}
	c := j.client
	if !c.connected() || j.w.chance(j.w.terms.drops) {
		return j.reconnect()
	}
	// Keys may be listed while others are still to be fetched, but not too many.
	if !p.asked && len(p.pages) < maxPagesInFlight && !p.way.ended() && (len(p.pages) == 0 || j.w.chance(3)) {
		p.out = p.out[:0]
		p.askKeys()
		p.queue = p.queue[:0]
		c.replies = nil
		c.send(p.out)
		return true
	}
	if p.asked && (len(p.pages) == 0 || j.w.chance(2)) {
		if len(c.commands) > 0 {
			c.serve()
			return true
		}
		if j.w.chance(j.w.terms.drops) { // in the middle of the replies
			c.replies = c.replies[:j.w.rng.IntN(len(c.replies))]
		}
		p.link.conn = &resp.Conn{Reader: resp.NewReader(strings.NewReader(string(c.replies)), 256)}
		err := p.receiveKeys(context.Background())
		if broken := (*brokenError)(nil); errors.As(err, &broken) {
			return j.reconnect()
		}
		if err != nil {
			return j.failed(err)
		}
		return true
	}
	if len(p.pages) > 0 {
		if err := j.fetchStep(); err != nil {
			return j.failed(err)
		}
		return true
	}
	return j.end(nil)
}

// failed ends a pass with an error, which must be one that may be.
func (j *job) failed(err error) bool {
	if ended := (*endedError)(nil); !errors.As(err, &ended) {
		j.w.fail("the scan would end with: %v", err)
	}
	return j.end(err)
}

// open is pass.open, with what a server says at the moment.
func (j *job) open() bool {
	p, w := j.pass, j.w
	who := w.hostOf(p.node.id)
	h := &w.hosts[who]
	if !h.up || !h.ok {
		return j.end(errDown)
	}
	_, view := w.nodes(who)
	p.start = state{
		id: h.id, runID: "a process", epoch: view.Self.Epoch, up: true,
		order: w.terms.order, monotone: w.terms.order != unknownOrder, clusterScan: w.terms.clusterScan,
	}
	j.client = &client{w: w, host: who, run: h.run}
	if w.weak.guard {
		j.client.frozen = j.texts[who]
	}
	p.slots = p.task.slots
	p.guard = p.task.guard()
	if p.start.epoch != p.guard.epoch {
		return j.end(errEpoch)
	}
	p.left = p.slots
	if err := p.choose(); err != nil {
		return j.failed(err)
	}
	w.note("scanner: connects to %s: %v", h, p.enumeration)
	return true
}

// reconnect is pass.reconnect.
func (j *job) reconnect() bool {
	c := j.client
	h := &j.w.hosts[c.host]
	if !h.up {
		if j.w.chance(2) {
			return true // it may come back
		}
		return j.end(errDown)
	}
	if h.run != c.run && !j.w.weak.run {
		return j.end(errRestarted)
	}
	c.run = h.run
	c.commands, c.replies = nil, nil
	j.w.note("scanner: the connection to %s was lost", h)
	j.pass.rewind()
	return true
}
