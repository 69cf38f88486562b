package convert

import (
	"strconv"
	"testing"
	_ "time/tzdata"
	// the zones of these tests are there on any machine

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// good is a row of an acceptance table: the text and the cell that comes out.
type good[T any] struct {
	row  string // group and number of the row
	text string
	want T
}

// bad is a row whose text is a conversion failure.
type bad struct {
	row  string
	text string
	want error
}

// checkGood runs each row through the parser, and through a column.
func checkGood[T any](t *testing.T, rows []good[T], parse func([]byte) (T, error), dt arrow.DataType, opts Options) {
	t.Helper()
	for _, r := range rows {
		t.Run(r.row+"/"+shorten(r.text), func(t *testing.T) {
			got, err := parse([]byte(r.text))
			require.NoError(t, err)
			assert.Equal(t, r.want, got)

			arr, err := oneCell(t, r.text, dt, opts)
			require.NoError(t, err)
			defer arr.Release()
			assert.Equal(t, r.want, arr.(interface{ Value(int) T }).Value(0))
		})
	}
}

func checkBad[T any](t *testing.T, rows []bad, parse func([]byte) (T, error), dt arrow.DataType, opts Options) {
	t.Helper()
	for _, r := range rows {
		t.Run(r.row+"/"+shorten(r.text), func(t *testing.T) {
			_, err := parse([]byte(r.text))
			require.ErrorIs(t, err, r.want)

			_, err = oneCell(t, r.text, dt, opts)
			require.ErrorIs(t, err, r.want)
		})
	}
}

// oneCell gives the array of a column that was given one cell.
func oneCell(t *testing.T, text string, dt arrow.DataType, opts Options) (arrow.Array, error) {
	t.Helper()
	mem := checked(t)
	c, err := NewColumn(mem, dt, opts)
	require.NoError(t, err)
	defer c.Release()
	if err := c.Append([]byte(text)); err != nil {
		require.Zero(t, c.Len(), "a bad cell left a row")
		require.Zero(t, c.Bytes(), "a bad cell left bytes")
		return nil, err
	}
	require.Equal(t, 1, c.Len())
	arr := c.NewArray()
	require.NoError(t, array.ValidateFull(arr))
	require.True(t, arrow.TypeEqual(dt, arr.DataType()))
	require.Equal(t, 1, arr.Len())
	require.Zero(t, arr.NullN())
	return arr, nil
}

// checked is an allocator that must have everything back when the test ends.
func checked(t *testing.T) *memory.CheckedAllocator {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	t.Cleanup(func() { mem.AssertSize(t, 0) })
	return mem
}

func newColumn(t testing.TB, mem memory.Allocator, dt arrow.DataType) Column {
	t.Helper()
	c, err := NewColumn(mem, dt, Options{})
	require.NoError(t, err)
	return c
}

func shorten(text string) string {
	if len(text) > 40 {
		text = text[:40]
	}
	return strconv.QuoteToASCII(text)
}
