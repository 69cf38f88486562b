package schema

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What the table promises: each word means one type, and each type finds its
// way back to its own line.
func TestColumnTypes(t *testing.T) {
	seen := map[string]bool{}
	for _, columnType := range columnTypes() {
		for _, word := range append([]string{columnType.word}, columnType.aliases...) {
			assert.False(t, seen[word], "%s stands for two types", word)
			seen[word] = true

			column, err := parseOne(word)
			if columnType.needed {
				require.NotNil(t, err, word)
				continue
			}
			require.Nil(t, err, word)
			assert.True(t, column.Equal(columnType.column("c")), word)
		}
		assert.Equal(t, columnType.parse != nil, columnType.format != nil)
		assert.Equal(t, columnType.parse != nil, columnType.usage != "")
		if columnType.needed {
			assert.NotEmpty(t, columnType.column("c").check(), "a column without what it needs")
			continue
		}
		printed := formatType(columnType.column("c"))
		assert.Regexp(t, "^"+columnType.word+`(\[.+\])?$`, printed)
		column, err := parseOne(printed)
		require.Nil(t, err, printed)
		assert.True(t, column.Equal(columnType.column("c")), printed)
	}
}

func parseOne(typeText string) (Column, *Error) {
	p := parser{text: typeText}
	return p.columnType("c")
}
