package testcluster

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Find gives the server of that name, such as "redis-7.0", to a test. If it isn't here the test fails in CI (the
// environment variable CI is set) and is skipped elsewhere, with a message that says how to get it.
func Find(tb testing.TB, name string) Server {
	tb.Helper()
	return Require(tb, name)[0]
}

// Require is [Find] for several names; without names, for those of [DefaultServers].
func Require(tb testing.TB, names ...string) []Server {
	tb.Helper()
	if len(names) == 0 {
		names = DefaultServers()
	}
	servers := make([]Server, len(names))
	for i, name := range names {
		s, err := Lookup(name)
		switch {
		case err == nil:
			servers[i] = s
		case os.Getenv("CI") != "":
			tb.Fatal(err)
		default:
			tb.Skip(err)
		}
	}
	return servers
}

// Each runs a subtest, named after the server, on every server of [Require].
func Each(t *testing.T, test func(t *testing.T, server Server), names ...string) {
	t.Helper()
	if len(names) == 0 {
		names = DefaultServers()
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) { test(t, Find(t, name)) })
	}
}

// Start is [StartAt] for a test: the files go to a temporary folder, a start that fails fails the test, and at the
// test's end everything is stopped and removed. If the test has failed, the ends of the servers' logs are logged.
func Start(tb testing.TB, config Config) *Cluster {
	tb.Helper()
	// Not tb.TempDir: a test's name in the path makes it too long for unix sockets.
	dir, err := os.MkdirTemp("", "testcluster")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) }) // a leftover in /tmp is no reason to fail
	ctx, cancel := context.WithTimeout(tb.Context(), time.Minute)
	defer cancel()
	c, err := StartAt(ctx, dir, config)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := c.Close(); err != nil {
			tb.Error(err)
		}
		if tb.Failed() {
			c.logTails(tb)
		}
	})
	return c
}

func (c *Cluster) logTails(tb testing.TB) {
	tb.Helper()
	for i, n := range c.Nodes() {
		tb.Logf("%s, node %d, %s, end of its log:\n%s", c.config.Server.Name, i, n.Addr, c.Log(i, 30))
	}
}

// Client gives a cluster client that comes in as the default user and is closed at the test's end.
func (c *Cluster) Client(tb testing.TB) *redis.ClusterClient {
	tb.Helper()
	rdb := redis.NewClusterClient(c.ClusterOptions())
	tb.Cleanup(func() { _ = rdb.Close() })
	return rdb
}
