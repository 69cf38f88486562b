// Command structs reads the hashes user:* of a cluster by a Go struct: the one
// whose redis tags go-redis writes and scans by also says what the columns are.
//
//	REDIS_URL=redis://node1:7000 go run ./examples/structs
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/convert"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
)

// user is what the program that stores users has as well:
//
//	rdb.HSet(ctx, "user:1", user{…})          writes it
//	rdb.HGetAll(ctx, "user:1").Scan(&u)       reads one
type user struct {
	Name   string    `redis:"name"`
	Age    *int8     `redis:"age,omitempty"` // null where it isn't stored
	Active bool      `redis:"active"`
	Seen   time.Time `redis:"seen"`

	// Where Go's type says too little, a second tag names the column's.
	SignupDate string `redis:"signup_date" redisarrow:"date32"`
	Balance    string `redis:"balance" redisarrow:"decimal128[18,2]"`

	Friends []string // no tag, no column
}

func main() {
	if err := run(context.Background(), os.Getenv("REDIS_URL")); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, url string) error {
	if url == "" {
		return errors.New("set REDIS_URL to the URL of any node, such as redis://:password@node1:7000")
	}
	users, err := schema.HashOf[user](schema.Key("_key")) // with a column more
	if err != nil {
		return err
	}

	rdb, err := cluster.Connect(ctx, cluster.Options{URLs: []string{url}})
	if err != nil {
		return err
	}
	defer rdb.Close()
	it, err := iterator.NewClusterHashBatchIterator(ctx, rdb, users, iterator.Config{
		Pattern:      "user:*",
		OnParseError: convert.Null,
		RedactValues: true, // users' data belongs into no log
	})
	if err != nil {
		return err
	}
	defer it.Release()

	// A column is found by its name: the struct may change.
	balance := users.Arrow().FieldIndices("balance")[0]
	rows, sum := int64(0), decimal128.Num{}
	for it.Next() {
		batch := it.RecordBatch()
		rows += batch.NumRows()
		column := batch.Column(balance).(*array.Decimal128)
		for i := range column.Len() {
			if column.IsValid(i) {
				sum = sum.Add(column.Value(i))
			}
		}
	}
	if err := it.Err(); err != nil {
		return err // what was added up is not everything
	}
	fmt.Println(users)
	fmt.Printf("%d users have %s\n", rows, sum.ToString(2))
	return nil
}
