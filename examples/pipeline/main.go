// Command pipeline counts users by country on several goroutines, while the
// cluster is still being scanned.
//
//	REDIS_URL=redis://node1:7000 go run ./examples/pipeline
//
// It shows who owns a batch: the iterator lends it for one turn of the loop, so
// whoever hands it to another goroutine retains it first, and that goroutine
// releases it.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
)

const consumers = 2

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
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
	byCountry, err := countUsers(ctx, rdb)
	if err != nil {
		return err
	}
	for _, country := range slices.Sorted(maps.Keys(byCountry)) {
		fmt.Println(country, byCountry[country])
	}
	return nil
}

func countUsers(ctx context.Context, rdb redis.UniversalClient) (map[string]int, error) {
	users, err := schema.NewHash(schema.Utf8("country"))
	if err != nil {
		return nil, err
	}
	// The group's context is the scan's: a consumer that fails ends the scan.
	group, ctx := errgroup.WithContext(ctx)
	it, err := iterator.NewClusterHashBatchIterator(ctx, rdb, users, iterator.Config{Pattern: "user:*", BatchSize: 500})
	if err != nil {
		return nil, err
	}
	defer it.Release()

	// Without a buffer: if the consumers are slower than the scan it waits for
	// them, and so do the servers.
	batches := make(chan arrow.RecordBatch)
	group.Go(func() error {
		defer close(batches)
		return produce(ctx, it, batches)
	})

	var mu sync.Mutex
	total := make(map[string]int)
	for range consumers {
		group.Go(func() error {
			for batch := range batches {
				counts, err := countBatch(batch)
				batch.Release()
				if err != nil {
					return err
				}
				mu.Lock()
				for country, n := range counts {
					total[country] += n
				}
				mu.Unlock()
			}
			return nil
		})
	}
	// All goroutines have ended after Wait, so it is safe to release the
	// iterator.
	if err := group.Wait(); err != nil {
		return nil, err // also an incomplete scan's: no count is better than a wrong one
	}
	return total, nil
}

// produce sends every batch to the consumers, each with a reference of its own.
func produce(ctx context.Context, it *iterator.ClusterHashBatchIterator, batches chan<- arrow.RecordBatch) error {
	for batch, err := range it.All() {
		if err != nil {
			return err
		}
		batch.Retain()
		select {
		case batches <- batch:
		case <-ctx.Done(): // nobody receives any more
			batch.Release()
			return ctx.Err()
		}
	}
	return nil
}

func countBatch(batch arrow.RecordBatch) (map[string]int, error) {
	countries, ok := batch.Column(0).(*array.String)
	if !ok {
		return nil, fmt.Errorf("column 0 is of type %s", batch.Column(0).DataType())
	}
	counts := make(map[string]int)
	for i := range countries.Len() {
		country := "unknown" // a user without the field
		if countries.IsValid(i) {
			// The array's strings point into its memory, which the batch may
			// give back when it is released: a map's key has to be a copy.
			country = strings.Clone(countries.Value(i))
		}
		counts[country]++
	}
	return counts, nil
}
