package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
)

const (
	headRows  = 8
	cellWidth = 24
)

// printHead prints the first rows of an Arrow file as a table: what is shown
// is what was written.
func printHead(w io.Writer, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	r, err := ipc.NewFileReader(file, ipc.WithBodySizeLimit(0))
	if err != nil {
		return fmt.Errorf("reading %s back: %w", path, err)
	}
	defer r.Close()
	if r.NumRecords() == 0 {
		_, err := fmt.Fprintln(w, "no rows")
		return err
	}
	batch, err := r.RecordBatchAt(0)
	if err != nil {
		return fmt.Errorf("reading %s back: %w", path, err)
	}
	defer batch.Release()
	return printTable(w, batch)
}

func printTable(w io.Writer, batch arrow.RecordBatch) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := make([]string, batch.NumCols())
	for c, f := range batch.Schema().Fields() {
		line[c] = shown(f.Name)
	}
	fmt.Fprintln(t, strings.Join(line, "\t"))
	for row := range min(int(batch.NumRows()), headRows) {
		for c, column := range batch.Columns() {
			line[c] = cell(column, row)
		}
		fmt.Fprintln(t, strings.Join(line, "\t"))
	}
	return t.Flush()
}

func cell(column arrow.Array, row int) string {
	if column.IsNull(row) {
		return "null"
	}
	switch c := column.(type) {
	case *array.Binary:
		return shown(string(c.Value(row))) // ValueStr would give base64
	case *array.LargeBinary:
		return shown(string(c.Value(row)))
	case *array.String, *array.LargeString:
		return shown(column.ValueStr(row))
	case *array.Decimal128:
		// ValueStr would give 1e+02 for 100.00.
		if t, ok := c.DataType().(arrow.DecimalType); ok {
			return c.Value(row).ToString(t.GetScale())
		}
	}
	return column.ValueStr(row) // of a number or a time, whole
}

// shown is text that can't upset a terminal or the table, cut to a width.
func shown(text string) string {
	text, _ = cut(text, 2*cellWidth) // a value may have megabytes
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		text = strconv.Quote(text)
	}
	if _, whole := cut(text, cellWidth); whole {
		return text
	}
	text, _ = cut(text, cellWidth-1)
	return text + "…"
}

// cut returns the first n characters, and whether there were no more.
func cut(text string, n int) (start string, whole bool) {
	for i := range text {
		if n == 0 {
			return text[:i], false
		}
		n--
	}
	return text, true
}
