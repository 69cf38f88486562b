package minicluster

import (
	"fmt"
	"slices"
)

// MoveSlot moves slots to another master with their keys, in one step, as
// servers with atomic slot migration do. Open migrations of these slots end.
func (c *Cluster) MoveSlot(to int, slots ...int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, slot := range slots {
		from := c.truth.Owner(slot)
		if from >= 0 && from != to {
			c.moveKeys(from, to, c.slotKeys(from, slot))
		}
	}
	c.assign(to, slots...)
}

// Unassign takes slots from their owner, who keeps the keys: CLUSTER DELSLOTS
// on every node.
func (c *Cluster) Unassign(slots ...int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.update(func(v *View) {
		for _, slot := range slots {
			v.SetOwner(slot, slot, -1)
		}
	})
}

// OpenMigration marks slot as importing on the node to and as migrating on its
// owner; no key moves yet. It fails if nobody owns the slot or to does.
func (c *Cluster) OpenMigration(slot, to int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	from := c.truth.Owner(slot)
	if from < 0 || from == to {
		return fmt.Errorf("minicluster: slot %d can't migrate to node %d: its owner is %d", slot, to, from)
	}
	c.nodes[to].importing[slot] = from
	c.nodes[from].migrating[slot] = to
	return nil
}

// MoveKeys moves keys from one node to another, as MIGRATE does, whoever owns
// their slots; so it moves them back, too, or makes orphans. It returns how
// many there were.
func (c *Cluster) MoveKeys(from, to int, keys ...string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.moveKeys(from, to, keys)
}

// CloseMigration moves the keys that are left, and gives the slot to the
// importing node, first there, then everywhere. It fails if the slot isn't
// migrating.
func (c *Cluster) CloseMigration(slot int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	from, to, err := c.migration(slot)
	if err != nil {
		return err
	}
	c.moveKeys(from, to, c.slotKeys(from, slot))
	c.assign(to, slot)
	return nil
}

// AbortMigration moves the keys back to the owner and clears both marks. It
// fails if the slot isn't migrating.
func (c *Cluster) AbortMigration(slot int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	from, to, err := c.migration(slot)
	if err != nil {
		return err
	}
	c.moveKeys(to, from, c.slotKeys(to, slot))
	delete(c.nodes[from].migrating, slot)
	delete(c.nodes[to].importing, slot)
	return nil
}

// SetMigrating and SetImporting set or, with other -1, clear one node's mark
// alone: stale marks of aborted migrations are common.
func (c *Cluster) SetMigrating(node, slot, other int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	setMark(c.nodes[node].migrating, slot, other)
}

// SetImporting is described with SetMigrating.
func (c *Cluster) SetImporting(node, slot, other int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	setMark(c.nodes[node].importing, slot, other)
}

func setMark(marks map[int]int, slot, other int) {
	if other < 0 {
		delete(marks, slot)
		return
	}
	marks[slot] = other
}

// migration returns the two ends of an open migration.
func (c *Cluster) migration(slot int) (from, to int, err error) {
	from = c.truth.Owner(slot)
	if from >= 0 {
		if to, ok := c.nodes[from].migrating[slot]; ok {
			return from, to, nil
		}
	}
	return 0, 0, fmt.Errorf("minicluster: slot %d is not migrating", slot)
}

// assign makes node the owner of slots for everybody, and ends what migrations
// of them their old and their new owner have open. Taking over raises the new
// owner's epoch, unless it is the highest already.
func (c *Cluster) assign(node int, slots ...int) {
	for _, slot := range slots {
		if c.truth.Owner(slot) != node {
			c.truth.bump(node)
			break
		}
	}
	// Nodes whose views lag have seen other epochs: they are told the number.
	epoch := c.truth.nodes[node].epoch
	c.update(func(v *View) {
		v.SetEpoch(node, epoch)
		for _, slot := range slots {
			v.SetOwner(slot, slot, node)
		}
	})
	for _, n := range c.nodes {
		for _, slot := range slots {
			if !n.isolated {
				delete(n.migrating, slot)
				delete(n.importing, slot)
			}
		}
	}
}

func (c *Cluster) moveKeys(from, to int, keys []string) int {
	moved := 0
	for _, k := range keys {
		key := []byte(k)
		if v := c.nodes[from].lookup(0, key); v != nil {
			c.nodes[from].remove(0, key)
			c.nodes[to].put(0, key, v)
			moved++
		}
	}
	return moved
}

// slotKeys lists the keys of slot that lie in node.
func (c *Cluster) slotKeys(node, slot int) []string {
	var keys []string
	for _, it := range c.nodes[node].db(0).bySlot[slot] {
		keys = append(keys, it.key)
	}
	slices.Sort(keys)
	return keys
}
