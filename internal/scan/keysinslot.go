package scan

import (
	"errors"
	"strconv"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/resp"
)

// slotQueue is slots that are listed one by one, a number of them in a request,
// by how many keys they have: which is asked for many of them beforehand.
type slotQueue struct {
	next    []slotToList
	counted int  // of next: how many are known in size
	under   int  // how many of next are being asked for
	asking  bool // for counts
	blind   bool // counts may not be asked for
	guess   int  // the keys of a slot, where blind
	limit   int  // how many slots a request may be about
	most    int  // how many it is about at most now: few when connections break
}

// slotToList is a slot that is still to be listed.
type slotToList struct {
	slot   uint16
	keys   int    // how many it has, more or less
	ask    int    // how many are asked for
	cursor string // CLUSTERSCAN: where it goes on
}

const (
	// maxSlots is how many slots a request lists at most.
	maxSlots = 512
	// countsAhead is of how many times as many the sizes are asked for together: that
	// takes the server about a millisecond, and over a long way saves going it.
	countsAhead = 8
)

func newSlotQueue(slots cluster.SlotSet, limit int) slotQueue {
	q := slotQueue{guess: 1, limit: limit, most: limit, next: make([]slotToList, 0, slots.Len())}
	for slot := range slots.All() {
		q.next = append(q.next, slotToList{slot: slot})
	}
	return q
}

func (q *slotQueue) ended() bool { return len(q.next) == 0 }

// again takes back the request under way. A smaller one may come through.
func (q *slotQueue) again() {
	q.asking, q.under = false, 0
	q.most = max(q.most/2, 1)
}

// answered ends the request under way.
func (q *slotQueue) answered() {
	q.asking, q.under = false, 0
	q.most = min(2*q.most, q.limit)
}

// counts reports whether sizes of slots are to be asked for: those of the next
// one aren't known.
func (q *slotQueue) counts() bool { return q.counted == 0 && !q.blind }

// askCounts asks for the sizes of slots.
func (q *slotQueue) askCounts(out []byte) []byte {
	q.asking = true
	q.under = q.most
	if q.most == maxSlots { // nothing asks for small requests
		q.under *= countsAhead
	}
	q.under = min(q.under, len(q.next))
	for _, s := range q.next[:q.under] {
		out = append(out, countHead...)
		out = appendSlot(out, s.slot)
	}
	return out
}

// receiveCounts takes them in.
func (q *slotQueue) receiveCounts(r *resp.Reader) error {
	n := q.under
	var refused *refusedError
	for i := range n {
		h, err := r.ReadHeader()
		switch {
		case err != nil:
			return err
		case h.Kind == resp.Error:
			refused = &refusedError{countCommand, &resp.ReplyError{Text: string(h.Line)}}
		case h.Kind != resp.Integer || h.N < 0:
			return resp.Unexpected(h, countCommand+"'s integer")
		case refused == nil:
			q.next[i].keys = int(min(h.N, maxKeys))
			q.counted = i + 1
		}
	}
	q.answered()
	if refused == nil {
		return nil
	}
	return q.uncounted(refused)
}

// uncounted looks at what counts were refused with: what isn't a passing trouble
// means that they may not be asked for.
func (q *slotQueue) uncounted(refused *refusedError) error {
	if code := refused.reply.Code(); code == "NOPERM" || code == "ERR" {
		q.blind = true
		return nil
	}
	return refused
}

// maxKeys bounds a count that a server tells.
const maxKeys = 1 << 40

// take says which slots the next request lists: some with about so many keys
// together, one at least. most is how many a slot is asked for at most.
func (q *slotQueue) take(budget, most int) []slotToList {
	known := q.counted
	if q.blind {
		known = len(q.next)
	}
	keys := 0
	for q.under = 0; q.under < min(known, q.most); q.under++ {
		s := &q.next[q.under]
		if q.blind && s.cursor == "" {
			s.keys = max(s.keys, q.guess)
		}
		s.ask = min(s.keys+s.keys/8+headroom, most)
		if keys += min(s.keys, most); keys > budget && q.under > 0 {
			break
		}
	}
	return q.next[:q.under]
}

// headroom is for keys that come between counting and listing.
const headroom = 16

// settle takes the slots that were asked for off the queue, but for those that
// keep says.
func (q *slotQueue) settle(keep func(s *slotToList) bool) {
	asked := q.next[:q.under]
	kept := 0
	for i := len(asked) - 1; i >= 0; i-- {
		if keep(&asked[i]) {
			kept++
			asked[len(asked)-kept] = asked[i]
		}
	}
	gone := len(asked) - kept
	q.next = q.next[gone:]
	q.counted = max(q.counted-gone, 0)
	q.answered()
}

// keep takes all slots off the queue but those that are wanted.
func (q *slotQueue) keep(wanted func(s *slotToList, counted bool) bool) {
	kept, counted := q.next[:0], 0
	for i, s := range q.next {
		if !wanted(&s, i < q.counted) {
			continue
		}
		if kept = append(kept, s); i < q.counted {
			counted++
		}
	}
	q.next, q.counted = kept, counted
}

const (
	countCommand = "CLUSTER COUNTKEYSINSLOT"
	listCommand  = "CLUSTER GETKEYSINSLOT"
)

var (
	countHead = resp.AppendBulkString(resp.AppendBulkString(resp.AppendArray(nil, 3), "CLUSTER"), "COUNTKEYSINSLOT")
	listHead  = resp.AppendBulkString(resp.AppendBulkString(resp.AppendArray(nil, 4), "CLUSTER"), "GETKEYSINSLOT")
)

func appendSlot(out []byte, slot uint16) []byte { return appendNumber(out, int(slot)) }

func appendNumber(out []byte, n int) []byte {
	var digits [20]byte
	return resp.AppendBulk(out, strconv.AppendInt(digits[:0], int64(n), 10))
}

// keysInSlot lists slots with CLUSTER GETKEYSINSLOT, some in one transaction
// with the guard. The server answers for a slot in one go, so nothing is missed
// or repeated in it, and nobody else is served meanwhile: a request is kept to
// about a millisecond, and slots that would take too long are left over.
type keysInSlot struct {
	slotQueue
	scan  *Scan
	guard *guard
	pager *pager
	large cluster.SlotSet // left over
}

const (
	// largeSlot is the number of keys from which a slot isn't listed in one go:
	// that takes the server some 10 ms.
	largeSlot = 100_000
	// largeSlotBytes is the same in bytes of keys.
	largeSlotBytes = 16 << 20
)

func newKeysInSlot(s *Scan, g *guard, pages *pager, slots cluster.SlotSet) *keysInSlot {
	return &keysInSlot{slotQueue: newSlotQueue(slots, s.slotsAtOnce()), scan: s, guard: g, pager: pages}
}

func (w *keysInSlot) matches() bool   { return false }
func (w *keysInSlot) command() string { return listCommand }

func (w *keysInSlot) ask(out []byte) []byte {
	out = w.guard.begin(out)
	if w.counts() {
		return w.guard.end(w.askCounts(out))
	}
	most := largeSlot + headroom
	if w.pager.perKey == 0 {
		most = firstPage // the keys may all be long
	}
	for _, s := range w.take(w.pager.count(), most) {
		out = append(out, listHead...)
		out = appendSlot(out, s.slot)
		out = appendNumber(out, s.ask)
	}
	return w.guard.end(out)
}

func (w *keysInSlot) receive(r *resp.Reader, pg *page) (pc piece, err error) {
	if w.asking {
		return w.receiveCounts(r)
	}
	begin := r.BytesRead()
	asked := w.next[:w.under]
	if err := w.guard.open(r, len(asked), listCommand); err != nil {
		return pc, err
	}
	var refused, full cluster.SlotSet
	keys := 0
	var because error
	for i := range asked {
		s := &asked[i]
		h, err := r.ReadHeader()
		if err != nil {
			return pc, err
		}
		if h.Kind == resp.Error {
			refused.Add(s.slot)
			because = &refusedError{listCommand, &resp.ReplyError{Text: string(h.Line)}}
			continue
		}
		before := pg.len()
		n, err := readKeysOf(h, r, pg, s.ask, listCommand)
		if err != nil {
			return pc, err
		}
		keys += n
		if n == s.ask { // there may be more of them: all will be listed then
			pg.cut(before)
			full.Add(s.slot)
			s.keys = max(s.keys, 2*n)
			continue
		}
		pc.done.Add(s.slot)
	}
	safe, err := w.guard.close(r)
	if err != nil {
		return pc, err
	}
	unsafe := pc.done.Union(full).Minus(safe)
	pc.done, full = pc.done.Minus(unsafe), full.Minus(unsafe)
	if !refused.Empty() {
		pc.doubts = append(pc.doubts, Reason{Slots: refused, Err: because})
	}
	if !unsafe.Empty() {
		pc.doubts = append(pc.doubts, w.guard.reasons(unsafe)...)
	}
	w.settle(func(s *slotToList) bool { return full.Has(s.slot) })
	w.guess = max(1, min(pg.len()/len(asked), largeSlot))
	if keys > 0 {
		w.pager.asked = keys // nothing is known of their length by empty slots
		w.pager.received(r.BytesRead() - begin)
	}
	w.leaveLarge()
	return pc, nil
}

// receiveCounts takes in the sizes of slots. They are asked for under the guard:
// a slot that has no key in the instant in which it is safe has been listed.
func (w *keysInSlot) receiveCounts(r *resp.Reader) (pc piece, err error) {
	asked := w.under
	err = w.guard.open(r, asked, countCommand)
	if err != nil {
		if refused := (*refusedError)(nil); errors.As(err, &refused) && refused.command == countCommand {
			w.answered()
			return pc, w.uncounted(refused)
		}
		return pc, err
	}
	failed := w.slotQueue.receiveCounts(r)
	if failed != nil && !isRefused(failed) {
		return pc, failed
	}
	safe, err := w.guard.close(r)
	if err = errors.Join(err, failed); err != nil {
		return pc, err
	}
	w.keep(func(s *slotToList, counted bool) bool {
		if counted && s.keys == 0 && safe.Has(s.slot) {
			pc.done.Add(s.slot)
			return false
		}
		return true
	})
	w.leaveLarge()
	return pc, nil
}

// leaveLarge takes the slots off the queue that are too large to be listed in one
// go.
func (w *keysInSlot) leaveLarge() {
	most := int64(largeSlot)
	if w.pager.perKey > 0 {
		most = min(most, largeSlotBytes/int64(w.pager.perKey))
	}
	w.keep(func(s *slotToList, _ bool) bool {
		if int64(s.keys) > most {
			w.large.Add(s.slot)
			return false
		}
		return true
	})
}
