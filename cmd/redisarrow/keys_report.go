package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/redisarrow/redisarrow/internal/keypattern"
	"github.com/redisarrow/redisarrow/internal/sample"
)

// keysReport is what there is, as --json has it. What isn't known is null.
type keysReport struct {
	Masters  int          `json:"masters"`
	Keys     *int64       `json:"keys"`     // of all masters, matching or not
	Looked   int64        `json:"looked"`   // keys that were listed
	Sampled  int          `json:"sampled"`  // keys that match and were asked about
	Whole    bool         `json:"whole"`    // these are all that match
	TimeOver bool         `json:"timeOver"` // --within was over first
	Patterns []keyPattern `json:"patterns"` // the most frequent first
	Others   int          `json:"others"`   // patterns beyond those
}

// keyPattern is the keys of a pattern and a type.
type keyPattern struct {
	Pattern    string  `json:"pattern"`
	Type       string  `json:"type"`
	Readable   bool    `json:"readable"` // by export
	Keys       int64   `json:"keys"`     // about how many there are
	Exact      bool    `json:"exact"`    // exactly so many
	AtLeast    bool    `json:"atLeast"`  // nothing is known of those that weren't looked at
	Sampled    int     `json:"sampled"`
	SizeUnit   string  `json:"sizeUnit,omitempty"`
	SizeMedian *int64  `json:"sizeMedian"`
	SizeMax    *int64  `json:"sizeMax"`
	Expiring   float64 `json:"expiring"` // the share of keys with a TTL, 0 to 1

	estimate float64
	expire   float64
	sizes    []int64
}

// newKeysReport puts together what was found out: the facts of each node of a
// sample.
func newKeysReport(s *sample.Sample, facts [][]sample.Fact) *keysReport {
	r := &keysReport{Masters: len(s.Nodes), TimeOver: s.Over(), Whole: s.Whole(), Patterns: []keyPattern{}}
	var names []string
	total, known := int64(0), true
	for i, n := range s.Nodes {
		total, known = total+max(n.Keys, 0), known && n.Keys >= 0
		r.Looked += n.Looked
		for _, f := range facts[i] {
			names = append(names, f.Name)
		}
		r.Whole = r.Whole && len(facts[i]) == len(n.Names)
	}
	if known {
		r.Keys = &total
	}
	patterns := keypattern.Of(names)
	byPattern := map[[2]string]*keyPattern{}
	for i, n := range s.Nodes {
		estimate, sure, known := n.Estimate()
		sure = sure && n.Found == int64(len(facts[i]))
		for _, f := range facts[i] {
			pattern := patterns[0]
			patterns = patterns[1:]
			if f.Type == "" {
				continue
			}
			r.Sampled++
			p := byPattern[[2]string{pattern, f.Type}]
			if p == nil {
				p = &keyPattern{Pattern: pattern, Type: f.Type, Exact: true, Readable: f.Type == "hash" || f.Type == "string"}
				byPattern[[2]string{pattern, f.Type}] = p
			}
			p.add(f, estimate/float64(len(facts[i])))
			p.Exact = p.Exact && sure
			p.AtLeast = p.AtLeast || !known
		}
	}
	for _, p := range byPattern {
		r.Patterns = append(r.Patterns, p.sum())
	}
	slices.SortFunc(r.Patterns, func(a, b keyPattern) int {
		return cmp.Or(cmp.Compare(b.Keys, a.Keys), cmp.Compare(a.Pattern, b.Pattern), cmp.Compare(a.Type, b.Type))
	})
	if more := len(r.Patterns) - shownPatterns; more > 0 {
		r.Others = more
		r.Patterns = r.Patterns[:shownPatterns]
	}
	return r
}

// add adds a key, which stands for so many.
func (p *keyPattern) add(f sample.Fact, weight float64) {
	p.Sampled++
	p.estimate += weight
	if f.Expires {
		p.expire += weight
	}
	switch {
	case f.Size < 0:
	case p.SizeUnit == "" || p.SizeUnit == string(f.Unit):
		p.SizeUnit = string(f.Unit)
		p.sizes = append(p.sizes, f.Size)
	}
}

func (p *keyPattern) sum() keyPattern {
	p.Keys = max(int64(math.Round(p.estimate)), int64(p.Sampled))
	p.Expiring = math.Round(1000*p.expire/p.estimate) / 1000
	if len(p.sizes) > 0 {
		slices.Sort(p.sizes)
		p.SizeMedian, p.SizeMax = &p.sizes[len(p.sizes)/2], &p.sizes[len(p.sizes)-1]
	}
	return *p
}

// text is the report for people.
func (r *keysReport) text() string {
	var b strings.Builder
	keys := "unknown"
	if r.Keys != nil {
		keys = strconv.FormatInt(*r.Keys, 10)
	}
	looked := fmt.Sprintf("%s of %s looked at", plural(r.Sampled, "matching key"), plural(int(r.Looked), "key"))
	switch {
	case r.Whole && r.Sampled == int(r.Looked):
		looked = "all of them"
	case r.Whole:
		looked += ": all that match"
	case r.TimeOver:
		looked += " until the time was over: allow for more with --within"
	}
	fmt.Fprintf(&b, "keys     %s on %s\nsample   %s\n", keys, plural(r.Masters, "master"), looked)
	if len(r.Patterns) == 0 {
		return b.String()
	}
	b.WriteByte('\n')
	r.grid().print(&b)
	if r.Others > 0 {
		fmt.Fprintf(&b, "\nand %s more: narrow the keys with --pattern\n", plural(r.Others, "pattern"))
	}
	if slices.ContainsFunc(r.Patterns, func(p keyPattern) bool { return !p.Readable }) {
		b.WriteString("\nexport reads hashes and strings; keys of other types are left out.\n")
	}
	return b.String()
}

func (r *keysReport) grid() *grid {
	total := 0.0
	for i := range r.Patterns {
		total += r.Patterns[i].estimate
	}
	g := &grid{
		right: []bool{false, false, false, true, true, true, true, true},
		lines: [][]string{{"pattern", "type", "export", "keys", "share", "size", "largest", "expiring"}},
	}
	for i := range r.Patterns {
		p := &r.Patterns[i]
		readable := "no"
		if p.Readable {
			readable = "yes"
		}
		g.lines = append(g.lines, []string{
			p.Pattern, plain(p.Type), readable, p.count(), percent(p.estimate, total),
			p.size(p.SizeMedian), p.size(p.SizeMax), percent(p.Expiring, 1),
		})
	}
	return g
}

func (p *keyPattern) count() string {
	text := strconv.FormatInt(p.Keys, 10)
	switch {
	case p.AtLeast:
		return text + "+"
	case !p.Exact:
		return "~" + text
	}
	return text
}

func (p *keyPattern) size(n *int64) string {
	switch sample.Unit(p.SizeUnit) {
	case sample.Bytes, sample.Length:
		return short(n, 1024, 1024) + "B"
	case "":
		return "-"
	default:
		if *n == 1 {
			return "1 " + strings.TrimSuffix(p.SizeUnit, "s")
		}
		return count(n) + " " + p.SizeUnit
	}
}

// percent is a share of a whole; what is more than nothing isn't 0 %, and what is
// less than all not 100 %.
func percent(part, whole float64) string {
	share := 100 * part / max(whole, 1e-9)
	switch {
	case share > 0 && share < 1:
		return "<1%"
	case share < 100-1e-6 && share > 99: // sums of estimates are a little off
		return ">99%"
	}
	return fmt.Sprintf("%.0f%%", share)
}
