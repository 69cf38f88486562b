package oteliterator

import (
	"context"
	"fmt"
	"net"
	"strconv"

	"github.com/redisarrow/redisarrow/iterator"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/trace"
)

// scope is what the spans and metrics are said to come from.
const scope = "github.com/redisarrow/redisarrow/iterator/oteliterator"

// Option changes what [Observer] does.
type Option func(*options)

type options struct {
	tracers    trace.TracerProvider
	meters     metric.MeterProvider
	attributes []attribute.KeyValue
}

// WithTracerProvider sets where the spans go; the default is [otel.GetTracerProvider]'s.
func WithTracerProvider(p trace.TracerProvider) Option { return func(o *options) { o.tracers = p } }

// WithMeterProvider sets where the metrics go; the default is [otel.GetMeterProvider]'s.
func WithMeterProvider(p metric.MeterProvider) Option { return func(o *options) { o.meters = p } }

// WithAttributes adds attributes to the scan's span and to all metrics: the name of
// a job, say. What differs from scan to scan makes as many time series.
func WithAttributes(attributes ...attribute.KeyValue) Option {
	return func(o *options) { o.attributes = append(o.attributes, attributes...) }
}

// Observer makes an observer for one scan, whose span will be a child of the one in
// ctx; when ctx ends makes no difference. What can't be set up is told to
// [otel.Handle], and left out.
func Observer(ctx context.Context, opts ...Option) *iterator.Observer {
	o := options{tracers: otel.GetTracerProvider(), meters: otel.GetMeterProvider()}
	for _, opt := range opts {
		opt(&o)
	}
	w := &watcher{
		parent: ctx, tracer: o.tracers.Tracer(scope), instruments: newInstruments(o.meters.Meter(scope)),
		common: append([]attribute.KeyValue{semconv.DBSystemNameRedis}, o.attributes...),
	}
	return &iterator.Observer{
		Begin: w.begin, Topology: w.topology, Page: w.page, Pass: w.pass, Retry: w.retry, Redirect: w.redirect, Batch: w.batch, End: w.end,
	}
}

// watcher is one scan. Begin sets what the other events read.
type watcher struct {
	instruments
	parent context.Context
	tracer trace.Tracer
	common []attribute.KeyValue // of the span and of all metrics

	ctx  context.Context // with the span
	span trace.Span
}

const (
	typeKey     = attribute.Key("redisarrow.type")
	wayKey      = attribute.Key("redisarrow.way")
	reasonKey   = attribute.Key("redisarrow.reason")
	redirectKey = attribute.Key("redisarrow.redirect")
	completeKey = attribute.Key("redisarrow.complete")
)

func (w *watcher) begin(e iterator.BeginEvent) {
	w.common = append(w.common, typeKey.String(e.Type))
	w.ctx, w.span = w.tracer.Start(w.parent, "redisarrow.scan", trace.WithTimestamp(e.Time), trace.WithAttributes(w.common...),
		trace.WithAttributes(attribute.Int("redisarrow.slots", e.Slots.Len()), attribute.Bool("redisarrow.resumed", e.Resumed)))
}

// with are the common attributes and more, for a metric.
func (w *watcher) with(more ...attribute.KeyValue) metric.MeasurementOption {
	return metric.WithAttributes(append(w.common[:len(w.common):len(w.common)], more...)...)
}

func (w *watcher) page(e iterator.PageEvent) {
	at := append(server(e.Node), wayKey.String(e.Way.String()))
	if !e.Begin.IsZero() { // otherwise it is no page, but what a pass has left
		w.pages.Add(w.ctx, 1, w.with(at...))
		w.pageDuration.Record(w.ctx, e.Duration.Seconds(), w.with(at...))
	}
	c := &e.Counters
	count := func(counter metric.Int64Counter, n int64, more ...attribute.KeyValue) {
		if n != 0 {
			counter.Add(w.ctx, n, w.with(append(more, at...)...))
		}
	}
	count(w.keys, c.Scanned)
	count(w.rows, c.Rows)
	count(w.bytes, c.Bytes)
	count(w.leftOut, c.Vanished, reasonKey.String("vanished"))
	count(w.leftOut, c.WrongType, reasonKey.String("wrong_type"))
	count(w.leftOut, c.SkippedRows, reasonKey.String("skipped"))
	count(w.leftOut, c.Duplicates, reasonKey.String("duplicate"))
	count(w.leftOut, c.Foreign, reasonKey.String("foreign"))
	count(w.badCells, c.ParseFailures, reasonKey.String("parse_failure"))
	count(w.badCells, c.LargeValues, reasonKey.String("large_value"))
}

func (w *watcher) pass(e iterator.PassEvent) {
	_, span := w.tracer.Start(w.ctx, "redisarrow.pass", trace.WithTimestamp(e.Begin), trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(semconv.DBSystemNameRedis, wayKey.String(e.Way.String())), trace.WithAttributes(server(e.Node)...),
		trace.WithAttributes(
			attribute.Bool("redisarrow.replica", e.Replica), attribute.Int("redisarrow.slots", e.Slots), attribute.Int("redisarrow.slots_read", e.Read),
			attribute.Int64("redisarrow.keys", e.Counters.Scanned), attribute.Int64("redisarrow.rows", e.Counters.Rows), attribute.Int64("redisarrow.bytes", e.Counters.Bytes),
		))
	end := e.Begin.Add(e.Duration)
	fail(span, e.Err, trace.WithTimestamp(end))
	span.End(trace.WithTimestamp(end))
}

func (w *watcher) retry(e iterator.RetryEvent) {
	at := server(e.Node)
	w.retries.Add(w.ctx, 1, w.with(at...))
	w.span.AddEvent("retry", trace.WithTimestamp(e.Time), trace.WithAttributes(append(at, semconv.ExceptionMessage(fmt.Sprint(e.Cause)))...))
}

func (w *watcher) redirect(e iterator.RedirectEvent) {
	kind := "moved"
	if e.Ask {
		kind = "ask"
	}
	at := append(server(e.Node), redirectKey.String(kind))
	w.redirects.Add(w.ctx, 1, w.with(at...))
	w.span.AddEvent("redirect", trace.WithTimestamp(e.Time), trace.WithAttributes(at...),
		trace.WithAttributes(attribute.String("redisarrow.to", e.To), attribute.Int("redisarrow.slot", int(e.Slot))))
}

func (w *watcher) topology(e iterator.TopologyEvent) {
	w.topologies.Add(w.ctx, 1, w.with())
	masters := make([]string, len(e.Masters))
	for i := range e.Masters {
		masters[i] = e.Masters[i].Addr
	}
	attributes := []attribute.KeyValue{
		attribute.StringSlice("redisarrow.masters", masters), attribute.Int("redisarrow.unowned", e.Unowned.Len()),
		attribute.Int("redisarrow.disputed", e.Disputed.Len()), attribute.Int("redisarrow.migrating", e.Migrating.Len()),
	}
	if e.Silent != nil {
		attributes = append(attributes, semconv.ExceptionMessage(e.Silent.Error()))
	}
	w.span.AddEvent("topology", trace.WithTimestamp(e.Time), trace.WithAttributes(attributes...))
}

func (w *watcher) batch(e iterator.BatchEvent) {
	w.batches.Add(w.ctx, 1, w.with())
	w.batchRows.Add(w.ctx, e.Rows, w.with())
	w.batchWait.Record(w.ctx, e.Waited.Seconds(), w.with())
}

func (w *watcher) end(e iterator.EndEvent) {
	outcome := []attribute.KeyValue{completeKey.Bool(e.Complete)}
	if e.Err != nil {
		outcome = append(outcome, semconv.ErrorTypeKey.String(fmt.Sprintf("%T", e.Err)))
	}
	w.duration.Record(w.ctx, e.Duration.Seconds(), w.with(outcome...))
	w.span.SetAttributes(outcome...)
	w.span.SetAttributes(
		attribute.Int64("redisarrow.keys", e.Stats.Scanned), attribute.Int64("redisarrow.rows", e.Stats.Rows), attribute.Int64("redisarrow.bytes", e.Stats.Bytes),
		attribute.Int64("redisarrow.slots_reread", e.Stats.Reread),
	)
	if e.Missing != nil {
		w.span.SetAttributes(attribute.Int("redisarrow.slots_missing", e.Missing.Slots.Len()))
	}
	end := e.Begin.Add(e.Duration)
	fail(w.span, e.Err, trace.WithTimestamp(end))
	w.span.End(trace.WithTimestamp(end))
}

// fail marks a span as one that has failed.
func fail(span trace.Span, err error, at trace.EventOption) {
	if err != nil {
		span.RecordError(err, at)
		span.SetStatus(codes.Error, err.Error())
	}
}

// server says which node something is about.
func server(addr string) []attribute.KeyValue {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return []attribute.KeyValue{semconv.ServerAddress(addr)}
	}
	attributes := []attribute.KeyValue{semconv.ServerAddress(host)}
	if n, err := strconv.Atoi(port); err == nil {
		attributes = append(attributes, semconv.ServerPort(n))
	}
	return attributes
}
