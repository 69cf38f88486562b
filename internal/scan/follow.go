package scan

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/resp"
)

// refusal is a key for which a node answered with an error.
type refusal struct {
	key     []byte // a copy
	step    uint8
	command string
	reply   *resp.ReplyError
}

func newRefusal(key []byte, step uint8, err error) refusal {
	r := refusal{key: append([]byte(nil), key...), step: step}
	r.set(err)
	return r
}

// set takes over what a Refused result says.
func (r *refusal) set(err error) {
	if refused := (*RefusedError)(nil); errors.As(err, &refused) {
		r.command, r.reply = refused.Command, refused.Reply
	} else { // a decoder that doesn't keep to its contract
		r.reply = &resp.ReplyError{Text: fmt.Sprint(err)}
	}
}

// follower settles the keys that a node refused, one at a time, on
// connections of its own: to where MOVED and ASK point, or to the same node
// again after a while. They are few, the pipeline beside goes on.
type follower struct {
	links  map[string]link
	failed map[string]error // addresses that were given up, and why
	spent  time.Duration    // on keys that were given up
	waited time.Duration    // for answers
	out    []byte
}

const (
	// maxHops is how many redirects in a row are followed without a pause.
	maxHops = 8
	// maxMisses is how often a key that is neither at a migration's source nor
	// at its target is looked for before it counts as vanished. It may have been
	// moved back meanwhile, but not each time.
	maxMisses = 16
	// maxLinks is how many nodes are kept connected to.
	maxLinks = 64
	// leastTimeout is the part of the stall timeout that an answer may take when
	// no patience is left.
	leastTimeout = 64
)

// settle asks about a key until it is settled, or its slot is given up for this
// pass. That the key was found elsewhere says nothing about the slot: whether all
// of its keys were listed is for the rule to tell.
func (f *follower) settle(ctx context.Context, p *pass, r refusal) error {
	slot := cluster.Slot(r.key)
	if p.gaveUp.Has(slot) {
		p.leave(r.key)
		return nil
	}
	begun := time.Now()
	// What was spent on other keys for nothing isn't spent again: a master has
	// thousands of slots.
	patience := patience{limit: max(p.scan.brief()-f.spent, 0)}
	timeout := max(patience.limit, p.scan.stall/leastTimeout)
	at, asking := p.addr, false
	misses, loggedIn := 0, false
	var (
		doubt error // where the slot seems to be
		cause error // the last trouble: why the key isn't found
	)
	for hops := 0; ; hops++ {
		pause := hops >= maxHops
		if r.reply != nil {
			refused := &cluster.NodeError{Addr: at, Command: r.command, Err: r.reply}
			if redirect, ok := cluster.ParseRedirect(r.reply.Text, at); ok && p.scan.inCluster {
				p.redirected(at, redirect, slot)
				at, asking = redirect.Addr, redirect.Ask
				if cause == nil {
					cause = refused
				}
				if doubt == nil {
					doubt = errMoved
					if asking {
						doubt = errMigrating
					}
				}
			} else if transient(r.reply) {
				p.retried(at, refused)
				pause, cause = true, refused
			} else if loggedOut(r.reply) && !loggedIn {
				loggedIn = true
				f.drop(at)
			} else {
				return refused
			}
		}
		if pause {
			if err := patience.retry(ctx, cause); err != nil {
				f.spent += time.Since(begun)
				return p.giveUp(ctx, r.key, doubt, err)
			}
		}
		res, err := f.ask(ctx, p, at, asking, timeout, r)
		switch {
		case err != nil && (cluster.IsDenied(err) || errors.Is(err, resp.ErrTooLarge) || ctx.Err() != nil):
			return err
		case err != nil:
			f.drop(at)
			cause = err
			if err := patience.retry(ctx, cause); err != nil {
				f.spent += time.Since(begun)
				f.fail(at, err)
				return p.giveUp(ctx, r.key, doubt, err)
			}
			// Another node may own the slot by now: begin where it was.
			r.reply, at, asking = nil, p.addr, false
		case res.Outcome == Refused:
			r.set(res.Err)
		case res.Outcome == Again:
			r.step, r.reply = res.Step, &resp.ReplyError{Text: contradiction}
		case res.Outcome == Vanished && asking && misses < maxMisses:
			// Not at the migration's target: it may have been rolled back
			// meanwhile, and the key be at the source again.
			misses++
			hops, r.reply, at, asking = 0, nil, p.addr, false
		default:
			return p.found(r.key, res)
		}
	}
}

// contradiction stands in for a reply when replies contradict each other.
const contradiction = "TRYAGAIN (the replies about the key contradicted each other)"

// ask asks one node about one key.
func (f *follower) ask(ctx context.Context, p *pass, addr string, asking bool, stall time.Duration, r refusal) (Result, error) {
	l, err := f.link(ctx, p, addr, stall)
	if err != nil {
		return Result{}, err
	}
	commands := p.scan.kind.Commands(r.step)
	f.out = f.out[:0]
	for _, c := range commands {
		if asking { // counts for one command
			f.out = resp.AppendCommand(f.out, "ASKING")
		}
		f.out = c.append(f.out, r.key)
	}
	begun := l.conn.Waited()
	res, err := f.answer(p, l.conn, asking, commands, r)
	f.waited += l.conn.Waited() - begun
	if errors.Is(err, resp.ErrTooLarge) {
		return Result{}, tooLarge(addr, p.scan.about(r.key), err)
	}
	if err != nil {
		return Result{}, &cluster.NodeError{Addr: addr, Command: commands[0].Name, Err: err}
	}
	return res, nil
}

// answer sends what is in f.out and reads the replies.
func (f *follower) answer(p *pass, conn *resp.Conn, asking bool, commands []Command, r refusal) (Result, error) {
	if _, err := conn.Write(f.out); err != nil {
		return Result{}, err
	}
	if !asking {
		return p.decoder.Decode(r.step, r.key, conn.Reader)
	}
	replies := &asked{conn: conn.Reader, replies: len(commands)}
	return p.decoder.Decode(r.step, r.key, resp.NewReader(replies, askedBuffer))
}

// askedBuffer is the size of the buffer for replies behind ASKING, in bytes.
const askedBuffer = 4 << 10

// link is the connection to an address, made if need be.
func (f *follower) link(ctx context.Context, p *pass, addr string, stall time.Duration) (link, error) {
	if l, ok := f.links[addr]; ok {
		l.conn.SetTimeout(stall)
		return l, nil
	}
	if err := f.failed[addr]; err != nil {
		return link{}, err
	}
	l, err := p.scan.connectFrom(ctx, &p.start, addr, stall)
	if err != nil {
		return link{}, err
	}
	if f.links == nil {
		f.links = make(map[string]link)
	}
	for other := range f.links {
		if len(f.links) < maxLinks {
			break
		}
		f.drop(other)
	}
	f.links[addr] = l
	return l, nil
}

// fail notes that an address was given up.
func (f *follower) fail(addr string, err error) {
	if f.failed == nil {
		f.failed = make(map[string]error)
	}
	if len(f.failed) < maxLinks {
		f.failed[addr] = err
	}
}

func (f *follower) drop(addr string) {
	if l, ok := f.links[addr]; ok {
		l.close()
		delete(f.links, addr)
	}
}

func (f *follower) close() {
	for addr := range f.links {
		f.drop(addr)
	}
}
