package scan

import (
	"fmt"
	"strconv"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/resp"
)

// walk is SCAN with its cursor: what SlotScan and PlainScan have in common. With
// a guard each page is asked for in one transaction with it.
type walk struct {
	scan   *Scan
	guard  *guard // nil for a server that isn't in a cluster
	pager  *pager
	check  cursorGuard
	cursor uint64
	over   bool
	most   int // keys that a page may have, 0 if there is no bound but the pager's
}

func newWalk(s *Scan, g *guard, pages *pager, start *state) walk {
	return walk{scan: s, guard: g, pager: pages, check: newCursorGuard(start)}
}

func (w *walk) ended() bool     { return w.over }
func (w *walk) matches() bool   { return true }
func (w *walk) command() string { return "SCAN" }
func (w *walk) again()          {}

func (w *walk) ask(out []byte) []byte {
	out = w.guard.begin(out)
	count := w.pager.count()
	if w.most > 0 && w.most < count {
		count, w.pager.asked = w.most, w.most
	}
	var digits [20]byte
	out = append(out, w.scan.scanHead...)
	out = resp.AppendBulk(out, strconv.AppendUint(digits[:0], w.cursor, 10))
	out = resp.AppendBulkString(out, "COUNT")
	out = resp.AppendBulk(out, strconv.AppendInt(digits[:0], int64(count), 10))
	out = append(out, w.scan.scanTail...)
	return w.guard.end(out)
}

// read reads a page, and returns the cursor that it came with, and the slots that
// were safe to be listed.
func (w *walk) read(r *resp.Reader, pg *page) (next uint64, safe cluster.SlotSet, err error) {
	if err := w.guard.open(r, 1, "SCAN"); err != nil {
		return 0, safe, err
	}
	begin := r.BytesRead()
	next, err = readScan(r, pg, w.scan.maxPageKeys)
	if err == nil {
		w.pager.received(r.BytesRead() - begin)
	}
	if err != nil && !isRefused(err) {
		return 0, safe, err
	}
	safe, failed := w.guard.close(r)
	if err == nil {
		err = failed
	}
	return next, safe, err
}

// readScan reads the reply to SCAN: the next cursor and the keys.
func readScan(r *resp.Reader, pg *page, most int) (next uint64, err error) {
	cursor, err := readCursor(r, "SCAN")
	if err != nil {
		return 0, err
	}
	next, err = strconv.ParseUint(string(cursor), 10, 64)
	if err != nil {
		return 0, &resp.ProtocolError{Reason: fmt.Sprintf("SCAN returned a cursor of %d bytes that isn't a number", len(cursor))}
	}
	_, err = readKeys(r, pg, most, "SCAN")
	return next, err
}

// readCursor reads the reply to SCAN or CLUSTERSCAN up to the cursor. It is
// valid until the next read.
func readCursor(r *resp.Reader, command string) ([]byte, error) {
	h, err := r.ReadHeader()
	if err != nil {
		return nil, err
	}
	if h.Kind == resp.Error {
		return nil, &refusedError{command, &resp.ReplyError{Text: string(h.Line)}}
	}
	if h.Kind != resp.Array || h.N != 2 {
		return nil, resp.Unexpected(h, command+"'s array of cursor and keys")
	}
	cursor, ok, err := r.ReadBulkReply()
	if err == nil && !ok {
		return nil, &resp.ProtocolError{Reason: command + " returned a null cursor"}
	}
	return cursor, err
}
