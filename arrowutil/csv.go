package arrowutil

import (
	"io"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// CSV is text with commas between the cells, lines that end with a newline, and the
// columns' names in the first one (RFC 4180, with a plain newline).
//
//   - A null is nothing at all between its commas, an empty string is "" in quotes:
//     readers that look at the quotes can tell them apart. In a table of one column a
//     null is "" too, as an empty line would be taken for none.
//   - Numbers stand as they are, with NaN, inf and -inf among the floats, and a
//     decimal with all its digits; booleans are true and false.
//   - Dates are 2024-01-15, timestamps 2024-01-15T10:30:00.5, with Z or their zone's
//     offset behind it if the column has a zone.
//   - Bytes are in base64.
//
// Types aren't in the file, nor is the schema's metadata. A stream that failed ends
// inside quotes, with a byte that isn't UTF-8: pyarrow, Polars, DuckDB and Python
// refuse that, pyarrow only where there is more than one column.
type CSV struct{}

// NewWriter is for [WriteFile] and [WriteStream].
func (CSV) NewWriter(w io.Writer, schema *arrow.Schema, _ memory.Allocator) (BatchWriter, error) {
	c := &csvWriter{w: w}
	for i, f := range schema.Fields() {
		if i > 0 {
			c.line = append(c.line, ',')
		}
		c.appendQuoted(f.Name)
	}
	c.line = append(c.line, '\n')
	return c, nil
}

// Broken opens quotes that are never closed, with a byte behind them that is no
// text: for some readers the quotes aren't enough.
func (CSV) Broken() []byte { return []byte("\"\xff") }

// csvWriter is our own: encoding/csv, on which arrow-go's CSV writer stands, writes
// empty strings without quotes, so they would be read as nulls; and a row of one
// column that is null as an empty line, so it would be read as no row.
type csvWriter struct {
	w    io.Writer
	line []byte // at first the header; it waits for the first batch, or for Close
}

func (c *csvWriter) Write(batch arrow.RecordBatch) error {
	texts := make([]func(int) string, batch.NumCols())
	for i, column := range batch.Columns() {
		texts[i] = cellText(column)
		if text := texts[i]; arrow.IsFloating(column.DataType().ID()) {
			texts[i] = func(row int) string { return plainFloat(text(row)) }
		}
	}
	for row := range int(batch.NumRows()) {
		for i, column := range batch.Columns() {
			if i > 0 {
				c.line = append(c.line, ',')
			}
			switch {
			case column.IsValid(row):
				c.appendQuoted(texts[i](row))
			case len(texts) == 1:
				c.line = append(c.line, `""`...)
			}
		}
		c.line = append(c.line, '\n')
		if err := c.flush(); err != nil {
			return err
		}
	}
	return nil
}

func (c *csvWriter) Close() error { return c.flush() }

func (c *csvWriter) flush() error {
	_, err := c.w.Write(c.line)
	c.line = c.line[:0]
	return err
}

// appendQuoted puts quotes around a text that needs them.
func (c *csvWriter) appendQuoted(text string) {
	if text != "" && !strings.ContainsAny(text, ",\"\r\n") && text[0] != ' ' && text[len(text)-1] != ' ' {
		c.line = append(c.line, text...)
		return
	}
	c.line = append(c.line, '"')
	for quote := strings.IndexByte(text, '"'); quote >= 0; quote = strings.IndexByte(text, '"') {
		c.line = append(c.line, text[:quote]...)
		c.line = append(c.line, `""`...)
		text = text[quote+1:]
	}
	c.line = append(c.line, text...)
	c.line = append(c.line, '"')
}

// plainFloat is a float's text as readers know it.
func plainFloat(text string) string {
	switch text {
	case "+Inf":
		return "inf"
	case "-Inf":
		return "-inf"
	default:
		return text
	}
}
