package convert

import (
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Acceptance group F, rows 1 to 4, 8: those about cells.
var texts = []struct{ row, text string }{
	{"F1", ""},
	{"F2", "   "},
	{"F2", "\t\t"},
	{"F2", "hello\nworld"},
	{"F2", `quote"test`},
	{"F2", `backslash\path`},
	{"F2", "a]b"},
	{"F2", "<html>"},
	{"F2", "Zürich"},
	{"F2", "東京"},
	{"F2", "مرحبا"},
	{"F2", "🙂"},
	{"F2", "before\x00after"},
	{"F3", strings.Repeat("x", 100_000)},
	{"F8", strings.Repeat("0123456789abcdef", 64<<20/16)},
}

func TestText(t *testing.T) {
	for _, dt := range []arrow.DataType{
		arrow.BinaryTypes.String, arrow.BinaryTypes.LargeString, arrow.BinaryTypes.Binary, arrow.BinaryTypes.LargeBinary,
	} {
		t.Run(dt.String(), func(t *testing.T) {
			for _, r := range texts {
				t.Run(r.row+"/"+shorten(r.text), func(t *testing.T) {
					arr, err := oneCell(t, r.text, dt, Options{})
					require.NoError(t, err)
					defer arr.Release()
					require.False(t, arr.IsNull(0))
					// Not Equal, which would print 64 MiB.
					require.True(t, cellText(arr, 0) == r.text, "not byte for byte")
				})
			}
		})
	}
}

func cellText(arr arrow.Array, i int) string {
	if b, ok := arr.(interface{ Value(int) []byte }); ok {
		return string(b.Value(i))
	}
	return arr.(interface{ Value(int) string }).Value(i)
}

// F4: the bad cell's row fails, the others are unharmed.
func TestInvalidUTF8(t *testing.T) {
	const bytes = "\xff\xfe\x00"
	for _, dt := range []arrow.DataType{arrow.BinaryTypes.String, arrow.BinaryTypes.LargeString} {
		t.Run("F4/"+dt.String(), func(t *testing.T) {
			c := newColumn(t, checked(t), dt)
			defer c.Release()
			require.NoError(t, c.Append([]byte("before")))
			for _, text := range []string{bytes, "\xc3", "\xed\xa0\x80", "\xc0\x80", "ok\xf4\x90\x80\x80"} {
				require.ErrorIs(t, c.Append([]byte(text)), ErrUTF8)
			}
			require.NoError(t, c.Append([]byte("after")))
			arr := c.NewArray()
			defer arr.Release()
			require.NoError(t, array.ValidateFull(arr))
			require.Equal(t, 2, arr.Len())
			assert.Equal(t, "before", cellText(arr, 0))
			assert.Equal(t, "after", cellText(arr, 1))
		})
	}
	for _, dt := range []arrow.DataType{arrow.BinaryTypes.Binary, arrow.BinaryTypes.LargeBinary} {
		t.Run("F4/"+dt.String(), func(t *testing.T) {
			arr, err := oneCell(t, bytes, dt, Options{})
			require.NoError(t, err)
			defer arr.Release()
			assert.Equal(t, bytes, cellText(arr, 0))
		})
	}
}

// The column keeps a copy: the reader's buffer is used again at once.
func TestAppendCopies(t *testing.T) {
	c := newColumn(t, checked(t), arrow.BinaryTypes.Binary)
	defer c.Release()
	value := []byte("one")
	require.NoError(t, c.Append(value))
	copy(value, "two")
	require.NoError(t, c.Append(value))
	arr := c.NewArray()
	defer arr.Release()
	assert.Equal(t, "one", cellText(arr, 0))
	assert.Equal(t, "two", cellText(arr, 1))
}
