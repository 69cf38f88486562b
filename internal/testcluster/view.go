package testcluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// view is what one node thinks of the cluster: its CLUSTER NODES.
type view struct {
	flags  map[string]string // of each node it knows, by ID
	linked map[string]bool   // whether it is connected to the node, by ID
	owners [slots]string     // ID of each slot's owner; empty: nobody
}

func (n *Node) view(ctx context.Context) (*view, error) {
	text, err := n.client.ClusterNodes(ctx).Result()
	if err != nil {
		return nil, fmt.Errorf("CLUSTER NODES on %s: %w", n.Addr, err)
	}
	v := &view{flags: make(map[string]string), linked: make(map[string]bool)}
	for line := range strings.Lines(text) {
		// id address flags master ping pong epoch link slot…
		f := strings.Fields(line)
		if len(f) < 8 {
			return nil, fmt.Errorf("CLUSTER NODES on %s: line %q", n.Addr, line)
		}
		v.flags[f[0]] = f[2]
		v.linked[f[0]] = f[7] == "connected"
		for _, slot := range f[8:] {
			if strings.HasPrefix(slot, "[") { // an open migration
				continue
			}
			first, last, ok := strings.Cut(slot, "-")
			if !ok {
				last = first
			}
			from, err := strconv.Atoi(first)
			to, err2 := strconv.Atoi(last)
			if err != nil || err2 != nil || from < 0 || to >= slots {
				return nil, fmt.Errorf("CLUSTER NODES on %s: slots %q", n.Addr, slot)
			}
			for s := from; s <= to; s++ {
				v.owners[s] = f[0]
			}
		}
	}
	return v, nil
}

// Owner is the number of the node that owns a slot in the eyes of the first live node; −1 if nobody does.
func (c *Cluster) Owner(ctx context.Context, slot int) (int, error) {
	live := c.live()
	if len(live) == 0 {
		return -1, errors.New("testcluster: no node is alive")
	}
	v, err := live[0].view(ctx)
	if err != nil {
		return -1, fmt.Errorf("testcluster: %w", err)
	}
	return slices.IndexFunc(c.Nodes(), func(n *Node) bool { return v.owners[slot] != "" && n.ID == v.owners[slot] }), nil
}

// WaitOK waits until all live nodes (neither dead nor paused) say that the cluster's state is ok, name the same owner
// for every slot and know every other live node, and the live replicas are linked to their masters. It ends with
// ctx's error and the reason if that doesn't come about.
func (c *Cluster) WaitOK(ctx context.Context) error {
	if c.config.Standalone {
		return c.wait(ctx, c.replicasLinked)
	}
	return c.wait(ctx, c.stateOK, c.viewsAgree, c.replicasLinked)
}

func (c *Cluster) wait(ctx context.Context, checks ...func(context.Context) error) error {
	err := poll(ctx, func(ctx context.Context) error {
		for _, check := range checks {
			if err := check(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("testcluster: waiting for the cluster: %w", err)
	}
	return nil
}

func (c *Cluster) stateOK(ctx context.Context) error {
	for _, n := range c.live() {
		info, err := n.client.ClusterInfo(ctx).Result()
		if err != nil {
			return fmt.Errorf("CLUSTER INFO on %s: %w", n.Addr, err)
		}
		if !strings.Contains(info, "cluster_state:ok") {
			return fmt.Errorf("%s says that the cluster is not ok", n.Addr)
		}
	}
	return nil
}

func (c *Cluster) viewsAgree(ctx context.Context) error {
	live := c.live()
	var first *view
	for _, n := range live {
		v, err := n.view(ctx)
		if err != nil {
			return err
		}
		for _, other := range live {
			flags, known := v.flags[other.ID]
			if !known || strings.Contains(flags, "fail") || strings.Contains(flags, "handshake") {
				return fmt.Errorf("%s does not have %s among the living (%q)", n.Addr, other.Addr, flags)
			}
			if !v.linked[other.ID] { // what it says, its vote too, may get lost
				return fmt.Errorf("%s is not connected to %s", n.Addr, other.Addr)
			}
		}
		if first == nil {
			first = v
			continue
		}
		if v.owners != first.owners {
			return fmt.Errorf("%s and %s name different owners of slots", live[0].Addr, n.Addr)
		}
		for _, other := range live {
			if v.isReplica(other) == nil != (first.isReplica(other) == nil) {
				return fmt.Errorf("%s and %s name different roles of %s", live[0].Addr, n.Addr, other.Addr)
			}
		}
	}
	return nil
}

func (c *Cluster) replicasLinked(ctx context.Context) error {
	for _, n := range c.live() {
		info, err := n.info(ctx, "replication")
		if err != nil {
			return err
		}
		if info["role"] == "slave" && info["master_link_status"] != "up" {
			return fmt.Errorf("%s is not linked to its master", n.Addr)
		}
	}
	return nil
}

func (v *view) isReplica(n *Node) error {
	if !strings.Contains(v.flags[n.ID], "slave") {
		return fmt.Errorf("%s is not known as a replica yet", n.Addr)
	}
	return nil
}
