package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/minicluster"
)

const fixtureUsers = 60

// fixture has users on all masters, and among them what must not come out.
func fixture(t *testing.T, cfg minicluster.Config) *minicluster.Cluster {
	t.Helper()
	c := startMini(t, cfg)
	for i := 1; i <= fixtureUsers; i++ {
		c.SetHash(fmt.Sprintf("user:%d", i), "name", fmt.Sprintf("User%d", i), "age", fmt.Sprint(20+i))
		c.SetString(fmt.Sprintf("counter:%d", i), fmt.Sprint(10*i))
	}
	c.SetString("user:text", "not a hash")
	c.SetList("user:list", "not a hash")
	c.SetHash("other:1", "name", "not of the pattern")
	return c
}

func userRows(format string) []string {
	var rows []string
	for i := 1; i <= fixtureUsers; i++ {
		rows = append(rows, fmt.Sprintf(format, i, 20+i))
	}
	slices.Sort(rows)
	return rows
}

// exportArgs is an export with its required flags, and more.
func exportArgs(c *minicluster.Cluster, output string, more ...string) []string {
	return append([]string{"export", "--url", c.URLs()[0], "--output", output}, more...)
}

var hashArgs = []string{"--type", "hash", "--pattern", "user:*", "--schema", "name:utf8,age:int64"}

func TestExportHashes(t *testing.T) {
	c := fixture(t, minicluster.Config{})
	path := filepath.Join(t.TempDir(), "users.arrow")
	p := redisarrow(t, exportArgs(c, path, hashArgs...)...)
	require.Zero(t, p.status, p.stderr)

	got := readFile(t, path)
	assert.Equal(t, "_key utf8, name utf8, age int64", got.schema)
	assert.Equal(t, userRows("user:%[1]d|User%[1]d|%[2]d"), got.rows)

	// The summary, and nothing else: no progress in a pipe.
	assert.Empty(t, p.stdout)
	info, err := os.Stat(path)
	require.NoError(t, err)
	summary := summaryOf(t, p.stderr)
	assert.Equal(t, path, summary["file"])
	assert.Equal(t, fmt.Sprint(fixtureUsers), summary["rows"])
	assert.Equal(t, "1", summary["batches"])
	assert.Equal(t, "0", summary["vanished"])
	assert.Equal(t, "2", summary["wrong type"], "the text and the list of this prefix, as GETKEYSINSLOT knows no types")
	assert.Equal(t, "0", summary["parse failures"])
	assert.Contains(t, summary["file size"], fmt.Sprintf("%d bytes", info.Size()))
	assert.Contains(t, summary, "seconds")
	assert.Contains(t, summary, "rows/s")
}

// What happens to keys between SCAN and fetch is counted (J1, J3).
func TestExportCounts(t *testing.T) {
	c := fixture(t, minicluster.Config{})
	var once sync.Once
	c.SetFault(func(node, _ int, args [][]byte) *minicluster.Fault {
		if name := strings.ToUpper(string(args[0])); name != "HGETALL" && name != "HMGET" {
			return nil
		}
		// At its first fetch a node's keys have all been enumerated: they fit
		// into one page.
		once.Do(func() {
			var waiting []string
			for _, key := range c.Keys(node) {
				if strings.HasPrefix(key, "user:") && key != "user:text" && key != "user:list" && key != string(args[1]) {
					waiting = append(waiting, key)
				}
			}
			assert.Equal(t, 2, c.Delete(waiting[0], waiting[1]))
			c.SetString(waiting[2], "a string by now")
		})
		return nil
	})
	path := filepath.Join(t.TempDir(), "out.arrow")
	p := redisarrow(t, append(exportArgs(c, path, hashArgs...), "--enumerate", "plainscan")...)
	require.Zero(t, p.status, p.stderr)
	summary := summaryOf(t, p.stderr)
	assert.Equal(t, fmt.Sprint(fixtureUsers-3), summary["rows"])
	assert.Equal(t, "2", summary["vanished"])
	assert.Equal(t, "1", summary["wrong type"])
}

// n exports that don't know of each other have the rows of one.
func TestExportPartitions(t *testing.T) {
	c := fixture(t, minicluster.Config{})
	for _, n := range []int{1, 3, 7} {
		var rows []string
		for i := 1; i <= n; i++ {
			path := filepath.Join(t.TempDir(), "users.arrow")
			p := redisarrow(t, append(exportArgs(c, path, hashArgs...), "--partition", fmt.Sprintf("%d/%d", i, n))...)
			require.Zero(t, p.status, p.stderr)
			rows = append(rows, readFile(t, path).rows...)
		}
		slices.Sort(rows)
		assert.Equal(t, userRows("user:%[1]d|User%[1]d|%[2]d"), rows)
	}
	path := filepath.Join(t.TempDir(), "users.arrow")
	p := redisarrow(t, append(exportArgs(c, path, hashArgs...), "--slots", "10778, 0-1")...)
	require.Zero(t, p.status, p.stderr)
	assert.Equal(t, []string{"user:1|User1|21"}, readFile(t, path).rows)
}

func TestExportCourteously(t *testing.T) {
	c := fixture(t, minicluster.Config{})
	path := filepath.Join(t.TempDir(), "users.arrow")
	p := redisarrow(t, append(exportArgs(c, path, hashArgs...), "--duty", "0.5", "--max-keys-per-second", "100")...)
	require.Zero(t, p.status, p.stderr)
	assert.Equal(t, userRows("user:%[1]d|User%[1]d|%[2]d"), readFile(t, path).rows)
}

func summaryOf(t *testing.T, stderr string) map[string]string {
	t.Helper()
	assert.NotContains(t, stderr, "\r")
	assert.NotContains(t, stderr, "\x1b")
	out := map[string]string{}
	for line := range strings.Lines(stderr) {
		name, value, found := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		require.True(t, found, "not a line of the summary: %q", line)
		out[name] = strings.TrimSpace(value)
	}
	return out
}

func TestExportStream(t *testing.T) {
	c := fixture(t, minicluster.Config{})
	for _, compression := range []string{"none", "lz4", "zstd"} {
		p := redisarrow(t, exportArgs(c, "-", append(hashArgs, "--compression", compression)...)...)
		require.Zero(t, p.status, p.stderr)
		assert.Equal(t, userRows("user:%[1]d|User%[1]d|%[2]d"), readStream(t, strings.NewReader(p.stdout)).rows)
		assert.Contains(t, summaryOf(t, p.stderr)["stream size"], fmt.Sprintf("%d bytes", len(p.stdout)))
	}
}

func TestExportStrings(t *testing.T) {
	c := fixture(t, minicluster.Config{})
	path := filepath.Join(t.TempDir(), "counters.arrow")
	p := redisarrow(t, exportArgs(c, path, "--type", "string", "--pattern", "counter:*", "--value-type", "int64")...)
	require.Zero(t, p.status, p.stderr)
	got := readFile(t, path)
	assert.Equal(t, "_key utf8, value int64", got.schema)
	var want []string
	for i := 1; i <= fixtureUsers; i++ {
		want = append(want, fmt.Sprintf("counter:%d|%d", i, 10*i))
	}
	slices.Sort(want)
	assert.Equal(t, want, got.rows)
}

func TestExportColumns(t *testing.T) {
	c := fixture(t, minicluster.Config{Now: func() time.Time { return time.Unix(1_700_000_000, 0) }})
	require.True(t, c.Expire("user:7", time.Hour))
	for _, f := range []struct {
		name   string
		flags  []string
		schema string
		row7   string // without the index
	}{
		{
			"all, whatever the order of the flags (G4)",
			[]string{"--ttl", "--index"},
			"_index uint64, _key utf8, _ttl int64, name utf8, age int64", "user:7|3600|User7|27",
		},
		{"named", []string{"--ttl=left", "--key=id"}, "id utf8, left int64, name utf8, age int64", "user:7|3600|User7|27"},
		{"without the key (G2)", []string{"--key="}, "name utf8, age int64", "User7|27"},
	} {
		t.Run(f.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "out.arrow")
			p := redisarrow(t, exportArgs(c, path, append(hashArgs, f.flags...)...)...)
			require.Zero(t, p.status, p.stderr)
			got := readFile(t, path)
			assert.Equal(t, f.schema, got.schema)
			require.Len(t, got.rows, fixtureUsers)
			if !strings.HasPrefix(f.schema, "_index") {
				assert.Contains(t, got.rows, f.row7)
				return
			}
			indexes := map[string]bool{}
			var rows []string
			for _, row := range got.rows {
				index, row, _ := strings.Cut(row, "|")
				indexes[index] = true
				rows = append(rows, row)
			}
			assert.Contains(t, rows, f.row7)
			assert.Contains(t, rows, "user:8|-1|User8|28")
			for i := range fixtureUsers {
				assert.True(t, indexes[fmt.Sprint(i)], "index %d", i)
			}
		})
	}
}

func TestExportSizes(t *testing.T) {
	c := fixture(t, minicluster.Config{})
	for _, f := range []struct {
		name    string
		flags   []string
		batches []int64
	}{
		{"batch size", []string{"--batch-size", "25"}, []int64{25, 25, 10}},
		{"batch size, all masters at once (K2)", []string{"--batch-size", "25", "--concurrency", "all"}, []int64{25, 25, 10}},
		{"two masters at once", []string{"--concurrency", "2"}, []int64{60}},
		{"max rows (K5)", []string{"--max-rows", "12", "--batch-size", "5"}, []int64{5, 5, 2}},
		{"max rows above what there is (K7)", []string{"--max-rows", "1000"}, []int64{60}},
		{"zeros are the defaults (K9)", []string{"--max-rows", "0", "--batch-size", "0"}, []int64{60}},
	} {
		t.Run(f.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "out.arrow")
			p := redisarrow(t, exportArgs(c, path, append(hashArgs, f.flags...)...)...)
			require.Zero(t, p.status, p.stderr)
			assert.Equal(t, f.batches, readFile(t, path).batches)
		})
	}
}

// acceptance H, row 7: a whole result of no rows is a file all the same.
func TestExportNothing(t *testing.T) {
	c := fixture(t, minicluster.Config{})
	path := filepath.Join(t.TempDir(), "out.arrow")
	p := redisarrow(t, exportArgs(c, path, "--type", "string", "--pattern", "nobody:*")...)
	require.Zero(t, p.status, p.stderr)
	got := readFile(t, path)
	assert.Empty(t, got.rows)
	assert.Equal(t, "_key utf8, value utf8", got.schema)
}

// acceptance J, row 5
func TestExportParseErrors(t *testing.T) {
	c := fixture(t, minicluster.Config{})
	c.SetHash("user:7", "name", "User7", "age", "seven")
	for _, f := range []struct {
		policy   string
		rows     int
		contains string
	}{
		{"null", fixtureUsers, "user:7|User7|null"},
		{"skip", fixtureUsers - 1, "user:8|User8|28"},
	} {
		path := filepath.Join(t.TempDir(), "out.arrow")
		p := redisarrow(t, exportArgs(c, path, append(hashArgs, "--on-parse-error", f.policy)...)...)
		require.Zero(t, p.status, p.stderr)
		got := readFile(t, path)
		assert.Len(t, got.rows, f.rows)
		assert.Contains(t, got.rows, f.contains)
		assert.Equal(t, "1", summaryOf(t, p.stderr)["parse failures"])
	}
	dir := t.TempDir()
	p := redisarrow(t, exportArgs(c, filepath.Join(dir, "out.arrow"), hashArgs...)...)
	requireLine(t, p, exitBadCells, "user:7", "age", "int64", "seven", "--on-parse-error")
	assert.Empty(t, names(t, dir))

	p = redisarrow(t, exportArgs(c, filepath.Join(dir, "out.arrow"), append(hashArgs, "--redact-values")...)...)
	requireLine(t, p, exitBadCells, "user:7", "age", "int64", "its value", "--on-parse-error")
	assert.NotContains(t, p.stderr, "seven")
	assert.Empty(t, names(t, dir))
}

func TestExportLargeValues(t *testing.T) {
	c := fixture(t, minicluster.Config{})
	c.SetHash("user:7", "name", strings.Repeat("x", 5000), "age", "27")
	args := append(slices.Clone(hashArgs), "--max-value-bytes", "4KiB")
	path := filepath.Join(t.TempDir(), "out.arrow")
	p := redisarrow(t, exportArgs(c, path, append(args, "--on-large-value", "null")...)...)
	require.Zero(t, p.status, p.stderr)
	assert.Contains(t, readFile(t, path).rows, "user:7|null|27")
	assert.Equal(t, "1", summaryOf(t, p.stderr)["large values"])

	dir := t.TempDir()
	p = redisarrow(t, exportArgs(c, filepath.Join(dir, "out.arrow"), args...)...)
	requireLine(t, p, exitBadCells, "user:7", "name", "5000 bytes", "4096", "--max-value-bytes", "--on-large-value")
	assert.Empty(t, names(t, dir))
}

func TestExportStandalone(t *testing.T) { // acceptance M, row 18
	c := fixture(t, minicluster.Config{Standalone: true})
	path := filepath.Join(t.TempDir(), "out.arrow")
	p := redisarrow(t, exportArgs(c, path, hashArgs...)...)
	require.Zero(t, p.status, p.stderr)
	assert.Len(t, readFile(t, path).rows, fixtureUsers)
}

func TestExportSeeds(t *testing.T) { // acceptance M, row 7: a dead seed first
	c := fixture(t, minicluster.Config{})
	path := filepath.Join(t.TempDir(), "out.arrow")
	args := append([]string{"export", "--url", "redis://127.0.0.1:1", "--url", c.URLs()[2], "--output", path}, hashArgs...)
	p := redisarrow(t, args...)
	require.Zero(t, p.status, p.stderr)
	assert.Len(t, readFile(t, path).rows, fixtureUsers)
}

func TestExportReplaces(t *testing.T) {
	c := fixture(t, minicluster.Config{})
	path := filepath.Join(t.TempDir(), "out.arrow")
	require.NoError(t, os.WriteFile(path, []byte("yesterday's"), 0o644))
	p := redisarrow(t, exportArgs(c, path, hashArgs...)...)
	require.Zero(t, p.status, p.stderr)
	assert.Len(t, readFile(t, path).rows, fixtureUsers)
}
