package iterator_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/internal/testcluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(testcluster.Main(m), goleak.IgnoreAnyFunction(testcluster.Redialling))
}

// fake starts a cluster in this process, and a client of it.
func fake(t testing.TB, config minicluster.Config) (*minicluster.Cluster, *redis.ClusterClient) {
	t.Helper()
	c, err := minicluster.Start(config)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c, fakeClient(t, c, nil)
}

func fakeClient(t testing.TB, c *minicluster.Cluster, change func(*redis.ClusterOptions)) *redis.ClusterClient {
	t.Helper()
	opt := &redis.ClusterOptions{Addrs: c.Addrs()}
	if change != nil {
		change(opt)
	}
	rdb := redis.NewClusterClient(opt)
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

// checked gives the config an allocator that must be empty in the end.
func checked(t testing.TB, config iterator.Config) iterator.Config {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	t.Cleanup(func() { mem.AssertSize(t, 0) })
	config.Allocator = mem
	if config.StallTimeout == 0 {
		config.StallTimeout = 2 * time.Second
	}
	return config
}

// reader is what both iterators are.
type reader interface {
	Next() bool
	RecordBatch() arrow.RecordBatch
	Err() error
	Release()
	Stats() iterator.Stats
	Missing() *iterator.IncompleteError
	Schema() *arrow.Schema
}

// result is a scan read to its end.
type result struct {
	rows  []string // cells joined by |, sorted
	sizes []int64  // of the batches, in order
	err   error
	stats iterator.Stats
}

// readAll reads to the end and releases.
func readAll(r reader) result {
	defer r.Release()
	var out result
	for r.Next() {
		b := r.RecordBatch()
		out.sizes = append(out.sizes, b.NumRows())
		out.rows = append(out.rows, cells(b)...)
	}
	slices.Sort(out.rows)
	out.err = r.Err()
	out.stats = r.Stats()
	return out
}

// cells renders the rows of a batch.
func cells(b arrow.RecordBatch) []string {
	rows := make([]string, b.NumRows())
	for i := range rows {
		parts := make([]string, b.NumCols())
		for j, col := range b.Columns() {
			parts[j] = cell(col, i)
		}
		rows[i] = strings.Join(parts, "|")
	}
	return rows
}

func cell(a arrow.Array, i int) string {
	if a.IsNull(i) {
		return "null"
	}
	return a.ValueStr(i)
}

func hashes(t testing.TB, rdb redis.UniversalClient, text string, config iterator.Config) *iterator.ClusterHashBatchIterator {
	t.Helper()
	s, err := schema.ParseHash(text)
	require.NoError(t, err)
	it, err := iterator.NewClusterHashBatchIterator(context.Background(), rdb, s, checked(t, config))
	require.NoError(t, err)
	return it
}

// tryHashes is hashes read to their end; an error of the constructor is the
// result's.
func tryHashes(t testing.TB, rdb redis.UniversalClient, text string, config iterator.Config) result {
	t.Helper()
	s, err := schema.ParseHash(text)
	require.NoError(t, err)
	it, err := iterator.NewClusterHashBatchIterator(context.Background(), rdb, s, checked(t, config))
	if err != nil {
		return result{err: err}
	}
	return readAll(it)
}

// inVain reads what won't be whole, until what was expected came: with a
// StallTimeout that is short, so that the test is, and longer and longer ones
// where a busy machine let also those time out that are well.
func inVain(read func(stall time.Duration) result, came func(result) bool) result {
	for stall := 25 * time.Millisecond; ; stall *= 4 {
		if got := read(stall); came(got) || stall > 5*time.Second {
			return got
		}
	}
}

// losing reads hashes of which exactly these slots will be missing.
func losing(t testing.TB, rdb redis.UniversalClient, text string, config iterator.Config, slots string, says ...string) result {
	t.Helper()
	got := inVain(
		func(stall time.Duration) result {
			config.StallTimeout = stall
			return tryHashes(t, rdb, text, config)
		},
		// Where the stall was too short for a busy machine, the reason may be another one.
		func(got result) bool {
			return missingOf(got.err) == slots && !slices.ContainsFunc(says, func(text string) bool { return !strings.Contains(got.err.Error(), text) })
		},
	)
	require.ErrorIs(t, got.err, iterator.ErrIncomplete)
	require.Equal(t, slots, missingOf(got.err))
	for _, text := range says {
		require.ErrorContains(t, got.err, text)
	}
	return got
}

// missingOf are the slots that an IncompleteError says are missing; "" if the
// error is another one.
func missingOf(err error) string {
	var e *iterator.IncompleteError
	if !errors.As(err, &e) {
		return ""
	}
	return e.Slots.String()
}

func strs(t testing.TB, rdb redis.UniversalClient, text string, config iterator.Config) *iterator.ClusterStringBatchIterator {
	t.Helper()
	s, err := schema.ParseString(text)
	require.NoError(t, err)
	it, err := iterator.NewClusterStringBatchIterator(context.Background(), rdb, s, checked(t, config))
	require.NoError(t, err)
	return it
}

// fill makes n keys of the form prefix+i.
func fillHashes(c *minicluster.Cluster, prefix string, n int) {
	for i := 1; i <= n; i++ {
		c.SetHash(fmt.Sprint(prefix, i), "name", fmt.Sprint("User", i), "age", fmt.Sprint(20+i), "active", fmt.Sprint(i%2 == 0))
	}
}

func sum(sizes []int64) (n int64) {
	for _, s := range sizes {
		n += s
	}
	return n
}

func assertUnique[T cmp.Ordered](t *testing.T, values []T) {
	t.Helper()
	slices.Sort(values)
	assert.Equal(t, len(values), len(slices.Compact(slices.Clone(values))), "values are repeated")
}

// assertRows compares sorted rows and shows only where they differ first.
func assertRows(t *testing.T, want, got []string) {
	t.Helper()
	for i := range max(len(want), len(got)) {
		switch {
		case i >= len(want):
			assert.Fail(t, "rows too many", "%d instead of %d, first %q", len(got), len(want), got[i])
		case i >= len(got):
			assert.Fail(t, "rows missing", "%d instead of %d, first %q", len(got), len(want), want[i])
		case want[i] != got[i]:
			assert.Fail(t, "rows differ", "%d rows, wanted %d; row %d is %q instead of %q", len(got), len(want), i, got[i], want[i])
		default:
			continue
		}
		return
	}
}
