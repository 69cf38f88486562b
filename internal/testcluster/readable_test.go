package testcluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// watched is a set of keys that a client reads again and again while a cluster is disturbed: errors are allowed, it
// tries again, but a key that is there must never be said not to be.
type watched struct {
	stop    chan struct{}
	reading sync.WaitGroup
	reads   atomic.Int64
	mu      sync.Mutex
	missed  map[string]bool
}

// watch writes n keys of the pattern and begins to read them.
func watch(t *testing.T, c *Cluster, pattern string, n int) *watched {
	t.Helper()
	o := c.ClusterOptions()
	o.ReadTimeout, o.DialTimeout, o.MaxRedirects = time.Second, time.Second, 8
	rdb := redis.NewClusterClient(o)
	t.Cleanup(func() { _ = rdb.Close() })
	fill(t, rdb, pattern, n)
	w := &watched{stop: make(chan struct{}), missed: make(map[string]bool)}
	w.reading.Go(func() {
		for i := 0; ; i = (i + 1) % n {
			select {
			case <-w.stop:
				return
			default:
			}
			key := fmt.Sprintf(pattern, i)
			switch err := rdb.Get(context.Background(), key).Err(); {
			case err == nil:
				w.reads.Add(1)
			case errors.Is(err, redis.Nil):
				w.mu.Lock()
				w.missed[key] = true
				w.mu.Unlock()
			default:
				time.Sleep(time.Millisecond)
			}
		}
	})
	t.Cleanup(func() { w.end() })
	return w
}

func (w *watched) end() {
	select {
	case <-w.stop:
	default:
		close(w.stop)
	}
	w.reading.Wait()
}

// assertAll ends the reading, and wants keys never to have been missed.
func (w *watched) assertAll(t *testing.T) {
	t.Helper()
	w.end()
	assert.Empty(t, w.missed)
	assert.Positive(t, w.reads.Load())
}

// total is how many keys the masters of these numbers hold.
func total(t *testing.T, c *Cluster, masters ...int) int64 {
	t.Helper()
	sum := int64(0)
	for _, i := range masters {
		size, err := c.NodeClient(i).DBSize(t.Context()).Result()
		require.NoError(t, err)
		sum += size
	}
	return sum
}
