package iterator

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/redisarrow/redisarrow/internal/scan"
)

// Counters count what a scan has met; all of them only grow.
type Counters = scan.Counters

// NodeStats are the counters of one master, and how it was enumerated.
type NodeStats = scan.NodeStats

// Stats are the counters of a scan: in sum, and master by master in the order
// in which they were met. They run ahead of the batches handed out, by the
// batches under way.
//
// As JSON they have the names below, which stay: more may come. The counters
// stand beside the others, "scanned", "rows", "vanished", "wrong_type",
// "parse_failures", "large_values", "skipped_rows", "duplicates", "foreign",
// "redirects", "retries" and "bytes"; each of the nodes has them, too, with its
// "addr", "ways", "commands", "unguarded" and "replica". Ways have the names that
// [ParseEnumeration] reads.
type Stats struct {
	Counters
	Nodes       []NodeStats `json:"nodes"`        // the counters of each node that was read
	Surveys     int64       `json:"surveys"`      // how often all masters were asked who owns which slot
	Reread      int64       `json:"slots_reread"` // slots read again, because the cluster had changed while they were read
	LedgerBytes int64       `json:"ledger_bytes"` // the most that the keys to be remembered have taken, in bytes

	// Progress is about the share of the scan that has been done, from 0 to 1. It goes
	// by slots that have been listed, whatever Pattern and Slots are; in a SCAN of a
	// whole node by the place that its cursor has come to; and with MaxRows by rows,
	// if they are further on. It falls where slots have to be read again. With Resume
	// it is of what was left. Servers that are neither Redis nor Valkey may have
	// cursors that don't tell.
	Progress float64 `json:"progress"`
}

func newStats(of scan.Stats) Stats {
	s := Stats{Nodes: of.Nodes, Surveys: of.Surveys, Reread: of.Reread, LedgerBytes: of.LedgerBytes, Progress: of.Progress}
	for _, n := range of.Nodes {
		s.Add(n.Counters)
	}
	return s
}

// String is the stats as a table for people: a line for each node, and one for all.
// Counters that are 0 everywhere are left out.
func (s Stats) String() string {
	columns := []struct {
		name  string
		shown bool
		of    func(*Counters) int64
	}{
		{"keys", true, func(c *Counters) int64 { return c.Scanned }},
		{"rows", true, func(c *Counters) int64 { return c.Rows }},
		{"vanished", false, func(c *Counters) int64 { return c.Vanished }},
		{"wrong type", false, func(c *Counters) int64 { return c.WrongType }},
		{"parse failures", false, func(c *Counters) int64 { return c.ParseFailures }},
		{"large values", false, func(c *Counters) int64 { return c.LargeValues }},
		{"skipped rows", false, func(c *Counters) int64 { return c.SkippedRows }},
		{"duplicates", false, func(c *Counters) int64 { return c.Duplicates }},
		{"foreign", false, func(c *Counters) int64 { return c.Foreign }},
		{"redirects", false, func(c *Counters) int64 { return c.Redirects }},
		{"retries", false, func(c *Counters) int64 { return c.Retries }},
		{"bytes", true, func(c *Counters) int64 { return c.Bytes }},
	}
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	line := func(node, listed, read string, cell func(i int) any) {
		fmt.Fprintf(t, "%s\t%s\t%s", node, listed, read)
		for i := range columns {
			if columns[i].shown || columns[i].of(&s.Counters) != 0 {
				fmt.Fprintf(t, "\t%v", cell(i))
			}
		}
		fmt.Fprintln(t)
	}
	line("node", "listed by", "read by", func(i int) any { return columns[i].name })
	for i := range s.Nodes {
		n := &s.Nodes[i]
		name := n.Addr
		if n.Replica {
			name += " (replica)"
		}
		line(name, joined(n.Enumerations), joined(n.Commands), func(i int) any { return columns[i].of(&n.Counters) })
	}
	line("all", "-", "-", func(i int) any { return columns[i].of(&s.Counters) })
	_ = t.Flush() // into memory
	return b.String()
}

// joined are things with commas between them, "-" for none.
func joined[T any](things []T) string {
	if len(things) == 0 {
		return "-"
	}
	var texts []string
	for _, t := range things {
		texts = append(texts, fmt.Sprint(t))
	}
	return strings.Join(texts, ",")
}
