package schema

import (
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

// columnType is a type of the text form.
type columnType struct {
	word    string   // as String prints it
	aliases []string // further words that are understood

	// column makes a column of the type without parameters.
	column func(name string) Column

	// usage shows the parameters, parse reads them (there is at least one),
	// format is parse's inverse; unset for a type that has none. A type that
	// needs its parameters has a column only to be recognized by.
	usage  string
	needed bool
	parse  func(name string, params []token) (Column, *Error)
	format func(c Column) []string
}

// columnTypes are all types there are. No two of them may agree in the kind
// of their columns and in the ID of the Arrow type.
func columnTypes() []columnType {
	return []columnType{
		{word: "utf8", aliases: []string{"string", "text"}, column: Utf8},
		{word: "binary", column: Binary},
		{word: "large_utf8", aliases: []string{"large_string"}, column: LargeUtf8},
		{word: "large_binary", column: LargeBinary},
		{word: "int8", column: Int8},
		{word: "int16", column: Int16},
		{word: "int32", column: Int32},
		{word: "int64", aliases: []string{"int", "integer"}, column: Int64},
		{word: "uint8", column: Uint8},
		{word: "uint16", column: Uint16},
		{word: "uint32", column: Uint32},
		{word: "uint64", column: Uint64},
		{word: "float32", column: Float32},
		{word: "float64", aliases: []string{"double"}, column: Float64},
		{
			word: "decimal128", aliases: []string{"decimal"}, column: func(name string) Column { return Decimal128(name, 0, 0) },
			usage: decimalUsage, needed: true, parse: parseDecimal, format: formatDecimal,
		},
		{word: "boolean", aliases: []string{"bool"}, column: Boolean},
		{word: "date32", aliases: []string{"date"}, column: Date},
		{
			word: "timestamp", column: func(name string) Column { return Timestamp(name, arrow.Microsecond) },
			usage: timestampUsage, parse: parseTimestamp, format: formatTimestamp,
		},

		{word: "key", column: Key},
		{word: "binary_key", column: BinaryKey},
		{
			word: "ttl", column: func(name string) Column { return TTL(name, arrow.Second) },
			usage: ttlUsage, parse: parseTTL, format: formatTTL,
		},
		{word: "expires_at", column: ExpiresAt},
		{word: "index", column: Index},
	}
}

// findType is the type that word names.
func findType(word string) (columnType, bool) {
	types := columnTypes()
	i := slices.IndexFunc(types, func(t columnType) bool { return t.word == word || slices.Contains(t.aliases, word) })
	if i < 0 {
		return columnType{}, false
	}
	return types[i], true
}

// knownTypes lists the types for messages, those of data columns first.
func knownTypes() string {
	return listTypes(func(k Kind) bool { return k == KindField }) +
		"; and for metadata " + listTypes(func(k Kind) bool { return k != KindField })
}

func listTypes(of func(Kind) bool) string {
	var names []string
	for _, t := range columnTypes() {
		switch {
		case !of(t.column("").kind):
		case t.usage != "":
			names = append(names, t.usage)
		default:
			names = append(names, t.word)
		}
	}
	return strings.Join(names, ", ")
}

// formatType is the type of c in the text form.
func formatType(c Column) string {
	if c.dataType == nil {
		return "unknown"
	}
	for _, t := range columnTypes() {
		model := t.column("")
		if model.kind != c.kind || model.dataType.ID() != c.dataType.ID() {
			continue
		}
		if t.format == nil {
			return t.word
		}
		return t.word + "[" + strings.Join(t.format(c), ",") + "]"
	}
	return c.dataType.String()
}
