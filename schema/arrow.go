package schema

import (
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
)

// Field is the data column that f describes: its name and its type, which must
// be one that a constructor of this package makes. A field that isn't nullable
// is a mistake, as a hash without it gives null. Metadata is not taken over.
func Field(f arrow.Field) Column {
	c := field(f.Name, f.Type)
	switch t := f.Type.(type) {
	case nil:
		c.mistake = "the field has no type"
	case *arrow.TimestampType: // copied: f's owner may change it
		c = Timestamp(f.Name, t.Unit, TimeZone(t.TimeZone))
	case *arrow.Decimal128Type:
		c = Decimal128(f.Name, t.Precision, t.Scale)
	default:
		if !slices.ContainsFunc(columnTypes(), func(known columnType) bool {
			model := known.column("")
			return model.kind == KindField && arrow.TypeEqual(model.dataType, t)
		}) {
			c.mistake = fmt.Sprintf("there are no columns of Arrow type %s: known are %s",
				shorten(t.String()), listTypes(func(k Kind) bool { return k == KindField }))
		}
	}
	if c.mistake == "" && !f.Nullable {
		c.mistake = "the field isn't nullable: a key without it gives null; a key's name, TTL or row number is a metadata column, made with Key, TTL or Index"
	}
	return c
}

// HashFromArrow makes a schema of the fields of s, as [Field] takes them, and
// of columns. A column with the name of a field stands in the field's place
// and must be of its type; the others come before all fields, in their order.
// So metadata columns can lead, or be those that s has already. The schema has
// no metadata, whatever s has. The error is an *[Error] that names the column.
func HashFromArrow(s *arrow.Schema, columns ...Column) (*Hash, error) {
	return asHash(rowFromArrow(s, columns, newRow))
}

// StringFromArrow is [HashFromArrow] for strings: of s, one field at most may
// be left that no metadata column stands for.
func StringFromArrow(s *arrow.Schema, columns ...Column) (*String, error) {
	return asString(rowFromArrow(s, columns, newStringRow))
}

func rowFromArrow(s *arrow.Schema, columns []Column, build func([]Column) (*row, *Error)) (*row, *Error) {
	if s == nil {
		return nil, &Error{Reason: "no Arrow schema is given", Offset: -1, index: noColumn}
	}
	fields := make([]Column, s.NumFields())
	for i, f := range s.Fields() {
		fields[i] = Field(f)
		for _, c := range columns {
			switch {
			case c.name != f.Name || c.check() != "": // what is wrong with c, build says
			case !arrow.TypeEqual(c.dataType, fields[i].dataType):
				return nil, columnError(i, c.name, "the column given for it is of type %s, the Arrow schema has %v", c.dataType, f.Type)
			case c.Nullable() && !f.Nullable:
				return nil, columnError(i, c.name, "the column given for it can be null, the Arrow schema's field can't")
			}
		}
	}
	return build(merge(columns, fields))
}

// merge puts each of columns that has the name of a field into that field's
// place, and the others before all fields.
func merge(columns, fields []Column) []Column {
	merged, taken := slices.Clone(fields), make([]bool, len(fields))
	var leading []Column
	for _, c := range columns {
		i := slices.IndexFunc(fields, func(f Column) bool { return f.name == c.name })
		if i < 0 || taken[i] { // the second for a field is a mistake that newRow finds
			leading = append(leading, c)
			continue
		}
		merged[i], taken[i] = c, true
	}
	return append(leading, merged...)
}
