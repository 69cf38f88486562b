package scan

import (
	"sync/atomic"

	"github.com/redisarrow/redisarrow/cluster"
)

// Counters count what a scan has met. All of them only grow.
type Counters struct {
	Scanned       int64 // keys returned by the servers' enumeration, repeats and foreign ones included
	Rows          int64 // rows decoded; those of the last batches may not have been handed out yet
	Vanished      int64 // keys gone between enumeration and fetch: no row
	WrongType     int64 // keys that held another type when they were fetched: no row
	ParseFailures int64 // cells that didn't fit their column
	SkippedRows   int64 // rows left out because of such a cell
	Duplicates    int64 // keys enumerated again and left out
	Foreign       int64 // keys of slots that the node doesn't own, or that aren't wanted, left out
	Redirects     int64 // MOVED and ASK replies followed
	Retries       int64 // commands asked again, and connections made anew, after a fault
	Bytes         int64 // bytes received
}

// Add adds o to c.
func (c *Counters) Add(o Counters) {
	c.Scanned += o.Scanned
	c.Rows += o.Rows
	c.Vanished += o.Vanished
	c.WrongType += o.WrongType
	c.ParseFailures += o.ParseFailures
	c.SkippedRows += o.SkippedRows
	c.Duplicates += o.Duplicates
	c.Foreign += o.Foreign
	c.Redirects += o.Redirects
	c.Retries += o.Retries
	c.Bytes += o.Bytes
}

// NodeStats are the counters of one master.
type NodeStats struct {
	Addr string
	Counters
}

// node is a master of the scan. Its counters are written by one pass, page by
// page, and read by anybody at any time.
type node struct {
	id    string // "" if the topology doesn't tell it
	addr  string
	slots cluster.SlotSet // by the topology at the scan's start
	stats atomic.Pointer[Counters]
}

func (n *node) counters() Counters {
	if c := n.stats.Load(); c != nil {
		return *c
	}
	return Counters{}
}

// publish makes c what others see. It copies: c goes on changing.
func (n *node) publish(c Counters) { n.stats.Store(&c) }
