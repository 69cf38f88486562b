package chaos

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redisarrow/redisarrow/internal/testcluster"
)

// pace holds a scan back so that it is always about as far as the script: whatever happens falls inside it, early and
// late. Once the script is over the scan goes on as fast as it can.
type pace struct {
	record *testcluster.Record
	events int
	over   <-chan struct{} // closed when the script is over

	first   sync.Once
	reading chan struct{} // closed when the first rows have come
	rows    atomic.Int64
}

// slow is called by scanners, from any goroutine, for every few rows.
func (p *pace) slow(ctx context.Context, rows int) {
	p.first.Do(func() { close(p.reading) })
	// A part of the way while an event is under way, the rest when it has ended.
	done := float64(p.rows.Add(int64(rows))) / staying * float64(p.events)
	for first := true; first || done > float64(p.record.Ended())+0.7; first = false {
		select {
		case <-p.over:
			return
		case <-ctx.Done():
			return
		case <-time.After(3 * time.Millisecond):
		}
	}
}
