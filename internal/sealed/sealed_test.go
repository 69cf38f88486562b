package sealed_test

import (
	"bytes"
	"testing"

	"github.com/redisarrow/redisarrow/internal/sealed"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type head struct{ N int }

func TestSealed(t *testing.T) {
	data := []byte("a\nb\x00c")
	whole, err := sealed.Seal("kind", "1", head{7}, data)
	require.NoError(t, err)
	assert.True(t, bytes.HasPrefix(whole, []byte("kind 1\n{\"N\":7}\na\nb")))
	var h head
	got, err := sealed.Open("kind", "1", whole, &h)
	require.NoError(t, err)
	assert.Equal(t, data, got)
	assert.Equal(t, head{7}, h)

	_, err = sealed.Open("other", "1", whole, &h)
	require.ErrorContains(t, err, "isn't one")
	_, err = sealed.Open("kind", "2", whole, &h)
	require.ErrorContains(t, err, `version "1"`)
	for i := range whole {
		_, err = sealed.Open("kind", "1", whole[:i], &h)
		require.Error(t, err)
		bad := bytes.Clone(whole)
		bad[i] ^= 0x20
		_, err = sealed.Open("kind", "1", bad, &h)
		require.Error(t, err)
	}
	_, err = sealed.Open("kind", "1", append(bytes.Clone(whole), 0), &h)
	require.Error(t, err)
}
