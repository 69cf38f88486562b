package scan

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/resp"
	"golang.org/x/sync/errgroup"
)

// Config says what to scan, and how.
type Config struct {
	Kind    Kind
	Pattern string        // glob of the keys; "" or "*" takes all
	Count   int           // SCAN's COUNT
	MaxRows int64         // 0 = all
	Stall   time.Duration // how long something may fail or stand still before it is given up
	Logger  *slog.Logger  // not nil
}

// Scan is one scan of a cluster.
type Scan struct {
	kind      Kind
	dialer    *cluster.Dialer
	inCluster bool
	stall     time.Duration
	log       *slog.Logger
	ledger    *ledger
	limit     *limit
	nodes     []*node
	seed      uint64

	count              int
	scanHead, scanTail []byte // SCAN without its cursor and its COUNT
	maxPageKeys        int    // more aren\'t taken
}

// Open reads the topology and tries the first master, so that what is wrong
// from the start is known before the first row. It leaves no connection open.
func Open(ctx context.Context, d *cluster.Dialer, cfg Config) (*Scan, error) {
	if cfg.Pattern == "" {
		cfg.Pattern = "*"
	}
	topology, err := cluster.Discover(ctx, d)
	if err != nil {
		return nil, err
	}
	s := &Scan{
		kind:        cfg.Kind,
		dialer:      d,
		inCluster:   topology.Cluster(),
		stall:       cfg.Stall,
		log:         cfg.Logger,
		limit:       newLimit(cfg.MaxRows),
		seed:        rand.Uint64(),
		count:       cfg.Count,
		maxPageKeys: morePageKeys + min(cfg.Count, math.MaxInt-morePageKeys),
	}
	s.prepare(cfg)
	wanted := cluster.AllSlots()
	if slot, ok := cluster.PatternSlot(cfg.Pattern); ok && s.inCluster {
		wanted = slotSetOf(slot)
	}
	s.ledger = newLedger(wanted)
	s.ledger.lose(topology.Unaddressed(), errNoAddress)
	s.ledger.lose(topology.Unowned(), errNoOwner)
	for _, m := range topology.Masters {
		if mine := wanted.Intersect(m.Slots); !mine.Empty() {
			s.nodes = append(s.nodes, &node{id: m.ID, addr: m.Addr, slots: m.Slots})
		}
	}
	return s, s.tryFirst(ctx)
}

// tryFirst makes sure that at least one of the masters lets us in: the
// addresses that a cluster announces need not be reachable from here, nor
// need its nodes accept the user that a seed accepts.
func (s *Scan) tryFirst(ctx context.Context) error {
	var failed error
	for _, n := range s.nodes {
		l, _, err := s.connect(ctx, n)
		if err == nil {
			l.close()
			return nil
		}
		failed = errors.Join(failed, err)
		if cluster.IsDenied(err) || ctx.Err() != nil {
			break
		}
	}
	return failed
}

// prepare puts SCAN together, but for its cursor and its COUNT.
func (s *Scan) prepare(cfg Config) {
	args := []string{"TYPE", cfg.Kind.Type()}
	if cfg.Pattern != "*" {
		args = append(args, "MATCH", cfg.Pattern)
	}
	s.scanHead = resp.AppendArray(nil, 2+2+len(args))
	s.scanHead = resp.AppendBulkString(s.scanHead, "SCAN")
	for _, arg := range args {
		s.scanTail = resp.AppendBulkString(s.scanTail, arg)
	}
}

// Masters is the number of masters to be scanned.
func (s *Scan) Masters() int { return len(s.nodes) }

// Stats are the counters so far, master by master. May be called at any time.
func (s *Scan) Stats() []NodeStats {
	stats := make([]NodeStats, len(s.nodes))
	for i, n := range s.nodes {
		stats[i] = NodeStats{Addr: n.addr, Counters: n.counters()}
	}
	return stats
}

// Run scans: as many masters at once as there are decoders, each decoder used
// by one goroutine. It returns when all of them have ended: nil if every key
// has given its rows, or as many as were wanted; an [*IncompleteError] if
// that can't be said of some slots; otherwise what ended the scan.
//
// When ctx ends, connections are closed at once and ctx's error returned.
func (s *Scan) Run(ctx context.Context, decoders []Decoder) error {
	if err := s.ledger.missingOwners(); err != nil {
		// No row would make the result whole: say so before the first.
		return err
	}
	var (
		mu   sync.Mutex
		next int
	)
	take := func() *node {
		mu.Lock()
		defer mu.Unlock()
		if next == len(s.nodes) {
			return nil
		}
		next++
		return s.nodes[next-1]
	}
	workers, ctx := errgroup.WithContext(ctx)
	for _, decoder := range decoders {
		workers.Go(func() error {
			seen := &seen{seed: s.seed}
			for n := take(); n != nil && !s.limit.reached(); n = take() {
				if err := s.pass(ctx, n, decoder, seen); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := workers.Wait(); err != nil {
		return err
	}
	if s.limit.reached() {
		return nil
	}
	return s.ledger.missing()
}

// pass scans one master. An error ends the whole scan; what concerns only
// this master's slots is in the ledger.
func (s *Scan) pass(ctx context.Context, n *node, decoder Decoder, seen *seen) error {
	p := &pass{scan: s, node: n, decoder: decoder, seen: seen, sizer: newSizer(maxInFlightBytes), pager: newPager(s.count), patience: patience{limit: s.stall}}
	defer func() {
		p.publish()
		p.link.close()
		p.follower.close()
		seen.reset()
	}()
	s.log.Debug("scanning master", "node", n.addr)
	err := p.run(ctx)
	if lost := (*lostError)(nil); errors.As(err, &lost) {
		// What it had not claimed yet, nobody else will own: it had no time to.
		slots := p.slots.Union(s.ledger.claim(n.slots))
		s.log.Warn("gave up a master", "node", n.addr, "slots", slots.Len(), "reason", lost.reason)
		s.ledger.lose(slots, atNode(n.addr, lost.reason))
		s.limit.settle(p.reserved(), 0)
		return nil
	}
	return err
}

// run goes through a pass from the first connection to the last check.
func (p *pass) run(ctx context.Context) error {
	if err := p.open(ctx); err != nil {
		return err
	}
	if p.slots.Empty() {
		return nil // it isn't a master any more, or others have its slots
	}
	if err := p.walk(ctx); err != nil {
		return err
	}
	if p.scan.limit.reached() {
		return nil
	}
	return p.check(ctx)
}

// check compares the master's state with what it was before, and settles the
// slots for which nothing has changed.
func (p *pass) check(ctx context.Context) error {
	for {
		after, err := readState(ctx, p.link.conn, p.node.addr, p.scan.inCluster)
		if err != nil {
			if cluster.IsDenied(err) {
				return err
			}
			if err := p.reconnect(ctx, err); err != nil {
				return err
			}
			continue
		}
		for _, r := range doubts(p.start, after, p.slots) {
			p.scan.ledger.lose(r.Slots, atNode(p.node.addr, r.Err))
		}
		p.scan.ledger.settle(p.slots)
		return nil
	}
}

// atNode adds the node to an error that doesn't name one.
func atNode(addr string, err error) error {
	if named := (*cluster.NodeError)(nil); errors.As(err, &named) {
		return err
	}
	return fmt.Errorf("node %s: %w", addr, err)
}
