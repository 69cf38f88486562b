package minicluster

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// clusterSlots replies, for each run of slots, its first and last slot, its
// owner and the replicas.
func (s *session) clusterSlots() {
	v := s.node.view
	ranges := v.ranges()
	s.array(len(ranges))
	for _, r := range ranges {
		nodes := append([]int{r.node}, v.replicasOf(r.node)...)
		nodes = slices.DeleteFunc(nodes, func(i int) bool { return i != r.node && v.nodes[i].failed })
		s.array(2 + len(nodes))
		s.int(int64(r.first))
		s.int(int64(r.last))
		for _, i := range nodes {
			s.slotsNode(s.c.nodes[i])
		}
	}
}

func (s *session) slotsNode(n *node) {
	host, null := n.endpoint()
	s.array(4)
	if null {
		s.null()
	} else {
		s.text(host)
	}
	s.int(int64(n.announcedPort()))
	s.text(n.id)
	// What is known besides the preferred endpoint.
	if host == n.ip() && !null {
		s.array(0)
		return
	}
	s.texts("ip", n.ip())
}

func (s *session) clusterShards() {
	v := s.node.view
	var masters []int
	for i, p := range v.nodes {
		if p.master < 0 && !p.forgotten {
			masters = append(masters, i)
		}
	}
	ranges := v.ranges()
	s.array(len(masters))
	for _, m := range masters {
		s.array(4)
		s.text("slots")
		own := slices.DeleteFunc(slices.Clone(ranges), func(r slotRange) bool { return r.node != m })
		s.array(2 * len(own))
		for _, r := range own {
			s.int(int64(r.first))
			s.int(int64(r.last))
		}
		s.text("nodes")
		nodes := append([]int{m}, v.replicasOf(m)...)
		s.array(len(nodes))
		for _, i := range nodes {
			s.shardsNode(s.c.nodes[i])
		}
	}
}

func (s *session) shardsNode(n *node) {
	p := s.node.view.nodes[n.index]
	host, null := n.endpoint()
	s.array(14)
	s.pair("id", n.id)
	s.text("port")
	s.int(int64(n.announcedPort()))
	s.pair("ip", n.ip())
	s.text("endpoint")
	if null {
		s.null()
	} else {
		s.text(host)
	}
	role, health := "master", "online"
	if p.master >= 0 {
		role = "replica"
	}
	if p.failed {
		health = "fail"
	}
	s.pair("role", role)
	s.text("replication-offset")
	s.int(0)
	s.pair("health", health)
}

func (s *session) pair(a, b string) {
	s.text(a)
	s.text(b)
}

// clusterNodes is the text of CLUSTER NODES: a line for each node that this
// one knows. Only its own line shows open migrations.
func (n *node) clusterNodes() string {
	v := n.view
	slots := make([]strings.Builder, len(v.nodes))
	for _, r := range v.ranges() {
		fmt.Fprintf(&slots[r.node], " %d", r.first)
		if r.last > r.first {
			fmt.Fprintf(&slots[r.node], "-%d", r.last)
		}
	}
	var b strings.Builder
	for i, p := range v.nodes {
		if p.forgotten {
			continue
		}
		other := n.c.nodes[i]
		name := other.hostname()
		if name != "" {
			name = "," + name
		}
		role, master := "master", "-"
		if p.master >= 0 {
			role, master = "slave", n.c.nodes[p.master].id
		}
		if p.failed {
			role += ",fail"
		}
		if i == n.index {
			role = "myself," + role
		}
		link := "connected"
		if p.failed {
			link = "disconnected"
		}
		fmt.Fprintf(&b, "%s %s:%d@%d%s %s %s 0 0 %d %s%s", other.id, other.ip(), other.announcedPort(), busPort(other.port),
			name, role, master, v.Epoch(i), link, slots[i].String())
		if i == n.index {
			n.writeMarks(&b)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// busPort is the cluster bus port that is shown; nobody listens on it. Redis
// adds 10000, and so needs a port of at most 55535, which ours may exceed.
func busPort(port int) int {
	if port > 55535 {
		return port - 10000
	}
	return port + 10000
}

func (n *node) writeMarks(b *strings.Builder) {
	for _, slot := range slices.Sorted(maps.Keys(n.migrating)) {
		fmt.Fprintf(b, " [%d->-%s]", slot, n.c.nodes[n.migrating[slot]].id)
	}
	for _, slot := range slices.Sorted(maps.Keys(n.importing)) {
		fmt.Fprintf(b, " [%d-<-%s]", slot, n.c.nodes[n.importing[slot]].id)
	}
}

func (n *node) clusterInfo() string {
	v := n.view
	assigned, failed := 0, 0
	for _, o := range v.owner {
		if o >= 0 {
			assigned++
			failed += bit(v.nodes[o].failed)
		}
	}
	known := 0
	for _, p := range v.nodes {
		known += bit(!p.forgotten)
	}
	owners := map[int]struct{}{}
	for _, r := range v.ranges() {
		owners[r.node] = struct{}{}
	}
	state := "ok"
	if !v.ok {
		state = "fail"
	}
	return fmt.Sprintf("cluster_state:%s\r\ncluster_slots_assigned:%d\r\ncluster_slots_ok:%d\r\ncluster_slots_pfail:0\r\n"+
		"cluster_slots_fail:%d\r\ncluster_known_nodes:%d\r\ncluster_size:%d\r\ncluster_current_epoch:%d\r\ncluster_my_epoch:%d\r\n",
		state, assigned, assigned-failed, failed, known, len(owners), v.current, v.Epoch(n.index))
}
