package scan

import "time"

// duty keeps what is asked of one node to a share of its time, for the sake of
// its other clients. There is one request at a time, a small one; one that took
// the node t stands for a time of t/share, and the next one goes out when that
// is over.
type duty struct {
	share float64   // 0: all of the node's time
	asked time.Time // when the request under way went out
	free  time.Time // nothing is asked before
}

const (
	// dutyKeys is how many keys a request lists at most, and half of that how
	// many it fetches: others wait for as long as the server takes for one.
	dutyKeys = 32
	// dutySlots is how many slots a request is about at most.
	dutySlots = 32
	// maxCredit bounds how much of the time is made up for that was slept too
	// long: timers are late by up to a millisecond, more than most requests take.
	maxCredit = 4 * time.Millisecond
	// maxWait bounds a wait, so that no share, however small, makes one that can't
	// be told.
	maxWait = 365 * 24 * time.Hour
)

func (d *duty) on() bool { return d.share > 0 && d.share < 1 }

// wait is how long the next request has to wait.
func (d *duty) wait(now time.Time) time.Duration { return d.free.Sub(now) }

// ask says that a request goes out.
func (d *duty) ask(now time.Time) { d.asked = now }

// answered says that the request was answered, and took the node so long.
func (d *duty) answered(took time.Duration) {
	from := d.asked
	if !d.free.IsZero() {
		if from = from.Add(-maxCredit); from.Before(d.free) {
			from = d.free
		}
	}
	d.free = from.Add(time.Duration(min(float64(took)/d.share, float64(maxWait))))
}
