package scan

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The clock stands still while all passes rest, and only then.
func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c clock
		begun := c.now()
		pass := func(want time.Duration) {
			t.Helper()
			before := c.now()
			time.Sleep(time.Second)
			assert.Equal(t, want, c.now().Sub(before))
		}
		pass(time.Second) // nothing is under way
		c.change(1, 0)
		pass(time.Second)
		c.change(0, 1)
		pass(0)
		c.change(1, 0) // another pass
		pass(time.Second)
		c.change(0, 1)
		pass(0)
		pass(0)
		c.change(0, -1)
		c.change(-1, 0)
		pass(0) // the one that is left rests
		c.change(0, -1)
		pass(time.Second)
		c.change(-1, 0)
		assert.Equal(t, 4*time.Second, c.now().Sub(begun))
	})
}

// Whatever timers do, a node is asked for no more than its share, but for what is
// made up for of one sleep.
func TestDuty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, late := range []time.Duration{0, time.Millisecond, 20 * time.Millisecond} {
			d := duty{share: 0.2}
			require.True(t, d.on())
			busy, begun := time.Duration(0), time.Now()
			for i := range 1000 {
				if wait := d.wait(time.Now()); wait > 0 {
					time.Sleep(wait + late)
				}
				took := time.Duration(i%10) * 100 * time.Microsecond
				d.ask(time.Now())
				time.Sleep(took)
				d.answered(took)
				busy += took
			}
			whole := time.Since(begun) + max(0, d.wait(time.Now()))
			assert.LessOrEqual(t, float64(busy), 0.2*float64(whole+maxCredit), "%v late", late)
			if late <= time.Millisecond {
				assert.InEpsilon(t, 5*busy.Seconds(), whole.Seconds(), 0.01, "what was slept too long is made up for")
			}
		}
		d := duty{share: 1e-300}
		d.ask(time.Now())
		d.answered(time.Millisecond)
		assert.Equal(t, maxWait, d.wait(time.Now()))
		for _, share := range []float64{0, 1} {
			assert.False(t, (&duty{share: share}).on())
		}
	})
}

// Keys are granted at the pace, whatever is asked for.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, perSecond := range []int{1, 7, 1000, 1_000_000} {
			s := &Scan{pace: newPace(perSecond)}
			s.board = newBoard(s)
			p := &pass{scan: s}
			begun, keys := time.Now(), 0
			for time.Since(begun) < 10*time.Second {
				n := p.granted(1 + keys%500)
				if n == 0 {
					require.NoError(t, p.awaitGrant(t.Context()))
					continue
				}
				p.used(n)
				keys += n
			}
			most := 10*perSecond + s.pace.limiter.Burst() + s.pace.portion
			assert.LessOrEqual(t, keys, most)
			assert.Greater(t, keys, 9*perSecond)
		}
		assert.Nil(t, newPace(0))
		s := &Scan{}
		assert.Equal(t, 17, (&pass{scan: s}).granted(17))
	})
}

func TestPauseEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Scan{}
		s.board = newBoard(s)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		require.ErrorIs(t, s.pause(ctx, time.Hour), context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(begun))
		require.ErrorIs(t, s.pause(ctx, 0), context.DeadlineExceeded)
		assert.Zero(t, s.board.clock.resting)
	})
}
