package iterator_test

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/redisarrow/redisarrow/internal/resp"
)

// lies are what a scan has been told that wasn't so and that it had no means
// to doubt. Everything else that is wrong with a reply, it must notice.
type lies struct {
	everything bool            // replies may have gone to the wrong commands
	existence  bool            // keys may have been concealed
	repeats    bool            // keys may have been shown twice
	keys       map[string]bool // what was said of these
}

// told takes note of the bytes that a command was answered with, in place of
// an honest reply; closed: and then with the end of the connection.
func (l *lies) told(args []string, honest, bytes []byte, closed bool) {
	if string(honest) == string(bytes) {
		return
	}
	values, whole := readReplies(bytes)
	// Other than one reply, the next commands get what isn't meant for them.
	// What is cut off is noticed, unless something else fills it up.
	if len(values) > 1 || whole == cutOff && !closed || len(values) == 0 && whole == atEnd && !closed {
		l.everything = true
		return
	}
	if len(values) == 1 {
		l.reply(args, values[0])
	}
}

// reply takes note of a whole reply. What can't be the reply to the command
// is no lie: it has to be noticed.
func (l *lies) reply(args []string, v resp.Value) {
	name := strings.ToUpper(args[0])
	key := ""
	if len(args) > 1 {
		key = args[1]
	}
	believed := v.Kind == resp.Error && strings.HasPrefix(v.Text, "WRONGTYPE")
	switch name {
	case "CLUSTER":
		l.existence = l.existence || v.Kind != resp.Error || strings.Contains(v.Text, "cluster support disabled") || strings.HasPrefix(v.Text, "ERR unknown command")
		return
	case "INFO":
		l.existence = l.existence || v.Kind != resp.Error
		l.repeats = l.repeats || v.Kind != resp.Error // the version tells in which order keys come
		return
	case "SCAN":
		if looksLikePage(v) {
			l.existence, l.repeats = true, true
		}
		return
	case "HMGET":
		believed = believed || v.Kind == resp.Array && len(v.Elems) == len(args)-2 && !hasOther(v.Elems, resp.Bulk)
	case "HGETALL":
		believed = believed || v.Kind == resp.Array && !v.Null && len(v.Elems)%2 == 0
	case "GET":
		believed = believed || v.Kind == resp.Bulk
	case "MGET":
		if believed = v.Kind == resp.Array && len(v.Elems) == len(args)-1 && !hasOther(v.Elems, resp.Bulk); believed {
			for _, key := range args[1:] {
				l.keys[key] = true
			}
		}
		return
	case "TYPE":
		believed = v.Kind == resp.Simple
	case "EXISTS":
		believed = v.Kind == resp.Integer && (v.Int == 0 || v.Int == 1)
	case "TTL", "PEXPIRETIME":
		believed = v.Kind == resp.Integer && v.Int >= -2
	default: // of the handshake, and ASKING: nothing depends on what they say
		return
	}
	if believed {
		l.keys[key] = true
	}
}

func looksLikePage(v resp.Value) bool {
	if v.Kind != resp.Array || len(v.Elems) != 2 || v.Elems[0].Kind != resp.Bulk || v.Elems[1].Kind != resp.Array {
		return false
	}
	if _, err := strconv.ParseUint(v.Elems[0].Text, 10, 64); err != nil {
		return false
	}
	for _, key := range v.Elems[1].Elems {
		if key.Kind != resp.Bulk || key.Null {
			return false
		}
	}
	return true
}

func hasOther(values []resp.Value, kind resp.Kind) bool {
	for _, v := range values {
		if v.Kind != kind {
			return true
		}
	}
	return false
}

// end is how bytes end behind the whole replies that they hold.
type end int

const (
	atEnd     end = iota // with the last one
	cutOff               // within one
	malformed            // with what is none
)

func readReplies(b []byte) (values []resp.Value, how end) {
	r := resp.NewReader(bytes.NewReader(b), len(b))
	for {
		v, err := r.ReadValue()
		switch {
		case err == nil:
			values = append(values, v)
		case errors.Is(err, io.ErrUnexpectedEOF):
			return values, cutOff
		case errors.Is(err, io.EOF):
			return values, atEnd
		default:
			return values, malformed
		}
	}
}
