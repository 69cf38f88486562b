package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
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
	server, err := testcluster.Lookup(o.server)
	if err != nil {
		return err
	}
	b := &bench{options: o, server: server, out: out, log: log}
	fmt.Fprintf(out, "%s %s, 3 masters; %d CPUs, %s; masters in turn, medians of %d runs\n", server.Name, server.Version, runtime.NumCPU(), runtime.Version(), o.runs)
	switch {
	case o.promise:
		return b.withCluster(ctx, b.promise)
	case o.courtesy:
		return b.withCluster(ctx, b.courtesy)
	}
	if err := b.withCluster(ctx, b.speed); err != nil || !o.memory {
		return err
	}
	return b.withCluster(ctx, b.memory)
}

type options struct {
	server      string
	rows        int
	fields      int
	take        int
	runs        int
	hashCommand string
	profiles    string
	memory      bool
	promise     bool
	courtesy    bool
	period      time.Duration // of the courtesy part: for which GETs are timed
	few, many   int           // keys of the memory part
}

func parseOptions(args []string, log io.Writer) (options, error) {
	o := options{few: 100_000, many: 3_000_000}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(log)
	flags.StringVar(&o.server, "server", "redis-7.0", "server to run, as internal/testcluster names it")
	flags.IntVar(&o.rows, "rows", 300_000, "number of hashes, and of strings")
	flags.IntVar(&o.fields, "fields", userFields, "fields of a hash; other than 7 means hashes alone, without the idiomatic reader")
	flags.IntVar(&o.take, "take", 0, "how many of the fields are read (default all)")
	flags.IntVar(&o.runs, "runs", 5, "runs of each reader")
	flags.StringVar(&o.hashCommand, "hash-command", "", "how ours and floor read hashes: hmget or hgetall (default: ours decides)")
	flags.StringVar(&o.profiles, "profiles", "", "existing folder for the readers' CPU and allocation profiles, of the last run")
	flags.BoolVar(&o.memory, "memory", false, "compare a scan of 100 thousand keys with one of 3 million, too")
	flags.BoolVar(&o.promise, "promise", false, "compare ours with the same program without the ledger's checks, in each way of enumerating, and nothing else")
	flags.BoolVar(&o.courtesy, "courtesy", false, "time the GETs of another client without a scan, during one, and during one with Duty, and nothing else")
	flags.DurationVar(&o.period, "period", 5*time.Second, "with -courtesy: how long GETs are timed, each time")
	short := flags.Bool("short", false, "few keys, one run: to see that everything works")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if *short {
		o.rows, o.runs, o.few, o.many, o.period = 2000, 1, 500, 2000, 200*time.Millisecond
	}
	if o.take == 0 {
		o.take = o.fields
	}
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.rows < 1 || o.runs < 1 || o.fields < 1 || o.take < 1 || o.take > o.fields:
		return o, errors.New("-rows, -runs, -fields and -take must be positive, and -take at most -fields")
	case o.period < getEvery:
		return o, fmt.Errorf("-period is %v: it must be at least %v", o.period, getEvery)
	case o.hashCommand != "" && o.hashCommand != hashMGet && o.hashCommand != hashGetAll:
		return o, fmt.Errorf("-hash-command is %q: it must be hmget or hgetall", o.hashCommand)
	}
	return o, nil
}

// bench is one run of the program.
type bench struct {
	options
	server   testcluster.Server
	out, log io.Writer

	cluster  *testcluster.Cluster
	topology *cluster.Topology
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

// fill writes the keys of d from number first on.
func (b *bench) fill(ctx context.Context, d dataset, first int) (tally, error) {
	fmt.Fprintf(b.log, "filling: %d keys %s\n", d.Rows-first, d.pattern())
	return fill(ctx, b.topology, d, first)
}

// speed compares the readers.
func (b *bench) speed(ctx context.Context) error {
	users := dataset{Prefix: "user:", Rows: b.rows, Fields: b.fields, Take: b.take}
	texts := dataset{Prefix: "cache:", Rows: b.rows}
	sets, names := []dataset{users, texts}, []string{"floor", "idiomatic", "ours"}
	if b.fields != userFields || b.take != userFields {
		names = []string{"floor", "ours"}
	}
	want := make([]tally, len(sets))
	for i, d := range sets {
		var err error
		if want[i], err = b.fill(ctx, d, 0); err != nil {
			return err
		}
	}
	if len(names) < 3 {
		sets = sets[:1] // the strings are there, as in the other case
	}
	samples := make([]map[string][]sample, len(sets))
	for i := range samples {
		samples[i] = make(map[string][]sample)
	}
	for run := range b.runs {
		fmt.Fprintf(b.log, "run %d of %d\n", run+1, b.runs)
		for i, d := range sets {
			calls := make(map[string]map[string]int64)
			for _, name := range names {
				s, sent, err := b.sample(ctx, name, d, want[i])
				if err != nil {
					return err
				}
				samples[i][name] = append(samples[i][name], s)
				calls[name] = sent
			}
			if !maps.Equal(calls["floor"], calls["ours"]) {
				return fmt.Errorf("floor sent %v, ours %v: bring floor.go up to date with what ours asks", calls["floor"], calls["ours"])
			}
		}
	}
	for i, d := range sets {
		title := fmt.Sprintf("%d strings", d.Rows)
		if d.isHash() {
			title = fmt.Sprintf("%d hashes, %d of %d fields", d.Rows, d.Take, d.Fields)
		}
		var summaries []summary
		for _, name := range names {
			summaries = append(summaries, summarize(name, samples[i][name]))
		}
		fmt.Fprintln(b.out)
		if err := printSpeed(b.out, title, summaries); err != nil {
			return err
		}
	}
	return nil
}

// sample runs a reader once and makes sure that it has read what was written.
// It returns what the servers were asked, too.
func (b *bench) sample(ctx context.Context, reader string, d dataset, want tally) (sample, map[string]int64, error) {
	t := task{Reader: reader, Data: d, HashCommand: b.hashCommand}
	if b.profiles != "" {
		t.Profile = filepath.Join(b.profiles, reader+"-"+strings.TrimSuffix(d.Prefix, ":"))
	}
	return b.run(ctx, "", t, want)
}

// run runs a task in a process of a program, or "" for this one.
func (b *bench) run(ctx context.Context, program string, t task, want tally) (sample, map[string]int64, error) {
	for _, m := range b.topology.Masters {
		t.Masters = append(t.Masters, m.Addr)
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
	return sample{figures: f, server: done.cpu}, done.calls, nil
}

// memory compares a scan of few keys with one of many.
func (b *bench) memory(ctx context.Context) error {
	var (
		summaries []summary
		want      tally
		have      int
	)
	for _, rows := range []int{b.few, b.many} {
		d := dataset{Prefix: "user:", Rows: rows, Fields: 3, Take: 3}
		written, err := b.fill(ctx, d, have)
		if err != nil {
			return err
		}
		want.add(written)
		have = rows
		var samples []sample
		for range min(b.runs, 3) {
			s, _, err := b.sample(ctx, "ours", d, want)
			if err != nil {
				return err
			}
			samples = append(samples, s)
		}
		summaries = append(summaries, summarize("ours", samples))
	}
	fmt.Fprintln(b.out)
	return printMemory(b.out, summaries[0], summaries[1])
}
