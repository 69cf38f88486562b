package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/iterator"
)

// readParts reads all parts of a folder, which has nothing else in it.
func readParts(t *testing.T, dir string) (rows []string, parts int) {
	t.Helper()
	for i, name := range names(t, dir) {
		require.Equal(t, fmt.Sprintf("part-%05d", i+1), strings.TrimSuffix(name, filepath.Ext(name)))
		rows = append(rows, readFile(t, filepath.Join(dir, name)).rows...)
		parts++
	}
	slices.Sort(rows)
	return rows, parts
}

// partsArgs are an export of the fixture in parts; the folder is dir/out.
func partsArgs(c *minicluster.Cluster, dir string, more ...string) []string {
	args := append([]string{"--checkpoint", filepath.Join(dir, "progress"), "--part-rows", "7"}, hashArgs...)
	return exportArgs(c, filepath.Join(dir, "out")+"/", append(args, more...)...)
}

func TestParts(t *testing.T) {
	c := fixture(t, minicluster.Config{})
	want := userRows("user:%[1]d|User%[1]d|%[2]d")
	dir := t.TempDir()
	p := redisarrow(t, partsArgs(c, dir)...)
	require.Zero(t, p.status, p.stderr)
	rows, parts := readParts(t, filepath.Join(dir, "out"))
	assert.Equal(t, want, rows)
	assert.Equal(t, (fixtureUsers+6)/7, parts)
	assert.Regexp(t, regexp.MustCompile(`rows in all +60\n`), p.stderr)

	p = redisarrow(t, partsArgs(c, dir)...) // again
	require.Zero(t, p.status, p.stderr)
	assert.Contains(t, p.stderr, "nothing to do")
	rows, _ = readParts(t, filepath.Join(dir, "out"))
	assert.Equal(t, want, rows)

	// Without a checkpoint, and into a folder that is there.
	dir = t.TempDir()
	p = redisarrow(t, exportArgs(c, dir+"/", hashArgs...)...)
	require.Zero(t, p.status, p.stderr)
	rows, parts = readParts(t, dir)
	assert.Equal(t, want, rows)
	assert.Equal(t, 1, parts)
	requireLine(t, redisarrow(t, exportArgs(c, dir+"/", hashArgs...)...), exitUsage, "has parts already", "no --checkpoint")

	// Nothing matches: one part, with the schema.
	dir = t.TempDir()
	p = redisarrow(t, partsArgs(c, dir, "--pattern", "none:*")...)
	require.Zero(t, p.status, p.stderr)
	rows, parts = readParts(t, filepath.Join(dir, "out"))
	assert.Empty(t, rows)
	assert.Equal(t, 1, parts)
}

// An export that fails goes on, when what was wrong is mended; and one that was
// killed between a part and the progress file doesn't have the part twice.
func TestPartsGoOn(t *testing.T) {
	c := fixture(t, minicluster.Config{})
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	c.SetHash("user:bad", "name", "Bad", "age", "old")
	p := redisarrow(t, partsArgs(c, dir, "--concurrency", "all", "--part-rows", "3")...)
	requireLine(t, p, exitBadCells, `"user:bad"`)
	known, parts := readParts(t, out)
	if parts > 0 {
		assert.Contains(t, p.stderr, "the same command goes on")
	}
	// What a killed process may leave.
	extra := filepath.Join(out, fmt.Sprintf("part-%05d.arrow", parts+1))
	require.NoError(t, os.WriteFile(extra, []byte("unknown"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(out, ".redisarrow-X.tmp"), []byte("half"), 0o644))

	c.Delete("user:bad")
	p = redisarrow(t, partsArgs(c, dir, "--compression", "zstd")...) // what makes no other rows may change
	require.Zero(t, p.status, p.stderr)
	rows, _ := readParts(t, out)
	assert.Equal(t, userRows("user:%[1]d|User%[1]d|%[2]d"), rows)
	assert.Subset(t, rows, known)
}

func TestPartsRefused(t *testing.T) {
	c := fixture(t, minicluster.Config{})
	dir := t.TempDir()
	out, file := filepath.Join(dir, "out"), filepath.Join(dir, "progress")
	refused := func(args []string, texts ...string) {
		t.Helper()
		requireLine(t, redisarrow(t, args...), exitUsage, texts...)
	}
	refused(exportArgs(c, filepath.Join(dir, "a.arrow"), append([]string{"--checkpoint", file}, hashArgs...)...), "--checkpoint needs parts")
	refused(partsArgs(c, dir, "--part-rows", "0"), "from 1")
	refused(exportArgs(c, filepath.Join(dir, "none", "out")+"/", hashArgs...), "--output")
	refused(partsArgs(c, dir, "--checkpoint", filepath.Join(dir, "none", "file")), "--checkpoint", "folder doesn't exist")

	require.Zero(t, redisarrow(t, partsArgs(c, dir)...).status)
	good, err := os.ReadFile(file)
	require.NoError(t, err)
	for _, bad := range [][]byte{nil, []byte("something else"), good[:len(good)/2], good[:len(good)-1], append(bytes.Clone(good), 0)} {
		require.NoError(t, os.WriteFile(file, bad, 0o644))
		refused(partsArgs(c, dir), "--checkpoint", "to begin anew")
	}
	require.NoError(t, os.Remove(file))
	refused(partsArgs(c, dir), "has parts already", "doesn't exist")
	require.NoError(t, os.WriteFile(file, good, 0o644))
	require.NoError(t, os.Remove(filepath.Join(out, "part-00002.arrow")))
	refused(partsArgs(c, dir), "8 of the 9 parts")

	// Another scan than the one that was begun.
	dir = t.TempDir()
	c.SetHash("user:bad", "name", "Bad", "age", "old")
	require.Equal(t, exitBadCells, redisarrow(t, partsArgs(c, dir)...).status)
	p := redisarrow(t, partsArgs(c, dir, "--pattern", "other:*")...)
	requireLine(t, p, exitFailure, "the checkpoint can't be used", `pattern "user:*"`)
	other := fixture(t, minicluster.Config{Seed: 77})
	p = redisarrow(t, partsArgs(other, dir)...)
	requireLine(t, p, exitFailure, "another cluster")
	assert.NotContains(t, strings.ToLower(p.stderr), "panic")
}

// Parts have the rows that were asked for, where batches are ours to choose.
func TestBatchSize(t *testing.T) {
	for _, c := range []struct {
		given int
		part  int64
		want  int
	}{
		{0, 1_000_000, 15_625}, {0, 50_000, 12_500}, {0, 16_384, 16_384}, {0, 16_385, 8193}, {0, 7, 7}, {0, 1, 1},
		{0, 16_411, 8206}, // a prime number
		{0, math.MaxInt64, iterator.DefaultBatchSize},
		{100, 50_000, 100}, {100, 7, 7}, {100, math.MaxInt64, 100},
	} {
		assert.Equal(t, c.want, batchSize(c.given, c.part), "%d of %d", c.given, c.part)
	}
}
