package schema

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// notPlain reports whether r makes a name one that must be quoted.
func notPlain(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_.-/", r)
}

// formatName is name in the text form: as it is if it is a plain word,
// otherwise as a JSON string.
func formatName(name string) string {
	if name != "" && utf8.ValidString(name) && !strings.ContainsFunc(name, notPlain) {
		return name
	}
	return quoteName(name)
}

func quoteName(name string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(name) // neither a string nor a bytes.Buffer can fail
	return strings.TrimSuffix(b.String(), "\n")
}

// unquoteName reads the JSON string that text, which is valid UTF-8, begins
// with. On success end is where it ends; otherwise reason says what is wrong
// at bad. encoding/json isn't used because it alters what it can't represent:
// half a surrogate pair would silently become another name.
func unquoteName(text string) (name string, end, bad int, reason string) {
	var b strings.Builder
	for i := 1; i < len(text); {
		switch c := text[i]; {
		case c == '"':
			return b.String(), i + 1, 0, ""
		case c < ' ':
			return "", 0, i, "control characters in a quoted name are written as in JSON, such as \\n or \\u0000"
		case c != '\\':
			b.WriteByte(c)
			i++
		default:
			r, size := unescape(text[i:])
			if size == 0 {
				return "", 0, i, "this isn't an escape of a JSON string"
			}
			b.WriteRune(r)
			i += size
		}
	}
	return "", 0, 0, "the closing quote of the name is missing"
}

// unescape reads the escape of a JSON string that text begins with; size is 0
// if it isn't one.
func unescape(text string) (r rune, size int) {
	if len(text) < 2 {
		return 0, 0
	}
	const written, meant = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	if i := strings.IndexByte(written, text[1]); i >= 0 {
		return rune(meant[i]), 2
	}
	r, ok := unescapeUnit(text)
	switch {
	case !ok:
		return 0, 0
	case !utf16.IsSurrogate(r):
		return r, len(`\u0000`)
	}
	low, ok := unescapeUnit(text[len(`\u0000`):])
	if r = utf16.DecodeRune(r, low); !ok || r == unicode.ReplacementChar {
		return 0, 0
	}
	return r, len(`\u0000\u0000`)
}

// unescapeUnit reads \uXXXX.
func unescapeUnit(text string) (rune, bool) {
	if len(text) < len(`\u0000`) || text[:2] != `\u` {
		return 0, false
	}
	unit, err := strconv.ParseUint(text[2:6], 16, 16)
	return rune(unit), err == nil
}
