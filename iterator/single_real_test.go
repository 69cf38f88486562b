package iterator_test

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/testcluster"
	"github.com/redisarrow/redisarrow/iterator"
)

const singleKeys = 500

// A single server in all the ways in which it can be named, and its databases: each
// scan reads the database that was asked for, and no other.
func TestSingleServerByAnyName(t *testing.T) {
	user, err := testcluster.LeastUser()
	require.NoError(t, err)
	testcluster.Each(t, func(t *testing.T, server testcluster.Server) {
		t.Parallel()
		c := testcluster.Start(t, testcluster.Config{
			Server: server, Standalone: true, Replicas: 1, Password: "s3cret", UnixSocket: true, Users: []string{user.Rule},
		})
		node := c.Nodes()[0]
		for _, db := range []int{0, 5} {
			opt := c.Options(0)
			opt.DB = db
			admin := redis.NewClient(opt)
			store(t, admin, func(p redis.Pipeliner) {
				for i := range singleKeys {
					p.HSet(t.Context(), fmt.Sprintf("db%d:%d", db, i), "n", i)
				}
				p.Do(t.Context(), "WAIT", 1, 0) // for this connection's writes
			})
			require.NoError(t, admin.Close())
		}
		secret, socket := ":s3cret@", (&url.URL{Path: node.Socket}).EscapedPath()
		for name, of := range map[string]struct {
			options cluster.Options
			db      int
			addr    string
		}{
			"host and port":          {cluster.Options{URLs: []string{node.Addr}, Password: "s3cret"}, 0, node.Addr},
			"a slash behind":         {cluster.Options{URLs: []string{"redis://" + secret + node.Addr + "/"}}, 0, node.Addr},
			"database in the path":   {cluster.Options{URLs: []string{"redis://" + secret + node.Addr + "/5"}}, 5, node.Addr},
			"database as parameter":  {cluster.Options{URLs: []string{"valkey://" + secret + node.Addr + "?db=5"}}, 5, node.Addr},
			"socket":                 {cluster.Options{URLs: []string{"unix://" + secret + socket}}, 0, node.Socket},
			"socket and database":    {cluster.Options{URLs: []string{"unix://" + secret + socket + "?db=5"}}, 5, node.Socket},
			"socket and user":        {cluster.Options{URLs: []string{"unix://" + user.Name + ":" + user.Password + "@" + socket}}, 0, node.Socket},
			"socket, password apart": {cluster.Options{URLs: []string{"unix://" + socket}, Password: "s3cret"}, 0, node.Socket},
			"replica":                {cluster.Options{URLs: []string{"redis://" + secret + c.Nodes()[1].Addr + "/5"}}, 5, c.Nodes()[1].Addr},
		} {
			t.Run(name, func(t *testing.T) {
				rdb, err := cluster.Connect(t.Context(), of.options)
				require.NoError(t, err)
				defer rdb.Close()
				single(t, rdb, of.db, of.addr, name == "replica")
			})
		}
		t.Run("client of a socket", func(t *testing.T) {
			rdb := redis.NewClient(&redis.Options{Network: "unix", Addr: node.Socket, Password: "s3cret", DB: 5})
			defer rdb.Close()
			single(t, rdb, 5, node.Socket, false)
		})
		t.Run("replicas of a single server", func(t *testing.T) {
			rdb, err := cluster.Connect(t.Context(), cluster.Options{URLs: []string{node.Addr}, Password: "s3cret"})
			require.NoError(t, err)
			defer rdb.Close()
			r := tryHashes(t, rdb, "n:int64", iterator.Config{ReadFrom: iterator.PreferReplica})
			require.ErrorContains(t, r.err, "isn't in a cluster")
		})
	}, "redis-7.0", "valkey-8.1")
}

// single scans a database of a server, and looks at its health.
func single(t *testing.T, rdb redis.UniversalClient, db int, addr string, replica bool) {
	t.Helper()
	r := readAll(hashes(t, rdb, "_key:key,n:int64", iterator.Config{CountHint: 50}))
	require.NoError(t, r.err)
	require.Len(t, r.rows, singleKeys)
	for _, row := range r.rows {
		require.Contains(t, row, "db"+strconv.Itoa(db)+":")
	}
	assert.Equal(t, addr, r.stats.Nodes[0].Addr)
	assert.Equal(t, replica, r.stats.Nodes[0].Replica)
	assert.False(t, r.stats.Nodes[0].Unidentified)

	report, err := cluster.Check(t.Context(), rdb)
	require.NoError(t, err)
	assert.False(t, report.Cluster)
	want := cluster.VerdictYes
	if replica {
		want = cluster.VerdictWeakened
	}
	assert.Equal(t, want, report.Verdict, "%+v", report.Findings)
	require.NotNil(t, report.Keys)
	assert.EqualValues(t, singleKeys, *report.Keys)
	assert.Equal(t, addr, report.Nodes[0].Addr)
}

// What can't be scanned by a socket or a port, and what is said of it.
func TestClusterByWrongDoor(t *testing.T) {
	c, _ := real(t, realServer, testcluster.Config{Masters: 1, UnixSocket: true})
	node := c.Nodes()[0]
	_, err := cluster.Connect(t.Context(), cluster.Options{URLs: []string{"unix://" + node.Socket}})
	require.ErrorIs(t, err, cluster.ErrOptions)
	require.ErrorContains(t, err, node.Socket)
	_, err = cluster.Connect(t.Context(), cluster.Options{URLs: []string{"redis://" + node.Addr + "/2"}})
	require.ErrorIs(t, err, cluster.ErrOptions)
	require.ErrorContains(t, err, "database 2")

	view, err := c.NodeClient(0).ClusterNodes(t.Context()).Result()
	require.NoError(t, err)
	bus := regexp.MustCompile(`@(\d+) `).FindStringSubmatch(view)
	require.NotNil(t, bus, view)
	_, err = cluster.Connect(t.Context(), cluster.Options{URLs: []string{"127.0.0.1:" + bus[1]}, DialTimeout: 2 * time.Second})
	require.ErrorContains(t, err, "bus port")
}
