package cluster

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const nodesText = `07c37dfeb235213a872192d90877d0cd55635b91 127.0.0.1:30004@31004,hostname4 slave e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca 0 1426238317239 4 connected
67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1 127.0.0.1:30002@31002,,shard-id=69bc080733d1355567173199cff4a6a039a2f024,tls-port=0 master - 0 1426238316232 2 connected 5461-10922
292f8b365bb7edb5e285caf0b7e6ddc7265d2f4f fe80::1:7000@17000 master,fail? - 0 1426238318243 3 disconnected 10923-16383
6ec23923021cf3ffec47632106199cb7f496ce01 :0@0 slave,noaddr - 1426238318243 0 5 disconnected
824fe116063bc5fcf9f4ffd895bc17aee7731ac3 [::1]:30006@31006 handshake - 0 0 0 disconnected
e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca :7000@17000 myself,master - 0 0 18446744073709551615 connected 0-92 94 100-5460 [93->-67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1] [5461-<-67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1]
`

func TestParseView(t *testing.T) {
	v, err := ParseView(nodesText)
	require.NoError(t, err)
	assert.Equal(t, "e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca", v.Self.ID)
	assert.Equal(t, "0-92,94,100-5460", v.Self.Slots.String())
	assert.Equal(t, uint64(1<<64-1), v.Self.Epoch)
	assert.True(t, v.Self.Master())
	assert.True(t, v.Self.Linked)
	assert.Equal(t, map[uint16]string{93: "67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1"}, v.Migrating)
	assert.Equal(t, map[uint16]string{5461: "67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1"}, v.Importing)
	require.Len(t, v.Others, 5)

	for i, want := range []struct {
		addr, byName string
		slots        string
		master       bool
	}{
		{"127.0.0.1:30004", "hostname4:30004", "", false},
		{"127.0.0.1:30002", "127.0.0.1:30002", "5461-10922", true},
		{"[fe80::1]:7000", "[fe80::1]:7000", "10923-16383", true},
		{"", "", "", false},
		{"[::1]:30006", "[::1]:30006", "", false},
	} {
		n := v.Others[i]
		assert.Equal(t, want.addr, n.Addr("127.0.0.1:1", false), n.ID)
		assert.Equal(t, want.byName, n.Addr("127.0.0.1:1", true), n.ID)
		assert.Equal(t, want.slots, n.Slots.String(), n.ID)
		assert.Equal(t, want.master, n.Master(), n.ID)
		assert.Same(t, &v.Others[i], v.Node(n.ID))
	}
	assert.Equal(t, v.Self.ID, v.Others[0].MasterID)
	assert.False(t, v.Others[2].Failed())
	assert.True(t, v.Others[2].Is("fail?"))
	assert.False(t, v.Others[2].Linked)
	assert.Equal(t, "10.0.0.9:7000", v.Self.Addr("10.0.0.9:6379", false), "an empty host is the host that was reached")
	assert.Nil(t, v.Node("nobody"))
}

func TestParseViewTolerates(t *testing.T) {
	for name, text := range map[string]string{
		"no bus port (3.x)":   "a 10.0.0.1:7000 myself,master - 0 0 1 connected 0-16383",
		"CR LF, blank lines":  "\r\na 10.0.0.1:7000@1 myself,master - 0 0 1 connected 0-16383\r\n\r\n",
		"flag of the future":  "a 10.0.0.1:7000@1,h,x=1,y=2 myself,master,nofailover,shiny - 0 0 1 connected 0-16383",
		"others' open marks":  "b 10.0.0.2:1@2 master - 0 0 1 connected [5->-c]\na 10.0.0.1:7000@1 myself,master - 0 0 1 connected 0-16383",
		"aux without a name":  "a 10.0.0.1:7000@1,shard-id=1 myself,master - 0 0 1 connected 0-16383",
		"a name that is a ?":  "a 10.0.0.1:7000@1,? myself,master - 0 0 1 connected 0-16383",
		"ranges out of order": "a 10.0.0.1:7000@1 myself,master - 0 0 1 connected 8000-16383 0-7999",
	} {
		t.Run(name, func(t *testing.T) {
			v, err := ParseView(text)
			require.NoError(t, err)
			assert.Equal(t, AllSlots(), v.Self.Slots)
			assert.Empty(t, v.Migrating)
			assert.Equal(t, "10.0.0.1:7000", strings.Replace(v.Self.Addr("x:1", true), "h:", "10.0.0.1:", 1))
		})
	}
}

func TestParseViewRefuses(t *testing.T) {
	ok := "a 10.0.0.1:7000@1 myself,master - 0 0 1 connected 0-16383"
	for name, text := range map[string]string{
		"nothing":           "",
		"nobody is myself":  strings.Replace(ok, "myself,", "", 1),
		"two are myself":    ok + "\n" + ok,
		"cut off":           "a 10.0.0.1:7000@1 myself,master - 0 0 1",
		"no port":           strings.Replace(ok, ":7000@1", "", 1),
		"port not a number": strings.Replace(ok, ":7000", ":http", 1),
		"slot out of range": strings.Replace(ok, "16383", "16384", 1),
		"slot not a number": strings.Replace(ok, "0-16383", "zero", 1),
		"range backwards":   strings.Replace(ok, "0-16383", "5-4", 1),
		"epoch":             strings.Replace(ok, " 1 connected", " x connected", 1),
		"mark cut off":      ok + " [5->-b",
		"mark without peer": ok + " [5->-]",
		"mark of no sign":   ok + " [5-b]",
		"mark of no slot":   ok + " [x-<-b]",
		"an error reply":    "ERR This instance has cluster support disabled",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseView(text)
			assert.Error(t, err)
		})
	}
}

func FuzzParseView(f *testing.F) {
	f.Add(nodesText)
	f.Add("a :0@0,, myself - 0 0 0 x [1->-b] [1-<-c] 5")
	f.Fuzz(func(t *testing.T, text string) {
		v, err := ParseView(text)
		if err != nil {
			return
		}
		if !v.Self.Is("myself") {
			t.Fatal("the view is nobody's own")
		}
		for i := range v.Others {
			v.Others[i].Addr("h:1", true)
		}
		v.Node(v.Self.ID).Addr("", false)
	})
}

func TestParseServerInfo(t *testing.T) {
	info := ParseServerInfo("# Server\r\nredis_version:7.2.4\r\nvalkey_version:8.1.1\r\nserver_mode:cluster\r\nrun_id:6ec2\r\nuptime_in_seconds:61\r\nexecutable:/a:b\r\n\r\n# Replication\r\nrole:slave\r\nloading:1\r\n")
	assert.Equal(t, ServerInfo{
		RunID: "6ec2", RedisVersion: "7.2.4", ValkeyVersion: "8.1.1", Role: "slave",
		ClusterEnabled: true, Loading: true, Uptime: 61e9,
	}, info)
	assert.Equal(t, ServerInfo{ClusterEnabled: true}, ParseServerInfo("# Cluster\ncluster_enabled:1\n"))
	assert.Equal(t, ServerInfo{}, ParseServerInfo("garbage"))
}

func TestParseInfo(t *testing.T) {
	info := ParseInfo("cluster_state:fail\r\ncluster_slots_assigned:16384\r\ncluster_known_nodes:6\r\ncluster_current_epoch:9\r\n")
	assert.Equal(t, Info{State: "fail", CurrentEpoch: 9, KnownNodes: 6}, info)
	assert.False(t, info.OK())
	assert.True(t, ParseInfo("cluster_state:ok\r\n").OK())
	assert.True(t, ParseInfo("").OK(), "a node that doesn't say isn't held down")
}
