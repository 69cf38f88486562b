package minicluster

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/resp"
)

func TestAuth(t *testing.T) {
	c := start(t, Config{Masters: 1, Password: "secret", Users: map[string]User{
		"app": {Password: "pw", Deny: []string{"scan", "cluster|nodes"}},
	}})
	conn := dial(t, c, 0)
	const noauth, wrong = "NOAUTH Authentication required.", "WRONGPASS invalid username-password pair or user is disabled."
	assert.Equal(t, noauth, do(t, conn, "PING"))
	assert.Contains(t, do(t, conn, "HELLO", "2"), "NOAUTH HELLO must be called")
	assert.Equal(t, wrong, do(t, conn, "AUTH", "nope"))
	assert.Equal(t, wrong, do(t, conn, "AUTH", "nobody", ""))
	assert.Equal(t, wrong, do(t, conn, "HELLO", "2", "AUTH", "app", "nope"))
	assert.Equal(t, "NOPROTO unsupported protocol version", do(t, conn, "HELLO", "3", "AUTH", "app", "pw"))
	assert.Equal(t, noauth, do(t, conn, "PING"))
	assert.Equal(t, "OK", do(t, conn, "AUTH", "secret"))
	assert.Equal(t, "[0 []]", do(t, conn, "SCAN", "0"))
	assert.Contains(t, do(t, conn, "HELLO", "2", "AUTH", "app", "pw", "SETNAME", "me"), "[server redis version 7.0.15 proto 2 id ")
	assert.Equal(t, "me", do(t, conn, "CLIENT", "GETNAME"))
	assert.Equal(t, "NOPERM User app has no permissions to run the 'scan' command", do(t, conn, "SCAN", "0"))
	assert.Equal(t, "NOPERM User app has no permissions to run the 'cluster|nodes' command", do(t, conn, "CLUSTER", "NODES"))
	assert.Contains(t, do(t, conn, "CLUSTER", "INFO"), "cluster_state:ok")
	assert.Equal(t, []string{"redis://:secret@" + c.Addrs()[0]}, c.URLs())

	old := dial(t, start(t, Config{Masters: 1, NoHello: true}), 0)
	assert.Equal(t, "ERR unknown command 'HELLO', with args beginning with: '3' ", do(t, old, "HELLO", "3"))
	assert.Contains(t, do(t, old, "AUTH", "x"), "without any password configured")
}

func TestServerCommands(t *testing.T) {
	c := start(t, Config{SlotTables: true})
	conn := dial(t, c, 1)
	for _, tc := range []struct{ want, command string }{
		{"PONG", "PING"},
		{"hi", "PING hi"},
		{"OK", "CLIENT SETINFO LIB-NAME x"},
		{"OK", "CLIENT NO-TOUCH ON"},
		{"ERR unknown subcommand 'MAINT_NOTIFICATIONS'. Try CLIENT HELP.", "CLIENT MAINT_NOTIFICATIONS ON"},
		{"OK", "SELECT 0"},
		{"ERR SELECT is not allowed in cluster mode", "SELECT 1"},
		{"ERR DB index is out of range", "SELECT 16"},
		{"10778", "CLUSTER KEYSLOT user:1"},
		{"ERR wrong number of arguments for 'hget' command", "HGET user:1"},
		{"ERR wrong number of arguments for 'hset' command", "HSET user:1 a b c"},
		{"2", "HSET user:1 a b c d"},
		{"1", "HSET user:1 a B e f"},
		{"[B nil f]", "HMGET user:1 a x e"},
		{"nil", "HGET user:1 x"},
		{"[a B c d e f]", "HGETALL user:1"},
		{"1", "HDEL user:1 c c"},
		{"hash", "TYPE user:1"},
		{"none", "TYPE {user:1}x"},
		{errWrongType, "GET user:1"},
		{errWrongType, "INCR user:1"},
		{errWrongType, "LPUSH user:1 a"},
		{"OK", "SET {user:1}s 41"},
		{"42", "INCR {user:1}s"},
		{errWrongType, "HGETALL {user:1}s"},
		{"nil", "SET {user:1}s x NX"},
		{errSyntax, "SET {user:1}s x FOO"},
		{"ERR invalid expire time in 'set' command", "SET {user:1}s x EX 0"},
		{"2", "LPUSH {user:1}l a b"},
		{"2", "SADD {user:1}m a b a"},
		{"[42 nil nil]", "MGET {user:1}s {user:1}l {user:1}none"},
		{"4", "EXISTS user:1 {user:1}s {user:1}l {user:1}m {user:1}none"},
		{"4", "DBSIZE"},
		{"2", "DEL user:1 {user:1}none {user:1}s"},
		{"1", "PEXPIRE {user:1}l 100000"},
		{"1", "PERSIST {user:1}l"},
		{"1", "EXPIRE {user:1}l -1"},
		{"none", "TYPE {user:1}l"},
		{"OK", "FLUSHALL"},
		{"0", "DBSIZE"},
	} {
		assert.Equal(t, tc.want, do(t, conn, strings.Fields(tc.command)...), tc.command)
	}
	assert.Contains(t, do(t, conn, "INFO", "server"), "redis_version:7.4.1\r\nredis_mode:cluster\r\n")
	c.SetString("user:1", "x")
	c.Expire("user:1", time.Hour)
	assert.Contains(t, do(t, conn, "INFO"), "db0:keys=1,expires=1,avg_ttl=0")
	assert.Equal(t, strconv.Itoa(len(c.commands)), do(t, conn, "COMMAND", "COUNT"))
	assert.Equal(t, "[[hgetall 2 [readonly] 1 1 1] nil]", do(t, conn, "COMMAND", "INFO", "HGETALL", "nope"))
}

func TestBadProtocol(t *testing.T) {
	c := start(t, Config{Masters: 1})
	nc, err := net.Dial("tcp", c.Addrs()[0])
	require.NoError(t, err)
	defer nc.Close()
	_, err = nc.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
	require.NoError(t, err)
	got, _ := io.ReadAll(nc)
	assert.Contains(t, string(got), "-ERR Protocol error")
	assert.Equal(t, "+OK\r\n", exchange(t, c, 0, []string{"QUIT"}, []string{"PING"}))
}

func TestStartRefuses(t *testing.T) {
	for _, cfg := range []Config{
		{Masters: -1},
		{Masters: Slots + 1},
		{Replicas: -1},
		{Standalone: true, Masters: 2},
		{Standalone: true, Replicas: 1},
		{Announce: 17},
	} {
		_, err := Start(cfg)
		assert.Error(t, err, "%+v", cfg)
	}
}

func TestKillAndRestart(t *testing.T) {
	c := start(t, Config{})
	addr := c.Addrs()[1]
	c.SetHash("user:1", "name", "Alice")
	c.Kill(1)
	c.Kill(1)
	_, err := net.Dial("tcp", addr)
	require.Error(t, err)
	require.NoError(t, c.Restart(1))
	assert.Equal(t, addr, c.Addrs()[1])
	assert.Equal(t, "[name Alice]", do(t, dial(t, c, 1), "HGETALL", "user:1"))
	c.Close()
	require.Error(t, c.Restart(1))
	_, err = net.Dial("tcp", addr)
	require.Error(t, err)
}

func TestFill(t *testing.T) {
	c := start(t, Config{Standalone: true})
	c.SetHash("h", "a", "1", "b", "2", "a", "3", "left out")
	c.SetHash("gone")
	c.SetString("s", "")
	c.SetList("l", "a", "b")
	c.SetSet("m", "a", "a")
	assert.Equal(t, []string{"h", "l", "m", "s"}, c.Keys(0))
	conn := dial(t, c, 0)
	assert.Equal(t, "[a 3 b 2]", do(t, conn, "HGETALL", "h"))
	assert.Equal(t, "0", do(t, conn, "STRLEN", "s"))
	assert.Equal(t, "list", do(t, conn, "TYPE", "l"))
	c.SetString("h", "now a string")
	assert.Equal(t, errWrongType, do(t, conn, "HGETALL", "h"))
	assert.Equal(t, 2, c.Delete("h", "s", "nobody"))

	pairs := []string{}
	for i := range 1000 {
		pairs = append(pairs, "f"+strconv.Itoa(i), strconv.Itoa(i))
	}
	c.SetHash("wide", pairs...)
	assert.Equal(t, "[999 nil 0]", do(t, conn, "HMGET", "wide", "f999", "f1000", "f0"))
	assert.Equal(t, "2", do(t, conn, "HDEL", "wide", "f0", "f500"))
	assert.Equal(t, "[999 nil 501]", do(t, conn, "HMGET", "wide", "f999", "f500", "f501"))
	assert.Equal(t, "998", do(t, conn, "HLEN", "wide"))
}

func TestTLS(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(cert)

	c := start(t, Config{TLS: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}})
	assert.True(t, strings.HasPrefix(c.URLs()[0], "rediss://"))
	rdb := clusterClient(t, c, &redis.ClusterOptions{TLSConfig: &tls.Config{RootCAs: pool}})
	big := strings.Repeat("x", 1<<20)
	pipe := rdb.Pipeline()
	ctx := testContext(t)
	var gets []*redis.StringCmd
	for range 32 { // written to the end before the first reply is read
		pipe.Set(ctx, "user:1", big, 0)
		gets = append(gets, pipe.Get(ctx, "user:1"))
	}
	_, err = pipe.Exec(ctx)
	require.NoError(t, err)
	assert.Equal(t, big, gets[31].Val())
}

// One page of SCAN with the fetches of the page before: what a scan costs here.
func BenchmarkFetchPage(b *testing.B) {
	c, err := Start(Config{Masters: 1})
	require.NoError(b, err)
	defer c.Close()
	for i := range 100_000 {
		c.SetHash("user:"+strconv.Itoa(i), "name", "Alice", "age", "30", "active", "true", "score", "3.25",
			"city", "Zürich", "signup_date", "2024-01-15", "seen", "2024-01-15T10:30:00Z")
	}
	nc, err := net.Dial("tcp", c.Addrs()[0])
	require.NoError(b, err)
	defer nc.Close()
	r := resp.NewReader(nc, 1<<18)
	page := resp.AppendCommand(nil, "SCAN", "0", "MATCH", "user:*", "COUNT", "1000")
	for i := range 1000 {
		page = resp.AppendCommand(page, "HGETALL", "user:"+strconv.Itoa(i))
	}
	b.ReportAllocs()
	rows := 0
	for b.Loop() {
		_, err := nc.Write(page)
		require.NoError(b, err)
		for range 1001 {
			require.NoError(b, r.Skip())
		}
		rows += 1000
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}
