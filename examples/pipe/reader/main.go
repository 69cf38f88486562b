// Command reader adds up the column "count" of the Arrow stream on its standard
// input. It knows nothing of Redis: see the writer beside it.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
)

func main() {
	if err := run(os.Stdin); err != nil {
		log.Fatal(err)
	}
}

func run(in io.Reader) error {
	reader, err := ipc.NewReader(bufio.NewReader(in))
	if err != nil {
		return fmt.Errorf("not an Arrow stream: %w", err)
	}
	defer reader.Release()
	columns := reader.Schema().FieldIndices("count")
	if len(columns) != 1 {
		return errors.New(`the stream has no column "count"`)
	}

	keys, sum := int64(0), int64(0)
	for reader.Next() {
		batch := reader.RecordBatch()
		counts, ok := batch.Column(columns[0]).(*array.Int64)
		if !ok {
			return fmt.Errorf(`the column "count" is of type %s`, batch.Column(columns[0]).DataType())
		}
		keys += batch.NumRows()
		for i := range counts.Len() {
			if counts.IsValid(i) {
				sum += counts.Value(i)
			}
		}
	}
	// Without this, a writer that failed half-way would go unnoticed.
	if err := reader.Err(); err != nil {
		return fmt.Errorf("the stream broke off after %d rows: %w", keys, err)
	}
	fmt.Printf("%d counters, %d in all\n", keys, sum)
	return nil
}
