package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/internal/resp"
	"github.com/redisarrow/redisarrow/internal/testcluster"
)

func startMini(t *testing.T, cfg minicluster.Config) *minicluster.Cluster {
	t.Helper()
	c, err := minicluster.Start(cfg)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// checked is the report on a fake cluster, as its JSON gives it back.
func checked(t *testing.T, c *minicluster.Cluster) *Report {
	t.Helper()
	return checkedAs(t, connect(t, Options{URLs: c.URLs()}))
}

func checkedAs(t *testing.T, rdb redis.UniversalClient) *Report {
	t.Helper()
	r, err := Check(t.Context(), rdb)
	require.NoError(t, err)
	text, err := json.Marshal(r)
	require.NoError(t, err)
	var back Report
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, *r, back)
	return r
}

// found are the findings, as "severity code slots nodes by number commands".
func found(r *Report, c *minicluster.Cluster) []string {
	var addrs []string
	if c != nil {
		addrs = c.Addrs()
	}
	list := []string{}
	for _, f := range r.Findings {
		parts := []string{string(f.Severity), string(f.Code)}
		if !f.Slots.Empty() {
			parts = append(parts, f.Slots.String())
		}
		for i, addr := range addrs {
			for _, n := range f.Nodes {
				if n == addr {
					parts = append(parts, fmt.Sprint("#", i))
				}
			}
		}
		list = append(list, strings.Join(append(parts, f.Commands...), " "))
	}
	return list
}

// What is known of a cluster that is well.
func TestCheckReport(t *testing.T) {
	c := startMini(t, minicluster.Config{Replicas: 1, Valkey: "9.1.0"})
	for i := range 100 {
		c.SetString(fmt.Sprint("key", i), "x")
	}
	r := checked(t, c)
	assert.Equal(t, VerdictYes, r.Verdict)
	assert.True(t, r.Cluster)
	assert.Equal(t, Slots, r.SlotsCovered)
	assert.Equal(t, 3, r.Masters)
	assert.Equal(t, 3, r.Replicas)
	assert.Equal(t, []string{"valkey 9.1.0"}, r.Versions)
	assert.EqualValues(t, 100, *r.Keys)
	assert.Empty(t, r.Findings)
	require.Len(t, r.Nodes, 6)
	for i, n := range r.Nodes {
		assert.Equal(t, StateOK, n.State)
		assert.Equal(t, "clusterscan", n.Way)
		assert.Empty(t, n.Denied)
		assert.EqualValues(t, 1<<20, *n.UsedMemoryBytes)
		assert.Positive(t, *n.ConnectedClients)
		if i%2 == 0 {
			assert.Equal(t, c.Addrs()[i/2], n.Addr)
			assert.Equal(t, c.NodeID(i/2), n.ID)
			assert.Equal(t, "master", n.Role)
			assert.Equal(t, 1, n.Replicas)
			assert.Equal(t, n.SlotCount, n.Slots.Len())
			assert.Nil(t, n.ReplicaLinkUp)
			continue
		}
		assert.Equal(t, "replica", n.Role)
		assert.Equal(t, r.Nodes[i-1].ID, n.MasterID, "a replica stands behind its master")
		assert.Zero(t, n.SlotCount)
		assert.True(t, *n.ReplicaLinkUp)
		assert.Zero(t, *n.ReplicaLagBytes)
	}

	text, err := json.Marshal(r)
	require.NoError(t, err)
	for _, name := range []string{
		`"verdict":"yes"`, `"slots_covered":16384`, `"slots_unowned":""`, `"slots":"0-5460"`, `"used_memory_bytes":1048576`,
		`"operations_per_second":0`, `"connected_clients":`, `"replica_lag_bytes":0`, `"findings":[]`, `"migrations":[]`,
	} {
		assert.Contains(t, string(text), name)
	}
}

// What can be wrong with a cluster, one after another.
func TestCheckFindings(t *testing.T) {
	edit := func(node int, command, before, after string) func(c *minicluster.Cluster) {
		return func(c *minicluster.Cluster) {
			c.SetFault(func(at, _ int, args [][]byte) *minicluster.Fault {
				if at != node || !strings.EqualFold(string(bytes.Join(args, []byte(" "))), command) {
					return nil
				}
				return &minicluster.Fault{Edit: func(reply []byte) []byte {
					require.Contains(t, string(reply), before)
					require.Len(t, after, len(before))
					return bytes.ReplaceAll(reply, []byte(before), []byte(after))
				}}
			})
		}
	}
	for _, f := range []struct {
		name   string
		config minicluster.Config
		damage func(c *minicluster.Cluster)
		want   []string
	}{
		{"no owner, coverage not required", minicluster.Config{Replicas: 1, PartialCoverage: true}, func(c *minicluster.Cluster) { c.Unassign(5) }, []string{"problem slot_unowned 5"}},
		{"a master is gone, nobody has noticed", minicluster.Config{Replicas: 1}, func(c *minicluster.Cluster) { c.Kill(1) },
			[]string{"problem master_down 5461-10922 #1", "warning replica_behind #4"}},
		{"a replica is gone", minicluster.Config{Replicas: 1}, func(c *minicluster.Cluster) { c.Kill(4) },
			[]string{"warning node_down #4", "warning no_replica #1"}},
		{"an empty master is gone", minicluster.Config{}, func(c *minicluster.Cluster) { n, _ := c.AddMaster(); c.Kill(n) },
			[]string{"problem master_down #3", "note no_replica"}},
		{"a replaced master is gone", minicluster.Config{Replicas: 1}, func(c *minicluster.Cluster) { c.Kill(0); c.SetFailed(0, true); _ = c.Failover(3) },
			[]string{"warning node_down #0", "warning no_replica #3"}},
		{"a master doesn't know yet that it was replaced", minicluster.Config{Replicas: 1}, func(c *minicluster.Cluster) { c.Isolate(0); _ = c.Failover(3) },
			[]string{"warning node_replaced #0", "warning no_replica #3"}},
		{"the owner is in dispute", minicluster.Config{Replicas: 1}, func(c *minicluster.Cluster) {
			c.EditView(1, func(v *minicluster.View) { v.SetOwner(9, 9, 1) })
		}, []string{"problem slot_disputed 9"}},
		{"a suspected node", minicluster.Config{Replicas: 1, PartialCoverage: true}, func(c *minicluster.Cluster) { c.SetFailed(1, true) },
			[]string{"warning node_suspected #1"}},
		{"a master in trouble", minicluster.Config{}, func(c *minicluster.Cluster) { c.EditView(2, func(v *minicluster.View) { v.SetDown(true) }) },
			[]string{"problem cluster_down #2", "note no_replica"}},
		{"loading", minicluster.Config{}, edit(2, "INFO", "loading:0", "loading:1"), []string{"problem loading #2", "note no_replica"}},
		{"a replica is loading", minicluster.Config{Replicas: 1}, edit(5, "INFO", "loading:0", "loading:1"), []string{"warning loading #5"}},
		{"an open migration", minicluster.Config{}, func(c *minicluster.Cluster) { _ = c.OpenMigration(7, 2) },
			[]string{"warning migration_open 7 #0 #2", "note no_replica"}},
		{"the source's mark alone", minicluster.Config{}, func(c *minicluster.Cluster) { c.SetMigrating(0, 7, 2) },
			[]string{"warning migration_open 7 #0 #2", "note no_replica"}},
		{"the target's mark alone", minicluster.Config{}, func(c *minicluster.Cluster) { c.SetImporting(2, 7, 0) },
			[]string{"note mark_stale #2", "note no_replica"}},
		{"a mark at the owner", minicluster.Config{}, func(c *minicluster.Cluster) { c.SetImporting(0, 7, 2) },
			[]string{"problem mark_stale 7 #0", "note no_replica"}},
		{"a mark to a replica", minicluster.Config{Replicas: 1}, func(c *minicluster.Cluster) { c.SetMigrating(0, 7, 4) },
			[]string{"problem mark_stale 7 #0 #4"}},
		{"an old server", minicluster.Config{Version: "5.0.14"}, nil, []string{"warning version_old #0 #1 #2", "note no_replica"}},
		{"another make, of a version", minicluster.Config{}, edit(1, "INFO", "maxclients:10000\r\n", "pika_version:3.5\r\n"),
			[]string{"warning server_unknown #1", "note no_replica", "note mixed_versions"}},
		{"another user's node", minicluster.Config{Replicas: 1}, func(c *minicluster.Cluster) {
			c.SetFault(func(node, _ int, args [][]byte) *minicluster.Fault {
				if name := strings.ToUpper(string(args[0])); node == 2 && (name == "HELLO" || name == "PING" || name == "AUTH") {
					return &minicluster.Fault{Error: "NOAUTH Authentication required."}
				}
				return nil
			})
		}, []string{"problem login_refused 10923-16383 #2"}},
		{"a full node", minicluster.Config{}, func(c *minicluster.Cluster) {
			c.SetFault(func(node, _ int, args [][]byte) *minicluster.Fault {
				if node == 0 && strings.EqualFold(string(args[0]), "DBSIZE") {
					return &minicluster.Fault{Raw: []byte(":100000000\r\n")}
				}
				if node == 0 && strings.Contains(strings.ToUpper(string(bytes.Join(args, []byte(" ")))), "GETKEYSINSLOT") {
					return &minicluster.Fault{Error: "NOPERM User default has no permissions to run the 'cluster|getkeysinslot' command"}
				}
				return nil
			})
		}, []string{"warning acl_denied #0 CLUSTER GETKEYSINSLOT", "warning ledger_memory #0", "note no_replica"}},
	} {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			c := startMini(t, f.config)
			if f.damage != nil {
				f.damage(c)
			}
			r := checked(t, c)
			assert.Equal(t, f.want, found(r, c))
		})
	}
}

// What an ACL denies: how much it matters, and which way is left.
func TestCheckDenied(t *testing.T) {
	for _, d := range []struct {
		deny   string
		valkey string
		way    string
		want   []string
	}{
		{"multi", "", "keysinslot", []string{"warning acl_denied MULTI"}},
		{"exec", "9.1.0", "clusterscan", []string{"warning acl_denied EXEC"}},
		{"scan", "", "keysinslot", []string{"warning acl_denied SCAN"}},
		{"scan", "9.1.0", "clusterscan", []string{"note acl_denied SCAN"}},
		{"clusterscan", "9.1.0", "slotscan", []string{"note acl_denied CLUSTERSCAN"}},
		{"cluster|getkeysinslot", "", "plainscan", []string{"warning acl_denied CLUSTER GETKEYSINSLOT"}},
		{"cluster|getkeysinslot", "8.1.0", "slotscan", []string{"note acl_denied CLUSTER GETKEYSINSLOT"}},
		{"cluster|getkeysinslot scan", "8.1.0", "", []string{"problem acl_denied CLUSTER GETKEYSINSLOT SCAN"}},
		{"cluster|slots", "", "keysinslot", []string{"note acl_denied CLUSTER SLOTS"}},
		{"cluster|slots cluster|shards", "", "keysinslot", []string{"note acl_denied CLUSTER SLOTS"}},
		{"cluster|nodes", "", "keysinslot", []string{"problem acl_denied CLUSTER NODES"}},
		{"cluster|nodes info", "9.1.0", "keysinslot", []string{"problem acl_denied CLUSTER NODES", "warning acl_denied INFO"}},
		{"cluster|info", "", "keysinslot", []string{"note acl_denied CLUSTER INFO"}},
		{"cluster|countkeysinslot", "", "keysinslot", []string{"note acl_denied CLUSTER COUNTKEYSINSLOT"}},
		{"get", "", "keysinslot", []string{"warning acl_denied GET"}},
		{"hmget hgetall get", "", "keysinslot", []string{"problem acl_denied GET HGETALL HMGET", "warning acl_denied GET", "warning acl_denied HGETALL HMGET"}},
		{"ttl pttl pexpiretime", "8.1.0", "slotscan", []string{"note acl_denied PEXPIRETIME PTTL TTL"}},
		{"type exists asking", "", "keysinslot", []string{"warning acl_denied ASKING", "warning acl_denied EXISTS", "warning acl_denied TYPE"}},
		{"dbsize", "", "keysinslot", nil},
	} {
		t.Run(d.deny+" "+d.valkey, func(t *testing.T) {
			t.Parallel()
			deny := strings.Fields(d.deny)
			c := startMini(t, minicluster.Config{Valkey: d.valkey, Users: map[string]minicluster.User{"u": {Password: "pw", Deny: deny}}})
			r := checkedAs(t, connect(t, Options{URLs: c.URLs(), Username: "u", Password: "pw"}))
			if !strings.Contains(d.deny, "nodes") {
				d.want = append(d.want, "note no_replica")
			}
			assert.ElementsMatch(t, d.want, found(r, nil))
			assert.Equal(t, d.way, r.Nodes[0].Way)
			assert.Equal(t, Slots, r.SlotsCovered)
			for _, command := range r.Nodes[0].Denied {
				assert.Contains(t, deny, strings.ReplaceAll(strings.ToLower(command), " ", "|"))
			}
			if d.deny != "cluster|nodes info" {
				assert.NotNil(t, r.Nodes[0].Keys)
			}
		})
	}

	// Nobody tells the topology, but the seed lets us in.
	c := startMini(t, minicluster.Config{Users: map[string]minicluster.User{"u": {Password: "pw", Deny: []string{"cluster|nodes", "cluster|slots", "cluster|shards"}}}})
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: c.Addrs()[:1], Username: "u", Password: "pw"})
	t.Cleanup(func() { _ = rdb.Close() })
	r := checkedAs(t, rdb)
	assert.Equal(t, []string{"problem acl_denied #0 CLUSTER NODES", "note acl_denied #0 CLUSTER SLOTS"}, found(r, c))
	assert.Zero(t, r.SlotsCovered)
	assert.Equal(t, VerdictNo, r.Verdict)
}

// NOPERM for a key, a channel or a database isn't NOPERM for the command.
func TestDeniesCommand(t *testing.T) {
	for text, want := range map[string]bool{
		"NOPERM User app has no permissions to run the 'hmget' command":                     true,
		"NOPERM User app has no permissions to run the 'cluster|nodes' command":             true,
		"NOPERM this user has no permissions to run the 'hmget' command or its subcommand":  true, // Redis 6
		"NOPERM User app has no permissions to access the 'redisarrow:health' key":          false,
		"NOPERM No permissions to access a key":                                             false,
		"NOPERM this user has no permissions to access one of the keys used as arguments":   false,
		"NOPERM User app has no permissions to access database 0":                           false,
		"ERR unknown command 'PEXPIRETIME', with args beginning with: 'redisarrow:health' ": false,
		"ERR no permissions to run the 'x' command":                                         false,
		"MOVED 3999 127.0.0.1:7001":                                                         false,
		"NOAUTH Authentication required.":                                                   false,
		"LOADING Redis is loading the dataset in memory":                                    false,
		"NOPERM": false,
	} {
		assert.Equal(t, want, deniesCommand(resp.Value{Kind: resp.Error, Text: text}), text)
	}
	assert.False(t, deniesCommand(resp.Value{Kind: resp.Bulk, Text: "NOPERM no permissions to run the 'x' command"}))
}

// Nothing is executed of what is tried, nothing is changed, no key is read.
func TestCheckHarmless(t *testing.T) {
	c := startMini(t, minicluster.Config{Replicas: 1, Record: true, Valkey: "9.1.0"})
	c.SetHash("user:1", "name", "x")
	rdb := connect(t, Options{URLs: c.URLs()[:1]})
	checkedAs(t, rdb)
	inside := map[string]bool{} // by connection
	for _, command := range c.Log() {
		name, conn := strings.ToUpper(command.Args[0]), fmt.Sprint(command.Node, command.Conn)
		switch name {
		case "MULTI":
			inside[conn] = true
		case "EXEC", "DISCARD":
			assert.False(t, inside[conn], "nothing is executed")
		case "HELLO", "PING", "INFO", "DBSIZE", "CLUSTER":
		default:
			assert.True(t, inside[conn], "%s outside of a transaction", name)
		}
		assert.NotContains(t, strings.Join(command.Args, " "), "user:1")
	}
	assert.NotEmpty(t, inside)
}

// A node that hangs is a finding; the others are told of, within its time.
func TestCheckHanging(t *testing.T) {
	t.Parallel()
	c := startMini(t, minicluster.Config{Replicas: 1})
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	c.SetFault(func(node, _ int, args [][]byte) *minicluster.Fault {
		if node == 4 {
			return &minicluster.Fault{Stall: hang}
		}
		if node == 2 && strings.EqualFold(string(args[0]), "MULTI") {
			return &minicluster.Fault{Trickle: 100 * time.Millisecond, Raw: bytes.Repeat([]byte("+"), 1000)}
		}
		return nil
	})
	begun := time.Now()
	r := checked(t, c)
	assert.Equal(t, []string{"problem master_down 10923-16383 #2", "warning node_down #4", "warning no_replica #1"}, found(r, c))
	assert.Contains(t, r.Findings[0].Text, "no answer within 5s")
	assert.Less(t, time.Since(begun), 2*lookLimit)

	// The caller's context ends it at once.
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	rdb := connect(t, Options{URLs: c.URLs()})
	begun = time.Now()
	_, err := Check(ctx, rdb)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Less(t, time.Since(begun), 3*time.Second)
}

// A slot that is just being handed over isn't in dispute.
func TestCheckHandover(t *testing.T) {
	t.Parallel()
	c := startMini(t, minicluster.Config{})
	c.EditView(1, func(v *minicluster.View) { v.SetOwner(9, 9, 1) })
	rdb := connect(t, Options{URLs: c.URLs()})
	var once sync.Once
	c.SetFault(func(node, _ int, args [][]byte) *minicluster.Fault {
		if node != 2 || !strings.EqualFold(string(args[0]), "MULTI") {
			return nil
		}
		// The first look is nearly over: 9 arrives, 10 sets out.
		return &minicluster.Fault{After: func() {
			once.Do(func() {
				time.AfterFunc(settleTime/2, func() {
					c.EditView(1, func(v *minicluster.View) { v.SetOwner(9, 9, 0); v.SetOwner(10, 10, 1) })
				})
			})
		}}
	})
	r := checkedAs(t, rdb)
	assert.Equal(t, []string{"note no_replica"}, found(r, c))
	assert.Equal(t, Slots, r.SlotsCovered)
}

// Over TLS, as the user of README's rule, on a real cluster.
func TestCheckSecured(t *testing.T) {
	testcluster.Each(t, func(t *testing.T, server testcluster.Server) {
		t.Parallel()
		user, err := testcluster.LeastUser()
		require.NoError(t, err)
		c := testcluster.Start(t, testcluster.Config{
			Server: server, TLS: true, RequireClientCert: true, Password: "s3cret", Users: []string{user.Rule},
		})
		options := c.ClusterOptions()
		options.Addrs, options.Username, options.Password = options.Addrs[:1], user.Name, user.Password
		rdb := redis.NewClusterClient(options)
		t.Cleanup(func() { _ = rdb.Close() })
		r := checkedAs(t, rdb)
		assert.Equal(t, VerdictYes, r.Verdict, "%v", r.Findings)
		assert.Equal(t, Slots, r.SlotsCovered)
		require.Len(t, r.Nodes, 3)
		for i, n := range r.Nodes {
			assert.Equal(t, c.Addrs()[i], n.Addr)
			assert.NotNil(t, n.Keys)
		}
	})
}

// Another node than the one announced is no node of the cluster.
func TestCheckWrongNode(t *testing.T) {
	c := startMini(t, minicluster.Config{})
	other := startMini(t, minicluster.Config{Masters: 1, Seed: 9})
	rdb := connect(t, Options{URLs: c.URLs()[:1]})
	// Whoever dials the third node reaches the other cluster's.
	options := *rdb.(*redis.ClusterClient).Options()
	dial := options.Dialer
	options.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if addr == c.Addrs()[2] {
			addr = other.Addrs()[0]
		}
		return dial(ctx, network, addr)
	}
	client := redis.NewClusterClient(&options)
	t.Cleanup(func() { _ = client.Close() })
	r := checkedAs(t, client)
	assert.Equal(t, []string{"problem wrong_node 10923-16383 #2", "note no_replica"}, found(r, c))
}

// What isn't a cluster, and what can't be asked at all.
func TestCheckSingle(t *testing.T) {
	c := startMini(t, minicluster.Config{Standalone: true})
	c.SetString("a", "x")
	r := checked(t, c)
	assert.Equal(t, VerdictYes, r.Verdict)
	assert.False(t, r.Cluster)
	assert.Equal(t, []string{"note not_cluster #0"}, found(r, c))
	assert.Equal(t, "plainscan", r.Nodes[0].Way)
	assert.EqualValues(t, 1, *r.Keys)

	wrong := redis.NewClusterClient(&redis.ClusterOptions{Addrs: c.Addrs()})
	t.Cleanup(func() { _ = wrong.Close() })
	r = checkedAs(t, wrong)
	assert.Equal(t, VerdictNo, r.Verdict)
	assert.Equal(t, []string{"problem not_cluster #0"}, found(r, c))
	assert.Contains(t, r.Findings[0].Text, "*redis.Client")

	ring := redis.NewRing(&redis.RingOptions{})
	t.Cleanup(func() { _ = ring.Close() })
	_, err := Check(t.Context(), ring)
	require.ErrorIs(t, err, ErrClient)
	gone := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{"127.0.0.1:1"}})
	t.Cleanup(func() { _ = gone.Close() })
	_, err = Check(t.Context(), gone)
	var seeds *SeedsError
	require.ErrorAs(t, err, &seeds)
	ended, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	cancel(cause)
	_, err = Check(ended, wrong)
	require.ErrorIs(t, err, cause)

	locked := startMini(t, minicluster.Config{Password: "hunter22"})
	stranger := redis.NewClusterClient(&redis.ClusterOptions{Addrs: locked.Addrs(), Password: "hunter23"})
	t.Cleanup(func() { _ = stranger.Close() })
	_, err = Check(t.Context(), stranger)
	require.ErrorAs(t, err, &seeds)
	require.ErrorContains(t, err, "WRONGPASS")
	assert.NotContains(t, err.Error(), "hunter2")
}

// A single server that is a replica: INFO alone tells.
func TestCheckReplicaAlone(t *testing.T) {
	node := newFakeNode(t, nil)
	node.replies["INFO"] = string(resp.AppendBulkString(nil, "redis_version:7.0.15\r\nrole:slave\r\nmaster_link_status:down\r\ndb0:keys=7,expires=0\r\n"))
	node.replies["CLUSTER"] = "-ERR This instance has cluster support disabled\r\n"
	for _, command := range probes(false, false) {
		node.replies[command[0]] = "+QUEUED\r\n"
	}
	rdb := redis.NewClient(&redis.Options{Addr: node.addr})
	t.Cleanup(func() { _ = rdb.Close() })
	r := checkedAs(t, rdb)
	assert.Equal(t, []string{"warning replica_read", "warning replica_behind", "note not_cluster"}, found(r, nil))
	assert.EqualValues(t, 7, *r.Keys)
	assert.Equal(t, "replica", r.Nodes[0].Role)
}
