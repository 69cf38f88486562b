// Command quickstart counts the active users of a cluster, batch by batch.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
)

func main() {
	if err := run(context.Background(), os.Getenv("REDIS_URL")); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, url string) error {
	if url == "" {
		return errors.New("set REDIS_URL to the URL of any node, such as redis://:password@node1:7000")
	}
	rdb, err := cluster.Connect(ctx, cluster.Options{URLs: []string{url}})
	if err != nil {
		return err
	}
	defer rdb.Close()

	users, err := schema.NewHash(
		schema.Key("_key"), schema.TTL("_ttl", arrow.Second),
		schema.Utf8("name"), schema.Int64("age"), schema.Boolean("active"), schema.Date("signup_date"),
	)
	if err != nil {
		return err
	}
	it, err := iterator.NewClusterHashBatchIterator(ctx, rdb, users, iterator.Config{Pattern: "user:*"})
	if err != nil {
		return err
	}
	defer it.Release()

	rows, active := int64(0), 0
	for it.Next() {
		batch := it.RecordBatch() // valid until the next Next: Retain keeps it longer
		rows += batch.NumRows()
		flags := batch.Column(4).(*array.Boolean)
		for i := range flags.Len() {
			if flags.IsValid(i) && flags.Value(i) {
				active++
			}
		}
	}
	if err := it.Err(); err != nil {
		return err // what was counted is not everything
	}
	fmt.Printf("%d of %d users are active\n", active, rows)
	return nil
}
