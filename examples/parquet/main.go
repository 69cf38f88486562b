// Command parquet writes the hashes user:* of a cluster into a Parquet file, as a
// job that feeds a data lake does.
//
//	REDIS_URL=redis://node1:7000 go run ./examples/parquet users.parquet
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strings"

	"github.com/redisarrow/redisarrow/arrowutil"
	"github.com/redisarrow/redisarrow/arrowutil/parquet"
	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, args []string) error {
	urls := os.Getenv("REDIS_URL")
	if urls == "" || len(args) != 1 {
		return errors.New("usage: REDIS_URL=redis://node1:7000[,redis://node2:7000…] parquet FILE")
	}
	rdb, err := cluster.Connect(ctx, cluster.Options{URLs: strings.Split(urls, ",")})
	if err != nil {
		return err
	}
	defer rdb.Close()

	users, err := schema.ParseHash("_key:key,name:utf8,age:int64,signup_date:date32,seen:timestamp[ms,UTC]")
	if err != nil {
		return err
	}
	it, err := iterator.NewClusterHashBatchIterator(ctx, rdb, users, iterator.Config{Pattern: "user:*"})
	if err != nil {
		return err
	}
	defer it.Release()

	// Whole or not at all. With CSV{} or JSONLines{} of package arrowutil it is one of
	// those.
	res, err := arrowutil.WriteFile(args[0], it, parquet.Format{Compression: parquet.ZSTD, RowGroupRows: 100_000})
	if err != nil {
		return err
	}
	fmt.Printf("%d rows in %s\n", res.Rows, args[0])
	return nil
}
