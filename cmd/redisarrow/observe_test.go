package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/minicluster"
)

// readReport reads --stats-json, which must have these names and no others.
func readReport(t *testing.T, path string, more ...string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var report map[string]any
	require.NoError(t, json.Unmarshal(text, &report))
	names := append([]string{
		"version", "complete", "missing_slots", "type", "pattern", "slots", "schema", "output",
		"begun", "elapsed_seconds", "rows", "batches", "bytes", "stats",
	}, more...)
	var got []string
	for name := range report {
		got = append(got, name)
	}
	assert.ElementsMatch(t, names, got)
	return report
}

func TestExportStatsJSON(t *testing.T) {
	c := fixture(t, minicluster.Config{})
	dir := t.TempDir()
	output, path := filepath.Join(dir, "users.arrow"), filepath.Join(dir, "stats.json")
	before := time.Now().Add(-time.Second)
	p := redisarrow(t, exportArgs(c, output, append(hashArgs, "--stats-json", path, "--batch-size", "25", "--ttl")...)...)
	require.Zero(t, p.status, p.stderr)
	summaryOf(t, p.stderr)
	r := readReport(t, path)
	assert.Regexp(t, `go1\.`, r["version"])
	assert.Equal(t, true, r["complete"])
	assert.Equal(t, "hash", r["type"])
	assert.Equal(t, "user:*", r["pattern"])
	assert.Equal(t, "0-16383", r["slots"])
	assert.Equal(t, "", r["missing_slots"])
	assert.Equal(t, "_key:key,_ttl:ttl[s],name:utf8,age:int64", r["schema"])
	assert.Equal(t, output, r["output"])
	assert.Equal(t, 60.0, r["rows"])
	assert.Equal(t, 3.0, r["batches"])
	info, err := os.Stat(output)
	require.NoError(t, err)
	assert.Equal(t, float64(info.Size()), r["bytes"])
	begun, err := time.Parse(time.RFC3339, r["begun"].(string))
	require.NoError(t, err)
	assert.WithinRange(t, begun, before, time.Now())
	assert.Greater(t, r["elapsed_seconds"], 0.0)
	stats := r["stats"].(map[string]any)
	assert.Equal(t, 60.0, stats["rows"])
	assert.Equal(t, 2.0, stats["wrong_type"])
	assert.Equal(t, 1.0, stats["progress"])
	nodes := stats["nodes"].([]any)
	require.Len(t, nodes, 3)
	node := nodes[0].(map[string]any)
	assert.Equal(t, c.Addrs()[0], node["addr"])
	assert.Equal(t, []any{"keysinslot"}, node["ways"])
	assert.Equal(t, []any{"HMGET"}, node["commands"])
}

// It says so when the result isn't whole, and a mistake leaves it alone.
func TestExportStatsJSONOfFailures(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "stats.json")
	with := func(c *minicluster.Cluster, more ...string) []string {
		return exportArgs(c, filepath.Join(dir, "out.arrow"), append(append(slices.Clone(hashArgs), "--stats-json", path), more...)...)
	}

	t.Run("a bad cell", func(t *testing.T) {
		c := fixture(t, minicluster.Config{})
		c.SetHash("user:7", "name", "User7", "age", "seven")
		p := redisarrow(t, with(c, "--stats")...)
		require.Equal(t, exitBadCells, p.status)
		assert.Contains(t, p.stderr, "listed by", "the table is there all the same")
		r := readReport(t, path, "error")
		assert.Equal(t, false, r["complete"])
		assert.Contains(t, r["error"], `"seven" does not fit int64`)
	})
	t.Run("slots that are missing", func(t *testing.T) {
		c := fixture(t, minicluster.Config{PartialCoverage: true})
		c.Unassign(777, 778)
		p := redisarrow(t, with(c)...)
		requireLine(t, p, exitIncomplete, "incomplete")
		r := readReport(t, path, "error")
		assert.Equal(t, false, r["complete"])
		assert.Equal(t, "777-778", r["missing_slots"])

		p = redisarrow(t, with(c, "--allow-incomplete")...)
		require.Equal(t, exitIncomplete, p.status, p.stderr)
		r = readReport(t, path)
		assert.Equal(t, false, r["complete"])
		assert.Equal(t, "777-778", r["missing_slots"])
		assert.Equal(t, 60.0, r["rows"])
	})
	t.Run("no cluster", func(t *testing.T) {
		args := append([]string{"export", "--url", "redis://:hunter22@127.0.0.1:1", "--output", filepath.Join(dir, "out.arrow"), "--stats-json", path}, hashArgs...)
		p := redisarrow(t, args...)
		requireLine(t, p, exitNoConnection, "127.0.0.1:1")
		r := readReport(t, path, "error")
		assert.Equal(t, false, r["complete"])
		assert.Contains(t, r["error"], "127.0.0.1:1")
		assert.NotContains(t, r["error"], "hunter22")
		assert.Equal(t, "", r["schema"])
		assert.Equal(t, []any{}, r["stats"].(map[string]any)["nodes"])
	})
	t.Run("mistakes", func(t *testing.T) {
		c := fixture(t, minicluster.Config{})
		require.NoError(t, os.WriteFile(path, []byte("yesterday's"), 0o600))
		p := redisarrow(t, with(c, "--dry-run")...)
		require.Zero(t, p.status, p.stderr)
		for _, f := range []struct {
			args []string
			want string
		}{
			{with(c, "--max-rows", "x"), "--max-rows"},
			{with(c, "--stats-json", filepath.Join(dir, "none", "stats.json")), "--stats-json"},
			{with(c, "--stats-json", ""), "--stats-json"},
			{with(c, "--stats-json", filepath.Join(dir, ".", "out.arrow")), "--stats-json"},
			{with(c, "--log-level", "loud"), "debug"},
			{with(c, "--log-format", "json"), "--log-level"},
			{with(c, "--log-level", "warn", "--log-format", "xml"), "text or json"},
		} {
			requireLine(t, redisarrow(t, f.args...), exitUsage, f.want)
		}
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, "yesterday's", string(text))
	})
}

// In parts: this run's, and what there is in all.
func TestExportStatsJSONOfParts(t *testing.T) {
	c := fixture(t, minicluster.Config{})
	dir := t.TempDir()
	path := filepath.Join(dir, "stats.json")
	args := exportArgs(c, filepath.Join(dir, "parts")+"/", append(slices.Clone(hashArgs), "--checkpoint", filepath.Join(dir, "progress"), "--part-rows", "25", "--stats-json", path)...)
	for i := range 2 {
		p := redisarrow(t, args...)
		require.Zero(t, p.status, p.stderr)
		r := readReport(t, path, "parts", "rows_in_all")
		assert.Equal(t, true, r["complete"])
		assert.Equal(t, 3.0, r["parts"])
		assert.Equal(t, 60.0, r["rows_in_all"])
		assert.Equal(t, []float64{60, 0}[i], r["rows"], "the second run has nothing to do")
	}
}

func TestExportStats(t *testing.T) {
	c := fixture(t, minicluster.Config{})
	p := redisarrow(t, exportArgs(c, filepath.Join(t.TempDir(), "users.arrow"), append(hashArgs, "--stats")...)...)
	require.Zero(t, p.status, p.stderr)
	summary, table, found := strings.Cut(p.stderr, "\n\n")
	require.True(t, found, p.stderr)
	summaryOf(t, summary)
	lines := strings.Split(strings.TrimSpace(table), "\n")
	require.Len(t, lines, 5)
	assert.Regexp(t, `^node +listed by +read by +keys +rows +wrong type +.*bytes$`, lines[0])
	for i, addr := range c.Addrs() {
		assert.Regexp(t, "^"+regexp.QuoteMeta(addr)+` +keysinslot +HMGET +\d+ +\d+ `, lines[i+1])
	}
	assert.Regexp(t, `^all +- +- +\d+ +60 +2 `, lines[4])
}

func TestExportLog(t *testing.T) {
	c := fixture(t, minicluster.Config{})
	for _, f := range []struct {
		flags []string
		want  string
	}{
		{nil, ""},
		{[]string{"--log-level", "off"}, ""},
		{[]string{"--log-level", "error"}, ""},
		{[]string{"--log-level", "debug"}, `time=\S+ level=DEBUG msg="reading slots" node=127\.0\.0\.1:\d+ slots=\d+`},
		{[]string{"--log-level", "DEBUG", "--log-format", "json"}, `\{"time":"[^"]+","level":"DEBUG","msg":"reading slots","node":"127\.0\.0\.1:\d+","slots":\d+\}`},
	} {
		p := redisarrow(t, exportArgs(c, filepath.Join(t.TempDir(), "users.arrow"), append(slices.Clone(hashArgs), f.flags...)...)...)
		require.Zero(t, p.status, p.stderr)
		n := 0
		var rest strings.Builder
		for line := range strings.Lines(p.stderr) {
			if f.want != "" && regexp.MustCompile(`^`+f.want+`\n$`).MatchString(line) {
				n++
				continue
			}
			rest.WriteString(line)
		}
		if f.want != "" {
			assert.Equal(t, 3, n, p.stderr)
		}
		assert.Equal(t, "60", summaryOf(t, rest.String())["rows"], "the summary stands alone otherwise")
	}
}
