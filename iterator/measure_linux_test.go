package iterator_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
	"github.com/stretchr/testify/require"
)

// How much memory a scan takes is measured from outside: it runs in a process
// of its own, this test program started again, and the kernel says how much of
// it was resident at most.

// measuredScan is what the other process is to read.
type measuredScan struct {
	Addrs   []string
	Strings bool
	Schema  string
	Config  iterator.Config
}

// measured is what it says.
type measured struct {
	Rows    map[string][]string // by key: the other cells, see digest
	Batches []int64             // the rows of each
	Err     string
	Stats   iterator.Stats
	Before  int64 // resident bytes when the scan began
	Peak    int64 // at most, in the scan
	InUse   int64 // the heap's bytes in use when the last batch was in hand
}

const measureEnv = "REDISARROW_TEST_MEASURE"

// init is there before the tests are. The other process is told what to read
// on its standard input, and answers on its standard output.
func init() {
	if os.Getenv(measureEnv) == "" {
		return
	}
	if err := measure(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func measure(in io.Reader, out io.Writer) error {
	var job measuredScan
	if err := json.NewDecoder(in).Decode(&job); err != nil {
		return err
	}
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: job.Addrs})
	defer rdb.Close()
	runtime.GC()
	// 5 sets the peak back to what is resident now: proc(5).
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		return err
	}
	result := measured{Rows: map[string][]string{}, Before: resident("VmRSS")}
	it, err := job.open(rdb)
	if err != nil {
		return err
	}
	defer it.Release()
	for it.Next() {
		b := it.RecordBatch()
		result.Batches = append(result.Batches, b.NumRows())
		for i := range int(b.NumRows()) {
			var row []string
			for _, c := range b.Columns() {
				row = append(row, digest(c, i))
			}
			if _, again := result.Rows[row[0]]; again {
				return fmt.Errorf("key %q has two rows", row[0])
			}
			result.Rows[row[0]] = row[1:]
		}
		if b.NumRows() > 1 { // of small ones: that costs no time
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			result.InUse = int64(m.HeapInuse)
		}
	}
	result.Peak = resident("VmHWM")
	if err := it.Err(); err != nil {
		result.Err = err.Error()
	}
	result.Stats = it.Stats()
	return json.NewEncoder(out).Encode(result)
}

func (job measuredScan) open(rdb *redis.ClusterClient) (reader, error) {
	ctx := context.Background()
	if job.Strings {
		s, err := schema.ParseString(job.Schema)
		if err != nil {
			return nil, err
		}
		return iterator.NewClusterStringBatchIterator(ctx, rdb, s, job.Config)
	}
	s, err := schema.ParseHash(job.Schema)
	if err != nil {
		return nil, err
	}
	return iterator.NewClusterHashBatchIterator(ctx, rdb, s, job.Config)
}

// resident is a number of bytes out of /proc/self/status.
func resident(name string) int64 {
	text, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); fields[0] == name+":" {
			kib, _ := strconv.ParseInt(fields[1], 10, 64)
			return kib << 10
		}
	}
	return -1
}

// digest shows a cell as it is, or a long one as its length and its hash.
func digest(a arrow.Array, i int) string {
	if a, ok := a.(*array.String); ok && !a.IsNull(i) && a.ValueLen(i) > 100 {
		return digestText(strings.NewReader(a.Value(i)))
	}
	return strings.Clone(cell(a, i)) // which lies in the batch's memory
}

func digestText(r io.Reader) string {
	h := sha256.New()
	n, _ := io.Copy(h, struct{ io.Reader }{r}) // a strings.Reader would copy all of it
	return fmt.Sprintf("%d:%s", n, hex.EncodeToString(h.Sum(nil)[:8]))
}

// run runs the scan in another process, with a limit in bytes for Go's
// collector of garbage (GOMEMLIMIT); 0 is none.
func (job measuredScan) run(t *testing.T, limit int64) measured {
	t.Helper()
	text, err := json.Marshal(job)
	require.NoError(t, err)
	program, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = append(os.Environ(), measureEnv+"=1")
	if limit > 0 {
		cmd.Env = append(cmd.Env, fmt.Sprintf("GOMEMLIMIT=%d", limit))
	}
	cmd.Stdin, cmd.Stderr = bytes.NewReader(text), os.Stderr
	out, err := cmd.Output()
	require.NoError(t, err)
	var result measured
	require.NoError(t, json.Unmarshal(out, &result))
	t.Logf("%d rows in %d batches; %d MiB resident before, %d MiB at most, %d MiB in use in the end",
		len(result.Rows), len(result.Batches), result.Before>>20, result.Peak>>20, result.InUse>>20)
	return result
}
