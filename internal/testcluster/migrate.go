package testcluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// migration is a slot on its way, by the nodes' numbers.
type migration struct{ from, to int }

// MigrateSlot moves a slot and its keys to the master that is node number to, as redis-cli --cluster reshard does, and
// waits until all live nodes agree on its new owner.
func (c *Cluster) MigrateSlot(ctx context.Context, slot, to int) error {
	if err := c.OpenMigration(ctx, slot, to); err != nil {
		return err
	}
	if _, err := c.MoveKeys(ctx, slot, 0); err != nil {
		return err
	}
	return c.CloseMigration(ctx, slot)
}

// OpenMigration marks a slot as importing on node to and as migrating on its owner. No key moves yet: go on with
// MoveKeys, then CloseMigration or AbortMigration.
func (c *Cluster) OpenMigration(ctx context.Context, slot, to int) error {
	from, err := c.Owner(ctx, slot)
	if err != nil {
		return err
	}
	if from < 0 || from == to {
		return fmt.Errorf("testcluster: slot %d can't move from node %d to node %d", slot, from, to)
	}
	if _, err := c.node(to).do(ctx, "CLUSTER", "SETSLOT", slot, "IMPORTING", c.node(from).ID); err != nil {
		return err
	}
	if _, err := c.node(from).do(ctx, "CLUSTER", "SETSLOT", slot, "MIGRATING", c.node(to).ID); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.migrating[slot] = migration{from, to}
	return nil
}

// MoveKeys moves at most n keys of a slot whose migration is open, all of them if n is 0, and tells how many it moved.
func (c *Cluster) MoveKeys(ctx context.Context, slot, n int) (int, error) {
	m, err := c.migration(slot)
	if err != nil {
		return 0, err
	}
	return c.moveKeys(ctx, slot, n, c.node(m.from), c.node(m.to), false)
}

func (c *Cluster) moveKeys(ctx context.Context, slot, n int, from, to *Node, replace bool) (int, error) {
	const page = 100
	moved := 0
	for n == 0 || moved < n {
		count := page
		if n > 0 {
			count = min(page, n-moved)
		}
		keys, err := from.client.ClusterGetKeysInSlot(ctx, slot, count).Result()
		if err != nil {
			return moved, fmt.Errorf("testcluster: keys of slot %d on %s: %w", slot, from.Addr, err)
		}
		if len(keys) == 0 {
			break
		}
		args := []any{
			"MIGRATE", c.config.Host, strconv.Itoa(to.port), "", 0, 10_000, "AUTH2", AdminUser, c.admin,
		}
		if replace {
			args = append(args, "REPLACE")
		}
		args = append(args, "KEYS")
		for _, key := range keys {
			args = append(args, key)
		}
		if err := from.client.Do(ctx, args...).Err(); err != nil { // not by Node.do, which would name the password
			return moved, fmt.Errorf("testcluster: MIGRATE of %d keys from %s to %s: %w", len(keys), from.Addr, to.Addr, err)
		}
		moved += len(keys)
	}
	return moved, nil
}

// CloseMigration gives a slot, whose migration is open, to the node that imports it, and waits until all live nodes
// agree. Keys that were not moved are lost, as the servers have it.
func (c *Cluster) CloseMigration(ctx context.Context, slot int) error {
	m, err := c.migration(slot)
	if err != nil {
		return err
	}
	if err := c.giveAway(ctx, slot); err != nil {
		return err
	}
	return c.wait(ctx, c.viewsAgree, c.ownedBy(slot, c.node(m.to).ID))
}

// giveAway tells all live masters that a slot is now the importing node's.
func (c *Cluster) giveAway(ctx context.Context, slot int) error {
	m, err := c.migration(slot)
	if err != nil {
		return err
	}
	to := c.node(m.to)
	// The new owner first: it bumps its epoch, so nobody can be told otherwise afterwards.
	nodes := []*Node{to, c.node(m.from)}
	for _, n := range c.live() {
		if !slices.Contains(nodes, n) {
			nodes = append(nodes, n)
		}
	}
	for _, n := range nodes {
		info, err := n.info(ctx, "replication")
		if err != nil {
			return fmt.Errorf("testcluster: %w", err)
		}
		if info["role"] != "master" {
			continue // replicas learn it
		}
		if _, err := n.do(ctx, "CLUSTER", "SETSLOT", slot, "NODE", to.ID); err != nil {
			return err
		}
	}
	c.forget(slot)
	return nil
}

// AbortMigration closes a slot's migration without a change of owner, and moves back the keys that had moved. Those
// keys are unreachable on their way: the owner takes none back while it is migrating, and once it isn't, it knows
// nothing of keys elsewhere. Where keys must stay reachable at every moment, close the migration and move the slot back.
func (c *Cluster) AbortMigration(ctx context.Context, slot int) error {
	m, err := c.migration(slot)
	if err != nil {
		return err
	}
	from, to := c.node(m.from), c.node(m.to)
	if _, err := from.do(ctx, "CLUSTER", "SETSLOT", slot, "STABLE"); err != nil {
		return err
	}
	// A client may have written a key anew that was not there any more.
	if _, err := c.moveKeys(ctx, slot, 0, to, from, true); err != nil {
		return err
	}
	if _, err := to.do(ctx, "CLUSTER", "SETSLOT", slot, "STABLE"); err != nil {
		return err
	}
	c.forget(slot)
	return nil
}

// DelSlots takes slots away from everybody, and waits until all live nodes agree that nobody owns them. Unless
// AllowGaps is set, the cluster then refuses all work.
func (c *Cluster) DelSlots(ctx context.Context, slots ...int) error {
	var gone []func(context.Context) error
	for _, slot := range slots {
		gone = append(gone, c.ownedBy(slot, ""))
	}
	// Told to each node, and again if an owner's message from just before told it otherwise.
	tell := func(ctx context.Context) error {
		for _, n := range c.live() {
			v, err := n.view(ctx)
			if err != nil {
				return err
			}
			for _, slot := range slots {
				if v.owners[slot] == "" {
					continue
				}
				if _, err := n.do(ctx, "CLUSTER", "DELSLOTS", slot); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return c.wait(ctx, append([]func(context.Context) error{tell}, gone...)...)
}

// AddSlots gives slots that nobody owns to node to, and waits until all live nodes agree.
func (c *Cluster) AddSlots(ctx context.Context, to int, slots ...int) error {
	checks := []func(context.Context) error{c.viewsAgree}
	args := []any{"CLUSTER", "ADDSLOTS"}
	for _, slot := range slots {
		args = append(args, slot)
		checks = append(checks, c.ownedBy(slot, c.node(to).ID))
	}
	if _, err := c.node(to).do(ctx, args...); err != nil {
		return err
	}
	return c.wait(ctx, checks...)
}

// ownedBy checks that in every live node's eyes the node with that ID owns the slot.
func (c *Cluster) ownedBy(slot int, id string) func(context.Context) error {
	return func(ctx context.Context) error {
		for _, n := range c.live() {
			v, err := n.view(ctx)
			if err != nil {
				return err
			}
			if v.owners[slot] != id {
				return fmt.Errorf("slot %d belongs to %q in the eyes of %s", slot, v.owners[slot], n.Addr)
			}
		}
		return nil
	}
}

func (c *Cluster) migration(slot int) (migration, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m, ok := c.migrating[slot]
	if !ok {
		return m, fmt.Errorf("testcluster: slot %d: %w", slot, errNoMigration)
	}
	return m, nil
}

func (c *Cluster) forget(slot int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.migrating, slot)
}

var errNoMigration = errors.New("no migration is open")
