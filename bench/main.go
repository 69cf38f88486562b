package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/testcluster"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out, log io.Writer) error {
	if len(args) == 2 {
		switch args[0] {
		case readCommand:
			return read(ctx, args[1])
		case getCommand:
			return get(args[1])
		case loopCommand:
			return scanAgain(ctx, args[1])
		}
	}
	o, err := parseOptions(args, log)
	if err != nil {
		return err
	}
	b := &bench{options: o, out: out, log: log}
	for name := range strings.SplitSeq(o.servers, ",") {
		server, err := testcluster.Lookup(name)
		if err != nil {
			return err
		}
		b.servers = append(b.servers, server)
	}
	fmt.Fprintf(out, "3 masters; %d CPUs, %s; masters in turn, medians of %d runs\n", runtime.NumCPU(), runtime.Version(), o.runs)
	switch {
	case o.promise:
		return b.eachServer(ctx, b.promise)
	case o.courtesy:
		return b.eachServer(ctx, b.courtesy)
	}
	return b.compare(ctx)
}

// compare runs the parts that compare readers, and prints what came of them.
func (b *bench) compare(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b.findPeers(ctx, dir)
	parts := []func(context.Context) error{b.speed}
	if b.delay {
		parts = append(parts, b.throughDelay)
	}
	if b.memory {
		parts = append(parts, b.peaks)
	}
	if err := b.eachServer(ctx, parts...); err != nil {
		return err
	}
	if err := b.print(b.out); err != nil {
		return err
	}
	return b.checkAndRecord()
}

type options struct {
	servers     string
	rows        int
	workloads   []workload
	runs        int
	hashCommand string
	profiles    string
	rueidis     bool
	python      string
	delay       bool
	delayRows   int
	memory      bool
	promise     bool
	courtesy    bool
	period      time.Duration // of the courtesy part: for which GETs are timed
	few, many   int           // keys of the memory part
	check       string        // file with a record that what is measured is held against
	record      string        // file to write one to
}

func parseOptions(args []string, log io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(log)
	flags.StringVar(&o.servers, "server", "redis-7.0", "servers to run, separated by commas, as internal/testcluster names them")
	flags.IntVar(&o.rows, "rows", 300_000, "number of keys that are read, and of others beside them")
	names := flags.String("workloads", "", "what is read, separated by commas (default all): "+workloadNames())
	fields := flags.Int("fields", 0, "read hashes with so many fields instead of the workloads")
	take := flags.Int("take", 0, "how many of the fields are read (default all)")
	flags.IntVar(&o.runs, "runs", 5, "runs of each reader")
	flags.StringVar(&o.hashCommand, "hash-command", "", "how ours and floor read hashes: hmget or hgetall (default: ours decides)")
	flags.StringVar(&o.profiles, "profiles", "", "existing folder for the readers' CPU and allocation profiles, of the last run")
	flags.BoolVar(&o.rueidis, "rueidis", false, "compare with rueidis, too, which is built for it")
	flags.StringVar(&o.python, "python", os.Getenv("REDISARROW_BENCH_PYTHON"), "a Python with redis and pyarrow, or polars_redis: compare with these, too (default $REDISARROW_BENCH_PYTHON)")
	flags.BoolVar(&o.delay, "delay", false, "read through a line with a round trip of 10 ms, and through one with none, too")
	flags.IntVar(&o.delayRows, "delay-rows", 1_000_000, "with -delay: number of keys")
	flags.BoolVar(&o.memory, "memory", false, "compare a scan of few keys with one of many, too")
	flags.IntVar(&o.few, "few", 100_000, "with -memory: number of few keys")
	flags.IntVar(&o.many, "many", 3_000_000, "with -memory: number of many keys")
	flags.BoolVar(&o.promise, "promise", false, "compare ours with the same program without the ledger's checks, in each way of enumerating, and nothing else")
	flags.BoolVar(&o.courtesy, "courtesy", false, "time the GETs of another client without a scan, during one, and during one with Duty, and nothing else")
	flags.DurationVar(&o.period, "period", 5*time.Second, "with -courtesy: how long GETs are timed, each time")
	flags.StringVar(&o.check, "check", "", "file of an earlier -record: fail if allocations or CPU ratios have become worse")
	flags.StringVar(&o.record, "record", "", "file to write allocations and CPU ratios to")
	short := flags.Bool("short", false, "few keys, one run: to see that everything works")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if *short {
		o.rows, o.runs, o.few, o.many, o.delayRows, o.period = 2000, 1, 500, 2000, 2000, 200*time.Millisecond
	}
	if *take == 0 {
		*take = *fields
	}
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.rows < 1 || o.runs < 1 || *fields < 0 || *take < 0 || *take > *fields:
		return o, errors.New("-rows, -runs, -fields and -take must be positive, and -take at most -fields")
	case o.few < 1 || o.many <= o.few || o.delayRows < 1:
		return o, errors.New("-few and -delay-rows must be positive, and -many more than -few")
	case *fields > 0 && *names != "":
		return o, errors.New("-fields and -workloads can't both be given")
	case o.period < getEvery:
		return o, fmt.Errorf("-period is %v: it must be at least %v", o.period, getEvery)
	case o.hashCommand != "" && o.hashCommand != hashMGet && o.hashCommand != hashGetAll:
		return o, fmt.Errorf("-hash-command is %q: it must be hmget or hgetall", o.hashCommand)
	}
	if *fields > 0 {
		o.workloads = []workload{custom(o.rows, *fields, *take)}
		return o, nil
	}
	var err error
	o.workloads, err = chooseWorkloads(*names, o.rows)
	return o, err
}

// bench is one run of the program.
type bench struct {
	options
	report
	servers  []testcluster.Server
	peers    []peer
	out, log io.Writer

	// The server under way.
	server   testcluster.Server
	cluster  *testcluster.Cluster
	topology *cluster.Topology
}

// eachServer runs parts on each server, on a cluster of its own each.
func (b *bench) eachServer(ctx context.Context, parts ...func(context.Context) error) error {
	for _, b.server = range b.servers {
		fmt.Fprintf(b.log, "%s %s\n", b.server.Name, b.server.Version)
		for _, part := range parts {
			if err := b.withCluster(ctx, part); err != nil {
				return fmt.Errorf("%s: %w", b.server.Name, err)
			}
		}
	}
	return nil
}

// withCluster runs a part on a cluster of its own.
func (b *bench) withCluster(ctx context.Context, part func(context.Context) error) (err error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if b.cluster, err = testcluster.StartAt(ctx, dir, testcluster.Config{Server: b.server}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.cluster.Close()) }()
	if b.topology, err = discover(ctx, b.cluster.Addrs()); err != nil {
		return err
	}
	return part(ctx)
}

// world fills the empty cluster with what a workload is about, and returns the
// tally of what is to be read.
func (b *bench) world(ctx context.Context, w workload) (tally, error) {
	for i := range b.cluster.Nodes() {
		if err := b.cluster.NodeClient(i).FlushAll(ctx).Err(); err != nil {
			return tally{}, err
		}
	}
	if _, err := b.fill(ctx, w.beside, 0); err != nil {
		return tally{}, err
	}
	want, err := b.fill(ctx, w.read, 0)
	return want, err
}

// fill writes the keys of d from number first on.
func (b *bench) fill(ctx context.Context, d dataset, first int) (tally, error) {
	fmt.Fprintf(b.log, "filling: %d keys %s*\n", d.Rows-first, d.Prefix)
	return fill(ctx, b.topology, d, first)
}

// run runs a task in a process of a program, or nil for this one, and makes sure
// that it has read what was written. It returns what the servers were asked, too.
func (b *bench) run(ctx context.Context, program []string, t task, want tally) (sample, map[string]int64, error) {
	for _, m := range b.topology.Masters {
		t.Masters = append(t.Masters, m.Addr)
		t.Slots = append(t.Slots, m.Slots.String())
	}
	before, err := serverLoad(ctx, b.cluster)
	if err != nil {
		return sample{}, nil, err
	}
	f, err := start(ctx, program, t)
	if err != nil {
		return sample{}, nil, err
	}
	if f.Tally != want {
		return sample{}, nil, fmt.Errorf("reader %s read %+v of %s, not the %+v that was written", t.Reader, f.Tally, t.Data.pattern(), want)
	}
	after, err := serverLoad(ctx, b.cluster)
	if err != nil {
		return sample{}, nil, err
	}
	done := after.since(before)
	return sample{figures: f, server: micros(done.cpu)}, done.calls, nil
}
