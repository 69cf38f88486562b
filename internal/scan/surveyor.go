package scan

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/redisarrow/redisarrow/cluster"
	"golang.org/x/sync/errgroup"
)

// surveyor asks all masters of the cluster again and again, as often as somebody
// wants to know: one survey after another, each with a number. What each of them
// says is told to the board.
type surveyor struct {
	dialer *cluster.Dialer
	stall  time.Duration // how long a node may be silent
	tell   func(s *survey)
	log    warner

	mu      sync.Mutex
	started int       // surveys that have begun
	at      time.Time // when the last one did
	wanted  int       // the number of the survey that somebody waits for
	changed chan struct{}
	wake    chan struct{} // holds one
	failed  error

	// What follows belongs to run.
	addrs map[string]string // masters' addresses, by ID
	known map[string]string // all nodes' addresses as the cluster prefers them, by ID
	news  map[string]bool   // nodes that were not among those
	links map[string]link   // by address
	lost  bool              // the addresses may have changed
}

// warner is what a surveyor needs of a logger.
type warner interface {
	Debug(msg string, args ...any)
}

// surveyEvery is how often surveys are made while there is something to settle:
// what is read in between has to be remembered.
const surveyEvery = 500 * time.Millisecond

func newSurveyor(d *cluster.Dialer, stall time.Duration, log warner) *surveyor {
	return &surveyor{
		dialer: d, stall: stall, log: log,
		changed: make(chan struct{}), wake: make(chan struct{}, 1),
		addrs: map[string]string{}, news: map[string]bool{}, links: map[string]link{},
	}
}

// learn takes over the addresses of a topology.
func (v *surveyor) learn(t *cluster.Topology) {
	v.known = t.Nodes()
	for i := range t.Masters {
		m := &t.Masters[i]
		id := m.ID
		if id == "" {
			id = m.Addr // until it tells
		}
		v.addrs[id] = m.Addr
	}
}

// begun is the number of the last survey that has begun.
func (v *surveyor) begun() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.started
}

// want asks for a survey that begins from now on, and returns its number.
func (v *surveyor) want() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.ask()
}

func (v *surveyor) ask() int {
	v.wanted = v.started + 1
	select {
	case v.wake <- struct{}{}:
	default:
	}
	return v.wanted
}

// due asks for a survey if the last one was a while ago: something has been read
// that it may settle.
func (v *surveyor) due() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if time.Since(v.at) >= surveyEvery {
		v.ask()
	}
}

// next asks for a survey and waits for the end of one.
func (v *surveyor) next(ctx context.Context) error {
	v.mu.Lock()
	v.ask()
	changed := v.changed
	v.mu.Unlock()
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run makes surveys until ctx ends. An error is one that ends the scan: a node
// refuses the user.
func (v *surveyor) run(ctx context.Context) error {
	defer func() {
		for _, l := range v.links {
			l.close()
		}
	}()
	for {
		select {
		case <-v.wake:
		case <-ctx.Done():
			return nil
		}
		v.mu.Lock()
		if v.wanted <= v.started {
			v.mu.Unlock()
			continue
		}
		v.started++
		v.at = time.Now()
		number := v.started
		v.mu.Unlock()
		s, err := v.take(ctx, number)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		v.tell(s)
		v.mu.Lock()
		close(v.changed)
		v.changed = make(chan struct{})
		v.mu.Unlock()
	}
}

// take makes one survey.
func (v *surveyor) take(ctx context.Context, number int) (*survey, error) {
	var answers []answer
	if v.lost {
		v.lost = false
		if err := v.refresh(ctx); err != nil {
			answers = append(answers, answer{err: err})
		}
	}
	asked := map[string]bool{}
	toAsk := map[string]respondent{}
	for id, addr := range v.addrs {
		toAsk[id] = respondent{addr: addr}
	}
	// Those who answer name others.
	for len(toAsk) > 0 {
		more, err := v.askAll(ctx, toAsk)
		if err != nil {
			return nil, err
		}
		for id := range toAsk {
			asked[id] = true
		}
		for i := range more {
			asked[more[i].id] = true
		}
		answers = append(answers, more...)
		toAsk = map[string]respondent{}
		for i := range more {
			v.others(&more[i], func(id string, r respondent) {
				if known, ok := toAsk[id]; ok {
					r.replica = r.replica && known.replica
				}
				if !asked[id] {
					toAsk[id] = r
				}
			})
		}
	}
	s := newSurvey(number, answers)
	v.lost = v.lost || !s.conclusive() || !s.disputed.Empty()
	v.keep(answers)
	if s.silent != nil {
		v.log.Debug("not all masters could be asked", "reason", s.silent)
	}
	return s, ctx.Err()
}

// refresh asks the cluster anew where its masters are.
func (v *surveyor) refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, v.stall)
	defer cancel()
	t, err := cluster.Discover(ctx, v.dialer)
	if err == nil && t.Cluster() {
		v.learn(t)
	}
	return err
}

// respondent is a node to be asked.
type respondent struct {
	addr    string
	replica bool // nobody takes it for a master
}

// others are the nodes that a master names beside itself. Replicas are among them:
// one that has just been promoted is a master before the first of the others hears
// of it, and may have keys that its old master hasn't. One that doesn't answer isn't
// missed, and one that is said to have failed isn't waited for.
func (v *surveyor) others(a *answer, name func(id string, r respondent)) {
	if a.view == nil || !a.view.Self.Master() {
		return
	}
	for i := range a.view.Others {
		n := &a.view.Others[i]
		r := respondent{replica: !n.Master()}
		if n.Is("handshake") || n.Is("noaddr") || r.replica && n.Failed() {
			continue
		}
		addr, known := v.known[n.ID]
		if !known {
			addr = n.Addr(a.addr, v.dialer.Secure())
			if !v.news[n.ID] {
				// The cluster may prefer other addresses to those of CLUSTER NODES,
				// and is asked for them when it has come to know the node.
				v.news[n.ID], v.lost = true, true
			}
		}
		if r.addr = addr; addr != "" {
			name(n.ID, r)
		}
	}
}

// keep keeps the addresses of the masters that answered. Any other is named
// again by those, if it still is one, or by the cluster when it is asked anew:
// its address may be another one by then.
func (v *surveyor) keep(answers []answer) {
	clear(v.addrs)
	for i := range answers {
		if a := &answers[i]; a.view != nil && a.view.Self.Master() {
			v.addrs[a.id] = a.addr
		}
	}
}

// askAll asks nodes at the same time.
func (v *surveyor) askAll(ctx context.Context, nodes map[string]respondent) ([]answer, error) {
	ids := slices.Sorted(maps.Keys(nodes))
	answers := make([]answer, len(ids))
	links := make([]link, len(ids))
	var asking errgroup.Group
	asking.SetLimit(maxAsked)
	for i, id := range ids {
		addr := nodes[id].addr
		old := v.links[addr]
		delete(v.links, addr)
		asking.Go(func() error {
			answers[i], links[i] = v.askOne(ctx, id, addr, old)
			return nil
		})
	}
	_ = asking.Wait()
	for i := range answers {
		if links[i].conn == nil {
			continue
		}
		if _, taken := v.links[answers[i].addr]; taken || len(v.links) >= maxLinks {
			links[i].close()
			continue
		}
		v.links[answers[i].addr] = links[i]
	}
	for i, id := range ids {
		// A replica may well be one that isn't for everybody.
		if err := answers[i].err; err != nil && cluster.IsDenied(err) && !nodes[id].replica {
			return nil, err
		}
	}
	return answers, nil
}

// maxAsked is how many nodes are asked at the same time.
const maxAsked = 32

// askOne asks a node; old is a connection from last time, if there is one, which
// may have broken.
func (v *surveyor) askOne(ctx context.Context, id, addr string, old link) (answer, link) {
	a := answer{id: id, addr: addr}
	if id == addr {
		a.id = ""
	}
	if old.conn != nil {
		if a.view, a.up, a.err = ask(ctx, old, addr); a.err == nil {
			return v.named(a, old)
		}
		old.close()
	}
	l, err := dial(ctx, v.dialer, addr, v.stall)
	if err != nil {
		a.err = err
		return a, link{}
	}
	if a.view, a.up, a.err = ask(ctx, l, addr); a.err != nil {
		l.close()
		return a, link{}
	}
	return v.named(a, l)
}

// named makes sure that the node is the one that was meant.
func (v *surveyor) named(a answer, l link) (answer, link) {
	self := a.view.Self.ID
	if a.id != "" && self != a.id {
		l.close()
		return answer{id: a.id, addr: a.addr, err: wrongNode(a.addr, "it is node %s, not %s", self, a.id)}, link{}
	}
	a.id = self
	return a, l
}

// ask asks a node for its view of the cluster.
func ask(ctx context.Context, l link, addr string) (view *cluster.View, up bool, err error) {
	replies, err := l.conn.Pipeline(ctx, []string{"CLUSTER", "NODES"}, []string{"CLUSTER", "INFO"})
	if err == nil {
		err = replies[0].Err()
	}
	if err == nil {
		view, err = cluster.ParseView(replies[0].Text)
	}
	if err != nil {
		return nil, false, &cluster.NodeError{Addr: addr, Command: "CLUSTER NODES", Err: err}
	}
	info, err := optional(replies[1])
	if err != nil {
		return nil, false, &cluster.NodeError{Addr: addr, Command: "CLUSTER INFO", Err: err}
	}
	return view, cluster.ParseInfo(info).OK(), nil
}
