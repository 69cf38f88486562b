package cluster

import (
	"context"
	"errors"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/resp"
)

func portOf(addr string) int {
	_, port, _ := splitAddr(addr)
	return port
}

// knowsCluster makes nodes answer as a cluster that they share evenly.
func knowsCluster(nodes ...*fakeNode) {
	var reply list
	for i, n := range nodes {
		reply = append(reply, list{i * Slots / len(nodes), (i+1)*Slots/len(nodes) - 1, list{"127.0.0.1", portOf(n.addr), strconv.Itoa(i)}})
	}
	for _, n := range nodes {
		n.replies["CLUSTER SLOTS"] = wire(reply)
		n.replies["CLUSTER INFO"] = bulk("cluster_state:ok\r\n")
	}
}

func clusterDialer(t *testing.T, addrs ...string) *Dialer {
	return dialerOf(t, redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs, DialTimeout: time.Second, DialerRetries: 1, MaxRedirects: -1}))
}

func TestDiscover(t *testing.T) {
	a, b, c := newFakeNode(t, nil), newFakeNode(t, nil), newFakeNode(t, nil)
	knowsCluster(a, b, c)
	d := clusterDialer(t, b.addr)
	assert.True(t, d.Cluster())
	topology, err := Discover(t.Context(), d)
	require.NoError(t, err)
	assert.True(t, topology.Cluster())
	assert.Equal(t, b.addr, topology.Source)
	require.Len(t, topology.Masters, 3)
	for i, n := range []*fakeNode{a, b, c} {
		assert.Equal(t, n.addr, topology.Masters[i].Addr)
	}

	// Found once, the others serve when the seed is gone.
	b.replies["CLUSTER SLOTS"] = "-LOADING Redis is loading the dataset in memory\r\n"
	topology, err = Discover(t.Context(), d)
	require.NoError(t, err)
	assert.Equal(t, a.addr, topology.Source)
}

// acceptance M, row 7: one seed of three; a dead seed first.
func TestDiscoverSeeds(t *testing.T) {
	good := newFakeNode(t, nil)
	knowsCluster(good)
	broken := map[string]func(n *fakeNode){
		"loading":         func(n *fakeNode) { n.replies["CLUSTER SLOTS"] = "-LOADING Redis is loading the dataset in memory\r\n" },
		"master down":     func(n *fakeNode) { n.replies["CLUSTER SLOTS"] = "-MASTERDOWN Link with MASTER is down\r\n" },
		"cluster down":    func(n *fakeNode) { knowsCluster(n); n.replies["CLUSTER INFO"] = bulk("cluster_state:fail\r\n") },
		"knows no slots":  func(n *fakeNode) { n.replies["CLUSTER SLOTS"] = "*0\r\n" },
		"other password":  func(n *fakeNode) { n.password = "secret" },
		"not a cluster":   func(n *fakeNode) { n.replies["CLUSTER"] = "-ERR This instance has cluster support disabled\r\n" },
		"malformed reply": func(n *fakeNode) { n.replies["CLUSTER"] = ":7\r\n" },
		"broken protocol": func(n *fakeNode) { n.replies["CLUSTER"] = "?\r\n" },
		"hangs up":        func(n *fakeNode) { n.turnAway("\r\n") },
	}
	for name, breakIt := range broken {
		t.Run("M7 "+name, func(t *testing.T) {
			first := newFakeNode(t, nil)
			breakIt(first)
			topology, err := Discover(t.Context(), clusterDialer(t, first.addr, good.addr))
			require.NoError(t, err)
			assert.Equal(t, good.addr, topology.Source)
			assert.NotZero(t, first.accepted(), "the first seed was tried")
		})
	}
	t.Run("M7 closed port", func(t *testing.T) {
		silent(t, func() {
			topology, err := Discover(t.Context(), clusterDialer(t, closedAddr(t), good.addr))
			require.NoError(t, err)
			assert.Equal(t, good.addr, topology.Source)
		})
	})
	t.Run("M7 mute, within the deadline", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		topology, err := Discover(ctx, clusterDialer(t, newMute(t), good.addr))
		require.NoError(t, err)
		assert.Equal(t, good.addr, topology.Source)
	})
}

// What is allowed first is used.
func TestDiscoverWhatIsAllowed(t *testing.T) {
	denied := "-NOPERM this user has no permissions to run the 'cluster|slots' command\r\n"
	for _, tc := range []struct {
		name    string
		prepare func(n *fakeNode)
		asked   []string
	}{
		{"SLOTS", func(n *fakeNode) { knowsCluster(n) }, []string{"CLUSTER SLOTS", "CLUSTER INFO"}},
		{"SHARDS", func(n *fakeNode) {
			n.replies["CLUSTER SLOTS"] = denied
			n.replies["CLUSTER INFO"] = denied
			n.replies["CLUSTER SHARDS"] = wire(list{list{"slots", list{0, 16383}, "nodes", list{list{"id", "0", "port", portOf(n.addr), "endpoint", "127.0.0.1", "role", "master"}}}})
		}, []string{"CLUSTER SLOTS", "CLUSTER INFO", "CLUSTER SHARDS", "CLUSTER INFO"}},
		{"NODES", func(n *fakeNode) {
			n.replies["CLUSTER SLOTS"] = ":1\r\n" // malformed counts as not allowed
			n.replies["CLUSTER SHARDS"] = "-ERR Unknown subcommand or wrong number of arguments for 'SHARDS'. Try CLUSTER HELP.\r\n"
			n.replies["CLUSTER NODES"] = bulk("0 :" + strconv.Itoa(portOf(n.addr)) + "@1 myself,master - 0 0 1 connected 0-16383")
		}, []string{"CLUSTER SLOTS", "CLUSTER INFO", "CLUSTER SHARDS", "CLUSTER INFO", "CLUSTER NODES", "CLUSTER INFO"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			node := newFakeNode(t, nil)
			tc.prepare(node)
			topology, err := Discover(t.Context(), clusterDialer(t, node.addr))
			require.NoError(t, err)
			assert.Equal(t, node.addr, topology.Masters[0].Addr)
			assert.Equal(t, "0", topology.Masters[0].ID)
			assert.Equal(t, tc.asked, node.received("CLUSTER"))
		})
	}

	t.Run("nothing", func(t *testing.T) {
		node := newFakeNode(t, nil)
		node.replies["CLUSTER"] = denied
		node.replies["INFO"] = denied
		for _, rdb := range []redis.UniversalClient{
			redis.NewClient(&redis.Options{Addr: node.addr}),
			redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{node.addr}}),
		} {
			_, err := Discover(t.Context(), dialerOf(t, rdb))
			var n *NodeError
			require.ErrorAs(t, err, &n)
			assert.Equal(t, "CLUSTER SLOTS", n.Command)
			assert.ErrorContains(t, err, "NOPERM")
			assert.ErrorContains(t, err, "ACL SETUSER")
			assert.ErrorContains(t, err, node.addr)
		}
	})
}

// acceptance M, row 18.
func TestDiscoverSingleServer(t *testing.T) {
	for name, prepare := range map[string]func(n *fakeNode){
		"M18 cluster support disabled": func(n *fakeNode) { n.replies["CLUSTER"] = "-ERR This instance has cluster support disabled\r\n" },
		"M18 no cluster commands":      func(*fakeNode) {},
	} {
		t.Run(name, func(t *testing.T) {
			node := newFakeNode(t, nil)
			prepare(node)
			d := dialerOf(t, redis.NewClient(&redis.Options{Addr: node.addr}))
			assert.False(t, d.Cluster())
			topology, err := Discover(t.Context(), d)
			require.NoError(t, err)
			assert.False(t, topology.Cluster())
			require.Len(t, topology.Masters, 1)
			assert.Equal(t, Master{Addr: node.addr, Slots: AllSlots()}, topology.Masters[0])
			m, ok := topology.Owner(Slots - 1)
			assert.True(t, ok)
			assert.Zero(t, m)

			_, err = Discover(t.Context(), clusterDialer(t, node.addr))
			require.ErrorIs(t, err, ErrNotCluster)
			assert.ErrorContains(t, err, node.addr)
		})
	}
	t.Run("M18 cluster commands denied", func(t *testing.T) {
		node := newFakeNode(t, nil)
		node.replies["CLUSTER"] = "-NOPERM no\r\n"
		node.replies["INFO CLUSTER"] = bulk("# Cluster\r\ncluster_enabled:0\r\n")
		topology, err := Discover(t.Context(), dialerOf(t, redis.NewClient(&redis.Options{Addr: node.addr})))
		require.NoError(t, err)
		assert.False(t, topology.Cluster())
	})
	t.Run("a node of a cluster is a seed of all of it", func(t *testing.T) {
		a, b := newFakeNode(t, nil), newFakeNode(t, nil)
		knowsCluster(a, b)
		d := dialerOf(t, redis.NewClient(&redis.Options{Addr: a.addr}))
		topology, err := Discover(t.Context(), d)
		require.NoError(t, err)
		assert.True(t, topology.Cluster())
		require.Len(t, topology.Masters, 2)
		conn, err := d.Dial(t.Context(), topology.Masters[1].Addr)
		echo(t, conn, err)
		assert.NotEmpty(t, b.received("ECHO"))
	})
}

// The best of several answers is taken when none is whole.
func TestDiscoverGaps(t *testing.T) {
	a, b, c := newFakeNode(t, nil), newFakeNode(t, nil), newFakeNode(t, nil)
	for n, last := range map[*fakeNode]int{a: 99, b: 9999, c: 999} {
		n.replies["CLUSTER SLOTS"] = wire(list{list{0, last, list{"127.0.0.1", portOf(n.addr), "x"}}})
		n.replies["CLUSTER INFO"] = bulk("cluster_state:fail\r\n")
	}
	topology, err := Discover(t.Context(), clusterDialer(t, a.addr, b.addr, c.addr))
	require.NoError(t, err)
	assert.Equal(t, b.addr, topology.Source)
	assert.Equal(t, "10000-16383", topology.Unowned().String())

	c.replies["CLUSTER INFO"] = bulk("cluster_state:ok\r\n")
	topology, err = Discover(t.Context(), clusterDialer(t, a.addr, b.addr, c.addr))
	require.NoError(t, err)
	assert.Equal(t, c.addr, topology.Source, "a node that is up is believed before one that calls the cluster down")
}

// The seeds of a client that has been in use for long may all be gone: the
// client knows who else there is.
func TestDiscoverThroughTheClientsNodes(t *testing.T) {
	node := newFakeNode(t, nil)
	knowsCluster(node)
	const seed, host = "seed.test:7000", "node.test"
	node.replies["CLUSTER SLOTS"] = wire(list{list{0, Slots - 1, list{host, portOf(node.addr), "x"}}})
	seedIsThere := true
	rdb := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: []string{seed}, DialerRetries: 1, MaxRedirects: -1,
		Dialer: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if addr == seed && !seedIsThere {
				return nil, errors.New("no route to the seed")
			}
			return new(net.Dialer).DialContext(ctx, network, node.addr)
		},
	})
	d := dialerOf(t, rdb)
	require.Error(t, rdb.Get(t.Context(), "x").Err(), "the node knows no GET; but the client has now seen the cluster")
	seedIsThere = false
	topology, err := Discover(t.Context(), d)
	require.NoError(t, err)
	assert.Equal(t, joinAddr(host, portOf(node.addr)), topology.Source)

	t.Run("no seeds, ClusterSlots instead", func(t *testing.T) {
		d := dialerOf(t, redis.NewClusterClient(&redis.ClusterOptions{ClusterSlots: func(context.Context) ([]redis.ClusterSlot, error) {
			return []redis.ClusterSlot{{Start: 0, End: Slots - 1, Nodes: []redis.ClusterNode{{Addr: node.addr}}}}, nil
		}}))
		topology, err := Discover(t.Context(), d)
		require.NoError(t, err)
		// go-redis empties the host of a loopback address.
		assert.Equal(t, joinAddr("localhost", portOf(node.addr)), topology.Source)
	})
	t.Run("nothing at all", func(t *testing.T) {
		_, err := Discover(t.Context(), clusterDialer(t))
		require.ErrorIs(t, err, ErrOptions)
	})
}

func TestDiscoverErrors(t *testing.T) {
	closed, wrong := closedAddr(t), newFakeNode(t, nil)
	wrong.password = "another"
	d := dialerOf(t, redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{closed, wrong.addr}, Password: "pa55-w0rd-x"}))
	silent(t, func() {
		_, err := Discover(t.Context(), d)
		var seeds *SeedsError
		require.ErrorAs(t, err, &seeds)
		require.Len(t, seeds.Nodes, 2)
		assert.ErrorContains(t, err, closed)
		assert.ErrorContains(t, err, "connection refused")
		assert.ErrorContains(t, err, wrong.addr)
		assert.ErrorContains(t, err, "WRONGPASS")
		assertNoSecret(t, err, "pa55-w0rd-x")
	})
}

func TestDiscoverCancelled(t *testing.T) {
	mute := newMute(t)
	answersPing := newFakeNode(t, nil) // and then nothing
	answersPing.replies["CLUSTER"] = "*1000\r\n"
	for name, addr := range map[string]string{"in the handshake": mute, "in the reply": answersPing.addr} {
		t.Run(name, func(t *testing.T) {
			gone := errors.New("the user has left")
			ctx, cancel := context.WithCancelCause(t.Context())
			began := time.Now()
			time.AfterFunc(50*time.Millisecond, func() { cancel(gone) })
			_, err := Discover(ctx, clusterDialer(t, addr, closedAddr(t)))
			assert.Less(t, time.Since(began), 50*time.Millisecond+prompt)
			require.ErrorIs(t, err, gone)
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Discover(ctx, clusterDialer(t, mute))
	require.ErrorIs(t, err, context.Canceled)
}

// Redirects and topologies over a connection that was dialed by name.
func TestDiscoverThenView(t *testing.T) {
	node := newFakeNode(t, nil)
	knowsCluster(node)
	node.replies["CLUSTER NODES"] = bulk("0 127.0.0.1:" + strconv.Itoa(portOf(node.addr)) + "@1 myself,master - 0 0 1 connected 0-16383 [7->-b]")
	d := clusterDialer(t, node.addr)
	topology, err := Discover(t.Context(), d)
	require.NoError(t, err)
	conn, err := d.Dial(t.Context(), topology.Masters[0].Addr)
	require.NoError(t, err)
	c := resp.NewConn(conn)
	defer c.Close()
	reply, err := c.Do(t.Context(), "CLUSTER", "NODES")
	require.NoError(t, err)
	view, err := ParseView(reply.Text)
	require.NoError(t, err)
	assert.Equal(t, topology.Masters[0].ID, view.Self.ID)
	assert.Equal(t, topology.Masters[0].Slots, view.Self.Slots)
	assert.Equal(t, "b", view.Migrating[7])
}
