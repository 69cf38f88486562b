package chaos

import (
	"github.com/redisarrow/redisarrow/internal/testcluster"
	"github.com/redisarrow/redisarrow/iterator"
)

// healing says that a scan goes on until it has every slot.
const healing = true

// waysOn are the ways to enumerate that a server has: its runs take turns.
func waysOn(name string) []iterator.Enumeration {
	ways := []iterator.Enumeration{iterator.AutoEnumerate, iterator.KeysInSlot, iterator.PlainScan}
	server, err := testcluster.Lookup(name)
	if err != nil { // the run is skipped
		return ways
	}
	if server.Valkey || server.AtLeast(7, 4) {
		ways = append(ways, iterator.SlotScan)
	}
	if server.Valkey && server.AtLeast(9, 1) {
		ways = append(ways, iterator.ClusterScan)
	}
	return ways
}

func enumeration(c Case) iterator.Enumeration {
	ways := waysOn(c.Server)
	return ways[c.Way%uint64(len(ways))]
}

// wayOf names the way to enumerate of a case.
func wayOf(c Case) string { return enumeration(c).String() }

// setWay fixes how the keys are enumerated.
func setWay(config *iterator.Config, c Case) { config.Enumerate = enumeration(c) }
