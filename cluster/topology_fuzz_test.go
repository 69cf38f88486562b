package cluster

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fuzzNode is a node of a random cluster, as the three replies name it.
type fuzzNode struct {
	id       string
	endpoint any    // of SLOTS and SHARDS: a string, or nil
	ip       string // beside it, and of NODES
	hostname string // of NODES
	port     int
	failed   bool
	want     string // the address to dial
	slots    []SlotRange
	replicas []*fuzzNode
}

// fuzzCluster makes a cluster of the bytes: two for each master and each of
// its replicas, then two for each run of slots.
func fuzzCluster(data []byte, secure bool) (masters []*fuzzNode) {
	take := func() int {
		if len(data) == 0 {
			return 0
		}
		b := data[0]
		data = data[1:]
		return int(b)
	}
	nodes := 0
	node := func() *fuzzNode {
		nodes++
		n := &fuzzNode{id: fmt.Sprintf("%040x", nodes), ip: fmt.Sprint("10.0.0.", nodes), port: 7000 + nodes}
		n.want = fmt.Sprint(n.ip, ":", n.port)
		here := fmt.Sprint("node1.example:", n.port) // the host that answers
		switch take() % 6 {
		case 0:
			n.endpoint = n.ip
		case 1: // it doesn't know its address
			n.endpoint, n.ip, n.want = "", "", here
		case 2:
			n.endpoint, n.ip, n.want = "127.0.0.1", "127.0.0.1", here
		case 3:
			n.ip = fmt.Sprintf("fd00::%x", nodes)
			n.endpoint, n.want = n.ip, fmt.Sprintf("[%s]:%d", n.ip, n.port)
		case 4: // host names preferred, and none given
			n.endpoint = "?"
		case 5: // over TLS, names count for each of the replies
			n.endpoint = n.ip
			if secure {
				n.hostname = fmt.Sprint("host", nodes, ".example")
				n.endpoint, n.want = n.hostname, fmt.Sprint(n.hostname, ":", n.port)
			}
		}
		return n
	}
	for range 1 + take()%5 {
		m := node()
		for range take() % 3 {
			r := node()
			r.failed = take()%3 == 0
			m.replicas = append(m.replicas, r)
		}
		masters = append(masters, m)
	}
	for slot := 0; slot < Slots; {
		owner := take()
		last := min(slot+take()*take(), Slots-1)
		if len(data) == 0 {
			last = Slots - 1
		}
		if i := owner % (len(masters) + 1); i < len(masters) { // else nobody
			masters[i].slots = append(masters[i].slots, SlotRange{uint16(slot), uint16(last)})
		}
		slot = last + 1
	}
	return masters
}

func (n *fuzzNode) inSlots() list { return list{n.endpoint, n.port, n.id, list{"ip", n.ip}} }

func (n *fuzzNode) inShards(role string, secure bool) list {
	health := "online"
	if n.failed {
		health = "fail"
	}
	ports := list{"port", n.port}
	if secure {
		ports = list{"port", 1, "tls-port", n.port}
	}
	return append(list{"id", n.id, "ip", n.ip, "endpoint", n.endpoint, "role", role, "replication-offset", 0, "health", health}, ports...)
}

func (n *fuzzNode) inNodes(flags, master string) string {
	if n.failed {
		flags += ",fail"
	}
	line := fmt.Sprintf("%s %s:%d@%d,%s %s %s 0 0 1 connected", n.id, n.ip, n.port, n.port+10000, n.hostname, flags, master)
	for _, r := range n.slots {
		line += " " + r.String()
	}
	return line + "\n"
}

// A cluster is the same whichever of the three commands it is described with.
func FuzzTopologyAgrees(f *testing.F) {
	f.Add([]byte{2, 0, 1, 0, 0, 1, 2, 0, 3, 1, 9, 9, 0, 100, 50, 1, 255, 30}, false)
	f.Add([]byte{4, 5, 2, 4, 1, 5, 0, 3, 0, 2, 1, 1, 1, 5, 5, 1, 1, 3, 200, 20, 0, 200, 60}, true)
	f.Add([]byte{}, true)
	f.Fuzz(func(t *testing.T, data []byte, secure bool) {
		nodes := fuzzCluster(data, secure)
		var slots, shards list
		var text strings.Builder
		var want []Master
		for i, m := range nodes {
			flags := "master"
			if i == 0 {
				flags = "myself,master"
			}
			text.WriteString(m.inNodes(flags, "-"))
			members := list{m.inShards("master", secure)}
			wanted := Master{ID: m.id, Addr: m.want}
			for _, r := range m.replicas {
				text.WriteString(r.inNodes("slave", m.id))
				members = append(members, r.inShards("replica", secure))
				if !r.failed {
					wanted.addReplica(r.id, r.want)
				}
			}
			ranges := list{}
			for _, r := range m.slots {
				wanted.Slots.AddRange(r)
				ranges = append(ranges, int(r.First), int(r.Last))
				entry := list{int(r.First), int(r.Last), m.inSlots()}
				for _, r := range m.replicas {
					if !r.failed {
						entry = append(entry, r.inSlots())
					}
				}
				slots = append(slots, entry)
			}
			shards = append(shards, list{"slots", ranges, "nodes", members})
			if len(m.slots) > 0 {
				want = append(want, wanted)
			}
		}
		slices.SortFunc(want, func(a, b Master) int { return int(a.Slots.Ranges()[0].First) - int(b.Slots.Ranges()[0].First) })

		bySlots, err := parseSlots(value(t, slots), from)
		require.NoError(t, err)
		byShards, err := parseShards(value(t, shards), from, secure)
		require.NoError(t, err)
		view, err := ParseView(text.String())
		require.NoError(t, err)
		for name, masters := range map[string][]Master{"SLOTS": bySlots, "SHARDS": byShards, "NODES": viewMasters(view, from, secure)} {
			topology := newTopology(from, masters)
			require.Equal(t, describeAll(want), describeAll(topology.Masters), name)
			unowned := topology.Unowned()
			for slot := range uint16(Slots) {
				if i, ok := topology.Owner(slot); ok && !want[i].Slots.Has(slot) || ok == unowned.Has(slot) {
					t.Fatalf("%s: slot %d is owned by %d, %v", name, slot, i, ok)
				}
			}
		}
	})
}

func describeAll(masters []Master) (lines []string) {
	for _, m := range masters {
		lines = append(lines, fmt.Sprint(m.ID, " ", describe(m), m.replicaIDs))
	}
	return lines
}
