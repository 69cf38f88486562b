package cluster

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestParseRedirect(t *testing.T) {
	const from = "node1.example:7000"
	for text, want := range map[string]Redirect{
		"MOVED 3999 127.0.0.1:6381":         {Slot: 3999, Addr: "node1.example:6381"}, // loopback of that machine
		"MOVED 3999 10.0.0.1:6381":          {Slot: 3999, Addr: "10.0.0.1:6381"},
		"ASK 3999 host.example:6381":        {Ask: true, Slot: 3999, Addr: "host.example:6381"},
		"MOVED 0 :7001":                     {Slot: 0, Addr: "node1.example:7001"},
		"ASK 16383 ?:7001":                  {Ask: true, Slot: 16383, Addr: "node1.example:7001"},
		"MOVED 1 2001:db8::1:6381":          {Slot: 1, Addr: "[2001:db8::1]:6381"},
		"MOVED 1 [2001:db8::1]:6381":        {Slot: 1, Addr: "[2001:db8::1]:6381"},
		"MOVED 1 fe80::1%eth0:6381":         {Slot: 1, Addr: "[fe80::1%eth0]:6381"},
		"MOVED 1 10.0.0.1:6381 later=field": {Slot: 1, Addr: "10.0.0.1:6381"},
	} {
		got, ok := ParseRedirect(text, from)
		assert.True(t, ok, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{
		"", "MOVED", "MOVED 1", "MOVED 1 ", "MOVED x 10.0.0.1:1", "MOVED 16384 10.0.0.1:1", "MOVED -1 10.0.0.1:1",
		"MOVED 1 10.0.0.1", "MOVED 1 10.0.0.1:", "MOVED 1 10.0.0.1:0", "MOVED 1 10.0.0.1:65536", "MOVED 1 10.0.0.1:http",
		"moved 1 10.0.0.1:1", "ASKING 1 10.0.0.1:1", "TRYAGAIN Multiple keys request during rehashing of slot",
	} {
		_, ok := ParseRedirect(text, from)
		assert.False(t, ok, text)
	}
}

func TestResolve(t *testing.T) {
	for _, tc := range []struct{ host, from, want string }{
		{"10.0.0.2", "10.0.0.1:1", "10.0.0.2:7"},
		{"", "10.0.0.1:1", "10.0.0.1:7"},
		{"?", "[::1]:1", "[::1]:7"},
		{"", "node.example:1", "node.example:7"},
		{"", "/run/redis.sock", "localhost:7"},
		{"", ":6379", "localhost:7"},
		{"127.0.0.1", "127.0.0.1:1", "127.0.0.1:7"},
		{"127.0.0.1", "localhost:1", "127.0.0.1:7"},
		{"127.0.0.1", "/run/redis.sock", "127.0.0.1:7"},
		{"::1", "10.0.0.1:1", "10.0.0.1:7"},
		{"localhost", "db.example:1", "db.example:7"},
	} {
		assert.Equal(t, tc.want, resolve(tc.host, 7, tc.from), "%+v", tc)
	}
}
