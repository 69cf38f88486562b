package iterator_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// watched is all that an observer was told, in order.
type watched struct {
	t      *testing.T
	mu     sync.Mutex
	events []any
}

// watch gives the config an observer.
func watch(t *testing.T, config iterator.Config) (*watched, iterator.Config) {
	w := &watched{t: t}
	config.Observer = &iterator.Observer{
		Begin:    func(e iterator.BeginEvent) { w.add(e) },
		Topology: func(e iterator.TopologyEvent) { w.add(e) },
		Page:     func(e iterator.PageEvent) { w.add(e) },
		Pass:     func(e iterator.PassEvent) { w.add(e) },
		Retry:    func(e iterator.RetryEvent) { w.add(e) },
		Redirect: func(e iterator.RedirectEvent) { w.add(e) },
		Batch:    func(e iterator.BatchEvent) { w.add(e) },
		End:      func(e iterator.EndEvent) { w.add(e) },
	}
	return w, config
}

// add takes note of an event: the first is Begin, and nothing comes after End.
func (w *watched) add(e any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, begins := e.(iterator.BeginEvent)
	assert.Equal(w.t, len(w.events) == 0, begins, "%T as event %d", e, len(w.events))
	if n := len(w.events); n > 0 {
		_, ended := w.events[n-1].(iterator.EndEvent)
		assert.False(w.t, ended, "%T after End", e)
	}
	w.events = append(w.events, e)
}

// of are the events of a type.
func of[T any](w *watched) (events []T) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.events {
		if e, ok := e.(T); ok {
			events = append(events, e)
		}
	}
	return events
}

// ended is the End, which there must be.
func (w *watched) ended() iterator.EndEvent {
	w.t.Helper()
	ends := of[iterator.EndEvent](w)
	require.Len(w.t, ends, 1)
	assert.GreaterOrEqual(w.t, ends[0].Duration, time.Duration(0))
	return ends[0]
}

// assertSums checks that the events have in sum what the stats have.
func (w *watched) assertSums(got result) {
	w.t.Helper()
	var pages, passes iterator.Counters
	for _, e := range of[iterator.PageEvent](w) {
		pages.Add(e.Counters)
		assert.NotEmpty(w.t, e.Node)
		assert.GreaterOrEqual(w.t, e.Duration, time.Duration(0))
		assert.True(w.t, !e.Begin.IsZero() || e.Duration == 0)
	}
	for _, e := range of[iterator.PassEvent](w) {
		passes.Add(e.Counters)
		assert.LessOrEqual(w.t, e.Read, e.Slots)
	}
	assert.Equal(w.t, got.stats.Counters, pages)
	assert.Equal(w.t, got.stats.Counters, passes)
	assert.Len(w.t, of[iterator.RetryEvent](w), int(got.stats.Retries))
	for _, e := range of[iterator.RetryEvent](w) {
		assert.NotEmpty(w.t, e.Node)
		assert.Error(w.t, e.Cause)
	}
	assert.Len(w.t, of[iterator.RedirectEvent](w), int(got.stats.Redirects))
	var sizes []int64
	for _, e := range of[iterator.BatchEvent](w) {
		sizes = append(sizes, e.Rows)
		assert.Positive(w.t, e.Bytes)
		assert.False(w.t, e.Begin.IsZero())
	}
	assert.Equal(w.t, got.sizes, sizes)
	end := w.ended()
	assert.Equal(w.t, got.stats, end.Stats)
	assert.Equal(w.t, got.err, end.Err)
}

func TestObserver(t *testing.T) {
	t.Parallel()
	inEachWay(t, func(t *testing.T, way fakeWay) {
		c, rdb := fake(t, way.server(minicluster.Config{}))
		want := users(c, 3000)
		c.SetString("user:text", "not a hash")
		w, config := watch(t, way.scan(iterator.Config{CountHint: 100, BatchSize: 500, Concurrency: iterator.AllMasters}))
		got := readAll(hashes(t, rdb, userSchema, config))
		require.NoError(t, got.err)
		assertRows(t, want, got.rows)
		w.assertSums(got)

		begin := of[iterator.BeginEvent](w)[0]
		assert.Equal(t, "hash", begin.Type)
		assert.Equal(t, cluster.AllSlots(), begin.Slots)
		assert.False(t, begin.Resumed)
		assert.True(t, w.ended().Complete)
		assert.Equal(t, begin.Time, w.ended().Begin)
		topologies := of[iterator.TopologyEvent](w)
		require.Len(t, topologies, 1, "nothing has changed")
		for i, m := range topologies[0].Masters {
			assert.Equal(t, c.Addrs()[i], m.Addr)
			assert.Equal(t, c.NodeID(i), m.ID)
			assert.True(t, m.Up)
		}
		assert.Zero(t, topologies[0].Survey)
		pages := of[iterator.PageEvent](w)
		assert.Greater(t, len(pages), 3000/100/2)
		for _, e := range pages {
			assert.Equal(t, way.enumerate, e.Way)
		}
		passes := of[iterator.PassEvent](w)
		require.Len(t, passes, 3, "one for each master")
		for _, e := range passes {
			assert.Equal(t, e.Slots, e.Read)
			assert.NoError(t, e.Err)
			assert.Positive(t, e.Duration)
			assert.Equal(t, way.enumerate, e.Way)
		}
	})
}

// Whatever happens, the events tell all of it.
func TestObserverOfFaults(t *testing.T) {
	healAll(t, 1, func(h *healing) {
		var seen, seenBy1, told atomic.Int64
		at := func(do func()) *minicluster.Fault {
			told.Add(1)
			return &minicluster.Fault{Before: do}
		}
		h.c.SetFault(func(node, _ int, args [][]byte) *minicluster.Fault {
			if !listsOrReads(args) {
				return nil
			}
			if node == 1 && seenBy1.Add(1) == 300 {
				return at(func() { assert.NoError(h.t, h.c.Failover(4)) })
			}
			switch seen.Add(1) {
			case 20:
				return at(func() { h.c.DropConnections(node) })
			case 40:
				return at(func() {
					assert.NoError(h.t, h.c.OpenMigration(healSlot, 0))
					keys := h.slotKeys(2)
					h.c.MoveKeys(2, 0, keys[:len(keys)/2]...)
				})
			case 60, 61:
				told.Add(1)
				return &minicluster.Fault{Error: "LOADING Redis is loading the dataset in memory"}
			}
			return nil
		})
		w, config := watch(h.t, h.config())
		config.Concurrency = iterator.AllMasters
		got := readAll(hashes(h.t, h.rdb, "_key:key", config))
		require.NoError(h.t, got.err)
		slices.Sort(h.keys)
		assertRows(h.t, h.keys, got.rows)
		require.EqualValues(h.t, 5, told.Load())
		w.assertSums(got)
		assert.True(h.t, w.ended().Complete)
		assert.Positive(h.t, got.stats.Retries)

		passes := of[iterator.PassEvent](w)
		assert.Greater(h.t, len(passes), 3)
		if h.way != iterator.ClusterScan { // there the server refuses its slots one by one
			assert.True(h.t, slices.ContainsFunc(passes, func(e iterator.PassEvent) bool { return e.Err != nil && e.Node == h.c.Addrs()[1] }), "the master that was replaced")
		}
		topologies := of[iterator.TopologyEvent](w)
		assert.True(h.t, slices.ContainsFunc(topologies, func(e iterator.TopologyEvent) bool { return e.Migrating.Has(healSlot) }))
		assert.True(h.t, slices.ContainsFunc(topologies, func(e iterator.TopologyEvent) bool {
			return slices.ContainsFunc(e.Masters, func(m iterator.MasterState) bool { return m.Addr == h.c.Addrs()[4] })
		}), "the new master")
	})
}

// Redirects are told with both ends.
func TestObserverOfRedirects(t *testing.T) {
	t.Parallel()
	inEachWay(t, func(t *testing.T, way fakeWay) {
		c, rdb := fake(t, way.server(minicluster.Config{}))
		for i := range 100 {
			c.SetHash(fmt.Sprint(healTag, i), "name", "x")
		}
		c.SetFault(onceFor("HMGET", 1, minicluster.Fault{Before: func() {
			assert.NoError(t, c.OpenMigration(healSlot, 0))
			c.MoveKeys(2, 0, c.SlotKeys(2, healSlot)...)
		}}))
		w, config := watch(t, way.scan(iterator.Config{Pattern: healTag + "*"}))
		got := readAll(hashes(t, rdb, "_key:key,name:utf8", config))
		require.NoError(t, got.err)
		require.Len(t, got.rows, 100)
		require.Positive(t, got.stats.Redirects)
		w.assertSums(got)
		for _, e := range of[iterator.RedirectEvent](w) {
			assert.Equal(t, c.Addrs()[2], e.Node)
			assert.Equal(t, c.Addrs()[0], e.To)
			assert.EqualValues(t, healSlot, e.Slot)
			assert.True(t, e.Ask)
			assert.False(t, e.Time.IsZero())
		}
	})
}

// After Release, or End, nothing is told any more; see add.
func TestObserverEnds(t *testing.T) {
	t.Parallel()
	c, rdb := fake(t, minicluster.Config{})
	users(c, 3000)
	config := iterator.Config{CountHint: 10, BatchSize: 10, Concurrency: iterator.AllMasters}

	t.Run("released before the first Next", func(t *testing.T) {
		w, config := watch(t, config)
		hashes(t, rdb, userSchema, config).Release()
		end := w.ended()
		assert.False(t, end.Complete)
		assert.NoError(t, end.Err)
	})
	t.Run("released before the end", func(t *testing.T) {
		w, config := watch(t, config)
		it := hashes(t, rdb, userSchema, config)
		require.True(t, it.Next())
		assert.Empty(t, of[iterator.EndEvent](w))
		it.Release()
		end := w.ended()
		assert.False(t, end.Complete)
		assert.NoError(t, end.Err)
		assert.Equal(t, it.Stats(), end.Stats)
		count := len(w.events)
		it.Release()
		assert.Len(t, w.events, count)
	})
	t.Run("cancelled", func(t *testing.T) {
		w, config := watch(t, config)
		ctx, cancel := context.WithCancel(t.Context())
		s, err := schema.ParseHash(userSchema)
		require.NoError(t, err)
		it, err := iterator.NewClusterHashBatchIterator(ctx, rdb, s, checked(t, config))
		require.NoError(t, err)
		defer it.Release()
		require.True(t, it.Next())
		cancel()
		for it.Next() { //nolint:revive // until it ends
		}
		end := w.ended()
		assert.ErrorIs(t, end.Err, context.Canceled)
		assert.False(t, end.Complete)
		assert.Equal(t, it.Stats(), end.Stats)
	})
	t.Run("enough rows", func(t *testing.T) {
		w, config := watch(t, config)
		config.MaxRows = 55
		got := readAll(hashes(t, rdb, userSchema, config))
		require.NoError(t, got.err)
		w.assertSums(got)
		assert.True(t, w.ended().Complete)
	})
	t.Run("resumed", func(t *testing.T) {
		config := config
		config.Checkpoints = true
		it := hashes(t, rdb, userSchema, config)
		require.True(t, it.Next())
		var err error
		config.Resume, err = it.Checkpoint()
		require.NoError(t, err)
		it.Release()
		w, config := watch(t, config)
		got := readAll(hashes(t, rdb, userSchema, config))
		require.NoError(t, got.err)
		assert.EqualValues(t, 3000-10, len(got.rows))
		w.assertSums(got)
		assert.True(t, of[iterator.BeginEvent](w)[0].Resumed)
		assert.True(t, w.ended().Complete)
		assert.Equal(t, 1.0, got.stats.Progress)
	})
	t.Run("a constructor that fails", func(t *testing.T) {
		dead, _ := fake(t, minicluster.Config{})
		rdb := fakeClient(t, dead, func(o *redis.ClusterOptions) { o.DialerRetries = 1 })
		dead.Close()
		w, config := watch(t, config)
		got := tryHashes(t, rdb, userSchema, config)
		require.Error(t, got.err)
		assert.Equal(t, got.err, w.ended().Err)
		assert.False(t, w.ended().Complete)
	})
	t.Run("slots left out", func(t *testing.T) {
		c, rdb := fake(t, minicluster.Config{PartialCoverage: true})
		users(c, 100)
		c.Unassign(777)
		w, config := watch(t, config)
		config.AllowIncomplete = true
		got := readAll(hashes(t, rdb, userSchema, config))
		require.NoError(t, got.err)
		w.assertSums(got)
		end := w.ended()
		assert.False(t, end.Complete)
		require.NotNil(t, end.Missing)
		assert.Equal(t, "777", end.Missing.Slots.String())
		assert.Equal(t, "777", of[iterator.TopologyEvent](w)[0].Unowned.String())
	})
	t.Run("some functions only", func(t *testing.T) {
		var rows int64
		config := config
		config.Observer = &iterator.Observer{Batch: func(e iterator.BatchEvent) { rows += e.Rows }}
		got := readAll(hashes(t, rdb, userSchema, config))
		require.NoError(t, got.err)
		assert.EqualValues(t, 3000, rows)
	})
}

// What is logged names nodes, slots and commands, and no value and no password.
func TestLogHoldsNoSecrets(t *testing.T) {
	t.Parallel()
	const password = "hunter2-of-all"
	inEachWay(t, func(t *testing.T, way fakeWay) {
		c, _ := fake(t, way.server(minicluster.Config{Password: password}))
		rdb := fakeClient(t, c, func(o *redis.ClusterOptions) { o.Password = password })
		for i := range 300 {
			c.SetHash(fmt.Sprint("user:", i), "name", secretValue)
		}
		var faults atomic.Int64
		c.SetFault(func(node, _ int, args [][]byte) *minicluster.Fault {
			if !sends(args, "HMGET") {
				return nil
			}
			switch faults.Add(1) {
			case 5:
				return &minicluster.Fault{Close: minicluster.CloseWithin}
			case 20:
				return &minicluster.Fault{Error: "TRYAGAIN later"}
			case 40:
				return &minicluster.Fault{Before: func() { c.MoveSlot(0, healSlot) }, Raw: []byte("?what is this\r\n")}
			}
			return nil
		})
		out := &lines{}
		config := way.scan(iterator.Config{Logger: slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))})
		got := readAll(hashes(t, rdb, "_key:key,name:binary", config))
		require.NoError(t, got.err)
		text := out.String()
		assert.Contains(t, text, "asking again")
		assert.Contains(t, text, "reading slots")
		assert.Contains(t, text, `"node":"`+c.Addrs()[0])
		assert.NotContains(t, text, "s3cret")
		assert.NotContains(t, text, password)
	})
}

// lines takes what is written from several goroutines.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Clone(l.buf.String())
}
