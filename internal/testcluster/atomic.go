package testcluster

import (
	"context"
	"errors"
	"fmt"
	"strconv"
)

// AtomicMigrate moves the slots first to last, which one node owns, to node to by CLUSTER MIGRATESLOTS: the servers
// copy the slots' keys while the old owner serves them, and hand all of them over at one moment. It waits for the end
// and until all live nodes agree. Valkey since 9.0 can do that: ask [Cluster.HasCommand] for "cluster|migrateslots".
func (c *Cluster) AtomicMigrate(ctx context.Context, first, last, to int) error {
	from, err := c.Owner(ctx, first)
	if err != nil {
		return err
	}
	if from < 0 || from == to {
		return fmt.Errorf("testcluster: slots %d-%d can't move from node %d to node %d", first, last, from, to)
	}
	source, target := c.node(from), c.node(to)
	if _, err := source.do(ctx, "CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", first, last, "NODE", target.ID); err != nil {
		return err
	}
	err = poll(ctx, func(ctx context.Context) error {
		job, err := source.slotMigration(ctx, first, last, target.ID)
		if err != nil {
			return err
		}
		switch job["state"] {
		case "success":
			return nil
		case "failed", "cancelled", "canceled":
			return stopPolling{fmt.Errorf("slots %d-%d: migration %s: %s", first, last, job["state"], job["message"])}
		default:
			return fmt.Errorf("slots %d-%d: migration is %s", first, last, job["state"])
		}
	})
	if err != nil {
		return fmt.Errorf("testcluster: %w", err)
	}
	return c.wait(ctx, c.viewsAgree, c.ownedBy(first, target.ID), c.ownedBy(last, target.ID))
}

// slotMigration is what a node says of its latest atomic migration of these slots to the node with that ID.
func (n *Node) slotMigration(ctx context.Context, first, last int, to string) (map[string]string, error) {
	reply, err := n.do(ctx, "CLUSTER", "GETSLOTMIGRATIONS")
	if err != nil {
		return nil, err
	}
	jobs, _ := reply.([]any)
	ranges := strconv.Itoa(first) + "-" + strconv.Itoa(last)
	for _, job := range jobs { // the latest first
		fields := make(map[string]string)
		switch job := job.(type) {
		case map[any]any:
			for name, value := range job {
				fields[fmt.Sprint(name)] = fmt.Sprint(value)
			}
		case []any:
			for i := 0; i+1 < len(job); i += 2 {
				fields[fmt.Sprint(job[i])] = fmt.Sprint(job[i+1])
			}
		}
		if fields["target_node"] == to && fields["slot_ranges"] == ranges {
			return fields, nil
		}
	}
	return nil, errors.New("no such migration")
}
