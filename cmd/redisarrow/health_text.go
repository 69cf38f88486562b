package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/redisarrow/redisarrow/cluster"
)

const (
	healthWidth = 100 // findings are wrapped there, and the table mostly fits
	addrWidth   = 30
	slotsWidth  = 60 // of a set of slots
	namedNodes  = 4  // in a finding
)

// healthText is a report for people: the verdict, the nodes, the findings.
func healthText(r *cluster.Report) string {
	var b strings.Builder
	for _, line := range [][2]string{
		{"promise", promise(r)},
		{"slots", fmt.Sprintf("%d of %d covered", r.SlotsCovered, r.SlotsTotal)},
		{"nodes", nodes(r)},
		{"keys", count(r.Keys)},
		{"version", strings.Join(r.Versions, ", ")},
	} {
		if line[1] == "" {
			line[1] = "unknown"
		}
		fmt.Fprintf(&b, "%-9s %s\n", line[0], plain(line[1]))
	}
	b.WriteByte('\n')
	nodesTable(r).print(&b)
	for _, f := range r.Findings {
		b.WriteByte('\n')
		b.WriteString(finding(f))
	}
	return b.String()
}

func promise(r *cluster.Report) string {
	numbers := map[cluster.Severity]int{}
	for _, f := range r.Findings {
		numbers[f.Severity]++
	}
	switch r.Verdict {
	case cluster.VerdictYes:
		return "yes: a scan that begins now can keep its promise"
	case cluster.VerdictWeakened:
		return fmt.Sprintf("yes, but see %s below", plural(numbers[cluster.Warning], "warning"))
	default:
		return fmt.Sprintf("no: a scan that begins now can't keep its promise, see %s below", plural(numbers[cluster.Problem], "problem"))
	}
}

func nodes(r *cluster.Report) string {
	if !r.Cluster {
		return "a single server, not part of a cluster"
	}
	text := plural(r.Masters, "master") + ", " + plural(r.Replicas, "replica")
	silent := 0
	for i := range r.Nodes {
		if r.Nodes[i].Error != "" {
			silent++
		}
	}
	if silent > 0 {
		text += fmt.Sprintf("; %d can't be asked", silent)
	}
	return text
}

func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// grid is a table with columns on the left or on the right.
type grid struct {
	right []bool
	lines [][]string
}

func (g *grid) print(b *strings.Builder) {
	widths := make([]int, len(g.right))
	for _, line := range g.lines {
		for c, text := range line {
			widths[c] = max(widths[c], utf8.RuneCountInString(text))
		}
	}
	for _, line := range g.lines {
		var out strings.Builder
		for c, text := range line {
			if c > 0 {
				out.WriteString("  ")
			}
			room := strings.Repeat(" ", widths[c]-utf8.RuneCountInString(text))
			if g.right[c] {
				out.WriteString(room + text)
			} else {
				out.WriteString(text + room)
			}
		}
		b.WriteString(strings.TrimRight(out.String(), " ") + "\n")
	}
}

// nodesTable has a line for each node. The version has a column if it isn't the
// same everywhere.
func nodesTable(r *cluster.Report) *grid {
	columns := []struct {
		title string
		right bool
		cell  func(n *cluster.NodeReport) string
	}{
		{"node", false, func(n *cluster.NodeReport) string { return shortAddr(n) }},
		{"role", false, func(n *cluster.NodeReport) string { return n.Role }},
		{"state", false, func(n *cluster.NodeReport) string { return string(n.State) }},
		{"slots", true, slotCount},
		{"keys", true, func(n *cluster.NodeReport) string { return short(n.Keys, 1000, 100_000) }},
		{"memory", true, func(n *cluster.NodeReport) string { return short(n.UsedMemoryBytes, 1024, 1024) }},
		{"clients", true, func(n *cluster.NodeReport) string { return count(n.ConnectedClients) }},
		{"ops/s", true, func(n *cluster.NodeReport) string { return short(n.OperationsPerSecond, 1000, 100_000) }},
		{"version", false, func(n *cluster.NodeReport) string { return n.Version }},
		{"way", false, func(n *cluster.NodeReport) string { return n.Way }},
		{"copies", false, func(n *cluster.NodeReport) string { return copies(n, r.Cluster) }},
	}
	if len(r.Versions) <= 1 {
		columns = slices.Delete(columns, 8, 9)
	}
	g := &grid{lines: make([][]string, 1+len(r.Nodes))}
	for _, c := range columns {
		g.right = append(g.right, c.right)
		g.lines[0] = append(g.lines[0], c.title)
		for i := range r.Nodes {
			text := plain(c.cell(&r.Nodes[i]))
			if text == "" {
				text = "-"
			}
			g.lines[1+i] = append(g.lines[1+i], text)
		}
	}
	return g
}

// shortAddr is the node's address, without the middle of a long name.
func shortAddr(n *cluster.NodeReport) string {
	text := plain(n.Addr)
	if text == "" {
		text = plain(n.ID)
	}
	runes := []rune(text)
	if len(runes) <= addrWidth {
		return text
	}
	const end = 8 // the port, and a little of the name
	return string(runes[:addrWidth-end-1]) + "…" + string(runes[len(runes)-end:])
}

func slotCount(n *cluster.NodeReport) string {
	if n.SlotCount == 0 && n.Role != "master" {
		return ""
	}
	return strconv.Itoa(n.SlotCount)
}

// copies is how many replicas a master has, or how far a replica is. Outside of
// clusters it isn't known who else there is.
func copies(n *cluster.NodeReport, inCluster bool) string {
	switch {
	case n.Error != "", n.Role == "master" && (!inCluster || slices.Contains(n.Denied, "CLUSTER NODES")):
		return ""
	case n.Role == "master":
		return strconv.Itoa(n.Replicas)
	case n.ReplicaLinkUp == nil:
		return ""
	case !*n.ReplicaLinkUp:
		return "no link"
	case n.ReplicaLagBytes != nil && *n.ReplicaLagBytes > 0:
		return "-" + short(n.ReplicaLagBytes, 1024, 1024)
	default:
		return "in step"
	}
}

func count(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}

// short is a number with a letter for its power of unit, if it is from or more.
func short(n *int64, unit float64, from int64) string {
	if n == nil || *n < from {
		return count(n)
	}
	size, power := float64(*n)/unit, 0
	for size >= unit && power < len(binaryUnits)-1 {
		size /= unit
		power++
	}
	return fmt.Sprintf("%.1f%c", size, binaryUnits[power])
}

// finding is what it concerns in one line, and what to do about it below.
func finding(f cluster.Finding) string {
	const indent = "         "
	var what []string
	if !f.Slots.Empty() {
		slots := f.Slots.String()
		if len(slots) > slotsWidth {
			slots = slots[:strings.LastIndexByte(slots[:slotsWidth], ',')] + ",…"
		}
		what = append(what, "slots "+slots)
	}
	if len(f.Commands) > 0 {
		what = append(what, strings.Join(f.Commands, ", "))
	}
	if len(f.Nodes) > 0 {
		shown := f.Nodes[:min(len(f.Nodes), namedNodes)]
		text := "on " + strings.Join(shown, ", ")
		if more := len(f.Nodes) - len(shown); more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		what = append(what, text)
	}
	head := fmt.Sprintf("%-7s  %s", f.Severity, f.Code)
	if len(what) > 0 {
		head += ": " + strings.Join(what, ", ")
	}
	return wrap(plain(head), "", indent) + wrap(plain(f.Text), indent, indent)
}

// wrap breaks text between words, so that lines have at most healthWidth
// characters where words allow it. What stands in one blank stays together.
func wrap(text, first, indent string) string {
	var b strings.Builder
	line := first
	empty := true
	for i, word := range strings.Split(text, " ") {
		if !empty && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > healthWidth {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line, empty = indent, true
		}
		if i > 0 && !empty {
			line += " "
		}
		line += word
		empty = false
	}
	b.WriteString(line + "\n")
	return b.String()
}

// plain is text from a server that can't upset a terminal.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
