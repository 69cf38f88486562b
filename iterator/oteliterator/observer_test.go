package oteliterator_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/iterator/oteliterator"
	"github.com/redisarrow/redisarrow/schema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// watched is what came of a scan.
type watched struct {
	c       *minicluster.Cluster
	spans   []sdktrace.ReadOnlySpan
	metrics map[string]metricdata.Metrics
	stats   iterator.Stats
	batches int
	err     error
	parent  trace.SpanContext
}

// scan scans a fake of 300 users, in which something may be prepared.
func scan(t *testing.T, prepare func(c *minicluster.Cluster), config iterator.Config) *watched {
	t.Helper()
	c, err := minicluster.Start(minicluster.Config{PartialCoverage: true})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	for i := range 300 {
		c.SetHash(fmt.Sprint("user:", i), "name", "x", "age", fmt.Sprint(i))
	}
	c.SetString("user:text", "not a hash")
	if prepare != nil {
		prepare(c)
	}
	rdb, err := cluster.Connect(t.Context(), cluster.Options{URLs: c.URLs()})
	require.NoError(t, err)
	defer rdb.Close()
	s, err := schema.ParseHash("_key:key,name:utf8,age:int8")
	require.NoError(t, err)

	spans, reader := tracetest.NewSpanRecorder(), sdkmetric.NewManualReader()
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	ctx, parent := tracers.Tracer("test").Start(t.Context(), "job")
	config.Observer = oteliterator.Observer(ctx, oteliterator.WithTracerProvider(tracers), oteliterator.WithMeterProvider(meters),
		oteliterator.WithAttributes(attribute.String("job", "nightly")))
	w := &watched{c: c, metrics: map[string]metricdata.Metrics{}, parent: parent.SpanContext()}
	it, err := iterator.NewClusterHashBatchIterator(ctx, rdb, s, config)
	if w.err = err; err == nil {
		for it.Next() {
			w.batches++
		}
		w.err, w.stats = it.Err(), it.Stats()
		it.Release()
	}
	w.spans = spans.Ended()
	var all metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(context.Background(), &all))
	for _, scope := range all.ScopeMetrics {
		assert.Contains(t, scope.Scope.Name, "oteliterator")
		for _, m := range scope.Metrics {
			w.metrics[m.Name] = m
		}
	}
	return w
}

// sum is a counter over all attributes, or over those with a value.
func (w *watched) sum(name string, with ...attribute.KeyValue) (total int64) {
	data, _ := w.metrics["redisarrow.scan."+name].Data.(metricdata.Sum[int64])
	for _, p := range data.DataPoints {
		if has(p.Attributes, with) {
			total += p.Value
		}
	}
	return total
}

func (w *watched) count(name string, with ...attribute.KeyValue) (total uint64) {
	data, _ := w.metrics["redisarrow.scan."+name].Data.(metricdata.Histogram[float64])
	for _, p := range data.DataPoints {
		if has(p.Attributes, with) {
			total += p.Count
		}
	}
	return total
}

func has(set attribute.Set, with []attribute.KeyValue) bool {
	for _, want := range with {
		if v, ok := set.Value(want.Key); !ok || v != want.Value {
			return false
		}
	}
	return true
}

func (w *watched) named(name string) (spans []sdktrace.ReadOnlySpan) {
	for _, s := range w.spans {
		if s.Name() == name {
			spans = append(spans, s)
		}
	}
	return spans
}

func (w *watched) events(name string) (n int64) {
	for _, e := range w.named("redisarrow.scan")[0].Events() {
		if e.Name == name {
			n++
		}
	}
	return n
}

// everywhere has what all metrics have.
func (w *watched) everywhere(t *testing.T) {
	t.Helper()
	with := []attribute.KeyValue{attribute.String("db.system.name", "redis"), attribute.String("redisarrow.type", "hash"), attribute.String("job", "nightly")}
	for name, m := range w.metrics {
		assert.NotEmpty(t, m.Description)
		switch data := m.Data.(type) {
		case metricdata.Sum[int64]:
			assert.True(t, data.IsMonotonic)
			for _, p := range data.DataPoints {
				assert.True(t, has(p.Attributes, with), name)
			}
		case metricdata.Histogram[float64]:
			assert.Equal(t, "s", m.Unit)
			for _, p := range data.DataPoints {
				assert.True(t, has(p.Attributes, with), name)
			}
		default:
			assert.Fail(t, "no metric of ours", "%s %T", name, data)
		}
	}
}

func TestObserver(t *testing.T) {
	w := scan(t, nil, iterator.Config{BatchSize: 50, CountHint: 50, Concurrency: iterator.AllMasters, OnParseError: 1})
	require.NoError(t, w.err)
	w.everywhere(t)
	assert.EqualValues(t, 300, w.stats.Rows)
	assert.Equal(t, w.stats.Rows, w.sum("rows"))
	assert.Equal(t, w.stats.Rows, w.sum("batch.rows"))
	assert.Equal(t, w.stats.Scanned, w.sum("keys"))
	assert.Equal(t, w.stats.Bytes, w.sum("bytes"))
	assert.Equal(t, w.stats.WrongType, w.sum("left_out", attribute.String("redisarrow.reason", "wrong_type")))
	assert.EqualValues(t, 1, w.stats.WrongType)
	assert.Equal(t, w.stats.ParseFailures, w.sum("bad_cells", attribute.String("redisarrow.reason", "parse_failure")))
	assert.EqualValues(t, 300-128, w.stats.ParseFailures)
	assert.EqualValues(t, w.batches, w.sum("batches"))
	assert.EqualValues(t, w.batches, w.count("batch.wait"))
	assert.EqualValues(t, 1, w.sum("topologies"))
	assert.EqualValues(t, 1, w.count("duration", attribute.Bool("redisarrow.complete", true)))
	assert.Positive(t, w.sum("pages"))
	assert.EqualValues(t, w.sum("pages"), w.count("page.duration"))
	for _, n := range w.stats.Nodes {
		host, port, _ := strings.Cut(n.Addr, ":")
		assert.Equal(t, n.Rows, w.sum("rows", attribute.String("server.address", host), portOf(t, port), attribute.String("redisarrow.way", "keysinslot")))
	}

	scans := w.named("redisarrow.scan")
	require.Len(t, scans, 1)
	root := scans[0]
	assert.Equal(t, w.parent.SpanID(), root.Parent().SpanID())
	assert.Equal(t, codes.Unset, root.Status().Code)
	attributes := attribute.NewSet(root.Attributes()...)
	assert.True(t, has(attributes, []attribute.KeyValue{
		attribute.String("db.system.name", "redis"), attribute.String("redisarrow.type", "hash"), attribute.Bool("redisarrow.complete", true),
		attribute.Int64("redisarrow.rows", 300), attribute.Int("redisarrow.slots", cluster.Slots), attribute.String("job", "nightly"),
	}), "%v", root.Attributes())
	passes := w.named("redisarrow.pass")
	require.Len(t, passes, 3)
	assert.Len(t, w.spans, 4)
	for _, p := range passes {
		assert.Equal(t, root.SpanContext().SpanID(), p.Parent().SpanID())
		assert.Equal(t, trace.SpanKindClient, p.SpanKind())
		assert.False(t, p.StartTime().Before(root.StartTime()))
		assert.True(t, p.EndTime().After(p.StartTime()))
		assert.False(t, p.EndTime().After(root.EndTime().Add(time.Millisecond)))
	}
	assert.EqualValues(t, 1, w.events("topology"))
}

func portOf(t *testing.T, text string) attribute.KeyValue {
	t.Helper()
	var port int
	_, err := fmt.Sscan(text, &port)
	require.NoError(t, err)
	return attribute.Int("server.port", port)
}

// Faults are counted, and are events of the scan's span.
func TestObserverOfFaults(t *testing.T) {
	const slot = 15039 // {user:4}'s, the third master's
	w := scan(t, func(c *minicluster.Cluster) {
		for i := range 50 {
			c.SetHash(fmt.Sprint("{user:4}:", i), "name", "x", "age", "1")
		}
		var seen, of2 atomic.Int64
		c.SetFault(func(node, _ int, args [][]byte) *minicluster.Fault {
			if !strings.EqualFold(string(args[0]), "HMGET") {
				return nil
			}
			if node == 2 && of2.Add(1) == 1 {
				return &minicluster.Fault{Before: func() {
					assert.NoError(t, c.OpenMigration(slot, 0))
					c.MoveKeys(2, 0, c.SlotKeys(2, slot)...)
				}}
			}
			switch seen.Add(1) {
			case 20:
				return &minicluster.Fault{Before: func() { c.DropConnections(node) }}
			case 30:
				return &minicluster.Fault{Error: "LOADING Redis is loading the dataset in memory"}
			}
			return nil
		})
	}, iterator.Config{OnParseError: 1, CountHint: 50})
	require.NoError(t, w.err)
	w.everywhere(t)
	assert.EqualValues(t, 350, w.sum("rows"))
	assert.Positive(t, w.stats.Retries)
	assert.Equal(t, w.stats.Retries, w.sum("retries"))
	assert.Equal(t, w.stats.Retries, w.events("retry"))
	asked, moved := w.sum("redirects", attribute.String("redisarrow.redirect", "ask")), w.sum("redirects", attribute.String("redisarrow.redirect", "moved"))
	assert.Positive(t, asked)
	assert.Equal(t, w.stats.Redirects, asked+moved)
	assert.Equal(t, w.stats.Redirects, w.events("redirect"))
	assert.GreaterOrEqual(t, w.sum("topologies"), int64(2))
}

// A failure is the span's, with its error.
func TestObserverOfFailure(t *testing.T) {
	w := scan(t, func(c *minicluster.Cluster) { c.Unassign(777) }, iterator.Config{OnParseError: 1})
	require.ErrorIs(t, w.err, iterator.ErrIncomplete)
	root := w.named("redisarrow.scan")[0]
	assert.Equal(t, codes.Error, root.Status().Code)
	assert.Equal(t, w.err.Error(), root.Status().Description)
	assert.EqualValues(t, 1, w.events("exception"))
	assert.EqualValues(t, 1, w.count("duration", attribute.Bool("redisarrow.complete", false), attribute.String("error.type", fmt.Sprintf("%T", w.err))))

	var cell *iterator.CellError
	w = scan(t, nil, iterator.Config{})
	require.True(t, errors.As(w.err, &cell))
	assert.Equal(t, codes.Error, w.named("redisarrow.scan")[0].Status().Code)
	failed := 0
	for _, p := range w.named("redisarrow.pass") {
		if p.Status().Code == codes.Error {
			failed++
		}
	}
	assert.Equal(t, 1, failed)

	// Slots that are left out are no error, and not all.
	w = scan(t, func(c *minicluster.Cluster) { c.Unassign(777) }, iterator.Config{OnParseError: 1, AllowIncomplete: true})
	require.NoError(t, w.err)
	root = w.named("redisarrow.scan")[0]
	assert.Equal(t, codes.Unset, root.Status().Code)
	assert.True(t, has(attribute.NewSet(root.Attributes()...), []attribute.KeyValue{attribute.Bool("redisarrow.complete", false), attribute.Int("redisarrow.slots_missing", 1)}))
}

// With nothing set up, nothing happens.
func TestObserverWithoutSDK(t *testing.T) {
	c, err := minicluster.Start(minicluster.Config{})
	require.NoError(t, err)
	defer c.Close()
	c.SetHash("user:1", "name", "x")
	rdb, err := cluster.Connect(t.Context(), cluster.Options{URLs: c.URLs()})
	require.NoError(t, err)
	defer rdb.Close()
	s, err := schema.ParseHash("name:utf8")
	require.NoError(t, err)
	it, err := iterator.NewClusterHashBatchIterator(t.Context(), rdb, s, iterator.Config{Observer: oteliterator.Observer(t.Context())})
	require.NoError(t, err)
	defer it.Release()
	require.True(t, it.Next())
	require.False(t, it.Next())
	require.NoError(t, it.Err())
}
