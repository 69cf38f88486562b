package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// sample is one run of one reader.
type sample struct {
	figures
	server time.Duration // CPU of the servers' main threads
}

// summary is the medians of a reader's runs, each taken for itself.
type summary struct {
	reader                             string
	rate, cpu, server                  float64 // rows/s; µs a row
	allocs, bytes                      float64 // a row
	totalAllocs, totalBytes, peakBytes float64
	rows                               float64
}

func summarize(reader string, samples []sample) summary {
	rows := float64(samples[0].Tally.Rows)
	of := func(get func(sample) float64) float64 { return median(samples, get) }
	s := summary{
		reader:      reader,
		rows:        rows,
		rate:        rows / of(func(s sample) float64 { return s.Wall.Seconds() }),
		cpu:         of(func(s sample) float64 { return micros(s.CPU) }) / rows,
		server:      of(func(s sample) float64 { return micros(s.server) }) / rows,
		totalAllocs: of(func(s sample) float64 { return float64(s.Allocs) }),
		totalBytes:  of(func(s sample) float64 { return float64(s.Bytes) }),
		peakBytes:   of(func(s sample) float64 { return float64(s.Peak) }),
	}
	s.allocs, s.bytes = s.totalAllocs/rows, s.totalBytes/rows
	return s
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func median[T any, V cmp.Ordered](samples []T, get func(T) V) V {
	values := make([]V, len(samples))
	for i, s := range samples {
		values[i] = get(s)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

const mib = 1 << 20

// printSpeed prints a line for each reader, with the ratios that count.
func printSpeed(w io.Writer, title string, summaries []summary) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "%s\trows/s\tclient CPU µs/row\tof floor\tof idiomatic\tserver CPU µs/row\tallocs/row\tbytes/row\tpeak MiB\t\n", title)
	for _, s := range summaries {
		fmt.Fprintf(t, "%s\t%.0f\t%.2f\t%s\t%s\t%.2f\t%.2f\t%.0f\t%.1f\t\n",
			s.reader, s.rate, s.cpu, ratio(s, summaries, "floor"), ratio(s, summaries, "idiomatic"), s.server, s.allocs, s.bytes, s.peakBytes/mib)
	}
	return t.Flush()
}

func ratio(s summary, summaries []summary, reader string) string {
	for _, other := range summaries {
		if other.reader == reader {
			return fmt.Sprintf("%.2f", s.cpu/other.cpu)
		}
	}
	return "-"
}

// printMemory prints what a scan of few keys takes beside one of many.
func printMemory(w io.Writer, few, many summary) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "memory, ours\trows/s\tclient CPU µs/row\tallocs\tMiB allocated\tpeak MiB\t\n")
	for _, s := range []summary{few, many} {
		fmt.Fprintf(t, "%.0f keys\t%.0f\t%.2f\t%.0f\t%.1f\t%.1f\t\n", s.rows, s.rate, s.cpu, s.totalAllocs, s.totalBytes/mib, s.peakBytes/mib)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	more := many.rows - few.rows
	_, err := fmt.Fprintf(w, "each further row: %.4f allocations, %.1f bytes; the peak: %.2f times, %+.1f MiB\n",
		(many.totalAllocs-few.totalAllocs)/more, (many.totalBytes-few.totalBytes)/more, many.peakBytes/few.peakBytes, (many.peakBytes-few.peakBytes)/mib)
	return err
}
