package sample

import (
	"io"
	"unicode/utf8"

	"github.com/redisarrow/redisarrow/internal/resp"
)

const (
	// keptBytes is how much is kept of a value. No number is as long.
	keptBytes = 60 << 10
	// keptFields is how many fields are kept of a hash.
	keptFields = 2048
)

// Pair is a field of a hash and its value.
type Pair struct{ Name, Value string }

// ReadText reads the payload of a bulk string; of one that is longer than 60 KiB
// it keeps the beginning, and what isn't UTF-8 stays what isn't. ok is false for a
// null.
func ReadText(h resp.Header, r *resp.Reader) (text string, ok bool, err error) {
	switch {
	case h.Kind != resp.Bulk:
		return "", false, resp.Unexpected(h, "a bulk string")
	case h.Null():
		return "", false, nil
	case h.N > keptBytes:
		text, err = readLong(h.N, r)
		return text, err == nil, err
	}
	payload, err := r.ReadBulk(h.N)
	return string(payload), err == nil, err
}

// readLong reads a long value's beginning, and looks whether the rest is UTF-8 like
// the beginning: if not, what it returns isn't either.
func readLong(n int64, r *resp.Reader) (string, error) {
	long := r.LongBulk(n)
	kept := make([]byte, keptBytes)
	if _, err := io.ReadFull(long, kept); err != nil {
		return "", err
	}
	end := wholeRunes(kept)
	valid := utf8.Valid(kept[:end])
	buf := make([]byte, 32<<10)
	have := copy(buf, kept[end:])
	for valid {
		n, err := long.Read(buf[have:])
		have += n
		if err == io.EOF { //nolint:errorlint // the end of the payload is io.EOF itself
			valid = have == 0
			break
		}
		if err != nil {
			return "", err
		}
		end := wholeRunes(buf[:have])
		valid = utf8.Valid(buf[:end])
		have = copy(buf, buf[end:have])
	}
	if err := long.Close(); err != nil {
		return "", err
	}
	text := string(kept[:end])
	if !valid {
		text += "\xff"
	}
	return text, nil
}

// wholeRunes is the length of b without a rune at its end of which there is only
// the beginning.
func wholeRunes(b []byte) int {
	for back := 1; back < utf8.UTFMax && back <= len(b); back++ {
		if start := len(b) - back; utf8.RuneStart(b[start]) {
			if utf8.FullRune(b[start:]) {
				return len(b)
			}
			return start
		}
	}
	return len(b)
}

// ReadHash reads HGETALL's reply, or HSCAN's: fields and values by turns.
func ReadHash(h resp.Header, r *resp.Reader, scanned bool) ([]Pair, error) {
	var err error
	if scanned {
		if h.Kind != resp.Array || h.N != 2 {
			return nil, resp.Unexpected(h, "HSCAN's cursor and fields")
		}
		if err := r.Skip(); err != nil {
			return nil, err
		}
		if h, err = r.ReadHeader(); err != nil {
			return nil, err
		}
	}
	if h.Kind != resp.Array || h.Null() || h.N%2 != 0 {
		return nil, resp.Unexpected(h, "an array of fields and values")
	}
	var pairs []Pair
	for range h.N / 2 {
		if len(pairs) == keptFields {
			for range 2 {
				if err := r.Skip(); err != nil {
					return nil, err
				}
			}
			continue
		}
		var texts [2]string
		for i := range texts {
			h, err := r.ReadHeader()
			if err != nil {
				return nil, err
			}
			text, ok, err := ReadText(h, r)
			if err != nil {
				return nil, err
			}
			if !ok {
				return nil, &resp.ProtocolError{Reason: "a null in a hash"}
			}
			texts[i] = text
		}
		pairs = append(pairs, Pair{texts[0], texts[1]})
	}
	return pairs, nil
}
