package iterator_test

import (
	"slices"
	"strconv"
	"strings"

	"github.com/redisarrow/redisarrow/convert"
)

// propertyOracle is what a scan may give: found by a loop over the data.
type propertyOracle struct {
	rows []propertyRow
	bad  map[string]*propertyBad // by key, those that don't fit
	// What is counted: over the keys that are there all the time, and over all.
	least, most propertyCounts
}

// propertyRow is the row of a key: all its cells but the TTL and the index,
// which are looked at apart.
type propertyRow struct {
	line  string
	key   *propertyKey
	maybe bool // the key isn't there all the time
}

// propertyBad is a key with cells that don't fit.
type propertyBad struct {
	key   *propertyKey
	maybe bool
	cells []propertyBadCell
}

type propertyBadCell struct {
	column *propertyColumn
	text   string
}

type propertyCounts struct{ badCells, skipped int64 }

// newPropertyOracle takes the keys that a scan may meet, which were stored at
// begun, in Unix milliseconds.
func newPropertyOracle(s *propertySchema, policy convert.Policy, matches func(string) bool, keys []propertyKey, maybe func(*propertyKey) bool, begun int64) *propertyOracle {
	o := &propertyOracle{bad: map[string]*propertyBad{}}
	for i := range keys {
		k := &keys[i]
		if k.kind != s.kind || k.expires < 0 || !matches(k.name) {
			continue
		}
		line, bad, keyFits := s.row(k, begun)
		row := propertyRow{line: line, key: k, maybe: maybe(k)}
		given := len(bad) == 0 || policy == convert.Null && keyFits
		if given {
			o.rows = append(o.rows, row)
		}
		if len(bad) > 0 {
			o.bad[k.name] = &propertyBad{key: k, maybe: row.maybe, cells: bad}
		}
		counts := []*propertyCounts{&o.most, &o.least}
		if row.maybe {
			counts = counts[:1]
		}
		for _, c := range counts {
			c.badCells += int64(len(bad))
			if !given {
				c.skipped++
			}
		}
	}
	return o
}

// row is the line of a key, with its bad cells as null.
func (s *propertySchema) row(k *propertyKey, begun int64) (line string, bad []propertyBadCell, keyFits bool) {
	cells := make([]string, 0, len(s.columns))
	keyFits = true
	for i := range s.columns {
		c := &s.columns[i]
		cell, text, ok := plainNull, k.name, true
		switch c.metadata {
		case "ttl[s]", "ttl[ms]", "index":
			continue
		case "expires_at":
			if k.expires != 0 {
				cell = strconv.FormatInt(begun+k.expires.Milliseconds(), 10)
			}
		case "binary_key":
			cell = plainBytes(k.name)
		case "key":
			cell, ok = plainUTF8(k.name)
			keyFits = ok
		default:
			text, ok = k.value, true
			if k.kind == "hash" {
				text, ok = k.field(c.name)
			}
			if !ok { // there is none: null, and nothing wrong
				ok = true
				break
			}
			cell, ok = c.cell(text)
		}
		if !ok {
			cell = plainNull
			bad = append(bad, propertyBadCell{c, text})
		}
		cells = append(cells, cell)
	}
	return strings.Join(cells, " "), bad, keyFits
}

// propertyClock is when, in Unix milliseconds by the servers' clock, a key may
// have been asked for its TTL: in one of these spans.
type propertyClock [][2]int64

// fits reports whether a key that expires at a moment (0: never) may have
// that TTL.
func (c propertyClock) fits(ttl, at, unit int64) bool {
	if at == 0 {
		return ttl == -1
	}
	// As Redis rounds.
	at1 := func(now int64) int64 { return (max(0, at-now) + unit/2) / unit }
	return slices.ContainsFunc(c, func(span [2]int64) bool { return ttl <= at1(span[0]) && ttl >= at1(span[1]) })
}
