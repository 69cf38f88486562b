//go:build duckdb_arrow && cgo

// Command duckdb asks a cluster a question in SQL: a scan goes into DuckDB, in
// this process, without a file in between.
//
//	cd examples/duckdb && REDIS_URL=redis://node1:7000 go run -tags duckdb_arrow .
//
// It is a module of its own, because DuckDB comes as a library of 130 MB that
// is linked with cgo; without the tag duckdb_arrow the driver knows no Arrow.
//
// What it shows: DuckDB takes the iterator as it takes any record reader, and
// pulls the batches as it needs them, so that one is in memory at a time.
package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory/mallocator"
	"github.com/duckdb/duckdb-go/v2"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) error {
	urls := os.Getenv("REDIS_URL")
	if urls == "" {
		return errors.New("set REDIS_URL to the URL of a node, such as redis://node1:7000")
	}
	rdb, err := cluster.Connect(ctx, cluster.Options{URLs: strings.Split(urls, ",")})
	if err != nil {
		return err
	}
	defer rdb.Close()
	users, err := schema.NewHash(schema.Key("key"), schema.Utf8("country"), schema.Int64("age"), schema.Date("signup_date"))
	if err != nil {
		return err
	}
	it, err := iterator.NewClusterHashBatchIterator(ctx, rdb, users, iterator.Config{
		Pattern:   "user:*",
		Allocator: mallocator.NewMallocator(), // C's memory: cgo wants no pointers to Go's in DuckDB
	})
	if err != nil {
		return err
	}
	defer it.Release()

	db, err := sql.Open("duckdb", "") // or the name of a file, which stays
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := load(ctx, conn, "users", it); err != nil {
		return err
	}
	return ask(ctx, conn, out)
}

// load makes a table of all rows of a reader, or none.
func load(ctx context.Context, conn *sql.Conn, table string, reader array.RecordReader) error {
	var release func()
	err := conn.Raw(func(c any) error {
		arrow, err := duckdb.NewArrowFromConn(c.(driver.Conn))
		if err != nil {
			return err
		}
		release, err = arrow.RegisterView(reader, "scan")
		return err
	})
	if err != nil {
		return err
	}
	defer release()
	// The view can be read once, and only as a whole: a query of some of its
	// columns gets the wrong ones, see https://github.com/duckdb/duckdb/issues/17012.
	_, err = conn.ExecContext(ctx, "CREATE TABLE "+table+" AS SELECT * FROM scan")
	if cause := reader.Err(); cause != nil {
		return cause // DuckDB's error has its text; this one has its type, too
	}
	if err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, "DROP VIEW scan")
	return err
}

// ask prints the answer to a query.
func ask(ctx context.Context, conn *sql.Conn, out io.Writer) error {
	rows, err := conn.QueryContext(ctx, `
		SELECT coalesce(country, 'unknown'), count(*), avg(age), min(signup_date)
		FROM users GROUP BY country ORDER BY country NULLS LAST`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var (
			country string
			n       int64
			age     sql.NullFloat64
			first   sql.NullTime
		)
		if err := rows.Scan(&country, &n, &age, &first); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s: %d users, %.1f years old on average, the first since %s\n",
			country, n, age.Float64, first.Time.Format("2006-01-02"))
	}
	return rows.Err()
}
