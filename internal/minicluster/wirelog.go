package minicluster

import (
	"sync"
)

// Command is one command as it came over the wire.
type Command struct {
	Node, Conn int
	// Batch numbers the commands that came together on a connection, from 1:
	// those that were there before the first of them was answered. A pipeline
	// is one batch if it came in whole; see Config.Gather.
	Batch int
	Args  []string
}

// wireLog counts commands, and keeps them if asked.
type wireLog struct {
	mu     sync.Mutex
	record bool
	counts []map[string]int // by node, then by name in upper case
	log    []Command
}

func newWireLog(record bool) *wireLog { return &wireLog{record: record} }

func (w *wireLog) add(s *session, name string, args [][]byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.counts) <= s.node.index {
		w.counts = append(w.counts, map[string]int{})
	}
	w.counts[s.node.index][name]++
	if !w.record {
		return
	}
	c := Command{Node: s.node.index, Conn: s.id, Batch: s.batch, Args: make([]string, len(args))}
	for i, a := range args {
		c.Args[i] = string(a)
	}
	w.log = append(w.log, c)
}

// Count returns how often the command name, in upper case, came to node, or to
// all nodes if that is -1, since the start or ResetLog. Commands that were
// refused count too, subcommands under their command.
func (c *Cluster) Count(node int, name string) int { return c.Counts(node)[name] }

// Counts returns Count for every command that came.
func (c *Cluster) Counts(node int) map[string]int {
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	sum := map[string]int{}
	for i, counts := range c.wire.counts {
		if node < 0 || node == i {
			for name, n := range counts {
				sum[name] += n
			}
		}
	}
	return sum
}

// SetRecord turns the recording of commands on or off.
func (c *Cluster) SetRecord(on bool) {
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	c.wire.record = on
}

// Log returns the commands recorded since the start or ResetLog, in the order
// in which they were taken up.
func (c *Cluster) Log() []Command {
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	return append([]Command(nil), c.wire.log...)
}

// Batches returns the log as one slice for each batch, in the order of their
// first commands.
func (c *Cluster) Batches() [][]Command {
	type id struct{ conn, batch int }
	at := map[id]int{}
	var out [][]Command
	for _, cmd := range c.Log() {
		k := id{cmd.Conn, cmd.Batch}
		i, ok := at[k]
		if !ok {
			i = len(out)
			at[k] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], cmd)
	}
	return out
}

// ResetLog forgets all counts and commands.
func (c *Cluster) ResetLog() {
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	for _, counts := range c.wire.counts {
		clear(counts)
	}
	c.wire.log = nil
}
