package minicluster

import "math"

func keyCommands() []command {
	return []command{
		{name: "TYPE", arity: 2, flags: read, first: 1, last: 1, step: 1, run: (*session).typeOf},
		{name: "EXISTS", arity: -2, flags: read, first: 1, last: -1, step: 1, run: (*session).exists},
		{name: "MEMORY", arity: -3, flags: read, first: 2, last: 2, step: 1, run: (*session).memoryUsage},
		{name: "DEL", arity: -2, flags: write, first: 1, last: -1, step: 1, run: (*session).del},
		{name: "UNLINK", arity: -2, flags: write, first: 1, last: -1, step: 1, run: (*session).del},
		{name: "TTL", arity: 2, flags: read, first: 1, last: 1, step: 1, run: func(s *session, args [][]byte) { s.ttl(args[1], 1000) }},
		{name: "PTTL", arity: 2, flags: read, first: 1, last: 1, step: 1, run: func(s *session, args [][]byte) { s.ttl(args[1], 1) }},
		{name: "PEXPIRETIME", arity: 2, flags: read, first: 1, last: 1, step: 1, run: (*session).pexpiretime},
		{name: "EXPIRE", arity: 3, flags: write, first: 1, last: 1, step: 1, run: func(s *session, args [][]byte) { s.expire(args, 1000) }},
		{name: "PEXPIRE", arity: 3, flags: write, first: 1, last: 1, step: 1, run: func(s *session, args [][]byte) { s.expire(args, 1) }},
		{name: "PERSIST", arity: 2, flags: write, first: 1, last: 1, step: 1, run: (*session).persist},
		{name: "LPUSH", arity: -3, flags: write, first: 1, last: 1, step: 1, run: (*session).lpush},
		{name: "SADD", arity: -3, flags: write, first: 1, last: 1, step: 1, run: (*session).sadd},
	}
}

func (s *session) typeOf(args [][]byte) {
	if v := s.node.lookup(s.db, args[1]); v != nil {
		s.simple(v.kind.String())
		return
	}
	s.simple("none")
}

// memoryUsage is MEMORY USAGE key: the bytes of name and contents, and some more,
// about as real servers count.
func (s *session) memoryUsage(args [][]byte) {
	if !is(args[1], "USAGE") {
		s.fail("ERR unknown subcommand '" + oneLine(args[1]) + "'. Try MEMORY HELP.")
		return
	}
	v := s.node.lookup(s.db, args[2])
	if v == nil {
		s.null()
		return
	}
	size := 56 + len(args[2]) + len(v.str)
	for _, f := range v.hash.fields {
		size += len(f.name) + len(f.text) + 4
	}
	for _, e := range v.list {
		size += len(e) + 4
	}
	for m := range v.set {
		size += len(m) + 16
	}
	s.int(int64(size))
}

func (s *session) exists(args [][]byte) {
	n := 0
	for _, key := range args[1:] {
		n += bit(s.node.lookup(s.db, key) != nil)
	}
	s.int(int64(n))
}

func (s *session) del(args [][]byte) {
	n := 0
	for _, key := range args[1:] {
		// Looked up first: an expired key doesn't count.
		n += bit(s.node.lookup(s.db, key) != nil && s.node.remove(s.db, key))
	}
	s.int(int64(n))
}

// ttl replies what is left in units of that many milliseconds, rounded as
// Redis rounds.
func (s *session) ttl(key []byte, unit int64) {
	v := s.node.lookup(s.db, key)
	switch {
	case v == nil:
		s.int(-2)
	case v.expireAt == 0:
		s.int(-1)
	default:
		s.int((max(0, v.expireAt-s.c.cfg.Now().UnixMilli()) + unit/2) / unit)
	}
}

func (s *session) pexpiretime(args [][]byte) {
	v := s.node.lookup(s.db, args[1])
	switch {
	case v == nil:
		s.int(-2)
	case v.expireAt == 0:
		s.int(-1)
	default:
		s.int(v.expireAt)
	}
}

func (s *session) expire(args [][]byte, unit int64) {
	n, ok := s.number(args[2])
	if !ok {
		return
	}
	v := s.node.lookup(s.db, args[1])
	now := s.c.cfg.Now().UnixMilli()
	switch {
	case n > (math.MaxInt64-now)/unit || n < math.MinInt64/unit:
		s.fail("ERR invalid expire time in 'expire' command")
	case v == nil:
		s.int(0)
	case n <= 0:
		s.node.remove(s.db, args[1])
		s.int(1)
	default:
		v.expireAt = now + n*unit
		s.int(1)
	}
}

func (s *session) persist(args [][]byte) {
	v := s.node.lookup(s.db, args[1])
	if v == nil || v.expireAt == 0 {
		s.int(0)
		return
	}
	v.expireAt = 0
	s.int(1)
}

// make looks a key of kind k up, and makes it if there is none.
func (s *session) make(key []byte, k kind) (v *value, wrong bool) {
	if v, wrong = s.value(key, k); v != nil || wrong {
		return v, wrong
	}
	v = &value{kind: k}
	if k == kindSet {
		v.set = map[string]struct{}{}
	}
	s.node.put(s.db, key, v)
	return v, false
}

func (s *session) lpush(args [][]byte) {
	v, wrong := s.make(args[1], kindList)
	if wrong {
		return
	}
	list := make([]string, 0, len(args)-2+len(v.list))
	for i := len(args) - 1; i >= 2; i-- {
		list = append(list, string(args[i]))
	}
	v.list = append(list, v.list...)
	s.int(int64(len(v.list)))
}

func (s *session) sadd(args [][]byte) {
	v, wrong := s.make(args[1], kindSet)
	if wrong {
		return
	}
	before := len(v.set)
	for _, m := range args[2:] {
		v.set[string(m)] = struct{}{}
	}
	s.int(int64(len(v.set) - before))
}
