package testcluster

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A shard is a master and its replicas, whoever of them is the master at the time: it is named by the number of the
// node that was the first master ([Node.Master] of all its nodes).

// MasterOf is the number of the node that is a shard's master in the eyes of the first live node that knows one.
func (c *Cluster) MasterOf(ctx context.Context, shard int) (int, error) {
	return c.memberOf(ctx, shard, true)
}

// ReplicaOf is the number of a live node that is a replica of the shard's master in the eyes of the first live node.
func (c *Cluster) ReplicaOf(ctx context.Context, shard int) (int, error) {
	return c.memberOf(ctx, shard, false)
}

func (c *Cluster) memberOf(ctx context.Context, shard int, master bool) (int, error) {
	live := c.live()
	if len(live) == 0 {
		return -1, errors.New("testcluster: no node is alive")
	}
	v, err := live[0].view(ctx)
	if err != nil {
		return -1, fmt.Errorf("testcluster: %w", err)
	}
	kind := map[bool]string{true: "master", false: "slave"}[master]
	found := -1
	for _, n := range live {
		if flags := v.flags[n.ID]; n.Master != shard || !strings.Contains(flags, kind) || strings.Contains(flags, "fail") {
			continue
		}
		// A master that has been replaced is known as one without slots for a moment.
		if found = n.Index; v.ownsAny(n.ID) {
			break
		}
	}
	if found >= 0 {
		return found, nil
	}
	return -1, fmt.Errorf("testcluster: shard %d has no live %s in the eyes of %s", shard, kind, live[0].Addr)
}

// WaitInStep waits until the shard's live replicas have all that its master had when this was called. Replication is
// asynchronous: who is to lose a master without losing keys asks this first.
func (c *Cluster) WaitInStep(ctx context.Context, shard int) error {
	i, err := c.MasterOf(ctx, shard)
	if err != nil {
		return err
	}
	master := c.node(i)
	info, err := master.info(ctx, "replication")
	if err != nil {
		return fmt.Errorf("testcluster: %w", err)
	}
	want, err := strconv.ParseInt(info["master_repl_offset"], 10, 64)
	if err != nil {
		return fmt.Errorf("testcluster: replication offset of %s: %w", master.Addr, err)
	}
	return c.wait(ctx, func(ctx context.Context) error {
		for _, n := range c.live() {
			if n.Master != shard || n.Index == i {
				continue
			}
			info, err := n.info(ctx, "replication")
			if err != nil {
				return err
			}
			has, err := strconv.ParseInt(info["slave_repl_offset"], 10, 64)
			if err != nil || info["master_link_status"] != "up" || has < want {
				return fmt.Errorf("%s has not caught up with %s", n.Addr, master.Addr)
			}
		}
		return nil
	})
}

// KillMaster kills a shard's master once its replicas are in step, waits until one of them has taken its place, and
// tells who was killed. Without a live replica it is an error.
func (c *Cluster) KillMaster(ctx context.Context, shard int) (killed int, err error) {
	if killed, err = c.MasterOf(ctx, shard); err != nil {
		return killed, err
	}
	replica, err := c.ReplicaOf(ctx, shard)
	if err != nil {
		return killed, err
	}
	if err := c.WaitInStep(ctx, shard); err != nil {
		return killed, err
	}
	if err := c.Kill(killed); err != nil {
		return killed, err
	}
	return killed, c.WaitMaster(ctx, replica)
}
