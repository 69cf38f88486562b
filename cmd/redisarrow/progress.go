package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/term"

	"github.com/redisarrow/redisarrow/iterator"
)

const (
	progressPeriod = 200 * time.Millisecond
	sizeTimeout    = 5 * time.Second
	barWidth       = 30
	clearLine      = "\r\x1b[K"
)

// progress is the line that shows how far a scan is, on a terminal only.
type progress struct {
	out   *os.File
	all   bool // every key is read, as far as pattern and slots go
	total atomic.Int64
	stats func() iterator.Stats
	begun time.Time
}

// showProgress draws until the returned function is called, which takes the
// line away. It does nothing where standard error isn't a terminal.
func (a *app) showProgress(ctx context.Context, rdb redis.UniversalClient, all bool, stats func() iterator.Stats) (stop func()) {
	if !term.IsTerminal(int(a.stderr.Fd())) || os.Getenv("TERM") == "dumb" {
		return func() {}
	}
	p := &progress{out: a.stderr, all: all, stats: stats, begun: time.Now()}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.run(ctx, rdb)
	}()
	return func() {
		cancel()
		<-done
	}
}

func (p *progress) run(ctx context.Context, rdb redis.UniversalClient) {
	// Beside the drawing, and not waited for at the end: a client's reads don't
	// end with their context, and a slow node must hold up neither.
	go func() {
		ctx, cancel := context.WithTimeout(ctx, sizeTimeout)
		defer cancel()
		// Over all masters on a cluster. Without it there is a line, but no bar.
		if n, err := rdb.DBSize(ctx).Result(); err == nil {
			p.total.Store(n)
		}
	}()
	ticker := time.NewTicker(progressPeriod)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			fmt.Fprint(p.out, clearLine)
			return
		case <-ticker.C:
			width, _, err := term.GetSize(int(p.out.Fd()))
			if err != nil || width == 0 { // 0 is a terminal that was never told
				width = 80
			}
			fmt.Fprint(p.out, clearLine+fit(p.line(time.Since(p.begun)), width-1))
		}
	}
}

// line is a bar where the number of keys to come is known, and otherwise only
// says how many keys there have been: DBSIZE counts those too that don't match
// the pattern, and keys may come and go.
func (p *progress) line(elapsed time.Duration) string {
	s := p.stats()
	rate := perSecond(s.Rows, elapsed)
	total := p.total.Load()
	switch {
	case total <= 0:
		return fmt.Sprintf("%d keys, %d rows, %.0f rows/s", s.Scanned, s.Rows, rate)
	case !p.all:
		return fmt.Sprintf("%d keys found among %d, %d rows, %.0f rows/s", s.Scanned, total, s.Rows, rate)
	}
	done := min(float64(s.Scanned)/float64(total), 1)
	full := int(done * barWidth)
	return fmt.Sprintf("[%s%s] %3.0f %%  %d of %d keys, %.0f rows/s",
		strings.Repeat("#", full), strings.Repeat(".", barWidth-full), done*100, s.Scanned, total, rate)
}

// fit keeps the line on one line; a wrapped one couldn't be taken back.
func fit(line string, width int) string {
	if len(line) > width {
		return line[:max(width, 0)]
	}
	return line
}

func perSecond(n int64, elapsed time.Duration) float64 {
	return float64(n) / max(elapsed.Seconds(), 1e-9)
}
