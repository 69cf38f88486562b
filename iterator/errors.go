package iterator

import (
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/resp"
	"github.com/redisarrow/redisarrow/internal/scan"
)

// ErrIncomplete is what every [*IncompleteError] is, for errors.Is.
var ErrIncomplete = scan.ErrIncomplete

// IncompleteError says that the rows handed out are not all: for some slots
// it can't be promised that each key gave its row. The rows themselves are
// good, and no key has two. Slots that nobody owns when the scan begins end it
// before its first row: they are the ones named, and nothing has been read of
// the others.
type IncompleteError = scan.IncompleteError

// Reason is why some slots are missing.
type Reason = scan.Reason

// NodeError says what went wrong with which node.
type NodeError = cluster.NodeError

// ErrTooLarge is wrapped by the [*NodeError] for a value of more than 1 GiB,
// which only a server with a raised proto-max-bulk-len can have. The error
// names the key, and the field.
var ErrTooLarge = resp.ErrTooLarge

// ErrLedger is wrapped by the error of a scan that has more keys to remember than
// [Config.MaxLedgerBytes] allows.
var ErrLedger = scan.ErrLedger

// ErrEnumerate is wrapped by the [*NodeError] for a node that can't be enumerated
// as [Config.Enumerate] wants it.
var ErrEnumerate = scan.ErrEnumerate

// ErrSchema is wrapped by the constructors' error for a schema that is nil or
// was not made by the schema package.
var ErrSchema = errors.New("iterator: no schema")

// CellError says which text doesn't fit its column, under [convert.Fail].
type CellError struct {
	Key   string         // the key; its first bytes, if it is long
	Field string         // the column
	Type  arrow.DataType // the column's type
	Value string         // the text; its first bytes, if it is long; empty if Redacted
	Err   error          // convert.ErrSyntax, ErrRange, ErrScale, ErrUTF8

	// Redacted says that Value was left out for [Config.RedactValues].
	Redacted bool
}

// maxShownBytes bounds a key or a value in an error.
const maxShownBytes = 100

func shorten(b []byte) string {
	if len(b) <= maxShownBytes {
		return string(b)
	}
	return string(b[:maxShownBytes]) + "…"
}

// Error names key, column and value, and says what to do.
func (e *CellError) Error() string {
	value := "its value"
	if !e.Redacted {
		value = fmt.Sprintf("%q", e.Value)
	}
	return fmt.Sprintf("key %q, column %q: %s does not fit %s: %v (change the column's type, or let OnParseError make it null or skip the row)",
		e.Key, e.Field, value, e.Type, e.Err)
}

// LargeValueError says which value is larger than [Config.MaxValueBytes], under
// [convert.Fail].
type LargeValueError struct {
	Key   string // the key; its first bytes, if it is long
	Field string // the column
	Bytes int64  // the value's size
	Most  int64  // Config.MaxValueBytes
}

// Error names key, column and sizes, and says what to do.
func (e *LargeValueError) Error() string {
	return fmt.Sprintf("key %q, column %q: its value has %d bytes, more than MaxValueBytes, %d (raise that, or let OnLargeValue make it null or skip the row)",
		e.Key, e.Field, e.Bytes, e.Most)
}

// Unwrap returns the parser's error.
func (e *CellError) Unwrap() error { return e.Err }
