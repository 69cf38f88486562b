package cluster

import (
	"fmt"
	"slices"
	"strings"

	"github.com/redisarrow/redisarrow/internal/enumeration"
)

// tolerableLag is how far a replica of a busy master may be behind, in bytes:
// the two were not asked in the same instant.
const tolerableLag = 1 << 20

func (j *judgement) findReplicas() {
	if !j.Cluster {
		if addrs := j.addrs(func(n *NodeReport) bool { return n.Role == roleReplica }); len(addrs) > 0 {
			j.add(Finding{
				Severity: Warning, Code: CodeReplicaRead, Nodes: addrs,
				Text: "is a replica of another server: what it hasn't got yet has no row. Scan its master to be sure",
			})
		}
	}
	for i := range j.Nodes {
		n := &j.Nodes[i]
		if n.Role != roleReplica || !n.answers() {
			continue
		}
		f := Finding{Severity: Warning, Code: CodeReplicaBehind, Nodes: []string{n.Addr}}
		switch {
		case n.ReplicaLinkUp != nil && !*n.ReplicaLinkUp:
			f.Text = "isn't in step with its master: the connection to it is down, or the first copy is under way. If the master fails now, a failover loses writes, or can't happen. See the replica's log"
		case n.ReplicaLagBytes != nil && *n.ReplicaLagBytes > tolerableLag:
			f.Text = fmt.Sprintf("is %d bytes of writes behind its master: a failover now would lose them. See the network, and the replica's load", *n.ReplicaLagBytes)
		default:
			continue
		}
		j.add(f)
	}
	if len(j.standing.members) == 0 {
		return // CLUSTER SLOTS alone leaves out replicas that haven't got far
	}
	alone := j.addrs(func(n *NodeReport) bool { return n.Role == roleMaster && reads(n) && n.Replicas == 0 })
	switch {
	case len(alone) == 0:
	case j.Replicas == 0:
		j.add(Finding{Severity: Note, Code: CodeNoReplica, Text: "no master has a replica: if one fails during a scan, its slots are missing"})
	default:
		j.add(Finding{
			Severity: Warning, Code: CodeNoReplica, Nodes: alone,
			Text: "has no replica that answers, as other masters have: if it fails during a scan, its slots are missing",
		})
	}
}

// permission is commands that serve one end, and what their denial means.
type permission struct {
	commands  []string
	severity  Severity
	text      string
	inCluster bool // matters in clusters alone
}

var permissions = []permission{
	{
		[]string{"CLUSTER NODES"}, Problem,
		"without it there is no scan of a cluster, and neither open migrations nor failing nodes can be seen here", true,
	},
	{
		[]string{"EXEC", "MULTI"}, Warning,
		"without it a migration that is opened, and broken off again, while a page of keys is listed goes unseen", true,
	},
	{
		[]string{"INFO"}, Warning,
		"without it a restart can't be told from a lost connection, so a node is read anew after one; and versions, memory, clients and replicas' progress are unknown, and the best way to list keys too", false,
	},
	{[]string{"ASKING"}, Warning, "without it keys whose slot is moving can't be followed", true},
	{[]string{"GET"}, Warning, "without it there is no scan of strings with their values", false},
	{[]string{"MGET"}, Note, "without it strings are read one by one, which costs the servers up to twice the time", false},
	{[]string{"HGETALL", "HMGET"}, Warning, "scans of hashes use both, as the schema has it", false},
	{[]string{"EXISTS"}, Warning, "a scan of hashes asks so whether a hash without any of the fields is there", false},
	{[]string{"TYPE"}, Warning, "without it there is no scan of keys without their values", false},
	{[]string{"CLUSTER INFO"}, Note, "without it a node that is down shows only when keys are read", true},
	{[]string{"CLUSTER SLOTS"}, Note, "CLUSTER SHARDS or CLUSTER NODES are asked instead", true},
	{[]string{"CLUSTER COUNTKEYSINSLOT"}, Note, "without it requests are sized by guess", true},
	{[]string{"PEXPIRETIME", "PTTL", "TTL"}, Note, "wanted only for columns that say when a key expires", false},
}

// findDenied tells of what the user may not do on masters that are read, or on
// all nodes that answer where it isn't known which those are.
func (j *judgement) findDenied() {
	counts := func(n *NodeReport) bool { return n.answers() && (reads(n) || j.nobodyTells()) }
	for _, p := range permissions {
		if p.inCluster && !j.Cluster {
			continue
		}
		for _, code := range []Code{CodeDenied, CodeMissing} {
			var commands []string
			addrs := j.addrs(func(n *NodeReport) bool {
				if !counts(n) {
					return false
				}
				mine := common(p.commands, n.refused(code))
				commands = append(commands, mine...)
				return len(mine) > 0
			})
			j.refuse(code, p.severity, p.text, unique(commands), addrs)
		}
	}
	for _, code := range []Code{CodeDenied, CodeMissing} {
		values := []string{"GET", "HGETALL", "HMGET"}
		j.refuse(code, Problem, "nothing can be read: neither strings nor hashes", values, j.addrs(func(n *NodeReport) bool {
			return counts(n) && len(common(values, n.refused(code))) == len(values)
		}))
	}
	j.findWays(counts)
	// What is denied on replicas matters when one of them becomes a master.
	var commands []string
	addrs := j.addrs(func(n *NodeReport) bool {
		if n.Role != roleReplica || counts(n) || !n.answers() {
			return false
		}
		for i := range j.Nodes {
			if m := &j.Nodes[i]; m.ID == n.MasterID && m.answers() {
				more := slices.DeleteFunc(slices.Clone(n.Denied), func(c string) bool { return slices.Contains(m.Denied, c) })
				commands = append(commands, more...)
				return len(more) > 0
			}
		}
		return false
	})
	j.refuse(CodeDenied, Warning, "is denied on replicas alone: it will be missed when one of them becomes a master. ACLs are each node's own", unique(commands), addrs)
}

// findWays tells where the best way to list keys is denied.
func (j *judgement) findWays(counts func(n *NodeReport) bool) {
	type loss struct {
		severity Severity
		text     string
		commands string
		code     Code
	}
	nodes := map[loss][]string{}
	var order []loss
	for i := range j.Nodes {
		n := &j.Nodes[i]
		if !counts(n) {
			continue
		}
		way, best := n.told.way(j.Cluster)
		var lists []string
		for _, w := range enumeration.All() {
			lists = append(lists, w.Command())
		}
		l := loss{severity: Note, commands: strings.Join(unique(common(lists, n.cannot())), ","), code: CodeDenied}
		if len(common(lists, n.Denied)) == 0 {
			l.code = CodeMissing
		}
		switch {
		case l.commands == "":
			continue
		case way == enumeration.Auto:
			l.severity, l.text = Problem, "no way is left to list keys"
		case best && way != enumeration.KeysInSlot:
			l.text = fmt.Sprintf("not missed: keys are listed by %v", way)
		case way == enumeration.PlainScan:
			l.severity, l.text = Warning, "keys are listed by plainscan instead of a better way, and a node's keys are all remembered until it is read"
		case way == enumeration.KeysInSlot:
			l.severity, l.text = Warning, "keys are listed by keysinslot, and slots of more than 100,000 keys can't be left to SCAN"
		default:
			l.text = fmt.Sprintf("keys are listed by %v instead", way)
		}
		if nodes[l] == nil {
			order = append(order, l)
		}
		nodes[l] = append(nodes[l], n.Addr)
	}
	for _, l := range order {
		j.refuse(l.code, l.severity, l.text, strings.Split(l.commands, ","), nodes[l])
	}
}

// refused are the commands that can't be run for the reason that a code names.
func (n *NodeReport) refused(code Code) []string {
	if code == CodeMissing {
		return n.Missing
	}
	return n.Denied
}

// refuse tells of commands that can't be run, for the reason that a code names.
func (j *judgement) refuse(code Code, s Severity, text string, commands, addrs []string) {
	if len(addrs) == 0 {
		return
	}
	if code == CodeMissing {
		text += " (the server is too old for it, or it has been renamed, or a service or a proxy keeps it back)"
	} else {
		text += " (allow it with ACL SETUSER)"
	}
	j.add(Finding{Severity: s, Code: code, Text: text, Commands: commands, Nodes: addrs})
}

const (
	// ledgerBytes is what a key takes that is remembered, at most.
	ledgerBytes = 12
	// ledgerLimit is what a scan may take for them by default (MaxLedgerBytes).
	ledgerLimit = 256 << 20
)

func (j *judgement) findServers() {
	if addrs := j.addrs(func(n *NodeReport) bool {
		return reads(n) && n.Way == enumeration.PlainScan.String() && n.Keys != nil && *n.Keys > ledgerLimit/ledgerBytes
	}); len(addrs) > 0 {
		j.add(Finding{
			Severity: Warning, Code: CodeLedger, Nodes: addrs,
			Text: fmt.Sprintf("all keys have to be remembered while it is read, some %d bytes each: raise MaxLedgerBytes (--max-ledger-bytes) above its default of 256 MiB", ledgerBytes),
		})
	}
	if addrs := j.addrs(func(n *NodeReport) bool {
		return reads(n) && n.Server == "redis" && !enumeration.AtLeast(n.Version, 6, 0)
	}); len(addrs) > 0 {
		j.add(Finding{Severity: Warning, Code: CodeVersionTooOld, Nodes: addrs, Text: "is older than Redis 6.0, for which scans aren't tested: its SCAN has no TYPE, so keys of all types are asked for their values"})
	}
	if addrs := j.addrs(func(n *NodeReport) bool { return n.Server != "" && n.Server != "redis" && n.Server != "valkey" }); len(addrs) > 0 {
		j.add(Finding{Severity: Warning, Code: CodeUnknownServer, Nodes: addrs, Text: "is neither Redis nor Valkey: what a scan relies upon isn't known of it"})
	}
	if addrs := j.addrs(func(n *NodeReport) bool {
		if j.Cluster || !n.answers() || slices.Contains(n.cannot(), "INFO") {
			return false
		}
		return n.Server == "" || j.look.topology != nil && j.look.topology.Bare()
	}); len(addrs) > 0 {
		j.add(Finding{Severity: Warning, Code: CodeUnknownServer, Nodes: addrs, Text: "doesn't say what it is, or is a proxy before other servers, since it has no CLUSTER command at all. It is taken at its word that SCAN returns every key that exists all the time, and another server in its place shows only as a lost connection"})
	}
	if len(j.Versions) > 1 {
		j.add(Finding{
			Severity: Note, Code: CodeMixedVersions,
			Text: "the nodes' versions differ (" + strings.Join(j.Versions, ", ") + "): each is read in the way that it has; an upgrade under way restarts nodes, and what they had is read again",
		})
	}
}

// common are the texts of list that are among others.
func common(list, others []string) (both []string) {
	for _, text := range list {
		if slices.Contains(others, text) {
			both = append(both, text)
		}
	}
	return both
}

func unique(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}
