package iterator_test

import (
	"context"
	"fmt"
	"log"
	"sync/atomic"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
)

// An observer is told what happens while the scan goes on.
func ExampleObserver() {
	server := startCluster()
	defer server.Close()
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
	var read atomic.Int64 // pages come from several goroutines
	observer := &iterator.Observer{
		Topology: func(e iterator.TopologyEvent) { fmt.Println(len(e.Masters), "masters") },
		Page:     func(e iterator.PageEvent) { read.Add(e.Counters.Rows) },
		Retry:    func(e iterator.RetryEvent) { fmt.Println("again:", e.Node, e.Cause) },
		End: func(e iterator.EndEvent) {
			fmt.Println(read.Load(), "rows read, complete:", e.Complete)
		},
	}
	it, err := iterator.NewClusterHashBatchIterator(ctx, rdb, users, iterator.Config{
		Concurrency: iterator.AllMasters,
		Observer:    observer,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer it.Release()
	for it.Next() {
		fmt.Println("a batch of", it.RecordBatch().NumRows())
	}
	if err := it.Err(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 3 masters
	// a batch of 3
	// 3 rows read, complete: true
}
