package testcluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Reshard moves slots, one after the other and key by key, from whoever owns them to node to, and waits at the end
// until all live nodes agree. Slots that the node owns already are left alone.
func (c *Cluster) Reshard(ctx context.Context, to int, slots ...int) error {
	var checks []func(context.Context) error
	for _, slot := range slots {
		owner, err := c.Owner(ctx, slot)
		if err != nil {
			return err
		}
		if owner == to {
			continue
		}
		if err := c.OpenMigration(ctx, slot, to); err != nil {
			return err
		}
		if _, err := c.MoveKeys(ctx, slot, 0); err != nil {
			return err
		}
		if err := c.giveAway(ctx, slot); err != nil {
			return err
		}
		checks = append(checks, c.ownedBy(slot, c.node(to).ID))
	}
	if len(checks) == 0 {
		return nil
	}
	return c.wait(ctx, c.viewsAgree, checks[0], checks[len(checks)-1])
}

// Rebalance moves n slots to node to, taken evenly from all other masters that own some, and tells which.
func (c *Cluster) Rebalance(ctx context.Context, to, n int) ([]int, error) {
	live := c.live()
	if len(live) == 0 {
		return nil, errors.New("testcluster: no node is alive")
	}
	v, err := live[0].view(ctx)
	if err != nil {
		return nil, fmt.Errorf("testcluster: %w", err)
	}
	owned := make(map[string][]int)
	var ids []string // in the order of their first slots
	for slot, id := range v.owners {
		if id == "" || id == c.node(to).ID {
			continue
		}
		if owned[id] == nil {
			ids = append(ids, id)
		}
		owned[id] = append(owned[id], slot)
	}
	var moving []int
	for i := 0; len(moving) < n && len(ids) > 0; i++ {
		at := i % len(ids)
		list := owned[ids[at]]
		moving = append(moving, list[0])
		if owned[ids[at]] = list[1:]; len(list) == 1 {
			ids = slices.Delete(ids, at, at+1)
		}
	}
	return moving, c.Reshard(ctx, to, moving...)
}
