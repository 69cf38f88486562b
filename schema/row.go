package schema

import (
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

// row is what a [Hash] and a [String] have in common: a list of columns that
// has been checked. It never changes.
type row struct {
	columns []Column
	fields  []Column // the data columns among them
	arrow   *arrow.Schema
}

// newRow checks the columns. It keeps nothing of the slice.
func newRow(columns []Column) (*row, *Error) {
	if len(columns) == 0 {
		return nil, errNoColumn()
	}
	r := &row{columns: slices.Clone(columns)}
	arrowFields := make([]arrow.Field, len(columns))
	names := make(map[string]int, len(columns))
	kinds := make(map[Kind]string)
	for i, c := range columns {
		if reason := c.check(); reason != "" {
			return nil, columnError(i, c.name, "%s", reason)
		}
		if first, taken := names[c.name]; taken {
			return nil, columnError(i, c.name, "columns %d (%s) and %d (%s) have the same name; one of them needs another",
				first+1, columns[first].kind, i+1, c.kind)
		}
		names[c.name] = i
		arrowFields[i] = c.arrowField()

		if c.kind == KindField {
			r.fields = append(r.fields, c)
			continue
		}
		if first, taken := kinds[c.kind]; taken {
			return nil, columnError(i, c.name, "it is the second %s column, after %q; one is enough", c.kind, shorten(first))
		}
		kinds[c.kind] = c.name
	}
	r.arrow = arrow.NewSchema(arrowFields, nil)
	return r, nil
}

// Columns are all columns, in order. The slice is the caller's own.
func (r *row) Columns() []Column { return slices.Clone(r.columns) }

// Fields are the data columns alone, in order. The slice is the caller's own.
func (r *row) Fields() []Column { return slices.Clone(r.fields) }

// Arrow is the schema of the record batches: the same *arrow.Schema at every
// call.
func (r *row) Arrow() *arrow.Schema { return r.arrow }

// String is the text form, which parses to an equal schema.
func (r *row) String() string {
	items := make([]string, len(r.columns))
	for i, c := range r.columns {
		items[i] = c.String()
	}
	return strings.Join(items, ",")
}

func (r *row) equal(other *row) bool {
	return slices.EqualFunc(r.columns, other.columns, Column.Equal)
}

// project is the row with the named fields only, in the order of the names. A
// metadata column that comes after n fields comes after n of them again, or
// after all if there are fewer: leading ones lead, trailing ones trail, and a
// projection to all fields in their order changes nothing.
func (r *row) project(names []string) (*row, *Error) {
	chosen, err := r.choose(names)
	if err != nil {
		return nil, err
	}
	columns := make([]Column, 0, len(r.columns))
	for _, c := range r.columns {
		switch {
		case c.kind != KindField:
			columns = append(columns, c)
		case len(chosen) > 0:
			columns, chosen = append(columns, chosen[0]), chosen[1:]
		}
	}
	return newRow(columns)
}

// choose finds the fields by their names.
func (r *row) choose(names []string) ([]Column, *Error) {
	columns := make(map[string]Column, len(r.columns))
	for _, c := range r.columns {
		columns[c.name] = c
	}
	chosen := make([]Column, 0, len(names))
	seen := make(map[string]bool, len(names))
	for i, name := range names {
		c, known := columns[name]
		switch {
		case !known:
			return nil, columnError(i, name, "the schema has no such field")
		case c.kind != KindField:
			return nil, columnError(i, name, "it is a metadata column (%s): a projection keeps those unnamed", c.kind)
		case seen[name]:
			return nil, columnError(i, name, "the projection names it twice")
		}
		seen[name] = true
		chosen = append(chosen, c)
	}
	return chosen, nil
}
