package scan

import (
	"bytes"
	"context"
	"errors"
	"fmt"

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
	links map[string]link
	out   []byte
}

// maxHops is how many redirects in a row are followed without a pause.
const maxHops = 8

// maxMisses is how often a key that is neither at a migration's source nor at
// its target is looked for before it counts as vanished. It may have been
// moved back meanwhile, but not each time.
const maxMisses = 16

// settle asks about a key until it is settled, or its slot is given up.
func (f *follower) settle(ctx context.Context, p *pass, r refusal) error {
	slot := cluster.Slot(r.key)
	if p.gaveUp.Has(slot) {
		p.scan.limit.settle(1, 0)
		return nil
	}
	patience := patience{limit: p.scan.stall}
	at, asking := p.node.addr, false
	misses, loggedIn := 0, false
	for hops := 0; ; hops++ {
		pause := hops >= maxHops
		if redirect, ok := cluster.ParseRedirect(r.reply.Text, at); ok {
			p.count.Redirects++
			at, asking = redirect.Addr, redirect.Ask
			if asking {
				p.scan.ledger.lose(slotSetOf(slot), errMigrating)
			} else {
				p.scan.ledger.lose(slotSetOf(slot), errMoved)
			}
		} else if transient(r.reply) {
			p.count.Retries++
			pause = true
		} else if loggedOut(r.reply) && !loggedIn {
			loggedIn = true
			f.drop(at)
		} else {
			return &cluster.NodeError{Addr: at, Command: r.command, Err: r.reply}
		}
		if pause {
			if err := patience.retry(ctx, r.reply); err != nil {
				return p.giveUp(ctx, slot, &cluster.NodeError{Addr: at, Command: r.command, Err: err})
			}
		}
		res, err := f.ask(ctx, p, at, asking, r)
		switch {
		case err != nil && (cluster.IsDenied(err) || ctx.Err() != nil):
			return err
		case err != nil:
			f.drop(at)
			if err := patience.retry(ctx, err); err != nil {
				return p.giveUp(ctx, slot, err)
			}
			// Another node may own the slot by now: begin where it was.
			r.reply, at, asking = errTryAgain, p.node.addr, false
		case res.Outcome == Refused:
			r.set(res.Err)
		case res.Outcome == Again:
			r.step, r.reply = res.Step, errTryAgain
		case res.Outcome == Vanished && asking && misses < maxMisses:
			// Not at the migration's target: it may have been rolled back
			// meanwhile, and the key be at the source again.
			misses++
			r.reply, at, asking = errTryAgain, p.node.addr, false
		default:
			return p.settled(res)
		}
	}
}

// errTryAgain stands for a reply that says nothing but to ask once more.
var errTryAgain = &resp.ReplyError{Text: "TRYAGAIN"}

// ask asks one node about one key.
func (f *follower) ask(ctx context.Context, p *pass, addr string, asking bool, r refusal) (Result, error) {
	l, ok := f.links[addr]
	if !ok {
		var err error
		if l, err = dial(ctx, p.scan.dialer, addr, p.scan.stall); err != nil {
			return Result{}, err
		}
		if f.links == nil {
			f.links = make(map[string]link)
		}
		f.links[addr] = l
	}
	commands := p.scan.kind.Commands(r.step)
	f.out = f.out[:0]
	for _, c := range commands {
		if asking { // counts for one command
			f.out = resp.AppendCommand(f.out, "ASKING")
		}
		f.out = c.append(f.out, r.key)
	}
	if _, err := l.conn.Write(f.out); err != nil {
		return Result{}, err
	}
	if !asking {
		return p.decoder.Decode(r.step, r.key, l.conn.Reader)
	}
	// Between the replies that the decoder knows stand those to ASKING: take
	// them out.
	var replies []byte
	for range commands {
		v, err := l.conn.ReadValue()
		if err != nil {
			return Result{}, err
		}
		if v.Err() != nil {
			replies = resp.AppendValue(replies, v)
			if err := l.conn.Skip(); err != nil {
				return Result{}, err
			}
			continue
		}
		if v, err = l.conn.ReadValue(); err != nil {
			return Result{}, err
		}
		replies = resp.AppendValue(replies, v)
	}
	return p.decoder.Decode(r.step, r.key, resp.NewReader(bytes.NewReader(replies), len(replies)))
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
