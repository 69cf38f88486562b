package minicluster

import "fmt"

// SetSlotNode is CLUSTER SETSLOT slot NODE on the node at alone, as a reshard
// gives it to each node in turn: to the new owner first, then to the old one,
// then to the others. Nobody else hears of it until Learn; until then two nodes
// can claim a slot, or none.
//
// The new owner raises its epoch if it was importing and hasn't the highest. An
// owner that still has keys of the slot refuses to give it away, as the servers
// do. Marks end as there: importing with the new owner, migrating with an old
// one.
func (c *Cluster) SetSlotNode(at, slot, owner int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.nodes[at]
	if !n.isMaster() {
		return fmt.Errorf("minicluster: node %d is a replica", at)
	}
	if refusal := n.assignSlot(slot, owner); refusal != "" {
		return fmt.Errorf("minicluster: node %d: %s", at, refusal)
	}
	return nil
}

// assignSlot changes the owner of slot in this node's view, and in the truth if
// it is the new owner itself. It returns the error to reply, or "". The lock is
// held.
func (n *node) assignSlot(slot, owner int) string {
	keys := len(n.db(0).bySlot[slot])
	if owner != n.index && n.view.Owner(slot) == n.index && keys > 0 {
		return fmt.Sprintf("ERR Can't assign hashslot %d to a different node while I still hold keys for this hash slot.", slot)
	}
	if keys == 0 {
		delete(n.migrating, slot)
	}
	epoch := n.view.nodes[owner].epoch
	if owner == n.index {
		if _, importing := n.importing[slot]; importing {
			if !n.isolated {
				// Everybody keeps up with the highest epoch, whatever else lags.
				n.view.current = max(n.view.current, n.c.truth.current)
			}
			n.view.bump(owner)
			epoch = n.view.nodes[owner].epoch
		}
		delete(n.importing, slot)
	}
	take := func(v *View) {
		v.SetEpoch(owner, epoch)
		v.SetOwner(slot, slot, owner)
	}
	n.edit(take)
	if owner == n.index && !n.isolated {
		take(n.c.truth)
		n.c.truth.refresh(n.c.cfg.PartialCoverage)
	}
	return ""
}

// Learn makes nodes believe the truth, as gossip does in time; without nodes,
// all of them. Isolated nodes learn nothing. Keys and marks stay as they are:
// SetMigrating and SetImporting clear marks.
func (c *Cluster) Learn(nodes ...int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.learn(nodes)
}

func (c *Cluster) learn(nodes []int) {
	if len(nodes) == 0 {
		for i := range c.nodes {
			nodes = append(nodes, i)
		}
	}
	for _, i := range nodes {
		if n := c.nodes[i]; !n.isolated {
			n.view = c.truth.clone()
		}
	}
}
