package keypattern_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/glob"
	"github.com/redisarrow/redisarrow/internal/keypattern"
)

func TestOf(t *testing.T) {
	for _, c := range []struct {
		name string
		keys []string
		want []string // sorted, each once
	}{
		{"numbers", []string{"user:1", "user:20", "user:x", "cart:7"}, []string{"cart:*", "user:*", "user:x"}},
		{"hash tags", []string{"session:{a81f0c22}:cart", "session:{b}:cart", "{user42}:a", "{user:42}:b"}, []string{"session:{*}:cart", "session:{b}:cart", "{user42}:a", "{user:*}:b"}},
		{"UUIDs", []string{"job/123e4567-e89b-12d3-a456-426614174000/log", "job/abcdefab-cdef-abcd-efab-cdefabcdefab"}, []string{"job/*/log", "job/abcdefab-cdef-abcd-efab-cdefabcdefab"}},
		{"hex", []string{"h:deadbeef", "h:0badf00d", "h:0123456789abcdef0123"}, []string{"h:*", "h:deadbeef"}},
		{"ULIDs", []string{"e:01ARZ3NDEKTSV4RRFFQ69G5FAV", "e:international2024"}, []string{"e:*", "e:international2024"}},
		{"addresses", []string{"mail:a.b@example.com:x", "ip:10.0.0.1:hits", "day:2024-01-15", "v:1.2.3"}, []string{"day:*", "ip:*:hits", "mail:*:x", "v:*"}},
		{"joints", []string{"order-123", "order-124-item", "log_2024.txt", "a_b"}, []string{"a_b", "log_*.txt", "order-*", "order-*-item"}},
		{"few numbered words stay", []string{"v1:1", "v2:1", "v3:1"}, []string{"v1:*", "v2:*", "v3:*"}},
		{"many don't", []string{"user1", "user2", "user30", "user44"}, []string{"user*"}},
		{"few words stay", []string{"config:a", "config:b"}, []string{"config:a", "config:b"}},
		{"many words", numbered("name:%s:mail", 9), []string{"name:*:mail"}},
		{"many words with many keys", slices.Concat(numbered("%s:1", 9), numbered("%s:2", 9), numbered("%s:3", 9), numbered("%s:4", 9)), words("%s:*", 9)},
		{"very many", slices.Concat(numbered("%s:1", 70), numbered("%s:2", 70), numbered("%s:3", 70), numbered("%s:4", 70)), []string{"*:*"}},
		{"deep", []string{"a/b/c/d/e/f/g/h/i/j/k", "a/b/c/d/e/f/g/h/z"}, []string{"a/b/c/d/e/f/g/h/*"}},
		{"globs in names", []string{`a*b:[x]:q?\`, "*-1-2"}, []string{`\*-*`, `a\*b:\[x\]:q\?\\`}},
		{"terminals", []string{"a\x1b[31m:\xff\x00:é:\u202e"}, []string{`a?\[31m:??:é:???`}},
		{"long words", []string{"w:" + strings.Repeat("é", 100)}, []string{"w:" + strings.Repeat("é", 20) + "*"}},
		{"the rest", []string{"", ":", "a:", ":a", "{}x"}, []string{"", ":", ":a", "a:", "{}x"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := slices.Clone(keypattern.Of(c.keys))
			slices.Sort(got)
			assert.Equal(t, c.want, slices.Compact(got))
			requireMatch(t, c.keys)
		})
	}
	assert.Empty(t, keypattern.Of(nil))
}

// numbered are keys with as many different words.
func numbered(format string, n int) (keys []string) {
	for i := range n {
		keys = append(keys, fmt.Sprintf(format, strings.Repeat(string(rune('g'+i%20)), 2+i/20)))
	}
	return keys
}

func words(format string, n int) []string {
	out := numbered(format, n)
	slices.Sort(out)
	return out
}

func requireMatch(t *testing.T, keys []string) {
	t.Helper()
	patterns := keypattern.Of(keys)
	require.Len(t, patterns, len(keys))
	for i, key := range keys {
		require.True(t, glob.Match(patterns[i], key), "%q doesn't match %q", patterns[i], key)
		for _, r := range patterns[i] {
			require.True(t, unicode.IsPrint(r), "%q", patterns[i])
		}
	}
}

// Each pattern matches its keys, may be printed, and doesn't depend on the keys'
// order.
func FuzzPatterns(f *testing.F) {
	for _, seed := range []string{
		"user:1\nuser:2\nuser:3:x", "{a}:b\nx{1}:y\n{}", "a*b\n[z]\n\\", "\x1b[0m\n\xff", "shard1\nshard2\nshard3\nshard4", "a\nb\nc\nd\ne\nf\ng\nh\ni",
		"2024-01-15\n10.0.0.1\na@b", "::::::::::::\n/", "w?1\nw?2\nw?3\nw?4", "\u00a01\n1-\u2028",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		keys := strings.Split(text, "\n")
		requireMatch(t, keys)
		forward := keypattern.Of(keys)
		slices.Reverse(keys)
		back := keypattern.Of(keys)
		slices.Reverse(back)
		require.Equal(t, forward, back)
	})
}
