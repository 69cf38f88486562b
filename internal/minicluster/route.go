package minicluster

const (
	errCrossSlot   = "CROSSSLOT Keys in request don't hash to the same slot"
	errSlotUnowned = "CLUSTERDOWN Hash slot not served"
	errClusterDown = "CLUSTERDOWN The cluster is down"
	errTryAgain    = "TRYAGAIN Multiple keys request during rehashing of slot"
)

// route decides whether this node may execute a command on keys, in the order
// in which Redis decides. "" means yes; otherwise it is the error to reply.
// asking: ASKING came before; stale: the connection is READONLY and the command
// only reads, so a replica may answer for its master; queueing: the command is
// one of a transaction, which asks again at EXEC.
func (n *node) route(keys [][]byte, asking, stale, queueing bool) string {
	if n.c.cfg.Standalone || len(keys) == 0 {
		return ""
	}
	slot := slotOf(keys[0])
	several := false
	for _, k := range keys[1:] {
		if slotOf(k) != slot {
			return errCrossSlot
		}
		several = several || string(k) != string(keys[0])
	}
	owner := n.view.Owner(slot)
	if owner < 0 {
		return errSlotUnowned
	}
	if !n.view.ok {
		return errClusterDown
	}
	to, migrating := n.migrating[slot]
	_, importing := n.importing[slot]
	switch {
	case owner == n.index && migrating:
		if queueing && n.c.cfg.valkey(9, 0) {
			return "" // Valkey leaves it to EXEC to look for the keys
		}
		switch missing := n.missing(keys); {
		case missing == 0:
			return ""
		case missing < len(keys):
			return errTryAgain
		default:
			return n.c.nodes[to].redirect("ASK", slot)
		}
	case owner == n.index:
		return ""
	case importing && asking:
		if several && n.missing(keys) > 0 {
			return errTryAgain
		}
		return ""
	case stale && n.view.nodes[n.index].master == owner:
		return ""
	default:
		return n.c.nodes[owner].redirect("MOVED", slot)
	}
}

func (n *node) missing(keys [][]byte) int {
	missing := 0
	for _, k := range keys {
		if n.lookup(0, k) == nil {
			missing++
		}
	}
	return missing
}
