// Command writer streams the strings counter:* of a cluster to its standard
// output, for another process to read while the scan is still running.
//
//	export REDIS_URL=redis://node1:7000
//	go run ./examples/pipe/writer | go run ./examples/pipe/reader
//
// Any other Arrow library can be the reader, for instance pyarrow's
// ipc.open_stream(sys.stdin.buffer).
package main

import (
	"context"
	"errors"
	"log"
	"os"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/redisarrow/redisarrow/arrowutil"
	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
)

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err) // to standard error: standard output carries the stream
	}
}

func run(ctx context.Context) error {
	urls := os.Getenv("REDIS_URL")
	if urls == "" {
		return errors.New("set REDIS_URL to the URL of a node, such as redis://node1:7000")
	}
	rdb, err := cluster.Connect(ctx, cluster.Options{URLs: strings.Split(urls, ",")})
	if err != nil {
		return err
	}
	defer rdb.Close()

	counters, err := schema.NewString(schema.Key("key"), schema.TTL("ttl", arrow.Second), schema.Int64("count"))
	if err != nil {
		return err
	}
	// Small batches, because the reader begins with the first one. A reader
	// that is slow, or stops, stalls the scan: nothing piles up anywhere.
	it, err := iterator.NewClusterStringBatchIterator(ctx, rdb, counters, iterator.Config{Pattern: "counter:*", BatchSize: 1000})
	if err != nil {
		return err
	}
	defer it.Release()

	// A stream that ends because of an error has no end marker: whoever reads
	// it gets an error too, and can't take the part for the whole.
	_, err = arrowutil.WriteIPCStream(os.Stdout, it)
	return err
}
