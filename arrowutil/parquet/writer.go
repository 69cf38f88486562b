package parquet

import (
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/util"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// writer cuts batches into row groups.
type writer struct {
	file                *pqarrow.FileWriter
	sink                gate
	mostRows, mostBytes int64
	rows, bytes         int64 // of the row group that is open
	begun               bool  // there is one
}

// Write adds a batch to the row group that is open, and to further ones if need be.
func (w *writer) Write(batch arrow.RecordBatch) error {
	size := util.TotalRecordSize(batch)
	for from := int64(0); from < batch.NumRows(); {
		if !w.begun || w.rows >= w.mostRows || w.bytes >= w.mostBytes {
			if err := w.next(); err != nil {
				return err
			}
		}
		to := min(from+w.mostRows-w.rows, batch.NumRows())
		if err := w.write(batch, from, to); err != nil {
			return err
		}
		w.rows += to - from
		w.bytes += int64(float64(size) * float64(to-from) / float64(batch.NumRows()))
		from = to
	}
	return nil
}

func (w *writer) write(batch arrow.RecordBatch, from, to int64) error {
	slice := batch.NewSlice(from, to)
	defer slice.Release()
	return w.file.WriteBuffered(slice)
}

// next ends the row group that is open and opens another one.
func (w *writer) next() error {
	w.sink.open = true
	defer func() { w.sink.open = false }()
	w.begun, w.rows, w.bytes = true, 0, 0
	return w.file.NewBufferedRowGroupChecked()
}

// Waiting is what the open row group has of whole pages.
func (w *writer) Waiting() int64 { return w.file.RowGroupTotalCompressedBytes() }

// Close ends the last row group and writes the footer.
func (w *writer) Close() error {
	w.sink.open = true
	return w.file.Close()
}

// gate lets through what is written when a row group or the file ends, and nothing
// else. It is for pqarrow's WriteBuffered, which closes the file when it fails: with
// the footer behind it, the beginning of the data would look like all of it.
type gate struct {
	w    io.Writer
	open bool
}

func (g *gate) Write(p []byte) (int, error) {
	if !g.open {
		return len(p), nil
	}
	return g.w.Write(p)
}
