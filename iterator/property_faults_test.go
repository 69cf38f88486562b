package iterator_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/iterator"
)

// propertyFault is something that goes wrong at commands of a class on a
// node: after so many of them, and then so many times.
type propertyFault struct {
	name   string
	class  commandClass
	node   int // -1: any
	slot   int // -1: any; only commands about keys of it
	after  int64
	times  int64 // -1: from then on always
	begins bool  // it happens before the scan, not at a command

	// effect makes the fault for a command; nil makes none. Those that begin
	// the scan get no command.
	effect func(w *propertyWorld, node int, args [][]byte) *minicluster.Fault

	incomplete bool   // it may end in an IncompleteError
	unowned    bool   // slots have no owner
	lasting    bool   // it goes on, so that patience has to end some time
	fatal      string // it may end in a NodeError with this text
	logout     bool   // so it may if there are two of them

	then *propertyFault // what belongs to it
}

func (f *propertyFault) String() string {
	if f.begins {
		return f.name + " before the scan"
	}
	text := fmt.Sprintf("%s at %s", f.name, f.class)
	if f.node >= 0 {
		text += fmt.Sprint(" on node ", f.node)
	}
	if f.slot >= 0 {
		text += fmt.Sprint(" of slot ", f.slot)
	}
	if f.times < 0 {
		return text + fmt.Sprintf(", after %d always", f.after)
	}
	return text + fmt.Sprintf(", after %d %d times", f.after, f.times)
}

// commandClass is what a command of a scan is for.
type commandClass string

const (
	classScan    commandClass = "what lists keys"
	classFetch   commandClass = "fetches"
	classTTL     commandClass = "TTL"
	classState   commandClass = "CLUSTER"
	classInfo    commandClass = "INFO"
	classAsking  commandClass = "ASKING"
	classConnect commandClass = "HELLO"
	classExec    commandClass = "EXEC"
)

var commandClasses = map[string]commandClass{
	"SCAN": classScan, listsSlot: classScan, "CLUSTER COUNTKEYSINSLOT": classScan, "EXEC": classExec, "HMGET": classFetch, "HGETALL": classFetch, "GET": classFetch, "MGET": classFetch, "TYPE": classFetch, "EXISTS": classFetch,
	"TTL": classTTL, "PTTL": classTTL, "PEXPIRETIME": classTTL, "CLUSTER": classState, "INFO": classInfo, "ASKING": classAsking, "HELLO": classConnect,
}

// classOf is the class of a command.
func classOf(args [][]byte) commandClass {
	name := string(args[0])
	if name == "CLUSTER" && len(args) > 2 {
		name += " " + string(args[1])
	}
	return commandClasses[name]
}

// propertyWorld is a fake cluster under a scan, and what happens to it.
type propertyWorld struct {
	cluster *minicluster.Cluster
	faults  []*propertyFault
	matched []atomic.Int64 // commands, by fault
	fired   []atomic.Int64
	now     atomic.Int64 // the servers' clock: Unix milliseconds
	dead    atomic.Bool  // a node is down that should be up

	mu     sync.Mutex
	gone   map[string]bool // keys that don't exist all the time
	added  []propertyKey   // keys that don't exist from the beginning
	clocks []int64         // what the clock has shown
	begun  int64
}

func newPropertyWorld(faults []*propertyFault, begun time.Time) *propertyWorld {
	w := &propertyWorld{faults: faults, matched: make([]atomic.Int64, len(faults)), fired: make([]atomic.Int64, len(faults)), gone: map[string]bool{}}
	w.begun = begun.UnixMilli()
	w.clocks = []int64{w.begun}
	w.now.Store(w.begun)
	return w
}

// begin lets happen what comes before the scan.
func (w *propertyWorld) begin() {
	for i, f := range w.faults {
		if f.begins {
			w.fired[i].Add(1)
			f.effect(w, -1, nil).Before()
		}
	}
}

// fault is the fake's FaultFunc: the first of the faults that is due.
func (w *propertyWorld) fault(node, _ int, args [][]byte) *minicluster.Fault {
	class := classOf(args)
	for i, f := range w.faults {
		if f.begins || class != f.class || f.node >= 0 && f.node != node || f.slot >= 0 && minicluster.Slot(string(args[1])) != f.slot {
			continue
		}
		if n := w.matched[i].Add(1) - f.after; n < 1 || f.times >= 0 && n > f.times {
			continue
		}
		if out := f.effect(w, node, args); out != nil {
			w.fired[i].Add(1)
			return out
		}
	}
	return nil
}

// happened is how many faults have come about.
func (w *propertyWorld) happened() (n int) {
	for i := range w.fired {
		if w.fired[i].Load() > 0 {
			n++
		}
	}
	return n
}

// forget takes note that keys don't exist any more, or not as they were.
func (w *propertyWorld) forget(keys ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, key := range keys {
		w.gone[key] = true
	}
}

// store puts a key into the cluster.
func (w *propertyWorld) store(k *propertyKey) {
	switch k.kind {
	case "hash":
		w.cluster.SetHash(k.name, k.fields...)
	case "string":
		w.cluster.SetString(k.name, k.value)
	case "list":
		w.cluster.SetList(k.name, "element")
	default:
		w.cluster.SetSet(k.name, "member")
	}
	if k.expires != 0 {
		w.cluster.Expire(k.name, k.expires)
	}
}

// add puts keys into the cluster that aren't there all the time.
func (w *propertyWorld) add(keys []propertyKey) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, k := range keys {
		w.store(&k)
		if k.expires != 0 { // counts from now on
			k.expires += time.Duration(w.now.Load()-w.begun) * time.Millisecond
		}
		w.added = append(w.added, k)
	}
}

// advance moves the servers' clock on.
func (w *propertyWorld) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now.Load() + d.Milliseconds()
	w.clocks = append(w.clocks, now)
	w.now.Store(now)
}

// before is a fault that does something and then answers as usual.
func before(do func()) *minicluster.Fault { return &minicluster.Fault{Before: do} }

// propertyFaults draws faults for a case.
type propertyFaults struct {
	r      *rand.Rand
	server *propertyServer
	config *iterator.Config
	data   *propertyData
	keys   []propertyKey
}

// draw makes up to three faults.
func (p *propertyFaults) draw() []*propertyFault {
	if p.r.IntN(5) == 0 {
		return nil
	}
	troubles := []func(f *propertyFault) bool{
		p.transient, p.transient, p.broken, p.broken, p.dropped, p.delayed, p.malformed, p.contradicting, p.loggedOut,
		p.refusing, p.stalled, p.brokenForGood, p.malformedForGood, p.transientForGood,
	}
	changes := []func(f *propertyFault) bool{
		p.vanishing, p.vanishing, p.deleted, p.retyped, p.newcomers, p.shrinking, p.clock,
	}
	// These may come together.
	steps := []func(f *propertyFault) bool{
		p.redirected, p.moved, p.moved, p.thereAndBack, p.thereAndBack, p.restarted, p.restarted, p.grown,
	}
	// At most one of these, and none of the others then: two of them may lose
	// keys by themselves, as when a slot is given away while its migration is
	// open.
	moves := []func(f *propertyFault) bool{
		p.migrating, p.migrating, p.migratingFromStart, p.rolledBack, p.abortedInBetween, p.abortedInBetween, p.failover, p.failover,
		p.replacedFromStart, p.replacedFromStart, p.killed, p.unassigned, p.orphaned, p.marked,
	}
	if p.r.IntN(2) == 0 {
		moves = steps
	}
	if p.server.config.Standalone {
		moves = []func(f *propertyFault) bool{p.restarted, p.killed}
		steps = moves
	}
	var faults []*propertyFault
	for range oneOf(p.r, 1, 1, 2, 2, 3, 4) {
		f := &propertyFault{node: -1, slot: -1, times: 1}
		if p.r.IntN(2) == 0 {
			f.node = p.r.IntN(p.server.masters())
		}
		f.class = oneOf(p.r, classScan, classFetch, classFetch)
		if p.data.schema.column("ttl[s]", "ttl[ms]", "expires_at") >= 0 && p.r.IntN(3) == 0 {
			f.class = classTTL
		}
		makers := troubles
		switch p.r.IntN(4) {
		case 0:
			makers = changes
		case 1, 2:
			makers = moves
			if len(moves) > 0 && len(moves) != len(steps) {
				moves = nil
			}
		}
		if len(makers) == 0 || !makers[p.r.IntN(len(makers))](f) {
			continue
		}
		f.after = p.after(f)
		faults = append(faults, f)
		if f.then != nil {
			faults = append(faults, f.then)
		}
	}
	return faults
}

// after draws how many commands are let through: mostly fewer than there will
// be.
func (p *propertyFaults) after(f *propertyFault) int64 {
	n := len(p.keys)
	switch f.class {
	case classScan:
		n /= max(p.config.CountHint, 1)
		if p.server.listsSlots(p.config) && p.r.IntN(2) == 0 {
			n = minicluster.Slots
		}
	case classState, classInfo, classConnect, classAsking:
		n = 3
	}
	if f.node >= 0 {
		n /= p.server.masters()
	}
	return int64(oneOf(p.r, 0, p.r.IntN(4), p.r.IntN(n+1), p.r.IntN(n+1), p.r.IntN(n+1)))
}

func (p *propertyFaults) node() int { return p.r.IntN(p.server.masters()) }

// some draws up to n keys.
func (p *propertyFaults) some(n int) []propertyKey {
	keys := slices.Clone(p.keys)
	p.r.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	return keys[:min(len(keys), p.r.IntN(n+1))]
}

// slotOfKey draws a slot that has a key, if there is one.
func (p *propertyFaults) slotOfKey() int {
	if len(p.keys) == 0 {
		return p.r.IntN(minicluster.Slots)
	}
	return int(p.keys[p.r.IntN(len(p.keys))].slot())
}

// replies gives the same error always.
func replies(text string) func(*propertyWorld, int, [][]byte) *minicluster.Fault {
	return func(*propertyWorld, int, [][]byte) *minicluster.Fault { return &minicluster.Fault{Error: text} }
}

var transientReplies = []string{
	"TRYAGAIN Multiple keys request during rehashing of slot", "LOADING Redis is loading the dataset in memory",
	"CLUSTERDOWN The cluster is down", "MASTERDOWN Link with MASTER is down", "BUSY Redis is busy running a script",
}

func (p *propertyFaults) transient(f *propertyFault) bool {
	text := oneOf(p.r, transientReplies...)
	f.name, f.effect = text, replies(text)
	f.class = oneOf(p.r, f.class, f.class, classState, classExec)
	f.times = p.r.Int64N(5) + 1
	return true
}

// A login that is lost is renewed once; lost again, it ends the scan.
func (p *propertyFaults) loggedOut(f *propertyFault) bool {
	f.name, f.logout, f.effect = "NOAUTH once", true, replies("NOAUTH Authentication required.")
	return true
}

func (p *propertyFaults) broken(f *propertyFault) bool {
	closes := *p.closing()
	f.class = oneOf(p.r, classFetch, classFetch, f.class, f.class, classState, classInfo, classConnect, classExec)
	f.name = fmt.Sprintf("closing in way %d, %d", closes.Close, closes.CloseBytes)
	f.times = p.r.Int64N(4) + 1
	f.effect = func(*propertyWorld, int, [][]byte) *minicluster.Fault { out := closes; return &out }
	return true
}

func (p *propertyFaults) closing() *minicluster.Fault {
	return &minicluster.Fault{
		Close:      oneOf(p.r, minicluster.CloseBefore, minicluster.CloseWithin, minicluster.CloseWithin, minicluster.CloseAfter),
		CloseBytes: oneOf(p.r, 0, 1, p.r.IntN(300), int(p.data.schema.somewhere(p.r)), int(p.data.schema.somewhere(p.r))),
	}
}

func (p *propertyFaults) dropped(f *propertyFault) bool {
	node := p.node()
	f.name = fmt.Sprint("dropping all connections to node ", node)
	f.times = p.r.Int64N(3) + 1
	f.effect = func(w *propertyWorld, _ int, _ [][]byte) *minicluster.Fault {
		return before(func() { w.cluster.DropConnections(node) })
	}
	return true
}

func (p *propertyFaults) delayed(f *propertyFault) bool {
	f.name, f.times = "a delay", p.r.Int64N(3)+1
	d := time.Duration(p.r.Int64N(3000)) * time.Microsecond
	f.effect = func(*propertyWorld, int, [][]byte) *minicluster.Fault { return &minicluster.Fault{Delay: d} }
	return true
}

// malformedReplies are none that the commands have.
var malformedReplies = map[string][]string{
	"CLUSTER":     {"+OK\r\n", "*1\r\n:1\r\n", "%1\r\n", "$1\r\nx\r\n", "*1\r\n$-1\r\n"}, // GETKEYSINSLOT and COUNTKEYSINSLOT
	"SCAN":        {"+OK\r\n", ":1\r\n", "*3\r\n:1\r\n:2\r\n:3\r\n", "*2\r\n$1\r\nx\r\n*0\r\n", "*2\r\n$1\r\n0\r\n*1\r\n$-1\r\n", "%1\r\n"},
	"HMGET":       {"+OK\r\n", ":1\r\n", "*-1\r\n", "$1\r\nx\r\n", "%1\r\n"},
	"HGETALL":     {"+OK\r\n", ":1\r\n", "*-1\r\n", "*1\r\n$1\r\nx\r\n", "*2\r\n*0\r\n*0\r\n"},
	"GET":         {"+OK\r\n", ":1\r\n", "*0\r\n", "*-1\r\n"},
	"MGET":        {"+OK\r\n", ":1\r\n", "*0\r\n", "*-1\r\n", "$1\r\nx\r\n", "*1\r\n$1\r\nx\r\n"},
	"TYPE":        {":1\r\n", "$1\r\nx\r\n", "*0\r\n"},
	"EXISTS":      {"+OK\r\n", "$1\r\nx\r\n", "*0\r\n"},
	"TTL":         {"+OK\r\n", "$1\r\n1\r\n", "*0\r\n"},
	"PTTL":        {"+OK\r\n", "$1\r\n1\r\n", "*0\r\n"},
	"PEXPIRETIME": {"+OK\r\n", "$1\r\n1\r\n", "*0\r\n"},
}

func (p *propertyFaults) malformed(f *propertyFault) bool {
	f.name, f.times = "a malformed reply", p.r.Int64N(2)+1
	pick := p.r.IntN(60)
	f.effect = func(_ *propertyWorld, _ int, args [][]byte) *minicluster.Fault {
		raws := malformedReplies[string(args[0])]
		return &minicluster.Fault{Raw: []byte(raws[pick%len(raws)])}
	}
	return true
}

// A TTL that denies a key whose value came.
func (p *propertyFaults) contradicting(f *propertyFault) bool {
	if f.class != classTTL {
		return false
	}
	f.name, f.times = "a TTL of no key", p.r.Int64N(3)+1
	if p.r.IntN(4) == 0 {
		p.last(f)
		f.fatal = "contradicted"
	}
	f.effect = func(*propertyWorld, int, [][]byte) *minicluster.Fault {
		return &minicluster.Fault{Raw: []byte(":-2\r\n")}
	}
	return true
}

// Keys that go away right before they are fetched, or their TTL is.
func (p *propertyFaults) vanishing(f *propertyFault) bool {
	f.name = "the key vanishing"
	f.class = oneOf(p.r, classFetch, f.class)
	f.times = oneOf(p.r, 1, 3, p.r.Int64N(100)+1)
	f.effect = func(w *propertyWorld, _ int, args [][]byte) *minicluster.Fault {
		if f.class == classScan {
			return nil
		}
		key := string(args[1])
		w.forget(key)
		return before(func() { w.cluster.Delete(key) })
	}
	return true
}

func (p *propertyFaults) deleted(f *propertyFault) bool {
	victims := names(p.some(len(p.keys)))
	f.name = fmt.Sprint("deleting ", len(victims), " keys")
	f.effect = func(w *propertyWorld, _ int, _ [][]byte) *minicluster.Fault {
		w.forget(victims...)
		return before(func() { w.cluster.Delete(victims...) })
	}
	return true
}

// Keys that become another type before they are fetched. (Not before their
// TTL is: a value and the TTL of another one that follows can't be told from
// what belongs together.)
func (p *propertyFaults) retyped(f *propertyFault) bool {
	f.name, f.class, f.times = "the key made a list", classFetch, p.r.Int64N(20)+1
	f.effect = func(w *propertyWorld, _ int, args [][]byte) *minicluster.Fault {
		key := string(args[1])
		w.forget(key)
		return before(func() {
			if w.cluster.Delete(key) > 0 { // it may be on its way to another node
				w.cluster.SetList(key, "element")
			}
		})
	}
	return true
}

func (p *propertyFaults) newcomers(f *propertyFault) bool {
	keys := p.data.keys(p.r.IntN(50) + 1)
	f.name = fmt.Sprint("adding ", len(keys), " keys")
	var once sync.Once
	f.effect = func(w *propertyWorld, _ int, _ [][]byte) *minicluster.Fault {
		return before(func() { once.Do(func() { w.add(keys) }) })
	}
	return true
}

// Many keys that are there when the scan begins and then go, so that tables
// shrink under it.
func (p *propertyFaults) shrinking(f *propertyFault) bool {
	fillers := p.data.keys(500 + p.r.IntN(2000))
	p.config.CountHint = oneOf(p.r, 7, 10, 50)
	f.then = &propertyFault{name: "deleting them", class: classScan, node: -1, slot: -1, times: 1}
	f.then.after = p.r.Int64N(int64(len(fillers)/p.config.CountHint + 1))
	f.then.effect = func(w *propertyWorld, _ int, _ [][]byte) *minicluster.Fault {
		return before(func() { w.cluster.Delete(names(fillers)...) })
	}
	f.name, f.begins = fmt.Sprint("adding ", len(fillers), " keys"), true
	f.effect = func(w *propertyWorld, _ int, _ [][]byte) *minicluster.Fault {
		return before(func() { w.add(fillers) })
	}
	return true
}

// Time that passes, so that keys expire.
func (p *propertyFaults) clock(f *propertyFault) bool {
	d := time.Duration(oneOf(p.r, 1, 400, 1000, 5_000_000)) * time.Millisecond
	f.name = fmt.Sprint("time passing: ", d)
	f.effect = func(w *propertyWorld, _ int, _ [][]byte) *minicluster.Fault { return before(func() { w.advance(d) }) }
	return true
}

// What no waiting mends ends the scan.
func (p *propertyFaults) refusing(f *propertyFault) bool {
	f.fatal = oneOf(p.r, "ERR something else", "NOPERM this user has no permissions", "NOAUTH Authentication required.")
	f.name, f.effect = f.fatal, replies(f.fatal)
	if f.fatal[:6] == "NOAUTH" {
		f.times = -1
	}
	return true
}

func (p *propertyFaults) last(f *propertyFault) {
	f.times, f.lasting, f.incomplete = -1, true, true
	f.node = p.node()
}

func (p *propertyFaults) transientForGood(f *propertyFault) bool {
	text := oneOf(p.r, transientReplies...)
	f.name, f.effect = text, replies(text)
	p.last(f)
	if f.class != classScan {
		f.slot, f.node = p.slotOfKey(), -1
	}
	return true
}

func (p *propertyFaults) brokenForGood(f *propertyFault) bool {
	p.broken(f)
	p.last(f)
	return true
}

func (p *propertyFaults) malformedForGood(f *propertyFault) bool {
	p.malformed(f)
	p.last(f)
	return true
}

// A server that stops answering, once or for good.
func (p *propertyFaults) stalled(f *propertyFault) bool {
	f.name = "no answer"
	times := f.times
	p.last(f)
	if p.r.IntN(2) == 0 {
		f.times = times
	}
	f.effect = func(*propertyWorld, int, [][]byte) *minicluster.Fault {
		return &minicluster.Fault{Stall: make(chan struct{})}
	}
	return true
}

// Redirects that are wrong, or out of date.
func (p *propertyFaults) redirected(f *propertyFault) bool {
	kind, to := oneOf(p.r, "MOVED", "ASK"), p.r.IntN(p.server.nodes())
	f.name = fmt.Sprint(kind, " to node ", to)
	f.class = oneOf(p.r, classFetch, f.class)
	f.times = p.r.Int64N(3) + 1
	empty := p.r.IntN(4) == 0
	f.effect = func(w *propertyWorld, node int, args [][]byte) *minicluster.Fault {
		if f.class == classScan {
			return nil
		}
		addr := w.cluster.Addrs()[to]
		if empty {
			addr = addr[strings.LastIndexByte(addr, ':'):]
		}
		return &minicluster.Fault{Error: fmt.Sprintf("%s %d %s", kind, minicluster.Slot(string(args[1])), addr)}
	}
	return true
}
