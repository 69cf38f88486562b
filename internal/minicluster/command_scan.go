package minicluster

import (
	"math"
	"strconv"
	"strings"

	"github.com/redisarrow/redisarrow/internal/glob"
)

func scanCommands() []command {
	return []command{
		{name: "SCAN", arity: -2, flags: read, run: (*session).scan},
	}
}

// scanOptions is what may follow a cursor.
type scanOptions struct {
	pattern string
	matched bool // there is a pattern
	count   int
	kind    string // "": any
}

// scanOptions replies the error itself.
func (s *session) scanOptions(rest [][]byte) (o scanOptions, ok bool) {
	o.count = 10
	for ; len(rest) > 0; rest = rest[2:] {
		if len(rest) < 2 {
			s.fail(errSyntax)
			return o, false
		}
		switch {
		case is(rest[0], "MATCH"):
			o.pattern, o.matched = string(rest[1]), string(rest[1]) != "*"
		case is(rest[0], "COUNT"):
			n, ok := s.number(rest[1])
			if !ok {
				return o, false
			}
			if n < 1 {
				s.fail(errSyntax)
				return o, false
			}
			o.count = int(min(n, math.MaxInt32))
		case is(rest[0], "TYPE") && !s.c.cfg.NoScanType:
			o.kind = strings.ToLower(string(rest[1]))
		default:
			s.fail(errSyntax)
			return o, false
		}
	}
	return o, true
}

// scan names no key, so it is never redirected: it answers with what lies in
// this node.
func (s *session) scan(args [][]byte) {
	cursor, err := strconv.ParseUint(string(args[1]), 10, 64)
	if err != nil {
		s.fail("ERR invalid cursor")
		return
	}
	o, ok := s.scanOptions(args[2:])
	if !ok {
		return
	}
	within := everySlot
	if only := s.onlySlot(o); only >= 0 {
		within = span{only, only}
	}
	next, keys := s.page(cursor, o, within)
	s.array(2)
	s.text(strconv.FormatUint(next, 10))
	s.texts(keys...)
}

// onlySlot returns the slot in which the pattern can match alone, where that
// limits the scan to the slot's table; -1: it doesn't.
func (s *session) onlySlot(o scanOptions) int {
	if o.matched && s.c.cfg.SlotTables && !s.c.cfg.Standalone {
		return patternSlot([]byte(o.pattern))
	}
	return -1
}

// page is a page of a scan: the cursor of the next one, and the keys.
func (s *session) page(cursor uint64, o scanOptions, within span) (next uint64, keys []string) {
	var gone []string
	next = s.node.db(s.db).page(cursor, o.count, within, func(it *item) {
		switch {
		case o.matched && !glob.Match(o.pattern, it.key):
		case it.val.expired(s.c.cfg.Now):
			gone = append(gone, it.key)
		case o.kind == "" || o.kind == it.val.kind.String():
			keys = append(keys, it.key)
		}
	})
	for _, k := range gone {
		s.node.lookup(s.db, []byte(k)) // removes it
	}
	return next, keys
}
