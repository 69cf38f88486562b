package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
)

// remembered is what scans of few and of many keys take.
type remembered struct {
	server    string
	few, many []sample
}

// peaks compares a scan of few keys with one of many.
func (b *bench) peaks(ctx context.Context) error {
	r := remembered{server: b.server.Name}
	var want tally
	have := 0
	for _, part := range []struct {
		rows int
		to   *[]sample
	}{{b.few, &r.few}, {b.many, &r.many}} {
		w := workload{name: "memory", read: dataset{Prefix: "user:", Rows: part.rows, Fields: 3, Take: 3}}
		written, err := b.fill(ctx, w.read, have)
		if err != nil {
			return err
		}
		want.add(written)
		have = part.rows
		for range min(b.runs, 3) {
			s, _, err := b.sample(ctx, oursReader, w, method{}, want)
			if err != nil {
				return err
			}
			*part.to = append(*part.to, s)
		}
	}
	b.memories = append(b.memories, r)
	b.verdicts = append(b.verdicts,
		verdict{r.server, "memory", "peak, many keys against few", median(r.many, peak) / median(r.few, peak), most(1.1)},
		verdict{r.server, "memory", "peak, MiB", median(r.many, peak), most(64)})
	return nil
}

func printMemories(w io.Writer, memories []remembered) error {
	if len(memories) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\nmemory, ours\tkeys\trows/s\tclient CPU µs/row\tallocs\tMiB allocated\tpeak MiB\t")
	allocs := func(s sample) float64 { return float64(s.Allocs) }
	bytes := func(s sample) float64 { return float64(s.Bytes) }
	for _, r := range memories {
		for _, s := range [][]sample{r.few, r.many} {
			fmt.Fprintf(t, "%s\t%d\t%.0f\t%.2f\t%.0f\t%.1f\t%.1f\t\n", r.server, s[0].Tally.Rows,
				median(s, rate), median(s, cpuPerRow), median(s, allocs), median(s, bytes)/mib, median(s, peak))
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, r := range memories {
		more := float64(r.many[0].Tally.Rows - r.few[0].Tally.Rows)
		fmt.Fprintf(w, "%s, each further row: %.4f allocations, %.1f bytes; the peak: %.2f times, %+.1f MiB\n", r.server,
			(median(r.many, allocs)-median(r.few, allocs))/more, (median(r.many, bytes)-median(r.few, bytes))/more,
			median(r.many, peak)/median(r.few, peak), median(r.many, peak)-median(r.few, peak))
	}
	return nil
}
