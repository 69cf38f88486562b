package cluster

import (
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/internal/resp"
)

// What services keep back, proxies don't know, and operators rename.
func TestCheckMissing(t *testing.T) {
	for _, tc := range []struct {
		missing  string
		config   minicluster.Config
		way      string
		findings []string
	}{
		{"cluster|nodes", minicluster.Config{}, "keysinslot", []string{"problem command_missing CLUSTER NODES"}},
		{"cluster|nodes", minicluster.Config{MissingReply: "ERR unsupported command"}, "keysinslot", []string{"problem command_missing CLUSTER NODES"}},
		{"cluster|getkeysinslot cluster|countkeysinslot", minicluster.Config{}, "plainscan", []string{
			"warning command_missing CLUSTER GETKEYSINSLOT", "note command_missing CLUSTER COUNTKEYSINSLOT"}},
		{"multi exec info", minicluster.Config{}, "keysinslot", []string{"warning command_missing EXEC MULTI", "warning command_missing INFO"}},
		{"scan cluster|getkeysinslot", minicluster.Config{}, "", []string{"problem command_missing CLUSTER GETKEYSINSLOT SCAN"}},
		{"get hmget hgetall", minicluster.Config{}, "keysinslot", []string{
			"problem command_missing GET HGETALL HMGET", "warning command_missing GET", "warning command_missing HGETALL HMGET"}},
		{"cluster asking info multi exec client hello", minicluster.Config{Standalone: true}, "plainscan", []string{"warning command_missing INFO", "note not_cluster"}},
		{"scan", minicluster.Config{Standalone: true, MissingReply: "ERR command not supported"}, "", []string{"problem command_missing SCAN", "note not_cluster"}},
	} {
		t.Run(tc.missing+" "+tc.config.MissingReply, func(t *testing.T) {
			tc.config.Missing, tc.config.Masters = strings.Fields(tc.missing), 1
			c := startMini(t, tc.config)
			r := checkedAs(t, connect(t, Options{URLs: c.URLs()}))
			findings := []string{}
			for _, f := range r.Findings {
				if f.Code != CodeNoReplica {
					findings = append(findings, strings.TrimSpace(string(f.Severity)+" "+string(f.Code)+" "+strings.Join(f.Commands, " ")))
				}
				if f.Code == CodeMissing {
					assert.NotContains(t, f.Text, "ACL SETUSER", "the user can't help it")
				}
			}
			assert.Equal(t, tc.findings, findings)
			require.Len(t, r.Nodes, 1)
			assert.Equal(t, tc.way, r.Nodes[0].Way)
			assert.Empty(t, r.Nodes[0].Denied)
			assert.NotEmpty(t, r.Nodes[0].Missing)
		})
	}
}

// A proxy that answers INFO in its own way.
func TestCheckSilentProxy(t *testing.T) {
	node := newFakeNode(t, nil)
	node.replies["INFO"] = string(resp.AppendBulkString(nil, "# Proxy\r\nVersion:1.0\r\n"))
	for _, command := range probes(false, false) {
		node.replies[command[0]] = "+OK\r\n"
	}
	r := checkedAs(t, redisClient(t, &redis.Options{Addr: node.addr}))
	assert.Equal(t, []string{"warning server_unknown", "note not_cluster"}, found(r, nil))
}

func redisClient(t *testing.T, opt *redis.Options) *redis.Client {
	t.Helper()
	rdb := redis.NewClient(opt)
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

// A node of a cluster without CLUSTER isn't taken for a server alone, which would
// make its keys the whole; a Sentinel isn't taken for a server.
func TestWithoutClusterCommands(t *testing.T) {
	for _, tc := range []struct {
		name    string
		missing string
		reply   string
		alone   bool // it is one
	}{
		{"renamed", "cluster", "", false},
		{"kept back", "cluster", "ERR unsupported command", false},
		{"INFO too", "cluster info", "ERR command is not allowed", false},
		{"alone", "cluster", "", true},
		{"alone, INFO too", "cluster info", "", true},
		{"a proxy", "cluster info asking", "", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := startMini(t, minicluster.Config{Masters: 1, Standalone: tc.alone, Missing: strings.Fields(tc.missing), MissingReply: tc.reply})
			rdb, err := Connect(t.Context(), Options{URLs: c.URLs()})
			if !tc.alone {
				require.ErrorIs(t, err, errHidden)
				_, err = Discover(t.Context(), dialerOf(t, redisClient(t, &redis.Options{Addr: c.Addrs()[0]})))
				require.ErrorIs(t, err, errHidden)
				return
			}
			require.NoError(t, err)
			defer rdb.Close()
			assert.False(t, works(t, rdb).Cluster())
		})
	}

	node := newFakeNode(t, nil)
	node.replies["INFO"] = string(resp.AppendBulkString(nil, "# Server\r\nredis_version:7.0.15\r\nredis_mode:sentinel\r\n"))
	_, err := Connect(t.Context(), Options{URLs: []string{node.addr}})
	require.ErrorIs(t, err, ErrSentinel)
	assert.ErrorContains(t, err, node.addr)
	for _, rdb := range []redis.UniversalClient{
		redisClient(t, &redis.Options{Addr: node.addr}), redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{node.addr}}),
	} {
		_, err = Discover(t.Context(), dialerOf(t, rdb))
		require.ErrorIs(t, err, ErrSentinel)
	}
}
