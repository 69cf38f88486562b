package cluster

import (
	"cmp"
	"slices"
)

// Topology says which node owns which slot, as one node told it. It is not
// changed once made, and may be read by several goroutines.
type Topology struct {
	// Masters are the nodes that own slots, in the order of their first slot;
	// masters without slots aren't listed.
	Masters []Master
	// Source is the address of the node that told it.
	Source string

	cluster bool
	bare    bool    // see Bare
	hidden  SlotSet // of masters without an address
	down    bool    // the node said that the cluster is down
	owners  [Slots]int16
}

// Master is a node that owns slots.
type Master struct {
	ID       string   // 40 hex digits; "" if the server doesn't say
	Addr     string   // host:port to dial
	Slots    SlotSet  // what it owns; masters don't share slots
	Replicas []string // addresses of its replicas, as far as they are up

	replicaIDs []string // of Replicas, in their order; "" where it isn't told
}

// Nodes are the addresses of the topology's masters and replicas by their IDs, as
// far as the server tells IDs.
func (t *Topology) Nodes() map[string]string {
	nodes := map[string]string{}
	for i := range t.Masters {
		m := &t.Masters[i]
		nodes[m.ID] = m.Addr
		for k, id := range m.replicaIDs {
			nodes[id] = m.Replicas[k]
		}
	}
	delete(nodes, "")
	return nodes
}

// Cluster reports whether the server is part of a cluster. If not, there is
// one master, the server, which has all slots.
func (t *Topology) Cluster() bool { return t.cluster }

// Bare reports whether a server that isn't part of a cluster has no CLUSTER command
// at all, where Redis and Valkey would say that it is switched off. Mostly that is a
// proxy: what INFO and SCAN say may then be told by several servers.
func (t *Topology) Bare() bool { return t.bare }

// Owner is the index in Masters of the slot's owner; ok is false if nobody
// owns it.
func (t *Topology) Owner(slot uint16) (master int, ok bool) {
	if slot >= Slots || t.owners[slot] < 0 {
		return 0, false
	}
	return int(t.owners[slot]), true
}

// Unowned are the slots that no reachable node owns.
func (t *Topology) Unowned() SlotSet {
	unowned := AllSlots()
	for i := range t.Masters {
		unowned = unowned.Minus(t.Masters[i].Slots)
	}
	return unowned
}

// Unaddressed are the slots whose owner is known, but not its address: it is
// announced with port 0, as one is that has no port of the kind asked for
// (plain or TLS). They are unowned too.
func (t *Topology) Unaddressed() SlotSet { return t.hidden.Intersect(t.Unowned()) }

// newTopology orders the masters and makes sure that a slot has one owner:
// the first one that claims it.
func newTopology(source string, masters []Master) *Topology {
	t := &Topology{Source: source, cluster: true}
	var taken SlotSet
	for _, m := range masters {
		m.Slots = m.Slots.Minus(taken)
		if m.Addr == "" {
			t.hidden = t.hidden.Union(m.Slots)
			continue
		}
		if m.Slots.Empty() {
			continue
		}
		taken = taken.Union(m.Slots)
		t.Masters = append(t.Masters, m)
	}
	slices.SortFunc(t.Masters, func(a, b Master) int {
		return cmp.Compare(a.Slots.Ranges()[0].First, b.Slots.Ranges()[0].First)
	})
	for slot := range t.owners {
		t.owners[slot] = -1
	}
	for i := range t.Masters {
		for _, r := range t.Masters[i].Slots.Ranges() {
			for slot := int(r.First); slot <= int(r.Last); slot++ {
				t.owners[slot] = int16(i)
			}
		}
	}
	return t
}

// singleTopology is that of a server that isn't part of a cluster.
func singleTopology(addr string) *Topology {
	t := newTopology(addr, []Master{{Addr: addr, Slots: AllSlots()}})
	t.cluster = false
	return t
}

// addrs are all nodes of the topology, the one that told it first.
func (t *Topology) addrs() []string {
	addrs := []string{t.Source}
	for _, m := range t.Masters {
		addrs = append(addrs, m.Addr)
	}
	for _, m := range t.Masters {
		addrs = append(addrs, m.Replicas...)
	}
	return addrs
}

// masterList collects masters whose slots come in several pieces.
type masterList []Master

// at is the master with an ID, or where there is none with an address, made
// if need be.
func (l *masterList) at(id, addr string) *Master {
	for i := range *l {
		if m := &(*l)[i]; m.ID == id && m.Addr == addr {
			return m
		}
	}
	*l = append(*l, Master{ID: id, Addr: addr})
	return &(*l)[len(*l)-1]
}

func (m *Master) addReplica(id, addr string) {
	if addr != "" && !slices.Contains(m.Replicas, addr) {
		m.Replicas = append(m.Replicas, addr)
		m.replicaIDs = append(m.replicaIDs, id)
	}
}
