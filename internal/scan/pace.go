package scan

import (
	"context"
	"time"

	"golang.org/x/time/rate"
)

// pace bounds the keys that a scan asks for the values of, in a second, over all
// of its passes. A nil pace bounds nothing.
//
// Keys are granted some at a time, and never waited for while replies are on
// their way: they would pile up in the server's memory.
type pace struct {
	limiter *rate.Limiter
	portion int // keys that are granted together
}

const (
	// burstsASecond: what may be asked for at once is this part of a second's keys.
	burstsASecond = 10
	// portionsABurst: few enough for requests of a fair size, and enough for the
	// burst to make up for timers that are late.
	portionsABurst = 4
	maxBurst       = 10_000
)

func newPace(keysPerSecond int) *pace {
	if keysPerSecond <= 0 {
		return nil
	}
	burst := max(1, min(keysPerSecond/burstsASecond, maxBurst))
	return &pace{limiter: rate.NewLimiter(rate.Limit(keysPerSecond), burst), portion: max(1, burst/portionsABurst)}
}

// granted is how many of n keys, at least one, the pass may ask for now.
func (p *pass) granted(n int) int {
	g := p.scan.pace
	if g == nil {
		return n
	}
	if p.grant == 0 {
		portion := min(n, g.portion)
		if !g.limiter.AllowN(time.Now(), portion) {
			p.short = portion
			return 0
		}
		p.grant = portion
	}
	return min(n, p.grant)
}

// used takes keys off what was granted.
func (p *pass) used(n int) {
	if p.scan.pace != nil {
		p.grant -= n
	}
}

// awaitGrant waits until the keys are granted that the pass came short of.
func (p *pass) awaitGrant(ctx context.Context) error {
	r := p.scan.pace.limiter.ReserveN(time.Now(), p.short)
	if err := p.scan.pause(ctx, r.Delay()); err != nil {
		r.Cancel()
		return err
	}
	p.grant, p.short = p.short, 0
	return nil
}

// awaitTurn waits until the node may be asked again, by the share of its time
// that a scan may take, unless there is nothing to ask it for.
func (p *pass) awaitTurn(ctx context.Context) error {
	d := &p.node.duty
	if !d.on() || len(p.queue) > 0 || p.way.ended() && len(p.pages) == 0 && p.again == nil || p.scan.limit.reached() {
		return nil
	}
	if err := p.scan.pause(ctx, d.wait(time.Now())); err != nil {
		return err
	}
	d.ask(time.Now())
	p.waited = p.link.conn.Waited() + p.follower.waited
	return nil
}

// tookTurn takes note of how long the node was busy with the request.
func (p *pass) tookTurn() {
	if d := &p.node.duty; d.on() && p.link.conn != nil {
		d.answered(p.link.conn.Waited() + p.follower.waited - p.waited)
	}
}

// pause rests for others' sake. It is no stall.
func (s *Scan) pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	s.board.rests(1)
	defer s.board.rests(-1)
	return sleep(ctx, d)
}
