package testcluster

import (
	"context"
	"strconv"
)

// join makes a cluster of the started nodes.
func (c *Cluster) join(ctx context.Context) error {
	shares := slotShares(c.config.Masters)
	for i, n := range c.Nodes() {
		if err := c.learnID(ctx, n); err != nil {
			return err
		}
		// Different epochs from the start: otherwise the nodes sort out the collision later, at a moment of their own.
		if _, err := n.do(ctx, "CLUSTER", "SET-CONFIG-EPOCH", i+1); err != nil {
			return err
		}
		if n.Replica {
			continue
		}
		if _, err := n.do(ctx, "CLUSTER", "ADDSLOTSRANGE", shares[i][0], shares[i][1]); err != nil {
			return err
		}
	}
	// Everybody meets everybody: gossip would introduce them, a second or two later.
	for i, n := range c.Nodes() {
		for _, other := range c.Nodes()[i+1:] {
			if err := c.meet(ctx, n, other); err != nil {
				return err
			}
		}
	}
	if err := c.wait(ctx, c.viewsAgree); err != nil {
		return err
	}
	for _, n := range c.Nodes()[c.config.Masters:] {
		if _, err := n.do(ctx, "CLUSTER", "REPLICATE", c.node(n.Master).ID); err != nil {
			return err
		}
	}
	return c.wait(ctx, c.replicasKnown, c.stateOK, c.viewsAgree, c.replicasLinked)
}

func (c *Cluster) learnID(ctx context.Context, n *Node) error {
	id, err := n.do(ctx, "CLUSTER", "MYID")
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	n.ID, _ = id.(string)
	return nil
}

func (c *Cluster) meet(ctx context.Context, n, other *Node) error {
	_, err := n.do(ctx, "CLUSTER", "MEET", c.config.Host, strconv.Itoa(other.port), strconv.Itoa(other.announcedBusPort()))
	return err
}

// replicasKnown checks that every node takes each replica for one.
func (c *Cluster) replicasKnown(ctx context.Context) error {
	for _, n := range c.Nodes() {
		v, err := n.view(ctx)
		if err != nil {
			return err
		}
		for _, replica := range c.Nodes()[c.config.Masters:] {
			if err := v.isReplica(replica); err != nil {
				return err
			}
		}
	}
	return nil
}
