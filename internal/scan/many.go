package scan

import (
	"fmt"

	"github.com/redisarrow/redisarrow/internal/resp"
)

// maxTogether bounds the keys of one command: so many strings take a server some
// 10 µs, in which nobody else is served.
const maxTogether = 100

// many is how keys of the page may be asked about together, or nil. It is for
// keys that were listed, not for those to be asked about once more.
func (p *pass) many(pg *page) *Many {
	if pg.step != 0 || pg.attempt > 0 || len(pg.slots) != pg.len() || p.node.single() {
		return nil
	}
	return p.scan.kind.Many()
}

// together is how many keys of a page, from first on and before end, go into one
// command: neighbours of the same slot. Where the keys are listed slot by slot,
// these are all of a slot's keys on the page. A server that isn't in a cluster
// takes any.
//
// It is asked again when the reply comes, with the end of the request, which is
// the end of a command: so it finds the same.
func (p *pass) together(pg *page, many *Many, first, end int) int {
	if many == nil {
		return 1
	}
	end = min(end, first+maxTogether)
	next := first + 1
	for next < end && (!p.scan.inCluster || pg.slots[next] == pg.slots[first]) {
		next++
	}
	return next - first
}

// answered is what is known of the next keys' replies.
type answered struct {
	left    int   // for so many keys
	step    uint8 // they are to be decoded as those of this step, or asked for by it
	refused bool  // nothing is known of them
}

// openMany reads what comes before the replies about the next keys.
func (p *pass) openMany(many *Many, pg *page, end int) (answered, error) {
	n := p.together(pg, many, pg.received, end)
	if n == 1 {
		return answered{left: 1, step: pg.step}, nil
	}
	h, err := p.link.conn.ReadHeader()
	switch {
	case err != nil:
		return answered{}, err
	case h.Kind == resp.Error:
		// Of some keys, or of all: each is asked about alone and tells for itself.
		if reply := (&resp.ReplyError{Text: string(h.Line)}); unavailable(reply) {
			p.scan.log.Info("keys can't be asked for together", "node", p.addr, "command", many.Name, "reason", reply)
			p.node.alone()
		}
		return answered{left: n, step: many.Single, refused: true}, nil
	case h.Kind != resp.Array || h.Null():
		return answered{}, resp.Unexpected(h, many.Name+"'s array")
	case h.N != int64(n):
		return answered{}, &resp.ProtocolError{Reason: fmt.Sprintf("%s returned %d values instead of %d", many.Name, h.N, n)}
	}
	return answered{left: n, step: many.Element}, nil
}
