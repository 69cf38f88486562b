package testcluster

import (
	"context"
	"errors"
	"fmt"
)

// Partition cuts node i off the cluster bus, in both directions; it needs Config.BusProxy. Clients still reach it, and
// so do replicas: they go on to copy what it is told until they take its place. A master with a replica is replaced
// once the others have missed it for Config.NodeTimeout ([Cluster.WaitMaster] waits for it), and goes on taking itself
// for the master: it answers SCAN, and soon refuses keys with CLUSTERDOWN, for it misses the others too.
func (c *Cluster) Partition(i int) error { return c.setCut(i, true) }

// Heal lets a node that was cut off meet the others again: if it has been replaced it becomes a replica. See
// [Cluster.WaitOK] for when that is so.
func (c *Cluster) Heal(i int) error { return c.setCut(i, false) }

func (c *Cluster) setCut(i int, cut bool) error {
	if !c.config.BusProxy {
		return errors.New("testcluster: nodes can't be cut off without Config.BusProxy")
	}
	c.mu.Lock()
	c.nodes[i].cut = cut
	c.mu.Unlock()
	if cut {
		for _, n := range c.Nodes() {
			n.bus.cut()
		}
	}
	return nil
}

func (c *Cluster) isCut(i int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return i < len(c.nodes) && c.nodes[i].cut // a node is started before it is one of them
}

func (c *Cluster) isCutID(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.nodes {
		if n.ID == id {
			return n.cut
		}
	}
	return false
}

// role is what a node says of itself: "master" or "slave".
func (n *Node) role(ctx context.Context) (string, error) {
	info, err := n.info(ctx, "replication")
	return info["role"], err
}

// IsMaster reports whether node i takes itself for a master.
func (c *Cluster) IsMaster(ctx context.Context, i int) (bool, error) {
	role, err := c.node(i).role(ctx)
	if err != nil {
		return false, fmt.Errorf("testcluster: %w", err)
	}
	return role == "master", nil
}
