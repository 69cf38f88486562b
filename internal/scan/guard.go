package scan

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/resp"
)

// guard reads what a server says of itself in the same instant in which it
// lists keys: its own line of CLUSTER NODES, asked for in one transaction with
// them (rule.go, 1). A nil guard guards nothing: a server alone has no slots that
// could move.
type guard struct {
	id     string
	epoch  uint64
	target string // with role source, to whom its slots are moving
	source string // with role target, from whom
	role   role

	line []byte // its own line when it was read last, without the times in it
	view guarded

	// loose: the user may not use MULTI. Then the node is asked right before and
	// right after what it lists, which isn't one instant: a migration that is
	// opened and broken off in between goes unseen.
	loose bool

	// follows: the node is a replica, and says in the same instant whether it
	// follows its master, instead of what it owns: see replica.go.
	follows *following
}

// role is what a node is to the slots that are read from it.
type role uint8

const (
	// owner of slots that nobody moves.
	owner role = iota
	// source of slots that are moving away.
	source
	// target of slots that are coming in.
	target
)

// guarded is what the guard's last look says.
type guarded struct {
	safe   cluster.SlotSet // their keys are all there, as far as the role goes
	hidden cluster.SlotSet // of a target: they aren't coming in, so what lies there can be read by nobody
	owned  cluster.SlotSet
}

// owned are the slots of the node, by its last word; none without a guard.
func (g *guard) owned() (slots cluster.SlotSet) {
	if g == nil {
		return slots
	}
	return g.view.owned
}

// reasons are why slots aren't safe.
func (g *guard) reasons(unsafe cluster.SlotSet) (reasons []Reason) {
	if g.role != owner {
		return []Reason{{Slots: unsafe, Err: errMarkChanged}}
	}
	if moved := unsafe.Minus(g.view.owned); !moved.Empty() {
		reasons = append(reasons, Reason{Slots: moved, Err: errMoved})
	}
	if open := unsafe.Intersect(g.view.owned); !open.Empty() {
		reasons = append(reasons, Reason{Slots: open, Err: errMigrating})
	}
	return reasons
}

// look reads the reply to CLUSTER NODES, and returns an error if the server
// isn't the one any more whose slots were claimed.
func (g *guard) look(text []byte) error {
	if g.follows != nil {
		g.view.safe = cluster.AllSlots()
		return g.follows.judge(text)
	}
	line := ownLine(text)
	if line == nil {
		return &resp.ProtocolError{Reason: "CLUSTER NODES has no line marked myself"}
	}
	before, after := withoutTimes(line)
	if len(g.line) == len(before)+len(after) && bytes.HasPrefix(g.line, before) && bytes.HasSuffix(g.line, after) {
		return nil
	}
	view, err := cluster.ParseView(string(line))
	if err != nil {
		return &resp.ProtocolError{Reason: err.Error()}
	}
	switch self := &view.Self; {
	case self.ID != g.id:
		return fmt.Errorf("%w: it is node %s, not %s", cluster.ErrWrongNode, self.ID, g.id)
	case !self.Master():
		return errDemoted
	case self.Epoch != g.epoch:
		return errEpoch
	}
	g.view = g.judge(view)
	g.line = append(append(g.line[:0], before...), after...)
	return nil
}

// judge says which slots are safe to be listed.
func (g *guard) judge(view *cluster.View) (v guarded) {
	self := member{slots: view.Self.Slots, migrating: view.Migrating, importing: view.Importing}
	v.owned = self.slots
	switch g.role {
	case owner:
		v.safe = self.slots.Minus(self.marked())
	case source:
		v.safe = self.movingTo(g.target)
	case target:
		v.hidden = cluster.AllSlots().Minus(self.slots)
		v.safe = v.hidden
		for slot, from := range view.Importing {
			v.hidden.Remove(slot)
			if from != g.source {
				v.safe.Remove(slot)
			}
		}
	}
	return v
}

// ownLine is the line of CLUSTER NODES that the node has about itself.
func ownLine(text []byte) []byte {
	for len(text) > 0 {
		line := text
		if end := bytes.IndexByte(text, '\n'); end >= 0 {
			line, text = text[:end], text[end+1:]
		} else {
			text = nil
		}
		const flagsAt = 2
		if flags := line[afterFields(line, flagsAt):]; bytes.HasPrefix(flags, myself) && bytes.IndexByte(flags, ' ') >= 0 {
			return line
		}
	}
	return nil
}

var myself = []byte("myself")

// withoutTimes is a line without its fifth and sixth field, which say when
// the last ping was sent and the last pong received.
func withoutTimes(line []byte) (before, after []byte) {
	const timesAt, times = 4, 2
	start := afterFields(line, timesAt)
	return line[:start], line[start+afterFields(line[start:], times):]
}

func afterFields(line []byte, n int) int {
	at := 0
	for range n {
		i := bytes.IndexByte(line[at:], ' ')
		if i < 0 {
			return len(line)
		}
		at += i + 1
	}
	return at
}

// Commands of a guarded request.
var (
	multiCommand       = resp.AppendCommand(nil, "MULTI")
	nodesCommand       = resp.AppendCommand(nil, "CLUSTER", "NODES")
	replicationCommand = resp.AppendCommand(nil, "INFO", "replication")
	execCommand        = resp.AppendCommand(nil, "EXEC")
)

// begin begins a guarded request. What is to be guarded follows, then end.
func (g *guard) begin(out []byte) []byte {
	if g == nil {
		return out
	}
	if !g.loose {
		out = append(out, multiCommand...)
	}
	return append(out, g.question()...)
}

// question is what the node is asked about itself.
func (g *guard) question() []byte {
	if g.follows != nil {
		return replicationCommand
	}
	return nodesCommand
}

// questionName is its name, for messages.
func (g *guard) questionName() string {
	if g.follows != nil {
		return "INFO replication"
	}
	return nodesName
}

func (g *guard) end(out []byte) []byte {
	switch {
	case g == nil:
		return out
	case g.loose:
		return append(out, g.question()...)
	default:
		return append(out, execCommand...)
	}
}

// refusedError is an error reply to a command of an enumeration.
type refusedError struct {
	command string
	reply   *resp.ReplyError
}

func (e *refusedError) Error() string { return e.command + ": " + e.reply.Error() }
func (e *refusedError) Unwrap() error { return e.reply }

func isRefused(err error) bool {
	refused := (*refusedError)(nil)
	return errors.As(err, &refused)
}

// open reads the replies up to the guard's word, and takes it; the replies to the
// n commands that are guarded, all of that name, follow, and then close. If the
// transaction was refused, which the server may say at each of its commands,
// all of its replies are read, and the error is a [*refusedError].
func (g *guard) open(r *resp.Reader, n int, name string) error {
	switch {
	case g == nil:
		return nil
	case g.loose:
		return g.take(r, n+1)
	}
	var refused *refusedError
	note := func(command string, h resp.Header) {
		if refused == nil && h.Kind == resp.Error {
			refused = &refusedError{command, &resp.ReplyError{Text: string(h.Line)}}
		}
	}
	for i := range n + 2 {
		h, err := r.ReadHeader()
		if err != nil {
			return err
		}
		switch i {
		case 0:
			note(multiName, h)
		case 1:
			note(g.questionName(), h)
		default:
			note(name, h)
		}
		// Without MULTI the commands are answered at once.
		if err := r.SkipRest(h, 0); err != nil {
			return err
		}
	}
	h, err := r.ReadHeader()
	if err != nil {
		return err
	}
	note(execName, h)
	if refused != nil {
		if err := r.SkipRest(h, 0); err != nil {
			return err
		}
		return refused
	}
	if h.Kind != resp.Array || h.N != int64(n)+1 {
		return resp.Unexpected(h, "EXEC's array")
	}
	return g.take(r, n)
}

// close ends what open has begun: with its word the slots are safe, or aren't.
func (g *guard) close(r *resp.Reader) (safe cluster.SlotSet, err error) {
	switch {
	case g == nil:
		return cluster.AllSlots(), nil
	case !g.loose:
		return g.view.safe, nil
	}
	before := g.view.safe
	if err := g.take(r, 0); err != nil {
		return safe, err
	}
	return g.view.safe.Intersect(before), nil
}

// take reads the reply to CLUSTER NODES. If it is of no use, the rest further
// replies are skipped, and the error says why.
func (g *guard) take(r *resp.Reader, rest int) error {
	skip := func(because error) error {
		for range rest {
			if err := r.Skip(); err != nil {
				return err
			}
		}
		return because
	}
	h, err := r.ReadHeader()
	switch {
	case err != nil:
		return err
	case h.Kind == resp.Error:
		return skip(&refusedError{g.questionName(), &resp.ReplyError{Text: string(h.Line)}})
	case h.Kind != resp.Bulk || h.Null():
		return resp.Unexpected(h, g.questionName()+"'s bulk string")
	case h.N > resp.MaxAnswer:
		return fmt.Errorf("%w: a reply to CLUSTER NODES of %d bytes", resp.ErrTooLarge, h.N)
	}
	text, err := r.ReadBulk(h.N)
	if err != nil {
		return err
	}
	if err := g.look(text); err != nil {
		return skip(err)
	}
	return nil
}

const (
	multiName = "MULTI"
	execName  = "EXEC"
	nodesName = "CLUSTER NODES"
)
