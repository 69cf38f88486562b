package minicluster

import "bytes"

func transactionCommands() []command {
	return []command{
		{name: "MULTI", arity: 1, flags: control, run: (*session).begin},
		{name: "EXEC", arity: 1, flags: control, run: (*session).exec},
		{name: "DISCARD", arity: 1, flags: control, run: (*session).discard},
	}
}

func (s *session) begin([][]byte) {
	if s.multi {
		s.nested()
		return
	}
	s.multi = true
	s.ok()
}

// nested answers a MULTI in a transaction: to Redis that is a mistake without
// consequences.
func (s *session) nested() {
	switch cfg := &s.c.cfg; {
	case cfg.valkey(9, 0):
		s.fail("ERR Command 'multi' not allowed inside a transaction")
		s.dirty = true
	case cfg.valkey(8, 0):
		s.fail("ERR Command not allowed inside a transaction")
		s.dirty = true
	default:
		s.fail("ERR MULTI calls can not be nested")
	}
}

// mishap is what an error that a fault gives in place of a command does to a
// transaction: what it did to the server would have the same end. A command that
// was not queued spoils it, and it doesn't outlive EXEC or DISCARD.
func (s *session) mishap(cmd *command) {
	switch {
	case !s.multi:
		s.asking = false
	case cmd != nil && (cmd.name == "EXEC" || cmd.name == "DISCARD"):
		s.reset()
		s.asking = false
	default:
		s.dirty = true
	}
}

// enqueue keeps a copy of the command: its arguments lie in the read buffer.
func (s *session) enqueue(cmd *command, args [][]byte) {
	kept := make([][]byte, len(args))
	for i, a := range args {
		kept[i] = bytes.Clone(a)
	}
	s.queue = append(s.queue, queued{cmd, kept})
	s.simple("QUEUED")
}

func (s *session) reset() {
	s.multi, s.dirty, s.queue = false, false, nil
}

// exec runs the queue in one piece, after asking once more whether this node
// may serve all of its keys together.
func (s *session) exec([][]byte) {
	if !s.multi {
		s.fail("ERR EXEC without MULTI")
		return
	}
	queue, dirty := s.queue, s.dirty
	s.reset()
	if dirty {
		s.fail("EXECABORT Transaction discarded because of previous errors.")
		return
	}
	reads := true
	s.keys = s.keys[:0]
	for _, q := range queue {
		s.keys = q.cmd.keys(s.keys, q.args)
		reads = reads && q.cmd.flags&write == 0
	}
	if refused := s.node.route(s.keys, s.asking, s.readonly && reads, false); refused != "" {
		s.fail(refused)
		return
	}
	s.array(len(queue))
	for _, q := range queue {
		q.cmd.run(s, q.args)
	}
}

func (s *session) discard([][]byte) {
	if !s.multi {
		s.fail("ERR DISCARD without MULTI")
		return
	}
	s.reset()
	s.ok()
}
