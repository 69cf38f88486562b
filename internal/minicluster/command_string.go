package minicluster

import (
	"math"
	"strconv"
)

func stringCommands() []command {
	return []command{
		{name: "GET", arity: 2, flags: read, first: 1, last: 1, step: 1, run: (*session).get},
		{name: "MGET", arity: -2, flags: read, first: 1, last: -1, step: 1, run: (*session).mget},
		{name: "STRLEN", arity: 2, flags: read, first: 1, last: 1, step: 1, run: (*session).strlen},
		{name: "GETRANGE", arity: 4, flags: read, first: 1, last: 1, step: 1, run: (*session).getrange},
		{name: "SET", arity: -3, flags: write, first: 1, last: 1, step: 1, run: (*session).set},
		{name: "INCR", arity: 2, flags: write, first: 1, last: 1, step: 1, run: (*session).incr},
	}
}

func (s *session) get(args [][]byte) {
	v, wrong := s.value(args[1], kindString)
	switch {
	case wrong:
	case v == nil:
		s.null()
	default:
		s.text(v.str)
	}
}

func (s *session) mget(args [][]byte) {
	s.array(len(args) - 1)
	for _, key := range args[1:] {
		if v := s.node.lookup(s.db, key); v != nil && v.kind == kindString {
			s.text(v.str)
		} else {
			s.null()
		}
	}
}

func (s *session) strlen(args [][]byte) {
	v, wrong := s.value(args[1], kindString)
	switch {
	case wrong:
	case v == nil:
		s.int(0)
	default:
		s.int(int64(len(v.str)))
	}
}

// getrange is GETRANGE key start end, for places counted from the beginning.
func (s *session) getrange(args [][]byte) {
	start, ok := s.number(args[2])
	if !ok {
		return
	}
	end, ok := s.number(args[3])
	if !ok {
		return
	}
	v, wrong := s.value(args[1], kindString)
	switch {
	case wrong:
	case v == nil || start < 0 || end < start || start >= int64(len(v.str)):
		s.text("")
	default:
		s.text(v.str[start:min(end+1, int64(len(v.str)))])
	}
}

// set is SET key value [EX seconds | PX milliseconds] [NX | XX].
func (s *session) set(args [][]byte) {
	v := &value{str: string(args[2])}
	exists := s.node.lookup(s.db, args[1]) != nil
	refuse := false
	for rest := args[3:]; len(rest) > 0; {
		unit := int64(1)
		switch {
		case is(rest[0], "NX"):
			refuse = refuse || exists
			rest = rest[1:]
			continue
		case is(rest[0], "XX"):
			refuse = refuse || !exists
			rest = rest[1:]
			continue
		case is(rest[0], "EX") && len(rest) > 1:
			unit = 1000
		case is(rest[0], "PX") && len(rest) > 1:
		default:
			s.fail(errSyntax)
			return
		}
		n, ok := s.number(rest[1])
		if !ok {
			return
		}
		now := s.c.cfg.Now().UnixMilli()
		if n <= 0 || n > (math.MaxInt64-now)/unit {
			s.fail("ERR invalid expire time in 'set' command")
			return
		}
		v.expireAt = now + n*unit
		rest = rest[2:]
	}
	if refuse {
		s.null()
		return
	}
	s.node.put(s.db, args[1], v)
	s.ok()
}

func (s *session) incr(args [][]byte) {
	v, wrong := s.value(args[1], kindString)
	if wrong {
		return
	}
	n := int64(0)
	if v != nil {
		var err error
		if n, err = strconv.ParseInt(v.str, 10, 64); err != nil {
			s.fail(errInteger)
			return
		}
	}
	if n == math.MaxInt64 {
		s.fail("ERR increment or decrement would overflow")
		return
	}
	if v == nil {
		v = &value{}
		s.node.put(s.db, args[1], v)
	}
	v.str = strconv.FormatInt(n+1, 10)
	s.int(n + 1)
}
