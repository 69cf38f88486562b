package main

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/testcluster"
)

// tableOf checks that a table has a line for each node, and shows it with -v.
func tableOf(t *testing.T, text string, addrs ...string) {
	t.Helper()
	t.Log("\n" + text)
	for _, addr := range addrs {
		assert.Regexp(t, `(?m)^`+regexp.QuoteMeta(addr)+` +(master|replica) +[a-z_]+ `, text)
	}
	for line := range strings.Lines(text) {
		assert.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), healthWidth, line)
	}
	assert.NotContains(t, text, "secret")
}

// wayOf is how a scan lists the keys of a cluster's node.
func wayOf(s testcluster.Server) string {
	switch {
	case s.Valkey && s.AtLeast(9, 1):
		return "clusterscan"
	case s.Valkey && s.AtLeast(8, 0):
		return "slotscan"
	default:
		return "keysinslot"
	}
}

// One real cluster after another trouble, and single servers: verdicts and
// tables. (Mixed versions are for TestHealth: the harness starts one kind.)
func TestRealHealth(t *testing.T) {
	testcluster.Each(t, func(t *testing.T, server testcluster.Server) {
		t.Parallel()
		ctx := context.WithoutCancel(t.Context())
		c := testcluster.Start(t, testcluster.Config{
			Server: server, Replicas: 1, AllowGaps: true, NodeTimeout: time.Minute,
			Users: []string{
				"blind on >secretpw ~* resetchannels +@all -info -cluster|nodes",
				"narrow on >secretpw ~app:* resetchannels +@all -cluster|countkeysinslot -hgetall",
			},
		})
		fillReal(t, c.Client(t))
		for i := range 3 {
			require.NoError(t, c.WaitInStep(ctx, i))
		}
		look := func(t *testing.T, args ...string) (int, cluster.Report) {
			t.Helper()
			if len(args) == 0 {
				args = []string{"--url", c.URL(1)}
			}
			status, r, text := healthOf(t, args...)
			tableOf(t, text, c.Addrs()...)
			requireScan(t, r.Verdict, args...)
			return status, r
		}

		t.Run("well", func(t *testing.T) {
			status, r := look(t)
			assert.Zero(t, status)
			assert.Empty(t, r.Findings)
			assert.Equal(t, cluster.VerdictYes, r.Verdict)
			assert.Equal(t, cluster.Slots, r.SlotsCovered)
			assert.EqualValues(t, 2*realKeys+3, *r.Keys)
			for i, n := range r.Nodes {
				assert.Equal(t, wayOf(server), n.Way)
				assert.Equal(t, server.Version, n.Version)
				assert.Empty(t, n.Denied)
				assert.Greater(t, *n.UsedMemoryBytes, int64(100_000))
				assert.Positive(t, *n.ConnectedClients)
				assert.NotNil(t, n.OperationsPerSecond)
				if i%2 == 1 {
					assert.True(t, *n.ReplicaLinkUp)
					assert.Less(t, *n.ReplicaLagBytes, int64(1<<20))
				}
			}
		})

		t.Run("an ACL without INFO and CLUSTER NODES", func(t *testing.T) {
			status, r, text := healthOf(t, "--url", "redis://blind:secretpw@"+c.Addrs()[0])
			assert.Equal(t, exitNoScan, status)
			tableOf(t, text, c.Addrs()[:3]...)
			requireScan(t, r.Verdict, "--url", "redis://blind:secretpw@"+c.Addrs()[0])
			assert.Equal(t, cluster.VerdictNo, r.Verdict)
			require.Equal(t, []string{"problem acl_denied", "warning acl_denied"}, findings(r))
			assert.Equal(t, []string{"CLUSTER NODES"}, r.Findings[0].Commands)
			assert.Equal(t, []string{"INFO"}, r.Findings[1].Commands)
			assert.Equal(t, cluster.Slots, r.SlotsCovered)
			assert.EqualValues(t, 2*realKeys+3, *r.Keys, "DBSIZE is allowed")
		})

		t.Run("an ACL of some keys and commands", func(t *testing.T) {
			status, r, _ := healthOf(t, "--url", "redis://narrow:secretpw@"+c.Addrs()[0])
			assert.Equal(t, exitWeakened, status, "%v", r.Findings)
			for _, n := range r.Nodes {
				// Not those that are denied for the key and not as commands.
				assert.Equal(t, []string{"CLUSTER COUNTKEYSINSLOT", "HGETALL"}, n.Denied)
			}
		})

		t.Run("the ACL of README", func(t *testing.T) {
			user, err := testcluster.LeastUser()
			require.NoError(t, err)
			allow := func(words ...string) {
				args := []any{"ACL", "SETUSER"}
				for _, word := range words {
					args = append(args, word)
				}
				for i := range c.Nodes() {
					require.NoError(t, c.NodeClient(i).Do(ctx, args...).Err())
				}
			}
			url := fmt.Sprintf("redis://%s:%s@%s", user.Name, user.Password, c.Addrs()[0])
			allow(strings.Fields(user.Rule)...)
			status, r, _ := healthOf(t, "--url", url)
			assert.Zero(t, status, "%v", r.Findings)
			assert.EqualValues(t, 2*realKeys+3, *r.Keys, "INFO tells")
			requireScan(t, r.Verdict, "--url", url)
			if wayOf(server) == "clusterscan" { // which the rule leaves out
				assert.Equal(t, []string{"note acl_denied"}, findings(r))
				assert.Equal(t, []string{"CLUSTERSCAN"}, r.Nodes[0].Denied)
				assert.Equal(t, "slotscan", r.Nodes[0].Way)
				allow(user.Name, "+clusterscan")
				_, r, _ = healthOf(t, "--url", url)
			}
			assert.Empty(t, r.Nodes[0].Denied)
			assert.Equal(t, wayOf(server), r.Nodes[0].Way)
			assert.Empty(t, r.Findings)
		})

		t.Run("a slot migrating", func(t *testing.T) {
			require.NoError(t, c.OpenMigration(ctx, 7, 2))
			status, r := look(t)
			assert.Equal(t, exitWeakened, status)
			assert.Equal(t, []string{"warning migration_open"}, findings(r))
			require.Len(t, r.Migrations, 1)
			assert.Equal(t, "7", r.Migrations[0].Slots.String())
			assert.Equal(t, c.Addrs()[0], r.Migrations[0].From)
			assert.Equal(t, c.Addrs()[2], r.Migrations[0].To)
			require.NoError(t, c.CloseMigration(ctx, 7))
			_, r = look(t)
			assert.Empty(t, r.Migrations)
		})

		t.Run("a replica behind", func(t *testing.T) {
			replica, master := c.NodeClient(4), c.NodeClient(1)
			auth, err := replica.ConfigGet(ctx, "masterauth").Result()
			require.NoError(t, err)
			require.NoError(t, replica.ConfigSet(ctx, "masterauth", "wrong").Err())
			require.NoError(t, master.Do(ctx, "CLIENT", "KILL", "TYPE", "replica").Err())
			require.Eventually(t, func() bool {
				return strings.Contains(replica.Info(ctx, "replication").Val(), "master_link_status:down")
			}, 10*time.Second, 50*time.Millisecond)
			status, r := look(t)
			assert.Equal(t, exitWeakened, status)
			assert.Equal(t, []string{"warning replica_behind"}, findings(r))
			assert.Equal(t, []string{c.Addrs()[4]}, r.Findings[0].Nodes)
			require.NoError(t, replica.ConfigSet(ctx, "masterauth", auth["masterauth"]).Err())
			require.NoError(t, c.WaitInStep(ctx, 1))
		})

		t.Run("a slot missing", func(t *testing.T) {
			require.NoError(t, c.DelSlots(ctx, 9, 10, 11))
			status, r := look(t)
			assert.Equal(t, exitNoScan, status)
			assert.Equal(t, []string{"problem slot_unowned"}, findings(r))
			assert.Equal(t, "9-11", r.SlotsUnowned.String())
			assert.Equal(t, cluster.Slots-3, r.SlotsCovered)
		})

		t.Run("a master down", func(t *testing.T) {
			require.NoError(t, c.Kill(1))
			status, r := look(t, "--url", c.URL(0))
			assert.Equal(t, exitNoScan, status)
			i := slices.IndexFunc(r.Findings, func(f cluster.Finding) bool { return f.Code == cluster.CodeMasterDown })
			require.GreaterOrEqual(t, i, 0, "%v", r.Findings)
			assert.Equal(t, cluster.Problem, r.Findings[i].Severity)
			assert.Equal(t, "5461-10922", r.Findings[i].Slots.String())
			assert.Equal(t, []string{c.Addrs()[1]}, r.Findings[i].Nodes)
			assert.Contains(t, r.Findings[i].Text, "connection refused")
			assert.Nil(t, r.Keys)
		})

		t.Run("one node alone", func(t *testing.T) {
			one := testcluster.Start(t, testcluster.Config{Server: server, Masters: 1})
			status, r, text := healthOf(t, "--url", one.URL(0))
			assert.Zero(t, status)
			tableOf(t, text, one.Addrs()...)
			assert.Equal(t, []string{"note no_replica"}, findings(r))
			assert.True(t, r.Cluster)
			assert.Equal(t, wayOf(server), r.Nodes[0].Way)
		})

		t.Run("not a cluster", func(t *testing.T) {
			single := testcluster.Start(t, testcluster.Config{Server: server, Standalone: true, Replicas: 1})
			status, r, text := healthOf(t, "--url", single.URL(0))
			assert.Zero(t, status)
			tableOf(t, text, single.Addrs()[0])
			assert.Equal(t, []string{"note not_cluster"}, findings(r))
			assert.False(t, r.Cluster)
			assert.Equal(t, "plainscan", r.Nodes[0].Way)

			status, r, text = healthOf(t, "--url", single.URL(1))
			assert.Equal(t, exitWeakened, status)
			tableOf(t, text, single.Addrs()[1])
			assert.Equal(t, []string{"warning replica_read", "note not_cluster"}, findings(r))
		})
	})
}
