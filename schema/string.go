package schema

// String is the row that a string of Redis becomes. Make it with [NewString]
// or [ParseString]; it never changes, and is safe for concurrent use.
type String struct{ row }

// NewString makes a schema of the columns, in their order: at most one data
// column, whose name is free, takes the value. Without one the values aren't
// read. The error, an *[Error], names the column at fault, as that of
// [NewHash] does.
func NewString(columns ...Column) (*String, error) {
	return asString(newStringRow(columns))
}

// ParseString makes a schema from its text form, which the package
// documentation describes. The error is an *[Error] with the place in text.
func ParseString(text string) (*String, error) {
	return asString(parseRow(text, newStringRow))
}

// Value is the data column; ok is false if the schema has none.
func (s *String) Value() (column Column, ok bool) {
	if len(s.fields) == 0 {
		return Column{}, false
	}
	return s.fields[0], true
}

// Project is the schema with the data column, if it is named, or without it,
// if no name is given, and with the metadata columns as they are. The errors
// are those of [Hash.Project].
func (s *String) Project(names ...string) (*String, error) {
	return asString(s.project(names))
}

// Equal reports whether both schemas have equal columns in the same order.
func (s *String) Equal(other *String) bool { return s.equal(&other.row) }

func newStringRow(columns []Column) (*row, *Error) {
	r, err := newRow(columns)
	if err != nil || len(r.fields) <= 1 {
		return r, err
	}
	first, second := r.fields[0], r.fields[1]
	for i, c := range columns {
		if c.name == second.name {
			return nil, columnError(i, c.name, "a string has one value, and %q is the column for it already", shorten(first.name))
		}
	}
	return r, nil
}

// asString keeps a nil *Error from becoming a non-nil error.
func asString(r *row, err *Error) (*String, error) {
	if err != nil {
		return nil, err
	}
	return &String{row: *r}, nil
}
