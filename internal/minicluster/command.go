package minicluster

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redisarrow/redisarrow/internal/resp"
)

// command is an entry of the command table.
type command struct {
	name  string // upper case
	arity int    // with the name; negative: at least that many
	flags flags
	// The arguments that are keys, as COMMAND has them: the first, the last
	// (negative: from the end), and the step. first 0: none.
	first, last, step int
	run               func(s *session, args [][]byte)
}

type flags byte

const (
	write   flags = 1 << iota // refused on replicas
	read                      // a READONLY replica answers
	open                      // before authentication
	control                   // executed, not queued, after MULTI
)

func newCommands(cfg *Config) map[string]*command {
	table := map[string]*command{}
	groups := [][]command{
		connectionCommands(), serverCommands(), transactionCommands(), keyCommands(),
		stringCommands(), hashCommands(), scanCommands(), clusterCommands(),
	}
	if cfg.valkey(9, 1) {
		groups = append(groups, clusterScanCommands())
	}
	for _, group := range groups {
		for _, cmd := range group {
			table[cmd.name] = &cmd
		}
	}
	return table
}

// find returns the command (nil if there is none) and its name in upper case.
func (c *Cluster) find(name []byte) (*command, string) {
	var buf [32]byte
	if len(name) <= len(buf) {
		upper := buf[:len(name)]
		for i, b := range name {
			if 'a' <= b && b <= 'z' {
				b -= 'a' - 'A'
			}
			upper[i] = b
		}
		if cmd := c.commands[string(upper)]; cmd != nil {
			return cmd, cmd.name
		}
	}
	return nil, strings.ToUpper(string(name))
}

// execute runs a command, or queues it, and appends its reply.
func (s *session) execute(cmd *command, args [][]byte) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	refusal := s.refusal(cmd, args)
	switch {
	case refusal != "":
		s.fail(refusal)
		if s.multi {
			s.dirty = true
		}
	case s.multi && cmd.flags&control == 0:
		s.enqueue(cmd, args)
	default:
		cmd.run(s, args)
	}
	// ASKING holds for the next command, and for a whole transaction.
	if !s.multi && (cmd == nil || cmd.name != "ASKING") {
		s.asking = false
	}
}

// refusal returns the error with which a command is answered that can't even
// be queued, or "".
func (s *session) refusal(cmd *command, args [][]byte) string {
	switch {
	case cmd == nil:
		return unknownCommand(args)
	case s.c.cfg.lacks(cmd, args):
		return s.c.cfg.missing(cmd, args)
	case len(args) != cmd.arity && (cmd.arity >= 0 || len(args) < -cmd.arity):
		return "ERR wrong number of arguments for '" + strings.ToLower(cmd.name) + "' command"
	case !s.authed && cmd.flags&open == 0:
		return "NOAUTH Authentication required."
	}
	if denied := s.denied(cmd, args); denied != "" {
		return fmt.Sprintf("NOPERM User %s has no permissions to run the '%s' command", s.user, denied)
	}
	s.keys = cmd.keys(s.keys[:0], args)
	queueing := s.multi && cmd.flags&control == 0
	if moved := s.node.route(s.keys, s.asking, s.readonly && cmd.flags&read != 0, queueing); moved != "" {
		return moved
	}
	if cmd.flags&write != 0 && !s.node.isMaster() {
		return "READONLY You can't write against a read only replica."
	}
	return ""
}

// lacks reports whether a command is among Config.Missing.
func (c *Config) lacks(cmd *command, args [][]byte) bool {
	return len(c.Missing) > 0 && (slices.Contains(c.Missing, strings.ToLower(cmd.name)) || c.lacksPart(cmd, args))
}

// lacksPart reports whether a subcommand is.
func (c *Config) lacksPart(cmd *command, args [][]byte) bool {
	return len(args) > 1 && slices.Contains(c.Missing, strings.ToLower(cmd.name+"|"+string(args[1])))
}

func (c *Config) missing(cmd *command, args [][]byte) string {
	switch {
	case c.MissingReply != "":
		return c.MissingReply
	case c.lacksPart(cmd, args):
		return fmt.Sprintf("ERR unknown subcommand '%s'. Try %s HELP.", oneLine(args[1]), cmd.name)
	default:
		return unknownCommand(args)
	}
}

func unknownCommand(args [][]byte) string {
	var b strings.Builder
	fmt.Fprintf(&b, "ERR unknown command '%s', with args beginning with: ", oneLine(args[0]))
	for _, a := range args[1:min(len(args), 6)] {
		fmt.Fprintf(&b, "'%s' ", oneLine(a))
	}
	return b.String()
}

// oneLine makes text fit for an error reply.
func oneLine(b []byte) string {
	return strings.NewReplacer("\r", " ", "\n", " ").Replace(string(b[:min(len(b), 128)]))
}

// denied returns the name of the command or subcommand that the user may not
// run, or "".
func (s *session) denied(cmd *command, args [][]byte) string {
	if len(s.c.cfg.Users) == 0 || cmd.flags&open != 0 {
		return ""
	}
	name := strings.ToLower(cmd.name)
	for _, d := range s.c.cfg.Users[s.user].Deny {
		if d == name || len(args) > 1 && d == name+"|"+strings.ToLower(string(args[1])) {
			return d
		}
	}
	return ""
}

func (cmd *command) keys(dst, args [][]byte) [][]byte {
	if cmd.first == 0 {
		return dst
	}
	last := cmd.last
	if last < 0 {
		last += len(args)
	}
	for i := cmd.first; i <= last && i < len(args); i += cmd.step {
		dst = append(dst, args[i])
	}
	return dst
}

const (
	errSyntax    = "ERR syntax error"
	errInteger   = "ERR value is not an integer or out of range"
	errWrongType = "WRONGTYPE Operation against a key holding the wrong kind of value"
)

// What follows appends a reply.

func (s *session) fail(text string)   { s.out.pending = resp.AppendError(s.out.pending, text) }
func (s *session) simple(text string) { s.out.pending = resp.AppendSimple(s.out.pending, text) }
func (s *session) ok()                { s.simple("OK") }
func (s *session) int(n int64)        { s.out.pending = resp.AppendInt(s.out.pending, n) }
func (s *session) text(t string)      { s.out.pending = resp.AppendBulkString(s.out.pending, t) }
func (s *session) null()              { s.out.pending = resp.AppendNull(s.out.pending) }
func (s *session) array(n int)        { s.out.pending = resp.AppendArray(s.out.pending, n) }

func (s *session) texts(list ...string) {
	s.array(len(list))
	for _, t := range list {
		s.text(t)
	}
}

// number parses an argument; it replies the error itself.
func (s *session) number(arg []byte) (int64, bool) {
	n, err := strconv.ParseInt(string(arg), 10, 64)
	if err != nil {
		s.fail(errInteger)
	}
	return n, err == nil
}

// value looks a key up that must be of kind k. If it isn't, wrong is true, and
// the error was replied.
func (s *session) value(key []byte, k kind) (v *value, wrong bool) {
	if v = s.node.lookup(s.db, key); v != nil && v.kind != k {
		s.fail(errWrongType)
		return nil, true
	}
	return v, false
}

// is tells whether an argument is that word, in any case.
func is(arg []byte, word string) bool { return strings.EqualFold(string(arg), word) }
