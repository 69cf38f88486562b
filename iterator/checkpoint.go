package iterator

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/scan"
)

// ErrCheckpoint is wrapped by the errors for a [Config.Resume] that can't be used:
// it is damaged, was made by a newer version, or belongs to another scan.
var ErrCheckpoint = errors.New("iterator: the checkpoint can't be used")

// checkpoint is where a scan stands. As bytes it is
//
//	redisarrow-checkpoint 1\n
//	{"kind":"hash","pattern":"user:*", …}\n
//	the hashes of the slots in "partial", 8 bytes each, little-endian
//	the SHA-256 of all that
//
// so that a person can see what it belongs to.
type checkpoint struct {
	terms
	Rows    uint64        `json:"rows"` // handed out
	Seed    uint64        `json:"seed,string"`
	Nodes   []string      `json:"nodes"`   // IDs, at the time
	Done    string        `json:"done"`    // slots of which every row is out
	Partial []partialSlot `json:"partial"` // others of which some are, ascending

	keys map[uint16][]uint64
	done cluster.SlotSet
}

// terms are what must be the same when a scan goes on: with others, its rows
// would be other rows.
type terms struct {
	Kind         string `json:"kind"`
	Pattern      string `json:"pattern"`
	Schema       string `json:"schema"`
	OnParseError string `json:"on_parse_error"`
	Slots        string `json:"slots"`
}

type partialSlot struct {
	Slot uint16 `json:"slot"`
	Keys int    `json:"keys"`
}

const (
	checkpointName    = "redisarrow-checkpoint "
	checkpointVersion = "1"
	hashBytes         = 8
)

func newTerms(k scan.Kind, l *layout, c *Config) terms {
	pattern := c.Pattern
	if pattern == "" {
		pattern = "*"
	}
	return terms{Kind: k.Type(), Pattern: pattern, Schema: l.text, OnParseError: c.OnParseError.String(), Slots: c.Slots.String()}
}

// marshal makes bytes of it.
func (c *checkpoint) marshal() ([]byte, error) {
	c.Done = c.done.String()
	c.Partial = []partialSlot{}
	size := 0
	for slot, keys := range c.keys {
		c.Partial = append(c.Partial, partialSlot{slot, len(keys)})
		size += hashBytes * len(keys)
	}
	slices.SortFunc(c.Partial, func(a, b partialSlot) int { return int(a.Slot) - int(b.Slot) })
	head, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(checkpointName)+len(head)+size+sha256.Size+len("1\n\n"))
	out = append(out, checkpointName+checkpointVersion+"\n"...)
	out = append(append(out, head...), '\n')
	for _, p := range c.Partial {
		for _, h := range c.keys[p.Slot] {
			out = binary.LittleEndian.AppendUint64(out, h)
		}
	}
	sum := sha256.Sum256(out)
	return append(out, sum[:]...), nil
}

// parseCheckpoint reads what marshal has made.
func parseCheckpoint(data []byte) (*checkpoint, error) {
	damaged := func(format string, args ...any) (*checkpoint, error) {
		return nil, fmt.Errorf("%w: %s", ErrCheckpoint, fmt.Sprintf(format, args...))
	}
	rest, ok := bytes.CutPrefix(data, []byte(checkpointName))
	if !ok {
		return damaged("it isn't one")
	}
	version, rest, ok := bytes.Cut(rest, []byte("\n"))
	if !ok {
		return damaged("it is cut off")
	}
	if string(version) != checkpointVersion {
		return damaged("it has version %.20q, this program reads %s", version, checkpointVersion)
	}
	if len(rest) < sha256.Size {
		return damaged("it is cut off")
	}
	body := data[:len(data)-sha256.Size]
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:], data[len(body):]) {
		return damaged("it is damaged or cut off (its checksum is another one)")
	}
	head, hashes, ok := bytes.Cut(rest[:len(rest)-sha256.Size], []byte("\n"))
	if !ok {
		return damaged("it is cut off")
	}
	c := &checkpoint{keys: map[uint16][]uint64{}}
	if err := json.Unmarshal(head, c); err != nil {
		return damaged("%v", err)
	}
	var err error
	if c.done, err = cluster.ParseRanges(c.Done); err != nil {
		return damaged("%v", err)
	}
	for _, p := range c.Partial {
		if p.Slot >= cluster.Slots || p.Keys < 0 || p.Keys > len(hashes)/hashBytes || c.done.Has(p.Slot) || c.keys[p.Slot] != nil {
			return damaged("slot %d with %d keys can't be", p.Slot, p.Keys)
		}
		keys := make([]uint64, p.Keys)
		for i := range keys {
			keys[i] = binary.LittleEndian.Uint64(hashes[hashBytes*i:])
		}
		c.keys[p.Slot], hashes = keys, hashes[hashBytes*p.Keys:]
	}
	if len(hashes) > 0 {
		return damaged("%d bytes are left over", len(hashes))
	}
	return c, nil
}

// check compares the terms of a scan that is to go on with the checkpoint's.
func (c *checkpoint) check(now terms) error {
	for _, term := range []struct{ name, then, now string }{
		{"type", c.Kind, now.Kind},
		{"pattern", c.Pattern, now.Pattern},
		{"schema", c.Schema, now.Schema},
		{"OnParseError", c.OnParseError, now.OnParseError},
		{"slots", c.Slots, now.Slots},
	} {
		if term.then != term.now {
			return fmt.Errorf("%w: it belongs to a scan with %s %q, and this one has %q", ErrCheckpoint, term.name, term.then, term.now)
		}
	}
	return nil
}

// checkNodes refuses a cluster of which no node was known then.
func (c *checkpoint) checkNodes(now map[string]bool) error {
	if len(c.Nodes) == 0 && len(now) == 0 {
		return nil // a server that is alone has no ID that lasts
	}
	for _, id := range c.Nodes {
		if now[id] {
			return nil
		}
	}
	return fmt.Errorf("%w: it belongs to another cluster: none of the %d nodes that were there then is in this one, of %d nodes", ErrCheckpoint, len(c.Nodes), len(now))
}

// Checkpoint returns where the scan stands: all rows handed out so far, the current
// batch's among them, and no other. A scan with these bytes as [Config.Resume],
// in another process and at any later time, gives the rows that are left: a key
// that has given its row by then gives none again.
//
// It needs [Config.Checkpoints], and may be called by whoever calls Next, at any
// time until Release. It costs the time to copy 8 bytes for each key handed out
// whose slot isn't through: mostly those of the last second.
func (r *BatchReader) Checkpoint() ([]byte, error) {
	if r.account == nil {
		return nil, fmt.Errorf("%w: Checkpoint needs Checkpoints", ErrConfig)
	}
	c := &checkpoint{terms: r.terms, Rows: r.row, Seed: r.scan.Seed(), keys: map[uint16][]uint64{}}
	for id := range r.scan.NodeIDs() {
		c.Nodes = append(c.Nodes, id)
	}
	slices.Sort(c.Nodes)
	a := r.account
	a.mu.Lock()
	defer a.mu.Unlock()
	c.done = a.done
	for slot := range a.keys {
		if keys := a.keys[slot]; len(keys) > 0 {
			c.keys[uint16(slot)] = keys
		}
	}
	return c.marshal()
}

// resume takes over what a checkpoint says.
func (a *account) resume(c *checkpoint) {
	a.done = c.done
	for slot, keys := range c.keys {
		a.keys[slot] = keys
	}
}
