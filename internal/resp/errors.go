package resp

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
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

// maxShownReply bounds a reply in a message, in bytes: servers' own have less.
const maxShownReply = 500

// Error is the text as it may be shown: in one line, and not too long. It is
// the server's to say what is in it.
func (e *ReplyError) Error() string {
	text := strings.TrimSpace(e.Text)
	if text == "" {
		return "an error without a text"
	}
	short := text
	if len(text) > maxShownReply {
		short = text[:maxShownReply] + "…"
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, short)
}

// Code is the first word of the reply: "MOVED", "NOAUTH", "ERR".
func (e *ReplyError) Code() string {
	code, _, _ := strings.Cut(e.Text, " ")
	return code
}

// Unsupported reports whether the reply says that the server hasn't got the
// command, or doesn't let anybody run it: in Redis' own words, or in those of
// proxies and of services that keep commands back. That a user may not run it is
// another matter (NOPERM).
func (e *ReplyError) Unsupported() bool {
	text := strings.ToLower(e.Text)
	if code := e.Code(); code != "ERR" && !strings.HasPrefix(text, "unsupported ") && !strings.HasPrefix(text, "unknown ") {
		return false
	}
	for _, words := range []string{"unknown command", "unknown subcommand", "unsupported", "not support", "not allowed", "is disabled"} {
		if strings.Contains(text, words) {
			return true
		}
	}
	return false
}
