package glob

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/cluster"
)

func TestMatch(t *testing.T) {
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
		assert.Equal(t, tc.want, Match(tc.pattern, tc.text), "%q on %q", tc.pattern, tc.text)
	}
}

// Exponential without the early end: it would not come back.
func TestManyStars(t *testing.T) {
	assert.False(t, Match(strings.Repeat("a*", 500)+"b", strings.Repeat("a", 5000)))
	assert.False(t, Match(strings.Repeat("*?", 2000), strings.Repeat("a", 100)))
}

// asRegexp is the pattern as a regular expression. Bytes are the runes of
// their numbers.
func asRegexp(p string) string {
	var b strings.Builder
	b.WriteString(`^(?s:`)
	escaped := func(c byte) string { return fmt.Sprintf(`\x{%x}`, c) }
	for len(p) > 0 {
		c := p[0]
		p = p[1:]
		switch {
		case c == '*':
			b.WriteString(".*")
		case c == '?':
			b.WriteString(".")
		case c == '\\' && len(p) > 0:
			b.WriteString(escaped(p[0]))
			p = p[1:]
		case c != '[':
			b.WriteString(escaped(c))
		default:
			not := strings.HasPrefix(p, "^")
			p = strings.TrimPrefix(p, "^")
			b.WriteString("[")
			if not {
				b.WriteString("^")
			}
			b.WriteString(`\x{10ffff}`) // no byte: a class may be empty
			for len(p) > 0 && p[0] != ']' {
				switch {
				case p[0] == '\\' && len(p) >= 2:
					b.WriteString(escaped(p[1]))
					p = p[2:]
				case len(p) >= 3 && p[1] == '-':
					b.WriteString(escaped(min(p[0], p[2])) + "-" + escaped(max(p[0], p[2])))
					p = p[3:]
				default:
					b.WriteString(escaped(p[0]))
					p = p[1:]
				}
			}
			p = strings.TrimPrefix(p, "]")
			b.WriteString("]")
		}
	}
	b.WriteString(`)$`)
	return b.String()
}

// latin1 makes a rune of each byte.
func latin1(s string) string {
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}

// exampleOf is a text that pattern matches, made with the bytes of filling;
// false if there is none.
func exampleOf(p, filling string) (string, bool) {
	var b strings.Builder
	take := func() (c byte) {
		if len(filling) > 0 {
			c, filling = filling[0], filling[1:]
		}
		return c
	}
	for len(p) > 0 {
		c := p[0]
		p = p[1:]
		switch {
		case c == '*':
			for n := take() % 8; n > 0; n-- {
				b.WriteByte(take())
			}
		case c == '?':
			b.WriteByte(take())
		case c == '\\' && len(p) > 0:
			b.WriteByte(p[0])
			p = p[1:]
		case c == '[':
			first := take()
			found := false
			var rest string
			for i := range 256 {
				var ok bool
				if rest, ok = class(p, first+byte(i)); ok {
					b.WriteByte(first + byte(i))
					found = true
					break
				}
			}
			if !found {
				return "", false
			}
			p = rest
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), true
}

// The glob agrees with a regular expression, and a pattern of which it is said
// that it matches in one slot alone matches there.
func FuzzMatch(f *testing.F) {
	for _, p := range []string{"*", "a*b?[^a-z]\\*", "[", "[^", "[a-", "[\\", "\\", "**[]", "{tag}*", "a{b}[c-a]?", "{}*", "{*}", "{a\\}b}"} {
		f.Add(p, "abc")
		f.Add(p, "\x05}{ab\xff")
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 200 || strings.Count(pattern, "*") > 20 {
			return // the regular expression would take its time
		}
		re, err := regexp.Compile(asRegexp(pattern))
		require.NoError(t, err, "%q", pattern)
		want := re.MatchString(latin1(text))
		if text == "" {
			want = pattern == ""
		}
		require.Equal(t, want, Match(pattern, text))
		require.Equal(t, want, Match(pattern, []byte(text)))

		if example, ok := exampleOf(pattern, text); ok && example != "" {
			require.True(t, Match(pattern, example), "%q", example)
			if slot, ok := cluster.PatternSlot(pattern); ok {
				require.Equal(t, cluster.Slot([]byte(example)), slot, "%q", example)
			}
		}
	})
}
