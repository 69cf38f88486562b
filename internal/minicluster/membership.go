package minicluster

import (
	"fmt"
	"slices"
)

// AddMaster starts a master without slots, which everybody knows at once, and
// returns its number.
func (c *Cluster) AddMaster() (int, error) {
	if err := c.addNode(-1); err != nil {
		return 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.nodes) - 1, nil
}

// Forget stops a node that owns no slot for good, and takes it out of every
// view; its number is not given again.
func (c *Cluster) Forget(node int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if slices.Contains(c.truth.owner, int16(node)) {
		return fmt.Errorf("minicluster: node %d still owns slots", node)
	}
	c.nodes[node].stop()
	c.update(func(v *View) { v.nodes[node].forgotten = true })
	return nil
}

// Kill stops a node as a crash does: its listener and connections are closed.
// Its keys and its port are kept for Restart. The others don't notice: use
// SetFailed for that.
func (c *Cluster) Kill(node int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes[node].stop()
	c.nodes[node].reserve()
}

// Restart stops a node if it is up, and starts it again at the same address as
// a new process with the keys it had: another run id, and cursors of before are
// void. It fails if the port was taken meanwhile.
func (c *Cluster) Restart(node int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return fmt.Errorf("minicluster: node %d: the cluster is closed", node)
	}
	n := c.nodes[node]
	n.stop()
	return n.start(n.addr)
}

// Readdress is Restart at another address, as of a container that comes back
// elsewhere: from then on everybody announces the new one. Addrs has it.
func (c *Cluster) Readdress(node int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return fmt.Errorf("minicluster: node %d: the cluster is closed", node)
	}
	n := c.nodes[node]
	n.stop()
	return n.start(c.freshAddr())
}

// DropConnections closes all connections to a node; the process lives on.
func (c *Cluster) DropConnections(node int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes[node].dropSessions()
}

// SetFailed marks a node as failing in every view, or takes the mark back. A
// failing master's slots count as uncovered.
func (c *Cluster) SetFailed(node int, failed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.update(func(v *View) { v.SetFailed(node, failed) })
}

// Failover promotes a replica: it takes its master's slots with a higher epoch,
// and the old master, dead or alive, becomes its replica, unless it is isolated
// and so goes on as a master in its own view. It fails if the node is a master.
func (c *Cluster) Failover(replica int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.truth.nodes[replica].master
	if old < 0 {
		return fmt.Errorf("minicluster: node %d is a master already", replica)
	}
	epoch := c.truth.current + 1
	c.update(func(v *View) {
		for i := range v.nodes {
			if v.nodes[i].master == old {
				v.nodes[i].master = replica
			}
		}
		v.nodes[old].master = replica
		v.nodes[replica].master = -1
		v.SetEpoch(replica, epoch)
		for s, n := range v.owner {
			if int(n) == old {
				v.owner[s] = int16(replica)
			}
		}
	})
	for _, n := range c.nodes {
		if !n.isolated && n.view.nodes[n.index].master >= 0 {
			clear(n.migrating)
			clear(n.importing)
		}
	}
	return nil
}

// Isolate cuts a node off from the others, not from clients: its view stays as
// it is, and writes no longer pass between it and its replicas or master.
func (c *Cluster) Isolate(node int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.nodes[node]
	n.isolated = true
	n.ownValues()
}

// Rejoin ends Isolate: the node learns the truth, and if it is a replica now,
// or has replicas, they are made equal to their master.
func (c *Cluster) Rejoin(node int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.nodes[node]
	n.isolated = false
	n.view = c.truth.clone()
	if m := c.truth.nodes[node].master; m >= 0 {
		n.copyFrom(c.nodes[m])
		clear(n.migrating)
		clear(n.importing)
	}
	for _, r := range n.replicas() {
		r.copyFrom(n)
	}
}

// EditView changes what one node believes, and nothing else. Later changes of
// the truth are still applied to it, unless the node is isolated.
func (c *Cluster) EditView(node int, change func(*View)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes[node].edit(change)
}
