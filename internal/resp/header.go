package resp

import "fmt"

// Kind is the type of a reply: its first byte on the wire.
type Kind byte

// The five kinds of RESP2.
const (
	Simple  Kind = '+'
	Error   Kind = '-'
	Integer Kind = ':'
	Bulk    Kind = '$'
	Array   Kind = '*'
)

// String names the kind as the protocol's specification does.
func (k Kind) String() string {
	switch k {
	case Simple:
		return "simple string"
	case Error:
		return "error"
	case Integer:
		return "integer"
	case Bulk:
		return "bulk string"
	case Array:
		return "array"
	default:
		return fmt.Sprintf("unknown kind %q", byte(k))
	}
}

// Header is the first line of a reply.
type Header struct {
	Kind Kind
	// N is the value of an Integer, the length in bytes of a Bulk, the number
	// of elements of an Array; -1 for a null Bulk or Array.
	N int64
	// Line is the text of a Simple or an Error, without sign and line end.
	// It lies in the reader's buffer: valid until the next read.
	Line []byte
}

// Null reports whether the header announces a null bulk or a null array.
func (h Header) Null() bool { return h.N < 0 && (h.Kind == Bulk || h.Kind == Array) }
