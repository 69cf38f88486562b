package resp

import (
	"errors"
	"fmt"
	"strings"
)

// ErrTooLarge is wrapped by the error for a length beyond a limit: of a bulk,
// of an array, of a line, or of the nesting. The stream can't be read on.
var ErrTooLarge = errors.New("resp: beyond the limit")

// ProtocolError says that the peer sent something that isn't RESP2, or not
// the kind of reply that the command has. The stream can't be read on.
type ProtocolError struct {
	Reason string
}

func (e *ProtocolError) Error() string { return "resp: " + e.Reason }

func protocolErrorf(format string, args ...any) error {
	return &ProtocolError{Reason: fmt.Sprintf(format, args...)}
}

// Unexpected is the error for a reply of another kind than the command has.
func Unexpected(h Header, wanted string) error {
	return protocolErrorf("expected %s, got %s", wanted, h.Kind)
}

// ReplyError is an error reply of the server, such as "MOVED 3999 10.0.0.1:6381".
type ReplyError struct {
	Text string // without the sign and the line end
}

func (e *ReplyError) Error() string { return e.Text }

// Code is the first word of the reply: "MOVED", "NOAUTH", "ERR".
func (e *ReplyError) Code() string {
	code, _, _ := strings.Cut(e.Text, " ")
	return code
}
