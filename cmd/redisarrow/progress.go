package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/redisarrow/redisarrow/iterator"
)

const (
	progressPeriod = 200 * time.Millisecond
	barWidth       = 30
	shortBarWidth  = 10
)

// showProgress draws a line that shows how far a scan is until the returned
// function is called, which takes the line away. It does nothing where standard
// error isn't a terminal.
func (a *app) showProgress(ctx context.Context, stats func() iterator.Stats) (stop func()) {
	if !term.IsTerminal(int(a.stderr.Fd())) || os.Getenv("TERM") == "dumb" {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.drawProgress(ctx, stats)
	}()
	return func() {
		cancel()
		<-done
	}
}

func (a *app) drawProgress(ctx context.Context, stats func() iterator.Stats) {
	begun := time.Now()
	var e estimate
	ticker := time.NewTicker(progressPeriod)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			a.console.draw("")
			return
		case <-ticker.C:
			width, _, err := term.GetSize(int(a.stderr.Fd()))
			if err != nil || width == 0 { // 0 is a terminal that was never told
				width = 80
			}
			s, elapsed := stats(), time.Since(begun)
			e.saw(elapsed, s.Progress)
			a.console.draw(progressLine(width-1, &s, elapsed, &e))
		}
	}
}

// progressLine is the line, no longer than a width: a wrapped one couldn't be taken
// back. Where not all has room, the estimate and the rows are what stays.
func progressLine(width int, s *iterator.Stats, elapsed time.Duration, e *estimate) string {
	keys := fmt.Sprintf("%d keys, ", s.Scanned)
	rows := fmt.Sprintf("%d rows", s.Rows)
	rate := fmt.Sprintf(", %.0f rows/s", perSecond(s.Rows, elapsed))
	left := ""
	if d, ok := e.left(); ok {
		left = ", about " + roughly(d) + " left"
	}
	percent, bar := "", func(int) string { return "" }
	if s.Progress > 0 { // a server's cursor may not tell how far it is
		percent = fmt.Sprintf("%3.0f %%  ", 100*s.Progress)
		bar = func(width int) string {
			full := int(s.Progress * float64(width))
			return "[" + strings.Repeat("#", full) + strings.Repeat(".", width-full) + "] "
		}
	}
	for _, line := range []string{
		bar(barWidth) + percent + keys + rows + rate + left,
		bar(shortBarWidth) + percent + keys + rows + rate + left,
		bar(shortBarWidth) + percent + rows + rate + left,
		percent + rows + rate + left,
		percent + rows + left,
	} {
		if len(line) <= width {
			return line
		}
	}
	line := percent + rows
	return line[:max(min(len(line), width), 0)]
}

func perSecond(n int64, elapsed time.Duration) float64 {
	return float64(n) / max(elapsed.Seconds(), 1e-9)
}
