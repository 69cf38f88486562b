package cluster

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/resp"
)

// wire turns nested Go values into a reply: int, string, nil (a null bulk)
// and []any.
func wire(v any) string {
	switch v := v.(type) {
	case int:
		return string(resp.AppendInt(nil, int64(v)))
	case string:
		return bulk(v)
	case []any:
		b := string(resp.AppendArray(nil, len(v)))
		for _, elem := range v {
			b += wire(elem)
		}
		return b
	default:
		return string(resp.AppendNull(nil))
	}
}

func value(t *testing.T, v any) resp.Value {
	t.Helper()
	parsed, err := resp.NewReader(strings.NewReader(wire(v)), 4096).ReadValue()
	require.NoError(t, err)
	return parsed
}

type list = []any

const from = "node1.example:7000"

func TestParseSlots(t *testing.T) {
	masters, err := parseSlots(value(t, list{
		list{0, 5460, list{"10.0.0.1", 7000, "a", list{}}, list{"10.0.0.4", 7003, "d", list{}}},
		list{10923, 16383, list{"10.0.0.3", 7002, "c"}},
		list{5461, 5999, list{"10.0.0.2", 7001, "b"}},
		list{6000, 10922, list{"10.0.0.1", 7000, "a"}, list{"10.0.0.4", 7003, "d"}, list{"10.0.0.5", 7004, "e"}},
	}), from)
	require.NoError(t, err)
	topology := newTopology(from, masters)
	require.Len(t, topology.Masters, 3)
	assert.Equal(t, "10.0.0.1:7000 0-5460,6000-10922 [10.0.0.4:7003 10.0.0.5:7004]", describe(topology.Masters[0]))
	assert.Equal(t, "10.0.0.2:7001 5461-5999 []", describe(topology.Masters[1]))
	assert.Equal(t, "10.0.0.3:7002 10923-16383 []", describe(topology.Masters[2]))
	assert.Equal(t, "c", topology.Masters[2].ID)
	unowned := topology.Unowned()
	assert.True(t, unowned.Empty())
	for slot, want := range map[uint16]int{0: 0, 5460: 0, 5461: 1, 6000: 0, 16383: 2} {
		m, ok := topology.Owner(slot)
		assert.True(t, ok)
		assert.Equal(t, want, m, "slot %d", slot)
	}
	_, ok := topology.Owner(Slots)
	assert.False(t, ok)
}

func describe(m Master) string { return fmt.Sprint(m.Addr, " ", m.Slots, " ", m.Replicas) }

// acceptance M, row 12: hosts as clusters announce them.
func TestAnnouncedHosts(t *testing.T) {
	for _, tc := range []struct {
		name     string
		endpoint any
		meta     list
		want     string
	}{
		{"IP", "10.0.0.9", list{}, "10.0.0.9:7001"},
		{"host name", "db.example", list{"ip", "10.0.0.9"}, "db.example:7001"},
		{"IPv6", "2001:db8::1", list{}, "[2001:db8::1]:7001"},
		{"null", nil, list{"ip", "10.0.0.9"}, "node1.example:7001"}, // told to hide its address
		{"empty", "", list{}, "node1.example:7001"},
		{"?", "?", list{}, "node1.example:7001"},
		{"? with an IP", "?", list{"hostname", "", "ip", "10.0.0.9"}, "10.0.0.9:7001"},
		{"? with an empty IP", "?", list{"ip", ""}, "node1.example:7001"},
		{"loopback from elsewhere", "127.0.0.1", list{}, "node1.example:7001"},
	} {
		t.Run("M12 SLOTS "+tc.name, func(t *testing.T) {
			masters, err := parseSlots(value(t, list{list{0, 16383, list{tc.endpoint, 7001, "a", tc.meta}}}), from)
			require.NoError(t, err)
			assert.Equal(t, tc.want, masters[0].Addr)
		})
		t.Run("M12 SHARDS "+tc.name, func(t *testing.T) {
			node := append(list{"id", "a", "port", 7001, "endpoint", tc.endpoint, "role", "master", "health", "online"}, tc.meta...)
			masters, err := parseShards(value(t, list{list{"slots", list{0, 16383}, "nodes", list{node}}}), from, false)
			require.NoError(t, err)
			assert.Equal(t, tc.want, masters[0].Addr)
		})
	}
}

func shardNode(id string, port, tlsPort int, role, health string) list {
	n := list{"id", id}
	if port > 0 {
		n = append(n, "port", port)
	}
	if tlsPort > 0 {
		n = append(n, "tls-port", tlsPort)
	}
	return append(n, "ip", "10.0.0."+id, "endpoint", "10.0.0."+id, "role", role, "replication-offset", 5, "health", health, "later", list{"a", 1})
}

func TestParseShards(t *testing.T) {
	reply := value(t, list{
		list{"slots", list{0, 99, 200, 16383}, "nodes", list{
			shardNode("1", 7000, 7100, "master", "fail"), // deposed
			shardNode("2", 7000, 7100, "master", "online"),
			shardNode("3", 7000, 7100, "replica", "online"),
			shardNode("4", 7000, 7100, "replica", "fail"),
		}},
		list{"nodes", list{shardNode("5", 0, 7100, "master", "loading")}, "slots", list{100, 199}, "id", "shard"},
		list{"slots", list{}, "nodes", list{shardNode("6", 7000, 0, "master", "online")}},
	})
	for secure, want := range map[bool][]string{
		false: {"10.0.0.2:7000 0-99,200-16383 [10.0.0.3:7000]", "10.0.0.5:7100 100-199 []"},
		true:  {"10.0.0.2:7100 0-99,200-16383 [10.0.0.3:7100]", "10.0.0.5:7100 100-199 []"},
	} {
		masters, err := parseShards(reply, from, secure)
		require.NoError(t, err)
		topology := newTopology(from, masters)
		require.Len(t, topology.Masters, 2)
		assert.Equal(t, "2", topology.Masters[0].ID)
		for i, m := range topology.Masters {
			assert.Equal(t, want[i], describe(m))
		}
	}
}

func TestViewMasters(t *testing.T) {
	v, err := ParseView(nodesText)
	require.NoError(t, err)
	topology := newTopology("10.0.0.8:7000", viewMasters(v, "10.0.0.8:7000", true))
	require.Len(t, topology.Masters, 3)
	assert.Equal(t, "10.0.0.8:7000 0-92,94,100-5460 [hostname4:30004]", describe(topology.Masters[0]))
	assert.Equal(t, "[fe80::1]:7000 10923-16383 []", describe(topology.Masters[2]))
	assert.Equal(t, "93,95-99", topology.Unowned().String())
	_, ok := topology.Owner(93)
	assert.False(t, ok)
}

// A master that can't be dialed leaves its slots without an owner, and no
// slot has two.
func TestTopologyIsExclusive(t *testing.T) {
	var a, b SlotSet
	a.AddRange(SlotRange{0, 9})
	b.AddRange(SlotRange{5, 19})
	topology := newTopology(from, []Master{{ID: "a", Addr: "a:1", Slots: a}, {ID: "b", Addr: "b:1", Slots: b}, {ID: "c", Addr: "", Slots: AllSlots()}})
	require.Len(t, topology.Masters, 2)
	assert.Equal(t, "0-9", topology.Masters[0].Slots.String())
	assert.Equal(t, "10-19", topology.Masters[1].Slots.String())
	assert.Equal(t, "20-16383", topology.Unowned().String())
	assert.Equal(t, "20-16383", topology.Unaddressed().String(), "known by the third, which has no address")
}

func TestMalformedTopologies(t *testing.T) {
	for _, v := range []any{
		"text", 7,
		list{7},
		list{list{}},
		list{list{1}},
		list{list{-1, 5}},
		list{list{5, 4}},
		list{list{0, 16384}},
		list{list{"0", "5"}},
		list{list{0, 5, list{}}},
		list{list{0, 5, list{"h", "7000"}}},
		list{list{0, 5, list{"h", 1}, "x"}},
	} {
		_, err := parseSlots(value(t, v), from)
		assert.Error(t, err, "%v", v)
	}
	for _, v := range []any{
		"text", 7,
		list{list{"slots", list{1}}},
		list{list{"slots", list{5, 4}}},
		list{list{"slots", list{0, 99999}}},
		list{list{"slots", list{"0", "5"}}},
		list{7},
		list{list{}},
		list{list{"slots", list{0, 5}}},
		list{list{"nodes", list{}}},
		list{list{0, 5, list{}}},
	} {
		_, err := parseShards(value(t, v), from, false)
		assert.Error(t, err, "%v", v)
	}
	masters, err := parseSlots(value(t, list{list{0, 5}}), from)
	require.NoError(t, err, "slots without a node")
	assert.Empty(t, masters)
	masters, err = parseSlots(value(t, list{list{0, 5, list{"h", 0, "a"}}}), from)
	require.NoError(t, err, "a node without a port")
	assert.Empty(t, newTopology(from, masters).Masters)
}

func FuzzTopologyReplies(f *testing.F) {
	f.Add([]byte(wire(list{list{0, 5460, list{"10.0.0.1", 7000, "a", list{"ip", "1"}}, list{nil, 7003, "d"}}})))
	f.Add([]byte(wire(list{list{"slots", list{0, 16383}, "nodes", list{shardNode("1", 1, 2, "master", "online")}}})))
	f.Add([]byte(bulk(nodesText)))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := resp.NewReader(bytes.NewReader(data), 128).ReadValue()
		if err != nil {
			return
		}
		var answers [][]Master
		if masters, err := parseSlots(v, from); err == nil {
			answers = append(answers, masters)
		}
		for _, secure := range []bool{false, true} {
			if masters, err := parseShards(v, from, secure); err == nil {
				answers = append(answers, masters)
			}
		}
		if view, err := ParseView(v.Text); err == nil {
			answers = append(answers, viewMasters(view, from, true))
		}
		for _, masters := range answers {
			topology := newTopology(from, masters)
			unowned := topology.Unowned()
			n := unowned.Len()
			for i, m := range topology.Masters {
				if _, port, ok := splitAddr(m.Addr); !ok || port == 0 {
					t.Fatalf("master at %q", m.Addr)
				}
				n += m.Slots.Len()
				if owner, ok := topology.Owner(m.Slots.Ranges()[0].First); !ok || owner != i {
					t.Fatalf("owner %d instead of %d", owner, i)
				}
			}
			if n != Slots {
				t.Fatalf("%d slots", n)
			}
		}
	})
}
