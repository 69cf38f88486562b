package minicluster

import "slices"

// View is what one node believes about the cluster: who owns which slot, who
// is a master, with which config epoch. Nodes go by their number, from 0.
//
// Nodes normally believe the truth. Cluster.EditView gives one of them another
// view, and Cluster.Isolate keeps its view from following.
type View struct {
	owner   []int16 // by slot; -1: nobody
	nodes   []peer
	current uint64 // the highest config epoch seen
	down    bool   // by SetDown
	ok      bool   // derived: the cluster's state, as this node sees it
}

// peer is what a view holds of one node.
type peer struct {
	master    int // -1: it is a master
	epoch     uint64
	failed    bool
	forgotten bool
}

func newView() *View {
	v := &View{owner: make([]int16, Slots)}
	for i := range v.owner {
		v.owner[i] = -1
	}
	return v
}

// SetOwner gives the slots first to last to node; -1 means to nobody.
func (v *View) SetOwner(first, last, node int) {
	for s := first; s <= last; s++ {
		v.owner[s] = int16(node)
	}
}

// Owner returns the owner of slot, or -1.
func (v *View) Owner(slot int) int { return int(v.owner[slot]) }

// SetEpoch sets the config epoch of node.
func (v *View) SetEpoch(node int, epoch uint64) {
	v.nodes[node].epoch = epoch
	v.current = max(v.current, epoch)
}

// Epoch returns the config epoch of node; a replica has its master's.
func (v *View) Epoch(node int) uint64 {
	if m := v.nodes[node].master; m >= 0 {
		node = m
	}
	return v.nodes[node].epoch
}

// SetMaster makes node a replica of master, or itself a master if that is -1.
func (v *View) SetMaster(node, master int) { v.nodes[node].master = master }

// SetFailed marks node as failing, or takes the mark back.
func (v *View) SetFailed(node int, failed bool) { v.nodes[node].failed = failed }

// SetDown makes the node see the cluster's state as fail, whatever else it
// knows, so that it answers CLUSTERDOWN for every key.
func (v *View) SetDown(down bool) { v.down = down }

func (v *View) clone() *View {
	c := *v
	c.owner = slices.Clone(v.owner)
	c.nodes = slices.Clone(v.nodes)
	return &c
}

// refresh derives the state: ok unless a slot has no owner that is up.
func (v *View) refresh(partial bool) {
	v.ok = !v.down
	for _, n := range v.owner {
		if !v.ok || partial {
			return
		}
		v.ok = n >= 0 && !v.nodes[n].failed
	}
}

// bump raises node's config epoch as taking over a slot does: not if it is
// the highest already.
func (v *View) bump(node int) {
	if v.nodes[node].epoch == v.current && v.current > 0 {
		return
	}
	v.current++
	v.nodes[node].epoch = v.current
}

// slotRange is a run of slots of one owner.
type slotRange struct{ first, last, node int }

// ranges lists the runs of owned slots in ascending order.
func (v *View) ranges() []slotRange {
	var out []slotRange
	for s := 0; s < Slots; s++ {
		n := int(v.owner[s])
		if n < 0 {
			continue
		}
		if k := len(out) - 1; k >= 0 && out[k].last == s-1 && out[k].node == n {
			out[k].last = s
			continue
		}
		out = append(out, slotRange{s, s, n})
	}
	return out
}

// replicasOf lists the nodes that replicate master.
func (v *View) replicasOf(master int) []int {
	var out []int
	for i, p := range v.nodes {
		if p.master == master && !p.forgotten {
			out = append(out, i)
		}
	}
	return out
}
