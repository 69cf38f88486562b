package faultnet

import (
	"bytes"
	"strings"
	"sync"
)

// Message is a request or a reply that went over a connection.
type Message struct {
	Command string // as in [Fault]; "" for a reply that nobody asked for
	Bytes   int64  // how many passed; fewer than it has if it was cut
}

// tracker knows what went over a connection, in both directions.
type tracker struct {
	mu       sync.Mutex
	unasked  []string // commands without a reply yet, oldest first
	requests []Message
	replies  []Message
}

// asked takes note of a request before the server gets it.
func (t *tracker) asked(command string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.unasked = append(t.unasked, command)
}

// answers is the command that the next reply answers.
func (t *tracker) answers() (command string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.unasked) > 0 {
		command, t.unasked = t.unasked[0], t.unasked[1:]
	}
	return command
}

// passed adds n bytes of a message, a new one or the one under way.
func (t *tracker) passed(messages *[]Message, command string, begins bool, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if begins || len(*messages) == 0 {
		*messages = append(*messages, Message{Command: command})
	}
	(*messages)[len(*messages)-1].Bytes += int64(n)
}

// commandOf is the name of the command that a request holds whole.
func commandOf(f *framer) string {
	word := func(b []byte) string { return strings.ToUpper(string(bytes.TrimSuffix(b, []byte("\r\n")))) }
	name := word(f.words[0])
	if f.bulks > 1 && (name == "CLUSTER" || name == "CLIENT" || name == "CONFIG" || name == "COMMAND") {
		name += " " + word(f.words[1])
	}
	return name
}
