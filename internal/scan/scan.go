package scan

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"math/rand/v2"
	"time"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/resp"
	"golang.org/x/sync/errgroup"
)

// Config says what to scan, and how.
type Config struct {
	Kind    Kind
	Pattern string          // glob of the keys; "" or "*" takes all
	Slots   cluster.SlotSet // whose keys are read
	Count   int             // SCAN's COUNT
	// FarCount is what it may grow to where a server is far away; Count is the least.
	FarCount      int
	InFlightBytes int64         // what may be asked for and not read yet, on one connection
	MaxRows       int64         // 0 = all
	Stall         time.Duration // how long something may fail or stand still before it is given up
	Logger        *slog.Logger  // not nil
	Observer      Observer

	KeysPerSecond int     // keys asked for their values; 0 = as many as there are
	Duty          float64 // the share of a node's time that is asked for, beyond 0; 0 and 1 = all

	Enumerate       Enumeration
	LedgerBytes     int64 // what the keys that are remembered may take
	ReadFrom        ReadFrom
	Strict          bool // slots with an open migration aren't read
	AllowIncomplete bool // slots that are missing don't keep the scan from starting, or from ending well

	Resume *Resume               // nil for a scan from the beginning
	Done   func(cluster.SlotSet) // told of slots of which every key has given its rows; nil or not blocking
}

// Scan is one scan of a cluster.
type Scan struct {
	kind      Kind
	dialer    *cluster.Dialer
	inCluster bool
	bare      bool // see cluster.Topology.Bare
	leads     bool // a server alone has said that it is a master; belongs to whoever connects to it
	stall     time.Duration
	log       *slog.Logger
	observer  Observer
	toldLast  TopologyEvent // belongs to Open, then to the surveyor
	limit     *limit
	seed      uint64
	nodes     map[string]string // that the topology named at the beginning: addresses by ID
	pace      *pace
	duty      float64
	wanted    int // how many slots are to be read

	ledger   *ledger
	memory   *memory
	surveyor *surveyor
	board    *board

	enumerate       Enumeration
	readFrom        ReadFrom
	strict          bool
	allowIncomplete bool

	pattern         string
	count, farCount int
	inFlight        int64
	typed, untyped  scanWords // with TYPE, and without
	clusterScanHead []byte    // CLUSTERSCAN without its cursor
	maxPageKeys     int       // more aren't taken
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
	if cfg.ReadFrom != ReadMaster && !topology.Cluster() {
		return nil, &cluster.NodeError{Addr: topology.Source, Command: "CLUSTER SLOTS", Err: errNoCluster}
	}
	s := &Scan{
		kind:        cfg.Kind,
		dialer:      d,
		inCluster:   topology.Cluster(),
		bare:        topology.Bare(),
		stall:       cfg.Stall,
		log:         cfg.Logger,
		observer:    cfg.Observer,
		limit:       newLimit(cfg.MaxRows),
		seed:        rand.Uint64(),
		pace:        newPace(cfg.KeysPerSecond),
		duty:        cfg.Duty,
		memory:      newMemory(cfg.LedgerBytes),
		pattern:     cfg.Pattern,
		count:       cfg.Count,
		farCount:    cfg.FarCount,
		inFlight:    cfg.InFlightBytes,
		maxPageKeys: morePageKeys + min(max(cfg.Count, cfg.FarCount), math.MaxInt-morePageKeys),

		enumerate:       cfg.Enumerate,
		readFrom:        cfg.ReadFrom,
		strict:          cfg.Strict,
		allowIncomplete: cfg.AllowIncomplete,
	}
	if s.gentle() {
		s.count = min(s.count, dutyKeys)
		s.farCount = s.count
	}
	s.prepare(cfg)
	wanted := cfg.Slots
	if slot, ok := cluster.PatternSlot(cfg.Pattern); ok {
		// On a server alone the slot costs nothing: its keys are listed by the
		// pattern.
		wanted = wanted.Intersect(slotSetOf(slot))
	}
	s.nodes = topology.Nodes()
	if cfg.Resume != nil {
		wanted = wanted.Minus(cfg.Resume.Done)
	}
	s.wanted = wanted.Len()
	s.ledger = newLedger(wanted, s.memory)
	s.ledger.finished = cfg.Done
	if cfg.Resume != nil {
		if err := s.resume(cfg.Resume); err != nil {
			return nil, err
		}
	}
	s.board = newBoard(s)
	s.surveyor = newSurveyor(d, min(s.silence(), maxSilence), s.log)
	s.surveyor.tell = s.surveyed
	s.surveyor.learn(topology)
	s.ledger.lose(topology.Unaddressed(), errNoAddress)
	s.ledger.lose(topology.Unowned(), errNoOwner)
	for _, m := range topology.Masters {
		if mine := wanted.Intersect(m.Slots); !mine.Empty() {
			s.board.nodes = append(s.board.nodes, &node{id: m.ID, addr: m.Addr, duty: duty{share: s.duty}})
		}
	}
	s.toldTopology(topologyEvent(topology))
	return s, s.tryFirst(ctx)
}

// surveyed takes a survey in.
func (s *Scan) surveyed(v *survey) {
	s.board.surveyed(v)
	if s.observer.Topology != nil {
		s.toldTopology(v.event())
	}
}

// maxSilence is how long a node may be silent when it is asked about the cluster.
const maxSilence = 5 * time.Second

// silence is how long a node may be silent before it is seen whether another one
// has its slots: a part of the stall timeout, since that may be so.
func (s *Scan) silence() time.Duration { return max(s.stall/silenceShare, time.Millisecond) }

const silenceShare = 3

// brief is how long a pass waits for what may pass by itself: a lost connection,
// a server that is loading. Then others have their turn, and it is tried again.
func (s *Scan) brief() time.Duration { return min(s.silence(), maxBrief) }

const maxBrief = 2 * time.Second

// gentle reports whether nodes are to be asked for little at a time.
func (s *Scan) gentle() bool { return s.duty > 0 && s.duty < 1 }

// slotsAtOnce is how many slots a request may be about.
func (s *Scan) slotsAtOnce() int {
	if s.gentle() {
		return dutySlots
	}
	return maxSlots
}

// tryFirst makes sure that at least one of the masters lets us in: the
// addresses that a cluster announces need not be reachable from here, nor
// need its nodes accept the user that a seed accepts.
func (s *Scan) tryFirst(ctx context.Context) error {
	var failed error
	for _, n := range s.board.nodes {
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
	var match []string
	if cfg.Pattern != "*" {
		match = []string{"MATCH", cfg.Pattern}
	}
	args := append([]string{"TYPE", cfg.Kind.Type()}, match...)
	s.typed, s.untyped = newScanWords(args), newScanWords(match)
	s.clusterScanHead = resp.AppendArray(nil, 2+2+2+len(args))
	s.clusterScanHead = resp.AppendBulkString(s.clusterScanHead, clusterScanCommand)
}

// Masters is the number of masters at the beginning.
func (s *Scan) Masters() int { return len(s.board.nodes) }

// Stats are the counters so far, master by master. May be called at any time.
func (s *Scan) Stats() Stats {
	return Stats{
		Nodes: s.board.stats(), Surveys: int64(s.surveyor.begun()), Reread: s.ledger.rereads(), LedgerBytes: s.memory.peaked(),
		Progress: s.progress(),
	}
}

// Missing are the slots that are left out, nil if there are none; valid when Run
// has returned.
func (s *Scan) Missing() *IncompleteError { return s.ledger.missing() }

// Run scans: as many masters at once as there are decoders, each decoder used
// by one goroutine. It returns when all of them have ended: nil if every key
// has given its rows, or as many as were wanted; an [*IncompleteError] if
// that can't be said of some slots, unless that is allowed; otherwise what ended
// the scan.
//
// When ctx ends, connections are closed at once and ctx's error returned.
func (s *Scan) Run(ctx context.Context, decoders []Decoder) error {
	if err := s.incomplete(); err != nil {
		// No row would make the result whole: say so before the first.
		return err
	}
	running, ctx := errgroup.WithContext(ctx)
	working, stop := context.WithCancel(ctx)
	if s.inCluster {
		running.Go(func() error { return s.surveyor.run(working) })
	}
	workers, ctx := errgroup.WithContext(ctx)
	for _, decoder := range decoders {
		workers.Go(func() error { return s.work(ctx, &worker{decoder: decoder}) })
	}
	running.Go(func() error {
		defer stop()
		return workers.Wait()
	})
	if err := running.Wait(); err != nil {
		return err
	}
	if s.limit.reached() {
		return nil
	}
	return s.incomplete()
}

// incomplete is the error for the slots that are missing, nil if there are none,
// or if that is allowed.
func (s *Scan) incomplete() error {
	if missing := s.ledger.missing(); missing != nil && !s.allowIncomplete {
		return missing
	}
	return nil
}

// worker is what a goroutine has that performs one task after another.
type worker struct {
	decoder Decoder
	buffers buffers

	// What is known of the keys read so far: how long one is, and what reading one
	// costs, in bytes.
	key, value estimate
	page       int // how many keys are asked for at once
}

// work performs one task after another.
func (s *Scan) work(ctx context.Context, w *worker) error {
	for {
		t, ok, err := s.board.next(ctx)
		if err != nil || !ok {
			return err
		}
		before := t.node.stats().Counters
		moves := s.ledger.standing().moves
		err = s.perform(ctx, t, w)
		after := t.node.stats().Counters
		s.board.finished(&t, after.Rows > before.Rows || s.ledger.standing().moves > moves)
		if err != nil {
			return err
		}
	}
}
