package scan

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/glob"
	"github.com/redisarrow/redisarrow/internal/resp"
)

// pass reads some slots of one node: requests that enumerate their keys (way.go)
// and the fetches for the keys listed, all in one pipeline on one connection.
//
// Requests are answered in the order in which they were sent, so the pass is
// a loop of two steps: ask for as much as may be in flight, then receive the
// oldest answer. What keeps the server busy is the order of asking: when the
// keys of a page arrive, the request for the next page goes out first, then the
// fetches of this one, while the answers of the page before are still to be
// read.
//
//	ask     keys n+1, fetch n        (the server works on these …)
//	receive fetch n-1                (… while these are decoded)
//	receive keys n+1
//	ask     keys n+2, fetch n+1
//	…
//
// A pass ends early, with an [*endedError], when its node fails or isn't any
// more what it was: what it has read is in the ledger, and the rest is read
// again by a later pass.
type pass struct {
	scan    *Scan
	node    *node
	addr    string // the node's, as the pass found it
	task    task
	decoder Decoder
	settled func(slots cluster.SlotSet) // told of slots that were read

	link     link
	patience patience
	start    state // what the node said of itself when the pass began
	guard    *guard
	follower follower
	beside   beside // the master, while a replica is read

	held        cluster.SlotSet // claimed for the pass, and neither read nor given back yet
	slots       cluster.SlotSet // of them, those to be read that it still may promise
	left        cluster.SlotSet // of them, those not listed yet
	large       bool            // what is left are slots that are too large for KeysInSlot
	enumeration Enumeration
	way         way
	sample      sample
	asked       bool // a request of the way is in flight
	told        telling

	pages   []*page   // with keys not settled, in the order in which they are asked for
	again   *page     // keys to be asked about once more, being gathered
	listed  []listed  // slots listed whose keys aren't all settled
	doubted []doubted // slots taken out of the pass, likewise
	number  int       // of the last page
	queue   []request // in flight, oldest first
	sizer   sizer
	pager   pager
	warmed  uint64    // see ledger.warm
	refused []refusal // of the fetch being received
	buffers

	grant  int           // keys that may be asked for, see pace
	short  int           // keys that weren't granted
	waited time.Duration // for the node, up to the request under way

	loggedInAgain bool            // after a NOAUTH; nothing was received since
	gaveUp        cluster.SlotSet // slots whose refused keys aren't followed any more

	count Counters
}

// buffers are memory that a worker's next pass uses again.
type buffers struct {
	out     []byte // commands to be sent
	spare   []*page
	hashes  []uint64 // of the keys of the page being filtered
	keySlot []uint16 // likewise
	sieve   sieve    // for keys that are taken in as a list
}

// listed are slots whose last keys are on a page.
type listed struct {
	page  int
	slots cluster.SlotSet
}

// doubted are slots whose keys are on no page after this one.
type doubted struct {
	page int
	Reason
}

// request is something in flight: a request of the way, or the fetch of the next
// keys of a page.
type request struct {
	page *page // nil for the way
	keys int
	many *Many // by which keys of one slot are asked about together; may be nil
}

const (
	// maxPagesInFlight is how many pages may have unanswered fetches.
	maxPagesInFlight = 2
	// maxRequest is how many keys a fetch is about at most: nothing else is asked for
	// before all its replies have come, not what they leave open either.
	maxRequest = 256
	// maxWrite bounds the commands that are put together for one write.
	maxWrite = 256 << 10
	// maxAttempts bounds how often one key may be asked about because its
	// replies contradict each other, as TTL's may with the value's.
	maxAttempts = 100
)

// endedError says that a pass has ended before its slots were read, for a reason
// that leaves the rest of the scan alone.
type endedError struct{ reason error }

func (e *endedError) Error() string { return e.reason.Error() }
func (e *endedError) Unwrap() error { return e.reason }

// run reads the slots of the pass's task.
func (p *pass) run(ctx context.Context) error {
	p.addr = p.node.address()
	if err := p.open(ctx); err != nil {
		return err
	}
	for p.left = p.slots; ; {
		if err := p.choose(); err != nil {
			return err
		}
		if err := p.read(ctx); err != nil || p.scan.limit.reached() {
			return err
		}
		lists, ok := p.way.(*keysInSlot)
		if !ok {
			return nil
		}
		// Slots that are too large to be listed in one go.
		if p.left, p.large = lists.large.Intersect(p.slots), true; p.left.Empty() {
			return nil
		}
	}
}

// read goes through all keys of the way. The connection is there.
func (p *pass) read(ctx context.Context) error {
	for {
		err := p.awaitTurn(ctx)
		if err == nil {
			err = p.ask()
		}
		if err == nil && len(p.queue) == 0 {
			if p.scan.limit.reached() {
				return nil
			}
			if p.way.ended() && len(p.pages) == 0 {
				return p.prove(ctx)
			}
			err = p.hold(ctx)
		} else if err == nil {
			err = p.receive(ctx)
		}
		p.publish()
		if err == nil && p.task.master != nil && time.Since(p.beside.at) >= lookEvery {
			err = p.prove(ctx)
		}
		if err != nil {
			if err = p.mend(ctx, err); err != nil {
				return err
			}
		}
	}
}

// mend connects again if that is what is to be done about an error, which it
// returns otherwise.
func (p *pass) mend(ctx context.Context, err error) error {
	if broken := (*brokenError)(nil); errors.As(err, &broken) {
		return p.reconnect(ctx, broken.cause)
	}
	return err
}

// hold waits while nothing may be asked for: keys aren't granted yet; other
// workers hold the last rows of the limit and may give some back; or what has
// been read must be settled before more is, for want of memory.
func (p *pass) hold(ctx context.Context) error {
	if p.short > 0 {
		return p.awaitGrant(ctx)
	}
	if p.mayList() {
		return p.scan.limit.wait(ctx)
	}
	before := p.scan.ledger.standing().moves
	if err := p.scan.surveyor.next(ctx); err != nil {
		return err
	}
	if p.scan.ledger.standing().moves > before {
		p.patience.succeeded()
		return nil
	}
	return p.wait(ctx, errHeld)
}

// errHeld is why a pass ends that must not list more.
var errHeld = errors.New("what was read of other slots couldn't be settled, and what has to be remembered of them takes half of MaxLedgerBytes; raise that, or see why they can't")

// mayList reports whether more keys may be listed, by the ledger's memory.
func (p *pass) mayList() bool {
	return !p.scan.memory.pressed() || !p.scan.ledger.standing().spanned
}

// ask sends what may be in flight now: with a duty one request.
func (p *pass) ask() error {
	p.out, p.short = p.out[:0], 0
	if p.scan.gentle() && len(p.queue) > 0 {
		return nil
	}
	p.putAgainFirst()
	if len(p.pages) == 0 {
		p.askKeys()
	}
	pages := 0
	for i, pg := range p.pages {
		// What is asked about once more doesn't count: it is of pages that did.
		if pg.attempt == 0 {
			if pages++; pages > maxPagesInFlight {
				break
			}
		}
		all, err := p.askPage(pg, i == len(p.pages)-1)
		if err != nil {
			return err
		}
		if !all {
			break
		}
	}
	return p.send()
}

// send sends what has been put together.
func (p *pass) send() error {
	if len(p.out) == 0 {
		return nil
	}
	if _, err := p.link.conn.Write(p.out); err != nil {
		return &brokenError{err}
	}
	p.out = p.out[:0]
	return nil
}

// askKeys asks for the next keys, if there are any and they aren't asked for.
func (p *pass) askKeys() {
	if p.asked || p.way.ended() || p.scan.limit.reached() || !p.mayList() {
		return
	}
	if p.reconsider(); p.way.ended() {
		return
	}
	if p.scan.observer.Page != nil {
		p.told.asked = time.Now()
	}
	p.out = p.way.ask(p.out)
	p.queue = append(p.queue, request{})
	p.asked = true
}

// receive takes in the oldest answer.
func (p *pass) receive(ctx context.Context) error {
	oldest := p.queue[0]
	p.queue = append(p.queue[:0], p.queue[1:]...)
	before := p.link.conn.BytesRead()
	var err error
	if oldest.page == nil {
		err = p.receiveKeys(ctx)
	} else {
		err = p.receiveFetch(ctx, oldest)
	}
	p.count.Bytes += p.link.conn.BytesRead() - before
	p.tookTurn()
	return err
}

// receiveKeys takes in a page of keys.
func (p *pass) receiveKeys(ctx context.Context) error {
	pg := p.takePage(0)
	piece, err := p.way.receive(p.link.conn.Reader, pg)
	if err != nil {
		p.retire(pg)
		return p.unlisted(ctx, err)
	}
	p.asked = false
	p.succeeded()
	p.count.Scanned += int64(pg.len())
	if pg.len() > 0 {
		p.pager.came(time.Now())
	}
	p.number++
	pg.number, pg.begun = p.number, p.told.asked
	for _, r := range piece.doubts {
		p.doubt(r.Slots, r.Err)
	}
	scanned := pg.len()
	fresh, err := p.filter(pg)
	if err != nil {
		return err
	}
	p.sample.saw(scanned, pg.len(), piece.done.Len())
	if plain, ok := p.way.(*plainScan); ok {
		if err := plain.filtered(fresh); err != nil {
			return p.ended("SCAN", err)
		}
	}
	if done := piece.done.Intersect(p.slots); !done.Empty() {
		p.left = p.left.Minus(done)
		p.listed = append(p.listed, listed{p.number, done})
	}
	if pg.len() > 0 {
		p.pages = append(p.pages, pg)
	} else {
		p.retire(pg)
		p.toldPage(p.told.asked)
	}
	p.settle()
	if piece.trouble != nil {
		return p.unlisted(ctx, piece.trouble)
	}
	return nil
}

// unlisted looks at what became of a request for keys that gave none.
func (p *pass) unlisted(ctx context.Context, err error) error {
	if refused := (*refusedError)(nil); errors.As(err, &refused) {
		if p.asked {
			p.asked = false
			p.way.again()
		}
		if (refused.command == multiName || refused.command == execName) && unavailable(refused.reply) && !p.guard.loose {
			p.scan.log.Warn("without MULTI it can't be seen whether slots are moved while they are listed", "node", p.addr, "reason", refused)
			p.node.loosen()
			p.take(p.enumeration)
			return nil
		}
		if refused.command == scanName && aboutArguments(refused.reply) && p.node.untype() {
			p.scan.log.Info("SCAN without TYPE is tried: keys of all types are listed", "node", p.addr, "reason", refused)
			p.take(p.enumeration)
			return nil
		}
		if unavailable(refused.reply) && p.scan.enumerate == AutoEnumerate {
			// The user may not use this way, or the server hasn't got it.
			p.scan.log.Info("a way to enumerate can't be used", "node", p.addr, "way", p.enumeration, "reason", refused)
			p.node.refuse(p.enumeration, &cluster.NodeError{Addr: p.addr, Command: refused.command, Err: refused.reply})
			return p.choose()
		}
		return p.troubled(ctx, refused.command, refused.reply)
	}
	for _, reason := range []error{errPromoted, errUnlinked, errBehind, errDemoted, errEpoch, errOrder, errEndless, cluster.ErrWrongNode} {
		if errors.Is(err, reason) {
			if errors.Is(err, errOrder) && p.scan.enumerate == AutoEnumerate {
				p.node.refuse(SlotScan, atNode(p.addr, err))
			}
			return p.ended(p.way.command(), err)
		}
	}
	return p.unreadable(p.way.command(), err)
}

// unavailable reports whether a command is denied to the user, or isn't one of
// the server's.
func unavailable(reply *resp.ReplyError) bool {
	return reply.Code() == "NOPERM" || unknown(reply)
}

// ended is the error that ends the pass for a fault of its node.
func (p *pass) ended(command string, err error) error {
	return &endedError{&cluster.NodeError{Addr: p.addr, Command: command, Err: err}}
}

// doubt takes slots out of the pass: they have to be read again. Not before this
// pass has done with those of their keys that it has listed already: they are
// known as keys that have their row, and some may not get it here.
func (p *pass) doubt(slots cluster.SlotSet, reason error) {
	slots = slots.Intersect(p.slots)
	if slots.Empty() {
		return
	}
	p.slots, p.left = p.slots.Minus(slots), p.left.Minus(slots)
	for i := range p.listed {
		p.listed[i].slots = p.listed[i].slots.Minus(slots)
	}
	p.doubted = append(p.doubted, doubted{p.number, Reason{Slots: slots, Err: atNode(p.addr, reason)}})
}

// release lets other passes have the doubted slots none of whose keys are on a
// page from oldest on.
func (p *pass) release(oldest int) {
	kept := p.doubted[:0]
	for _, d := range p.doubted {
		if d.page >= oldest {
			kept = append(kept, d)
			continue
		}
		p.giveBack(d.Slots, d.Err)
	}
	clear(p.doubted[len(kept):])
	p.doubted = kept
}

// filter leaves on a page the keys that are to be read, and reports whether there
// are any that are new.
func (p *pass) filter(pg *page) (fresh bool, err error) {
	ledger, pattern := p.scan.ledger, ""
	if !p.way.matches() && p.scan.pattern != "*" {
		pattern = p.scan.pattern
	}
	p.hashes, p.keySlot = p.hashes[:0], p.keySlot[:0]
	mine := p.slots
	if p.guard != nil {
		mine = mine.Minus(p.guard.view.hidden)
	}
	for i := range pg.len() {
		key := pg.key(i)
		slot := cluster.Slot(key)
		p.keySlot = append(p.keySlot, slot)
		switch {
		case !mine.Has(slot):
			// A node can hold keys of slots that it doesn't own any more, and
			// of ones that it is only importing.
			p.count.Foreign++
			p.hashes = append(p.hashes, noKey)
		case pattern != "" && !glob.Match(pattern, key):
			p.hashes = append(p.hashes, noKey)
		default:
			p.hashes = append(p.hashes, hashOf(key, p.scan.seed))
		}
	}
	_, whole := p.way.(*keysInSlot)
	if !whole {
		p.warmed = ledger.warm(p.keySlot, p.hashes)
	}
	list := -1 // the slot whose keys are being taken in as a list
	var from *block
	if whole && pg.len() > 0 {
		if from, err = ledger.memory.lists(pg.len()); err != nil {
			return false, err
		}
		defer ledger.memory.parted(from)
	}
	pg.filter(func(i int) bool {
		h := p.hashes[i]
		if h == noKey || err != nil {
			return false
		}
		slot := p.keySlot[i]
		if whole && (i == 0 || p.keySlot[i-1] != slot) {
			list = -1
			if n := runOf(p.keySlot[i:]); n <= maxList && ledger.unknown(slot) {
				list = int(slot)
				ledger.list(slot, from, n)
				p.sieve.reset(n)
			}
		}
		var known bool
		if list == int(slot) {
			known = ledger.listed(slot, h, p.sieve.caught(h))
		} else {
			known, err = ledger.seen(slot, h)
		}
		if err != nil {
			return false
		}
		if known {
			p.count.Duplicates++
			return false
		}
		pg.slots = append(pg.slots, p.keySlot[i])
		fresh = true
		return true
	})
	return fresh, err
}

// runOf is how many slots are the same as the first.
func runOf(slots []uint16) (n int) {
	for n < len(slots) && slots[n] == slots[0] {
		n++
	}
	return n
}

// settle tells of the slots whose keys are all settled: those whose last page is
// older than any that is still there.
func (p *pass) settle() {
	oldest := p.number + 1
	for _, pg := range p.pages {
		oldest = min(oldest, pg.number)
	}
	if p.again != nil {
		oldest = min(oldest, p.again.number)
	}
	p.release(oldest)
	var read cluster.SlotSet
	n := 0
	for ; n < len(p.listed) && p.listed[n].page < oldest; n++ {
		read = read.Union(p.listed[n].slots)
	}
	if p.listed = append(p.listed[:0], p.listed[n:]...); !read.Empty() {
		if p.task.master != nil {
			p.settleBeside(read)
			return
		}
		p.handOver(read)
	}
}

// handOver tells that slots are read. From then on they are none of this pass's:
// what is known of their keys is forgotten as soon as they are done, and a way that
// lists all keys of the node may meet them again.
func (p *pass) handOver(slots cluster.SlotSet) {
	p.held, p.slots = p.held.Minus(slots), p.slots.Minus(slots)
	p.told.read += slots.Len()
	p.settled(slots)
}

// giveBack lets other passes have slots. From then on they are none of this
// pass's: another one may hold them at once.
func (p *pass) giveBack(slots cluster.SlotSet, reason error) {
	p.held = p.held.Minus(slots)
	p.scan.ledger.again(slots, reason, p.scan.surveyor.begun())
}

// about names the kind's command with its key.
func (s *Scan) about(key []byte) string {
	return fmt.Sprintf("%s %q", s.kind.Commands(0)[0].Name, shortKey(key))
}

func slotSetOf(slot uint16) (s cluster.SlotSet) {
	s.Add(slot)
	return s
}

func (p *pass) takePage(step uint8) *page {
	last := len(p.spare) - 1
	if last < 0 {
		return &page{step: step}
	}
	pg := p.spare[last]
	p.spare = p.spare[:last]
	pg.step = step
	return pg
}

// retire keeps the memory of a page that is done with for a later one.
func (p *pass) retire(pg *page) {
	pg.reset()
	p.spare = append(p.spare, pg)
}

func (p *pass) publish() { p.node.publish(p.count, p.ahead()) }

// maxShownKey bounds a key in a message, in bytes.
const maxShownKey = 200

func shortKey(key []byte) []byte { return key[:min(len(key), maxShownKey)] }
