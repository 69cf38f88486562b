package scan

import (
	"context"
	"sync"
)

// limit bounds the rows of a scan over all its workers. A key is reserved
// before it is asked for, so that no more keys are read than rows are wanted,
// and given back if it turns out to have no row.
type limit struct {
	all int64 // rows

	mu      sync.Mutex
	free    int64         // rows not reserved
	pending int64         // keys reserved and not settled
	changed chan struct{} // closed when keys were given back, or none is pending
}

// newLimit makes a limit of n rows; nil is no limit.
func newLimit(n int64) *limit {
	if n <= 0 {
		return nil
	}
	return &limit{all: n, free: n, changed: make(chan struct{})}
}

// reserve takes up to n keys.
func (l *limit) reserve(n int) int {
	if l == nil {
		return n
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	n = int(min(int64(n), l.free))
	l.free -= int64(n)
	l.pending += int64(n)
	return n
}

// settle says that of n reserved keys, all decided now, rows came.
func (l *limit) settle(n int, rows int) {
	if l == nil || n == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending -= int64(n)
	l.free += int64(n - rows)
	if n > rows || l.pending == 0 {
		close(l.changed)
		l.changed = make(chan struct{})
	}
}

// reached reports whether all rows are there and none can be given back.
func (l *limit) reached() bool {
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.free <= 0 && l.pending == 0
}

// wait returns when something may be free, or the limit is reached.
func (l *limit) wait(ctx context.Context) error {
	if l == nil {
		return ctx.Err()
	}
	for {
		l.mu.Lock()
		changed, wait := l.changed, l.free <= 0 && l.pending > 0
		l.mu.Unlock()
		if !wait {
			return ctx.Err()
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
