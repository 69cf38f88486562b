package schema

import (
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
)

// Kind says where a column's cells come from.
type Kind int

// The kinds of columns.
const (
	// KindField is a data column: a field of a hash, or the value of a string.
	KindField Kind = iota + 1
	// KindKey is the name of the key, as utf8 ([Key]) or binary ([BinaryKey]).
	KindKey
	// KindTTL is the time to live of the key ([TTL]).
	KindTTL
	// KindExpiresAt is the time at which the key expires ([ExpiresAt]).
	KindExpiresAt
	// KindIndex is the number of the row ([Index]).
	KindIndex
)

// String is the kind in words: "field", "key", "TTL", "expiry" or "index".
func (k Kind) String() string {
	switch k {
	case KindField:
		return "field"
	case KindKey:
		return "key"
	case KindTTL:
		return "TTL"
	case KindExpiresAt:
		return "expiry"
	case KindIndex:
		return "index"
	default:
		return "unknown"
	}
}

// Column is one column of a row. It is a value, made by one of the
// constructors of this package, such as [Key] or [Utf8]; it never changes.
// What is wrong with a column is reported when a schema is made of it.
type Column struct {
	name     string
	kind     Kind
	dataType arrow.DataType
	ttlUnit  arrow.TimeUnit // of KindTTL
	epoch    epochUnit      // of timestamps
	mistake  string         // what its constructor found wrong
}

// Name is the name of the column in Arrow; for a field of a hash also the
// name of the field in Redis.
func (c Column) Name() string { return c.name }

// Kind says where the column's cells come from.
func (c Column) Kind() Kind { return c.kind }

// Type is the Arrow type of the column. It is shared: don't change it.
func (c Column) Type() arrow.DataType { return c.dataType }

// Nullable reports whether cells may be null: those of fields, and of
// ExpiresAt for keys that don't expire.
func (c Column) Nullable() bool { return c.kind == KindField || c.kind == KindExpiresAt }

// EpochUnit is the unit in which bare numbers stored in a timestamp field
// count the time since the epoch; ok is false if the column doesn't fix it
// (then they are told apart by size), and for columns of other types.
func (c Column) EpochUnit() (unit arrow.TimeUnit, ok bool) { return c.epoch.unit, c.epoch.fixed }

// TTLUnit is the unit of a TTL column, arrow.Second or arrow.Millisecond. It
// means nothing for columns of other kinds.
func (c Column) TTLUnit() arrow.TimeUnit { return c.ttlUnit }

// Equal reports whether both columns are the same in every respect.
func (c Column) Equal(other Column) bool {
	return c.name == other.name && c.kind == other.kind && c.ttlUnit == other.ttlUnit &&
		c.epoch == other.epoch && c.mistake == other.mistake && arrow.TypeEqual(c.dataType, other.dataType)
}

// String is the column in the text form, such as `name:utf8`.
func (c Column) String() string { return formatName(c.name) + ":" + formatType(c) }

// arrowField is the column as Arrow describes it.
func (c Column) arrowField() arrow.Field {
	return arrow.Field{Name: c.name, Type: c.dataType, Nullable: c.Nullable()}
}

// check says what is wrong with the column taken by itself; "" if nothing is.
func (c Column) check() (reason string) {
	switch {
	case c.mistake != "":
		return c.mistake
	case c.dataType == nil:
		return "the zero Column can't be used: make columns with Key, Utf8 and their like"
	case !utf8.ValidString(c.name):
		return "the name isn't valid UTF-8, which Arrow asks of column names"
	case c.kind == KindTTL:
		return checkTTL(c.ttlUnit)
	}
	switch t := c.dataType.(type) {
	case *arrow.TimestampType:
		return checkTimestamp(t, c.epoch)
	case *arrow.Decimal128Type:
		return checkDecimal(t.Precision, t.Scale)
	}
	return ""
}
