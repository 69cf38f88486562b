package cluster

import (
	"bytes"
	"strings"
)

// Slots is the number of hash slots of a cluster.
const Slots = 16384

// Slot is the hash slot of a key, 0 to 16383: the CRC16 of its hash tag, the
// bytes between the first "{" and the first "}" after it, or of the whole key
// where there is no tag or an empty one.
func Slot(key []byte) uint16 {
	if open := bytes.IndexByte(key, '{'); open >= 0 {
		if length := bytes.IndexByte(key[open+1:], '}'); length > 0 {
			key = key[open+1 : open+1+length]
		}
	}
	return crc16(key) % Slots
}

// PatternSlot is the one slot whose keys a glob pattern, as SCAN's MATCH takes
// it, can match. ok is false if keys of several slots can.
//
// There is one when a non-empty hash tag stands complete before the first of
// the characters * ? [ \ as in "{user42}:*", and when the pattern has none
// of these characters and so matches one key alone.
func PatternSlot(pattern string) (slot uint16, ok bool) {
	fixed := pattern
	if i := strings.IndexAny(pattern, `*?[\`); i >= 0 {
		fixed = pattern[:i]
		open := strings.IndexByte(fixed, '{')
		// An empty tag makes the whole key count, of which the rest is open.
		if open < 0 || strings.IndexByte(fixed[open+1:], '}') <= 0 {
			return 0, false
		}
	}
	return Slot([]byte(fixed)), true
}
