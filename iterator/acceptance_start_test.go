package iterator_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/testcluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// secret is in no error.
const secret = "S3CRET"

// scanAll makes both iterators with a client and reads to the end; it returns
// the errors. No row may come.
func scanAll(ctx context.Context, t *testing.T, rdb redis.UniversalClient) (errs []error) {
	t.Helper()
	read := func(r reader, err error) {
		if err == nil {
			got := readAll(r)
			assert.Empty(t, got.rows)
			err = got.err
		}
		errs = append(errs, err)
	}
	h, err := schema.ParseHash("_key:key,name:utf8")
	require.NoError(t, err)
	hashes, err := iterator.NewClusterHashBatchIterator(ctx, rdb, h, checked(t, iterator.Config{HashCommand: iterator.HGETALL}))
	read(hashes, err)
	s, err := schema.ParseString("_key:key,value:utf8")
	require.NoError(t, err)
	strs, err := iterator.NewClusterStringBatchIterator(ctx, rdb, s, checked(t, iterator.Config{}))
	read(strs, err)
	return errs
}

// Acceptance group N.
func TestStart(t *testing.T) {
	t.Parallel()
	testcluster.Each(t, func(t *testing.T, server testcluster.Server) {
		t.Parallel()
		testStart(t, server)
	})
}

func testStart(t *testing.T, server testcluster.Server) {
	ctx := context.Background()
	noList := " -scan -cluster|getkeysinslot"
	if server.Name == "valkey-9.1" {
		noList += " -clusterscan"
	}
	c := testcluster.Start(t, testcluster.Config{
		Server: server, Password: secret,
		Users: []string{
			"nolist on >" + secret + " ~* +@all" + noList,
			"noread on >" + secret + " ~* +@all -hgetall -get",
			"nocluster on >" + secret + " ~* +@all -cluster",
			"narrow on >" + secret + " ~none:* +@all",
		},
	})
	rdb := c.Client(t)
	want := storeUsers(t, rdb)
	store(t, rdb, func(p redis.Pipeliner) { p.Set(ctx, "string", "v", 0) })
	dead := deadAddr(t)

	for _, start := range []struct {
		name     string
		addrs    []string
		user     string
		password string
		parts    []string // of the message
	}{
		{"closed port", []string{dead}, "", secret, []string{dead, "connect", "refused"}},
		{"unknown host", []string{"no-such-host.invalid:7000"}, "", secret, []string{"no-such-host.invalid:7000", "connect"}},
		{"all seeds", []string{dead, "no-such-host.invalid:7000"}, "", secret, []string{dead, "no-such-host.invalid:7000"}},
		{"malformed address", []string{"no port"}, "", secret, []string{"no port"}},
		{"wrong password", c.Addrs()[:1], "", secret + "not", []string{c.Addrs()[0], "connect", "WRONGPASS"}},
		{"no password", c.Addrs()[:1], "", "", []string{c.Addrs()[0], "NOAUTH"}},
		{"unknown user", c.Addrs()[:1], "nobody", secret, []string{c.Addrs()[0], "nobody", "WRONGPASS"}},
		{"SCAN and all like it denied", c.Addrs(), "nolist", secret, []string{"SCAN", "NOPERM"}},
		{"reading denied", c.Addrs(), "noread", secret, []string{"GET", "NOPERM"}}, // HGETALL or GET
		{"keys denied", c.Addrs(), "narrow", secret, []string{"GET", "NOPERM"}},
		{"CLUSTER denied", c.Addrs(), "nocluster", secret, []string{"CLUSTER", "NOPERM"}},
	} {
		t.Run("N/"+start.name, func(t *testing.T) {
			rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: start.addrs, Username: start.user, Password: start.password, DialerRetries: 1})
			defer rdb.Close()
			for _, err := range scanAll(ctx, t, rdb) {
				require.Error(t, err)
				for _, part := range start.parts {
					assert.ErrorContains(t, err, part)
				}
				assert.NotContains(t, err.Error(), secret)
				var node *iterator.NodeError
				require.ErrorAs(t, err, &node)
				assert.Contains(t, start.addrs, node.Addr)
				require.NotErrorIs(t, err, iterator.ErrIncomplete, "it is known what is wrong")
			}
			good := readAll(hashes(t, c.Client(t), clusterSchema, clusterUsers))
			require.NoError(t, good.err, "a good scan works after a failed one")
			assert.Equal(t, want, good.rows)
		})
	}

	t.Run("N/malformed URL", func(t *testing.T) {
		for _, url := range []string{"", "http://node:7000", "redis://:" + secret + "@node:port", "redis://:" + secret + "@[::1", "redis://:" + secret + "%zz@node:1", "redis://:" + secret + "@node:7000/1x"} {
			_, err := cluster.Connect(ctx, cluster.Options{URLs: []string{url}})
			require.ErrorIs(t, err, cluster.ErrOptions, url)
			assert.NotContains(t, err.Error(), secret)
		}
	})
	t.Run("N/a database of a cluster", func(t *testing.T) {
		_, err := cluster.Connect(ctx, cluster.Options{URLs: []string{c.URL(0) + "/1"}})
		require.ErrorIs(t, err, cluster.ErrOptions)
		assert.NotContains(t, err.Error(), secret)
	})
	t.Run("N/no seed", func(t *testing.T) {
		_, err := cluster.Connect(ctx, cluster.Options{})
		require.ErrorIs(t, err, cluster.ErrOptions)
		none := redis.NewClusterClient(&redis.ClusterOptions{})
		defer none.Close()
		for _, err := range scanAll(ctx, t, none) {
			require.Error(t, err)
		}
	})
	t.Run("N/no client", func(t *testing.T) {
		ring := redis.NewRing(&redis.RingOptions{})
		defer ring.Close()
		for _, rdb := range []redis.UniversalClient{nil, (*redis.ClusterClient)(nil), (*redis.Client)(nil), ring} {
			for _, err := range scanAll(ctx, t, rdb) {
				require.ErrorIs(t, err, cluster.ErrClient)
			}
		}
	})
	t.Run("N/no schema", func(t *testing.T) {
		_, err := iterator.NewClusterHashBatchIterator(ctx, rdb, nil, iterator.Config{})
		require.ErrorIs(t, err, iterator.ErrSchema)
		_, err = iterator.NewClusterStringBatchIterator(ctx, rdb, &schema.String{}, iterator.Config{})
		require.ErrorIs(t, err, iterator.ErrSchema)
	})
	t.Run("N/silent server", func(t *testing.T) {
		addr := silent(t)
		short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancel()
		rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{addr}, Password: secret, ReadTimeout: time.Hour})
		defer rdb.Close()
		for _, err := range scanAll(short, t, rdb) {
			require.ErrorIs(t, err, context.DeadlineExceeded)
			assert.ErrorContains(t, err, addr)
			assert.NotContains(t, err.Error(), secret)
		}
		short, cancel = context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancel()
		_, err := cluster.Connect(short, cluster.Options{URLs: []string{"redis://:" + secret + "@" + addr}})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorContains(t, err, addr)
		assert.NotContains(t, err.Error(), secret)
	})
	t.Run("N/cancelled before", func(t *testing.T) {
		cancelled, cancel := context.WithCancel(ctx)
		cancel()
		for _, err := range scanAll(cancelled, t, rdb) {
			require.ErrorIs(t, err, context.Canceled)
		}
	})
	t.Run("N/wrong password in a URL", func(t *testing.T) {
		_, err := cluster.Connect(ctx, cluster.Options{URLs: []string{strings.Replace(c.URL(0), secret, secret+"not", 1)}})
		require.ErrorContains(t, err, "WRONGPASS")
		assert.ErrorContains(t, err, c.Addrs()[0])
		assert.NotContains(t, err.Error(), secret)
	})
}

// silent is the address of a server that accepts and says nothing.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	accepted := make(chan struct{})
	go func() {
		defer close(accepted)
		var conns []net.Conn
		for {
			c, err := l.Accept()
			if err != nil {
				break
			}
			conns = append(conns, c)
		}
		for _, c := range conns {
			_ = c.Close()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-accepted
	})
	return l.Addr().String()
}
