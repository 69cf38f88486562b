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
		case is(rest[0], "TYPE"):
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
	only := -1
	if o.matched && s.c.cfg.SlotTables && !s.c.cfg.Standalone {
		only = patternSlot([]byte(o.pattern))
	}
	var keys, gone []string
	next := s.node.db(s.db).page(cursor, o.count, only, func(it *item) {
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
	s.array(2)
	s.text(strconv.FormatUint(next, 10))
	s.texts(keys...)
}
