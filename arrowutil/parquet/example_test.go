package parquet_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/redisarrow/redisarrow/arrowutil"
	"github.com/redisarrow/redisarrow/arrowutil/parquet"
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

func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	rr := exampleReader()
	defer rr.Release()
	res, err := arrowutil.WriteFile(filepath.Join(dir, "users.parquet"), rr,
		parquet.Format{Compression: parquet.ZSTD, RowGroupRows: 100_000})
	if err != nil {
		log.Fatal(err) // and there is no users.parquet
	}
	fmt.Println(res.Rows, "rows")
	// Output: 2 rows
}
