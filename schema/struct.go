package schema

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
)

const (
	nameTag = "redis"
	typeTag = "redisarrow"
)

// HashOf makes a schema of the fields of T, a struct, that have a tag such as
// `redis:"name"`: the same struct that go-redis writes with HSet and reads with
// Scan. The tag's first word is the name of the field in Redis; options after a
// comma, such as omitempty, don't matter here. As with Scan, fields without a
// tag and those tagged "-" are left out, except that the fields of embedded
// structs without a name of their own, and of structs tagged `redis:",inline"`,
// count as T's.
//
//	Go type, or pointer to it                 column
//	string                                    [Utf8]
//	[]byte                                    [Binary]
//	bool                                      [Boolean]
//	int8, int16, int32, int64, int            [Int8] … [Int64], int as Int64
//	uint8, uint16, uint32, uint64, uint       [Uint8] … [Uint64], uint as Uint64
//	float32, float64                          [Float32], [Float64]
//	time.Time                                 [Timestamp] in µs, UTC
//	named types of these                      as what they are made of; time.Duration is Int64, in ns
//	types with ScanRedis or UnmarshalText     Utf8: their text, as it is stored
//	types with UnmarshalBinary                Binary
//
// Another type of column is named by a second tag, in the text form:
//
//	Born    time.Time `redis:"born" redisarrow:"date32"`
//	Balance string    `redis:"balance" redisarrow:"decimal128[18,2]"`
//
// All columns are nullable, of pointers or not. Mind that go-redis writes a nil
// pointer as an empty string or a zero, unless the tag says omitempty.
//
// A column given here with the name of a field stands in its place; the others
// come before all fields, in their order: so metadata columns lead. The error,
// an *[Error], says which field of the struct can't be a column, and why: its
// type, a tag without a name, a type that isn't known, unexported. Two fields of
// one name, and a struct without tags, are errors too.
func HashOf[T any](columns ...Column) (*Hash, error) {
	fields, err := structColumns(reflect.TypeFor[T]())
	if err != nil {
		return nil, err
	}
	return asHash(newRow(merge(columns, fields)))
}

// structColumns are the columns of the tagged fields of a struct.
func structColumns(t reflect.Type) ([]Column, *Error) {
	if t.Kind() != reflect.Struct {
		return nil, &Error{Reason: fmt.Sprintf("%s is not a struct", t), Offset: -1, index: noColumn}
	}
	w := structWalk{of: t}
	if err := w.walk(t); err != nil {
		return nil, err
	}
	if len(w.columns) == 0 {
		return nil, &Error{
			Reason: fmt.Sprintf("no field of struct %s has a tag such as `redis:\"name\"`", t),
			Offset: -1, index: noColumn,
		}
	}
	return w.columns, nil
}

// structWalk goes through the fields of a struct, and of those within it.
type structWalk struct {
	of      reflect.Type
	within  []reflect.Type // the structs on the way to where it is
	path    []string       // their fields' names
	columns []Column
}

func (w *structWalk) walk(t reflect.Type) *Error {
	if slices.Contains(w.within, t) {
		return nil // a struct that embeds itself has no further fields
	}
	w.within = append(w.within, t)
	defer func() { w.within = w.within[:len(w.within)-1] }()
	for i := range t.NumField() {
		f := t.Field(i)
		w.path = append(w.path, f.Name)
		if err := w.field(f); err != nil {
			return err
		}
		w.path = w.path[:len(w.path)-1]
	}
	return nil
}

func (w *structWalk) field(f reflect.StructField) *Error {
	tag := f.Tag.Get(nameTag)
	name, options, _ := strings.Cut(tag, ",")
	typeText, typed := f.Tag.Lookup(typeTag)
	inline := slices.Contains(strings.Split(options, ","), "inline")
	inner := pointee(f.Type)
	switch {
	case tag == "-" || tag == "":
		switch {
		case typed:
			return w.errorf("", "it has a tag %s, but no name: add one such as `redis:\"name\"`", typeTag)
		case tag == "" && f.Anonymous && inner.Kind() == reflect.Struct:
			return w.walk(inner)
		}
		return nil
	case name == "" && (inline || f.Anonymous) && inner.Kind() == reflect.Struct:
		return w.walk(inner)
	case name == "":
		return w.errorf("", "the tag `redis:%q` has no name before the comma; to leave the field out, write `redis:\"-\"`", tag)
	case !f.IsExported():
		return w.errorf(name, "the field isn't exported, so that go-redis can't read it either")
	case typed:
		column, err := ParseField(name, typeText)
		if err != nil {
			return w.errorf(name, "tag %s: %v", typeTag, err)
		}
		w.columns = append(w.columns, column)
		return nil
	}
	column, ok := goColumn(name, inner)
	if !ok {
		return w.errorf(name, "there is no column for Go type %s: name one, such as `%s:\"utf8\"`", f.Type, typeTag)
	}
	w.columns = append(w.columns, column)
	return nil
}

func (w *structWalk) errorf(name, format string, args ...any) *Error {
	return columnError(len(w.columns), name, "field %s of struct %s: %s", strings.Join(w.path, "."), w.of, fmt.Sprintf(format, args...))
}

func pointee(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// goColumn is the column for what go-redis makes a value of the type from. The
// order is that in which go-redis asks (internal/hscan: StructValue.Scan).
func goColumn(name string, t reflect.Type) (c Column, ok bool) {
	as := func(methods reflect.Type) bool { return reflect.PointerTo(t).Implements(methods) }
	switch {
	case t == reflect.TypeFor[time.Time](): // its UnmarshalText reads RFC 3339
		return Timestamp(name, arrow.Microsecond, TimeZone("UTC")), true
	case as(reflect.TypeFor[redisScanner]()), as(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return Utf8(name), true
	case as(reflect.TypeFor[encoding.BinaryUnmarshaler]()):
		return Binary(name), true
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return Binary(name), true
	}
	column, ok := goKinds[t.Kind()]
	if !ok {
		return Column{}, false
	}
	return column(name), true
}

// redisScanner is what go-redis calls hscan.Scanner.
type redisScanner interface{ ScanRedis(text string) error }

// goKinds are the columns for Go's own types. int and uint are of 64 bits on
// every machine: what is stored doesn't depend on who reads it.
var goKinds = map[reflect.Kind]func(name string) Column{
	reflect.String:  Utf8,
	reflect.Bool:    Boolean,
	reflect.Int:     Int64,
	reflect.Int8:    Int8,
	reflect.Int16:   Int16,
	reflect.Int32:   Int32,
	reflect.Int64:   Int64,
	reflect.Uint:    Uint64,
	reflect.Uint8:   Uint8,
	reflect.Uint16:  Uint16,
	reflect.Uint32:  Uint32,
	reflect.Uint64:  Uint64,
	reflect.Float32: Float32,
	reflect.Float64: Float64,
}
