package minicluster

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestGlob(t *testing.T) {
	for _, tc := range []struct {
		pattern, text string
		want          bool
	}{
		{"*", "anything", true},
		{"", "", true},
		{"*", "", false}, // as stringmatchlen; SCAN never asks it about a plain *
		{"", "a", false},
		{"user:*", "user:1", true},
		{"user:*", "user:", true},
		{"user:*", "User:1", false},
		{"user:**", "user:1", true},
		{"*:1", "user:1", true},
		{"*:1", "user:12", false},
		{"*a*b*c*", "xxaxxbxxcxx", true},
		{"*a*b*c*", "xxaxxcxxbxx", false},
		{"h?llo", "hello", true},
		{"h?llo", "hllo", false},
		{"h??lo", "héllo", false}, // ? is a byte: é is two, then l
		{"h??llo", "héllo", true},
		{"h[ae]llo", "hallo", true},
		{"h[ae]llo", "hillo", false},
		{"h[^e]llo", "hallo", true},
		{"h[^e]llo", "hello", false},
		{"h[a-c]llo", "hbllo", true},
		{"h[c-a]llo", "hbllo", true},
		{"h[a-c]llo", "hdllo", false},
		{"h[a-", "ha", true}, // unfinished: a and -
		{"h[a-", "h-", true},
		{"h[a", "ha", true},
		{"h[", "h", false},
		{"h[", "hx", false},
		{"h[^", "hx", true},
		{"h[]x", "h]x", false}, // an empty class matches nothing
		{"h[^]x", "hax", true},
		{`h[\]]x`, "h]x", true},
		{`h[\-a]x`, "h-x", true},
		{`h\*llo`, "h*llo", true},
		{`h\*llo`, "hello", false},
		{`h\?`, "h?", true},
		{`h\`, `h\`, true},
		{`\[a]`, "[a]", true},
		{"a]", "a]", true},
		{"a*", "a\x00b", true},
		{"{user42}:*", "{user42}:1", true},
	} {
		assert.Equal(t, tc.want, globMatch(tc.pattern, tc.text), "%q on %q", tc.pattern, tc.text)
	}
}

// Exponential without the early end: it would not come back.
func TestGlobManyStars(t *testing.T) {
	assert.False(t, globMatch(strings.Repeat("a*", 500)+"b", strings.Repeat("a", 5000)))
	assert.False(t, globMatch(strings.Repeat("*?", 2000), strings.Repeat("a", 100)))
}

func FuzzGlob(f *testing.F) {
	for _, p := range []string{"*", "a*b?[^a-z]\\*", "[", "[^", "[a-", "[\\", "\\", "**[]"} {
		f.Add(p, "abc")
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		globMatch(pattern, text)
		escaped := ""
		for i := range len(text) {
			escaped += `\` + text[i:i+1]
		}
		if !globMatch(escaped, text) {
			t.Errorf("%q doesn't match itself escaped", text)
		}
		if text != "" && !globMatch("*"+escaped+"*", text) {
			t.Errorf("%q doesn't match itself between stars", text)
		}
	})
}
