package iterator_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// This file is about addresses that lead elsewhere: those by which a node is
// announced, and those that MOVED and ASK name. The rule: a machine that isn't
// the one meant is never read, whatever it would answer; what the one meant
// has is named as missing.

// wrongPlace is one that an address may lead to by mistake.
type wrongPlace struct {
	name string
	// addr is the address; it may start something there.
	addr func(t *testing.T, c *minicluster.Cluster) string
	// want is in the error when a master is announced there, and wantRedirect
	// when a redirect leads there ("" if that is not an error).
	want, wantRedirect string
}

var wrongPlaces = []wrongPlace{
	{"nobody", func(t *testing.T, _ *minicluster.Cluster) string { return deadAddr(t) }, "connection refused", "connection refused"},
	{
		"another master", func(_ *testing.T, c *minicluster.Cluster) string { return c.Addrs()[2] },
		"another node answers", "",
	},
	{
		"its replica", func(_ *testing.T, c *minicluster.Cluster) string { return c.Addrs()[4] },
		"another node answers", "",
	},
	{"another cluster", func(t *testing.T, _ *minicluster.Cluster) string {
		other, _ := fake(t, minicluster.Config{Seed: 99})
		for i := range 2000 {
			other.SetHash(fmt.Sprint("user:", i), "name", "Wrong", "age", "666")
		}
		return other.Addrs()[1]
	}, "another node answers", "another node answers"},
	{"a server without a cluster", func(t *testing.T, _ *minicluster.Cluster) string {
		other, _ := fake(t, minicluster.Config{Standalone: true})
		for i := range 2000 {
			other.SetHash(fmt.Sprint("user:", i), "name", "Wrong", "age", "666")
		}
		return other.Addrs()[0]
	}, "cluster support disabled", "cluster support disabled"},
	{"a web server", func(t *testing.T, _ *minicluster.Cluster) string {
		s := httptest.NewServer(http.NotFoundHandler())
		t.Cleanup(s.Close)
		return s.Listener.Addr().String()
	}, "doesn't speak", "doesn't speak"},
	{"a host name that doesn't resolve", func(t *testing.T, _ *minicluster.Cluster) string {
		_, port, _ := net.SplitHostPort(deadAddr(t))
		return net.JoinHostPort("node.invalid", port)
	}, "can't be resolved", "can't be resolved"},
}

// misled is a cluster with replicas, and a client for which no name resolves,
// whatever the machine's resolver does, and how fast.
func misled(t *testing.T) (*minicluster.Cluster, *redis.ClusterClient) {
	t.Helper()
	c, _ := fake(t, minicluster.Config{Replicas: 1})
	return c, fakeClient(t, c, func(o *redis.ClusterOptions) {
		o.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if host, _, _ := net.SplitHostPort(addr); net.ParseIP(host) == nil {
				return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
			}
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		}
	})
}

const ofMaster1 = "5461-10922"

// A master that is announced under a wrong address.
func TestAnnouncedElsewhere(t *testing.T) {
	t.Parallel()
	for i, way := range []string{"SLOTS", "SHARDS", "NODES"} { // in which the topology is told
		for j, place := range wrongPlaces {
			if testing.Short() && j%3 != i {
				continue
			}
			t.Run(way+"/"+place.name, func(t *testing.T) {
				t.Parallel()
				c, rdb := misled(t)
				rows := users(c, 300)
				addr := place.addr(t, c)
				c.Misannounce(1, addr)
				c.SetFault(onlyWay(way))
				want := place.want
				if way == "NODES" { // which tells the IP beside the name
					want = strings.ReplaceAll(want, "can't be resolved", "connection refused")
					addr = strings.ReplaceAll(addr, "node.invalid", "127.0.0.1")
				}
				for _, concurrency := range []int{1, iterator.AllMasters}[:1+i%2] {
					got := readInVain(t, rdb, iterator.Config{Concurrency: concurrency}, addr, want)
					missing := incomplete(t, got.err)
					requireLost(t, ofMaster1, missing)
					require.ErrorContains(t, got.err, want)
					require.ErrorContains(t, got.err, addr)
					assertRows(t, notOf(rows, missing.String()), notOf(got.rows, missing.String()))
					require.NotContains(t, strings.Join(got.rows, " "), "Wrong")
				}
			})
		}
	}
}

// onlyWay leaves one of CLUSTER's ways to tell the topology. CLUSTER NODES is
// needed in any case.
func onlyWay(way string) minicluster.FaultFunc {
	return func(_, _ int, args [][]byte) *minicluster.Fault {
		if len(args) != 2 || !strings.EqualFold(string(args[0]), "CLUSTER") {
			return nil
		}
		switch sub := strings.ToUpper(string(args[1])); {
		case sub == "SLOTS" && way != "SLOTS", sub == "SHARDS" && way == "NODES":
			return &minicluster.Fault{Error: "ERR unknown subcommand '" + sub + "'"}
		}
		return nil
	}
}

// notOf are the rows, beginning with their key and a |, of keys outside of
// some slots.
func notOf(rows []string, slots string) (rest []string) {
	without, err := cluster.ParseRanges(slots)
	if err != nil {
		panic(err)
	}
	for _, row := range rows {
		key, _, _ := strings.Cut(row, "|")
		if !without.Has(cluster.Slot([]byte(key))) {
			rest = append(rest, row)
		}
	}
	return rest
}

// readInVain reads users, some of which will be missing, with an error that
// holds these texts.
func readInVain(t *testing.T, rdb redis.UniversalClient, config iterator.Config, texts ...string) result {
	t.Helper()
	return inVain(
		func(stall time.Duration) result {
			config.StallTimeout = stall
			return tryHashes(t, rdb, userSchema, config)
		},
		func(got result) bool {
			return errors.Is(got.err, iterator.ErrIncomplete) && !slices.ContainsFunc(texts, func(text string) bool {
				return !strings.Contains(got.err.Error(), text)
			})
		},
	)
}

// requireLost looks for slots among those that are missing. On a busy machine
// others may be missing too, where little time is allowed for.
func requireLost(t *testing.T, slots string, missing cluster.SlotSet) {
	t.Helper()
	want, err := cluster.ParseRanges(slots)
	require.NoError(t, err)
	require.Equal(t, want, want.Intersect(missing), "%s is not missing, but %s", slots, missing)
}

// Port 0 is no address at all: said before the first row.
func TestAnnouncedWithoutPort(t *testing.T) {
	c, rdb := fake(t, minicluster.Config{})
	users(c, 50)
	c.Misannounce(1, "127.0.0.1:0")
	got := readAll(hashes(t, rdb, userSchema, iterator.Config{}))
	assert.Equal(t, ofMaster1, incomplete(t, got.err).String())
	require.ErrorContains(t, got.err, "announced without an address")
	require.ErrorContains(t, got.err, "cluster-announce-port")
	assert.Empty(t, got.rows)
}

// All masters are announced wrongly: the constructor says so.
func TestAllAnnouncedElsewhere(t *testing.T) {
	c, rdb := fake(t, minicluster.Config{})
	users(c, 50)
	addrs := c.Addrs()
	for i := range addrs {
		c.Misannounce(i, addrs[(i+1)%len(addrs)])
	}
	s, err := schema.ParseHash(userSchema)
	require.NoError(t, err)
	_, err = iterator.NewClusterHashBatchIterator(context.Background(), rdb, s, checked(t, iterator.Config{}))
	require.ErrorIs(t, err, cluster.ErrWrongNode)
	var node *iterator.NodeError
	require.ErrorAs(t, err, &node)
	assert.Contains(t, addrs, node.Addr)
	require.ErrorContains(t, err, c.NodeID(0))
	require.ErrorContains(t, err, "cluster-announce-ip")
}

// A redirect that leads elsewhere.
func TestRedirectedElsewhere(t *testing.T) {
	t.Parallel()
	const slot = 10778 // of user:1
	for _, code := range []string{"MOVED", "ASK"} {
		for _, place := range wrongPlaces {
			for often, n := range map[string]int64{"once": 1, "for ever": -1} {
				t.Run(code+"/"+place.name+"/"+often, func(t *testing.T) {
					t.Parallel()
					c, rdb := misled(t)
					want := users(c, 300)
					addr := place.addr(t, c)
					fault := onceFor("HMGET", n, minicluster.Fault{Error: fmt.Sprintf("%s %d %s", code, slot, addr)})
					c.SetFault(func(node, conn int, args [][]byte) *minicluster.Fault {
						if node == 1 && len(args) > 1 && string(args[1]) == "user:1" {
							return fault(node, conn, args)
						}
						return nil
					})
					var got result
					if n > 0 {
						got = readAll(hashes(t, rdb, userSchema, iterator.Config{StallTimeout: 20 * time.Second}))
					} else {
						got = readInVain(t, rdb, iterator.Config{}, place.wantRedirect)
					}
					require.NotContains(t, strings.Join(got.rows, " "), "Wrong")
					if n > 0 {
						require.NoError(t, got.err)
						assertRows(t, want, got.rows) // the true owner was found in the end
						return
					}
					missing := incomplete(t, got.err)
					requireLost(t, fmt.Sprint(slot), missing)
					assertRows(t, notOf(want, missing.String()), notOf(got.rows, missing.String()))
					if n < 0 && place.wantRedirect != "" {
						require.ErrorContains(t, got.err, addr)
						require.ErrorContains(t, got.err, place.wantRedirect)
					}
				})
			}
		}
	}
}

// A master that is replaced by another cluster's in mid-scan, under the same
// address: its cursor, and its keys, mean nothing.
func TestAddressTakenOver(t *testing.T) {
	t.Parallel()
	c, _ := fake(t, minicluster.Config{})
	want := users(c, 3000)
	other, _ := fake(t, minicluster.Config{Seed: 99})
	for i := range 3000 {
		other.SetHash(fmt.Sprint("user:", i), "name", "Wrong", "age", "666")
	}
	var there atomic.Pointer[string] // where the address leads
	there.Store(&c.Addrs()[1])
	rdb := fakeClient(t, c, func(o *redis.ClusterOptions) {
		o.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if addr == c.Addrs()[1] {
				addr = *there.Load()
			}
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		}
	})
	it := hashes(t, rdb, userSchema, iterator.Config{BatchSize: 100, CountHint: 20, StallTimeout: time.Second})
	takeOver := func(after func()) {
		var once sync.Once
		c.SetFault(func(node, _ int, args [][]byte) *minicluster.Fault {
			if node != 1 || string(args[0]) != "HMGET" {
				return nil
			}
			fault := &minicluster.Fault{}
			once.Do(func() {
				fault.Close, fault.Before = minicluster.CloseBefore, func() { there.Store(&other.Addrs()[1]); after() }
			})
			return fault
		})
	}
	takeOver(func() {})
	got := readAll(it)
	// Who should be there can't be asked, so what the others had under way can't
	// be promised either.
	missing := incomplete(t, got.err)
	requireLost(t, "10922", missing)
	require.ErrorContains(t, got.err, "another node answers")
	rest := notOf(want, missing.String())
	assertRows(t, rest, notOf(got.rows, missing.String()))
	for _, row := range got.rows {
		require.NotContains(t, row, "Wrong")
	}
	assertUnique(t, got.rows)

	// It gives the address back.
	there.Store(&c.Addrs()[1])
	it = hashes(t, rdb, userSchema, iterator.Config{BatchSize: 100, CountHint: 20, StallTimeout: 20 * time.Second})
	takeOver(func() {
		time.AfterFunc(700*time.Millisecond, func() { there.Store(&c.Addrs()[1]); c.DropConnections(1) })
	})
	got = readAll(it)
	require.NoError(t, got.err)
	assertRows(t, want, got.rows)
}
