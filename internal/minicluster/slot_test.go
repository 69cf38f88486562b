package minicluster

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/redisarrow/redisarrow/cluster"
)

func TestSlot(t *testing.T) {
	for key, want := range map[string]int{
		"123456789": 0x31c3, // the check value of the CRC
		"":          0,
		"user:1":    10778, "user:3": 2648, "user:4": 15039, // acceptance M, row 1
		"{tag}:1": 8338, "{tag}:100": 8338, // acceptance M, row 4
	} {
		assert.Equal(t, want, Slot(key), key)
	}
	assert.Equal(t, Slot("user1000"), Slot("{user1000}.following"))
	assert.Equal(t, Slot("bar"), Slot("foo{bar}{zap}"))
	assert.Equal(t, Slot("{bar"), Slot("foo{{bar}}zap"))
	assert.NotEqual(t, Slot("bar"), Slot("foo{}{bar}"), "an empty tag is none")
}

func TestPatternSlot(t *testing.T) {
	for pattern, want := range map[string]int{
		"user:*":         -1,
		"{user42}:*":     Slot("user42"),
		"a{user42}b?":    Slot("user42"),
		"{}{user42}:*":   -1,
		"{user*}:1":      -1,
		"*{user42}":      -1,
		"user:1":         Slot("user:1"),
		"{user42}:1":     Slot("user42"),
		`{user42\}:*`:    -1,
		"{user42":        Slot("{user42"),
		"[{]user42}:abc": -1,
	} {
		assert.Equal(t, want, patternSlot([]byte(pattern)), pattern)
		if slot, ok := cluster.PatternSlot(pattern); ok {
			assert.EqualValues(t, want, slot, pattern)
		}
	}
}
