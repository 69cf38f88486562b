package cluster

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/redisarrow/redisarrow/internal/enumeration"
)

// report says what the look means.
func (l *look) report() *Report {
	s := l.stand()
	r := &Report{
		Cluster: l.inCluster, SlotsTotal: Slots, SlotsUnowned: s.unowned, SlotsDisputed: s.disputed.Minus(l.settled),
		Versions: []string{}, Migrations: []Migration{}, Nodes: []NodeReport{},
	}
	j := &judgement{look: l, standing: s, Report: r}
	if j.nobodyTells() {
		r.SlotsUnowned = SlotSet{}
	}
	for _, a := range l.answers {
		r.Nodes = append(r.Nodes, j.node(a))
	}
	j.order()
	j.count()
	j.findSlots()
	j.findNodes()
	j.findMigrations()
	j.findReplicas()
	j.findDenied()
	j.findServers()
	r.conclude()
	return r
}

// judgement is a report in the making.
type judgement struct {
	*Report
	look     *look
	standing *standing
}

// node tells of one node, without what only others know.
func (j *judgement) node(a *answer) NodeReport {
	l, s := j.look, j.standing
	n := NodeReport{told: a, Addr: a.addr, ID: a.id, Role: l.role(a), State: StateOK, Keys: a.keys, Denied: a.denied, Missing: a.missing}
	if n.Role == roleReplica {
		n.MasterID = l.masterOf(a)
	}
	n.Slots = s.owners[nameOf(a.id, a.addr)]
	n.SlotCount = n.Slots.Len()
	if a.err != nil {
		n.Error = a.err.Error()
		n.State = StateDown
		switch {
		case IsDenied(a.err):
			n.State = StateRefused
		case s.dead[a.id]:
			n.State = StateFailed
		}
		return n
	}
	n.Server, n.Version = a.version()
	switch {
	case s.dead[a.id] && a.master():
		n.State = StateReplaced
	case a.server.Loading:
		n.State = StateLoading
	case a.whole != nil && !a.whole.OK():
		n.State = StateNotOK
	case s.suspects(a.id):
		n.State = StateSuspected
	}
	n.load(a.info)
	if n.Keys == nil && len(a.info) > 0 {
		n.Keys = keysOf(a.info, l.database)
	}
	if n.Role == roleMaster && n.SlotCount > 0 || n.Role == roleReplica || !l.inCluster {
		if way, _ := a.way(l.inCluster); way != enumeration.Auto {
			n.Way = way.String()
		}
	}
	return n
}

// load takes the numbers out of INFO.
func (n *NodeReport) load(info map[string]string) {
	n.UsedMemoryBytes = number(info, "used_memory")
	n.MaxMemoryBytes = number(info, "maxmemory")
	n.ConnectedClients = number(info, "connected_clients")
	n.OperationsPerSecond = number(info, "instantaneous_ops_per_sec")
	n.UptimeSeconds = number(info, "uptime_in_seconds")
	if link := info["master_link_status"]; link != "" {
		up := link == "up" && info["master_sync_in_progress"] != "1"
		n.ReplicaLinkUp = &up
		n.ReplicaSilentSeconds = number(info, "master_last_io_seconds_ago")
	}
}

// number is a field that is a number from 0, nil if it isn't.
func number(info map[string]string, name string) *int64 {
	n, err := strconv.ParseUint(info[name], 10, 63)
	if err != nil {
		return nil
	}
	signed := int64(n)
	return &signed
}

// keysOf reads "db0:keys=12,expires=3,…", which is missing for an empty database.
func keysOf(info map[string]string, database int) *int64 {
	text, some := info[fmt.Sprintf("db%d", database)]
	if !some {
		return new(int64)
	}
	first, _, _ := strings.Cut(text, ",")
	return number(map[string]string{"keys": strings.TrimPrefix(first, "keys=")}, "keys")
}

// order puts masters in the order of their first slot, those without slots
// last, and replicas behind their masters.
func (j *judgement) order() {
	first := func(n *NodeReport) int {
		if n.Slots.Empty() {
			return Slots
		}
		return int(n.Slots.Ranges()[0].First)
	}
	rank := map[string]int{} // of masters, by ID and by address
	for i := range j.Nodes {
		if n := &j.Nodes[i]; n.Role != roleReplica {
			rank[n.ID] = first(n)
		}
	}
	master := func(n *NodeReport) (int, string) {
		if n.Role != roleReplica {
			return first(n), nameOf(n.ID, n.Addr)
		}
		if at, ok := rank[n.MasterID]; ok && n.MasterID != "" {
			return at, n.MasterID
		}
		return Slots + 1, ""
	}
	slices.SortStableFunc(j.Nodes, func(a, b NodeReport) int {
		slotA, idA := master(&a)
		slotB, idB := master(&b)
		return cmp.Or(cmp.Compare(slotA, slotB), cmp.Compare(idA, idB), cmp.Compare(a.Role, b.Role), cmp.Compare(a.Addr, b.Addr))
	})
}

// count adds the nodes up, and tells masters and replicas of each other.
func (j *judgement) count() {
	sum, all := int64(0), true
	for i := range j.Nodes {
		n := &j.Nodes[i]
		switch n.Role {
		case roleMaster:
			j.Masters++
			for k := range j.Nodes {
				if m := &j.Nodes[k]; m.Role == roleReplica && m.MasterID == n.ID && m.answers() {
					n.Replicas++
					m.lag(n.told)
				}
			}
		case roleReplica:
			j.Replicas++
		}
		if n.Version != "" {
			if text := n.Server + " " + n.Version; !slices.Contains(j.Versions, text) {
				j.Versions = append(j.Versions, text)
			}
		}
		if n.SlotCount == 0 {
			continue
		}
		if n.answers() && n.State != StateLoading {
			j.SlotsCovered += n.SlotCount
		}
		if n.Keys == nil {
			all = false
			continue
		}
		sum += *n.Keys
	}
	j.SlotsCovered += j.look.settled.Len() // being handed over
	slices.Sort(j.Versions)
	if all {
		j.Keys = &sum
	}
}

// lag is how many bytes of its master's writes a replica hasn't got.
func (n *NodeReport) lag(master *answer) {
	sent, got := number(master.info, "master_repl_offset"), number(n.told.info, "slave_repl_offset")
	if sent == nil || got == nil {
		return
	}
	lag := max(*sent-*got, 0)
	n.ReplicaLagBytes = &lag
}

// addrs are the addresses of the nodes for which a condition holds.
func (j *judgement) addrs(hold func(n *NodeReport) bool) (addrs []string) {
	for i := range j.Nodes {
		if n := &j.Nodes[i]; hold(n) {
			addrs = append(addrs, nameOf(n.Addr, n.ID))
		}
	}
	return addrs
}

// inOrder are addresses, each once, in the order of the nodes; what isn't one
// of theirs comes last.
func (j *judgement) inOrder(list []string) []string {
	ordered := j.addrs(func(n *NodeReport) bool { return slices.Contains(list, nameOf(n.Addr, n.ID)) })
	for _, addr := range unique(list) {
		if !slices.Contains(ordered, addr) {
			ordered = append(ordered, addr)
		}
	}
	return slices.Compact(ordered)
}

// reads reports whether a scan reads a node: whether it owns slots.
func reads(n *NodeReport) bool { return n.SlotCount > 0 }

func (j *judgement) findSlots() {
	if l := j.look; !l.inCluster {
		f := Finding{Severity: Note, Code: CodeNotCluster, Nodes: j.addrs(reads), Text: "a single server, not part of a cluster: it is read by a plain SCAN, and all of its keys are remembered until the end"}
		if l.mistaken {
			f.Severity, f.Text = Problem, "the server isn't part of a cluster, and the client is one for clusters: use a *redis.Client"
		}
		j.add(f)
		return
	}
	unowned := j.SlotsUnowned
	if t := j.look.topology; t != nil && len(j.standing.members) == 0 {
		if hidden := t.Unaddressed(); !hidden.Empty() {
			unowned = unowned.Minus(hidden)
			j.add(Finding{
				Severity: Problem, Code: CodeSlotUnowned, Slots: hidden,
				Text: "their owner announces no address that can be used: it may have no port of the kind that is asked for, plain or TLS",
			})
		}
	}
	if !unowned.Empty() && !j.nobodyTells() {
		j.add(Finding{
			Severity: Problem, Code: CodeSlotUnowned, Slots: unowned,
			Text: "nobody owns them: redis-cli --cluster check shows more, redis-cli --cluster fix gives them to a master",
		})
	}
	if disputed := j.SlotsDisputed; !disputed.Empty() {
		j.add(Finding{
			Severity: Problem, Code: CodeSlotDisputed, Slots: disputed,
			Text: "the masters don't agree on the owner: after a failover that takes some seconds; if it lasts, see redis-cli --cluster check",
		})
	}
}

// nobodyTells reports whether nothing at all is known of slots: the user may not ask.
func (j *judgement) nobodyTells() bool { return j.look.topology == nil && len(j.standing.members) == 0 }

func (j *judgement) findNodes() {
	for i := range j.Nodes {
		n := &j.Nodes[i]
		if n.answers() {
			continue
		}
		j.findSilent(n)
	}
	for _, f := range []struct {
		state    State
		severity Severity
		code     Code
		text     string
	}{
		{StateNotOK, Problem, CodeClusterDown, "CLUSTER INFO says that cluster_state isn't ok: no key can be read there. A master may be down, or slots without an owner (cluster-require-full-coverage), or the node is cut off from the others"},
		{StateLoading, Problem, CodeLoading, "is loading its data: wait until it has"},
		{StateSuspected, Warning, CodeSuspected, "other nodes say that it fails, or may: see its log, and the network between the nodes"},
		{StateReplaced, Warning, CodeReplaced, "takes itself for a master, and the others have replaced it: it is cut off from them, or hasn't heard yet. A scan doesn't read it"},
	} {
		if addrs := j.addrs(func(n *NodeReport) bool { return n.State == f.state && (reads(n) || f.severity == Warning) }); len(addrs) > 0 {
			j.add(Finding{Severity: f.severity, Code: f.code, Text: f.text, Nodes: addrs})
		}
	}
	if addrs := j.addrs(func(n *NodeReport) bool { return n.State == StateLoading && !reads(n) }); len(addrs) > 0 {
		j.add(Finding{Severity: Warning, Code: CodeLoading, Text: "is loading its data, and can't take its master's place until it has", Nodes: addrs})
	}
}

// findSilent tells of a node that can't be asked. A scan has to ask all masters,
// those without slots too, unless most of the others agree that one has failed.
func (j *judgement) findSilent(n *NodeReport) {
	f := Finding{Severity: Problem, Code: CodeMasterDown, Slots: n.Slots, Nodes: []string{nameOf(n.Addr, n.ID)}}
	switch {
	case errors.Is(n.told.err, ErrWrongNode):
		f.Code = CodeWrongNode
	case n.State == StateRefused:
		f.Code = CodeRefused
	}
	slotless := n.Role == roleMaster || j.standing.mastered(n.ID)
	switch {
	case reads(n) && n.State == StateFailed:
		f.Text = "has failed, as most masters agree, and no replica has taken its place: start it again, or promote a replica"
	case reads(n):
		f.Text = "owns slots, and can't be asked"
	case slotless && n.State != StateFailed:
		f.Text = "is a master without slots, and can't be asked; it might have got slots that nobody has heard of: start it, or remove it (CLUSTER FORGET on every node)"
	case slotless:
		f.Severity, f.Code, f.Text = Note, CodeNodeDown, "was a master, has failed and owns nothing: remove it (CLUSTER FORGET on every node), or start it again"
	default:
		f.Severity = Warning
		if f.Code == CodeMasterDown {
			f.Code = CodeNodeDown
		}
		f.Text = "is a replica, and can't be asked: it isn't read, but can't take its master's place as things are"
	}
	f.Text += ": " + n.Error
	j.add(f)
}

// findMigrations tells of the marks that the masters have.
func (j *judgement) findMigrations() {
	var open, foreign, stale SlotSet
	var ends, owning, strangers, waiting []string
	for i := range j.Nodes {
		n := &j.Nodes[i]
		a := n.told
		if j.standing.members[n.ID] != a {
			continue
		}
		targets := map[string]SlotSet{}
		for slot, to := range a.view.Migrating {
			if !n.Slots.Has(slot) {
				continue
			}
			set := targets[to]
			set.Add(slot)
			targets[to] = set
		}
		for _, to := range slices.SortedFunc(maps.Keys(targets), func(a, b string) int { return cmp.Compare(j.addrOf(a), j.addrOf(b)) }) {
			j.Migrations = append(j.Migrations, Migration{Slots: targets[to], From: n.Addr, To: j.addrOf(to)})
			if j.standing.members[to] == nil {
				foreign, strangers = foreign.Union(targets[to]), append(strangers, n.Addr, j.addrOf(to))
				continue
			}
			open, ends = open.Union(targets[to]), append(ends, n.Addr, j.addrOf(to))
		}
		for slot, from := range a.view.Importing {
			source := j.standing.members[from]
			switch {
			case n.Slots.Has(slot):
				owning = append(owning, n.Addr)
				stale.Add(slot)
			case source == nil || source.view.Migrating[slot] != n.ID:
				waiting = append(waiting, n.Addr)
			}
		}
	}
	if !open.Empty() {
		j.add(Finding{
			Severity: Warning, Code: CodeMigrationOpen, Slots: open, Nodes: j.inOrder(ends),
			Text: "are moving: a scan reads them at both ends, and is slower there (with Strict, --strict, it fails). Wait until the resharding is done, or if it was left open, end it (redis-cli --cluster fix)",
		})
	}
	if !foreign.Empty() {
		j.add(Finding{
			Severity: Problem, Code: CodeMarkStale, Slots: foreign, Nodes: j.inOrder(strangers),
			Text: "are marked as moving to a node that is no master, or doesn't answer: clear the mark (CLUSTER SETSLOT … STABLE, or redis-cli --cluster fix)",
		})
	}
	if !stale.Empty() {
		j.add(Finding{
			Severity: Problem, Code: CodeMarkStale, Slots: stale, Nodes: j.inOrder(owning),
			Text: "are marked as coming in at their own owner: clear the mark (CLUSTER SETSLOT … STABLE, or redis-cli --cluster fix)",
		})
	}
	if len(waiting) > 0 {
		j.add(Finding{
			Severity: Note, Code: CodeMarkStale, Nodes: j.inOrder(waiting),
			Text: "has slots marked as coming in that their owner isn't moving there: a migration that begins, or a mark that was left (redis-cli --cluster fix)",
		})
	}
}

func (j *judgement) addrOf(id string) string {
	for i := range j.Nodes {
		if j.Nodes[i].ID == id && j.Nodes[i].Addr != "" {
			return j.Nodes[i].Addr
		}
	}
	return id
}
