package minicluster

import (
	"fmt"
	"strings"
)

func clusterCommands() []command {
	return []command{
		{name: "CLUSTER", arity: -2, run: (*session).cluster},
	}
}

func (s *session) cluster(args [][]byte) {
	if s.c.cfg.Standalone {
		s.fail(errNoCluster)
		return
	}
	sub := strings.ToUpper(string(args[1]))
	switch {
	case sub == "SLOTS" && len(args) == 2:
		s.clusterSlots()
	case sub == "SHARDS" && len(args) == 2:
		s.clusterShards()
	case sub == "NODES" && len(args) == 2:
		s.text(s.node.clusterNodes())
	case sub == "INFO" && len(args) == 2:
		s.text(s.node.clusterInfo())
	case sub == "MYID" && len(args) == 2:
		s.text(s.node.id)
	case sub == "KEYSLOT" && len(args) == 3:
		s.int(int64(slotOf(args[2])))
	case sub == "COUNTKEYSINSLOT" && len(args) == 3:
		if slot, ok := s.slot(args[2]); ok {
			s.int(int64(len(s.node.db(0).bySlot[slot])))
		}
	case sub == "GETKEYSINSLOT" && len(args) == 4:
		s.keysInSlot(args)
	case sub == "SETSLOT" && len(args) >= 4:
		s.setSlot(args)
	case sub == "ADDSLOTS" && len(args) >= 3:
		s.addSlots(args[2:], true)
	case sub == "DELSLOTS" && len(args) >= 3:
		s.addSlots(args[2:], false)
	default:
		s.fail("ERR unknown subcommand or wrong number of arguments for '" + oneLine(args[1]) + "'. Try CLUSTER HELP.")
	}
}

// slot parses an argument; it replies the error itself.
func (s *session) slot(arg []byte) (int, bool) {
	n, ok := s.number(arg)
	if ok && (n < 0 || n >= Slots) {
		s.fail("ERR Invalid or out of range slot")
		ok = false
	}
	return int(n), ok
}

// keysInSlot answers with what lies here, whoever owns the slot.
func (s *session) keysInSlot(args [][]byte) {
	slot, ok := s.slot(args[2])
	if !ok {
		return
	}
	n, ok := s.number(args[3])
	if !ok {
		return
	}
	if n < 0 {
		s.fail("ERR Invalid number of keys")
		return
	}
	list := s.node.db(0).bySlot[slot]
	list = list[:min(int64(len(list)), n)]
	s.array(len(list))
	for _, it := range list {
		s.text(it.key)
	}
}

// setSlot is CLUSTER SETSLOT slot MIGRATING id | IMPORTING id | NODE id | STABLE.
func (s *session) setSlot(args [][]byte) {
	n := s.node
	slot, ok := s.slot(args[2])
	if !ok {
		return
	}
	if is(args[3], "STABLE") && len(args) == 4 {
		delete(n.migrating, slot)
		delete(n.importing, slot)
		s.ok()
		return
	}
	if len(args) != 5 {
		s.fail("ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP")
		return
	}
	other := s.c.byID(string(args[4]))
	owner := n.view.Owner(slot)
	switch {
	case !n.isMaster():
		s.fail("ERR You can use SETSLOT only with masters.")
	case other == nil:
		s.fail("ERR I don't know about node " + oneLine(args[4]))
	case is(args[3], "MIGRATING") && owner != n.index:
		s.fail(fmt.Sprintf("ERR I'm not the owner of hash slot %d", slot))
	case is(args[3], "MIGRATING"):
		n.migrating[slot] = other.index
		s.ok()
	case is(args[3], "IMPORTING") && owner == n.index:
		s.fail(fmt.Sprintf("ERR I'm already the owner of hash slot %d", slot))
	case is(args[3], "IMPORTING"):
		n.importing[slot] = other.index
		s.ok()
	case is(args[3], "NODE"):
		s.setSlotNode(slot, other.index)
	default:
		s.fail("ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP")
	}
}

// setSlotNode gives a slot to a node in this node's view. When this node is the
// new owner itself everybody else hears of it at once: Cluster.SetSlotNode is
// for tests to which the time between matters.
func (s *session) setSlotNode(slot, owner int) {
	n := s.node
	if refusal := n.assignSlot(slot, owner); refusal != "" {
		s.fail(refusal)
		return
	}
	if owner == n.index && !n.isolated {
		epoch := n.view.nodes[owner].epoch
		s.c.update(func(v *View) {
			v.SetEpoch(owner, epoch)
			v.SetOwner(slot, slot, owner)
		})
	}
	s.ok()
}

// addSlots adds slots to this node, or takes them from their owner in this
// node's view only, as DELSLOTS does.
func (s *session) addSlots(args [][]byte, add bool) {
	slots := make([]int, len(args))
	for i, arg := range args {
		var ok bool
		if slots[i], ok = s.slot(arg); !ok {
			return
		}
		switch owned := s.node.view.Owner(slots[i]) >= 0; {
		case add && owned:
			s.fail(fmt.Sprintf("ERR Slot %d is already busy", slots[i]))
			return
		case !add && !owned:
			s.fail(fmt.Sprintf("ERR Slot %d is already unassigned", slots[i]))
			return
		}
	}
	change := func(v *View) {
		for _, slot := range slots {
			if add {
				v.SetOwner(slot, slot, s.node.index)
			} else {
				v.SetOwner(slot, slot, -1)
			}
		}
	}
	if add && !s.node.isolated {
		s.c.update(change)
	} else {
		s.node.edit(change)
	}
	s.ok()
}
