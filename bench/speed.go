package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/redisarrow/redisarrow/internal/testcluster"
)

// Names of readers.
const (
	floorReader     = "floor"
	idiomaticReader = "idiomatic"
	oursReader      = "ours"
)

// comparison is what the readers of a workload came to on a server.
type comparison struct {
	server   testcluster.Server
	workload string
	readers  []string
	samples  map[string][]sample // of each reader, as many as there were runs
}

// sample is one run of one reader.
type sample struct {
	figures
	server float64 // µs of CPU of the servers' main threads
}

// speed compares the readers.
func (b *bench) speed(ctx context.Context) error {
	for _, w := range b.workloads {
		want, err := b.world(ctx, w)
		if err != nil {
			return err
		}
		c, err := b.turns(ctx, w, want)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		b.add(c)
	}
	return nil
}

// turns lets the readers read by turns.
func (b *bench) turns(ctx context.Context, w workload, want tally) (comparison, error) {
	c := comparison{
		server: b.server, workload: w.name, samples: make(map[string][]sample),
		readers: []string{floorReader, idiomaticReader, oursReader},
	}
	for _, p := range b.peers {
		c.readers = append(c.readers, p.name)
	}
	// The first run isn't counted: it shows how ours asks.
	_, calls, err := b.sample(ctx, oursReader, w, method{}, want)
	if err != nil {
		return c, err
	}
	how, err := methodOf(calls)
	if err != nil {
		return c, err
	}
	for run := range b.runs {
		fmt.Fprintf(b.log, "%s, run %d of %d\n", w.name, run+1, b.runs)
		sent := make(map[string]map[string]int64)
		turn := slices.Concat(c.readers[run%len(c.readers):], c.readers[:run%len(c.readers)])
		for _, reader := range turn {
			s, calls, err := b.sample(ctx, reader, w, how, want)
			if err != nil && b.isPeer(reader) && ctx.Err() == nil {
				b.leaveOut(fmt.Sprintf("%s, %s on %s", reader, w.name, b.server.Name), err)
				c.readers = slices.DeleteFunc(c.readers, func(name string) bool { return name == reader })
				delete(c.samples, reader)
				continue
			}
			if err != nil {
				return c, err
			}
			sent[reader] = calls
			c.samples[reader] = append(c.samples[reader], s)
		}
		if err := sameKeys(sent[floorReader], sent[oursReader]); err != nil {
			return c, err
		}
	}
	return c, nil
}

// sample runs a reader once.
func (b *bench) sample(ctx context.Context, reader string, w workload, how method, want tally) (sample, map[string]int64, error) {
	t := task{Reader: reader, Data: w.read, HashCommand: b.hashCommand, Method: how}
	if b.profiles != "" {
		t.Profile = filepath.Join(b.profiles, reader+"-"+w.name)
	}
	return b.run(ctx, b.program(reader), t, want)
}
