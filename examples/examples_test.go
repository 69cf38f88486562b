// Package examples runs the programs in its folders.
package examples

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/internal/testcluster"
	"github.com/redisarrow/redisarrow/iterator"
)

// programs is the folder of the examples' binaries: go run, once for all.
var programs string

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "redisarrow-examples-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	programs = dir
	build := exec.Command("go", "build", "-o", dir, "./...")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "building the examples:", err)
		return 1
	}
	return m.Run()
}

// program prepares a run of an example. Of the environment it gets PATH alone,
// and env.
func program(t *testing.T, name string, env []string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(programs, name), args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, env...)
	cmd.Dir = t.TempDir()
	return cmd
}

// output runs a program that has to succeed, with nothing on standard error.
func output(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	assert.Empty(t, stderr.String())
	return string(out)
}

// failure runs a program that has to fail, and gives its standard error.
func failure(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	var exit *exec.ExitError
	require.ErrorAs(t, cmd.Run(), &exit)
	assert.Equal(t, 1, exit.ExitCode())
	assert.Empty(t, stdout.String())
	return stderr.String()
}

const (
	users    = 3000
	counters = 2500
)

// start starts a cluster of users and counters and gives its URLs as the
// examples take them.
func start(t *testing.T) (env []string, cluster *minicluster.Cluster) {
	t.Helper()
	c, err := minicluster.Start(minicluster.Config{})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	countries := []string{"DE", "FR", "JP"}
	for i := range users {
		pairs := []string{
			"name", fmt.Sprint("User ", i), "age", fmt.Sprint(18 + i%50), "active", fmt.Sprint(i%3 == 0),
			"signup_date", "2024-01-15", "seen", "2024-01-15T10:30:00Z",
		}
		if i%10 > 0 {
			pairs = append(pairs, "country", countries[i%3])
		}
		c.SetHash(fmt.Sprint("user:", i), pairs...)
	}
	for i := range counters {
		c.SetString(fmt.Sprint("counter:", i), fmt.Sprint(i))
	}
	return []string{"REDIS_URL=" + strings.Join(c.URLs(), ",")}, c
}

func TestQuickstart(t *testing.T) {
	_, c := start(t)
	out := output(t, program(t, "quickstart", []string{"REDIS_URL=" + c.URLs()[1]}))
	assert.Equal(t, "1000 of 3000 users are active\n", out)
}

func TestIPCFile(t *testing.T) {
	env, c := start(t)
	file := filepath.Join(t.TempDir(), "users.arrow")
	c.SetHash("user:0", "name", "Bad", "age", "old")
	out := output(t, program(t, "ipcfile", env, file))
	assert.Equal(t, fmt.Sprintf("3000 rows in %s\n1 cells are null because their text doesn't fit\n", file), out)
	assert.EqualValues(t, users, rowsOf(t, file))

	t.Run("nothing stays of an incomplete scan", func(t *testing.T) {
		c.SetFault(func(node, _ int, args [][]byte) *minicluster.Fault {
			if node == 2 && string(args[0]) == "HMGET" {
				return &minicluster.Fault{Error: "NOPERM this user has no permissions to run the 'hmget' command"}
			}
			return nil
		})
		dir := t.TempDir()
		text := failure(t, program(t, "ipcfile", env, filepath.Join(dir, "users.arrow")))
		assert.Contains(t, text, c.Addrs()[2])
		assert.Contains(t, text, "NOPERM")
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		assert.Empty(t, left)
	})
}

func TestParquet(t *testing.T) {
	env, _ := start(t)
	path := filepath.Join(t.TempDir(), "users.parquet")
	out := output(t, program(t, "parquet", env, path))
	assert.Equal(t, fmt.Sprintf("3000 rows in %s\n", path), out)
	f, err := file.OpenParquetFile(path, false)
	require.NoError(t, err)
	defer f.Close()
	assert.EqualValues(t, users, f.NumRows())
	where := f.MetaData().KeyValueMetadata().FindValue(iterator.MetadataPattern)
	require.NotNil(t, where)
	assert.Equal(t, "user:*", *where)
}

func TestPipe(t *testing.T) {
	env, c := start(t)
	type ended struct {
		out, errs         string // of the reader
		writeErr, readErr error
	}
	pipe := func() ended {
		writer, reader := program(t, "writer", env), program(t, "reader", nil)
		r, w, err := os.Pipe()
		require.NoError(t, err)
		var stdout, stderr bytes.Buffer
		writer.Stdout = w
		reader.Stdin, reader.Stdout, reader.Stderr = r, &stdout, &stderr
		require.NoError(t, reader.Start())
		require.NoError(t, writer.Start())
		require.NoError(t, errors.Join(r.Close(), w.Close())) // the processes have their own
		writeErr, readErr := writer.Wait(), reader.Wait()
		return ended{stdout.String(), stderr.String(), writeErr, readErr}
	}
	whole := pipe()
	require.NoError(t, whole.writeErr)
	require.NoError(t, whole.readErr, whole.errs)
	assert.Equal(t, fmt.Sprintf("%d counters, %d in all\n", counters, counters*(counters-1)/2), whole.out)

	t.Run("a part isn't taken for the whole", func(t *testing.T) {
		c.SetString("counter:0", "not a number")
		part := pipe()
		require.Error(t, part.writeErr)
		require.Error(t, part.readErr)
		assert.Empty(t, part.out)
		assert.Contains(t, part.errs, "the stream broke off")
	})
}

func TestPipeline(t *testing.T) {
	env, c := start(t)
	assert.Equal(t, "DE 900\nFR 900\nJP 900\nunknown 300\n", output(t, program(t, "pipeline", env)))

	t.Run("a scan that fails", func(t *testing.T) {
		c.SetHash("user:1", "country", "\xff")
		assert.Contains(t, failure(t, program(t, "pipeline", env)), `key "user:1", column "country"`)
	})
}

func TestStructs(t *testing.T) {
	_, c := start(t)
	for i := range users {
		c.SetHash(fmt.Sprint("user:", i), "name", "User", "active", "1", "seen", "2024-01-15T10:30:00.123456789+02:00", "balance", fmt.Sprintf("%d.10", i))
	}
	c.SetHash("user:0", "balance", "-0.05")
	c.SetHash("user:1", "balance", "1.999") // more than cents: null
	env := []string{"REDIS_URL=" + c.URLs()[1]}
	out := output(t, program(t, "structs", env))
	assert.Equal(t, "_key:key,name:utf8,age:int8,active:boolean,seen:timestamp[us,UTC],signup_date:date32,balance:decimal128[18,2]\n"+
		"3000 users have 4498798.75\n", out)
}

func TestTLS(t *testing.T) {
	testcluster.Each(t, func(t *testing.T, server testcluster.Server) {
		c := testcluster.Start(t, testcluster.Config{
			Server: server, TLS: true,
			Users: []string{"default off", "writer on nopass ~* +@all", "reader on >a:secret@ ~user:* +@all"},
		})
		fill(t, c)
		env := []string{
			"REDIS_URL=" + c.URL(1), "REDIS_CACERT=" + c.Certificates().CAFile,
			"REDIS_USER=reader", "REDIS_PASSWORD=a:secret@",
		}
		out := output(t, program(t, "tls", env))
		assert.Contains(t, out, " rows\n")
		rows := 0
		for line := range strings.Lines(out) {
			var addr string
			var n int
			if _, err := fmt.Sscanf(line, "127.0.0.1%s %d", &addr, &n); err == nil {
				rows += n
			}
		}
		assert.Equal(t, users, rows)

		t.Run("wrong password", func(t *testing.T) {
			text := failure(t, program(t, "tls", append(env, "REDIS_PASSWORD=wrong:secret")))
			assert.Contains(t, text, "wrong user name or password")
			assert.NotContains(t, text, "wrong:secret")
		})
		t.Run("unknown authority", func(t *testing.T) {
			other := testcluster.Start(t, testcluster.Config{Server: server, TLS: true, Standalone: true})
			text := failure(t, program(t, "tls", append(env, "REDIS_CACERT="+other.Certificates().CAFile)))
			assert.Contains(t, text, "give the certificate authority")
		})
	})
}

// fill stores users in a real cluster that has a user named writer.
func fill(t *testing.T, c *testcluster.Cluster) {
	t.Helper()
	options := c.ClusterOptions()
	options.Username, options.Password = "writer", "any"
	rdb := redis.NewClusterClient(options)
	defer rdb.Close()
	_, err := rdb.Pipelined(t.Context(), func(p redis.Pipeliner) error {
		for i := range users {
			p.HSet(t.Context(), fmt.Sprint("user:", i), "name", fmt.Sprint("User ", i))
		}
		return nil
	})
	require.NoError(t, err)
}

// rowsOf counts the rows of an Arrow IPC file.
func rowsOf(t *testing.T, path string) (rows int64) {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	r, err := ipc.NewFileReader(f)
	require.NoError(t, err)
	defer r.Close()
	for i := range r.NumRecords() {
		batch, err := r.RecordBatchAt(i)
		require.NoError(t, err)
		rows += batch.NumRows()
		batch.Release()
	}
	return rows
}

// Every example says what it needs, and what is wrong.
func TestMistakes(t *testing.T) {
	for _, name := range []string{"quickstart", "ipcfile", "writer", "pipeline", "structs", "tls"} {
		t.Run(name, func(t *testing.T) {
			assert.Contains(t, failure(t, program(t, name, nil)), "REDIS_URL")
			if name == "tls" {
				return
			}
			text := failure(t, program(t, name, []string{"REDIS_URL=redis://127.0.0.1:1"}, "x.arrow"))
			assert.Contains(t, text, "127.0.0.1:1")
			assert.Contains(t, text, "no server listens there")
		})
	}
	reader := program(t, "reader", nil)
	reader.Stdin = strings.NewReader("no Arrow")
	assert.Contains(t, failure(t, reader), "not an Arrow stream")
}
