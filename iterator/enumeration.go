package iterator

import (
	"fmt"
	"strings"

	"github.com/redisarrow/redisarrow/internal/scan"
)

// Enumeration is a way to enumerate the keys of a node, see [Config.Enumerate].
type Enumeration = scan.Enumeration

// The ways to enumerate the keys of a node. AutoEnumerate takes the first of
// them, in this order, that the node's server has and the user may use, but on
// Redis, whose lists of slots are cheaper than its SCAN, KeysInSlot comes first
// (not with [Config.Duty]). Where the first thousands of keys show that few are
// wanted, because of their names or of their types, it goes on with SCAN.
const (
	AutoEnumerate = scan.AutoEnumerate
	// ClusterScan is CLUSTERSCAN, slot by slot: Valkey 9.1 and newer.
	ClusterScan = scan.ClusterScan
	// SlotScan is SCAN where its cursor goes through the slots in order: Redis
	// 7.4 and newer, Valkey 8.0 and newer.
	SlotScan = scan.SlotScan
	// KeysInSlot is CLUSTER GETKEYSINSLOT, slot by slot, and SCAN for slots of
	// more than 100,000 keys. It has no MATCH and no TYPE: all keys are listed,
	// and those of another type asked for.
	KeysInSlot = scan.KeysInSlot
	// PlainScan is SCAN of a whole node, the only way for a server that is alone.
	PlainScan = scan.PlainScan
)

// ParseEnumeration reads the name of a way: auto, clusterscan, slotscan,
// keysinslot or plainscan.
func ParseEnumeration(name string) (Enumeration, error) {
	names := []string{AutoEnumerate.String()}
	for _, e := range scan.Enumerations() {
		names = append(names, e.String())
	}
	for i, known := range names {
		if strings.EqualFold(name, known) {
			return Enumeration(i), nil
		}
	}
	return 0, fmt.Errorf("%w: %q is no way to enumerate: known are %s", ErrConfig, name, strings.Join(names, ", "))
}
