// Command ipcfile writes the hashes user:* of a cluster into an Arrow IPC file,
// which pandas, Polars, DuckDB and others open without copying it through text.
//
//	REDIS_URL=redis://node1:7000 go run ./examples/ipcfile users.arrow
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
	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/convert"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
)

func main() {
	// Ctrl-C ends the scan through its context, so that the half-written file
	// is taken away.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, args []string) error {
	urls := os.Getenv("REDIS_URL")
	if urls == "" || len(args) != 1 {
		return errors.New("usage: REDIS_URL=redis://node1:7000[,redis://node2:7000…] ipcfile FILE")
	}
	rdb, err := cluster.Connect(ctx, cluster.Options{URLs: strings.Split(urls, ",")})
	if err != nil {
		return err
	}
	defer rdb.Close()

	// The same schema could be written in Go; as text it may come from a
	// configuration file.
	users, err := schema.ParseHash("_key:key,name:utf8,age:int64,signup_date:date32,seen:timestamp[ms,UTC]")
	if err != nil {
		return err
	}
	it, err := iterator.NewClusterHashBatchIterator(ctx, rdb, users, iterator.Config{
		Pattern:      "user:*",
		Concurrency:  iterator.AllMasters, // at once, if this machine keeps up with all of them
		OnParseError: convert.Null,        // one bad age doesn't spoil the file, and is counted
	})
	if err != nil {
		return err
	}
	defer it.Release()

	// The file appears under its name when it is whole. If the scan fails it
	// doesn't appear at all: there is nothing to clean up.
	res, err := arrowutil.WriteIPCFile(args[0], it, arrowutil.WithCompression(arrowutil.LZ4))
	if err != nil {
		return err
	}
	fmt.Printf("%d rows in %s\n", res.Rows, args[0])
	if n := it.Stats().ParseFailures; n > 0 {
		fmt.Printf("%d cells are null because their text doesn't fit\n", n)
	}
	return nil
}
