package scan

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"time"
)

// node is a master of the scan, through all of its lives. One worker reads it at
// a time; its counters are read by anybody at any time.
type node struct {
	id string // "" for a server that isn't in a cluster, or if the topology doesn't tell it

	mu      sync.Mutex
	addr    string
	past    Counters // of passes that have ended
	present Counters // of the one under way
	ahead   float64  // how many slots it has before it
	used    []Enumeration
	fetched []string              // the commands by which values were read
	refused map[Enumeration]error // ways that can't be used, and why
	replica bool                  // it is read as one
	better  Enumeration           // by what was listed; AutoEnumerate if nothing is known
	loose   bool                  // MULTI can't be used
	lone    bool                  // keys can't be asked for together
	weak    bool                  // something was listed without it

	unidentified bool // a server alone that doesn't say what it is
	untyped      bool // SCAN has no TYPE

	duty  duty   // belongs to whoever reads it
	runID string // likewise: of a server alone, as the last pass found it

	// What follows belongs to the board.
	busy     bool
	failures patienceless // passes in a row that came to nothing
}

// patienceless counts failures in a row, and says when to try again.
type patienceless struct {
	n     int
	until time.Time
}

func (f *patienceless) failed() {
	f.n++
	wait := min(firstWait<<min(f.n, 10), lastWait)
	f.until = time.Now().Add(wait)
}

func (f *patienceless) succeeded() { *f = patienceless{} }

func (n *node) address() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.addr
}

// moved takes note of another address.
func (n *node) moved(addr string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.addr = addr
}

// asReplica notes whether the node is read as a replica.
func (n *node) asReplica(yes bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.replica = yes
}

// isAlone notes what a server alone says of itself when a pass begins.
func (n *node) isAlone(now *state) {
	n.runID = now.runID
	n.mu.Lock()
	defer n.mu.Unlock()
	n.unidentified = n.unidentified || now.runID == "" || now.proxy
	n.replica = now.role == "slave"
}

// publish makes known what a pass has counted, and how many slots it has before it.
func (n *node) publish(c Counters, ahead float64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.present, n.ahead = c, ahead
}

// giving reports whether the pass under way has given rows.
func (n *node) giving() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.present.Rows > 0
}

// ended adds up what a pass has counted.
func (n *node) ended() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.past.Add(n.present)
	n.present, n.ahead = Counters{}, 0
}

// left is how many slots the pass under way has before it.
func (n *node) left() float64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.ahead
}

func (n *node) stats() NodeStats {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := NodeStats{Addr: n.addr, Counters: n.past, Enumerations: append([]Enumeration{}, n.used...), Commands: append([]string{}, n.fetched...), Unguarded: n.weak, Unidentified: n.unidentified, Replica: n.replica}
	s.Add(n.present)
	return s
}

// uses notes a way that is taken.
func (n *node) uses(e Enumeration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !slices.Contains(n.used, e) {
		n.used = append(n.used, e)
	}
}

// fetches notes a command by which values are read.
func (n *node) fetches(command string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !slices.Contains(n.fetched, command) {
		n.fetched = append(n.fetched, command)
	}
}

// prefer notes a way that is better than the one that would be taken.
func (n *node) prefer(e Enumeration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.better = e
}

func (n *node) preferred() Enumeration {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.better
}

// loosen notes that MULTI can't be used.
func (n *node) loosen() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.loose = true
}

// alone notes that keys can't be asked for together.
func (n *node) alone() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lone = true
}

// single reports whether keys can't be asked for together.
func (n *node) single() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.lone
}

// untype notes that SCAN has no TYPE, and reports whether that is new.
func (n *node) untype() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	before := n.untyped
	n.untyped = true
	return !before
}

func (n *node) typeless() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.untyped
}

// unguarded reports whether a way has to do without MULTI, and notes it.
func (n *node) unguarded(e Enumeration) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	loose := n.loose && e != ClusterScan
	n.weak = n.weak || loose
	return loose
}

// refuse notes that a way can't be used.
func (n *node) refuse(e Enumeration, why error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.refused == nil {
		n.refused = map[Enumeration]error{}
	}
	n.refused[e] = why
}

func (n *node) refuses(e Enumeration) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.refused[e] != nil
}

// refusal is the error for a node of which no way is left: what was said to the
// last one, which needs least.
func (n *node) refusal() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.refused[slices.Max(slices.Collect(maps.Keys(n.refused)))]
}

// ErrEnumerate is wrapped by the error for a node whose server hasn't got the
// way to enumerate that was asked for.
var ErrEnumerate = errors.New("the server can't be enumerated in this way: leave Enumerate to AutoEnumerate, or set one that it has")
