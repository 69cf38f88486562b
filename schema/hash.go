package schema

// Hash is the row that a hash of Redis becomes. Make it with [NewHash] or
// [ParseHash]; it never changes, and is safe for concurrent use.
type Hash struct{ row }

// NewHash makes a schema of the columns, in their order. The error, an
// *[Error], names the column at fault: one with a name that another has, a
// second metadata column of a kind, a unit or time zone that doesn't exist.
// No column at all is an error too; metadata columns alone are not.
func NewHash(columns ...Column) (*Hash, error) {
	return asHash(newRow(columns))
}

// ParseHash makes a schema from its text form, which the package
// documentation describes. The error is an *[Error] with the place in text.
func ParseHash(text string) (*Hash, error) {
	return asHash(parseRow(text, newRow))
}

// Project is the schema with the named fields only, in the order of the
// names, and with the metadata columns as they are: those before the fields
// lead, those after them trail, and one that comes after n fields comes after
// n fields again, or after all if there are fewer. Without names the metadata
// columns remain alone. The error, an *[Error], names a field that the schema
// doesn't have, one named twice, or a metadata column (those need no naming);
// a projection that leaves no column is an error too.
func (h *Hash) Project(names ...string) (*Hash, error) {
	return asHash(h.project(names))
}

// Equal reports whether both schemas have equal columns in the same order.
func (h *Hash) Equal(other *Hash) bool { return h.equal(&other.row) }

// asHash keeps a nil *Error from becoming a non-nil error.
func asHash(r *row, err *Error) (*Hash, error) {
	if err != nil {
		return nil, err
	}
	return &Hash{row: *r}, nil
}
