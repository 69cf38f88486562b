package keypattern

import "strings"

// separators part segments. Braces are among them, so that they stay beside what
// they enclose.
const separators = ":/|{}"

// maxDepth is how many segments are told apart; what comes behind is *.
const maxDepth = 8

// split cuts a key into segments and what follows each: a run of separators, "" after
// the last one.
func split(key string) (segments, seps []string) {
	for {
		end := strings.IndexAny(key, separators)
		if end < 0 || len(segments) == maxDepth {
			return append(segments, key), append(seps, "")
		}
		next := end
		for next < len(key) && strings.IndexByte(separators, key[next]) >= 0 {
			next++
		}
		segments, seps = append(segments, key[:end]), append(seps, key[end:next])
		key = key[next:]
	}
}
