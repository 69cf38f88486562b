package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// report is what was measured, to be printed together.
type report struct {
	comparisons []comparison
	delays      []delayed
	memories    []remembered
	verdicts    []verdict
	leftOut     []string // why readers are missing
}

func (r *report) add(c comparison) {
	r.comparisons = append(r.comparisons, c)
	r.judge(c)
}

const mib = 1 << 20

// print prints a line for each reader and workload, with the ratios that count,
// and which bars are met.
func (r *report) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\n\t\t\tclient CPU\tof\tof\tserver CPU\tof\trows/s\tof\twall of\tallocs\tbytes\tof the\tpeak\t")
	fmt.Fprintln(t, "server\tworkload\treader\tµs/row\tfloor\tidiomatic\tµs/row\tidiomatic\t\tidiomatic\tserver CPU\t/row\t/row\tcolumns\tMiB\t")
	for _, c := range r.comparisons {
		for _, reader := range c.readers {
			printReader(t, c, reader)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, why := range r.leftOut {
		fmt.Fprintln(w, "left out:", why)
	}
	if err := printDelays(w, r.delays); err != nil {
		return err
	}
	if err := printMemories(w, r.memories); err != nil {
		return err
	}
	return printVerdicts(w, r.verdicts)
}

func printReader(w io.Writer, c comparison, reader string) {
	fmt.Fprintf(w, "%s\t%s\t%s\t", c.server.Name, c.workload, reader)
	fmt.Fprintf(w, "%.2f\t%s\t%s\t", c.median(reader, cpuPerRow), c.against(reader, floorReader, cpuPerRow), c.against(reader, idiomaticReader, cpuPerRow))
	fmt.Fprintf(w, "%.2f\t%s\t", c.median(reader, serverPerRow), c.against(reader, idiomaticReader, serverPerRow))
	fmt.Fprintf(w, "%.0f\t%s\t%.2f\t", c.median(reader, rate), c.against(reader, idiomaticReader, rate), c.median(reader, wallOfServer))
	if c.median(reader, allocsPerRow) == 0 {
		fmt.Fprint(w, "-\t-\t-\t") // another language
	} else {
		fmt.Fprintf(w, "%.3f\t%.0f\t", c.median(reader, allocsPerRow), c.median(reader, bytesPerRow))
		if c.median(reader, columnsPerRow) == 0 {
			fmt.Fprint(w, "-\t")
		} else {
			fmt.Fprintf(w, "%.2f\t", c.median(reader, bytesOfColumns))
		}
	}
	fmt.Fprintf(w, "%.1f\t\n", c.median(reader, peak))
}

// What is computed of a sample.

func perRow(what float64, s sample) float64 { return what / float64(s.Tally.Rows) }

func cpuPerRow(s sample) float64     { return perRow(micros(s.CPU), s) }
func serverPerRow(s sample) float64  { return perRow(s.server, s) }
func allocsPerRow(s sample) float64  { return perRow(float64(s.Allocs), s) }
func bytesPerRow(s sample) float64   { return perRow(float64(s.Bytes), s) }
func columnsPerRow(s sample) float64 { return perRow(float64(s.Columns), s) }
func rate(s sample) float64          { return float64(s.Tally.Rows) / s.Wall.Seconds() }

// wallOfServer is about 1 where the servers are busy all the time, one after
// another.
func wallOfServer(s sample) float64   { return micros(s.Wall) / s.server }
func bytesOfColumns(s sample) float64 { return float64(s.Bytes) / float64(s.Columns) }
func peak(s sample) float64           { return float64(s.Peak) / mib }

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// median is a reader's median of something.
func (c comparison) median(reader string, of func(sample) float64) float64 {
	return median(c.samples[reader], of)
}

// ratio is the median of what one reader came to against what the other came to
// in the same run.
func (c comparison) ratio(reader, other string, of func(sample) float64) (float64, bool) {
	a, b := c.samples[reader], c.samples[other]
	if len(a) == 0 || len(b) == 0 {
		return 0, false
	}
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = of(a[i]) / of(b[i])
	}
	return medianOf(ratios), true
}

func (c comparison) against(reader, other string, of func(sample) float64) string {
	if ratio, ok := c.ratio(reader, other, of); ok {
		return fmt.Sprintf("%.2f", ratio)
	}
	return "-"
}

func median[T any](samples []T, of func(T) float64) float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = of(s)
	}
	return medianOf(values)
}

func medianOf(of []float64) float64 {
	of = slices.Sorted(slices.Values(of))
	return (of[(len(of)-1)/2] + of[len(of)/2]) / 2
}
