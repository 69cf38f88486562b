package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/internal/testcluster"
)

// A single server's socket, its databases, and its Sentinels, by the command, over
// TLS as well.
func TestSingleServers(t *testing.T) {
	const keys, serverPassword, sentinelPassword = 200, "s3rver-password", "s3ntinel-password"
	c := testcluster.Start(t, testcluster.Config{
		Server: testcluster.Find(t, "valkey-8.1"), Standalone: true, Replicas: 1, UnixSocket: true, TLS: true, Password: serverPassword,
	})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	sentinels, err := c.StartSentinels(ctx, 1, "main", sentinelPassword)
	require.NoError(t, err)
	opt := c.Options(0)
	opt.DB = 3
	rdb := redis.NewClient(opt)
	defer rdb.Close()
	_, err = rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := range keys {
			p.HSet(ctx, fmt.Sprint("h:", i), "n", i)
		}
		return nil
	})
	require.NoError(t, err)

	node, sentinel, ca := c.Nodes()[0], sentinels[0].Addr, c.Certificates().CAFile
	file := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(file, []byte(sentinelPassword+"\n"), 0o600))
	env := []string{"REDISARROW_PASSWORD=" + serverPassword}
	both := append(env, "REDISARROW_SENTINEL_PASSWORD="+sentinelPassword)
	for _, f := range []struct {
		name  string
		env   []string
		flags []string
		addr  string // as health has it
	}{
		{"socket", env, []string{"--url", "unix://" + node.Socket + "?db=3"}, node.Socket},
		{"socket, password in the URL", nil, []string{"--url", "unix://:" + serverPassword + "@" + node.Socket + "?db=3"}, node.Socket},
		{"TLS", env, []string{"--url", "valkeys://" + node.Addr + "/3", "--cacert", ca}, node.Addr},
		{"Sentinel", both, []string{"--url", "rediss://" + sentinel + "/3", "--sentinel-master", "main", "--cacert", ca}, "main"},
		{"Sentinel, password in its URL", env, []string{"--url", "rediss://:" + sentinelPassword + "@" + sentinel + "/3?master_name=main", "--cacert", ca}, "main"},
		{"Sentinel, password in a file", env, []string{
			"--url", "rediss://" + sentinel + "/3", "--sentinel-master", "main", "--sentinel-user", "default", "--sentinel-password-file", file, "--cacert", ca,
		}, "main"},
	} {
		t.Run(f.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "out.arrow")
			p := redisarrowIn(t, f.env, append([]string{"export", "--type", "hash", "--pattern", "*", "--schema", "n:int64", "--output", path}, f.flags...)...)
			require.Zero(t, p.status, p.stderr)
			assert.Len(t, readFile(t, path).rows, keys)
			assert.NotContains(t, p.stderr, "sentinel:", "go-redis is silent")
			assert.NotContains(t, summaryOf(t, p.stderr), "not identified")

			h := redisarrowIn(t, f.env, append([]string{"health"}, f.flags...)...)
			require.Zero(t, h.status, h.stdout+h.stderr)
			assert.Contains(t, h.stdout, "promise   yes")
			assert.Contains(t, h.stdout, "keys      200")
			assert.Contains(t, h.stdout, f.addr)
			for _, p := range []process{p, h} {
				requireNoSecret(t, p, serverPassword)
				requireNoSecret(t, p, sentinelPassword)
			}
		})
	}

	dir := t.TempDir()
	export := []string{"export", "--type", "hash", "--pattern", "*", "--schema", "n:int64", "--output", filepath.Join(dir, "out.arrow")}
	for _, f := range []struct {
		name   string
		env    []string
		flags  []string
		status int
		want   string
	}{
		{"a Sentinel in place of a server", []string{"REDISARROW_PASSWORD=" + sentinelPassword}, []string{"--url", "rediss://" + sentinel, "--cacert", ca}, exitNoConnection, "--sentinel-master"},
		{"another name", both, []string{"--url", "rediss://" + sentinel, "--sentinel-master", "mian", "--cacert", ca}, exitNoConnection, `but "main"`},
		{"the server's password for the Sentinel", nil, []string{"--url", "rediss://:" + serverPassword + "@" + sentinel, "--sentinel-master", "main", "--cacert", ca}, exitNoConnection, "WRONGPASS"},
		{"flags without a name", env, []string{"--url", "rediss://" + sentinel, "--sentinel-user", "x", "--cacert", ca}, exitUsage, "--sentinel-master"},
		{"no socket", env, []string{"--url", "unix:///no/such.sock"}, exitNoConnection, "there is no such socket"},
		{"socket and TLS", env, []string{"--url", "unix://" + node.Socket, "--tls"}, exitUsage, "TLS over a unix socket"},
		{"half a URL", env, []string{"--url", "redis:/" + node.Addr}, exitUsage, "://"},
	} {
		t.Run(f.name, func(t *testing.T) {
			p := redisarrowIn(t, f.env, append(export, f.flags...)...)
			requireLine(t, p, f.status, f.want)
			assert.Empty(t, names(t, dir))
			requireNoSecret(t, p, serverPassword)
			requireNoSecret(t, p, sentinelPassword)
		})
	}
}

// A server that doesn't say what it is: read, and told of.
func TestUnidentifiedServer(t *testing.T) {
	c := startMini(t, minicluster.Config{Standalone: true, Missing: []string{"cluster", "info", "asking", "client"}})
	c.SetHash("h:1", "n", "1")
	p := redisarrow(t, "export", "--url", c.URLs()[0], "--type", "hash", "--pattern", "*", "--schema", "n:int64", "--output", filepath.Join(t.TempDir(), "out.arrow"))
	require.Zero(t, p.status, p.stderr)
	assert.Equal(t, c.Addrs()[0], summaryOf(t, p.stderr)["not identified"])
	h := redisarrow(t, "health", "--url", c.URLs()[0])
	assert.Equal(t, exitWeakened, h.status)
	assert.Contains(t, h.stdout, "command_missing: INFO")
}
