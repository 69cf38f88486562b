package scan

import (
	"context"
	"errors"
	"slices"

	"github.com/redisarrow/redisarrow/cluster"
)

// fetch is where the reading of one key has come to. It goes as pass.receiveFetch
// and follower.settle do, which keep connections.
type fetch struct {
	begun  bool
	slot   int
	bit    uint8
	at     int8
	asking bool
	misses int
	hops   int
	tries  int
	doubt  error
}

// maxTries is how often a scanner of a world tries again.
const maxTries = 3

// fetchStep asks one server once about the first key that isn't settled.
func (j *job) fetchStep() error {
	p, f := j.pass, &j.fetch
	pg := p.pages[0]
	if pg.received == pg.len() { // all of its keys were known
		j.retire(pg)
		return nil
	}
	key := pg.key(pg.received)
	if !f.begun {
		*f = fetch{begun: true, at: j.client.host}
		f.slot, f.bit = keyNumber(key)
		if p.gaveUp.Has(slotNumbers[f.slot]) {
			p.leave(key)
			j.settled(pg)
			return nil
		}
	}
	h := &j.w.hosts[f.at]
	if !h.up {
		return j.tryAgain(pg, key)
	}
	has := h.keys[f.slot]&f.bit != 0
	if refusal := j.w.route(f.at, f.slot, has, f.asking); refusal != "" {
		redirect, ok := cluster.ParseRedirect(refusal, h.addr)
		if !ok {
			return j.tryAgain(pg, key)
		}
		f.at, f.asking = j.w.hostOf(redirect.Addr), redirect.Ask
		if f.doubt == nil {
			f.doubt = errMoved
			if f.asking {
				f.doubt = errMigrating
			}
		}
		if f.hops++; f.hops >= maxHops {
			return j.giveUp(pg, key)
		}
		return nil
	}
	if has {
		j.w.emit(f.slot, f.bit)
		return j.found(pg, key, Result{Outcome: Rows, Rows: 1})
	}
	if f.asking && f.misses < maxMisses {
		f.misses++
		f.at, f.asking, f.hops = j.client.host, false, 0
		return nil
	}
	j.w.note("scanner: key %s of slot %d has vanished on %s", keyNames(f.bit), slotNumbers[f.slot], h)
	return j.found(pg, key, Result{Outcome: Vanished})
}

func (j *job) found(pg *page, key []byte, res Result) error {
	if err := j.pass.found(key, res); err != nil {
		return err
	}
	j.settled(pg)
	return nil
}

// tryAgain begins again where the key was listed.
func (j *job) tryAgain(pg *page, key []byte) error {
	f := &j.fetch
	if f.tries++; f.tries >= maxTries {
		return j.giveUp(pg, key)
	}
	f.at, f.asking = j.client.host, false
	return nil
}

var errUnreachable = errors.New("nobody answers for the key")

func (j *job) giveUp(pg *page, key []byte) error {
	j.w.note("scanner: gives key %s of slot %d up", keyNames(j.fetch.bit), slotNumbers[j.fetch.slot])
	err := j.pass.giveUp(context.Background(), key, j.fetch.doubt, errUnreachable)
	j.settled(pg)
	return err
}

// settled goes on to the next key.
func (j *job) settled(pg *page) {
	j.fetch = fetch{}
	pg.received++
	if pg.received == pg.len() {
		j.retire(pg)
	}
}

// retire ends a page of which all keys are settled.
func (j *job) retire(pg *page) {
	p := j.pass
	i := slices.Index(p.pages, pg)
	p.pages = slices.Delete(p.pages, i, i+1)
	p.retire(pg)
	p.settle()
}
