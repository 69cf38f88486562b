package iterator_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/convert"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/iterator"
)

// newPropertyConfig draws how a scan of so many keys is done.
func newPropertyConfig(r *rand.Rand, keys int) iterator.Config {
	return iterator.Config{
		BatchSize:    oneOf(r, 1, 2, 3, 7, 50, 1000, 0, 0),
		BatchBytes:   oneOf[int64](r, 0, 0, 0, 1, 64, 500, 4096, 1<<20),
		CountHint:    oneOf(r, 1, 2, 7, 10, 10, 100, 0, 0),
		MaxRows:      oneOf(r, 0, 0, 0, 0, 0, 0, 1, 5, int64(keys/2), int64(keys), int64(keys+5)),
		Concurrency:  oneOf(r, 0, 1, 2, 7, iterator.AllMasters),
		HashCommand:  oneOf(r, iterator.AutoHashCommand, iterator.HMGET, iterator.HGETALL),
		OnParseError: oneOf(r, convert.Fail, convert.Null, convert.SkipRow),
		StallTimeout: longStall,
	}
}

// newPropertySlots draws which slots are read: seldom others than all.
func newPropertySlots(r *rand.Rand) (slots cluster.SlotSet) {
	if r.IntN(6) > 0 {
		return slots
	}
	if r.IntN(2) == 0 {
		for slot := range uint16(cluster.Slots) {
			if r.IntN(3) > 0 {
				slots.Add(slot)
			}
		}
		return slots
	}
	n := 1 + r.IntN(7)
	sets, err := cluster.EvenPartition(n)
	if err != nil {
		panic(err)
	}
	return sets[r.IntN(n)]
}

// drawLedger draws how the keys are enumerated, of the ways that the server has,
// and what of a cluster that isn't well is good enough.
func drawLedger(r *rand.Rand, config *iterator.Config, ways ...iterator.Enumeration) {
	config.Enumerate = ways[r.IntN(len(ways))]
	config.Strict = r.IntN(4) == 0
	config.AllowIncomplete = r.IntN(4) == 0
	config.MaxLedgerBytes = oneOf[int64](r, 0, 0, 0, 0, 0, 0, 0, 1000, 10_000, 100_000)
}

// ways are those of the server.
func (s *propertyServer) ways() []iterator.Enumeration {
	ways := []iterator.Enumeration{iterator.AutoEnumerate, iterator.KeysInSlot, iterator.PlainScan}
	if s.config.SlotTables {
		ways = append(ways, iterator.SlotScan)
	}
	return ways
}

// listsSlots reports whether slots are listed one by one.
func (s *propertyServer) listsSlots(config *iterator.Config) bool {
	return config.Enumerate == iterator.KeysInSlot || config.Enumerate == iterator.AutoEnumerate
}

const (
	// longStall is never reached by what passes, on however busy a machine.
	longStall = 20 * time.Second
	// shortStall is for troubles that last: each costs it.
	shortStall = 40 * time.Millisecond
)

func describeConfig(c iterator.Config) string {
	return fmt.Sprintf("Pattern %q, BatchSize %d, BatchBytes %d, CountHint %d, MaxRows %d, Concurrency %d, HashCommand %d, OnParseError %v, StallTimeout %v, Enumerate %v, Strict %v, AllowIncomplete %v, MaxLedgerBytes %d, %d Slots",
		c.Pattern, c.BatchSize, c.BatchBytes, c.CountHint, c.MaxRows, c.Concurrency, c.HashCommand, c.OnParseError, c.StallTimeout,
		c.Enumerate, c.Strict, c.AllowIncomplete, c.MaxLedgerBytes, c.Slots.Len())
}

// propertyServer is a fake to be started, and how it is come by.
type propertyServer struct {
	config minicluster.Config
	single bool // by a *redis.Client on one of its nodes
	seeds  int  // by so many of its nodes' addresses; 0: all
}

func newPropertyServer(r *rand.Rand) *propertyServer {
	s := &propertyServer{single: r.IntN(6) == 0, seeds: r.IntN(3)}
	s.config = minicluster.Config{Masters: oneOf(r, 1, 2, 3, 3, 4, 5), Replicas: oneOf(r, 0, 0, 1), SlotTables: r.IntN(2) == 0, Seed: r.Uint64()}
	s.config.PartialCoverage = r.IntN(3) == 0
	if !s.config.SlotTables && r.IntN(4) == 0 {
		s.config.Version = "3.2.12" // whose cursors are of unknown order
	}
	if r.IntN(8) == 0 {
		s.config.Announce = oneOf(r, minicluster.AnnounceIPv6, minicluster.AnnounceEmpty, minicluster.AnnounceNull, minicluster.AnnounceUnknown, minicluster.AnnounceHostname)
	}
	if r.IntN(6) == 0 {
		s.config.Standalone, s.config.SlotTables = true, false
		s.config.Masters, s.config.Replicas, s.config.Announce = 0, 0, minicluster.AnnounceIP
		s.single = true
	}
	return s
}

// nodes is how many nodes there are, masters first.
func (s *propertyServer) nodes() int { return max(1, s.config.Masters) * (1 + s.config.Replicas) }

func (s *propertyServer) masters() int { return max(1, s.config.Masters) }

func (s *propertyServer) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d masters", s.masters())
	if s.config.Standalone {
		b.WriteString(", no cluster")
	}
	if s.config.Replicas > 0 {
		fmt.Fprintf(&b, ", %d replica each", s.config.Replicas)
	}
	if s.config.SlotTables {
		b.WriteString(", a table for each slot")
	}
	if s.config.PartialCoverage {
		b.WriteString(", partial coverage")
	}
	if s.config.Version != "" {
		b.WriteString(", version " + s.config.Version)
	}
	if s.config.Announce != 0 {
		fmt.Fprintf(&b, ", announced in way %d", s.config.Announce)
	}
	if s.single {
		b.WriteString(", by a *redis.Client")
	}
	return b.String()
}
