package sample

import (
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/glob"
	"github.com/redisarrow/redisarrow/internal/resp"
)

// walk lists a node's keys.
type walk interface {
	// page lists some more keys, of which so many are wanted.
	page(n *Node, wanted int) error
}

const (
	// starts is from how many slots at once a node is scanned that keeps its keys
	// by slot: the keys of one slot may all be of one user.
	starts = 64
	// leastCount and mostCount are SCAN's COUNT: a server takes 1 to 3 ms for the
	// latter.
	leastCount = 10
	mostCount  = 4000

	// fewSlots are listed one by one.
	fewSlots = 64
	// perPage is how many slots are listed together, and mostOfSlot how many keys
	// of each of many.
	perPage    = 64
	mostOfSlot = 100
)

func (c *Config) matches(key string) bool {
	return c.Pattern == "" || c.Pattern == "*" || glob.Match(c.Pattern, key)
}

func (n *Node) newWalk(bySlot bool) walk {
	if n.sample.cluster && n.slots.Len() <= fewSlots {
		return newSlotWalk(n, false)
	}
	return newScanWalk(n, bySlot)
}

// scanWalk is SCAN from several places: each goes on to where the next one began.
type scanWalk struct {
	places []place
	count  int
}

// place is where one of the scans is.
type place struct {
	cursor uint64
	stop   int // the slot at which it is done; beyond all slots for a scan to the end
}

func newScanWalk(n *Node, bySlot bool) *scanWalk {
	w := &scanWalk{count: leastCount}
	if !bySlot {
		w.places = []place{{stop: cluster.Slots}}
		return w
	}
	// A slot's number is the cursor of its beginning, see internal/scan.
	own := slices.Collect(n.slots.All())
	first := []int{int(own[0])}
	for _, i := range rand.Perm(len(own) - 1)[:min(starts-1, len(own)-1)] {
		first = append(first, int(own[i+1]))
	}
	slices.Sort(first)
	for i, slot := range first {
		stop := cluster.Slots
		if i+1 < len(first) {
			stop = first[i+1]
		}
		w.places = append(w.places, place{cursor: uint64(slot), stop: stop})
	}
	// Where not all of them can have their turn, it isn't always the first slots'.
	rand.Shuffle(len(w.places), func(i, j int) { w.places[i], w.places[j] = w.places[j], w.places[i] })
	return w
}

func (w *scanWalk) page(n *Node, wanted int) error {
	if n.denied["SCAN"] {
		n.walk = newSlotWalk(n, true)
		return nil
	}
	config := &n.sample.config
	w.count = min(max(w.count, wanted/len(w.places)), mostCount)
	commands := make([][]string, len(w.places))
	for i, p := range w.places {
		commands[i] = []string{"SCAN", strconv.FormatUint(p.cursor, 10), "COUNT", strconv.Itoa(w.count)}
		if !config.CountAll && config.Pattern != "" && config.Pattern != "*" {
			commands[i] = append(commands[i], "MATCH", config.Pattern)
		}
		if config.Type != "" {
			commands[i] = append(commands[i], "TYPE", config.Type)
		}
	}
	found := n.Found
	replies, err := n.conn.Pipeline(n.sample.ctx, commands...)
	if err != nil {
		return n.failed("SCAN", err)
	}
	next := w.places[:0]
	var keys [][]resp.Value
	for i, reply := range replies {
		if err := reply.Err(); err != nil {
			if cluster.IsDenied(err) && n.sample.cluster {
				n.denied["SCAN"] = true
				return nil
			}
			return n.failed("SCAN", err)
		}
		p := w.places[i]
		if p.cursor, err = readCursor(reply); err != nil {
			return n.failed("SCAN", err)
		}
		keys = append(keys, reply.Elems[1].Elems)
		if p.cursor != 0 && int(p.cursor%cluster.Slots) < p.stop || p.cursor != 0 && p.stop == cluster.Slots {
			next = append(next, p)
		}
	}
	n.takeByTurns(keys)
	if w.places = next; len(next) == 0 {
		n.over, n.Whole = true, true
	}
	if n.Found-found < int64(wanted) {
		w.count *= 2 // few match: larger pages
	}
	return nil
}

// readCursor is the cursor of SCAN's reply.
func readCursor(reply resp.Value) (uint64, error) {
	if len(reply.Elems) != 2 {
		return 0, &resp.ProtocolError{Reason: "SCAN returned no cursor and keys"}
	}
	cursor, err := strconv.ParseUint(reply.Elems[0].Text, 10, 64)
	if err != nil {
		return 0, &resp.ProtocolError{Reason: "SCAN returned a cursor that isn't a number"}
	}
	return cursor, nil
}

// takeByTurns takes the first key of each place, then the second, and so on: where
// there are more than are needed, they are from everywhere.
func (n *Node) takeByTurns(keys [][]resp.Value) {
	for i, more := 0, true; more; i++ {
		more = false
		for _, ofPlace := range keys {
			if i < len(ofPlace) {
				n.take(ofPlace[i].Text)
				more = true
			}
		}
	}
}

// slotWalk is CLUSTER GETKEYSINSLOT, of the slots in any order.
type slotWalk struct {
	slots []uint16
	whole bool // no slot had more keys than were asked for
	last  bool // there is no other way
}

func newSlotWalk(n *Node, last bool) *slotWalk {
	w := &slotWalk{slots: slices.Collect(n.slots.All()), whole: true, last: last}
	rand.Shuffle(len(w.slots), func(i, j int) { w.slots[i], w.slots[j] = w.slots[j], w.slots[i] })
	return w
}

func (w *slotWalk) page(n *Node, wanted int) error {
	slots := w.slots[:min(len(w.slots), perPage)]
	count := mostOfSlot
	if len(slots) == len(w.slots) {
		// The last ones have to give what there is.
		count = max(count, min(wanted+1, mostCount))
	}
	commands := make([][]string, len(slots))
	for i, slot := range slots {
		commands[i] = []string{"CLUSTER", "GETKEYSINSLOT", strconv.Itoa(int(slot)), strconv.Itoa(count)}
	}
	const command = "CLUSTER GETKEYSINSLOT"
	replies, err := n.conn.Pipeline(n.sample.ctx, commands...)
	if err != nil {
		return n.failed(command, err)
	}
	keys := make([][]resp.Value, len(replies))
	for i, reply := range replies {
		if err := reply.Err(); err != nil {
			if !w.last {
				n.walk = newScanWalk(n, false)
				return nil
			}
			return n.failed(command, err)
		}
		w.whole = w.whole && len(reply.Elems) < count
		keys[i] = reply.Elems
	}
	n.takeByTurns(keys)
	if w.slots = w.slots[len(slots):]; len(w.slots) == 0 {
		n.over, n.Whole = true, w.whole
	}
	return nil
}
