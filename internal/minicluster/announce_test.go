package minicluster

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// What everybody says of a node that is announced wrongly.
func TestMisannounce(t *testing.T) {
	for _, tc := range []struct {
		addr, redirect, nodes string
		slots                 string // endpoint, port, and what else is known
	}{
		{"10.1.2.3:7001", "10.1.2.3:7001", "10.1.2.3:7001@%d ", "[10.1.2.3 7001 %s []]"},
		{"127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0@%d ", "[127.0.0.1 0 %s []]"},
		{"no.such.host:7001", "no.such.host:7001", "127.0.0.1:7001@%d,no.such.host ", "[no.such.host 7001 %s [ip 127.0.0.1]]"},
	} {
		t.Run(tc.addr, func(t *testing.T) {
			c := start(t, Config{})
			conn, addr := conns(t, c), c.Addrs()[1]
			c.SetString("user:1", "x") // slot 10778, node 1
			c.Misannounce(1, tc.addr)
			for i := range conn {
				assert.Contains(t, do(t, conn[i], "CLUSTER", "SLOTS"), fmt.Sprintf(tc.slots, c.NodeID(1)))
				assert.Contains(t, do(t, conn[i], "CLUSTER", "NODES"), c.NodeID(1)+" "+fmt.Sprintf(tc.nodes, busPort(c.nodeAt(1).port)))
				if i != 1 {
					assert.Equal(t, "MOVED 10778 "+tc.redirect, do(t, conn[i], "GET", "user:1"))
				}
			}
			shards := do(t, conn[0], "CLUSTER", "SHARDS")
			host, port, _ := strings.Cut(tc.addr, ":")
			assert.Contains(t, shards, "port "+port)
			assert.Contains(t, shards, "endpoint "+host)
			assert.Equal(t, "x", do(t, conn[1], "GET", "user:1"), "it listens where it did")

			c.Misannounce(1, "")
			assert.Equal(t, "MOVED 10778 "+addr, do(t, conn[0], "GET", "user:1"))
		})
	}
	c := start(t, Config{})
	assert.Panics(t, func() { c.Misannounce(0, "nowhere") })
	assert.Panics(t, func() { c.Misannounce(0, "nowhere:x") })
}
