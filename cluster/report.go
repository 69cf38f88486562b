package cluster

import "slices"

// Report is what [Check] has found. As JSON it has the names of the tags; what
// isn't known, because a node doesn't answer or the user may not ask, is null
// or left out.
type Report struct {
	// Verdict says whether a scan that begins now can keep its promise.
	Verdict Verdict `json:"verdict"`
	// Cluster is false for a server that isn't part of a cluster: it has all
	// slots.
	Cluster bool `json:"cluster"`

	SlotsTotal    int     `json:"slots_total"`    // [Slots]
	SlotsCovered  int     `json:"slots_covered"`  // with an owner that answers, and on which all masters agree
	SlotsUnowned  SlotSet `json:"slots_unowned"`  // nobody owns them
	SlotsDisputed SlotSet `json:"slots_disputed"` // the masters don't agree on the owner

	Masters  int      `json:"masters"`  // nodes that are masters, those that don't answer included
	Replicas int      `json:"replicas"` // likewise
	Versions []string `json:"versions"` // of the nodes, each once: "redis 7.0.15", "valkey 9.1.0"
	Keys     *int64   `json:"keys"`     // of all masters with slots

	Migrations []Migration  `json:"migrations"` // open ones
	Nodes      []NodeReport `json:"nodes"`      // masters by their first slot, each followed by its replicas
	Findings   []Finding    `json:"findings"`   // the worst first
}

// Verdict says whether a scan can keep its promise: each key once, all keys.
type Verdict string

const (
	// VerdictYes: it can, and nothing weakens it.
	VerdictYes Verdict = "yes"
	// VerdictWeakened: it can, but there are warnings: something weakens the
	// promise, or makes the scan dearer, or is about to break.
	VerdictWeakened Verdict = "weakened"
	// VerdictNo: there are problems. A scan now would end with ErrIncomplete or
	// another error, unless they are over before its StallTimeout is.
	VerdictNo Verdict = "no"
)

// Severity is how much a [Finding] matters to a scan.
type Severity string

const (
	// Problem: a scan can't keep its promise.
	Problem Severity = "problem"
	// Warning: something weakens the promise, or makes the scan dearer.
	Warning Severity = "warning"
	// Note: good to know.
	Note Severity = "note"
)

// Code says what kind of [Finding] it is. Codes stay the same; further ones may
// be added.
type Code string

const (
	CodeSlotUnowned   Code = "slot_unowned"    // problem: slots that nobody owns, or whose owner has no address
	CodeSlotDisputed  Code = "slot_disputed"   // problem: the masters don't agree on the owner, and didn't a second before
	CodeMasterDown    Code = "master_down"     // problem: a master doesn't answer, and nobody has taken its place
	CodeWrongNode     Code = "wrong_node"      // problem: another node answers at a master's address; of a replica, warning
	CodeRefused       Code = "login_refused"   // problem: a master doesn't let the user in; of a replica, warning
	CodeClusterDown   Code = "cluster_down"    // problem: a master's cluster_state isn't ok
	CodeLoading       Code = "loading"         // problem: a master is loading its data; of a replica, warning
	CodeMarkStale     Code = "mark_stale"      // problem or note: a migration's mark that doesn't fit the slot's owner
	CodeVersionTooOld Code = "version_old"     // warning: the server is older than those that scans are tested on
	CodeNotCluster    Code = "not_cluster"     // note: a single server; problem: and the client is one for clusters
	CodeDenied        Code = "acl_denied"      // the user may not run commands; problem, warning or note, as they matter
	CodeMissing       Code = "command_missing" // the server hasn't got commands; problem, warning or note, as they matter
	CodeMigrationOpen Code = "migration_open"  // warning: slots that are moving, or were left so
	CodeReplicaBehind Code = "replica_behind"  // warning: a failover would lose what the replica hasn't got yet
	CodeNodeDown      Code = "node_down"       // warning: a node without slots doesn't answer; note: the others know already
	CodeSuspected     Code = "node_suspected"  // warning: others say that it fails, but it answers
	CodeReplaced      Code = "node_replaced"   // warning: it takes itself for a master, and the others have replaced it
	CodeNoReplica     Code = "no_replica"      // masters without replicas; warning if others have some, else note
	CodeReplicaRead   Code = "replica_read"    // warning: the single server is a replica of another one
	CodeLedger        Code = "ledger_memory"   // warning: remembering a node's keys takes more than a scan's default limit
	CodeUnknownServer Code = "server_unknown"  // warning: neither Redis nor Valkey, or a single server that doesn't say
	CodeMixedVersions Code = "mixed_versions"  // note: the nodes' versions differ
)

// Finding is one thing that matters to a scan.
type Finding struct {
	Severity Severity `json:"severity"`           // how much it matters
	Code     Code     `json:"code"`               // what it is, for programs
	Text     string   `json:"text"`               // what it is, and what to do about it; for people, and may change
	Slots    SlotSet  `json:"slots,omitzero"`     // the slots that it is about
	Nodes    []string `json:"nodes,omitempty"`    // addresses of the nodes that it is about
	Commands []string `json:"commands,omitempty"` // denied or missing ones
}

// Migration is slots that are moving from one master to another one, as the
// source says.
type Migration struct {
	Slots SlotSet `json:"slots"` // those that have the same two ends
	From  string  `json:"from"`  // the source's address
	To    string  `json:"to"`    // the target's, or its ID if that isn't known
}

// State is how a node is.
type State string

const (
	StateOK        State = "ok"           // it answers, and nothing speaks against it
	StateLoading   State = "loading"      // it reads its data after a start
	StateSuspected State = "suspected"    // it answers, and others say that it fails
	StateReplaced  State = "replaced"     // it takes itself for a master, the others don't
	StateNotOK     State = "cluster_down" // it answers, and its cluster_state isn't ok
	StateDown      State = "down"         // it doesn't answer
	StateFailed    State = "failed"       // it doesn't answer, and most masters agree that it has failed
	StateRefused   State = "refused"      // it doesn't let the user in
)

// NodeReport is how one node is. Numbers are of the moment in which it was asked.
type NodeReport struct {
	told *answer // until the report is made

	Addr     string `json:"addr"`                // host:port at which it was asked; "" if the cluster has none
	ID       string `json:"id,omitempty"`        // 40 hex digits
	Role     string `json:"role"`                // "master", "replica", or "" if nobody says
	MasterID string `json:"master_id,omitempty"` // of a replica
	State    State  `json:"state"`               // whether it answers, and what the others say of it
	Error    string `json:"error,omitempty"`     // why nothing is known of it

	Slots     SlotSet `json:"slots"`      // what it owns in all masters' eyes
	SlotCount int     `json:"slot_count"` // how many Slots are
	Replicas  int     `json:"replicas"`   // of a master: those that answer

	Server  string `json:"server,omitempty"`  // "redis", "valkey", or another make
	Version string `json:"version,omitempty"` // of that, such as "7.0.15"

	Keys                *int64 `json:"keys"`                  // in the client's database, those that have expired and aren't removed yet included
	UsedMemoryBytes     *int64 `json:"used_memory_bytes"`     // as the server counts it: used_memory of INFO
	MaxMemoryBytes      *int64 `json:"max_memory_bytes"`      // 0: no limit
	ConnectedClients    *int64 `json:"connected_clients"`     // this check's connection included
	OperationsPerSecond *int64 `json:"operations_per_second"` // the server's own measure
	UptimeSeconds       *int64 `json:"uptime_seconds"`        // since its process began

	// Of a replica: whether its connection to its master is up, how many bytes of
	// writes it is behind, and how long it hasn't heard of its master. The bytes
	// are of two moments, so a busy master's replica is always some behind.
	ReplicaLinkUp        *bool  `json:"replica_link_up,omitempty"`
	ReplicaLagBytes      *int64 `json:"replica_lag_bytes,omitempty"`
	ReplicaSilentSeconds *int64 `json:"replica_silent_seconds,omitempty"`

	// Way is how a scan will list the node's keys: "clusterscan", "slotscan",
	// "keysinslot" or "plainscan", as iterator.ParseEnumeration reads it; "" if
	// the node isn't read, or can't be. Of a replica: if it becomes the master.
	Way string `json:"way,omitempty"`
	// Denied are the commands of a scan that the user may not run there, in upper
	// case: "HMGET", "CLUSTER NODES".
	Denied []string `json:"denied,omitempty"`
	// Missing are likewise those that the server doesn't know: it is old, or they have
	// been renamed, or a service or a proxy keeps them back.
	Missing []string `json:"missing,omitempty"`
}

// answers reports whether the node told of itself.
func (n *NodeReport) answers() bool { return n.Error == "" }

// cannot are the commands that can't be run there.
func (n *NodeReport) cannot() []string { return slices.Concat(n.Denied, n.Missing) }

// add puts a finding to the others.
func (r *Report) add(f Finding) { r.Findings = append(r.Findings, f) }

// conclude orders the findings and draws the verdict from them.
func (r *Report) conclude() {
	for i := range r.Nodes {
		r.Nodes[i].told = nil
	}
	var ordered []Finding
	for _, s := range []Severity{Problem, Warning, Note} {
		for _, f := range r.Findings {
			if f.Severity == s {
				ordered = append(ordered, f)
			}
		}
	}
	r.Findings, r.Verdict = ordered, VerdictYes
	if len(ordered) == 0 {
		r.Findings = []Finding{} // [] in JSON, not null
		return
	}
	switch ordered[0].Severity {
	case Problem:
		r.Verdict = VerdictNo
	case Warning:
		r.Verdict = VerdictWeakened
	}
}
