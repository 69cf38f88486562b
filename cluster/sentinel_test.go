package cluster

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/resp"
)

// newFakeSentinel says that the master "main" is where a node is.
func newFakeSentinel(t *testing.T, master *fakeNode) *fakeNode {
	t.Helper()
	s := newFakeNode(t, nil)
	host, port, ok := splitAddr(master.addr)
	require.True(t, ok)
	s.replies["SENTINEL GET-MASTER-ADDR-BY-NAME"] = "*-1\r\n"
	s.replies["SENTINEL GET-MASTER-ADDR-BY-NAME main"] = string(resp.AppendBulkString(resp.AppendBulkString(resp.AppendArray(nil, 2), host), strconv.Itoa(port)))
	one := resp.AppendArray(resp.AppendArray(nil, 1), 4)
	for _, text := range []string{"name", "main", "ip", host} {
		one = resp.AppendBulkString(one, text)
	}
	s.replies["SENTINEL MASTERS"] = string(one)
	s.replies["INFO"] = string(resp.AppendBulkString(nil, "# Server\r\nredis_mode:sentinel\r\n"))
	return s
}

func newFakeMaster(t *testing.T, role string) *fakeNode {
	t.Helper()
	n := newFakeNode(t, nil)
	n.replies["CLUSTER"] = "-ERR This instance has cluster support disabled\r\n"
	n.replies["INFO"] = string(resp.AppendBulkString(nil, "redis_version:7.0.15\r\nrun_id:a\r\nrole:"+role+"\r\n"))
	return n
}

func TestConnectSentinel(t *testing.T) {
	master := newFakeMaster(t, "master")
	master.user, master.password = "app", "s3rver-pw"
	sentinel := newFakeSentinel(t, master)
	sentinel.password = "s3ntinel-pw"
	dead, mute := closedAddr(t), newMute(t)
	for name, options := range map[string]Options{
		"named apart":           {URLs: []string{"redis://:s3ntinel-pw@" + sentinel.addr + "/3"}, SentinelMaster: "main"},
		"named in the URL":      {URLs: []string{"redis://:s3ntinel-pw@" + sentinel.addr + "/3?master_name=main&pool_size=2"}},
		"dead one first":        {URLs: []string{dead + "?db=3", "redis://:s3ntinel-pw@" + sentinel.addr + "/3"}, SentinelMaster: "main"},
		"addr parameter":        {URLs: []string{"redis://:s3ntinel-pw@" + dead + "/3?master_name=main&addr=" + sentinel.addr}},
		"password apart":        {URLs: []string{"redis://:x@" + sentinel.addr + "/3"}, SentinelMaster: "main", SentinelPassword: "s3ntinel-pw"},
		"mute one first":        {URLs: []string{mute + "/3", sentinel.addr + "/3"}, SentinelMaster: "main", SentinelPassword: "s3ntinel-pw", DialTimeout: 500 * time.Millisecond},
		"both name it, equally": {URLs: []string{"redis://:s3ntinel-pw@" + sentinel.addr + "/3?master_name=main"}, SentinelMaster: "main"},
	} {
		t.Run(name, func(t *testing.T) {
			options.Username, options.Password = "app", "s3rver-pw"
			before := len(master.received("SELECT 3"))
			rdb := connect(t, options)
			require.IsType(t, &redis.Client{}, rdb)
			d := dialerOf(t, rdb)
			assert.True(t, d.Floating())
			silent(t, func() { assert.False(t, works(t, rdb).Cluster()) })
			assert.Greater(t, len(master.received("SELECT 3")), before)
			require.NoError(t, rdb.Echo(t.Context(), "x").Err(), "the client is of use by itself, too")
		})
	}
	assert.Empty(t, sentinel.received("SELECT"))
	assert.False(t, dialerOf(t, redisClient(t, &redis.Options{Addr: master.addr})).Floating())
	assert.False(t, dialerOf(t, redisClient(t, &redis.Options{Addr: "/run/redis.sock"})).Floating())
	failover := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "main", SentinelAddrs: []string{sentinel.addr}, SentinelPassword: "s3ntinel-pw"})
	t.Cleanup(func() { _ = failover.Close() })
	assert.True(t, dialerOf(t, failover).Floating())
}

// A Sentinel's port is 26379 unless given.
func TestSentinelPort(t *testing.T) {
	for raw, want := range map[string]string{
		"redis://s1?master_name=main": "s1:26379", "redis://s1:6379?master_name=main": "s1:6379",
		"redis://:p@[::1]?master_name=main": "[::1]:26379", "s1": "s1:6379", "redis://s1/2": "s1:6379",
	} {
		urls, err := parseSeedURLs([]string{raw}, false)
		require.NoError(t, err)
		assert.Equal(t, []string{want}, urls.addrs, raw)
	}
	urls, err := parseSeedURLs([]string{"s1", "s2:1"}, true)
	require.NoError(t, err)
	assert.Equal(t, []string{"s1:26379", "s2:1"}, urls.addrs)
}

func TestConnectSentinelErrors(t *testing.T) {
	const password = "pa55-w0rd-x"
	master, replica, member := newFakeMaster(t, "master"), newFakeMaster(t, "slave"), newFakeNode(t, nil)
	knowsCluster(member)
	locked := newFakeMaster(t, "master")
	locked.password = password + "2"
	sentinel, ofReplica, ofMember, ofLocked := newFakeSentinel(t, master), newFakeSentinel(t, replica), newFakeSentinel(t, member), newFakeSentinel(t, locked)
	gone := newFakeMaster(t, "master")
	gone.addr = closedAddr(t)
	ofGone := newFakeSentinel(t, gone)
	open := newFakeSentinel(t, master)
	open.replies["AUTH"] = "-ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?\r\n"
	open.replies["HELLO"] = "-ERR unknown command 'HELLO'\r\n"
	liar := newFakeSentinel(t, master)
	liar.replies["SENTINEL GET-MASTER-ADDR-BY-NAME main"] = "*2\r\n$1\r\nx\r\n$3\r\n0x1\r\n"
	closed := closedAddr(t)
	for _, tc := range []struct {
		name    string
		options Options
		bad     bool // the options are
		want    []string
	}{
		{"another name", Options{URLs: []string{sentinel.addr}, SentinelMaster: "mian"}, false, []string{sentinel.addr, `"mian"`, `but "main"`}},
		{"no Sentinel", Options{URLs: []string{master.addr}, SentinelMaster: "main"}, false, []string{master.addr, "no Sentinel", "26379"}},
		{"closed port", Options{URLs: []string{closed, sentinel.addr}, SentinelMaster: "nobody"}, false, []string{"none of 2", closed, "refused", sentinel.addr, `"nobody"`}},
		{"master gone", Options{URLs: []string{ofGone.addr}, SentinelMaster: "main"}, false, []string{"redis node main", gone.addr, ofGone.addr, "refused"}},
		{"failover under way", Options{URLs: []string{ofReplica.addr}, SentinelMaster: "main"}, false, []string{"is a replica", "try again"}},
		{"a cluster's node", Options{URLs: []string{ofMember.addr}, SentinelMaster: "main"}, true, []string{"part of a cluster"}},
		{"wrong password", Options{URLs: []string{ofLocked.addr}, SentinelMaster: "main", Password: password}, false, []string{"redis node main", "WRONGPASS"}},
		{"no password", Options{URLs: []string{ofLocked.addr}, SentinelMaster: "main"}, false, []string{"redis node main", "give one"}},
		{"the server's password in the URL", Options{URLs: []string{"redis://:" + password + "@" + open.addr}, SentinelMaster: "main"}, false, []string{open.addr, "without any password configured", "is the Sentinel's"}},
		{"nonsense", Options{URLs: []string{liar.addr}, SentinelMaster: "main"}, false, []string{liar.addr, "isn't a host and a port"}},
		{"two names", Options{URLs: []string{sentinel.addr + "?master_name=main"}, SentinelMaster: "other"}, true, []string{"two masters"}},
		{"two names in URLs", Options{URLs: []string{"s1?master_name=a", "s2?master_name=b"}}, true, []string{"master_name differs"}},
		{"an address as the name", Options{URLs: []string{sentinel.addr}, SentinelMaster: master.addr}, true, []string{"sentinel monitor"}},
		{"a socket", Options{URLs: []string{"unix:///run/sentinel.sock"}, SentinelMaster: "main"}, true, []string{"host and port"}},
		{"other tools' scheme", Options{URLs: []string{"redis-sentinel://:" + password + "@s1:26379/0#main"}}, true, []string{"SentinelMaster", "master_name="}},
		{"Sentinels without a name", Options{URLs: []string{sentinel.addr, ofMember.addr}}, false, []string{"is a Sentinel", "--sentinel-master"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			silent(t, func() {
				rdb, err := Connect(t.Context(), tc.options)
				assert.Nil(t, rdb)
				require.Error(t, err)
				assert.Equal(t, tc.bad, errors.Is(err, ErrOptions), "%v", err)
				for _, part := range tc.want {
					assert.Contains(t, err.Error(), part)
				}
				assertNoSecret(t, err, password)
			})
		})
	}
}
