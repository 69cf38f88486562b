package testcluster

import (
	"context"
	"fmt"
	"time"
)

// FailoverMode is how a replica takes its master's place.
type FailoverMode string

const (
	Orderly  FailoverMode = ""         // in agreement with the master: no write is lost
	Force    FailoverMode = "FORCE"    // without asking the master, which may be dead; the other masters vote
	Takeover FailoverMode = "TAKEOVER" // without asking anybody
)

// Failover makes a replica the master of its master's slots, and waits until it is one and all live nodes agree on
// every slot's owner.
func (c *Cluster) Failover(ctx context.Context, replica int, mode FailoverMode) error {
	n := c.node(replica)
	before, err := n.view(ctx)
	if err != nil {
		return fmt.Errorf("testcluster: %w", err)
	}
	if err := before.isReplica(n); err != nil {
		return fmt.Errorf("testcluster: failover: %w", err)
	}
	args := []any{"CLUSTER", "FAILOVER"}
	if mode != Orderly {
		args = append(args, string(mode))
	}
	// An election can fail, when a vote gets lost because nodes have just connected: the servers give up after some
	// seconds then, and want to be told again.
	for {
		if _, err := n.do(ctx, args...); err != nil {
			return err
		}
		attempt, cancel := context.WithTimeout(ctx, 3*time.Second)
		err := poll(attempt, n.isMaster)
		cancel()
		if ctx.Err() != nil {
			return fmt.Errorf("testcluster: failover: %w", err)
		}
		if err == nil {
			return c.WaitMaster(ctx, replica)
		}
		if err := n.isMaster(ctx); err == nil { // this very moment
			return c.WaitMaster(ctx, replica)
		}
	}
}

func (n *Node) isMaster(ctx context.Context) error {
	role, err := n.role(ctx)
	if err == nil && role != "master" {
		err = fmt.Errorf("%s is no master", n.Addr)
	}
	return err
}

// WaitMaster waits until node i is a master that owns slots in every live node's eyes, and all live nodes agree on the
// slots: after a failover, ordered here or voted by the servers when a master died.
func (c *Cluster) WaitMaster(ctx context.Context, i int) error {
	id := c.node(i).ID
	return c.wait(ctx, func(ctx context.Context) error {
		for _, n := range c.live() {
			v, err := n.view(ctx)
			if err != nil {
				return err
			}
			if !v.ownsAny(id) {
				return fmt.Errorf("node %d owns no slot in the eyes of %s", i, n.Addr)
			}
		}
		return nil
	}, c.viewsAgree)
}

func (v *view) ownsAny(id string) bool {
	for _, owner := range v.owners {
		if owner == id {
			return true
		}
	}
	return false
}
