package scan

import (
	"cmp"
	"slices"
	"time"

	"github.com/redisarrow/redisarrow/cluster"
)

// Observer is told what a scan does. Its functions may be nil, and are called from
// the scan's goroutines, several at the same time; none is called once Run has
// returned. They hold up who calls them.
type Observer struct {
	Page     func(PageEvent)
	Pass     func(PassEvent)
	Retry    func(RetryEvent)
	Redirect func(RedirectEvent)
	Topology func(TopologyEvent)
}

// PageEvent says that a page of keys is through: they were listed by a node, and
// each has its row, or has none.
type PageEvent struct {
	Node     string        // its address
	Way      Enumeration   // how the keys were listed
	Begin    time.Time     // when the node was asked for the keys; zero for a rest, see Counters
	Duration time.Duration // from then until the last key was through: pages overlap
	// Counters are what was counted in the pass since its page before. Pages
	// overlap, so what was scanned for the next ones may be among them; what they
	// leave at the pass's end comes as an event of its own, without a Begin. All
	// events together have what Stats has.
	Counters Counters
}

// PassEvent says that a pass over a node has ended: it has read some slots there,
// or was to.
type PassEvent struct {
	Node     string      // its address
	Replica  bool        // it is read as a replica
	Way      Enumeration // how keys were listed, last; AutoEnumerate if none were
	Begin    time.Time
	Duration time.Duration
	Slots    int      // that were to be read
	Read     int      // of them, those of which all keys are through; with an open migration each end is read
	Counters Counters // what was counted in it
	Err      error    // why it has ended early, nil otherwise; mostly the slots are read again
}

// RetryEvent says that a command is asked again, or a connection made anew.
type RetryEvent struct {
	Node  string // its address
	Time  time.Time
	Cause error
}

// RedirectEvent says that a MOVED or ASK reply is followed.
type RedirectEvent struct {
	Node string // the address of the node that replied
	To   string // the address that it named
	Slot uint16 // of the key that it was asked about
	Ask  bool   // by ASK, so the slot is being moved; otherwise by MOVED
	Time time.Time
}

// TopologyEvent says how the cluster stands: when the scan is opened, and whenever
// a survey of its masters finds that changed.
type TopologyEvent struct {
	Survey    int // which one; 0 when the scan is opened
	Time      time.Time
	Masters   []MasterState   // those that own slots and answered, in the order of their first slots
	Unowned   cluster.SlotSet // nobody owns them, the masters agree
	Disputed  cluster.SlotSet // the masters don't agree on their owner
	Migrating cluster.SlotSet // their owner has a mark of an open migration; not known when the scan is opened
	Silent    error           // who should have answered and didn't, and why; nil if all did
}

// MasterState is a master in a [TopologyEvent].
type MasterState struct {
	ID    string // 40 hex digits; empty outside of a cluster
	Addr  string
	Slots cluster.SlotSet // that are its own
	Up    bool            // for it the cluster is (cluster_state:ok); true when the scan is opened
}

// retried counts a retry and tells of it.
func (p *pass) retried(addr string, cause error) {
	p.count.Retries++
	p.scan.log.Debug("asking again", "node", addr, "reason", cause)
	if tell := p.scan.observer.Retry; tell != nil {
		tell(RetryEvent{Node: addr, Time: time.Now(), Cause: cause})
	}
}

// redirected counts a redirect and tells of it.
func (p *pass) redirected(from string, to cluster.Redirect, slot uint16) {
	p.count.Redirects++
	if tell := p.scan.observer.Redirect; tell != nil {
		tell(RedirectEvent{Node: from, To: to.Addr, Slot: slot, Ask: to.Ask, Time: time.Now()})
	}
}

// telling is what a pass has told of itself.
type telling struct {
	begun  time.Time // the pass
	asked  time.Time // for the keys under way
	counts Counters  // that were told
	read   int       // slots that are to be told
}

// toldPage tells of a page that is through, which was asked for at begun.
func (p *pass) toldPage(begun time.Time) {
	if tell := p.scan.observer.Page; tell != nil {
		e := PageEvent{Node: p.addr, Way: p.enumeration, Begin: begun, Counters: p.count.minus(p.told.counts)}
		if !begun.IsZero() {
			e.Duration = time.Since(begun)
		} else if e.Counters == (Counters{}) {
			return
		}
		p.told.counts = p.count
		tell(e)
	}
}

// toldAll tells of the pass itself, at its end.
func (p *pass) toldAll(err error) {
	p.toldPage(time.Time{})
	if tell := p.scan.observer.Pass; tell != nil {
		tell(PassEvent{
			Node: p.addr, Replica: p.task.master != nil, Way: p.enumeration,
			Begin: p.told.begun, Duration: time.Since(p.told.begun),
			Slots: p.task.slots.Len(), Read: p.told.read, Counters: p.count, Err: err,
		})
	}
}

// toldTopology tells of a topology that differs from the last one that was told.
func (s *Scan) toldTopology(e TopologyEvent) {
	if s.observer.Topology == nil {
		return
	}
	last := &s.toldLast
	slices.SortFunc(e.Masters, func(a, b MasterState) int { return cmp.Compare(firstOf(a.Slots), firstOf(b.Slots)) })
	e.Time = time.Now()
	if !last.Time.IsZero() && slices.Equal(last.Masters, e.Masters) && last.Unowned == e.Unowned && last.Disputed == e.Disputed &&
		last.Migrating == e.Migrating && textOf(last.Silent) == textOf(e.Silent) {
		return
	}
	*last = e
	e.Masters = slices.Clone(e.Masters)
	s.observer.Topology(e)
}

func firstOf(slots cluster.SlotSet) uint16 {
	for slot := range slots.All() {
		return slot
	}
	return cluster.Slots
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// topologyEvent is how the cluster stands by its own word, when the scan is opened.
func topologyEvent(t *cluster.Topology) TopologyEvent {
	e := TopologyEvent{Unowned: t.Unowned()}
	for i := range t.Masters {
		m := &t.Masters[i]
		e.Masters = append(e.Masters, MasterState{ID: m.ID, Addr: m.Addr, Slots: m.Slots, Up: true})
	}
	return e
}

// event is how the cluster stands by a survey.
func (s *survey) event() TopologyEvent {
	e := TopologyEvent{Survey: s.number, Unowned: s.unowned, Disputed: s.disputed, Silent: s.silent}
	for _, m := range s.members {
		if !m.slots.Empty() {
			e.Masters = append(e.Masters, MasterState{ID: m.id, Addr: m.addr, Slots: m.slots, Up: m.up})
		}
		e.Migrating = e.Migrating.Union(m.marked())
	}
	return e
}
