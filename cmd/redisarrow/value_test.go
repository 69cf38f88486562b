package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseBytes(t *testing.T) {
	for text, want := range map[string]int64{"1": 1, "268435456": 256 << 20, "512KiB": 512 << 10, "256MiB": 256 << 20, "2 GiB": 2 << 30} {
		got, err := parseBytes(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "0", "-1", "1MB", "MiB", "x", "9000000000TiB", "1.5GiB"} {
		_, err := parseBytes(text)
		require.Error(t, err, text)
	}
}
