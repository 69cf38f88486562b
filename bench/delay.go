package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// roundTrip is the distance to the servers in the part with a delay.
const roundTrip = 10 * time.Millisecond

// delayed is what a reader came to through a line without delay, and through one
// with it.
type delayed struct {
	server, reader string
	near, far      []sample
}

// ratio is the median of the far rows/s against the near ones.
func (d delayed) ratio() float64 {
	ratios := make([]float64, len(d.far))
	for i := range d.far {
		ratios[i] = rate(d.far[i]) / rate(d.near[i])
	}
	return medianOf(ratios)
}

// throughDelay compares reading from servers nearby with reading from far ones.
func (b *bench) throughDelay(ctx context.Context) error {
	w := workload{name: "delay", read: dataset{Prefix: "user:", Rows: b.delayRows, Fields: userFields, Take: userFields}}
	want, err := b.fill(ctx, w.read, 0)
	if err != nil {
		return err
	}
	near, err := b.lines(0)
	defer near.close()
	if err != nil {
		return err
	}
	far, err := b.lines(roundTrip / 2)
	defer far.close()
	if err != nil {
		return err
	}
	results := []delayed{{server: b.server.Name, reader: oursReader}, {server: b.server.Name, reader: idiomaticReader}}
	for run := range b.runs {
		fmt.Fprintf(b.log, "delay, run %d of %d\n", run+1, b.runs)
		for i := range results {
			d := &results[i]
			for _, through := range []struct {
				lines lines
				to    *[]sample
			}{{near, &d.near}, {far, &d.far}} {
				s, _, err := b.run(ctx, nil, task{Reader: d.reader, Data: w.read, Through: through.lines.addrs()}, want)
				if err != nil {
					return err
				}
				*through.to = append(*through.to, s)
			}
		}
	}
	b.delays = append(b.delays, results...)
	b.verdicts = append(b.verdicts, verdict{b.server.Name, "delay", fmt.Sprintf("rows/s with a round trip of %v, of those with none", roundTrip), results[0].ratio(), least(0.9)})
	return nil
}

// lines are those to the masters, by the masters' addresses.
type lines map[string]*line

func (b *bench) lines(delay time.Duration) (lines, error) {
	all := make(lines)
	for _, m := range b.topology.Masters {
		var err error
		if all[m.Addr], err = newLine(m.Addr, delay); err != nil {
			delete(all, m.Addr)
			return all, err
		}
	}
	return all, nil
}

func (l lines) addrs() map[string]string {
	addrs := make(map[string]string)
	for to, line := range l {
		addrs[to] = line.addr()
	}
	return addrs
}

func (l lines) close() {
	for _, line := range l {
		line.close()
	}
}

func printDelays(w io.Writer, delays []delayed) error {
	if len(delays) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "\nthrough a line\tkeys\treader\trows/s, no delay\trows/s, round trip of %v\tratio\t\n", roundTrip)
	for _, d := range delays {
		fmt.Fprintf(t, "%s\t%d\t%s\t%.0f\t%.0f\t%.2f\t\n", d.server, d.near[0].Tally.Rows, d.reader, median(d.near, rate), median(d.far, rate), d.ratio())
	}
	return t.Flush()
}
