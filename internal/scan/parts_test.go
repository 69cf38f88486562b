package scan

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/resp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestPageFilter(t *testing.T) {
	pg := pageOf("a", "", "ccc", "dd", "e")
	pg.filter(func(i int) bool { return i > 0 && i < 4 })
	require.Equal(t, 3, pg.len())
	for i, want := range []string{"", "ccc", "dd"} {
		assert.Equal(t, want, string(pg.key(i)))
	}
	pg.reset()
	assert.Zero(t, pg.len())
	pg.add([]byte(strings.Repeat("x", 2*maxKeptBytes)))
	pg.reset()
	assert.Zero(t, cap(pg.keys), "a page of giants isn't kept")
}

func TestReadScan(t *testing.T) {
	read := func(wire string) (uint64, *page, error) {
		pg := &page{}
		next, err := readScan(resp.NewReader(strings.NewReader(wire), 64), pg, 100)
		return next, pg, err
	}
	next, pg, err := read("*2\r\n$20\r\n18446744073709551615\r\n*2\r\n$1\r\na\r\n$0\r\n\r\n")
	require.NoError(t, err)
	assert.Equal(t, ^uint64(0), next)
	assert.Equal(t, 2, pg.len())
	for _, bad := range []string{"*2\r\n$20\r\n18446744073709551616\r\n*0\r\n", "*2\r\n$2\r\n-1\r\n*0\r\n", "*2\r\n$-1\r\n*0\r\n", "*2\r\n$1\r\n0\r\n*1\r\n", "*2\r\n$1\r\n0\r\n*101\r\n", "*2\r\n$1\r\n0\r\n*-1\r\n"} {
		_, _, err := read(bad)
		require.Error(t, err, bad)
	}
	// In a stream out of step a value may stand where the cursor should.
	_, _, err = read("*2\r\n$6\r\nsecret\r\n*0\r\n")
	require.ErrorContains(t, err, "cursor")
	assert.NotContains(t, err.Error(), "secret")
	_, _, err = read("-NOPERM no\r\n")
	var reply *resp.ReplyError
	require.ErrorAs(t, err, &reply)
}

// FuzzReadScan: whatever comes, a page is whole or an error.
func FuzzReadScan(f *testing.F) {
	f.Add([]byte("*2\r\n$1\r\n0\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n"))
	f.Add([]byte("-LOADING\r\n"))
	f.Fuzz(func(t *testing.T, wire []byte) {
		pg := &page{}
		r := resp.NewReader(strings.NewReader(string(wire)), 64)
		if _, err := readScan(r, pg, 1000); err != nil {
			return
		}
		total := 0
		for i := range pg.len() {
			total += len(pg.key(i))
		}
		require.LessOrEqual(t, int64(total), r.BytesRead())
	})
}

// The sizer starts small, goes by the bytes seen, and never lets more be in
// flight than its budget by its own estimate.
func TestSizer(t *testing.T) {
	s := newSizer(1000, 0)
	assert.Equal(t, 1, s.allow(), "a giant, for all that is known")
	s.sent(1)
	assert.Zero(t, s.allow())
	s.received(1, 10)
	assert.Equal(t, 8, s.allow())
	s.sent(8)
	assert.Zero(t, s.allow())
	s.received(8, 80)
	assert.Equal(t, 64, s.allow())
	s.sent(64)
	s.received(64, 640)
	assert.Equal(t, 100, s.allow(), "the budget, not the window")
	s.sent(1)
	s.received(1, 5000)
	assert.Equal(t, 1, s.allow(), "one, however large")
	s.sent(1)
	assert.Zero(t, s.allow())
	s.lost()
	assert.Equal(t, 1, s.allow())
	for range 50 { // small again: the estimate falls slowly
		s.sent(1)
		s.received(1, 1)
	}
	assert.Greater(t, s.allow(), 100)
}

// The pager asks for fewer keys when they are long, and for more again when
// they aren't.
func TestPager(t *testing.T) {
	g := newPager(1000, 1000)
	ask := func(keyBytes int64) int {
		n := g.count()
		g.received(int64(n) * keyBytes)
		return n
	}
	assert.Equal(t, 100, ask(20))
	assert.Equal(t, 1000, ask(20))
	assert.Equal(t, 1000, ask(1<<20))
	assert.Equal(t, 4, ask(1<<20))
	assert.Equal(t, 4, ask(10<<20))
	assert.Equal(t, 1, ask(10<<20))
	pages := 0
	for ask(20) < 1000 {
		pages++
	}
	assert.Less(t, pages, 30)
	assert.Equal(t, 1000, ask(0))

	g = newPager(10, 10)
	assert.Equal(t, 10, ask(20))
	assert.Equal(t, 10, ask(20))
}

// Pages grow where the next one comes so soon that the server had to wait for the
// question, and never by more than they may.
func TestPagerFarAway(t *testing.T) {
	begun := time.Now()
	for _, c := range []struct {
		roundTrip, perKey time.Duration // perKey: what one costs the server
		most, want        int
	}{
		{0, time.Microsecond, 20_000, 4000},
		{time.Millisecond, time.Microsecond, 20_000, 4000},
		{10 * time.Millisecond, 2 * time.Microsecond, 20_000, 9000},
		{10 * time.Millisecond, 2 * time.Microsecond, 4000, 4000},
		{100 * time.Millisecond, 2 * time.Microsecond, 20_000, 20_000},
	} {
		g := newPager(4000, c.most)
		g.roundTrip = c.roundTrip
		now := begun
		for range 50 {
			n := g.count()
			g.received(int64(n) * 20)
			now = now.Add(max(c.roundTrip*12/10, time.Duration(n)*c.perKey))
			g.came(now)
		}
		assert.Equal(t, c.want, g.count(), "%v", c)
	}
	// Few keys come because they are long: more of them wouldn't help.
	g := newPager(4000, 20_000)
	g.roundTrip = time.Second
	for range 50 {
		g.received(int64(g.count()) << 20)
		g.came(begun)
	}
	assert.Equal(t, 4000, g.keys)
}

// However many workers ask, exactly the limit is given, and what is given
// back is given again.
func TestLimit(t *testing.T) {
	for range 50 {
		l := newLimit(1000)
		var rows int64
		var mu sync.Mutex
		var workers sync.WaitGroup
		for w := range 4 {
			workers.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(w), 1))
				for !l.reached() {
					n := l.reserve(1 + rng.IntN(50))
					if n == 0 {
						_ = l.wait(context.Background())
						continue
					}
					got := rng.IntN(n + 1) // the others had no row
					l.settle(n, got)
					mu.Lock()
					rows += int64(got)
					mu.Unlock()
				}
			})
		}
		workers.Wait()
		require.EqualValues(t, 1000, rows)
	}
	var none *limit
	assert.Equal(t, 7, none.reserve(7))
	assert.False(t, none.reached())
	require.NoError(t, none.wait(context.Background()))
}

func TestLimitWaitEndsWithContext(t *testing.T) {
	l := newLimit(1)
	require.Equal(t, 1, l.reserve(5))
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(10*time.Millisecond, cancel)
	require.ErrorIs(t, l.wait(ctx), context.Canceled)
}

func TestPatience(t *testing.T) {
	cause := errors.New("cause")
	p := patience{limit: 30 * time.Millisecond}
	ctx := context.Background()
	require.NoError(t, p.retry(ctx, cause))
	tries := 0
	var err error
	for err == nil {
		err = p.retry(ctx, cause)
		tries++
	}
	require.Equal(t, cause, err)
	assert.Greater(t, tries, 1)
	p.succeeded()
	require.NoError(t, p.retry(ctx, cause), "patience is there anew")
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	require.ErrorIs(t, p.retry(cancelled, cause), context.Canceled)
}

func TestVersions(t *testing.T) {
	for _, c := range []struct {
		info      cluster.ServerInfo
		inCluster bool
		want      cursorOrder
	}{
		{cluster.ServerInfo{RedisVersion: "7.0.15"}, true, tableOrder},
		{cluster.ServerInfo{RedisVersion: "7.2.4", ValkeyVersion: "7.2.11"}, true, unknownOrder},
		{cluster.ServerInfo{RedisVersion: "7.4.1"}, true, slotOrder},
		{cluster.ServerInfo{RedisVersion: "8.0.2"}, true, slotOrder},
		{cluster.ServerInfo{RedisVersion: "7.2.4", ValkeyVersion: "8.1.1"}, true, slotOrder},
		{cluster.ServerInfo{RedisVersion: "8.0.2"}, false, tableOrder},
		{cluster.ServerInfo{RedisVersion: "7.2.4", ValkeyVersion: "8.1.1"}, false, unknownOrder},
		{cluster.ServerInfo{RedisVersion: "255.255.255"}, true, slotOrder},
		{cluster.ServerInfo{}, true, unknownOrder},
		{cluster.ServerInfo{RedisVersion: "x.y"}, true, unknownOrder},
	} {
		var s state
		s.describe(c.info, c.inCluster)
		assert.Equal(t, c.want, s.order, "%+v in a cluster: %v", c.info, c.inCluster)
	}
}
