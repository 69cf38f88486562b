package enumeration

import "fmt"

// Way is a way to enumerate the keys of a node.
type Way int

const (
	// Auto takes for each node the first of the others, in the order in which
	// they stand here, that its server has and the user may use, but on Redis
	// KeysInSlot before SlotScan: its lists cost the server less. On servers
	// without a table for each slot (Redis up to 7.2) PlainScan comes last.
	Auto Way = iota
	// ClusterScan is CLUSTERSCAN of one slot after another: Valkey 9.1 and newer.
	ClusterScan
	// SlotScan is SCAN where its cursor goes through the slots in order, so that
	// slots are done as it passes them: Redis 7.4 and newer, Valkey 8.0 and newer.
	SlotScan
	// KeysInSlot is CLUSTER GETKEYSINSLOT of one slot after another. It lists a
	// slot in one go, so slots of more than 100,000 keys are left to SCAN; and
	// all keys of a slot, whatever the pattern and their type.
	KeysInSlot
	// PlainScan is SCAN of a whole node, the only way to read a server that is
	// alone. All of the node's slots are under way until it ends, and the keys
	// have to be remembered until then: see MaxLedgerBytes.
	PlainScan
)

func (w Way) String() string {
	names := [...]string{"auto", "clusterscan", "slotscan", "keysinslot", "plainscan"}
	if w < 0 || int(w) >= len(names) {
		return fmt.Sprintf("Enumeration(%d)", int(w))
	}
	return names[w]
}

// Command is what the way lists keys with; "" for Auto.
func (w Way) Command() string {
	switch w {
	case ClusterScan:
		return "CLUSTERSCAN"
	case KeysInSlot:
		return "CLUSTER GETKEYSINSLOT"
	case SlotScan, PlainScan:
		return "SCAN"
	default:
		return ""
	}
}

// All are the ways, without Auto.
func All() []Way { return []Way{ClusterScan, SlotScan, KeysInSlot, PlainScan} }

// MarshalText is the way as String gives it, so that JSON has its name.
func (w Way) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads what MarshalText gives of a known way.
func (w *Way) UnmarshalText(text []byte) error {
	for _, known := range append(All(), Auto) {
		if known.String() == string(text) {
			*w = known
			return nil
		}
	}
	return fmt.Errorf("%q is no way to enumerate", text)
}
