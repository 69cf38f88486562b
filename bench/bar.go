package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/redisarrow/redisarrow/internal/testcluster"
)

// bar is what ours has to reach in a workload.
type bar struct {
	what     string
	workload string
	on       func(testcluster.Server) bool // nil means on all
	limit    limit
	of       func(comparison) (value float64, ok bool)
}

// limit is the most that a value may be, or the least.
type limit struct {
	value float64
	least bool
}

func most(v float64) limit  { return limit{value: v} }
func least(v float64) limit { return limit{value: v, least: true} }

func (l limit) met(v float64) bool {
	if l.least {
		return v >= l.value
	}
	return v <= l.value
}

func (l limit) String() string {
	if l.least {
		return fmt.Sprintf("≥ %v", l.value)
	}
	return fmt.Sprintf("≤ %v", l.value)
}

func onRedis(s testcluster.Server) bool  { return !s.Valkey }
func onValkey(s testcluster.Server) bool { return s.Valkey }
func onRedis70(s testcluster.Server) bool {
	return !s.Valkey && s.Major == 7 && s.Minor == 0
}

// oursAgainst is a ratio of ours to another reader.
func oursAgainst(other string, of func(sample) float64) func(comparison) (float64, bool) {
	return func(c comparison) (float64, bool) { return c.ratio(oursReader, other, of) }
}

func oursAlone(of func(sample) float64) func(comparison) (float64, bool) {
	return func(c comparison) (float64, bool) { return c.median(oursReader, of), true }
}

var bars = []bar{
	{"client CPU, of idiomatic", "hash7", nil, most(0.33), oursAgainst(idiomaticReader, cpuPerRow)},
	{"client CPU, of the floor", "hash7", nil, most(1.6), oursAgainst(floorReader, cpuPerRow)},
	{"wall, of server CPU", "hash7", onRedis, most(1.05), oursAlone(wallOfServer)},
	{"wall, of server CPU", "hash7", onValkey, most(1.15), oursAlone(wallOfServer)},
	{"server CPU, of SCAN + HGETALL", "hash7", onRedis70, most(0.85), oursAgainst(idiomaticReader, serverPerRow)},
	{"server CPU, of SCAN + GET", "strings", onRedis, most(0.72), oursAgainst(idiomaticReader, serverPerRow)},
	{"server CPU, of SCAN + GET", "strings", onValkey, most(0.65), oursAgainst(idiomaticReader, serverPerRow)},
	{"rows/s, of idiomatic", "hash7", nil, least(2), oursAgainst(idiomaticReader, rate)},
	{"rows/s, of redis-py with pyarrow", "hash7", nil, least(10), oursAgainst(redisPyReader, rate)},
	{"allocations per row", "hash7", nil, most(0.01), oursAlone(allocsPerRow)},
	{"bytes allocated, of the columns", "hash7", nil, most(1.05), oursAlone(bytesOfColumns)},
	{"client CPU, of idiomatic", "hash50", nil, most(0.5), oursAgainst(idiomaticReader, cpuPerRow)},
}

// verdict is a bar held against what was measured.
type verdict struct {
	server, workload, what string
	value                  float64
	limit                  limit
}

// judge holds the bars against a comparison.
func (r *report) judge(c comparison) {
	for _, bar := range bars {
		if bar.workload != c.workload || bar.on != nil && !bar.on(c.server) {
			continue
		}
		if v, ok := bar.of(c); ok {
			r.verdicts = append(r.verdicts, verdict{c.server.Name, bar.workload, bar.what, v, bar.limit})
		}
	}
}

func printVerdicts(w io.Writer, verdicts []verdict) error {
	if len(verdicts) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nbars\tof\tours\tmeasured\tbar\t")
	for _, v := range verdicts {
		met := "met"
		if !v.limit.met(v.value) {
			met = "not met"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%.3f\t%v\t%s\n", v.server, v.workload, v.what, v.value, v.limit, met)
	}
	return t.Flush()
}
