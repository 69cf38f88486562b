package scan

import (
	"context"
	"time"
)

// patience waits between the tries of something that fails, longer each time,
// and ends when it has failed for as long as it may.
type patience struct {
	limit time.Duration
	since time.Time // the first failure; zero while nothing fails
	wait  time.Duration
}

const (
	firstWait = 5 * time.Millisecond
	lastWait  = 500 * time.Millisecond
)

// succeeded ends a row of failures.
func (p *patience) succeeded() { p.since, p.wait = time.Time{}, 0 }

// retry waits before the next try and returns nil; or the context's error; or
// cause when the time is up. The first retry after a success doesn't wait: a
// connection that the server closed while it was idle is the common case.
func (p *patience) retry(ctx context.Context, cause error) error {
	now := time.Now()
	if p.since.IsZero() {
		p.since = now
		return ctx.Err()
	}
	if now.Sub(p.since) >= p.limit {
		return cause
	}
	p.wait = min(max(firstWait, 2*p.wait), lastWait)
	return sleep(ctx, min(p.wait, p.limit))
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
