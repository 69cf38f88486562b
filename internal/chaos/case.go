package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/internal/testcluster"
)

// Case is one run, drawn from its seed.
type Case struct {
	Seed        uint64
	Server      string // one of testcluster.DefaultServers
	Kind        Kind
	Concurrency int    // 1, or -1 for all masters at once
	Way         uint64 // for scanners that have several ways: they take turns
	Events      []testcluster.Event
}

// Draw gives the case of a seed. Seeds that follow one another take turns on the servers. With kinds, only such events
// are in it.
func Draw(seed uint64, kinds ...testcluster.Kind) Case {
	servers := testcluster.DefaultServers()
	round := seed / uint64(len(servers))
	rng := rand.New(rand.NewPCG(seed, 42))
	c := Case{
		Seed:        seed,
		Server:      servers[seed%uint64(len(servers))],
		Kind:        []Kind{Hash, String}[rng.IntN(2)],
		Concurrency: []int{1, -1}[round%2],
		Way:         round,
	}
	config := testcluster.ScriptConfig{
		Events: 4 + rng.IntN(5),
		Slots:  slotsWorthMoving(),
		Atomic: strings.HasPrefix(c.Server, "valkey-9"),
		Kinds:  kinds,
	}
	c.Events = testcluster.Script(seed, config)
	if len(kinds) == 0 {
		// What costs keys comes now and then, at the end.
		switch rng.IntN(12) {
		case 0:
			config.Kinds, config.Events = []testcluster.Kind{testcluster.Abort}, 1
			c.Events = append(testcluster.Script(seed, config), c.Events...)
		case 1:
			config.Kinds, config.Events = []testcluster.Kind{testcluster.Forsake}, 1
			c.Events = append(c.Events, testcluster.Script(seed, config)...)
		}
	}
	return c
}

func (c Case) String() string {
	masters := "one master at a time"
	if c.Concurrency != 1 {
		masters = "all masters at once"
	}
	return fmt.Sprintf("seed %d, %s, kind %s, %s, %d events", c.Seed, c.Server, c.Kind, masters, len(c.Events))
}

// startNode is the number of the node by which the scan finds the cluster: one that something befalls, if any does.
func (c Case) startNode() int {
	for _, e := range c.Events {
		switch e.Kind {
		case testcluster.KillMaster, testcluster.CutOff, testcluster.Bounce:
			return e.Shard
		case testcluster.KillReplica:
			return 3 + e.Shard // the replicas come after the three masters
		}
	}
	return 0
}

// mayBeginEarly reports whether the script may begin while the scan has not yet found the cluster: not if that would
// hide the cluster from it, or slots have no owner then, which a scan may refuse.
func (c Case) mayBeginEarly() bool {
	if len(c.Events) == 0 {
		return true
	}
	switch c.Events[0].Kind {
	case testcluster.KillMaster, testcluster.KillReplica, testcluster.CutOff, testcluster.Bounce, testcluster.Down,
		testcluster.Silence, testcluster.Forsake:
		return false
	}
	return true
}

const (
	// nodeTimeout makes a failover take about three seconds. Less, and a busy machine looks like a dead one.
	nodeTimeout = 1500 * time.Millisecond
	writers     = 3
	// maxRun bounds a run: it takes some 20 s.
	maxRun = 3 * time.Minute
)

// Outcome is what has come of a case.
type Outcome struct {
	Verdict
	Rows   int
	Took   time.Duration
	Record *testcluster.Record
}

func (o Outcome) String() string {
	return fmt.Sprintf("%d rows in %.1f s: %v\n%v", o.Rows, o.Took.Seconds(), o.Verdict, o.Record)
}

// Run starts a cluster, has it disturbed and written to while scan reads it, and judges. What fails beside the scan
// fails the test.
func (c Case) Run(t *testing.T, scan Scanner) Outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), maxRun)
	defer cancel()
	servers := testcluster.Start(t, testcluster.Config{
		Server: testcluster.Find(t, c.Server), Replicas: 1, BusProxy: true, NodeTimeout: nodeTimeout,
	})
	client := func(addrs ...string) *redis.ClusterClient {
		o := servers.ClusterOptions()
		o.Addrs = addrs
		o.DialTimeout, o.ReadTimeout, o.MaxRedirects = 2*time.Second, 2*time.Second, 8
		rdb := redis.NewClusterClient(o)
		t.Cleanup(func() { _ = rdb.Close() })
		return rdb
	}
	writing := client(servers.Addrs()...)
	if err := fill(ctx, writing); err != nil {
		t.Fatal(err)
	}
	// Who scans is told of one node, and that one may die or move: the others must be known by then.
	reading := client(servers.Addrs()[c.startNode()])
	if err := reading.Ping(ctx).Err(); err != nil {
		t.Fatal(err)
	}

	var running sync.WaitGroup
	quiet, stop := context.WithCancel(ctx)
	defer running.Wait()
	defer stop()
	for i := range writers {
		running.Go(func() { writeAll(quiet, writing, i) })
	}
	o := Outcome{Record: new(testcluster.Record)}
	over := make(chan struct{})
	p := &pace{record: o.Record, events: len(c.Events), over: over, reading: make(chan struct{})}
	var failure error
	running.Go(func() {
		defer close(over)
		if !c.mayBeginEarly() {
			select {
			case <-p.reading:
			case <-quiet.Done():
			}
		}
		failure = servers.Play(quiet, c.Events, o.Record)
	})

	begun := time.Now()
	result := scan(ctx, Job{Client: reading, Case: c, Slow: func(rows int) { p.slow(ctx, rows) }})
	o.Took = time.Since(begun)
	stop()
	running.Wait()
	if failure != nil {
		t.Fatalf("%v: the cluster could not be disturbed as planned: %v\n%v", c, failure, o.Record)
	}
	o.Rows = len(result.Rows)
	o.Verdict = judge(c.Kind, result, o.Record.Orphans(), o.Record.Unread())
	for _, key := range o.Missing {
		if cells, err := read(ctx, writing, c.Kind, key); err == nil && cells == nil {
			o.Gone = append(o.Gone, key)
		}
	}
	return o
}
