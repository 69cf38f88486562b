package schema

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/redisarrow/redisarrow/convert"
)

// The defaults of [InferOptions].
const (
	DefaultMaxFields = 1000
	DefaultExamples  = 3

	// ValueName is the name that an inferred column for the value of a string has.
	ValueName = "value"
)

// maxExample bounds an example, in bytes.
const maxExample = 100

// InferOptions say how an [Inference] is made. The zero value has the defaults.
type InferOptions struct {
	// Types are data columns whose types are given: they are taken as they are,
	// whatever the values look like, and are part of the schema also if no hash has
	// the field.
	Types []Column

	// MaxFields is how many different fields are kept track of at most, those of
	// Types not counted; 0 means [DefaultMaxFields]. Of hashes that are used as maps,
	// with identifiers for names, there may be millions.
	MaxFields int

	// Examples is how many different values of each field are kept, shortened to 100
	// bytes; 0 means [DefaultExamples], less than 0 none.
	Examples int
}

// Inference gathers what the fields of a sample of hashes, or the values of
// strings, look like, and proposes a schema. It reads text as scans do, so that a
// scan with the proposed schema has no conversion failure in what was added.
//
// A field gets the first of these types that all its values fit, without
// anything being lost of them:
//
//	int64       42, -1; not 007, +5 and -0: whoever writes these means the zero or the sign
//	uint64      whole numbers from 0, where int64 is too small
//	float64     3.5, 1e-3; whole numbers up to 2⁵³, which a float64 has exactly; inf and nan beside numbers
//	boolean     true, false, yes, no, t, f, y, n in any capitals, and 1 and 0 beside them; not 1 and 0 alone,
//	            and letters only where one stands for true and another one for false
//	date32      2024-01-15
//	timestamp   2024-01-15T10:30:00, dates among them; [us], or [ns] where a fraction has more than six digits;
//	            in UTC if all have an offset, otherwise without a zone
//	utf8        any text, the empty one too
//	binary      anything
//
// Numbers are never taken for dates or times. A field without any value is utf8.
// All columns are nullable.
//
// An Inference is for one goroutine at a time.
type Inference struct {
	maxFields, examples int
	rows                int64
	fields              map[string]*inferring
	given               []string // the names of Types, in order
	found               int      // fields that aren't given
	others              int64
	unnamed             int64
}

// inferring is what is known of one field.
type inferring struct {
	evidence
	given    *Column
	parser   convert.Column // of a given type
	fits     int64          // the given type
	place    int64          // the sum of the places in their hashes
	examples []string
}

// InferredField is what was found out about a field, or about the value of strings.
type InferredField struct {
	// Column has the field's name, and the type that is proposed for it.
	Column Column
	// Given says that the type is that of [InferOptions.Types].
	Given bool
	// Present is how many rows of the sample have the field.
	Present int64
	// Fits is how many of these values fit the column's type: all of them unless
	// the type was given.
	Fits int64
	// Narrow is for a column that is proposed as text or binary: the same with the
	// other type that the most values fit, NarrowFits of them, which is less than
	// all. Without such a type NarrowFits is 0, and Narrow the zero Column.
	Narrow     Column
	NarrowFits int64
	// Examples are some of its values, each another one, as they came; those of more
	// than 100 bytes are cut, and end with "…".
	Examples []string
}

// NewInference begins one. The error, an *[Error], names the column of
// [InferOptions.Types] that can't be used, or isn't a data column.
func NewInference(options InferOptions) (*Inference, error) {
	i := &Inference{
		maxFields: cmp.Or(max(options.MaxFields, 0), DefaultMaxFields),
		examples:  cmp.Or(options.Examples, DefaultExamples),
		fields:    make(map[string]*inferring),
	}
	if len(options.Types) == 0 {
		return i, nil
	}
	if _, err := newRow(options.Types); err != nil {
		return nil, err
	}
	for n, c := range options.Types {
		if c.kind != KindField {
			return nil, columnError(n, c.name, "it is a metadata column (%s): types are given for fields", c.kind)
		}
		var opts convert.Options
		if unit, ok := c.EpochUnit(); ok {
			opts.EpochUnit = &unit
		}
		// Go's own memory: there is nobody who would release it.
		parser, err := convert.NewColumn(memory.NewGoAllocator(), c.dataType, opts)
		if err != nil {
			return nil, columnError(n, c.name, "%v", err)
		}
		i.given = append(i.given, c.name)
		i.fields[c.name] = &inferring{given: &c, parser: parser}
	}
	return i, nil
}

// AddHash adds a hash: its fields and their values, in their order.
func (i *Inference) AddHash(fields iter.Seq2[string, string]) {
	i.rows++
	place := int64(0)
	for name, value := range fields {
		i.add(name, value, place)
		place++
	}
}

// AddString adds the value of a string; the field is called [ValueName].
func (i *Inference) AddString(value string) {
	i.rows++
	i.add(ValueName, value, 0)
}

func (i *Inference) add(name, value string, place int64) {
	f := i.fields[name]
	if f == nil {
		switch {
		case !utf8.ValidString(name):
			i.unnamed++
			return
		case i.found >= i.maxFields:
			i.others++
			return
		}
		f = &inferring{}
		i.fields[name] = f
		i.found++
	}
	text := []byte(value)
	f.evidence.add(text)
	f.place += place
	if f.parser != nil && f.parser.Append(text) == nil {
		f.parser.Truncate(0)
		f.fits++
	}
	if len(f.examples) < i.examples {
		if example := shortenTo(value, maxExample); !slices.Contains(f.examples, example) {
			f.examples = append(f.examples, example)
		}
	}
}

// Rows is how many hashes or strings were added.
func (i *Inference) Rows() int64 { return i.rows }

// LeftOut is what no column is proposed for: how many values had fields beyond
// [InferOptions.MaxFields], and how many had names that aren't UTF-8, which Arrow
// doesn't allow.
func (i *Inference) LeftOut() (beyond, unnamed int64) { return i.others, i.unnamed }

// Fields are the fields that were found, those that the most hashes have first;
// among those that equally many have, in the order that they mostly have in the
// hashes. Fields of Types that no hash has come last.
func (i *Inference) Fields() []InferredField {
	names := slices.SortedFunc(maps.Keys(i.fields), func(a, b string) int {
		f, g := i.fields[a], i.fields[b]
		if f.values == 0 && g.values == 0 { // both are given
			return cmp.Compare(slices.Index(i.given, a), slices.Index(i.given, b))
		}
		// As many values, so the sums compare as the means do.
		return cmp.Or(cmp.Compare(g.values, f.values), cmp.Compare(f.place, g.place), cmp.Compare(a, b))
	})
	fields := make([]InferredField, len(names))
	for n, name := range names {
		fields[n] = i.fields[name].result(name)
	}
	return fields
}

func (f *inferring) result(name string) InferredField {
	out := InferredField{Present: f.values, Examples: slices.Clone(f.examples)}
	if f.given != nil {
		out.Column, out.Given, out.Fits = *f.given, true, f.fits
		return out
	}
	best, narrow := f.infer()
	out.Column, out.Fits = best.column(name), best.fits
	if narrow.fits > 0 && narrow.fits < f.values {
		out.Narrow, out.NarrowFits = narrow.column(name), narrow.fits
	}
	return out
}

// HashSchema is the schema that is proposed: the columns given, metadata mostly, and
// then those of all fields. The error, an *[Error], is that of [NewHash]: where a
// field has the name of a metadata column, give that another one.
func (i *Inference) HashSchema(columns ...Column) (*Hash, error) {
	return NewHash(i.with(columns)...)
}

func (i *Inference) with(columns []Column) []Column {
	all := slices.Clone(columns)
	for _, f := range i.Fields() {
		all = append(all, f.Column)
	}
	return all
}

// StringSchema is the schema that is proposed for strings: the columns given and then
// the value's, which is utf8 if there was none. The error is that of [NewString].
func (i *Inference) StringSchema(columns ...Column) (*String, error) {
	all := i.with(columns)
	if len(i.fields) == 0 {
		all = append(all, Utf8(ValueName))
	}
	return NewString(all...)
}

// Infer proposes a schema for hashes such as these: an [Inference] in one call. The
// columns, metadata mostly, come before those of the fields.
func Infer(hashes iter.Seq[map[string]string], options InferOptions, columns ...Column) (*Hash, error) {
	i, err := NewInference(options)
	if err != nil {
		return nil, err
	}
	for hash := range hashes {
		i.AddHash(func(yield func(name, value string) bool) {
			for _, name := range slices.Sorted(maps.Keys(hash)) { // so that equal hashes give equal schemas
				if !yield(name, hash[name]) {
					return
				}
			}
		})
	}
	return i.HashSchema(columns...)
}
