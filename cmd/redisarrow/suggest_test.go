package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSuggestedFlag(t *testing.T) {
	for flag, want := range map[string]string{
		"--patern":           "unknown flag: --patern: did you mean --pattern? (see redisarrow export --help)",
		"--password-fil":     "did you mean --password-file?",
		"--concurency":       "did you mean --concurrency?",
		"--frobnicate=twice": "unknown flag: --frobnicate (see redisarrow export --help)",
	} {
		requireLine(t, redisarrow(t, "export", flag, "x"), exitUsage, want)
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"abc", "abc", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abd", 1}, {"abc", "bc", 1}, {"kitten", "sitting", 3}} {
		assert.Equal(t, c.want, distance(c.a, c.b), c)
		assert.Equal(t, c.want, distance(c.b, c.a), c)
	}
}
