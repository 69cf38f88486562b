package convert

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPolicy(t *testing.T) {
	for p, text := range map[Policy]string{Fail: "fail", Null: "null", SkipRow: "skip"} {
		assert.Equal(t, text, p.String())
		got, err := ParsePolicy(text)
		require.NoError(t, err)
		assert.Equal(t, p, got)
	}
	assert.Equal(t, Fail, *new(Policy))
	assert.Equal(t, "Policy(7)", Policy(7).String())
	for _, text := range []string{"", "Fail", "skiprow", "Policy(3)"} {
		_, err := ParsePolicy(text)
		assert.ErrorContains(t, err, "fail, null or skip", text)
	}
}
