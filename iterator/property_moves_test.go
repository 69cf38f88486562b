package iterator_test

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/redisarrow/redisarrow/internal/minicluster"
)

// Slots that are moved with their keys, in one step, and maybe back.
func (p *propertyFaults) moved(f *propertyFault) bool {
	var slots []int
	for range p.r.IntN(5) + 1 {
		slots = append(slots, p.slotOfKey())
	}
	to := p.node()
	f.name = fmt.Sprint("moving slots ", slots, " to node ", to)
	f.times = p.r.Int64N(2) + 1
	f.class = oneOf(p.r, f.class, f.class, classState)
	masters := p.server.masters()
	var times atomic.Int64
	f.effect = func(w *propertyWorld, _ int, _ [][]byte) *minicluster.Fault {
		return before(func() { w.cluster.MoveSlot((to+int(times.Add(1))-1)%masters, slots...) })
	}
	return true
}

// Slots that are moved away and are back before anybody looks: the keys that a
// pass was to find there are, in another table.
func (p *propertyFaults) thereAndBack(f *propertyFault) bool {
	slots := []int{p.slotOfKey(), p.slotOfKey(), p.slotOfKey()}
	to := p.node()
	f.name = fmt.Sprint("moving slots ", slots, " to node ", to, " and back")
	f.times = p.r.Int64N(3) + 1
	f.class = oneOf(p.r, classScan, classFetch, classState)
	f.effect = func(w *propertyWorld, _ int, _ [][]byte) *minicluster.Fault {
		return before(func() {
			for _, slot := range slots {
				if owner := w.owner(slot); owner >= 0 {
					w.cluster.MoveSlot(to, slot)
					w.cluster.MoveSlot(owner, slot)
				}
			}
		})
	}
	return true
}

// owner is who owns a slot.
func (w *propertyWorld) owner(slot int) (owner int) {
	w.cluster.EditView(0, func(v *minicluster.View) { owner = v.Owner(slot) })
	return owner
}

// A master that comes, and takes slots.
func (p *propertyFaults) grown(f *propertyFault) bool {
	var slots []int
	for range p.r.IntN(20) + 1 {
		slots = append(slots, p.slotOfKey())
	}
	f.name = fmt.Sprint("adding a master, which gets slots ", slots)
	var once sync.Once
	f.effect = func(w *propertyWorld, _ int, _ [][]byte) *minicluster.Fault {
		return before(func() {
			once.Do(func() {
				if added, err := w.cluster.AddMaster(); err == nil {
					w.cluster.MoveSlot(added, slots...)
				}
			})
		})
	}
	return true
}

// A migration of which a part is done, and then undone, at two commands: a pass
// in between sees half of the keys, and the same marks before and after.
func (p *propertyFaults) abortedInBetween(f *propertyFault) bool {
	slot, to := p.slotOfKey(), p.node()
	f.name = fmt.Sprintf("migrating slot %d to node %d", slot, to)
	f.class = oneOf(p.r, classScan, classFetch, classState)
	var open atomic.Bool
	share := p.r.IntN(2) + 1
	f.effect = func(w *propertyWorld, _ int, _ [][]byte) *minicluster.Fault {
		return before(func() { open.Store(w.migrate(slot, to, share)) })
	}
	f.then = &propertyFault{name: "undoing it", class: oneOf(p.r, classScan, classFetch), node: -1, slot: -1, times: -1}
	f.then.after = p.after(f.then)
	f.then.effect = func(w *propertyWorld, _ int, _ [][]byte) *minicluster.Fault {
		if !open.Swap(false) {
			return nil
		}
		return before(func() { _ = w.cluster.AbortMigration(slot) })
	}
	f.incomplete = p.config.Strict
	f.lasting = p.config.Strict
	return true
}

// A master that is cut off from the others, and replaced, and goes on answering.
// What was written since is at its replacement only.
func (p *propertyFaults) replacedFromStart(f *propertyFault) bool {
	if p.server.config.Replicas == 0 || p.server.masters() < 3 {
		return false
	}
	node := oneOf(p.r, 0, 0, p.node()) // the first is mostly asked first where the others are
	keys := slices.Clone(p.keys)
	if p.r.IntN(2) == 0 {
		keys = p.some(len(keys))
	}
	f.name, f.begins = fmt.Sprint("replacing node ", node, ", which is cut off, then writing ", len(keys), " keys"), true
	f.effect = func(w *propertyWorld, _ int, _ [][]byte) *minicluster.Fault {
		return before(func() {
			w.cluster.Delete(names(keys)...)
			w.cluster.Isolate(node)
			_ = w.cluster.Failover(p.server.masters() + node)
			w.cluster.SetFailed(node, true)
			for i := range keys {
				w.store(&keys[i])
			}
		})
	}
	return true
}

// A migration that is opened, with some of the slot's keys moved, and that is
// ended or not.
func (p *propertyFaults) migrating(f *propertyFault) bool {
	slot, to, ends := p.slotOfKey(), p.node(), p.r.IntN(3) == 0
	share := p.r.IntN(4)
	f.name = fmt.Sprintf("migrating slot %d to node %d, ending %v", slot, to, ends)
	f.incomplete, f.lasting = p.config.Strict, p.config.Strict
	var times atomic.Int64
	if ends {
		f.times = 2
	}
	f.effect = func(w *propertyWorld, _ int, _ [][]byte) *minicluster.Fault {
		return before(func() {
			if times.Add(1) > 1 {
				_ = w.cluster.CloseMigration(slot)
				return
			}
			w.migrate(slot, to, share)
		})
	}
	return true
}

// migrate opens a migration and moves one key of so many; ok is false if the
// slot is there already.
func (w *propertyWorld) migrate(slot, to, share int) (ok bool) {
	if w.cluster.OpenMigration(slot, to) != nil {
		return false
	}
	for from := range w.cluster.Addrs() {
		for i, key := range w.cluster.SlotKeys(from, slot) {
			if from != to && share > 0 && i%share == 0 {
				w.cluster.MoveKeys(from, to, key)
			}
		}
	}
	return true
}

func (p *propertyFaults) migratingFromStart(f *propertyFault) bool {
	p.migrating(f)
	f.begins = true
	return true
}

// A migration that is rolled back right when a key is asked for at its target.
// Nobody asks there who wasn't sent by the source.
func (p *propertyFaults) rolledBack(f *propertyFault) bool {
	slot, to := p.slotOfKey(), p.node()
	f.name = fmt.Sprintf("migrating slot %d to node %d", slot, to)
	f.incomplete, f.lasting, f.class = p.config.Strict, p.config.Strict, classFetch
	var open atomic.Bool
	f.effect = func(w *propertyWorld, _ int, _ [][]byte) *minicluster.Fault {
		return before(func() { open.Store(w.migrate(slot, to, 1)) })
	}
	f.then = &propertyFault{name: "rolling it back", class: classFetch, node: to, slot: slot, times: -1}
	f.then.effect = func(w *propertyWorld, _ int, _ [][]byte) *minicluster.Fault {
		if !open.Swap(false) {
			return nil
		}
		return before(func() { _ = w.cluster.AbortMigration(slot) })
	}
	return true
}

func (p *propertyFaults) failover(f *propertyFault) bool {
	if p.server.config.Replicas == 0 {
		return false
	}
	replica := p.server.masters() + p.r.IntN(p.server.nodes()-p.server.masters())
	f.name = fmt.Sprint("failover to node ", replica)
	f.class = oneOf(p.r, f.class, f.class, classState)
	f.effect = func(w *propertyWorld, _ int, _ [][]byte) *minicluster.Fault {
		return before(func() { _ = w.cluster.Failover(replica) })
	}
	return true
}

func (p *propertyFaults) restarted(f *propertyFault) bool {
	node := p.node()
	f.name, f.node = fmt.Sprint("restarting node ", node), node
	f.effect = func(w *propertyWorld, _ int, _ [][]byte) *minicluster.Fault {
		return before(func() {
			if err := w.cluster.Restart(node); err != nil {
				w.dead.Store(true)
				w.cluster.Kill(node) // somebody took the port
			}
		})
	}
	return true
}

func (p *propertyFaults) killed(f *propertyFault) bool {
	node := p.node()
	p.last(f)
	f.name = fmt.Sprint("killing node ", node)
	f.times = 1
	f.effect = func(w *propertyWorld, _ int, _ [][]byte) *minicluster.Fault {
		return before(func() { w.cluster.Kill(node) })
	}
	return true
}

func (p *propertyFaults) unassigned(f *propertyFault) bool {
	slots := []int{p.slotOfKey(), p.r.IntN(minicluster.Slots)}
	p.last(f)
	f.name, f.unowned = fmt.Sprint("taking slots ", slots, " from their owners"), true
	f.begins = p.r.IntN(2) == 0
	f.times = 1
	f.effect = func(w *propertyWorld, _ int, _ [][]byte) *minicluster.Fault {
		return before(func() { w.cluster.Unassign(slots...) })
	}
	return true
}

// Keys that come to lie on a node that doesn't own them can't be read by
// anybody.
func (p *propertyFaults) orphaned(f *propertyFault) bool {
	keys, to := p.some(5), p.node()
	f.name = fmt.Sprint("orphaning ", len(keys), " keys")
	f.begins = p.r.IntN(2) == 0
	f.effect = func(w *propertyWorld, _ int, _ [][]byte) *minicluster.Fault {
		w.forget(names(keys)...)
		return before(func() {
			for from := range p.server.masters() {
				if from != to {
					w.cluster.MoveKeys(from, to, names(keys)...)
				}
			}
		})
	}
	return true
}

// Marks that an aborted migration has left.
func (p *propertyFaults) marked(f *propertyFault) bool {
	if p.server.masters() == 1 {
		return false
	}
	slot, node := p.slotOfKey(), p.node()
	other := (node + 1) % p.server.masters()
	importing := p.r.IntN(2) == 0
	f.name = fmt.Sprintf("a stale mark on node %d: slot %d, importing %v", node, slot, importing)
	f.begins = true
	// Such a mark on the owner itself can't be told from one that is none.
	f.incomplete, f.lasting = importing || p.config.Strict, importing || p.config.Strict
	f.effect = func(w *propertyWorld, _ int, _ [][]byte) *minicluster.Fault {
		return before(func() {
			if importing {
				w.cluster.SetImporting(node, slot, other)
			} else {
				w.cluster.SetMigrating(node, slot, other)
			}
		})
	}
	return true
}
