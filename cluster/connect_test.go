package cluster

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func connect(t *testing.T, options Options) redis.UniversalClient {
	t.Helper()
	var rdb redis.UniversalClient
	silent(t, func() {
		var err error
		rdb, err = Connect(t.Context(), options)
		require.NoError(t, err)
		t.Cleanup(func() { _ = rdb.Close() })
	})
	return rdb
}

// works goes the way that a scan goes with the client.
func works(t *testing.T, rdb redis.UniversalClient) *Topology {
	t.Helper()
	d, err := NewDialer(rdb)
	require.NoError(t, err)
	topology, err := Discover(t.Context(), d)
	require.NoError(t, err)
	for _, m := range topology.Masters {
		conn, err := d.Dial(t.Context(), m.Addr)
		echo(t, conn, err)
	}
	return topology
}

func TestConnectCluster(t *testing.T) {
	a, b := newFakeNode(t, nil), newFakeNode(t, nil)
	for _, n := range []*fakeNode{a, b} {
		n.user, n.password = "app", "s/e@c:r?et"
	}
	knowsCluster(a, b)
	secret := url.QueryEscape(a.password)
	dead := closedAddr(t)
	for name, options := range map[string]Options{
		"one URL":                    {URLs: []string{"redis://app:" + secret + "@" + a.addr}},
		"user and password apart":    {URLs: []string{a.addr, b.addr}, Username: "app", Password: a.password},
		"they go before the URL's":   {URLs: []string{"redis://x:y@" + a.addr}, Username: "app", Password: a.password},
		"said once for all (M 7)":    {URLs: []string{dead, "redis://" + b.addr, "redis://app:" + secret + "@" + a.addr + "/0"}},
		"addr parameter, dead first": {URLs: []string{"redis://app:" + secret + "@" + dead + "?addr=" + b.addr + "&max_retries=1"}},
		"the same password twice":    {URLs: []string{"redis://app:" + secret + "@" + dead, " redis://:" + secret + "@" + a.addr + " "}},
	} {
		t.Run(name, func(t *testing.T) {
			rdb := connect(t, options)
			require.IsType(t, &redis.ClusterClient{}, rdb)
			topology := works(t, rdb)
			assert.True(t, topology.Cluster())
			assert.Len(t, topology.Masters, 2)
			addrs := rdb.(*redis.ClusterClient).Options().Addrs
			assert.NotEqual(t, dead, addrs[0], "the seed that answered comes first")
		})
	}
}

func TestConnectSingleServer(t *testing.T) {
	node := newFakeNode(t, nil)
	node.replies["CLUSTER"] = "-ERR This instance has cluster support disabled\r\n"
	rdb := connect(t, Options{URLs: []string{"redis://" + node.addr + "/3?db=5&pool_size=2"}, ClientName: "reports"})
	require.IsType(t, &redis.Client{}, rdb)
	assert.Equal(t, 2, rdb.(*redis.Client).Options().PoolSize)
	works(t, rdb)
	assert.NotEmpty(t, node.received("SELECT 5"))
	assert.NotEmpty(t, node.received("CLIENT SETNAME reports"))

	node.replies["SELECT"] = "-ERR DB index is out of range\r\n"
	_, err := Connect(t.Context(), Options{URLs: []string{"redis://" + node.addr + "/99"}})
	assert.ErrorContains(t, err, "out of range")
	_, err = Connect(t.Context(), Options{URLs: []string{node.addr, closedAddr(t)}})
	require.ErrorIs(t, err, ErrOptions, "the other addresses would silently not be read")
	assert.ErrorContains(t, err, "single server")
}

func TestConnectTLS(t *testing.T) {
	certs := newTestCertificate(t)
	node := newFakeNode(t, certs.server)
	knowsCluster(node)
	works(t, connect(t, Options{URLs: []string{"rediss://" + node.addr}, TLSConfig: certs.client}))
	works(t, connect(t, Options{URLs: []string{node.addr}, TLSConfig: certs.client}))
	works(t, connect(t, Options{URLs: []string{"rediss://" + node.addr + "?skip_verify=true"}}))
	works(t, connect(t, Options{URLs: []string{"rediss://localhost:" + node.addr[strings.LastIndexByte(node.addr, ':')+1:]}, TLSConfig: certs.client}))
	assert.False(t, certs.client.InsecureSkipVerify, "the caller's configuration is left alone")
	assert.Empty(t, certs.client.ServerName)

	_, err := Connect(t.Context(), Options{URLs: []string{"rediss://" + node.addr}})
	assert.ErrorContains(t, err, "certificate authority")
	_, err = Connect(t.Context(), Options{URLs: []string{"redis://" + node.addr}})
	assert.ErrorContains(t, err, "if the port speaks TLS")
}

// acceptance N: an error within the deadline, with the address and what was
// tried, and without the password.
func TestConnectErrors(t *testing.T) {
	const password = "pa55-w0rd-x"
	wrong := newFakeNode(t, nil)
	wrong.password = "another"
	member := newFakeNode(t, nil)
	knowsCluster(member)
	closed := closedAddr(t)
	for _, tc := range []struct {
		name    string
		options Options
		bad     bool // the options are
		want    []string
	}{
		{"no seed", Options{}, true, []string{"no URL"}},
		{"empty URL", Options{URLs: []string{" "}}, true, []string{"URL 1", "empty"}},
		{"scheme", Options{URLs: []string{"http://:" + password + "@h.test:1"}}, true, []string{"URL 1 (h.test:1)", "redis://"}},
		{"port", Options{URLs: []string{"ok.test:1", "redis://:" + password + "@h.test:port"}}, true, []string{"URL 2", "host:port"}},
		{"port too large", Options{URLs: []string{"redis://:" + password + "@h.test:65536"}}, true, []string{"from 1 to 65535"}},
		{"slash in password", Options{URLs: []string{"redis://app:a/" + password + "@h.test:1"}}, true, []string{"h.test:1", "percent-encoded"}},
		{"slash, digits before it", Options{URLs: []string{"redis://:1/" + password + "@h.test:1"}}, true, []string{"percent-encoded"}},
		{"hash in password", Options{URLs: []string{"redis://:1#" + password + "@h.test:1"}}, true, []string{"percent-encoded"}},
		{"question mark", Options{URLs: []string{"redis://:1?" + password + "@h.test:1"}}, true, []string{"percent-encoded"}},
		{"percent", Options{URLs: []string{"redis://:%zz" + password + "@h.test:1"}}, true, []string{"percent-encoded"}},
		{"blank in password", Options{URLs: []string{"redis://: " + password + "\n@h.test:1"}}, true, []string{"percent-encoded"}},
		{"host forgotten", Options{URLs: []string{"redis://:" + password}}, true, []string{"percent-encoded"}},
		{"unknown parameter", Options{URLs: []string{"redis://:" + password + "@h.test:1?pol_size=1"}}, true, []string{"unexpected option: pol_size"}},
		{"bad parameter", Options{URLs: []string{"redis://:" + password + "@h.test:1?pool_size=x"}}, true, []string{"pool_size"}},
		{"bad addr parameter", Options{URLs: []string{"redis://h.test:1?addr=x"}}, true, []string{"host:port"}},
		{"bad database", Options{URLs: []string{"redis://h.test:1/x"}}, true, []string{"database"}},
		{"two passwords", Options{URLs: []string{"redis://:" + password + "@h.test:1", "redis://:" + password + "2@h.test:2"}}, true, []string{"URL 2 (h.test:2)", "password differs"}},
		{"two users", Options{URLs: []string{"redis://a:x@h.test:1", "redis://b:x@h.test:2"}}, true, []string{"user differs"}},
		{"two schemes", Options{URLs: []string{"redis://h.test:1", "rediss://h.test:2"}}, true, []string{"scheme differs"}},
		{"two databases", Options{URLs: []string{"redis://h.test:1/1", "redis://h.test:2/2"}}, true, []string{"database differs"}},
		{"two lists of parameters", Options{URLs: []string{"redis://h.test:1?pool_size=1", "redis://h.test:2?pool_size=2"}}, true, []string{"parameters differs"}},
		{"database of a cluster", Options{URLs: []string{"redis://" + member.addr + "/3"}}, true, []string{member.addr, "database 3", "always in database 0"}},

		{"closed port", Options{URLs: []string{"redis://:" + password + "@" + closed}}, false, []string{closed, "connection refused"}},
		{"unknown host", Options{URLs: []string{"redis://:" + password + "@no-such-host.invalid"}}, false, []string{"no-such-host.invalid:6379", "can't be resolved"}},
		{"wrong password", Options{URLs: []string{"redis://:" + password + "@" + wrong.addr}}, false, []string{wrong.addr, "WRONGPASS", "with a password"}},
		{"each of several", Options{URLs: []string{closed, wrong.addr}, Username: "app", Password: password}, false, []string{"none of 2", closed, "refused", wrong.addr, "WRONGPASS", `user "app"`}},
		{"mute", Options{URLs: []string{newMute(t)}, DialTimeout: 100 * time.Millisecond}, false, []string{"no answer in time"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			silent(t, func() {
				const deadline = 4 * time.Second // less than any default timeout
				ctx, cancel := context.WithTimeout(t.Context(), deadline)
				defer cancel()
				began := time.Now()
				rdb, err := Connect(ctx, tc.options)
				assert.Less(t, time.Since(began), deadline)
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

// Several seeds share the time that there is.
func TestConnectMuteSeedFirst(t *testing.T) {
	node := newFakeNode(t, nil)
	knowsCluster(node)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	rdb, err := Connect(ctx, Options{URLs: []string{newMute(t), newMute(t), node.addr}})
	require.NoError(t, err)
	require.NoError(t, rdb.Close())
}

func TestConnectCancelled(t *testing.T) {
	certs := newTestCertificate(t)
	for name, options := range map[string]Options{
		"mute":     {URLs: []string{newMute(t)}},
		"mute TLS": {URLs: []string{newMute(t)}, TLSConfig: certs.client},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			began := time.Now()
			time.AfterFunc(50*time.Millisecond, cancel)
			_, err := Connect(ctx, options)
			assert.Less(t, time.Since(began), 50*time.Millisecond+prompt)
			require.ErrorIs(t, err, context.Canceled)
		})
	}
}

// No error about a URL holds a part of its password, wherever a special
// character puts it.
func FuzzSeedURLs(f *testing.F) {
	const secret = "xqzSECRETxqz"
	f.Add("redis://user:", "@host:6379/0?db=1", "redis://host:1")
	f.Add("rediss://:a/", "/b@host:port", "host")
	f.Add("redis://:1#", "?@host", "")
	f.Add("redis://:%", "%zz@host", "[::1]:1")
	f.Add("", "@host:1?addr=", "host?addr=a:1")
	f.Fuzz(func(t *testing.T, before, after, second string) {
		// A password stands after the user's colon and before an @; what stands
		// where a host or a path does is none.
		raw := before + secret + after
		colon := strings.LastIndexByte(before, ':')
		if colon < 0 || strings.HasPrefix(before[colon:], "://") || !strings.Contains(after, "@") {
			return
		}
		if strings.Contains(before, "@") || strings.Contains(second, secret) {
			return
		}
		urls, err := parseSeedURLs([]string{raw, second}, false)
		if err != nil {
			if strings.Contains(err.Error(), secret) {
				t.Fatalf("%q: %v", raw, err)
			}
			return
		}
		for _, addr := range urls.addrs {
			if urls.scheme == "unix" {
				continue
			}
			if host, port, ok := splitAddr(addr); !ok || host == "" || port == 0 {
				t.Fatalf("%q gave the address %q", raw, addr)
			}
		}
		if _, err := (&Options{}).clientOptions(urls); err != nil {
			t.Fatal(err)
		}
	})
}
