package testcluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// AddMaster starts one more node, a master without slots, makes it and all live nodes meet, and waits until they agree
// and it takes keys. It gives the node's number. See [Cluster.Reshard] for giving it slots.
func (c *Cluster) AddMaster(ctx context.Context) (int, error) {
	i := len(c.Nodes())
	return i, c.add(ctx, i, i)
}

// AddReplica starts one more replica of a shard's master and waits until it is in step with it. It gives its number.
func (c *Cluster) AddReplica(ctx context.Context, shard int) (int, error) {
	i := len(c.Nodes())
	master, err := c.MasterOf(ctx, shard)
	if err != nil {
		return i, err
	}
	if err := c.add(ctx, i, shard); err != nil {
		return i, err
	}
	n := c.node(i)
	if _, err := n.do(ctx, "CLUSTER", "REPLICATE", c.node(master).ID); err != nil {
		return i, err
	}
	err = c.wait(ctx, func(ctx context.Context) error {
		for _, other := range c.live() {
			v, err := other.view(ctx)
			if err != nil {
				return err
			}
			if err := v.isReplica(n); err != nil {
				return err
			}
		}
		return nil
	}, c.replicasLinked)
	if err != nil {
		return i, err
	}
	return i, c.WaitInStep(ctx, shard)
}

func (c *Cluster) add(ctx context.Context, i, shard int) error {
	if c.config.Standalone {
		return errors.New("testcluster: a server alone gets no further nodes")
	}
	n, err := c.newNode(i, shard)
	if err != nil {
		return err
	}
	err = c.launch(ctx, n)
	if err == nil {
		err = c.learnID(ctx, n)
	}
	if err != nil {
		return errors.Join(err, c.discard(n))
	}
	others := c.live()
	c.mu.Lock()
	c.nodes = append(c.nodes, n)
	c.mu.Unlock()
	// As at the start: gossip would introduce them, a second or two later.
	for _, other := range others {
		if err := c.meet(ctx, n, other); err != nil {
			return err
		}
	}
	// For its first two seconds as a master it refuses keys with CLUSTERDOWN, also those that are moved to it.
	return c.wait(ctx, c.stateOK, c.viewsAgree)
}

// RemoveNode makes all live nodes forget node i and kills it, as redis-cli --cluster del-node does. It must not own
// slots nor have replicas.
func (c *Cluster) RemoveNode(ctx context.Context, i int) error {
	n := c.node(i)
	for _, other := range c.live() {
		v, err := other.view(ctx)
		if err != nil {
			return fmt.Errorf("testcluster: %w", err)
		}
		if v.ownsAny(n.ID) {
			return fmt.Errorf("testcluster: node %d can't be removed: it owns slots in the eyes of %s", i, other.Addr)
		}
	}
	others := c.live()
	for _, other := range others {
		if other.Index == i {
			continue
		}
		// Redis since 7.2 and Valkey tell one another whom to forget.
		if _, err := other.do(ctx, "CLUSTER", "FORGET", n.ID); err != nil && !strings.Contains(err.Error(), "Unknown node") {
			return err
		}
	}
	if err := c.Kill(i); err != nil {
		return err
	}
	return c.wait(ctx, c.viewsAgree)
}
