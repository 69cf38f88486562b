package minicluster

// TakeSlot is the moment at which an atomic migration's target takes a slot
// over: it has all keys of its owner, who doesn't know yet, and goes on claiming
// and serving the slot with its own copies, as does everybody else believe.
// SettleSlot ends that; MoveSlot is both in one step.
func (c *Cluster) TakeSlot(to, slot int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	from := c.truth.Owner(slot)
	if from == to {
		return
	}
	if from >= 0 {
		for _, k := range c.slotKeys(from, slot) {
			key := []byte(k)
			if v := c.nodes[from].lookup(0, key); v != nil {
				c.nodes[to].put(0, key, v.clone())
			}
		}
	}
	n := c.nodes[to]
	n.importing[slot] = from // so that the epoch is raised
	n.assignSlot(slot, to)
}

// SettleSlot has everybody hear who owns a slot, and the others drop their keys
// of it.
func (c *Cluster) SettleSlot(slot int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	owner := c.truth.Owner(slot)
	c.update(func(v *View) {
		v.SetOwner(slot, slot, owner)
		if owner >= 0 {
			v.SetEpoch(owner, c.truth.nodes[owner].epoch)
		}
	})
	for i, n := range c.nodes {
		if i == owner || n.isolated || !n.isMaster() {
			continue
		}
		for _, k := range c.slotKeys(i, slot) {
			n.remove(0, []byte(k))
		}
	}
}
