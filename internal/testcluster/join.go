package testcluster

import (
	"context"
	"strconv"
)

// join makes a cluster of the started nodes.
func (c *Cluster) join(ctx context.Context) error {
	shares := slotShares(c.config.Masters)
	for i, n := range c.nodes {
		id, err := n.do(ctx, "CLUSTER", "MYID")
		if err != nil {
			return err
		}
		n.ID, _ = id.(string)
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
	for i, n := range c.nodes {
		for _, other := range c.nodes[i+1:] {
			_, err := n.do(ctx, "CLUSTER", "MEET", c.config.Host, strconv.Itoa(other.port), strconv.Itoa(other.busPort))
			if err != nil {
				return err
			}
		}
	}
	if err := c.wait(ctx, c.viewsAgree); err != nil {
		return err
	}
	for _, n := range c.nodes[c.config.Masters:] {
		if _, err := n.do(ctx, "CLUSTER", "REPLICATE", c.nodes[n.Master].ID); err != nil {
			return err
		}
	}
	return c.wait(ctx, c.replicasKnown, c.stateOK, c.viewsAgree, c.replicasLinked)
}

// replicasKnown checks that every node takes each replica for one.
func (c *Cluster) replicasKnown(ctx context.Context) error {
	for _, n := range c.nodes {
		v, err := n.view(ctx)
		if err != nil {
			return err
		}
		for _, replica := range c.nodes[c.config.Masters:] {
			if err := v.isReplica(replica); err != nil {
				return err
			}
		}
	}
	return nil
}
