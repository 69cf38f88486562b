package scan

import (
	"github.com/redisarrow/redisarrow/internal/resp"
)

// Kind is a Redis data type seen as a source of rows: which keys it takes,
// and what is asked about each of them. Everything else about a type is in
// its [Decoder].
//
// A key is asked about in steps. Step 0 is for every key; further ones are
// for keys of which the replies left something open ([Again]).
type Kind interface {
	// Type is the type's name as SCAN's TYPE option takes it.
	Type() string
	// Commands are the commands of a step, sent for each key in this order,
	// beside each other in one pipeline. Not empty, the same at each call.
	Commands(step uint8) []Command
	// Many is how several keys may be asked about at once in step 0, instead of
	// each by the commands of that step; nil if there is no such way.
	Many() *Many
}

// Many is a command about several keys, which in a cluster have to be of one
// slot: COMMAND KEY KEY…, with an array of one element for each key as its reply.
type Many struct {
	Name    string // "MGET"
	Element uint8  // the step that an element is decoded as
	Single  uint8  // the step for keys of which the reply says nothing
}

// append puts the command for the next n keys of a page together.
func (m *Many) append(dst []byte, pg *page, first, n int) []byte {
	dst = resp.AppendArray(dst, 1+n)
	dst = resp.AppendBulkString(dst, m.Name)
	for i := first; i < first+n; i++ {
		dst = resp.AppendBulk(dst, pg.key(i))
	}
	return dst
}

// Command is a command about one key, prepared as the bytes around the key.
type Command struct {
	Name string // for messages: "HMGET"
	head []byte // up to the key
	tail []byte // from behind the key
}

// NewCommand prepares the command name KEY args….
func NewCommand(name string, args ...string) Command {
	c := Command{Name: name}
	c.head = resp.AppendArray(c.head, 2+len(args))
	c.head = resp.AppendBulkString(c.head, name)
	for _, arg := range args {
		c.tail = resp.AppendBulkString(c.tail, arg)
	}
	return c
}

func (c Command) append(dst, key []byte) []byte {
	dst = append(dst, c.head...)
	dst = resp.AppendBulk(dst, key)
	return append(dst, c.tail...)
}

// Decoder turns replies into rows. Each worker of a scan has its own.
type Decoder interface {
	// Decode reads the replies to the commands of a step for key, all of
	// them, whatever they are, and appends the key's rows.
	//
	// An error means that the stream can't be read on. No row may have been
	// appended then: the scan asks for the key again on another connection.
	// Everything else, error replies included, is an outcome.
	Decode(step uint8, key []byte, r *resp.Reader) (Result, error)
}

// Outcome says what came of asking about a key.
type Outcome uint8

// The outcomes. All but Again and Refused settle the key.
const (
	// Rows: the key has given its rows.
	Rows Outcome = iota
	// Skipped: the key's row is left out, because of bad cells.
	Skipped
	// Vanished: the key doesn't exist any more.
	Vanished
	// WrongType: the key holds another type.
	WrongType
	// Again: the key must be asked about again, by the commands of Result.Step.
	Again
	// Refused: the server answered with an error reply; Result.Err is a
	// [*RefusedError].
	Refused
	// Stop: the scan must end with Result.Err; the key gave no row.
	Stop
)

// Result is what [Decoder.Decode] found. It is made for each key: small enough
// to be returned in registers.
type Result struct {
	Outcome  Outcome
	Step     uint8 // the next step, for Again
	Rows     int   // rows appended
	BadCells int   // cells that didn't fit their column
	Large    int   // values that are larger than they may be
	Err      error // for Refused and Stop
}

// RefusedError is an error reply to a command about a key.
type RefusedError struct {
	Command string
	Reply   *resp.ReplyError
}

func (e *RefusedError) Error() string { return e.Command + ": " + e.Reply.Text }

// Unwrap returns the reply.
func (e *RefusedError) Unwrap() error { return e.Reply }
