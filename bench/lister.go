package main

import (
	"strconv"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/resp"
	"github.com/redisarrow/redisarrow/iterator"
)

// countHint is SCAN's COUNT: our default, given to every reader.
const countHint = iterator.DefaultCountHint

// firstCount is the COUNT of a master's first page, of which ours doesn't know
// yet how long the keys are.
const firstCount = 100

// slotsCounted is how many slots ours asks the sizes of in one go.
const slotsCounted = 512

// lister lists the keys of a master, for the floor: one request at a time, as
// ours.
type lister interface {
	ended() bool
	// ask appends the next request.
	ask(out []byte) []byte
	// receive reads its replies and gives take the keys.
	receive(r replies, take func(key []byte)) error
}

// transaction is a request with the servers' word beside it, if it is guarded:
// MULTI, CLUSTER NODES, …, EXEC.
type transaction struct{ guarded bool }

var (
	transactionHead = resp.AppendCommand(resp.AppendCommand(nil, "MULTI"), "CLUSTER", "NODES")
	transactionTail = resp.AppendCommand(nil, "EXEC")
)

func (t transaction) begin(out []byte) []byte {
	if t.guarded {
		out = append(out, transactionHead...)
	}
	return out
}

func (t transaction) end(out []byte) []byte {
	if t.guarded {
		out = append(out, transactionTail...)
	}
	return out
}

// open reads up to the reply to the first of so many commands.
func (t transaction) open(r replies, commands int) error {
	if !t.guarded {
		return nil
	}
	for range 2 + commands { // OK and QUEUED
		if err := r.Skip(); err != nil {
			return err
		}
	}
	if _, err := r.array(); err != nil {
		return err
	}
	return r.Skip() // what CLUSTER NODES says
}

// scanLister lists by SCAN.
type scanLister struct {
	transaction
	head   []byte // SCAN up to the cursor
	first  []byte // and what follows it, on the first page
	tail   []byte // and on the others
	cursor string
	over   bool
}

func newScanLister(t task) *scanLister {
	options := []string{"TYPE", t.Data.typ(), "MATCH", t.Data.pattern(), "COUNT"}
	l := &scanLister{transaction: transaction{t.Method.Guarded}, cursor: "0"}
	l.head, l.first = command("SCAN", append(options, strconv.Itoa(firstCount))...)
	_, l.tail = command("SCAN", append(options, strconv.Itoa(countHint))...)
	return l
}

func (l *scanLister) ended() bool { return l.over }

func (l *scanLister) ask(out []byte) []byte {
	out = append(l.begin(out), l.head...)
	out = resp.AppendBulkString(out, l.cursor)
	if l.cursor == "0" {
		out = append(out, l.first...)
	} else {
		out = append(out, l.tail...)
	}
	return l.end(out)
}

func (l *scanLister) receive(r replies, take func(key []byte)) error {
	if err := l.open(r, 1); err != nil {
		return err
	}
	if _, err := r.array(); err != nil {
		return err
	}
	cursor, _, err := r.ReadBulkReply()
	if err != nil {
		return err
	}
	l.cursor = string(cursor)
	l.over = l.cursor == "0"
	return r.keys(take)
}

// slotLister lists by CLUSTER GETKEYSINSLOT, about a page's keys at a time, by
// the sizes of the slots, which it asks for beforehand.
type slotLister struct {
	transaction
	slots  []uint16 // still to be listed
	counts []int    // of the first of them
	under  int      // how many of them are being listed; 0 if they are being counted
}

var (
	countHead = resp.AppendBulkString(resp.AppendBulkString(resp.AppendArray(nil, 3), "CLUSTER"), "COUNTKEYSINSLOT")
	listHead  = resp.AppendBulkString(resp.AppendBulkString(resp.AppendArray(nil, 4), "CLUSTER"), "GETKEYSINSLOT")
)

func appendNumber(out []byte, n int) []byte {
	var digits [20]byte
	return resp.AppendBulk(out, strconv.AppendInt(digits[:0], int64(n), 10))
}

func newSlotLister(t task, slots cluster.SlotSet) *slotLister {
	l := &slotLister{transaction: transaction{t.Method.Guarded}}
	for slot := range slots.All() {
		l.slots = append(l.slots, slot)
	}
	return l
}

func (l *slotLister) ended() bool { return len(l.slots) == 0 }

func (l *slotLister) ask(out []byte) []byte {
	l.under = 0
	if len(l.counts) == 0 {
		for _, slot := range l.slots[:min(slotsCounted, len(l.slots))] {
			out = appendNumber(append(out, countHead...), int(slot))
		}
		return out
	}
	out = l.begin(out)
	for keys := 0; l.under < len(l.counts); l.under++ {
		n := l.counts[l.under]
		if keys += n; keys > countHint && l.under > 0 {
			break
		}
		out = appendNumber(append(out, listHead...), int(l.slots[l.under]))
		out = appendNumber(out, n+1)
	}
	return l.end(out)
}

func (l *slotLister) receive(r replies, take func(key []byte)) error {
	if l.under == 0 {
		for range min(slotsCounted, len(l.slots)) {
			n, err := r.integer()
			if err != nil {
				return err
			}
			l.counts = append(l.counts, n)
		}
		return nil
	}
	if err := l.open(r, l.under); err != nil {
		return err
	}
	for range l.under {
		if err := r.keys(take); err != nil {
			return err
		}
	}
	l.slots, l.counts = l.slots[l.under:], l.counts[l.under:]
	return nil
}

// replies are those of a server of our own: anything else than what is expected
// is an error.
type replies struct{ *resp.Conn }

func (r replies) array() (int, error) {
	h, err := r.ReadHeader()
	if err == nil && h.Kind != resp.Array {
		err = resp.Unexpected(h, "an array")
	}
	return int(h.N), err
}

func (r replies) integer() (int, error) {
	h, err := r.ReadHeader()
	if err == nil && h.Kind != resp.Integer {
		err = resp.Unexpected(h, "an integer")
	}
	return int(h.N), err
}

func (r replies) keys(take func(key []byte)) error {
	n, err := r.array()
	if err != nil {
		return err
	}
	for range n {
		key, _, err := r.ReadBulkReply()
		if err != nil {
			return err
		}
		take(key)
	}
	return nil
}

// command gives the bytes of a command before and behind its first argument.
func command(name string, args ...string) (head, tail []byte) {
	head = resp.AppendArray(head, 2+len(args))
	head = resp.AppendBulkString(head, name)
	for _, s := range args {
		tail = resp.AppendBulkString(tail, s)
	}
	return head, tail
}
