package enumeration

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestWays(t *testing.T) {
	for _, c := range []struct {
		server           Server
		inCluster, owner bool
		want             []Way
	}{
		{Server{Redis: "7.0.15"}, true, true, []Way{KeysInSlot, PlainScan}},
		{Server{Redis: "7.4.1"}, true, true, []Way{KeysInSlot, SlotScan, PlainScan}},
		{Server{Redis: "8.0.2"}, true, false, []Way{KeysInSlot, SlotScan, PlainScan}},
		{Server{Redis: "7.2.4", Valkey: "7.2.11"}, true, true, []Way{KeysInSlot, PlainScan}},
		{Server{Redis: "7.2.4", Valkey: "8.1.1"}, true, true, []Way{SlotScan, KeysInSlot, PlainScan}},
		{Server{Redis: "7.2.4", Valkey: "9.1.0"}, true, true, []Way{ClusterScan, SlotScan, KeysInSlot, PlainScan}},
		{Server{Redis: "7.2.4", Valkey: "9.1.0"}, true, false, []Way{SlotScan, KeysInSlot, PlainScan}},
		{Server{Redis: "7.2.4", Valkey: "9.1.0"}, false, true, []Way{PlainScan}},
		{Server{Redis: "7.4.0", Other: "dragonfly"}, true, true, []Way{KeysInSlot, PlainScan}},
		{Server{}, true, true, []Way{KeysInSlot, PlainScan}}, // INFO is denied
	} {
		assert.Equal(t, c.want, c.server.Ability(c.inCluster).Ways(c.inCluster, c.owner), "%+v", c)
	}
}

// A way's name is what --enumerate takes; each has the command that an ACL has to allow.
func TestNames(t *testing.T) {
	names := map[string]string{}
	for _, w := range All() {
		names[w.String()] = w.Command()
	}
	assert.Equal(t, map[string]string{
		"clusterscan": "CLUSTERSCAN", "slotscan": "SCAN", "keysinslot": "CLUSTER GETKEYSINSLOT", "plainscan": "SCAN",
	}, names)
	assert.Equal(t, "auto", Auto.String())
	assert.Empty(t, Auto.Command())
	assert.Equal(t, "Enumeration(9)", Way(9).String())
}
