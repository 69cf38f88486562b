package oteliterator_test

import (
	"context"
	"fmt"
	"log"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/iterator/oteliterator"
	"github.com/redisarrow/redisarrow/schema"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

func ExampleObserver() {
	server, err := minicluster.Start(minicluster.Config{Seed: 1})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	server.SetHash("user:1", "name", "Alice")
	ctx := context.Background()
	rdb, err := cluster.Connect(ctx, cluster.Options{URLs: server.URLs()})
	if err != nil {
		log.Fatal(err)
	}
	defer rdb.Close()
	users, err := schema.ParseHash("_key:key,name:utf8")
	if err != nil {
		log.Fatal(err)
	}

	// Here spans are kept in memory; a program has an exporter, and leaves the option
	// out where it has called otel.SetTracerProvider.
	spans := tracetest.NewSpanRecorder()
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))

	it, err := iterator.NewClusterHashBatchIterator(ctx, rdb, users, iterator.Config{
		Observer: oteliterator.Observer(ctx, oteliterator.WithTracerProvider(tracers)),
	})
	if err != nil {
		log.Fatal(err)
	}
	for it.Next() {
		fmt.Println(it.RecordBatch().NumRows(), "rows")
	}
	if err := it.Err(); err != nil {
		log.Fatal(err)
	}
	it.Release()
	for _, span := range spans.Ended() {
		fmt.Println(span.Name())
	}
	// Output:
	// 1 rows
	// redisarrow.pass
	// redisarrow.pass
	// redisarrow.pass
	// redisarrow.scan
}
