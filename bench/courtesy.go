package main

import (
	"context"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"
)

// What another client of a master notices of a scan: its GETs are timed without a
// scan, during a scan, and during a scan with Duty, in turns. Server, client and
// scanner are processes of their own. The scanner goes over the one master that
// the client asks, again and again, and gives way to the client and to the server
// wherever they want a CPU (nice 19, one thread that runs Go), so that it is the
// server's time that is measured, and not the machine's.

// duty is the share that is measured.
const duty = 0.2

// circumstances are those in which the client's GETs are timed.
var circumstances = []struct {
	name string
	scan bool
	duty float64
}{
	{"no scan", false, 0},
	{fmt.Sprintf("scan, Duty %v", duty), true, duty},
	{"scan", true, 0},
}

// noticed is what was measured once.
type noticed struct {
	p50, p99, p999 time.Duration
	rate           float64 // rows/s of the scan
	busy           float64 // the masters' CPU time by the time that passed
}

func (b *bench) courtesy(ctx context.Context) error {
	d := dataset{Prefix: "user:", Rows: b.rows, Fields: userFields, Take: userFields}
	hot := dataset{Prefix: "hot:", Rows: min(b.rows, hotKeys)}
	for _, d := range []dataset{d, hot} {
		if _, err := b.fill(ctx, d, 0); err != nil {
			return err
		}
	}
	samples := make([][]noticed, len(circumstances))
	for run := range b.runs {
		fmt.Fprintf(b.log, "run %d of %d\n", run+1, b.runs)
		for k := range circumstances {
			i := (run + k) % len(circumstances)
			s, err := b.notice(ctx, d, hot, circumstances[i].scan, circumstances[i].duty)
			if err != nil {
				return fmt.Errorf("%s: %w", circumstances[i].name, err)
			}
			samples[i] = append(samples[i], s)
		}
	}
	t := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "\n%s, GETs of another client, µs\tp50\tp99\tp999\tp50, ratio\tp99, ratio\tp999, ratio\tscan, rows/s\tservers' CPU\t\n", b.server.Name)
	for i, c := range circumstances {
		fmt.Fprintf(t, "%s\t", c.name)
		percentiles := []func(noticed) time.Duration{
			func(s noticed) time.Duration { return s.p50 },
			func(s noticed) time.Duration { return s.p99 },
			func(s noticed) time.Duration { return s.p999 },
		}
		for _, of := range percentiles {
			fmt.Fprintf(t, "%.0f\t", median(samples[i], func(s noticed) float64 { return micros(of(s)) }))
		}
		for _, of := range percentiles {
			var ratios []float64
			for run, s := range samples[i] {
				ratios = append(ratios, float64(of(s))/float64(of(samples[0][run])))
			}
			fmt.Fprintf(t, "%.2f\t", medianOf(ratios))
		}
		fmt.Fprintf(t, "%.0f\t%.0f %%\t\n", median(samples[i], func(s noticed) float64 { return s.rate }), 100*median(samples[i], func(s noticed) float64 { return s.busy }))
	}
	return t.Flush()
}

// notice times GETs for a while, in one of the circumstances.
func (b *bench) notice(ctx context.Context, d, hot dataset, scan bool, duty float64) (s noticed, err error) {
	master := b.topology.Masters[0]
	var l *loop
	if scan {
		task := loopTask{Data: d, Slots: master.Slots.String(), Duty: duty}
		for _, m := range b.topology.Masters {
			task.Masters = append(task.Masters, m.Addr)
		}
		if l, err = startLoop(ctx, task); err != nil {
			return s, err
		}
		defer l.kill()
	}
	before, err := serverLoad(ctx, b.cluster)
	if err != nil {
		return s, err
	}
	begun := time.Now()
	g, err := startGetter(ctx, getterTask{Addr: master.Addr, Slots: master.Slots.String(), Keys: hot, For: b.period})
	if err != nil {
		return s, err
	}
	after, err := serverLoad(ctx, b.cluster)
	if err != nil {
		return s, err
	}
	s.busy = float64(after.since(before).cpu) / float64(time.Since(begun))
	if l != nil {
		done, err := l.end()
		if err != nil {
			return s, err
		}
		s.rate = float64(done.Rows) / done.Wall.Seconds()
	}
	slices.Sort(g.Took)
	at := func(share float64) time.Duration { return g.Took[int(share*float64(len(g.Took)-1))] }
	s.p50, s.p99, s.p999 = at(0.5), at(0.99), at(0.999)
	return s, nil
}
