package arrowutil

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// JSONLines is a JSON object a line for each row, with its members in the order of
// the columns (https://jsonlines.org, also known as NDJSON).
//
//   - A null is null; it is never left out.
//   - Integers are numbers with all their digits: beyond 2^53 a reader that knows only
//     floats, such as JavaScript, rounds them.
//   - NaN and the infinities are null: JSON has no such numbers.
//   - Decimals are strings, with all their digits.
//   - Dates are "2024-01-15", timestamps "2024-01-15T10:30:00.5", with Z or their
//     zone's offset behind it if the column has a zone.
//   - Bytes are strings in base64.
//
// Types aren't in the file, nor is the schema's metadata, and nothing at all is if
// there are no rows. A stream that failed ends in the middle of an object, which
// every JSON parser refuses.
type JSONLines struct{}

// NewWriter is for [WriteFile] and [WriteStream].
func (JSONLines) NewWriter(w io.Writer, schema *arrow.Schema, _ memory.Allocator) (BatchWriter, error) {
	j := &jsonWriter{w: w}
	j.encoder = json.NewEncoder(&j.line)
	j.encoder.SetEscapeHTML(false)
	for i, f := range schema.Fields() {
		j.line.WriteByte("{,"[min(i, 1)])
		if err := j.encode(f.Name); err != nil {
			return nil, err
		}
		j.line.WriteByte(':')
		j.names = append(j.names, bytes.Clone(j.line.Bytes()))
		j.line.Reset()
	}
	return j, nil
}

// Broken begins an object that is never ended.
func (JSONLines) Broken() []byte { return []byte(`{"`) }

// jsonWriter keeps the columns' order and plain text, where arrow-go's
// array.RecordToJSON sorts the names and escapes what HTML would mind.
type jsonWriter struct {
	w       io.Writer
	names   [][]byte // of the columns, each with what stands before and behind it
	line    bytes.Buffer
	encoder *json.Encoder
}

func (j *jsonWriter) Write(batch arrow.RecordBatch) error {
	cells := make([]func(int) error, batch.NumCols())
	for i, column := range batch.Columns() {
		cells[i] = j.cells(column)
	}
	for row := range int(batch.NumRows()) {
		j.line.Reset()
		for i, cell := range cells {
			j.line.Write(j.names[i])
			if batch.Column(i).IsNull(row) {
				j.line.WriteString("null")
			} else if err := cell(row); err != nil {
				return err
			}
		}
		j.line.WriteString("}\n")
		if _, err := j.w.Write(j.line.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

func (j *jsonWriter) Close() error { return nil }

// cells returns what writes the cells of a column that aren't null.
func (j *jsonWriter) cells(column arrow.Array) func(row int) error {
	text := cellText(column)
	id := column.DataType().ID()
	switch {
	case arrow.IsInteger(id), id == arrow.BOOL:
		return func(row int) error {
			j.line.WriteString(text(row))
			return nil
		}
	case arrow.IsFloating(id):
		return func(row int) error {
			number := text(row)
			if number == "NaN" || strings.HasSuffix(number, "Inf") {
				number = "null"
			}
			j.line.WriteString(number)
			return nil
		}
	case arrow.IsNested(id):
		return func(row int) error { return j.encode(column.GetOneForMarshal(row)) }
	default:
		return func(row int) error { return j.encode(text(row)) }
	}
}

// encode appends a value without the newline that the encoder puts behind it.
func (j *jsonWriter) encode(value any) error {
	if err := j.encoder.Encode(value); err != nil {
		return err
	}
	j.line.Truncate(j.line.Len() - 1)
	return nil
}
