package keypattern

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// joints part the words of a segment.
const joints = ".-_,;#=+ "

// maxWord is how much is kept of a word, in bytes.
const maxWord = 40

// general is a segment as a glob: * for what is obviously an identifier, the rest
// as it is.
func general(segment string) string {
	if variable(segment) {
		return "*"
	}
	var b strings.Builder
	star, joint := false, "" // the last word was an identifier; what stands behind it
	for rest := segment; ; {
		end := strings.IndexAny(rest, joints)
		word := rest
		if end >= 0 {
			word = rest[:end]
		}
		switch {
		case !variable(word):
			b.WriteString(joint + literal(word))
			star = false
		case !star: // of 2024-01-15, 1.2.3 and 10.0.0.1 one is enough
			b.WriteString(joint + "*")
			star = true
		}
		if end < 0 {
			return b.String()
		}
		joint, rest = rest[end:end+1], rest[end+1:]
	}
}

// variable reports whether a text is an identifier rather than a word.
func variable(text string) bool {
	digits, letters, hex := 0, 0, 0
	for i := range len(text) {
		switch c := text[i]; {
		case c >= '0' && c <= '9':
			digits++
		case c|0x20 >= 'a' && c|0x20 <= 'z':
			letters++
			if c|0x20 <= 'f' {
				hex++
			}
		case c == '@':
			return true
		}
	}
	plain := digits+letters == len(text)
	switch {
	case digits == 0:
		return false
	case digits == len(text):
		return true
	case plain && hex == letters && len(text) >= 8:
		return true
	case len(text) == len("00000000-0000-0000-0000-000000000000") && digits+hex+4 == len(text) && strings.Count(text, "-") == 4:
		return true
	}
	// ULIDs and other random texts: long, with digits all over.
	inner := strings.TrimRight(text, "0123456789")
	return plain && len(text) >= 16 && digits >= 3 && strings.ContainsAny(inner, "0123456789")
}

// literal is a text as a glob that matches it. What a terminal shouldn't get is
// written as ?, which matches a byte.
func literal(text string) string {
	tail := ""
	if len(text) > maxWord {
		end := maxWord
		for end > maxWord-utf8.UTFMax && !utf8.RuneStart(text[end]) {
			end--
		}
		text, tail = text[:end], "*"
	}
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && size <= 1, !unicode.IsPrint(r):
			b.WriteString(strings.Repeat("?", size))
		case strings.ContainsRune(`*?[]\^`, r):
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
		text = text[size:]
	}
	return b.String() + tail
}
