package arrowutil_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/redisarrow/redisarrow/arrowutil"
)

// exampleReader stands for an iterator of package iterator.
func exampleReader() array.RecordReader {
	schema := arrow.NewSchema([]arrow.Field{{Name: "name", Type: arrow.BinaryTypes.String}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	b.Field(0).(*array.StringBuilder).AppendValues([]string{"Alice", "Bob"}, nil)
	batch := b.NewRecordBatch()
	defer batch.Release()
	rr, err := array.NewRecordReader(schema, []arrow.RecordBatch{batch})
	if err != nil {
		log.Fatal(err)
	}
	return rr
}

func ExampleWriteFile() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	rr := exampleReader()
	defer rr.Release()
	path := filepath.Join(dir, "users.csv")
	if _, err := arrowutil.WriteFile(path, rr, arrowutil.CSV{}); err != nil {
		log.Fatal(err) // and there is no users.csv
	}
	text, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(text))
	// Output:
	// name
	// Alice
	// Bob
}

func ExampleWriteStream() {
	rr := exampleReader()
	defer rr.Release()
	// os.Stdout may as well be an http.ResponseWriter or a net.Conn.
	if _, err := arrowutil.WriteStream(os.Stdout, rr, arrowutil.JSONLines{}); err != nil {
		log.Fatal(err)
	}
	// Output:
	// {"name":"Alice"}
	// {"name":"Bob"}
}

func ExampleWriteIPCFile() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	rr := exampleReader()
	defer rr.Release()
	res, err := arrowutil.WriteIPCFile(filepath.Join(dir, "users.arrow"), rr,
		arrowutil.WithCompression(arrowutil.ZSTD))
	if err != nil {
		log.Fatal(err) // and there is no users.arrow
	}
	fmt.Println(res.Rows, "rows in", res.Batches, "batch")
	// Output: 2 rows in 1 batch
}

func ExampleWriteIPCStream() {
	rr := exampleReader()
	defer rr.Release()
	var pipe bytes.Buffer // or os.Stdout, an http.ResponseWriter, a net.Conn
	res, err := arrowutil.WriteIPCStream(&pipe, rr,
		arrowutil.WithProgress(func(r arrowutil.Result) { fmt.Println("so far:", r.Rows) }))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(res.Bytes == int64(pipe.Len()))
	// Output:
	// so far: 2
	// true
}

func ExampleCollect() {
	rr := exampleReader()
	defer rr.Release()
	table, err := arrowutil.Collect(rr)
	if err != nil {
		log.Fatal(err)
	}
	defer table.Release()
	fmt.Println(table.NumRows(), "rows of", table.NumCols(), "column")
	// Output: 2 rows of 1 column
}

// Before a long scan is begun: can its file be written at all?
func ExampleCheckFile() {
	err := arrowutil.CheckFile("/no/such/folder/users.arrow")
	var failed *arrowutil.WriteError
	fmt.Println(errors.As(err, &failed), errors.Is(err, fs.ErrNotExist))
	// Output: true true
}

func ExampleParseCompression() {
	c, err := arrowutil.ParseCompression("zstd")
	fmt.Println(c == arrowutil.ZSTD, err)
	_, err = arrowutil.ParseCompression("gzip")
	fmt.Println(err)
	// Output:
	// true <nil>
	// unknown compression "gzip": use none, lz4 or zstd
}
