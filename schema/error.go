package schema

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Error is a mistake in a schema. All errors of this package are of this
// type.
type Error struct {
	// Column is the name of the column at fault. It is empty if no single
	// column is at fault, and for a column whose name is empty.
	Column string

	// Reason says what is wrong, and what would be right.
	Reason string

	// Item is the part of the text form that is at fault; empty if the schema
	// wasn't made from text, or if the text ends too early.
	Item string

	// Offset is where Item begins in the text form, in bytes; -1 if the
	// schema wasn't made from text.
	Offset int

	// index is the place of the column at fault among those given; noColumn
	// if no single column is at fault.
	index int
}

const noColumn = -1

// Error names the column and the place, and says what is wrong.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("schema: ")
	if e.index != noColumn {
		fmt.Fprintf(&b, "column %q: ", shorten(e.Column))
	}
	b.WriteString(e.Reason)
	switch {
	case e.Offset < 0:
	case e.Item == "":
		fmt.Fprintf(&b, " (at offset %d, the end)", e.Offset)
	default:
		fmt.Fprintf(&b, " (at offset %d: %q)", e.Offset, shorten(e.Item))
	}
	return b.String()
}

// columnError is a mistake in the column named name, the index-th of those
// given.
func columnError(index int, name, format string, args ...any) *Error {
	return &Error{Column: name, Reason: fmt.Sprintf(format, args...), Offset: -1, index: index}
}

// errNoColumn is the mistake of a schema without columns.
func errNoColumn() *Error {
	return &Error{Reason: "no column at all: name a key, another metadata column or a field", Offset: -1, index: noColumn}
}

// shorten keeps a message readable: names and texts may be of any length.
func shorten(s string) string { return shortenTo(s, 80) }

func shortenTo(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	cut := limit
	for cut > limit-utf8.UTFMax && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
