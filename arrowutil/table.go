package arrowutil

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// Collect reads rr to its end into a table with one chunk a batch, all of it
// in memory. A reader without batches gives a table of no rows.
//
// The caller releases the table; its data stays valid after rr is released.
// rr itself is not released. If rr ends with an error, that error is returned as
// it is, without a table.
func Collect(rr array.RecordReader) (arrow.Table, error) {
	var batches []arrow.RecordBatch
	defer func() {
		for _, b := range batches {
			b.Release() // the table holds its own references
		}
	}()
	schema := rr.Schema()
	for rr.Next() {
		b := rr.RecordBatch()
		if !b.Schema().Equal(schema) {
			return nil, fmt.Errorf("arrowutil: batch %d has another schema than its reader", len(batches))
		}
		b.Retain()
		batches = append(batches, b)
	}
	if err := rr.Err(); err != nil {
		return nil, err
	}
	return array.NewTableFromRecords(schema, batches), nil
}
