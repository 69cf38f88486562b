package cluster

import (
	"context"
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/auth"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/resp"
)

func dialerOf(t *testing.T, rdb redis.UniversalClient) *Dialer {
	t.Helper()
	t.Cleanup(func() { _ = rdb.Close() })
	d, err := NewDialer(rdb)
	require.NoError(t, err)
	return d
}

// echo shows that a connection is authenticated, has nothing left to be
// read, and has no deadline.
func echo(t *testing.T, conn net.Conn, err error) {
	t.Helper()
	require.NoError(t, err)
	c := resp.NewConn(conn)
	defer c.Close()
	v, err := c.Do(t.Context(), "ECHO", "hello")
	require.NoError(t, err)
	assert.Equal(t, "hello", v.Text)
}

// Every way of giving credentials, through either kind of client.
func TestDialCredentials(t *testing.T) {
	for _, tc := range []struct {
		name       string
		user, pass string // what the server wants
		opt        redis.Options
	}{
		{"none", "", "", redis.Options{}},
		{"password", "", "secret", redis.Options{Password: "secret"}},
		{"user and password", "app", "secret", redis.Options{Username: "app", Password: "secret"}},
		{"provider", "app", "secret", redis.Options{Password: "old", CredentialsProvider: func() (string, string) { return "app", "secret" }}},
		{"provider with context", "app", "secret", redis.Options{
			CredentialsProvider:        func() (string, string) { return "app", "old" },
			CredentialsProviderContext: func(context.Context) (string, string, error) { return "app", "secret", nil },
		}},
		{"streaming provider", "app", "secret", redis.Options{
			CredentialsProvider:          func() (string, string) { return "app", "old" },
			StreamingCredentialsProvider: &rotating{now: auth.NewBasicCredentials("app", "secret")},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			node := newFakeNode(t, nil)
			node.user, node.password = tc.user, tc.pass
			single := tc.opt
			single.Addr = node.addr
			silent(t, func() {
				for _, d := range []*Dialer{
					dialerOf(t, redis.NewClient(&single)),
					dialerOf(t, redis.NewClusterClient(&redis.ClusterOptions{
						Addrs: []string{"127.0.0.1:1"}, Username: tc.opt.Username, Password: tc.opt.Password,
						CredentialsProvider: tc.opt.CredentialsProvider, CredentialsProviderContext: tc.opt.CredentialsProviderContext,
						StreamingCredentialsProvider: tc.opt.StreamingCredentialsProvider,
					})),
				} {
					conn, err := d.Dial(t.Context(), node.addr)
					echo(t, conn, err)
				}
			})
			if p, ok := tc.opt.StreamingCredentialsProvider.(*rotating); ok {
				assert.Equal(t, 2, p.subscribed)
				assert.Equal(t, 2, p.unsubscribed, "a connection that has been handed over must not be sent AUTH")
			}
		})
	}
}

// rotating is a streaming credentials provider that counts its listeners.
type rotating struct {
	now                      auth.Credentials
	err                      error
	subscribed, unsubscribed int
	last                     auth.CredentialsListener
}

func (r *rotating) Subscribe(l auth.CredentialsListener) (auth.Credentials, auth.UnsubscribeFunc, error) {
	if r.last == l {
		panic("two subscriptions by one listener")
	}
	r.last = l
	r.subscribed++
	return r.now, func() error { r.unsubscribed++; return nil }, r.err
}

// Credentials that have been rotated reach the next connection.
func TestDialRotatedCredentials(t *testing.T) {
	node := newFakeNode(t, nil)
	node.password = "second"
	provider := &rotating{now: auth.NewBasicCredentials("", "first")}
	d := dialerOf(t, redis.NewClient(&redis.Options{Addr: node.addr, StreamingCredentialsProvider: provider}))
	_, err := d.Dial(t.Context(), node.addr)
	require.ErrorContains(t, err, "WRONGPASS")
	provider.now = auth.NewBasicCredentials("default", "second")
	conn, err := d.Dial(t.Context(), node.addr)
	echo(t, conn, err)
}

// What a connection says before it is handed over: nothing that a restricted
// user may not do, and nothing of RESP3.
func TestDialHandshake(t *testing.T) {
	node := newFakeNode(t, nil)
	node.password = "secret"
	dial := func(rdb redis.UniversalClient) {
		conn, err := dialerOf(t, rdb).Dial(t.Context(), node.addr)
		echo(t, conn, err)
	}
	dial(redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{node.addr}, Password: "secret", MinIdleConns: 5, ReadOnly: true}))
	assert.Equal(t, []string{"HELLO 2 auth default secret", "PING", "ECHO hello"}, node.received(""))

	node.commands = nil
	dial(redis.NewClient(&redis.Options{
		Addr: node.addr, Password: "secret", DB: 3, ClientName: "reports", Protocol: 3, PipelinePoolSize: 3,
		ClientSideCacheConfig: &redis.ClientSideCacheConfig{},
		OnConnect: func(ctx context.Context, cn *redis.Conn) error {
			return cn.Do(ctx, "CLIENT", "NO-TOUCH", "ON").Err()
		},
	}))
	assert.Equal(t, []string{
		"HELLO 2 auth default secret setname reports", "SELECT 3", "CLIENT SETNAME reports",
		"CLIENT NO-TOUCH on", "PING", "ECHO hello",
	}, lowerOn(node.received("")))

	t.Run("a server without HELLO", func(t *testing.T) {
		node.commands = nil
		node.replies["HELLO"] = "-ERR unknown command 'HELLO', with args beginning with: '2' 'auth' 'default' 'secret'\r\n"
		dial(redis.NewClient(&redis.Options{Addr: node.addr, Password: "secret"}))
		assert.Equal(t, []string{"HELLO 2 auth default secret", "AUTH secret", "PING", "ECHO hello"}, lowerAuth(node.received("")))
	})
}

func lowerOn(s []string) []string {
	for i := range s {
		s[i] = strings.Replace(s[i], " ON", " on", 1)
	}
	return s
}

func lowerAuth(s []string) []string {
	for i := range s {
		s[i] = strings.Replace(s[i], "auth secret", "AUTH secret", 1)
	}
	return s
}

// The handshake has set a deadline: it must be gone.
func TestDialLeavesNoDeadline(t *testing.T) {
	node := newFakeNode(t, nil)
	var set deadlines
	rdb := redis.NewClient(&redis.Options{
		Addr: node.addr, ReadTimeout: time.Minute,
		Dialer: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, addr)
			return &deadlineConn{Conn: conn, set: &set}, err
		},
	})
	conn, err := dialerOf(t, rdb).Dial(t.Context(), node.addr)
	require.NoError(t, err)
	assert.IsType(t, &deadlineConn{}, conn, "the conn is the dialer's own, not one wrapped by go-redis or us")
	assert.NotZero(t, set.most, "go-redis sets deadlines; if not, this test shows nothing")
	assert.True(t, set.read.IsZero() && set.write.IsZero(), "%+v", set)
	echo(t, conn, err)
}

type deadlines struct{ read, write, most time.Time }

type deadlineConn struct {
	net.Conn
	set *deadlines
}

func (c *deadlineConn) SetDeadline(t time.Time) error {
	c.set.read, c.set.write = t, t
	return c.Conn.SetDeadline(t)
}

func (c *deadlineConn) SetReadDeadline(t time.Time) error {
	c.set.read = t
	if t.After(c.set.most) {
		c.set.most = t
	}
	return c.Conn.SetReadDeadline(t)
}

func (c *deadlineConn) SetWriteDeadline(t time.Time) error {
	c.set.write = t
	return c.Conn.SetWriteDeadline(t)
}

// Options that go-redis has normalized once mean the same after the second
// time.
func TestNodeOptionsKeepTimeouts(t *testing.T) {
	for _, tc := range []struct{ given, want time.Duration }{
		{0, 5 * time.Second}, {-1, 0}, {-2, -1}, {time.Second, time.Second},
	} {
		single := redis.NewClient(&redis.Options{ReadTimeout: tc.given, WriteTimeout: tc.given})
		many := redis.NewClusterClient(&redis.ClusterOptions{ReadTimeout: tc.given, WriteTimeout: tc.given})
		for _, d := range []*Dialer{dialerOf(t, single), dialerOf(t, many)} {
			opt, release, err := d.options("127.0.0.1:1")
			require.NoError(t, err)
			last := redis.NewClient(opt)
			assert.Equal(t, tc.want, last.Options().ReadTimeout, "%v, cluster %v", tc.given, d.Cluster())
			assert.Equal(t, tc.want, last.Options().WriteTimeout, "%v, cluster %v", tc.given, d.Cluster())
			assert.Zero(t, last.Options().MaxRetries)
			_ = last.Close()
			release()
		}
	}
}

// The caller's own way of making nodes' clients is used, and may change
// anything by address.
func TestDialThroughNewClient(t *testing.T) {
	node := newFakeNode(t, nil)
	node.user, node.password = "app", "secret"
	var asked []string
	d := dialerOf(t, redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: []string{"seed.test:7000"}, Password: "wrong",
		NewClient: func(opt *redis.Options) *redis.Client {
			asked = append(asked, opt.Addr)
			opt.Username, opt.Password = "app", "secret"
			opt.Protocol = 3 // must not come through
			opt.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
				assert.Equal(t, "node.test:7001", addr)
				return new(net.Dialer).DialContext(ctx, network, node.addr)
			}
			return redis.NewClient(opt)
		},
	}))
	conn, err := d.Dial(t.Context(), "node.test:7001")
	echo(t, conn, err)
	assert.Equal(t, []string{"node.test:7001"}, asked)
	assert.Equal(t, []string{"HELLO 2 auth app secret"}, node.received("HELLO"))

	d = dialerOf(t, redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: []string{"seed.test:7000"}, NewClient: func(*redis.Options) *redis.Client { return nil },
	}))
	_, err = d.Dial(t.Context(), "node.test:7001")
	require.ErrorContains(t, err, "NewClient")
}

// A client of Sentinel is dialed through its own dialer, which finds the
// master.
func TestDialSentinelClient(t *testing.T) {
	master, sentinel := newFakeNode(t, nil), newFakeNode(t, nil)
	master.password = "secret"
	_, port, err := net.SplitHostPort(master.addr)
	require.NoError(t, err)
	sentinel.replies["SENTINEL get-master-addr-by-name"] = "*2\r\n" + bulk("127.0.0.1") + bulk(port)
	sentinel.replies["SENTINEL sentinels"] = "*0\r\n"
	sentinel.replies["SUBSCRIBE"] = "*3\r\n" + bulk("subscribe") + bulk("+switch-master") + ":1\r\n"
	d := dialerOf(t, redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName: "mymaster", SentinelAddrs: []string{sentinel.addr}, Password: "secret", Protocol: 2,
	}))
	conn, err := d.Dial(t.Context(), d.Seeds()[0])
	echo(t, conn, err)
	assert.NotEmpty(t, master.received("ECHO"))
}

func bulk(s string) string { return string(resp.AppendBulkString(nil, s)) }

func TestDialUnixSocket(t *testing.T) {
	dir, err := os.MkdirTemp("", "ra") // t.TempDir can be too long for a socket
	require.NoError(t, err)
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "s")
	ln, err := net.Listen("unix", path)
	require.NoError(t, err)
	socket := serveFakeNode(t, ln, nil)
	other := newFakeNode(t, nil)
	d := dialerOf(t, redis.NewClient(&redis.Options{Addr: path, Network: "unix"}))
	assert.Equal(t, []string{path}, d.Seeds())
	conn, err := d.Dial(t.Context(), path)
	echo(t, conn, err)
	assert.NotEmpty(t, socket.received("ECHO"))
	conn, err = d.Dial(t.Context(), other.addr) // another node of its cluster
	echo(t, conn, err)
}

func TestNewDialerRefuses(t *testing.T) {
	ring := redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"a": "127.0.0.1:1"}})
	defer ring.Close()
	for name, rdb := range map[string]redis.UniversalClient{
		"a ring":               ring,
		"nil":                  nil,
		"a nil client":         (*redis.Client)(nil),
		"a nil cluster client": (*redis.ClusterClient)(nil),
		"somebody's own":       struct{ redis.UniversalClient }{ring},
	} {
		_, err := NewDialer(rdb)
		assert.ErrorIs(t, err, ErrClient, name)
	}
}

// A connection outlives the helper that made it; the client of the caller is
// not touched.
func TestDialLeavesTheClientAlone(t *testing.T) {
	node := newFakeNode(t, nil)
	rdb := redis.NewClient(&redis.Options{Addr: node.addr, Protocol: 2})
	conn, err := dialerOf(t, rdb).Dial(t.Context(), node.addr)
	echo(t, conn, err)
	assert.Zero(t, rdb.PoolStats().TotalConns)
	require.NoError(t, rdb.Ping(t.Context()).Err())
}

// A PING that is refused is no matter: the handshake is done by then.
func TestDialWhenPingIsRefused(t *testing.T) {
	for _, reply := range []string{
		"-NOPERM User app has no permissions to run the 'ping' command\r\n",
		"-LOADING Redis is loading the dataset in memory\r\n",
		"-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n",
		"-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.\r\n",
	} {
		node := newFakeNode(t, nil)
		node.replies["PING"] = reply
		conn, err := dialerOf(t, redis.NewClient(&redis.Options{Addr: node.addr})).Dial(t.Context(), node.addr)
		echo(t, conn, err)
	}
}

func TestDialTLS(t *testing.T) {
	certs := newTestCertificate(t)
	node := newFakeNode(t, certs.server)
	node.user, node.password = "app", "secret"
	for _, rdb := range []redis.UniversalClient{
		redis.NewClient(&redis.Options{Addr: node.addr, TLSConfig: certs.client, Username: "app", Password: "secret"}),
		redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{node.addr}, TLSConfig: certs.client, Username: "app", Password: "secret"}),
	} {
		conn, err := dialerOf(t, rdb).Dial(t.Context(), node.addr)
		echo(t, conn, err)
		assert.IsType(t, &tls.Conn{}, conn)
	}
}
