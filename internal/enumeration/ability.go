package enumeration

import (
	"strconv"
	"strings"
)

// Order tells what a server's cursors are like.
type Order uint8

const (
	// UnknownOrder: nothing is known of the cursors.
	UnknownOrder Order = iota
	// TableOrder: the server has one hash table, and its cursor counts
	// buckets in reversed binary order (dictScan of Redis up to 7.2).
	TableOrder
	// SlotOrder: there is a table for each slot, in ascending order, and the
	// cursor's low 14 bits are the slot (Redis 7.4, Valkey 8.0 and later).
	SlotOrder
)

// Server is what a server says it is, as INFO has it; "" for what isn't known.
type Server struct {
	Redis  string // the Redis version, which Valkey tells too: the one that it is compatible with
	Valkey string // the Valkey version
	Other  string // the make of a server that only speaks the protocol
}

// Ability is what a server can do that matters to listing its keys.
type Ability struct {
	Order Order
	// Monotone: the cursors are those of Redis or Valkey, which go on.
	Monotone bool
	// ClusterScan: the server has CLUSTERSCAN.
	ClusterScan bool
	// CheapLists: CLUSTER GETKEYSINSLOT costs the server less than SCAN does for the
	// same keys.
	CheapLists bool
	// NoTouch: the server can be told, by CLIENT NO-TOUCH, that reading a key is no
	// use of it. The command is older, but was not harmless: where a key is looked up
	// before its command runs, as those of slots with an open migration are, it
	// crashes Redis 8.0 (github.com/redis/redis/pull/14415) and the first of Valkey
	// 8.1 (github.com/valkey-io/valkey/pull/2347), and the change that brought this
	// may be in later releases of older versions.
	NoTouch bool
}

// Ability is what a server of these versions can do. Nothing is expected of
// one that doesn't say what it is.
func (s Server) Ability(inCluster bool) (a Ability) {
	valkey := s.Valkey != ""
	a.ClusterScan = s.Other == "" && AtLeast(s.Valkey, 9, 1)
	a.Monotone = s.Other == "" && (AtLeast(s.Valkey, 7, 2) || !valkey && AtLeast(s.Redis, 2, 8))
	a.NoTouch = s.Other == "" && (AtLeast(s.Valkey, 9, 0) || !valkey && AtLeast(s.Redis, 8, 4))
	a.CheapLists = s.Other == "" && !valkey && AtLeast(s.Redis, 4, 0)
	switch {
	case s.Other != "":
	case inCluster && (valkey && AtLeast(s.Valkey, 8, 0) || !valkey && AtLeast(s.Redis, 7, 4)):
		a.Order = SlotOrder
	case !valkey && AtLeast(s.Redis, 4, 0):
		// One table: a cluster up to 7.2, or no cluster. (Valkey outside of a
		// cluster has a table of another make, of which this isn't known.)
		a.Order = TableOrder
	}
	return a
}

// Ways are those that a server has, best first. owner says that it owns the
// slots that are to be listed, and nobody moves them.
func (a Ability) Ways(inCluster, owner bool) []Way {
	switch {
	case !inCluster:
		return []Way{PlainScan}
	case owner && a.ClusterScan:
		return []Way{ClusterScan, SlotScan, KeysInSlot, PlainScan}
	case a.Order == SlotOrder && a.CheapLists:
		return []Way{KeysInSlot, SlotScan, PlainScan}
	case a.Order == SlotOrder:
		return []Way{SlotScan, KeysInSlot, PlainScan}
	default:
		return []Way{KeysInSlot, PlainScan}
	}
}

// AtLeast compares a version such as "7.0.15" by its first two numbers. What
// isn't a version is older than any.
func AtLeast(version string, major, minor int) bool {
	first, rest, _ := strings.Cut(version, ".")
	second, _, _ := strings.Cut(rest, ".")
	a, errA := strconv.Atoi(first)
	b, errB := strconv.Atoi(second)
	return errA == nil && errB == nil && (a > major || a == major && b >= minor)
}
