package minicluster

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// clusterScanCommands are there since Valkey 9.1. The cursor stands where a key
// would, and is routed like one: only the owner of its slot answers.
func clusterScanCommands() []command {
	return []command{
		{name: "CLUSTERSCAN", arity: -2, flags: read, first: 1, last: 1, step: 1, run: (*session).clusterScan},
	}
}

// clusterCursor is a cursor of CLUSTERSCAN: fingerprint-{tag}-local.
type clusterCursor struct {
	fingerprint string // of the process whose local it is; "0": of nobody
	slot        int    // by the tag
	local       uint64 // SCAN's cursor
}

func (cur clusterCursor) String() string {
	return fmt.Sprintf("%s-{%s}-%d", cur.fingerprint, slotTags()[cur.slot], cur.local)
}

// begin is the cursor of a slot's beginning, which any process understands.
func begin(slot int) string { return clusterCursor{fingerprint: "0", slot: slot}.String() }

func parseClusterCursor(text []byte) (cur clusterCursor, ok bool) {
	parts := strings.Split(string(text), "-")
	if len(parts) != 3 {
		return cur, false
	}
	local, err := strconv.ParseUint(parts[2], 10, 64)
	return clusterCursor{parts[0], slotOf(text), local}, err == nil
}

// fingerprint names the process: its hash seed decides what its cursors mean.
func (ks *keyspace) fingerprint() string {
	b := make([]byte, 6)
	for i := range b {
		b[i] = '0' + byte(ks.seed>>(6*i)&63)
	}
	return string(b)
}

// clusterScan is CLUSTERSCAN cursor [MATCH p] [COUNT n] [TYPE t] [SLOT s]. With
// SLOT it ends with the slot; without, it goes on through the slots of this
// node that follow, asking nobody whether it may, and then names the next one.
func (s *session) clusterScan(args [][]byte) {
	if s.c.cfg.Standalone {
		s.fail(errNoCluster)
		return
	}
	slot, rest, ok := s.slotOption(args[2:])
	if !ok {
		return
	}
	o, ok := s.scanOptions(rest)
	if !ok {
		return
	}
	if string(args[1]) == "0" {
		s.clusterPage(begin(max(slot, 0)), nil)
		return
	}
	cur, ok := parseClusterCursor(args[1])
	switch {
	case !ok:
		s.fail("ERR Invalid cursor")
		return
	case slot >= 0 && slot != cur.slot:
		s.fail("ERR Cursor slot mismatch with SLOT argument")
		return
	}
	within := span{cur.slot, cur.slot}
	if slot < 0 {
		within = s.node.ownSpan(cur.slot)
	}
	if only := s.onlySlot(o); only >= 0 {
		switch {
		case slot >= 0 && only != slot, only < cur.slot:
			s.clusterPage("0", nil)
			return
		case only != cur.slot:
			s.clusterPage(begin(only), nil)
			return
		}
		within = span{only, only}
	}
	// A cursor of another process, which may be this node's last one or a
	// replica's, means nothing here: the slot is begun again.
	own := s.node.db(0).fingerprint()
	if cur.fingerprint != own {
		cur.local = uint64(cur.slot)
	}
	local, keys := s.page(cur.local, o, within)
	next := "0"
	switch {
	case local != 0:
		next = clusterCursor{own, int(local % Slots), local}.String()
	case slot < 0 && within.last < Slots-1:
		next = begin(within.last + 1)
	}
	s.clusterPage(next, keys)
}

func (s *session) clusterPage(next string, keys []string) {
	s.array(2)
	s.text(next)
	s.texts(keys...)
}

// slotOption takes SLOT s out of the options; slot is -1 if it isn't there. It
// replies the error itself.
func (s *session) slotOption(options [][]byte) (slot int, rest [][]byte, ok bool) {
	slot = -1
	for ; len(options) > 0; options = options[min(2, len(options)):] {
		if !is(options[0], "SLOT") || len(options) < 2 {
			rest = append(rest, options[:min(2, len(options))]...)
			continue
		}
		n, err := strconv.Atoi(string(options[1]))
		switch {
		case slot >= 0:
			s.fail("ERR SLOT option can only be specified once")
			return 0, nil, false
		case err != nil || n < 0 || n >= Slots:
			s.fail("ERR Invalid or out of range slot")
			return 0, nil, false
		}
		slot = n
	}
	return slot, rest, true
}

// ownSpan is the run of slots around slot that this node, or its master, owns.
func (n *node) ownSpan(slot int) span {
	owner := n.view.Owner(slot)
	within := span{slot, slot}
	for within.last < Slots-1 && n.view.Owner(within.last+1) == owner {
		within.last++
	}
	return within
}

// slotTags gives a hash tag for each slot.
var slotTags = sync.OnceValue(func() []string {
	tags := make([]string, Slots)
	for i, left := 0, Slots; left > 0; i++ {
		tag := strconv.Itoa(i)
		if slot := Slot(tag); tags[slot] == "" {
			tags[slot] = tag
			left--
		}
	}
	return tags
})
