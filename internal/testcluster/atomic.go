package testcluster

import (
	"context"
	"fmt"
)

// AtomicMigrate moves the slots first to last, which one node owns, to node to by CLUSTER MIGRATESLOTS: the servers
// copy the slots' keys while the old owner serves them, and hand all of them over at one moment. It waits for the end
// and until all live nodes agree. Valkey since 9.0 can do that: ask [Cluster.HasCommand] for "cluster|migrateslots".
// It refuses to on a node that takes part in an open migration of the other kind.
func (c *Cluster) AtomicMigrate(ctx context.Context, first, last, to int) error {
	from, err := c.Owner(ctx, first)
	if err != nil {
		return err
	}
	if from < 0 || from == to {
		return fmt.Errorf("testcluster: slots %d-%d can't move from node %d to node %d", first, last, from, to)
	}
	source, target := c.node(from), c.node(to)
	before, err := source.slotMigrations(ctx)
	if err != nil {
		return err
	}
	if _, err := source.do(ctx, "CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", first, last, "NODE", target.ID); err != nil {
		return err
	}
	err = poll(ctx, func(ctx context.Context) error {
		jobs, err := source.slotMigrations(ctx)
		if err != nil {
			return err
		}
		for name, job := range jobs {
			if before[name] != nil {
				continue
			}
			switch job["state"] {
			case "success":
				return nil
			case "failed", "cancelled":
				return stopPolling{fmt.Errorf("slots %d-%d: migration %s: %s", first, last, job["state"], job["message"])}
			}
		}
		return fmt.Errorf("slots %d-%d are on their way to %s", first, last, target.Addr)
	})
	if err != nil {
		return fmt.Errorf("testcluster: %w", err)
	}
	return c.wait(ctx, c.viewsAgree, c.ownedBy(first, target.ID), c.ownedBy(last, target.ID))
}

// slotMigrations are the atomic migrations of now and of late that a node knows, by their names.
func (n *Node) slotMigrations(ctx context.Context) (map[string]map[string]string, error) {
	reply, err := n.do(ctx, "CLUSTER", "GETSLOTMIGRATIONS")
	if err != nil {
		return nil, err
	}
	jobs := make(map[string]map[string]string)
	list, _ := reply.([]any)
	for _, job := range list {
		fields := make(map[string]string)
		job, _ := job.(map[any]any)
		for name, value := range job {
			fields[fmt.Sprint(name)] = fmt.Sprint(value)
		}
		jobs[fields["name"]] = fields
	}
	return jobs, nil
}
