package scan

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/resp"
)

// askPage asks for keys of a page and reports whether all of them are asked
// for now. With the newest page's first keys it asks for the page after: only
// then, so that pages don't pile up when connections break again and again.
func (p *pass) askPage(pg *page, newest bool) (all bool, err error) {
	commands, many := p.scan.kind.Commands(pg.step), p.many(pg)
	for pg.sent < pg.len() {
		if p.scan.gentle() && len(p.queue) > 0 {
			return false, nil
		}
		if len(p.out) >= maxWrite {
			if err := p.send(); err != nil {
				return false, err
			}
		}
		n := min(p.sizer.allow(), pg.len()-pg.sent)
		if many == nil { // otherwise it would cut what is asked about together
			n = min(n, maxRequest)
		}
		if missing := pg.sent + n - pg.reserved; missing > 0 {
			pg.reserved += p.scan.limit.reserve(missing)
			n = min(n, pg.reserved-pg.sent)
		}
		if n > 0 {
			n = p.granted(n)
		}
		if n <= 0 {
			return false, nil
		}
		if newest && pg.sent == 0 && !p.scan.gentle() {
			p.askKeys()
		}
		asked, alone := 0, false
		for asked < n && (asked == 0 || len(p.out) < maxWrite) {
			first := pg.sent + asked
			if together := p.together(pg, many, first, pg.sent+n); together > 1 {
				p.out = many.append(p.out, pg, first, together)
				asked += together
				p.node.fetches(many.Name)
				continue
			}
			if !alone {
				alone = true
				p.node.fetches(commands[0].Name)
			}
			key := pg.key(first)
			for _, c := range commands {
				p.out = c.append(p.out, key)
			}
			asked++
		}
		pg.sent += asked
		p.sizer.sent(asked)
		p.used(asked)
		p.queue = append(p.queue, request{pg, asked, many})
	}
	return true, nil
}

// receiveFetch takes in the replies about some keys of a page.
func (p *pass) receiveFetch(ctx context.Context, req request) error {
	pg, conn := req.page, p.link.conn
	begin, keyBytes := conn.BytesRead(), int64(0)
	settled, rows := 0, 0
	var failed error
	end := pg.received + req.keys
	var elements answered
	for pg.received < end {
		key := pg.key(pg.received)
		keyBytes += int64(len(key))
		if elements.left == 0 {
			var err error
			if elements, err = p.openMany(req.many, pg, end); err != nil {
				failed = p.unreadable(p.scan.about(key), err)
				break
			}
		}
		if elements.left--; elements.refused {
			pg.received++
			if failed = p.askAgain(pg, key, elements.step); failed != nil {
				break
			}
			continue
		}
		res, err := p.decoder.Decode(elements.step, key, conn.Reader)
		if err != nil {
			failed = p.unreadable(p.scan.about(key), err)
			break
		}
		pg.received++
		rows += res.Rows
		if res.Outcome != Rows || res.BadCells+res.Large > 0 {
			p.tally(key, res)
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
	if err := p.follow(ctx); err != nil {
		return err
	}
	if pg.received == pg.len() {
		// Mostly it is the first one.
		i := slices.Index(p.pages, pg)
		p.pages = slices.Delete(p.pages, i, i+1)
		if pg.attempt == 0 {
			p.toldPage(pg.begun)
		}
		p.retire(pg)
		p.settle()
	}
	return nil
}

// unreadable is the error for a reply to a command that can't be read on.
func (p *pass) unreadable(command string, err error) error {
	if errors.Is(err, resp.ErrTooLarge) {
		return tooLarge(p.addr, command, err)
	}
	return &brokenError{&cluster.NodeError{Addr: p.addr, Command: command, Err: err}}
}

// tooLarge is the error for a reply beyond what can be read. It ends the scan:
// the next one would be no smaller.
func tooLarge(addr, command string, err error) error {
	return &cluster.NodeError{
		Addr: addr, Command: command,
		Err: fmt.Errorf("%w, more than can be read: leave the key out by the pattern, or the field out of the schema and read with HMGET", err),
	}
}

// askAgain puts a key on the page of those to be asked about once more. Its
// reservation goes with it.
func (p *pass) askAgain(from *page, key []byte, step uint8) error {
	if from.attempt == maxAttempts {
		return &cluster.NodeError{
			Addr: p.addr, Command: p.scan.kind.Commands(step)[0].Name,
			Err: &resp.ProtocolError{Reason: fmt.Sprintf("the replies about key %q contradicted each other %d times", shortKey(key), maxAttempts)},
		}
	}
	if p.again == nil || p.again.step != step {
		p.putAgainFirst()
		p.again = p.takePage(step)
		p.again.attempt = from.attempt + 1
		p.again.number = from.number
	}
	p.again.number = min(p.again.number, from.number)
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

// abandon gives the keys up that aren't settled: a later pass lists them again.
func (p *pass) abandon() {
	p.scan.limit.settle(p.reserved(), 0)
	forget := func(key []byte) {
		p.scan.ledger.forget(cluster.Slot(key), hashOf(key, p.scan.seed))
	}
	if p.again != nil {
		p.pages = append(p.pages, p.again)
	}
	for _, pg := range p.pages {
		for i := pg.received; i < pg.len(); i++ {
			forget(pg.key(i))
		}
	}
	for _, r := range p.refused {
		forget(r.key)
	}
	p.pages, p.again, p.refused = nil, nil, nil
	p.release(math.MaxInt)
}

// follow looks after the keys that the node refused to answer for.
func (p *pass) follow(ctx context.Context) error {
	for len(p.refused) > 0 {
		last := len(p.refused) - 1
		if err := p.follower.settle(ctx, p, p.refused[last]); err != nil {
			return err
		}
		p.refused = p.refused[:last]
	}
	return nil
}

// found takes note of what came of a key that had been refused.
func (p *pass) found(key []byte, res Result) error {
	p.count.Rows += int64(res.Rows)
	p.tally(key, res)
	if res.Outcome == Stop {
		return res.Err
	}
	p.scan.limit.settle(1, res.Rows)
	return nil
}

// tally counts what isn't a row.
func (p *pass) tally(key []byte, res Result) {
	p.count.ParseFailures += int64(res.BadCells)
	p.count.LargeValues += int64(res.Large)
	switch res.Outcome {
	case Skipped:
		p.count.SkippedRows++
	case Vanished:
		p.count.Vanished++
		// Should it come back, and the slot be read again, it isn't known.
		p.scan.ledger.forget(cluster.Slot(key), hashOf(key, p.scan.seed))
	case WrongType:
		p.count.WrongType++
	}
}

// giveUp leaves a key whose slot nobody answers for to a later pass. doubt is
// what is known of the slot, or nil.
func (p *pass) giveUp(ctx context.Context, key []byte, doubt, reason error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if doubt != nil {
		reason = fmt.Errorf("%w; looking for its keys: %w", doubt, reason)
	}
	slot := cluster.Slot(key)
	p.gaveUp.Add(slot)
	p.leave(key)
	p.doubt(slotSetOf(slot), reason)
	return nil
}

// leave leaves a key to a later pass.
func (p *pass) leave(key []byte) {
	p.scan.ledger.forget(cluster.Slot(key), hashOf(key, p.scan.seed))
	p.scan.limit.settle(1, 0)
}
