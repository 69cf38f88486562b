package scan

// pager bounds the pages of keys that are asked for. How long keys are shows
// only when they come, and a server can be told a number of keys only: after
// long ones it is asked for fewer.
type pager struct {
	most   int   // the COUNT that was configured
	budget int64 // bytes that a page should have at most
	perKey estimate
	asked  int // the keys of the page under way
}

const (
	// firstPage is the size of the first page: the keys may all be long.
	firstPage = 100
	// maxPageBytes is the budget of the pager.
	maxPageBytes = 4 << 20
)

func newPager(count int) pager { return pager{most: count, budget: maxPageBytes} }

// count is the number of keys to ask for.
func (g *pager) count() int {
	n := int64(firstPage)
	if g.perKey > 0 {
		n = g.budget / int64(g.perKey)
	}
	g.asked = int(max(min(n, int64(g.most)), 1))
	return g.asked
}

// received takes note of the bytes of the page that was asked for. It goes by
// the keys that the server was to look at: how many of them it returns is a
// matter of pattern and type.
func (g *pager) received(bytes int64) { g.perKey.saw(g.asked, bytes) }
