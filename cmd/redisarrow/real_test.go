package main

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/pyenv"
	"github.com/redisarrow/redisarrow/internal/testcluster"
)

const realKeys = 3000

// fillReal writes through an ordinary client, pipelined: hashes of varying
// fields, strings, and keys of other types among them.
func fillReal(t *testing.T, rdb *redis.ClusterClient) {
	t.Helper()
	ctx := t.Context()
	pipe := rdb.Pipeline()
	for i := range realKeys {
		hash := fmt.Sprintf("h:%d", i)
		pipe.HSet(ctx, hash, "name", fmt.Sprintf("Nämé %d", i), "noise", "x")
		if i%3 > 0 {
			pipe.HSet(ctx, hash, "age", i)
		}
		if i%10 == 0 {
			pipe.HSet(ctx, hash, "age", "not a number")
		}
		if i%4 == 0 {
			pipe.Expire(ctx, hash, time.Hour)
		}
		pipe.Set(ctx, fmt.Sprintf("s:%d", i), i*10, 0)
	}
	pipe.RPush(ctx, "h:list", "a")
	pipe.SAdd(ctx, "s:set", "a")
	pipe.Set(ctx, "h:string", "a", 0)
	_, err := pipe.Exec(ctx)
	require.NoError(t, err)
}

// plainLoop is what the export is compared with: SCAN and HGETALL, one by one,
// with nothing of this project in it.
func plainLoop(t *testing.T, rdb *redis.ClusterClient) []string {
	t.Helper()
	rows := make(chan []string, 16)
	err := rdb.ForEachMaster(t.Context(), func(ctx context.Context, node *redis.Client) error {
		var mine []string
		scan := node.ScanType(ctx, 0, "h:*", 1000, "hash").Iterator()
		for scan.Next(ctx) {
			fields, err := node.HGetAll(ctx, scan.Val()).Result()
			if err != nil {
				return err
			}
			age := "null"
			if n, err := strconv.ParseInt(fields["age"], 10, 64); err == nil {
				age = strconv.FormatInt(n, 10)
			}
			ttl := "-1"
			if d := node.TTL(ctx, scan.Val()).Val(); d > 0 {
				ttl = "expires"
			}
			mine = append(mine, strings.Join([]string{scan.Val(), ttl, fields["name"], age}, "|"))
		}
		rows <- mine
		return scan.Err()
	})
	require.NoError(t, err)
	close(rows)
	var all []string
	for mine := range rows {
		all = append(all, mine...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// withoutSeconds takes out of the rows what changes while one looks.
func withoutSeconds(t *testing.T, rows []string) []string {
	t.Helper()
	out := make([]string, len(rows))
	for i, row := range rows {
		cells := strings.Split(row, "|")
		ttl, err := strconv.Atoi(cells[1])
		require.NoError(t, err)
		if ttl != -1 {
			require.InDelta(t, 3600, ttl, 300)
			cells[1] = "expires"
		}
		out[i] = strings.Join(cells, "|")
	}
	slices.Sort(out)
	return out
}

func TestRealCluster(t *testing.T) {
	testcluster.Each(t, func(t *testing.T, server testcluster.Server) {
		t.Parallel()
		c := testcluster.Start(t, testcluster.Config{Server: server})
		rdb := c.Client(t)
		fillReal(t, rdb)
		want := plainLoop(t, rdb)
		require.Len(t, want, realKeys)
		args := []string{
			"export", "--url", c.URL(1), "--type", "hash", "--pattern", "h:*",
			"--schema", "name:utf8,age:int64", "--ttl", "--on-parse-error", "null",
		}

		dir := t.TempDir()
		for _, flags := range [][]string{
			{},
			{"--batch-size", "7"},
			{"--batch-size", "1000", "--concurrency", "2", "--compression", "lz4"},
			{"--concurrency", "all", "--compression", "zstd"},
		} {
			path := filepath.Join(dir, "out.arrow")
			p := redisarrow(t, slices.Concat(args, flags, []string{"--output", path})...)
			require.Zero(t, p.status, p.stderr)
			assert.Equal(t, want, withoutSeconds(t, readFile(t, path).rows), "%v", flags)
			assert.Equal(t, strconv.Itoa(realKeys/10), summaryOf(t, p.stderr)["parse failures"])
		}

		p := redisarrow(t, "export", "--url", c.URL(0), "--type", "string", "--pattern", "s:*", "--value-type", "int64", "--output", "-")
		require.Zero(t, p.status, p.stderr)
		assert.Len(t, readStream(t, strings.NewReader(p.stdout)).rows, realKeys)

		// Two other Arrow implementations read the same cells.
		p = redisarrow(t, "export", "--url", c.URL(0), "--type", "string", "--pattern", "s:*", "--value-type", "int64",
			"--compression", "zstd", "--output", filepath.Join(dir, "strings.arrow"))
		require.Zero(t, p.status, p.stderr)
		sum := pyenv.Run(t, `
import sys, polars, pyarrow.ipc, pyarrow.compute
table = pyarrow.ipc.open_file(sys.argv[1]).read_all()
frame = polars.read_ipc(sys.argv[1])
assert all(int(k[2:]) * 10 == v for k, v in zip(table["_key"].to_pylist(), table["value"].to_pylist()))
assert sorted(frame.rows()) == sorted(zip(*table.to_pydict().values()))
print(table.num_rows, pyarrow.compute.sum(table["value"]))`, filepath.Join(dir, "strings.arrow"))
		assert.Equal(t, fmt.Sprintf("%d %d\n", realKeys, 10*realKeys*(realKeys-1)/2), sum)

		demo := redisarrowIn(t, []string{"REDIS_URL=" + c.URL(0)}, "demo", "--output", dir)
		require.Zero(t, demo.status, demo.stderr)
		assert.Len(t, readFile(t, filepath.Join(dir, "hashes.arrow")).rows, realKeys)
		assert.Len(t, readFile(t, filepath.Join(dir, "strings.arrow")).rows, realKeys+1)
		size, err := rdb.DBSize(t.Context()).Result()
		require.NoError(t, err)
		assert.EqualValues(t, 2*realKeys+3, size, "the demo has written nothing")
	})
}

// acceptance M, row 9: ACL user, password and TLS with the client's own
// certificate, by flags. The user may do what README says, with some keys.
func TestRealTLS(t *testing.T) {
	testcluster.Each(t, func(t *testing.T, server testcluster.Server) {
		t.Parallel()
		t.Run("M9", func(t *testing.T) { testRealTLS(t, server) })
	})
}

func testRealTLS(t *testing.T, server testcluster.Server) {
	least, err := testcluster.LeastUser()
	require.NoError(t, err)
	user := least.As("alice", "al1ce-password")
	c := testcluster.Start(t, testcluster.Config{
		Server: server, TLS: true, RequireClientCert: true,
		Password: "d3fault-password", Users: []string{strings.Replace(user.Rule, " ~* ", " ~h:* ", 1)},
	})
	rdb := c.Client(t)
	for i := range 30 {
		require.NoError(t, rdb.HSet(t.Context(), fmt.Sprintf("h:%d", i), "name", i).Err())
	}
	certs := c.Certificates()
	addr := c.Addrs()[0]
	dir := t.TempDir()
	path := filepath.Join(dir, "out.arrow")
	base := []string{"export", "--type", "hash", "--pattern", "h:*", "--schema", "name:int64", "--output", path}
	own := []string{"--cert", certs.ClientCertFile, "--key-file", certs.ClientKeyFile}
	ca := []string{"--cacert", certs.CAFile}
	env := []string{"REDISARROW_PASSWORD=al1ce-password"}
	alice := (&url.URL{Scheme: "rediss", Host: addr, User: url.User("alice")}).String()

	for _, flags := range [][]string{
		slices.Concat([]string{"--url", alice}, ca, own),
		slices.Concat([]string{"--url", "redis://" + addr, "--tls", "--user", "alice"}, ca, own),
		slices.Concat([]string{"--url", addr, "--tls", "--user", "alice", "--server-name", "localhost"}, ca, own),
	} {
		p := redisarrowIn(t, env, append(base, flags...)...)
		require.Zero(t, p.status, p.stderr)
		assert.Len(t, readFile(t, path).rows, 30)
		requireNoSecret(t, p, "al1ce-password")
	}

	dir = t.TempDir()
	base[len(base)-1] = filepath.Join(dir, "out.arrow")
	for _, f := range []struct {
		name  string
		flags []string
		want  string
	}{
		{"unknown authority", slices.Concat([]string{"--url", alice}, own), "certificate"},
		{"no certificate of its own", slices.Concat([]string{"--url", alice}, ca), ""},
		{"another name", slices.Concat([]string{"--url", alice, "--server-name", "elsewhere.test"}, ca, own), "elsewhere.test"},
		{"without TLS", []string{"--url", "redis://" + addr, "--user", "alice"}, "TLS"},
	} {
		p := redisarrowIn(t, env, append(base, f.flags...)...)
		requireLine(t, p, exitNoConnection, addr, f.want)
		requireNoSecret(t, p, "al1ce-password")
		assert.Empty(t, names(t, dir), f.name)
	}
	p := redisarrowIn(t, env, append(base, "--url", alice, "--cacert", certs.ClientKeyFile)...)
	requireLine(t, p, exitUsage, "--cacert", "no certificate in PEM form")
}
