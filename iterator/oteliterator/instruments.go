package oteliterator

import (
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
)

// instruments are the metrics; doc.go says what each of them is.
type instruments struct {
	pages, keys, rows, bytes, leftOut, badCells        metric.Int64Counter
	retries, redirects, topologies, batches, batchRows metric.Int64Counter

	pageDuration, batchWait, duration metric.Float64Histogram
}

func newInstruments(m metric.Meter) instruments {
	counter := func(name, unit, what string) metric.Int64Counter {
		c, err := m.Int64Counter("redisarrow.scan."+name, metric.WithUnit(unit), metric.WithDescription(what))
		if err != nil {
			otel.Handle(err)
			return noop.Int64Counter{}
		}
		return c
	}
	seconds := func(name, what string, buckets ...float64) metric.Float64Histogram {
		h, err := m.Float64Histogram("redisarrow.scan."+name, metric.WithUnit("s"), metric.WithDescription(what), metric.WithExplicitBucketBoundaries(buckets...))
		if err != nil {
			otel.Handle(err)
			return noop.Float64Histogram{}
		}
		return h
	}
	// Pages take milliseconds, or seconds where batches wait for their reader.
	short := []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}
	return instruments{
		pages:      counter("pages", "{page}", "Pages of keys that are through."),
		keys:       counter("keys", "{key}", "Keys that servers have listed."),
		rows:       counter("rows", "{row}", "Rows that were read."),
		bytes:      counter("bytes", "By", "Bytes received."),
		leftOut:    counter("left_out", "{key}", "Keys that gave no row, or had been listed before."),
		badCells:   counter("bad_cells", "{cell}", "Cells that didn't fit their column, or were too large."),
		retries:    counter("retries", "{retry}", "Commands asked again, and connections made anew."),
		redirects:  counter("redirects", "{redirect}", "MOVED and ASK replies followed."),
		topologies: counter("topologies", "{topology}", "How often the cluster was found changed, the first look included."),
		batches:    counter("batches", "{batch}", "Batches handed out."),
		batchRows:  counter("batch.rows", "{row}", "Rows handed out."),

		pageDuration: seconds("page.duration", "From asking for a page of keys to the last one's row.", short...),
		batchWait:    seconds("batch.wait", "How long the reader waited for a batch.", short...),
		duration:     seconds("duration", "How long scans took.", 0.1, 0.5, 1, 5, 10, 30, 60, 300, 600, 1800, 3600, 14400),
	}
}
