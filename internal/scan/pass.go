package scan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/resp"
)

// pass is one walk over the keys of one master: SCAN from cursor 0 to 0, and
// the fetches for the keys it returns, all in one pipeline on one connection.
//
// Requests are answered in the order in which they were sent, so the pass is
// a loop of two steps: ask for as much as may be in flight, then receive the
// oldest answer. What keeps the server busy is the order of asking: when the
// keys of a page arrive, SCAN for the next page goes out first, then the
// fetches of this one, while the answers of the page before are still to be
// read.
//
//	ask     SCAN n+1, fetch n        (the server works on these …)
//	receive fetch n-1                (… while these are decoded)
//	receive SCAN n+1
//	ask     SCAN n+2, fetch n+1
//	…
type pass struct {
	scan    *Scan
	node    *node
	decoder Decoder
	seen    *seen

	link     link
	patience patience
	start    state           // what the master said of itself before
	slots    cluster.SlotSet // the slots claimed for this pass
	follower follower

	cursor   uint64
	guard    cursorGuard
	progress scanProgress
	order    cursorOrder
	fromSlot uint16    // with slotOrder, the slot below which no key may come any more
	pages    []*page   // with keys not settled, in the order in which they are asked for
	again    *page     // keys to be asked about once more, being gathered
	queue    []request // in flight, oldest first
	sizer    sizer
	pager    pager
	out      []byte // commands to be sent
	spare    []*page
	hashes   []uint64  // of the keys of the page being filtered
	refused  []refusal // of the fetch being received

	loggedInAgain bool            // after a NOAUTH; nothing was received since
	gaveUp        cluster.SlotSet // slots whose refused keys aren't followed any more

	count Counters
}

type scanProgress uint8

const (
	scanIdle  scanProgress = iota // the next page may be asked for
	scanAsked                     // it has been
	scanEnded                     // the cursor came back to 0
)

// request is something in flight: a SCAN, or the fetch of the next keys of a
// page.
type request struct {
	page *page // nil for SCAN
	keys int
}

const (
	// maxPagesInFlight is how many pages may have unanswered fetches.
	maxPagesInFlight = 2
	// maxInFlightBytes is the budget of the sizer.
	maxInFlightBytes = 1 << 20
	// maxWrite bounds the commands that are put together for one write.
	maxWrite = 256 << 10
	// A page has COUNT keys, and the others of the last bucket looked at, which
	// in a table that is being rehashed has parts. What has so many more is no
	// page, and what is larger in bytes isn't held.
	morePageKeys = 1 << 20
	hugePage     = 1 << 30
	// maxAttempts bounds how often one key may be asked about because its
	// replies contradict each other, as TTL's may with the value's.
	maxAttempts = 100
)

// walk goes through all keys. The connection is there, the slots are claimed.
func (p *pass) walk(ctx context.Context) error {
	for {
		err := p.ask()
		if err == nil && len(p.queue) == 0 {
			if p.scan.limit.reached() || (p.progress == scanEnded && len(p.pages) == 0) {
				return nil
			}
			// Nothing may be asked for: other workers hold the last rows of
			// the limit and may give some back.
			if err := p.scan.limit.wait(ctx); err != nil {
				return err
			}
			continue
		}
		if err == nil {
			err = p.receive(ctx)
		}
		p.publish()
		if broken := (*brokenError)(nil); errors.As(err, &broken) {
			err = p.reconnect(ctx, broken.cause)
		}
		if err != nil {
			return err
		}
	}
}

// ask sends what may be in flight now.
func (p *pass) ask() error {
	p.out = p.out[:0]
	p.putAgainFirst()
	if len(p.pages) == 0 {
		p.askScan()
	}
	for i, pg := range p.pages {
		if i == maxPagesInFlight {
			break
		}
		if !p.askPage(pg, i == len(p.pages)-1) {
			break
		}
	}
	if len(p.out) == 0 {
		return nil
	}
	if _, err := p.link.conn.Write(p.out); err != nil {
		return &brokenError{err}
	}
	return nil
}

// askScan asks for the next page, if there is one and it isn't asked for.
func (p *pass) askScan() {
	if p.progress != scanIdle || p.scan.limit.reached() {
		return
	}
	var digits [20]byte
	p.out = append(p.out, p.scan.scanHead...)
	p.out = resp.AppendBulk(p.out, strconv.AppendUint(digits[:0], p.cursor, 10))
	p.out = resp.AppendBulkString(p.out, "COUNT")
	p.out = resp.AppendBulk(p.out, strconv.AppendInt(digits[:0], int64(p.pager.count()), 10))
	p.out = append(p.out, p.scan.scanTail...)
	p.queue = append(p.queue, request{})
	p.progress = scanAsked
}

// askPage asks for keys of a page and reports whether all of them are asked
// for now. With the newest page's first keys it asks for the page after: only
// then, so that pages don't pile up when connections break again and again.
func (p *pass) askPage(pg *page, newest bool) bool {
	commands := p.scan.kind.Commands(pg.step)
	for pg.sent < pg.len() {
		if len(p.out) >= maxWrite {
			return false
		}
		n := min(p.sizer.allow(), pg.len()-pg.sent)
		if missing := pg.sent + n - pg.reserved; missing > 0 {
			pg.reserved += p.scan.limit.reserve(missing)
			n = min(n, pg.reserved-pg.sent)
		}
		if n <= 0 {
			return false
		}
		if newest && pg.sent == 0 {
			p.askScan()
		}
		asked := 0
		for ; asked < n && (asked == 0 || len(p.out) < maxWrite); asked++ {
			key := pg.key(pg.sent + asked)
			for _, c := range commands {
				p.out = c.append(p.out, key)
			}
		}
		pg.sent += asked
		p.sizer.sent(asked)
		p.queue = append(p.queue, request{pg, asked})
	}
	return true
}

// receive takes in the oldest answer.
func (p *pass) receive(ctx context.Context) error {
	oldest := p.queue[0]
	p.queue = append(p.queue[:0], p.queue[1:]...)
	before := p.link.conn.BytesRead()
	var err error
	if oldest.page == nil {
		err = p.receiveScan(ctx)
	} else {
		err = p.receiveFetch(ctx, oldest)
	}
	p.count.Bytes += p.link.conn.BytesRead() - before
	return err
}

// receiveScan takes in a page of keys.
func (p *pass) receiveScan(ctx context.Context) error {
	pg := p.takePage(0)
	begin := p.link.conn.BytesRead()
	next, err := readScan(p.link.conn.Reader, pg, p.scan.maxPageKeys)
	if reply := (*resp.ReplyError)(nil); errors.As(err, &reply) {
		p.progress = scanIdle
		return p.troubled(ctx, "SCAN", reply)
	}
	if err != nil {
		return p.unreadable("SCAN", err)
	}
	p.succeeded()
	p.pager.received(p.link.conn.BytesRead() - begin)
	p.count.Scanned += int64(pg.len())
	if p.guard.monotone && next != 0 {
		// Before its keys are taken: they may be those of a page that has been
		// forgotten.
		if err := p.guard.check(p.cursor, next, p.pager.asked, false); err != nil {
			return p.endless(err)
		}
	}
	p.filter(pg)
	if !p.guard.monotone && next != 0 {
		if err := p.guard.check(p.cursor, next, p.pager.asked, pg.len() > 0); err != nil {
			return p.endless(err)
		}
	}
	if p.order == slotOrder {
		p.fromSlot = max(p.fromSlot, uint16(next%cluster.Slots))
	}
	p.seen.forget(p.order, p.cursor, next, pg)
	p.cursor, p.progress = next, scanIdle
	if next == 0 {
		p.progress = scanEnded
	}
	if pg.len() > 0 {
		p.pages = append(p.pages, pg)
	} else {
		p.retire(pg)
	}
	return nil
}

// endless gives up a master whose SCAN would not end.
func (p *pass) endless(err error) error {
	return &lostError{&cluster.NodeError{Addr: p.node.addr, Command: "SCAN", Err: err}}
}

// readScan reads the reply to SCAN: the next cursor and the keys. Nothing is
// known of a key before the reply is whole: the caller looks at them then.
func readScan(r *resp.Reader, pg *page, most int) (next uint64, err error) {
	h, err := r.ReadHeader()
	if err != nil {
		return 0, err
	}
	if h.Kind == resp.Error {
		return 0, &resp.ReplyError{Text: string(h.Line)}
	}
	if h.Kind != resp.Array || h.N != 2 {
		return 0, resp.Unexpected(h, "SCAN's array of cursor and keys")
	}
	cursor, _, err := r.ReadBulkReply()
	if err != nil {
		return 0, err
	}
	next, err = strconv.ParseUint(string(cursor), 10, 64)
	if err != nil {
		return 0, &resp.ProtocolError{Reason: fmt.Sprintf("SCAN returned a cursor of %d bytes that isn't a number", len(cursor))}
	}
	h, err = r.ReadHeader()
	if err != nil {
		return 0, err
	}
	if h.Kind != resp.Array || h.Null() {
		return 0, resp.Unexpected(h, "SCAN's array of keys")
	}
	if h.N > int64(most) {
		return 0, &resp.ProtocolError{Reason: fmt.Sprintf("SCAN returned %d keys at once, which is no page", h.N)}
	}
	for range h.N {
		key, ok, err := r.ReadBulkReply()
		if err != nil {
			return 0, err
		}
		if !ok {
			return 0, &resp.ProtocolError{Reason: "SCAN returned a null key"}
		}
		if len(pg.keys)+len(key) > hugePage {
			return 0, &resp.ProtocolError{Reason: fmt.Sprintf("SCAN returned %d bytes of keys at once, which is no page", len(pg.keys)+len(key))}
		}
		pg.add(key)
	}
	return next, nil
}

// filter leaves on a page the keys that are to be read.
func (p *pass) filter(pg *page) {
	const foreign = 0 // is no key's hash
	p.hashes = p.hashes[:0]
	for i := range pg.len() {
		key := pg.key(i)
		slot := cluster.Slot(key)
		if !p.slots.Has(slot) {
			// A node can hold keys of slots that it doesn't own any more, and
			// of ones that it is only importing.
			p.count.Foreign++
			p.hashes = append(p.hashes, foreign)
			continue
		}
		if p.order == slotOrder && slot < p.fromSlot {
			// The order of cursors is no promise of the server's. What has
			// been forgotten can't be told from a repeat any more.
			p.scan.ledger.lose(slotSetOf(slot), errOrder)
		}
		p.hashes = append(p.hashes, p.seen.hash(key))
	}
	p.seen.warm(p.hashes)
	pg.filter(func(i int) bool {
		switch h := p.hashes[i]; {
		case h == foreign:
			return false
		case p.seen.add(h):
			return true
		default:
			p.count.Duplicates++
			return false
		}
	})
}

// receiveFetch takes in the replies about some keys of a page.
func (p *pass) receiveFetch(ctx context.Context, req request) error {
	pg, conn := req.page, p.link.conn
	begin, keyBytes := conn.BytesRead(), int64(0)
	settled, rows := 0, 0
	var failed error
	for range req.keys {
		key := pg.key(pg.received)
		keyBytes += int64(len(key))
		res, err := p.decoder.Decode(pg.step, key, conn.Reader)
		if err != nil {
			failed = p.unreadable(p.scan.about(key), err)
			break
		}
		pg.received++
		rows += res.Rows
		if res.Outcome != Rows || res.BadCells > 0 {
			p.tally(res)
		}
		switch res.Outcome {
		case Again:
			if failed = p.askAgain(pg, key, res.Step); failed == nil {
				continue // not settled
			}
		case Refused:
			r := newRefusal(key, pg.step, res.Err)
			if !loggedOut(r.reply) {
				p.refused = append(p.refused, r)
				continue
			}
			// Not a matter of this key: all the others will be refused too.
			pg.received--
			failed = p.troubled(ctx, r.command, r.reply)
		case Stop:
			failed = res.Err
		}
		if failed != nil {
			break
		}
		settled++
	}
	p.count.Rows += int64(rows)
	p.scan.limit.settle(settled, rows)
	if failed != nil {
		return failed
	}
	p.succeeded()
	p.sizer.received(req.keys, conn.BytesRead()-begin+keyBytes)
	if pg.received == pg.len() {
		// Mostly it is the first one.
		i := slices.Index(p.pages, pg)
		p.pages = slices.Delete(p.pages, i, i+1)
		p.retire(pg)
	}
	return p.follow(ctx)
}

// unreadable is the error for a reply to a command that can't be read on.
func (p *pass) unreadable(command string, err error) error {
	if errors.Is(err, resp.ErrTooLarge) {
		return tooLarge(p.node.addr, command, err)
	}
	return &brokenError{&cluster.NodeError{Addr: p.node.addr, Command: command, Err: err}}
}

// tooLarge is the error for a reply beyond what can be read. It ends the scan:
// the next one would be no smaller.
func tooLarge(addr, command string, err error) error {
	return &cluster.NodeError{
		Addr: addr, Command: command,
		Err: fmt.Errorf("%w, more than can be read: leave the key out by the pattern, or the field out of the schema and read with HMGET", err),
	}
}

// about names the kind's command with its key.
func (s *Scan) about(key []byte) string {
	return fmt.Sprintf("%s %q", s.kind.Commands(0)[0].Name, shortKey(key))
}

// askAgain puts a key on the page of those to be asked about once more. Its
// reservation goes with it.
func (p *pass) askAgain(from *page, key []byte, step uint8) error {
	if from.attempt == maxAttempts {
		return &cluster.NodeError{
			Addr: p.node.addr, Command: p.scan.kind.Commands(step)[0].Name,
			Err: &resp.ProtocolError{Reason: fmt.Sprintf("the replies about key %q contradicted each other %d times", shortKey(key), maxAttempts)},
		}
	}
	if p.again == nil || p.again.step != step {
		p.putAgainFirst()
		p.again = p.takePage(step)
		p.again.attempt = from.attempt + 1
	}
	p.again.add(key)
	p.again.reserved++
	return nil
}

// putAgainFirst makes the keys to be asked about once more the next ones to be
// asked for. Behind a page that waits for a reservation they would wait for
// ever: it is their reservations that it lacks.
func (p *pass) putAgainFirst() {
	if p.again != nil {
		p.pages = slices.Insert(p.pages, 0, p.again)
		p.again = nil
	}
}

// reserved is how many keys have a reservation and aren't settled.
func (p *pass) reserved() int {
	n := len(p.refused)
	for _, pg := range p.pages {
		n += pg.reserved - pg.received
	}
	if p.again != nil {
		n += p.again.reserved
	}
	return n
}

// follow looks after the keys that the node refused to answer for.
func (p *pass) follow(ctx context.Context) error {
	refused := p.refused
	p.refused = p.refused[:0]
	for _, r := range refused {
		if err := p.follower.settle(ctx, p, r); err != nil {
			return err
		}
	}
	return nil
}

// settled takes note of what came of a key that had been refused.
func (p *pass) settled(res Result) error {
	p.count.Rows += int64(res.Rows)
	p.tally(res)
	if res.Outcome == Stop {
		return res.Err
	}
	p.scan.limit.settle(1, res.Rows)
	return nil
}

// tally counts what isn't a row.
func (p *pass) tally(res Result) {
	p.count.ParseFailures += int64(res.BadCells)
	switch res.Outcome {
	case Skipped:
		p.count.SkippedRows++
	case Vanished:
		p.count.Vanished++
	case WrongType:
		p.count.WrongType++
	}
}

// giveUp loses the slot of a key that nobody answers for. doubt is what would
// have lost it anyway, or nil.
func (p *pass) giveUp(ctx context.Context, slot uint16, doubt, reason error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if doubt != nil {
		reason = fmt.Errorf("%w; looking for its keys: %w", doubt, reason)
	}
	p.scan.ledger.lose(slotSetOf(slot), reason)
	p.gaveUp.Add(slot)
	p.scan.limit.settle(1, 0)
	return nil
}

func slotSetOf(slot uint16) (s cluster.SlotSet) {
	s.Add(slot)
	return s
}

func (p *pass) takePage(step uint8) *page {
	pg := &page{}
	if last := len(p.spare) - 1; last >= 0 {
		pg = p.spare[last]
		p.spare = p.spare[:last]
	}
	pg.step = step
	return pg
}

// retire keeps the memory of a page that is done with for a later one.
func (p *pass) retire(pg *page) {
	pg.reset()
	p.spare = append(p.spare, pg)
}

func (p *pass) publish() { p.node.publish(p.count) }

// maxShownKey bounds a key in a message, in bytes.
const maxShownKey = 200

func shortKey(key []byte) []byte { return key[:min(len(key), maxShownKey)] }
