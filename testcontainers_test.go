package redisarrow_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/arrowutil"
	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
)

// A cluster in Docker, scanned from outside as a user's program would: through
// the addresses that the nodes announce, which aren't those of the containers.
// What comes out is what a plain go-redis loop reads, with and without replicas.
// How the cluster is made is in containers_test.go.
func TestContainers(t *testing.T) {
	engine := docker(t)
	command := buildCommand(t)
	c := startContainers(t, engine, 3, 1)
	plain := c.client(t, redis.ClusterOptions{})
	fill(t, plain)
	users, counters := plainUsers(t, plain), plainCounters(t, plain)
	require.Len(t, users, 10_000)
	require.Len(t, counters, 10_000)

	scans := func(t *testing.T) {
		var dialed dialedAddrs
		rdb := c.client(t, redis.ClusterOptions{Dialer: dialed.dial})
		t.Run("topology", func(t *testing.T) { assertAnnounced(t, c, rdb) })
		t.Run("masters in turn", func(t *testing.T) { assertScans(t, c, rdb, 1, users, counters) })
		t.Run("all masters at once", func(t *testing.T) { assertScans(t, c, rdb, iterator.AllMasters, users, counters) })
		assert.Subset(t, c.addrs(), dialed.all(), "nothing is dialed but what is announced")

		t.Run("command", func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "users.arrow")
			export := exec.CommandContext(t.Context(), command, "export", "--url", "redis://"+c.nodes[0].addr,
				"--type", "hash", "--pattern", "user:*", "--schema", "name:utf8,age:int64,active:boolean,signup_date:date32", "--output", path)
			export.Env = append(os.Environ(), "REDISARROW_PASSWORD="+containerPassword)
			out, err := export.CombinedOutput()
			require.NoError(t, err, "%s", out)
			assertRows(t, users, fileRows(t, path))
		})
	}
	t.Run("with replicas", scans)
	c.removeReplicas(t)
	t.Run("without replicas", scans)
}

// assertAnnounced checks that the topology has the nodes at their announced
// addresses, though what they call each other is something else.
func assertAnnounced(t *testing.T, c *containerCluster, rdb *redis.ClusterClient) {
	t.Helper()
	dialer, err := cluster.NewDialer(rdb)
	require.NoError(t, err)
	topology, err := cluster.Discover(t.Context(), dialer)
	require.NoError(t, err)
	require.Len(t, topology.Masters, c.masters)
	for i, master := range topology.Masters {
		assert.Equal(t, c.nodes[i].id, master.ID)
		assert.Equal(t, c.nodes[i].addr, master.Addr)
		assert.Equal(t, c.replicasOf(i), master.Replicas)
	}
	nodes, err := c.nodes[0].rdb.ClusterNodes(t.Context()).Result()
	require.NoError(t, err)
	for _, n := range c.nodes {
		assert.Contains(t, nodes, " "+n.ip+":")
		assert.NotEqual(t, n.ip, c.host)
	}
}

func assertScans(t *testing.T, c *containerCluster, rdb *redis.ClusterClient, concurrency int, users, counters []string) {
	t.Helper()
	it := scanUsers(t, rdb, concurrency)
	assertRows(t, users, drain(t, it))
	assertScanned(t, c, it.Stats(), len(users))

	values := scanCounters(t, rdb, concurrency)
	assertRows(t, counters, drain(t, values))
	assertScanned(t, c, values.Stats(), len(counters))

	path := filepath.Join(t.TempDir(), "users.arrow")
	result, err := arrowutil.WriteIPCFile(path, scanUsers(t, rdb, concurrency))
	require.NoError(t, err)
	assert.EqualValues(t, len(users), result.Rows)
	assertRows(t, users, fileRows(t, path))
}

// assertScanned checks that each master gave its share, at the address that it
// announces, and no replica any.
func assertScanned(t *testing.T, c *containerCluster, stats iterator.Stats, rows int) {
	t.Helper()
	assert.EqualValues(t, rows, stats.Rows)
	require.Len(t, stats.Nodes, c.masters)
	for i, node := range stats.Nodes {
		assert.Equal(t, c.nodes[i].addr, node.Addr)
		assert.Positive(t, node.Rows)
	}
}

// buildCommand gives the test the command, in a folder of its own.
func buildCommand(t *testing.T) string {
	t.Helper()
	built, err := theCommand()
	require.NoError(t, err)
	command := filepath.Join(t.TempDir(), "redisarrow")
	require.NoError(t, os.Link(built, command)) // not written here: while others fork it could not be run
	return command
}

// theCommand builds it, once for all tests: linking takes longer than most of them.
var theCommand = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "redisarrow")
	if err != nil {
		return "", err
	}
	builtIn = dir
	command := filepath.Join(dir, "redisarrow")
	if out, err := exec.Command("go", "build", "-o", command, "./cmd/redisarrow").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return command, nil
})

// builtIn is its folder.
var builtIn string

func TestMain(m *testing.M) {
	status := m.Run()
	if builtIn != "" {
		_ = os.RemoveAll(builtIn)
	}
	os.Exit(status)
}

// dialedAddrs are the addresses that a client has dialed, each once.
type dialedAddrs struct {
	mu    sync.Mutex
	addrs []string
}

func (d *dialedAddrs) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Contains(d.addrs, addr) {
		d.addrs = append(d.addrs, addr)
	}
	var dialer net.Dialer
	return dialer.DialContext(ctx, network, addr)
}

func (d *dialedAddrs) all() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.addrs)
}

// fill writes 10,000 users and as many counters, and keys that are neither. Each
// tenth user has no age.
func fill(t *testing.T, rdb *redis.ClusterClient) {
	t.Helper()
	ctx := t.Context()
	for start := 0; start < 10_000; start += 1000 {
		_, err := rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i := start; i < start+1000; i++ {
				fields := []any{"name", fmt.Sprint("Jürgen ", i), "active", fmt.Sprint(i%2 == 0), "signup_date", "2024-01-15", "more", i}
				if i%10 != 0 {
					fields = append(fields, "age", 18+i%60)
				}
				p.HSet(ctx, fmt.Sprint("user:", i), fields...)
				p.Set(ctx, fmt.Sprint("counter:", i), i, 0)
			}
			return nil
		})
		require.NoError(t, err)
	}
	require.NoError(t, rdb.RPush(ctx, "user:list", "not a hash").Err())
	require.NoError(t, rdb.Set(ctx, "user:string", "not a hash", 0).Err())
	require.NoError(t, rdb.HSet(ctx, "counter:hash", "not", "a string").Err())
	require.NoError(t, rdb.HSet(ctx, "other:1", "name", "not of the pattern").Err())
}

// plainRows is what the scans are compared with: a plain loop over the masters.
// read makes the row of a key.
func plainRows(t *testing.T, rdb *redis.ClusterClient, pattern, typ string, read func(p redis.Pipeliner, key string) func() string) []string {
	t.Helper()
	var mu sync.Mutex
	var rows []string
	require.NoError(t, rdb.ForEachMaster(t.Context(), func(ctx context.Context, master *redis.Client) error {
		for cursor := uint64(0); ; {
			keys, next, err := master.ScanType(ctx, cursor, pattern, 1000, typ).Result()
			if err != nil {
				return err
			}
			var page []func() string
			if _, err := master.Pipelined(ctx, func(p redis.Pipeliner) error {
				for _, key := range keys {
					page = append(page, read(p, key))
				}
				return nil
			}); err != nil {
				return err
			}
			mu.Lock()
			for _, row := range page {
				rows = append(rows, row())
			}
			mu.Unlock()
			if cursor = next; cursor == 0 {
				return nil
			}
		}
	}))
	slices.Sort(rows)
	// SCAN may give a key more than once.
	return slices.Compact(rows)
}

func plainUsers(t *testing.T, rdb *redis.ClusterClient) []string {
	t.Helper()
	return plainRows(t, rdb, "user:*", "hash", func(p redis.Pipeliner, key string) func() string {
		cmd := p.HGetAll(t.Context(), key)
		return func() string {
			cells := []string{key}
			for _, field := range []string{"name", "age", "active", "signup_date"} {
				cell, ok := cmd.Val()[field]
				if !ok {
					cell = array.NullValueStr
				}
				cells = append(cells, cell)
			}
			return strings.Join(cells, "|")
		}
	})
}

func plainCounters(t *testing.T, rdb *redis.ClusterClient) []string {
	t.Helper()
	return plainRows(t, rdb, "counter:*", "string", func(p redis.Pipeliner, key string) func() string {
		cmd := p.Get(t.Context(), key)
		return func() string { return key + "|" + cmd.Val() }
	})
}

// scanConfig has an allocator that must be empty when the test ends.
func scanConfig(t *testing.T, pattern string, concurrency int) iterator.Config {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	t.Cleanup(func() { mem.AssertSize(t, 0) })
	return iterator.Config{Pattern: pattern, BatchSize: 1000, CountHint: 500, Concurrency: concurrency, Allocator: mem}
}

func scanUsers(t *testing.T, rdb *redis.ClusterClient, concurrency int) *iterator.ClusterHashBatchIterator {
	t.Helper()
	columns, err := schema.ParseHash("_key:key,name:utf8,age:int64,active:boolean,signup_date:date32")
	require.NoError(t, err)
	it, err := iterator.NewClusterHashBatchIterator(t.Context(), rdb, columns, scanConfig(t, "user:*", concurrency))
	require.NoError(t, err)
	t.Cleanup(it.Release)
	return it
}

func scanCounters(t *testing.T, rdb *redis.ClusterClient, concurrency int) *iterator.ClusterStringBatchIterator {
	t.Helper()
	columns, err := schema.ParseString("_key:key,value:int64")
	require.NoError(t, err)
	it, err := iterator.NewClusterStringBatchIterator(t.Context(), rdb, columns, scanConfig(t, "counter:*", concurrency))
	require.NoError(t, err)
	t.Cleanup(it.Release)
	return it
}

// drain reads a scan to its end: its rows, sorted.
func drain(t *testing.T, rr array.RecordReader) []string {
	t.Helper()
	var rows []string
	for rr.Next() {
		rows = append(rows, rowsOf(rr.RecordBatch())...)
	}
	require.NoError(t, rr.Err())
	slices.Sort(rows)
	return rows
}

// fileRows are the rows of an IPC file, sorted.
func fileRows(t *testing.T, path string) []string {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	r, err := ipc.NewFileReader(f)
	require.NoError(t, err)
	defer r.Close()
	var rows []string
	for i := range r.NumRecords() {
		batch, err := r.RecordBatch(i)
		require.NoError(t, err)
		rows = append(rows, rowsOf(batch)...)
	}
	slices.Sort(rows)
	return rows
}

// assertRows tells of the first row that differs, not of thousands.
func assertRows(t *testing.T, want, got []string) {
	t.Helper()
	require.Len(t, got, len(want))
	for i := range want {
		require.Equal(t, want[i], got[i], "row %d", i)
	}
}

func rowsOf(batch arrow.RecordBatch) []string {
	rows := make([]string, batch.NumRows())
	for i := range rows {
		cells := make([]string, batch.NumCols())
		for j, column := range batch.Columns() {
			cells[j] = column.ValueStr(i)
		}
		rows[i] = strings.Join(cells, "|")
	}
	return rows
}
