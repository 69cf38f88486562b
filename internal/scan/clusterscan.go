package scan

import (
	"strconv"
	"strings"
	"sync"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/resp"
)

// clusterScan lists slots with Valkey's CLUSTERSCAN, some in one request. It
// needs no guard beside it: the server routes it like a command about a key of
// the slot, and refuses it itself, in the instant in which it would list, unless
// it owns the slot, isn't moving it away, and is up. Its cursor is
// fingerprint-{tag}-local: the fingerprint is the process's, the tag any that
// hashes to the slot, so the first cursor of a slot can be made here; 0 as a
// fingerprint is right for every process. "0" is the end.
type clusterScan struct {
	slotQueue
	scan  *Scan
	pager *pager
}

const (
	clusterScanCommand = "CLUSTERSCAN"
	// atEnd is the cursor behind the last page.
	atEnd = "0"
)

func newClusterScan(s *Scan, pages *pager, slots cluster.SlotSet) *clusterScan {
	return &clusterScan{slotQueue: newSlotQueue(slots, s.slotsAtOnce()), scan: s, pager: pages}
}

func (w *clusterScan) matches() bool   { return true }
func (w *clusterScan) command() string { return clusterScanCommand }

func (w *clusterScan) ask(out []byte) []byte {
	if w.counts() {
		return w.askCounts(out)
	}
	budget := w.pager.count()
	keys := 0
	for _, s := range w.take(budget, budget) {
		out = append(out, w.scan.clusterScanHead...)
		if s.cursor != "" {
			out = resp.AppendBulkString(out, s.cursor)
		} else {
			var first [64]byte
			out = resp.AppendBulk(out, appendFirstCursor(first[:0], s.slot))
		}
		out = resp.AppendBulkString(out, "SLOT")
		out = appendSlot(out, s.slot)
		out = resp.AppendBulkString(out, "COUNT")
		out = appendNumber(out, s.ask)
		out = append(out, w.scan.typed.tail...)
		keys += min(s.keys, budget)
	}
	w.pager.asked = max(keys, 1)
	return out
}

func (w *clusterScan) receive(r *resp.Reader, pg *page) (pc piece, err error) {
	if w.asking {
		return pc, w.receiveCounts(r)
	}
	begin := r.BytesRead()
	asked := w.next[:w.under]
	cursors := make([]string, len(asked))
	var more cluster.SlotSet
	for i := range asked {
		s := &asked[i]
		cursor, err := readCursor(r, clusterScanCommand)
		if reply, ok := err.(*refusedError); ok { //nolint:errorlint // readCursor returns it as it is
			if reason := slotRefused(reply); reason != nil {
				pc.doubts = append(pc.doubts, Reason{Slots: slotSetOf(s.slot), Err: reason})
			} else {
				pc.trouble = reply
				more.Add(s.slot)
			}
			continue
		}
		if err != nil {
			return pc, err
		}
		if cursors[i] = atEnd; string(cursor) != atEnd {
			cursors[i] = string(cursor)
		}
		if _, err := readKeys(r, pg, w.scan.maxPageKeys, clusterScanCommand); err != nil {
			return pc, err
		}
		switch {
		case cursors[i] == atEnd:
			pc.done.Add(s.slot)
		case s.cursor != "" && !sameProcess(s.cursor, cursors[i]):
			pc.doubts = append(pc.doubts, Reason{Slots: slotSetOf(s.slot), Err: errRestarted})
		default:
			more.Add(s.slot)
		}
	}
	// Not before all replies are there: if the connection had broken, the keys on
	// the page would be lost, and everything asked for again from where it was.
	for i := range asked {
		if s := &asked[i]; more.Has(s.slot) && cursors[i] != "" {
			s.cursor = cursors[i]
			s.keys = max(s.keys-s.ask, 1)
		}
	}
	w.guess = max(1, min(pg.len()/len(asked), largeSlot))
	w.settle(func(s *slotToList) bool { return more.Has(s.slot) })
	w.pager.received(r.BytesRead() - begin)
	return pc, nil
}

// slotRefused is why a slot alone was refused; nil if it concerns all.
func slotRefused(e *refusedError) error {
	switch e.reply.Code() {
	case "MOVED":
		return errMoved
	case "ASK":
		return errMigrating
	case "CLUSTERDOWN":
		return e
	default:
		return nil
	}
}

// sameProcess reports whether two cursors have the same fingerprint.
func sameProcess(a, b string) bool {
	before, _, _ := strings.Cut(a, "-{")
	after, _, _ := strings.Cut(b, "-{")
	return before == after
}

// appendFirstCursor adds the cursor of a slot's beginning.
func appendFirstCursor(out []byte, slot uint16) []byte {
	out = append(out, "0-{"...)
	out = append(out, slotTags()[slot]...)
	return append(out, "}-0"...)
}

// slotTags are hash tags, one for each slot, that nobody else will think of: the
// server looks a key up that is called like a cursor.
var slotTags = sync.OnceValue(func() *[cluster.Slots]string {
	tags := new([cluster.Slots]string)
	tag := []byte("redisarrow:")
	prefix := len(tag)
	// All are parts of one string, which takes one allocation.
	var all strings.Builder
	all.Grow(cluster.Slots * (prefix + maxTagDigits))
	for n, left := int64(0), cluster.Slots; left > 0; n++ {
		tag = strconv.AppendInt(tag[:prefix], n, 36)
		if slot := cluster.Slot(tag); tags[slot] == "" {
			begin := all.Len()
			all.Write(tag)
			tags[slot] = all.String()[begin:]
			left--
		}
	}
	return tags
})

// maxTagDigits is how many digits the numbers in tags have at most: the last slot's
// is some 150,000.
const maxTagDigits = 4
