package sample

import (
	"errors"

	"github.com/redisarrow/redisarrow/internal/resp"
)

// Fact is what is known of a key without reading it.
type Fact struct {
	Name    string
	Type    string // as TYPE says it; "" for one that is gone, or that the user may not look at
	Expires bool
	Size    int64 // in Unit; -1 if it isn't known
	Unit    Unit
}

// Unit is what a key's size is counted in.
type Unit string

// The units. Bytes are those that the key takes with all that belongs to it, by
// MEMORY USAGE; Length those of a string alone.
const (
	Bytes    Unit = "bytes"
	Length   Unit = "bytes of value"
	Fields   Unit = "fields"
	Elements Unit = "elements"
)

// factsPage is how many keys are asked about together.
const factsPage = 500

// sizeCommands tell the size of a key of a type where MEMORY USAGE is denied.
var sizeCommands = map[string]struct {
	command string
	unit    Unit
}{
	"string": {"STRLEN", Length},
	"hash":   {"HLEN", Fields},
	"list":   {"LLEN", Elements},
	"set":    {"SCARD", Elements},
	"zset":   {"ZCARD", Elements},
	"stream": {"XLEN", Elements},
}

// Types are the types of the node's keys in the sample, in their order; "" for one
// that is gone. With the error [ErrOver] they are those of some.
func (n *Node) Types() ([]string, error) {
	types := make([]string, len(n.Names))
	for from := 0; from < len(n.Names); from += factsPage {
		names := n.Names[from:min(from+factsPage, len(n.Names))]
		commands := make([][]string, len(names))
		for i, name := range names {
			commands[i] = []string{"TYPE", name}
		}
		err := n.Ask(commands, func(i int, h resp.Header, _ *resp.Reader) (err error) {
			types[from+i], err = n.readType(h)
			return err
		})
		if err != nil {
			return types[:from], err
		}
	}
	return types, nil
}

// readType reads TYPE's reply. Without TYPE there is nothing to tell.
func (n *Node) readType(h resp.Header) (string, error) {
	switch {
	case h.Kind == resp.Error && n.Denied("TYPE"):
		return "", &resp.ReplyError{Text: string(h.Line)}
	case h.Kind == resp.Error:
		return "", nil
	case h.Kind != resp.Simple:
		return "", resp.Unexpected(h, "TYPE's simple string")
	case string(h.Line) == "none":
		return "", nil
	}
	return string(h.Line), nil
}

// Facts asks about the node's keys in the sample. When the time is over, they are
// those of some.
func (n *Node) Facts() ([]Fact, error) {
	var facts []Fact
	for names := n.Names; len(names) > 0; {
		page := names[:min(len(names), factsPage)]
		if len(facts) == 0 {
			page = names[:1] // it shows what is denied: once, and not for each key
		}
		names = names[len(page):]
		some, err := n.factsOf(page)
		if errors.Is(err, ErrOver) {
			break
		}
		if err != nil {
			return nil, err
		}
		facts = append(facts, some...)
	}
	return facts, nil
}

func (n *Node) factsOf(names []string) ([]Fact, error) {
	facts := make([]Fact, len(names))
	var commands [][]string
	var of []int // the fact that a command is about
	ask := func(i int, command ...string) {
		commands, of = append(commands, command), append(of, i)
	}
	for i, name := range names {
		facts[i] = Fact{Name: name, Size: -1}
		ask(i, "TYPE", name)
		if !n.Denied("PTTL") {
			ask(i, "PTTL", name)
		}
		if !n.Denied("MEMORY USAGE") {
			ask(i, "MEMORY", "USAGE", name)
		}
	}
	err := n.Ask(commands, func(c int, h resp.Header, r *resp.Reader) (err error) {
		f := &facts[of[c]]
		switch command := commands[c][0]; {
		case command == "TYPE":
			f.Type, err = n.readType(h)
			return err
		case h.Kind == resp.Error, h.Null():
		case h.Kind != resp.Integer:
			return resp.Unexpected(h, command+"'s integer")
		case command == "PTTL":
			f.Expires = h.N >= 0
		default:
			f.Size, f.Unit = h.N, Bytes
		}
		return nil
	})
	if err != nil || !n.Denied("MEMORY USAGE") {
		return facts, err
	}
	return facts, n.addSizes(facts)
}

// addSizes asks for sizes in the ways that the types have.
func (n *Node) addSizes(facts []Fact) error {
	var commands [][]string
	var of []*Fact
	for i := range facts {
		size, known := sizeCommands[facts[i].Type]
		if known && !n.Denied(size.command) {
			commands, of = append(commands, []string{size.command, facts[i].Name}), append(of, &facts[i])
		}
	}
	return n.Ask(commands, func(c int, h resp.Header, r *resp.Reader) error {
		switch {
		case h.Kind == resp.Error: // another type by now, or denied
		case h.Kind != resp.Integer:
			return resp.Unexpected(h, commands[c][0]+"'s integer")
		default:
			of[c].Size, of[c].Unit = h.N, sizeCommands[of[c].Type].unit
		}
		return nil
	})
}

// Estimate is about how many keys of the node match, with what is known of it; sure
// says that it is exact. With known false there are at least as many.
func (n *Node) Estimate() (keys float64, sure, known bool) {
	switch {
	case n.Whole:
		return float64(n.Found), true, true
	case n.Keys < 0 || n.Looked == 0 || n.part || !n.sample.config.CountAll:
		return float64(n.Found), false, false
	}
	return max(float64(n.Keys)*float64(n.Found)/float64(n.Looked), float64(n.Found)), false, true
}
