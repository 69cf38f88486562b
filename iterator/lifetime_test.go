package iterator_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Wherever a reader is released, no memory and no goroutine stays (checked
// allocator, goleak).
func TestRelease(t *testing.T) {
	c, rdb := fake(t, minicluster.Config{})
	users(c, 2000)
	for _, concurrency := range []int{1, 2, iterator.AllMasters} {
		config := iterator.Config{BatchSize: 64, Concurrency: concurrency}
		t.Run(fmt.Sprint("before the first Next, concurrency ", concurrency), func(t *testing.T) {
			hashes(t, rdb, userSchema, config).Release()
		})
		for _, n := range []int{1, 2, 5} {
			t.Run(fmt.Sprint("after ", n, " batches, concurrency ", concurrency), func(t *testing.T) {
				it := hashes(t, rdb, userSchema, config)
				for range n {
					require.True(t, it.Next())
				}
				it.Release()
				it.Release() // twice does nothing
				assert.False(t, it.Next())
			})
		}
		t.Run(fmt.Sprint("after an error, concurrency ", concurrency), func(t *testing.T) {
			c.SetHash("user:bad", "name", "Bad", "age", "old")
			defer c.Delete("user:bad")
			it := hashes(t, rdb, userSchema, config)
			for it.Next() {
			}
			var bad *iterator.CellError
			require.ErrorAs(t, it.Err(), &bad)
			assert.Equal(t, "user:bad", bad.Key)
			assert.Equal(t, "age", bad.Field)
			assert.Equal(t, "old", bad.Value)
			assert.False(t, it.Next())
			require.ErrorAs(t, it.Err(), &bad)
			it.Release()
		})
		t.Run(fmt.Sprint("a batch retained, concurrency ", concurrency), func(t *testing.T) {
			it := hashes(t, rdb, userSchema, config)
			require.True(t, it.Next())
			b := it.RecordBatch()
			b.Retain()
			first := cells(b)
			require.True(t, it.Next())
			it.Release()
			assert.Equal(t, first, cells(b))
			b.Release()
		})
		t.Run(fmt.Sprint("a reference more, concurrency ", concurrency), func(t *testing.T) {
			it := hashes(t, rdb, userSchema, config)
			it.Retain()
			it.Release()
			assert.True(t, it.Next())
			it.Release()
		})
	}
}

func TestAll(t *testing.T) {
	c, rdb := fake(t, minicluster.Config{})
	users(c, 1000)
	it := hashes(t, rdb, userSchema, iterator.Config{BatchSize: 300})
	rows := int64(0)
	for batch, err := range it.All() {
		require.NoError(t, err)
		rows += batch.NumRows()
		if rows == 600 {
			break // and go on below
		}
	}
	for batch, err := range it.All() {
		require.NoError(t, err)
		rows += batch.NumRows()
	}
	assert.EqualValues(t, 1000, rows)
	it.Release()

	c.SetHash("user:bad", "age", "old")
	it = hashes(t, rdb, userSchema, iterator.Config{})
	var last error
	for batch, err := range it.All() {
		if err != nil {
			assert.Nil(t, batch)
		}
		last = err
	}
	require.Error(t, last)
	it.Release()
}

// The end of the context ends the scan within 100 ms, whatever it is doing.
func TestCancel(t *testing.T) {
	stall := make(chan struct{})
	defer close(stall)
	for _, command := range []string{"SCAN", "EXEC", "HMGET", "CLUSTER"} {
		for _, concurrency := range []int{1, iterator.AllMasters} {
			t.Run(fmt.Sprint("N cancelled at ", command, concurrency), func(t *testing.T) {
				// The best of some tries: the machine may be busy, and a scan
				// that waits for a timeout never makes it.
				best := time.Hour
				for range 5 {
					best = min(best, cancelStalled(t, command, concurrency, stall))
				}
				assert.Less(t, best, 100*time.Millisecond)
			})
		}
	}
}

// cancelStalled cancels a scan whose server has stopped answering, and says
// how long it took to end.
func cancelStalled(t *testing.T, command string, concurrency int, stall chan struct{}) time.Duration {
	t.Helper()
	c, rdb := fake(t, minicluster.Config{})
	users(c, 1000)
	s, err := schema.ParseHash(userSchema)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	it, err := iterator.NewClusterHashBatchIterator(ctx, rdb, s, checked(t, iterator.Config{Concurrency: concurrency, StallTimeout: time.Hour, Enumerate: iterator.PlainScan}))
	require.NoError(t, err)
	reached := make(chan struct{}, 1000)
	c.SetFault(func(_, _ int, args [][]byte) *minicluster.Fault {
		if string(args[0]) == command {
			select {
			case reached <- struct{}{}:
			default:
			}
			return &minicluster.Fault{Stall: stall}
		}
		return nil
	})
	var cancelled time.Time
	go func() {
		<-reached
		time.Sleep(5 * time.Millisecond)
		cancelled = time.Now()
		cancel()
	}()
	for it.Next() {
	}
	require.ErrorIs(t, it.Err(), context.Canceled)
	it.Release()
	return time.Since(cancelled)
}

// A deadline is a context's end like any other, and Err says so.
func TestDeadline(t *testing.T) {
	c, rdb := fake(t, minicluster.Config{})
	users(c, 1000)
	s, err := schema.ParseHash(userSchema)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	it, err := iterator.NewClusterHashBatchIterator(ctx, rdb, s, checked(t, iterator.Config{BatchSize: 10}))
	require.NoError(t, err)
	defer it.Release()
	for it.Next() {
		time.Sleep(10 * time.Millisecond)
	}
	require.ErrorIs(t, it.Err(), context.DeadlineExceeded)
	assert.False(t, it.Next())
	require.ErrorIs(t, it.Err(), context.DeadlineExceeded)
}

// Rows that were read before a bad cell come out before the error does.
func TestRowsBeforeTheBadOne(t *testing.T) {
	c, rdb := fake(t, minicluster.Config{})
	users(c, 1000)
	it := hashes(t, rdb, userSchema, iterator.Config{BatchSize: 10_000})
	c.SetHash("user:9999999", "age", "old")
	var batches []int64
	for it.Next() {
		batches = append(batches, it.RecordBatch().NumRows())
	}
	require.Error(t, it.Err())
	require.Len(t, batches, 1, "one short batch")
	assert.Equal(t, it.Stats().Rows, batches[0])
	it.Release()
}

func TestStatsWhileScanning(t *testing.T) {
	c, rdb := fake(t, minicluster.Config{})
	users(c, 3000)
	it := hashes(t, rdb, userSchema, iterator.Config{BatchSize: 100, Concurrency: iterator.AllMasters})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for it.Stats().Rows < 3000 {
			time.Sleep(time.Millisecond)
		}
	}()
	var last arrow.RecordBatch
	for it.Next() {
		last = it.RecordBatch()
	}
	assert.NotNil(t, last)
	require.NoError(t, it.Err())
	<-done
	stats := it.Stats()
	assert.Len(t, stats.Nodes, 3)
	assert.EqualValues(t, 3000, stats.Scanned)
	assert.Positive(t, stats.Bytes)
	it.Release()
	assert.Equal(t, stats, it.Stats())
}
