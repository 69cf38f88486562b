package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/enumeration"
	"github.com/redisarrow/redisarrow/iterator"
)

// plan is what an export would do: what --dry-run prints.
type plan struct {
	output   string
	format   string
	row      rows
	scan     iterator.Config
	commands []string // by which keys would be read
	report   *cluster.Report
}

// dryRun finds out what an export would do, as far as that can be known before
// keys are listed, and does nothing of it. What an export would refuse at its
// beginning, it refuses.
func (a *app) dryRun(ctx context.Context, f *exportFlags, row rows, format outputFormat, options cluster.Options) error {
	rdb, err := dial(ctx, options)
	if err != nil {
		return err
	}
	defer rdb.Close()
	if row == nil {
		if row, err = a.inferRows(ctx, rdb, f, nil); err != nil {
			return err
		}
	}
	it, err := row.open(ctx, rdb, f.scan)
	if err != nil {
		return err
	}
	defer it.Release()
	report, err := cluster.Check(ctx, rdb)
	if err != nil {
		return err
	}
	a.censor(report)
	if err := checkWay(report, f.scan.Enumerate); err != nil {
		return err
	}
	p := plan{output: f.output, format: format.name, row: row, scan: f.scan, commands: it.Commands(), report: report}
	if _, err := a.stdout.WriteString(p.String()); err != nil {
		return fmt.Errorf("writing the plan: %w", err)
	}
	if report.Verdict == cluster.VerdictNo {
		return statusError(exitIncomplete)
	}
	return nil
}

// checkWay is the error of a scan whose way a master hasn't got.
func checkWay(report *cluster.Report, way iterator.Enumeration) error {
	if way == iterator.AutoEnumerate || !report.Cluster {
		return nil
	}
	for i := range report.Nodes {
		n := &report.Nodes[i]
		var server enumeration.Server
		switch n.Server {
		case "redis":
			server.Redis = n.Version
		case "valkey":
			server.Valkey = n.Version
		default: // nothing is known of it
			continue
		}
		if n.Role == "master" && n.Version != "" && !slices.Contains(server.Ability(true).Ways(true, true), way) {
			return &cluster.NodeError{Addr: n.Addr, Command: "enumerate", Err: fmt.Errorf("%w: %v", iterator.ErrEnumerate, way)}
		}
	}
	return nil
}

// String is the plan for people.
func (p *plan) String() string {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(t, "%s\t"+format+"\n", append([]any{name}, args...)...)
	}
	output := p.output
	if output == standardOutput {
		output = "standard output"
	}
	line("would write", "%s, as %s", plain(output), p.format)
	line("keys", "%s that match %s", p.row.noun(), plain(p.scan.Pattern))
	line("columns", "%s", plain(p.row.String()))
	line("commands", "%s", strings.Join(p.commands, ", "))
	line("masters", "%s", p.pace())
	line("read from", "%v", p.scan.ReadFrom)
	line("bad cells", "%v", p.scan.OnParseError)
	line("promise", "%s", strings.TrimSuffix(promise(p.report), " below")+p.health())
	_ = t.Flush()
	b.WriteByte('\n')
	p.nodes().print(&b)
	b.WriteString("\nNothing was exported.\n")
	return b.String()
}

// health says where the findings are, if there are any.
func (p *plan) health() string {
	if p.report.Verdict == cluster.VerdictYes {
		return ""
	}
	return " (redisarrow health)"
}

// pace is how many masters are read at once, and how fast at most.
func (p *plan) pace() string {
	text := fmt.Sprintf("%d at a time", max(p.scan.Concurrency, 1))
	if p.scan.Concurrency == iterator.AllMasters {
		text = "all at once"
	}
	if p.scan.Duty > 0 && p.scan.Duty < 1 {
		text += fmt.Sprintf(", %g of their time", p.scan.Duty)
	}
	if p.scan.MaxKeysPerSecond > 0 {
		text += fmt.Sprintf(", at most %d keys a second", p.scan.MaxKeysPerSecond)
	}
	return text
}

// nodes are the masters that would be asked. How many of their keys match isn't
// known before they are listed.
func (p *plan) nodes() *grid {
	g := &grid{
		right: []bool{false, true, true, false},
		lines: [][]string{{"node", "slots", "keys of all kinds", "way"}},
	}
	for i := range p.report.Nodes {
		n := &p.report.Nodes[i]
		slots := n.Slots
		if !p.scan.Slots.Empty() {
			slots = slots.Intersect(p.scan.Slots)
		}
		if n.Role != "master" || slots.Empty() && p.report.Cluster {
			continue
		}
		way := n.Way
		if p.scan.Enumerate != iterator.AutoEnumerate {
			way = p.scan.Enumerate.String()
		}
		g.lines = append(g.lines, []string{shortAddr(n), strconv.Itoa(slots.Len()), cmp.Or(count(n.Keys), "?"), cmp.Or(way, "?")})
	}
	return g
}
