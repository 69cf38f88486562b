package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
)

// printableJSON is a value for programs. It may end up on a terminal all the same,
// so nothing in it can steer one.
func printableJSON(v any) (string, error) {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		return "", err
	}
	var out strings.Builder
	for _, c := range b.String() {
		switch {
		case c == '\n' || unicode.IsPrint(c):
			out.WriteRune(c)
		case c > 0xffff:
			out.WriteRune(unicode.ReplacementChar)
		default:
			fmt.Fprintf(&out, `\u%04x`, c)
		}
	}
	return out.String(), nil
}
