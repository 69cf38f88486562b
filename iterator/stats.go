package iterator

import "github.com/redisarrow/redisarrow/internal/scan"

// Counters count what a scan has met; all of them only grow.
type Counters = scan.Counters

// NodeStats are the counters of one master, and how it was enumerated.
type NodeStats = scan.NodeStats

// Stats are the counters of a scan: in sum, and master by master in the order
// in which they were met. They run ahead of the batches handed out, by the
// batches under way.
type Stats struct {
	Counters
	Nodes       []NodeStats
	Surveys     int64 // how often all masters were asked who owns which slot
	Reread      int64 // slots read again, because the cluster had changed while they were read
	LedgerBytes int64 // the most that the keys to be remembered have taken, in bytes
}

func newStats(of scan.Stats) Stats {
	s := Stats{Nodes: of.Nodes, Surveys: of.Surveys, Reread: of.Reread, LedgerBytes: of.LedgerBytes}
	for _, n := range of.Nodes {
		s.Add(n.Counters)
	}
	return s
}
