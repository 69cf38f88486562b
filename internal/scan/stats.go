package scan

// Counters count what a scan has met. All of them only grow.
type Counters struct {
	Scanned       int64 `json:"scanned"`        // keys returned by the servers' enumeration: repeats, foreign ones, and with KeysInSlot those that don't match the pattern, included
	Rows          int64 `json:"rows"`           // rows decoded; those of the last batches may not have been handed out yet
	Vanished      int64 `json:"vanished"`       // keys gone between enumeration and fetch: no row
	WrongType     int64 `json:"wrong_type"`     // keys that held another type when they were fetched: no row
	ParseFailures int64 `json:"parse_failures"` // cells that didn't fit their column
	LargeValues   int64 `json:"large_values"`   // values larger than MaxValueBytes
	SkippedRows   int64 `json:"skipped_rows"`   // rows left out because of such a cell or value
	Duplicates    int64 `json:"duplicates"`     // keys enumerated again and left out
	Foreign       int64 `json:"foreign"`        // keys of slots that the node doesn't own, or that aren't wanted, left out
	Redirects     int64 `json:"redirects"`      // MOVED and ASK replies followed
	Retries       int64 `json:"retries"`        // commands asked again, and connections made anew, after a fault
	Bytes         int64 `json:"bytes"`          // bytes received
}

// Add adds o to c.
func (c *Counters) Add(o Counters) {
	c.Scanned += o.Scanned
	c.Rows += o.Rows
	c.Vanished += o.Vanished
	c.WrongType += o.WrongType
	c.ParseFailures += o.ParseFailures
	c.LargeValues += o.LargeValues
	c.SkippedRows += o.SkippedRows
	c.Duplicates += o.Duplicates
	c.Foreign += o.Foreign
	c.Redirects += o.Redirects
	c.Retries += o.Retries
	c.Bytes += o.Bytes
}

// minus is what c has beyond o.
func (c Counters) minus(o Counters) Counters {
	return Counters{
		Scanned:       c.Scanned - o.Scanned,
		Rows:          c.Rows - o.Rows,
		Vanished:      c.Vanished - o.Vanished,
		WrongType:     c.WrongType - o.WrongType,
		ParseFailures: c.ParseFailures - o.ParseFailures,
		LargeValues:   c.LargeValues - o.LargeValues,
		SkippedRows:   c.SkippedRows - o.SkippedRows,
		Duplicates:    c.Duplicates - o.Duplicates,
		Foreign:       c.Foreign - o.Foreign,
		Redirects:     c.Redirects - o.Redirects,
		Retries:       c.Retries - o.Retries,
		Bytes:         c.Bytes - o.Bytes,
	}
}

// NodeStats are the counters of one node that was read.
type NodeStats struct {
	Addr string `json:"addr"`
	// Enumerations are the ways in which its keys were enumerated, in the order
	// in which they were taken.
	Enumerations []Enumeration `json:"ways"`
	// Commands are those by which the keys' values were read, likewise: "HMGET",
	// "HGETALL", "GET", "MGET", or "TYPE" where no value is wanted; and those that
	// say how to read them, "HLEN", "STRLEN", "EXISTS".
	Commands []string `json:"commands"`
	// Unguarded: the user may not use MULTI there, so a slot migration that was
	// opened and broken off within moments could go unseen.
	Unguarded bool `json:"unguarded"`
	// Unidentified: a server that isn't in a cluster, and doesn't say what it is: the
	// user may not ask (INFO), or a service keeps that back, or it has no CLUSTER command
	// at all, and so may be a proxy before other servers. It is read by its SCAN all
	// the same. That SCAN returns every key that exists all the time is then its own
	// promise, not one known to be kept; and that another server has taken its place
	// shows only as a lost connection.
	Unidentified bool `json:"unidentified"`
	// Replica: it was read as a replica, last.
	Replica bool `json:"replica"`
	Counters
}

// Stats are the counters of a scan.
type Stats struct {
	Nodes       []NodeStats
	Surveys     int64 // how often all masters were asked who owns which slot
	Reread      int64 // slots read again, because the cluster had changed meanwhile
	LedgerBytes int64 // the most that the keys remembered have taken
	Progress    float64
}
