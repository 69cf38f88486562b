package cluster

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/resp"
	"github.com/redisarrow/redisarrow/internal/testcluster"
)

// nodeConn is a connection to a node, for the test's duration.
func nodeConn(t *testing.T, d *Dialer, addr string) *resp.Conn {
	t.Helper()
	nc, err := d.Dial(t.Context(), addr)
	require.NoError(t, err)
	conn := resp.NewConn(nc)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// acceptance M, row 9, on real servers: what Connect makes, and a client of
// the user's own, lead to every master.
func TestRealCluster(t *testing.T) {
	testcluster.Each(t, func(t *testing.T, server testcluster.Server) {
		t.Parallel()
		c := testcluster.Start(t, testcluster.Config{Server: server, Replicas: 1, Password: "secret"})
		ctx := t.Context()
		for name, rdb := range map[string]redis.UniversalClient{
			"M9 Connect":         connect(t, Options{URLs: []string{c.URL(1)}}),
			"M9 cluster client":  c.Client(t),
			"M9 a node's client": redis.NewClient(c.Options(4)), // a replica as the seed
		} {
			t.Run(name, func(t *testing.T) {
				d := dialerOf(t, rdb)
				topology, err := Discover(ctx, d)
				require.NoError(t, err)
				unowned := topology.Unowned()
				assert.True(t, unowned.Empty())
				require.Len(t, topology.Masters, 3)
				for i, m := range topology.Masters {
					node := c.Nodes()[i]
					assert.Equal(t, node.Addr, m.Addr)
					assert.Equal(t, node.ID, m.ID)
					// Servers leave replicas out until they have heard of their progress.
					assert.Subset(t, []string{c.Nodes()[3+i].Addr}, m.Replicas)

					conn := nodeConn(t, d, m.Addr)
					reply, err := conn.Do(ctx, "CLUSTER", "NODES")
					require.NoError(t, err)
					view, err := ParseView(reply.Text)
					require.NoError(t, err)
					assert.Equal(t, m.ID, view.Self.ID)
					assert.Equal(t, m.Slots, view.Self.Slots)
					assert.Len(t, view.Others, 5)
					assert.Equal(t, m.Addr, view.Self.Addr(m.Addr, false))

					reply, err = conn.Do(ctx, "INFO")
					require.NoError(t, err)
					info := ParseServerInfo(reply.Text)
					runID, err := c.RunID(ctx, i)
					require.NoError(t, err)
					assert.Equal(t, runID, info.RunID)
					assert.Equal(t, "master", info.Role)
					assert.True(t, info.ClusterEnabled)
					assert.NotEmpty(t, info.RedisVersion)

					reply, err = conn.Do(ctx, "CLUSTER", "INFO")
					require.NoError(t, err)
					assert.Equal(t, "ok", ParseInfo(reply.Text).State)
					assert.Equal(t, 6, ParseInfo(reply.Text).KnownNodes)
				}
			})
		}

		t.Run("CLUSTER KEYSLOT", func(t *testing.T) {
			conn := nodeConn(t, dialerOf(t, c.Client(t)), c.Nodes()[0].Addr)
			rng := rand.New(rand.NewPCG(3, 4))
			var commands [][]string
			for range 500 {
				key := make([]byte, rng.IntN(40))
				for i := range key {
					key[i] = "{}ab\x00\xff0123"[rng.IntN(10)]
				}
				commands = append(commands, []string{"CLUSTER", "KEYSLOT", string(key)})
			}
			replies, err := conn.Pipeline(ctx, commands...)
			require.NoError(t, err)
			for i, reply := range replies {
				assert.EqualValues(t, reply.Int, Slot([]byte(commands[i][2])), "%q", commands[i][2])
			}
		})

		t.Run("open migration and redirects", func(t *testing.T) {
			slot := int(Slot([]byte("user:1")))
			require.NoError(t, c.OpenMigration(ctx, slot, 0))
			d := dialerOf(t, c.Client(t))
			marks := func(i int) *View {
				reply, err := nodeConn(t, d, c.Nodes()[i].Addr).Do(ctx, "CLUSTER", "NODES")
				require.NoError(t, err)
				view, err := ParseView(reply.Text)
				require.NoError(t, err)
				return view
			}
			assert.Equal(t, map[uint16]string{uint16(slot): c.Nodes()[0].ID}, marks(1).Migrating)
			assert.Equal(t, map[uint16]string{uint16(slot): c.Nodes()[1].ID}, marks(0).Importing)
			for i, want := range map[int]Redirect{
				1: {Ask: true, Slot: uint16(slot), Addr: c.Nodes()[0].Addr},
				2: {Slot: uint16(slot), Addr: c.Nodes()[1].Addr},
			} {
				reply, err := nodeConn(t, d, c.Nodes()[i].Addr).Do(ctx, "GET", "user:1")
				require.Error(t, err)
				redirect, ok := ParseRedirect(reply.Text, c.Nodes()[i].Addr)
				assert.True(t, ok, reply.Text)
				assert.Equal(t, want, redirect)
			}
		})
	})
}

// acceptance M, rows 9 and 12: TLS with client certificates, a restricted
// user, and nodes that hide their addresses or announce host names.
func TestRealClusterTLS(t *testing.T) {
	testcluster.Each(t, func(t *testing.T, server testcluster.Server) {
		t.Parallel()
		users := map[string]string{"slots": "+cluster|slots", "shards": "+cluster|shards +cluster|info", "nodes": "+cluster|nodes"}
		config := testcluster.Config{
			Server: server, Masters: 1, TLS: true, RequireClientCert: true, Users: []string{"default off"},
			Conf: map[string]string{"cluster-announce-hostname": "localhost"},
		}
		for user, rights := range users {
			config.Users = append(config.Users, user+" on >secret ~* +echo "+rights)
		}
		c := testcluster.Start(t, config)
		for _, tc := range []struct{ name, endpoint, host string }{
			{"M12 null host", "unknown-endpoint", "127.0.0.1"},
			{"M12 host name", "hostname", "localhost"},
		} {
			require.NoError(t, c.NodeClient(0).ConfigSet(t.Context(), "cluster-preferred-endpoint-type", tc.endpoint).Err())
			for user := range users {
				t.Run(tc.name+", user who may ask for "+user, func(t *testing.T) {
					host := tc.host
					if user == "nodes" {
						host = "localhost" // NODES doesn't say what is preferred
					}
					topology := works(t, connect(t, Options{
						URLs: []string{"rediss://" + c.Nodes()[0].Addr}, Username: user, Password: "secret",
						TLSConfig: c.Certificates().ClientConfig(),
					}))
					assert.Equal(t, joinAddr(host, portOf(c.Nodes()[0].Addr)), topology.Masters[0].Addr)
				})
			}
		}
	})
}

func TestRealClusterIPv6(t *testing.T) {
	testcluster.Each(t, func(t *testing.T, server testcluster.Server) {
		t.Parallel()
		c := testcluster.Start(t, testcluster.Config{Server: server, Masters: 2, Host: "::1"})
		topology := works(t, connect(t, Options{URLs: []string{c.URL(0)}}))
		require.Len(t, topology.Masters, 2)
		assert.Equal(t, c.Nodes()[1].Addr, topology.Masters[1].Addr)
		conn := nodeConn(t, dialerOf(t, c.Client(t)), c.Nodes()[0].Addr)
		key := "user:4" // node 1 has the upper half
		reply, err := conn.Do(t.Context(), "GET", key)
		require.Error(t, err)
		redirect, ok := ParseRedirect(reply.Text, c.Nodes()[0].Addr)
		require.True(t, ok)
		assert.Equal(t, Redirect{Slot: Slot([]byte(key)), Addr: c.Nodes()[1].Addr}, redirect)
	})
}

// acceptance N, with the servers' own words.
func TestRealServerErrors(t *testing.T) {
	testcluster.Each(t, func(t *testing.T, server testcluster.Server) {
		plain := testcluster.Start(t, testcluster.Config{
			Server: server, Standalone: true, Password: "secret", UnixSocket: true,
			Users: []string{"app on >secret ~* +ping"},
		})
		secure := testcluster.Start(t, testcluster.Config{Server: server, Standalone: true, TLS: true, RequireClientCert: true})
		stranger := secure.Certificates().ClientConfig()
		stranger.Certificates = nil
		const password = "pa55-w0rd-x"
		at, atTLS := plain.Nodes()[0].Addr, secure.Nodes()[0].Addr
		for _, tc := range []struct {
			name    string
			options Options
			want    string
		}{
			{"wrong password", Options{URLs: []string{at}, Password: password}, "wrong user name or password"},
			{"unknown user", Options{URLs: []string{at}, Username: "nobody", Password: password}, "wrong user name or password"},
			{"no password", Options{URLs: []string{at}}, "give one"},
			{"no permission", Options{URLs: []string{at}, Username: "app", Password: "secret"}, "NOPERM"},
			{"no such database", Options{URLs: []string{"redis://:secret@" + at + "/99"}}, "the server has no database of this number"},
			{"plain against TLS", Options{URLs: []string{atTLS}, Password: password}, "if the port speaks TLS"},
			{"no client certificate", Options{URLs: []string{atTLS}, TLSConfig: stranger}, "client certificate"},
		} {
			t.Run("N "+tc.name, func(t *testing.T) {
				silent(t, func() {
					_, err := Connect(t.Context(), tc.options)
					require.ErrorContains(t, err, tc.want)
					assertNoSecret(t, err, password)
				})
			})
		}

		rdb := connect(t, Options{URLs: []string{"redis://:secret@" + at + "/3"}})
		assert.IsType(t, &redis.Client{}, rdb)
		require.NoError(t, rdb.Set(t.Context(), "where", "three", 0).Err())
		topology := works(t, rdb)
		assert.False(t, topology.Cluster())

		socket := plain.Nodes()[0].Socket
		require.True(t, filepath.IsAbs(socket))
		conn := nodeConn(t, dialerOf(t, redis.NewClient(&redis.Options{Network: "unix", Addr: socket, Password: "secret", DB: 3})), socket)
		reply, err := conn.Do(t.Context(), "GET", "where")
		require.NoError(t, err)
		assert.Equal(t, "three", reply.Text)

		_, err = Discover(t.Context(), dialerOf(t, redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{at}, Password: "secret"})))
		require.ErrorIs(t, err, ErrNotCluster, fmt.Sprint("acceptance M, row 18: ", err))
	})
}
