package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/minicluster"
)

// readFormat reads what hashArgs give of the fixture, written in a format.
func readFormat(t *testing.T, format string, data []byte) []string {
	t.Helper()
	var rows []string
	switch format {
	case "arrow", "parquet":
		path := filepath.Join(t.TempDir(), "x."+format)
		require.NoError(t, os.WriteFile(path, data, 0o644))
		rows = readFile(t, path).rows
	case "arrows":
		rows = readStream(t, bytes.NewReader(data)).rows
	case "csv":
		lines, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
		require.NoError(t, err)
		require.Equal(t, []string{"_key", "name", "age"}, lines[0])
		for _, line := range lines[1:] {
			rows = append(rows, strings.Join(line, "|"))
		}
	case "jsonl":
		for line := range bytes.Lines(data) {
			var row struct {
				Key  string `json:"_key"`
				Name string
				Age  int
			}
			require.NoError(t, json.Unmarshal(line, &row))
			rows = append(rows, fmt.Sprintf("%s|%s|%d", row.Key, row.Name, row.Age))
		}
	default:
		require.Fail(t, format)
	}
	slices.Sort(rows)
	return rows
}

// The format goes by the extension, by --format, and by what the output is.
func TestExportFormats(t *testing.T) {
	c := fixture(t, minicluster.Config{})
	want := userRows("user:%[1]d|User%[1]d|%[2]d")
	for _, f := range []struct {
		output, flag string
		format       string
	}{
		{"users.arrow", "", "arrow"},
		{"users.feather", "", "arrow"},
		{"users", "", "arrow"},
		{".users", "", "arrow"},
		{"users.arrows", "", "arrows"},
		{"users.parquet", "", "parquet"},
		{"users.PQ", "", "parquet"},
		{"users.csv", "", "csv"},
		{"users.jsonl", "", "jsonl"},
		{"users.2024-01-15", "csv", "csv"},
		{"users", "ndjson", "jsonl"},
		{"users.parquet", "parquet", "parquet"},
		{"-", "", "arrows"},
		{"-", "arrow", "arrow"},
		{"-", "parquet", "parquet"},
		{"-", "csv", "csv"},
		{"-", "jsonl", "jsonl"},
	} {
		t.Run(f.output+" "+f.flag, func(t *testing.T) {
			path := f.output
			if path != "-" {
				path = filepath.Join(t.TempDir(), f.output)
			}
			args := exportArgs(c, path, hashArgs...)
			if f.flag != "" {
				args = append(args, "--format", f.flag)
			}
			p := redisarrow(t, args...)
			require.Zero(t, p.status, p.stderr)
			data := []byte(p.stdout)
			if path != "-" {
				var err error
				data, err = os.ReadFile(path)
				require.NoError(t, err)
			}
			assert.Equal(t, want, readFormat(t, f.format, data))
			summary := summaryOf(t, p.stderr)
			assert.Contains(t, summary["file size"]+summary["stream size"], fmt.Sprintf("%d bytes", len(data)))
		})
	}
}

func TestExportParquet(t *testing.T) {
	c := fixture(t, minicluster.Config{})
	dir := t.TempDir()
	size := map[string]int64{}
	for _, compression := range []string{"none", "snappy", "lz4", "zstd", "gzip"} {
		path := filepath.Join(dir, compression+".parquet")
		p := redisarrow(t, append(exportArgs(c, path, hashArgs...), "--compression", compression, "--row-group-rows", "25")...)
		require.Zero(t, p.status, p.stderr)
		got := readFile(t, path)
		assert.Equal(t, userRows("user:%[1]d|User%[1]d|%[2]d"), got.rows)
		assert.Equal(t, "_key utf8, name utf8, age int64", got.schema)
		assert.Equal(t, []int64{25, 25, 10}, got.batches, "row groups")
		info, err := os.Stat(path)
		require.NoError(t, err)
		size[compression] = info.Size()
	}
	// The default is Snappy.
	path := filepath.Join(dir, "default.parquet")
	require.Zero(t, redisarrow(t, append(exportArgs(c, path, hashArgs...), "--row-group-rows", "25")...).status)
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.InDelta(t, size["snappy"], info.Size(), 20, "but for the time of the scan")
}

// A failure leaves nothing in a file, and nothing that looks whole in a pipe,
// whatever the format.
func TestExportFormatsFail(t *testing.T) {
	c := fixture(t, minicluster.Config{})
	c.SetHash("user:bad", "name", "Bad", "age", "old")
	for _, format := range []string{"arrow", "arrows", "parquet", "csv", "jsonl"} {
		dir := t.TempDir()
		requireLine(t, redisarrow(t, exportArgs(c, filepath.Join(dir, "x."+format), append(hashArgs, "--batch-size", "10")...)...), exitBadCells, "user:bad")
		assert.Empty(t, names(t, dir))

		p := redisarrow(t, exportArgs(c, "-", append(hashArgs, "--batch-size", "1", "--format", format)...)...)
		require.Equal(t, exitBadCells, p.status)
		switch format {
		case "csv":
			assert.True(t, strings.HasSuffix(p.stdout, "\n\"\xff"), "%q", p.stdout)
		case "jsonl":
			assert.True(t, strings.HasSuffix(p.stdout, "\n{\""), "%q", p.stdout)
		case "parquet":
			assert.False(t, strings.HasSuffix(p.stdout, "PAR1") && len(p.stdout) > 4)
		case "arrow":
			assert.False(t, strings.HasSuffix(p.stdout, "ARROW1"))
		}
	}
}

func TestPartsFormats(t *testing.T) {
	c := fixture(t, minicluster.Config{})
	want := userRows("user:%[1]d|User%[1]d|%[2]d")
	for _, format := range []string{"arrow", "arrows", "parquet", "csv", "jsonl"} {
		t.Run(format, func(t *testing.T) {
			dir := t.TempDir()
			out := filepath.Join(dir, "out")
			c.SetHash("user:bad", "name", "Bad", "age", "old")
			args := partsArgs(c, dir, "--format", format)
			requireLine(t, redisarrow(t, args...), exitBadCells, "user:bad")
			before := names(t, out)
			other := "csv"
			if format == "csv" {
				other = "parquet"
			}
			requireLine(t, redisarrow(t, partsArgs(c, dir, "--format", other)...), exitUsage, "--checkpoint", "in the format "+format, "give --format "+format)
			assert.Equal(t, before, names(t, out), "nothing was touched")

			c.Delete("user:bad")
			// A part that a killed process has left, and a file of somebody else.
			require.NoError(t, os.WriteFile(filepath.Join(out, "part-00009."+format), []byte("unknown"), 0o644))
			require.NoError(t, os.WriteFile(filepath.Join(out, "part-00001.txt"), []byte("notes"), 0o644))
			p := redisarrow(t, args...)
			require.Zero(t, p.status, p.stderr)
			require.NoError(t, os.Remove(filepath.Join(out, "part-00001.txt")))
			var rows []string
			for i, name := range names(t, out) {
				require.Equal(t, fmt.Sprintf("part-%05d.%s", i+1, format), name)
				data, err := os.ReadFile(filepath.Join(out, name))
				require.NoError(t, err)
				part := readFormat(t, format, data)
				assert.LessOrEqual(t, len(part), 7)
				rows = append(rows, part...)
			}
			slices.Sort(rows)
			assert.Equal(t, want, rows)
		})
	}
	// Parts of another format are in the way, too.
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "part-00001.arrow"), nil, 0o644))
	requireLine(t, redisarrow(t, exportArgs(c, dir+"/", append(hashArgs, "--format", "parquet")...)...), exitUsage, "has parts already")
}

// Parts by bytes: each is about as large, and the rows are no limit then.
func TestPartsByBytes(t *testing.T) {
	c := startMini(t, minicluster.Config{})
	const keys, most = 600, 64 << 10
	for i := range keys {
		c.SetString(fmt.Sprintf("page:%d", i), strings.Repeat(fmt.Sprintf("%04d", i), 256))
	}
	args := []string{"--type", "string", "--pattern", "page:*"}
	for _, format := range []string{"arrow", "parquet", "csv"} {
		for compression, few := range map[string]bool{"none": false, "zstd": true} {
			if format == "csv" && compression != "none" {
				continue
			}
			dir := t.TempDir()
			p := redisarrow(t, exportArgs(c, dir+"/", append(args, "--part-bytes", "64KiB", "--batch-size", "10", "--format", format, "--compression", compression)...)...)
			require.Zero(t, p.status, p.stderr)
			var total, parts int64
			require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				info, err := d.Info()
				require.NoError(t, err)
				assert.Less(t, info.Size(), int64(2*most), "%s, %s: %s", format, compression, path)
				total, parts = total+info.Size(), parts+1
				return nil
			}))
			if few {
				assert.Less(t, parts, int64(7), "compressed, they have more rows")
				continue
			}
			assert.InDelta(t, keys*1024/most, parts, 2, "%s, %s: %d bytes", format, compression, total)
		}
	}
	dir := t.TempDir()
	p := redisarrow(t, exportArgs(c, dir+"/", append(args, "--part-bytes", "64KiB", "--part-rows", "100")...)...)
	require.Zero(t, p.status, p.stderr)
	for _, name := range names(t, dir) {
		assert.LessOrEqual(t, len(readFile(t, filepath.Join(dir, name)).rows), 100)
	}
}
