package iterator

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/scan"
	"github.com/redisarrow/redisarrow/internal/sealed"
)

// ErrCheckpoint is wrapped by the errors for a [Config.Resume] that can't be used:
// it is damaged, was made by a newer version, or belongs to another scan.
var ErrCheckpoint = errors.New("iterator: the checkpoint can't be used")

// checkpoint is where a scan stands. As bytes it is sealed: the exported fields as
// JSON, and then the hashes of the slots in Partial, 8 bytes each, little-endian.
type checkpoint struct {
	terms
	Rows    uint64          `json:"rows"` // handed out
	Seed    uint64          `json:"seed,string"`
	Nodes   []string        `json:"nodes"`   // IDs, at the time
	Done    cluster.SlotSet `json:"done"`    // slots of which every row is out
	Partial []partialSlot   `json:"partial"` // others of which some are, ascending

	keys map[uint16][]uint64
}

// terms are what must be the same when a scan goes on: with others, its rows
// would be other rows.
type terms struct {
	Kind         string `json:"kind"`
	Pattern      string `json:"pattern"`
	Schema       string `json:"schema"`
	OnParseError string `json:"on_parse_error"`
	LargeValues  string `json:"large_values,omitempty"` // MaxValueBytes and OnLargeValue
	Slots        string `json:"slots"`
}

type partialSlot struct {
	Slot uint16 `json:"slot"`
	Keys int    `json:"keys"`
}

const (
	checkpointKind    = "redisarrow-checkpoint"
	checkpointVersion = "1"
	hashBytes         = 8
)

func newTerms(k scan.Kind, l *layout, c *Config) terms {
	pattern := c.Pattern
	if pattern == "" {
		pattern = "*"
	}
	large := ""
	if c.MaxValueBytes > 0 {
		large = fmt.Sprintf("%d, %v", c.MaxValueBytes, c.OnLargeValue)
	}
	return terms{
		Kind: k.Type(), Pattern: pattern, Schema: l.text,
		OnParseError: c.OnParseError.String(), LargeValues: large, Slots: c.Slots.String(),
	}
}

// marshal makes bytes of it.
func (c *checkpoint) marshal() ([]byte, error) {
	c.Partial = []partialSlot{}
	var hashes []byte
	for _, slot := range slices.Sorted(maps.Keys(c.keys)) {
		c.Partial = append(c.Partial, partialSlot{slot, len(c.keys[slot])})
		for _, h := range c.keys[slot] {
			hashes = binary.LittleEndian.AppendUint64(hashes, h)
		}
	}
	return sealed.Seal(checkpointKind, checkpointVersion, c, hashes)
}

// parseCheckpoint reads what marshal has made.
func parseCheckpoint(data []byte) (*checkpoint, error) {
	c := &checkpoint{keys: map[uint16][]uint64{}}
	hashes, err := sealed.Open(checkpointKind, checkpointVersion, data, c)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	for _, p := range c.Partial {
		if p.Slot >= cluster.Slots || p.Keys < 0 || p.Keys > len(hashes)/hashBytes || c.Done.Has(p.Slot) || c.keys[p.Slot] != nil {
			return nil, fmt.Errorf("%w: slot %d with %d keys can't be", ErrCheckpoint, p.Slot, p.Keys)
		}
		keys := make([]uint64, p.Keys)
		for i := range keys {
			keys[i] = binary.LittleEndian.Uint64(hashes[hashBytes*i:])
		}
		c.keys[p.Slot], hashes = keys, hashes[hashBytes*p.Keys:]
	}
	if len(hashes) > 0 {
		return nil, fmt.Errorf("%w: %d bytes are left over", ErrCheckpoint, len(hashes))
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
		{"MaxValueBytes and OnLargeValue", c.LargeValues, now.LargeValues},
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
	c.Done = a.done
	for slot := range a.keys {
		if keys := a.keys[slot]; len(keys) > 0 {
			c.keys[uint16(slot)] = keys
		}
	}
	return c.marshal()
}

// resume takes over what a checkpoint says.
func (a *account) resume(c *checkpoint) {
	a.done = c.Done
	for slot, keys := range c.keys {
		a.keys[slot] = keys
	}
}
