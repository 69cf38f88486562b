package scan

import "time"

// pager bounds the pages of keys that are asked for. How long keys are shows
// only when they come, and a server can be told a number of keys only: after
// long ones it is asked for fewer.
//
// The keys of a page are asked about together with the next page, one that comes
// back early. So as long as a server is busy with a page for longer than a question
// is on its way and the answer on its way back, it is never idle; where that isn't so,
// because it is far away, the pages grow.
type pager struct {
	keys   int   // how many are asked for, unless they are long
	most   int   // how many may be
	budget int64 // bytes that a page should have at most
	perKey estimate
	asked  int  // the keys of the page under way
	short  bool // it has fewer than keys because they are long

	roundTrip time.Duration // to the server and back
	last      time.Time     // when a page of keys came; zero if none has
	settling  int           // pages to come before it shows what more keys have changed
}

const (
	// firstPage is the size of the first page: the keys may all be long.
	firstPage = 100
	// maxPageBytes is the budget of the pager.
	maxPageBytes = 4 << 20
	// farPages is how many round trips there should be between two pages at least, in
	// percent.
	farPages = 175
	// settlingPages are those that are under way when pages grow, and the first that
	// is larger.
	settlingPages = 2
)

func newPager(keys, most int) pager {
	return pager{keys: keys, most: max(keys, most), budget: maxPageBytes}
}

// count is the number of keys to ask for.
func (g *pager) count() int {
	n := int64(firstPage)
	if g.perKey > 0 {
		n = g.budget / int64(g.perKey)
	}
	g.short = n < int64(g.keys)
	g.asked = int(max(min(n, int64(g.keys)), 1))
	return g.asked
}

// received takes note of the bytes of the page that was asked for. It goes by
// the keys that the server was to look at: how many of them it returns is a
// matter of pattern and type.
func (g *pager) received(bytes int64) { g.perKey.saw(g.asked, bytes) }

// came takes note of when a page of keys came.
func (g *pager) came(now time.Time) {
	apart, first := now.Sub(g.last), g.last.IsZero()
	g.last = now
	switch {
	case first || g.short || g.asked < g.keys/2: // it may be the last one
	case g.settling > 0:
		g.settling--
	case apart*100 < g.roundTrip*farPages && g.keys < g.most:
		g.keys = min(g.keys+g.keys/2, g.most)
		g.settling = settlingPages
	}
}
