package iterator

import "github.com/redisarrow/redisarrow/internal/scan"

// Counters count what a scan has met; all of them only grow.
type Counters = scan.Counters

// NodeStats are the counters of one master.
type NodeStats = scan.NodeStats

// Stats are the counters of a scan: in sum, and master by master in the order
// in which they are scanned. They run ahead of the batches handed out, by the
// batches under way.
type Stats struct {
	Counters
	Nodes []NodeStats
}

func newStats(nodes []NodeStats) Stats {
	s := Stats{Nodes: nodes}
	for _, n := range nodes {
		s.Add(n.Counters)
	}
	return s
}
