package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/minicluster"
)

// binary is the command, built once: what is tested is the process, with its
// exit status and its two outputs.
var binary string

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	flag.Parse()
	if flag.Lookup("test.fuzz").Value.String() != "" {
		return m.Run() // fuzz targets need no binary, and each of the fuzzer's processes would build it
	}
	dir, err := os.MkdirTemp("", "redisarrow-command-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "redisarrow")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "building the command:", err)
		return 1
	}
	return m.Run()
}

// process is a run that has ended.
type process struct {
	status         int
	stdout, stderr string
}

// command prepares a run. Of the environment it gets only what a program
// needs, and env.
func command(ctx context.Context, env []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir()}, env...)
	return cmd
}

func redisarrow(t *testing.T, args ...string) process { return redisarrowIn(t, nil, args...) }

func redisarrowIn(t *testing.T, env []string, args ...string) process {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := command(t.Context(), env, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	return process{status: wait(t, cmd.Run()), stdout: stdout.String(), stderr: stderr.String()}
}

// wait turns what Run or Wait returned into the exit status.
func wait(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		require.True(t, exit.Exited(), "killed: %v", exit)
		return exit.ExitCode()
	}
	require.NoError(t, err)
	return 0
}

// requireLine is what every failure looks like: one line, no dump of the
// usage, no stack, nothing on standard output.
func requireLine(t *testing.T, p process, status int, parts ...string) {
	t.Helper()
	require.Equal(t, status, p.status, "stderr: %s", p.stderr)
	assert.Empty(t, p.stdout)
	line, rest, _ := strings.Cut(p.stderr, "\n")
	assert.Empty(t, rest, "more than one line")
	assert.True(t, strings.HasPrefix(line, "redisarrow: "), line)
	assert.Equal(t, status == exitUsage, strings.Contains(line, "--help)"), line)
	for _, part := range parts {
		assert.Contains(t, line, part)
	}
}

func startMini(t *testing.T, cfg minicluster.Config) *minicluster.Cluster {
	t.Helper()
	c, err := minicluster.Start(cfg)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// table is a file or stream that was read back: a line a row, sorted.
type table struct {
	schema  string
	rows    []string
	batches []int64
}

func readFile(t *testing.T, path string) table {
	t.Helper()
	if filepath.Ext(path) == ".parquet" {
		return readParquet(t, path)
	}
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	r, err := ipc.NewFileReader(f)
	require.NoError(t, err)
	defer r.Close()
	out := table{schema: describe(r.Schema())}
	for i := range r.NumRecords() {
		b, err := r.RecordBatchAt(i)
		require.NoError(t, err)
		out.add(b)
		b.Release()
	}
	slices.Sort(out.rows)
	return out
}

// readParquet has a batch a row group.
func readParquet(t *testing.T, path string) table {
	t.Helper()
	f, err := file.OpenParquetFile(path, false)
	require.NoError(t, err)
	defer f.Close()
	r, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{}, memory.NewGoAllocator())
	require.NoError(t, err)
	schema, err := r.Schema()
	require.NoError(t, err)
	out := table{schema: describe(schema)}
	var columns []int
	for i := range schema.Fields() {
		columns = append(columns, i)
	}
	for i := range f.NumRowGroups() {
		group, err := r.ReadRowGroups(t.Context(), columns, []int{i})
		require.NoError(t, err)
		batches := array.NewTableReader(group, group.NumRows())
		require.True(t, batches.Next())
		out.add(batches.RecordBatch())
		batches.Release()
		group.Release()
	}
	slices.Sort(out.rows)
	return out
}

func readStream(t *testing.T, rd io.Reader) table {
	t.Helper()
	r, err := ipc.NewReader(rd)
	require.NoError(t, err)
	defer r.Release()
	out := table{schema: describe(r.Schema())}
	for r.Next() {
		out.add(r.RecordBatch())
	}
	require.NoError(t, r.Err())
	slices.Sort(out.rows)
	return out
}

func describe(s *arrow.Schema) string {
	var fields []string
	for _, f := range s.Fields() {
		fields = append(fields, f.Name+" "+f.Type.String())
	}
	return strings.Join(fields, ", ")
}

func (t *table) add(b arrow.RecordBatch) {
	t.batches = append(t.batches, b.NumRows())
	for row := range int(b.NumRows()) {
		var cells []string
		for _, column := range b.Columns() {
			cells = append(cells, cell(column, row))
		}
		t.rows = append(t.rows, strings.Join(cells, "|"))
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	out := []string{}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}
