package minicluster

import (
	"slices"
	"time"
)

// SetHash stores a hash, in place of what key held, in the node that owns its
// slot: field, value, field, value. A field without a value is left out. Like
// the other functions that fill the cluster without the network, it works in
// database 0, and puts keys of slots that nobody owns into node 0.
func (c *Cluster) SetHash(key string, pairs ...string) {
	v := &value{kind: kindHash}
	v.hash.fields = make([]field, 0, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		v.hash.set([]byte(pairs[i]), []byte(pairs[i+1]))
	}
	c.set(key, v)
}

// SetString stores a string, in place of what key held.
func (c *Cluster) SetString(key, text string) { c.set(key, &value{str: text}) }

// SetList stores a list, in place of what key held.
func (c *Cluster) SetList(key string, elements ...string) {
	c.set(key, &value{kind: kindList, list: slices.Clone(elements)})
}

// SetSet stores a set, in place of what key held.
func (c *Cluster) SetSet(key string, members ...string) {
	v := &value{kind: kindSet, set: map[string]struct{}{}}
	for _, m := range members {
		v.set[m] = struct{}{}
	}
	c.set(key, v)
}

func (c *Cluster) set(key string, v *value) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.home(key)
	if v.empty() {
		n.remove(0, []byte(key))
		return
	}
	n.put(0, []byte(key), v)
}

// home is the node that keys are written to from here.
func (c *Cluster) home(key string) *node {
	if c.cfg.Standalone {
		return c.nodes[0]
	}
	return c.nodes[max(0, c.truth.Owner(Slot(key)))]
}

// Expire lets key expire after d, wherever it lies, and returns whether it
// exists.
func (c *Cluster) Expire(key string, d time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := false
	for _, n := range c.nodes {
		if v := n.lookup(0, []byte(key)); v != nil {
			v.expireAt = c.cfg.Now().Add(d).UnixMilli()
			found = true
		}
	}
	return found
}

// Delete removes keys, wherever they lie, and returns how many there were.
func (c *Cluster) Delete(keys ...string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	deleted := 0
	for _, k := range keys {
		found := false
		for _, n := range c.nodes {
			found = n.db(0).remove([]byte(k)) || found
		}
		if found {
			deleted++
		}
	}
	return deleted
}

// Keys lists the keys that lie in node, its own or not, in ascending order,
// without those that have expired.
func (c *Cluster) Keys(node int) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var keys []string
	c.nodes[node].db(0).each(func(it *item) {
		if !it.val.expired(c.cfg.Now) {
			keys = append(keys, it.key)
		}
	})
	slices.Sort(keys)
	return keys
}

// SlotKeys lists the keys of slot that lie in node, in ascending order.
func (c *Cluster) SlotKeys(node, slot int) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.slotKeys(node, slot)
}
