package scan

import "time"

// clock is the time that counts for the stall timeout: it stands still while
// every pass under way rests for others' sake, which is no stall. It goes on as
// soon as one of them doesn't, or none is under way, so a scan of which nothing
// comes ends all the same. The board's lock guards it.
type clock struct {
	passes, resting int
	since           time.Time     // it stands still since then
	stood           time.Duration // in sum, before that
}

func (c *clock) stands() bool { return c.resting > 0 && c.resting == c.passes }

func (c *clock) now() time.Time {
	now := time.Now()
	stood := c.stood
	if c.stands() {
		stood += now.Sub(c.since)
	}
	return now.Add(-stood)
}

// change says that there are more or fewer passes, and more or fewer that rest.
func (c *clock) change(passes, resting int) {
	if c.stands() {
		c.stood += time.Since(c.since)
	}
	c.passes += passes
	c.resting += resting
	if c.stands() {
		c.since = time.Now()
	}
}
