package main

import (
	"fmt"
	"time"
)

// estimate is how long a scan will still take, by how its share has grown: at the
// average pace of the last quarter of the time, more or less, so that it follows
// when the pace changes and doesn't jump when it wavers.
type estimate struct {
	elapsed time.Duration // at the last sight
	share   float64       // that was done then
	pace    float64       // shares a second
}

const (
	// Before there is so much to go by nothing is said.
	leastElapsed = 3 * time.Second
	leastShare   = 0.005
	// mostLeft is the most that is said: more is no estimate.
	mostLeft = 100 * time.Hour

	// The pace is an average over paceTime and a part of the time elapsed.
	paceTime  = 10 * time.Second
	paceShare = 4
)

// saw takes note of how far the scan has come after a time.
func (e *estimate) saw(elapsed time.Duration, share float64) {
	passed := elapsed - e.elapsed
	if passed <= 0 {
		return
	}
	pace := (share - e.share) / passed.Seconds()
	over := min(elapsed, paceTime+elapsed/paceShare)
	e.pace += (pace - e.pace) * min(passed.Seconds()/over.Seconds(), 1)
	e.elapsed, e.share = elapsed, share
}

// left is the time that is left; ok is false where it can't be told.
func (e *estimate) left() (left time.Duration, ok bool) {
	if e.elapsed < leastElapsed || e.share < leastShare || e.share >= 1 || e.pace <= 0 {
		return 0, false
	}
	seconds := (1 - e.share) / e.pace
	if seconds > mostLeft.Seconds() {
		return 0, false
	}
	return time.Duration(seconds * float64(time.Second)), true
}

// roughly is a time that is left, with no more digits than such a time has.
func roughly(left time.Duration) string {
	up := func(to time.Duration) time.Duration { return max((left+to-1)/to, 1) * to }
	switch {
	case left <= time.Minute:
		return fmt.Sprintf("%d s", up(5*time.Second)/time.Second)
	case left <= 10*time.Minute:
		d := up(10 * time.Second)
		return fmt.Sprintf("%d min %02d s", d/time.Minute, d%time.Minute/time.Second)
	case left <= time.Hour:
		return fmt.Sprintf("%d min", up(time.Minute)/time.Minute)
	default:
		d := up(5 * time.Minute)
		return fmt.Sprintf("%d h %02d min", d/time.Hour, d%time.Hour/time.Minute)
	}
}
