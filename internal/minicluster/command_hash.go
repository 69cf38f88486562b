package minicluster

import "strconv"

func hashCommands() []command {
	return []command{
		{name: "HGETALL", arity: 2, flags: read, first: 1, last: 1, step: 1, run: (*session).hgetall},
		{name: "HMGET", arity: -3, flags: read, first: 1, last: 1, step: 1, run: (*session).hmget},
		{name: "HGET", arity: 3, flags: read, first: 1, last: 1, step: 1, run: (*session).hget},
		{name: "HLEN", arity: 2, flags: read, first: 1, last: 1, step: 1, run: (*session).hlen},
		{name: "HSCAN", arity: -3, flags: read, first: 1, last: 1, step: 1, run: (*session).hscan},
		{name: "HSET", arity: -4, flags: write, first: 1, last: 1, step: 1, run: (*session).hset},
		{name: "HDEL", arity: -3, flags: write, first: 1, last: 1, step: 1, run: (*session).hdel},
	}
}

func (s *session) hgetall(args [][]byte) {
	v, wrong := s.value(args[1], kindHash)
	if wrong {
		return
	}
	if v == nil {
		s.array(0)
		return
	}
	s.array(2 * len(v.hash.fields))
	for i := range v.hash.fields {
		s.text(v.hash.fields[i].name)
		s.text(v.hash.fields[i].text)
	}
}

func (s *session) hmget(args [][]byte) {
	v, wrong := s.value(args[1], kindHash)
	if wrong {
		return
	}
	s.array(len(args) - 2)
	for _, name := range args[2:] {
		s.field(v, name)
	}
}

func (s *session) hget(args [][]byte) {
	if v, wrong := s.value(args[1], kindHash); !wrong {
		s.field(v, args[2])
	}
}

// field replies one field of a hash that may be nil.
func (s *session) field(v *value, name []byte) {
	if v != nil {
		if i := v.hash.find(name); i >= 0 {
			s.text(v.hash.fields[i].text)
			return
		}
	}
	s.null()
}

func (s *session) hlen(args [][]byte) {
	v, wrong := s.value(args[1], kindHash)
	switch {
	case wrong:
	case v == nil:
		s.int(0)
	default:
		s.int(int64(len(v.hash.fields)))
	}
}

func (s *session) hset(args [][]byte) {
	if len(args)%2 != 0 {
		s.fail("ERR wrong number of arguments for 'hset' command")
		return
	}
	v, wrong := s.make(args[1], kindHash)
	if wrong {
		return
	}
	added := 0
	for i := 2; i < len(args); i += 2 {
		added += bit(v.hash.set(args[i], args[i+1]))
	}
	s.int(int64(added))
}

func (s *session) hdel(args [][]byte) {
	v, wrong := s.value(args[1], kindHash)
	if wrong {
		return
	}
	removed := 0
	if v != nil {
		for _, name := range args[2:] {
			removed += bit(v.hash.remove(name))
		}
		if v.empty() {
			s.node.remove(s.db, args[1])
		}
	}
	s.int(int64(removed))
}

// hscan is HSCAN key cursor [COUNT n]: up to COUNT fields, the cursor is the place
// of the next one.
func (s *session) hscan(args [][]byte) {
	cursor, ok := s.number(args[2])
	if !ok {
		return
	}
	o, ok := s.scanOptions(args[3:])
	if !ok {
		return
	}
	v, wrong := s.value(args[1], kindHash)
	if wrong {
		return
	}
	var fields []field
	if v != nil {
		fields = v.hash.fields[min(max(cursor, 0), int64(len(v.hash.fields))):]
	}
	next := int64(0)
	if len(fields) > o.count {
		fields, next = fields[:o.count], cursor+int64(o.count)
	}
	s.array(2)
	s.text(strconv.FormatInt(next, 10))
	s.array(2 * len(fields))
	for _, f := range fields {
		s.text(f.name)
		s.text(f.text)
	}
}
