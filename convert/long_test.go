package convert

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var longTypes = []arrow.DataType{
	arrow.BinaryTypes.String, arrow.BinaryTypes.LargeString, arrow.BinaryTypes.Binary, arrow.BinaryTypes.LargeBinary,
}

func newLongColumn(t *testing.T, mem memory.Allocator, dt arrow.DataType) LongColumn {
	t.Helper()
	c, ok := newColumn(t, mem, dt).(LongColumn)
	require.True(t, ok)
	return c
}

// Rows that come from a stream are what they are from memory, whatever their
// sizes and neighbours.
func TestAppendFrom(t *testing.T) {
	large := 20 << 20
	if testing.Short() {
		large = 2 << 20
	}
	for _, dt := range longTypes {
		t.Run(dt.String(), func(t *testing.T) {
			mem := checked(t)
			c, want := newLongColumn(t, mem, dt), newColumn(t, mem, dt)
			defer c.Release()
			defer want.Release()
			for batch := range 2 {
				for i, n := range []int{0, 1, large / 7, 7, 64 << 10, 1<<20 + 1, 100, large} {
					text := bytes.Repeat([]byte(fmt.Sprintf("<%d.%d>", batch, i)), n/5+1)[:n]
					src := strings.NewReader(string(text) + "rest")
					require.NoError(t, c.AppendFrom(iotest.HalfReader(src), int64(n)))
					assert.Equal(t, len("rest"), src.Len(), "bytes left for others")
					require.NoError(t, c.Append([]byte("beside")))
					c.AppendNull()
					require.NoError(t, want.Append(text))
					require.NoError(t, want.Append([]byte("beside")))
					want.AppendNull()
				}
				require.Equal(t, want.Len(), c.Len())
				require.Equal(t, want.Bytes(), c.Bytes())
				a, b := c.NewArray(), want.NewArray()
				require.NoError(t, array.ValidateFull(a))
				require.True(t, array.Equal(a, b))
				a.Release()
				b.Release()
			}
		})
	}
}

// On an error the column is as it was, and holds no more memory than before.
func TestAppendFromFails(t *testing.T) {
	n := 40 << 20
	befores := []int{0, 1000, 30 << 20}
	if testing.Short() {
		n, befores = 8<<20, []int{1000}
	}
	broken := errors.New("broken")
	bad := strings.Repeat("x", n-1) + "\xff"
	for name, test := range map[string]struct {
		src  func() io.Reader
		want error
	}{
		"UTF-8":         {func() io.Reader { return strings.NewReader(bad) }, ErrUTF8},
		"broken":        {func() io.Reader { return io.MultiReader(strings.NewReader(bad[:n/2]), iotest.ErrReader(broken)) }, broken},
		"broken early":  {func() io.Reader { return iotest.ErrReader(broken) }, broken},
		"cut":           {func() io.Reader { return strings.NewReader(bad[:n-1]) }, io.ErrUnexpectedEOF},
		"cut at once":   {func() io.Reader { return strings.NewReader("") }, io.ErrUnexpectedEOF},
		"cut at a step": {func() io.Reader { return strings.NewReader(bad[:n/trust]) }, io.ErrUnexpectedEOF},
	} {
		for _, before := range befores {
			t.Run(fmt.Sprintf("%s/%d", name, before), func(t *testing.T) {
				mem := checked(t)
				c := newLongColumn(t, mem, arrow.BinaryTypes.String)
				defer c.Release()
				rows := 0
				if before > 0 {
					require.NoError(t, c.Append(bytes.Repeat([]byte("b"), before)))
					rows = 1
				}
				size := c.Bytes()
				require.Equal(t, test.want, c.AppendFrom(test.src(), int64(n)))
				require.Equal(t, rows, c.Len())
				require.Equal(t, size, c.Bytes())
				require.LessOrEqual(t, mem.CurrentAlloc(), before+before/4+3*largeAlloc)
				require.NoError(t, c.AppendFrom(strings.NewReader("after"), 5))
				arr := c.NewArray()
				defer arr.Release()
				require.NoError(t, array.ValidateFull(arr))
				require.Equal(t, "after", arr.(*array.String).Value(rows))
			})
		}
	}
}

// A length that lies costs as much memory as bytes arrive, not as it says.
func TestAppendFromBelievesWhatArrives(t *testing.T) {
	for _, arrives := range []int{0, 100_000, 5_000_000} {
		mem := &peakAllocator{Allocator: checked(t)}
		c := newLongColumn(t, mem, arrow.BinaryTypes.LargeBinary)
		require.Error(t, c.AppendFrom(strings.NewReader(strings.Repeat("x", arrives)), 1<<40))
		assert.LessOrEqual(t, mem.peak, largeAlloc+(trust+2)*arrives)
		c.Release()
	}
}

// A giant takes its own size and a fifteenth while it is read, not the double;
// the batch after it begins small again.
func TestGiantIsHeldOnce(t *testing.T) {
	giant, beside := 256<<20, 20<<20
	if testing.Short() {
		giant, beside = 64<<20, 5<<20
	}
	mem := &peakAllocator{Allocator: checked(t)}
	c := newLongColumn(t, mem, arrow.BinaryTypes.String)
	defer c.Release()
	text := strings.Repeat("x", 1<<20)
	var parts []io.Reader
	for range giant >> 20 {
		parts = append(parts, strings.NewReader(text))
	}
	for range beside >> 20 {
		require.NoError(t, c.Append([]byte(text)))
	}
	require.NoError(t, c.AppendFrom(io.MultiReader(parts...), int64(giant)))
	// What stands before the giant moves with each step.
	assert.LessOrEqual(t, mem.peak, giant+giant/(trust-1)+3*beside)
	arr := c.NewArray()
	assert.LessOrEqual(t, mem.used, giant+beside+4096, "the array holds more than its data")
	arr.Release()
	require.Zero(t, mem.used)

	mem.peak = 0
	require.NoError(t, c.Append([]byte("small")))
	assert.LessOrEqual(t, mem.peak, 2*beside+2*beside/16+4096)
	c.NewArray().Release()
	mem.peak = 0
	require.NoError(t, c.Append([]byte("small")))
	assert.LessOrEqual(t, mem.peak, 4096)
}

// A giant in a row that is given up, for another cell's sake, isn't held
// until the batch is full.
func TestTruncatedGiantIsLetGo(t *testing.T) {
	mem := &peakAllocator{Allocator: checked(t)}
	c := newLongColumn(t, mem, arrow.BinaryTypes.String)
	defer c.Release()
	require.NoError(t, c.Append([]byte("before")))
	for range 3 {
		require.NoError(t, c.Append(bytes.Repeat([]byte("x"), 8<<20)))
		c.Truncate(1)
		assert.LessOrEqual(t, mem.used, 4096)
	}
	require.NoError(t, c.Append([]byte("after")))
	arr := c.NewArray()
	defer arr.Release()
	require.NoError(t, array.ValidateFull(arr))
	assert.Equal(t, `["before" "after"]`, fmt.Sprint(arr))
}

// Offsets of 32 bits: what doesn't fit is left to be read.
func TestAppendFromFull(t *testing.T) {
	c := newVariable[int32](checked(t), arrow.BinaryTypes.String, checkUTF8)
	defer c.Release()
	c.limit = 10
	src := strings.NewReader("1234567890")
	require.NoError(t, c.AppendFrom(src, 6))
	require.ErrorIs(t, c.AppendFrom(src, 5), ErrFull)
	require.Equal(t, 4, src.Len())
	require.NoError(t, c.AppendFrom(src, 4))
	require.Equal(t, 2, c.Len())
}

// Many values that aren't small grow their column as small ones do: the work
// is in proportion to what comes, not to its square.
func TestLargeValuesGrowByShares(t *testing.T) {
	mem := &countingAllocator{Allocator: checked(t)}
	c := newLongColumn(t, mem, arrow.BinaryTypes.LargeBinary)
	defer c.Release()
	text := strings.Repeat("x", 100_000)
	for range 500 {
		require.NoError(t, c.AppendFrom(strings.NewReader(text), int64(len(text))))
	}
	assert.Less(t, mem.moved, 60)
}

// peakAllocator remembers how much was in use at most, in bytes.
type peakAllocator struct {
	memory.Allocator
	used, peak int
}

func (a *peakAllocator) Allocate(size int) []byte {
	a.count(size)
	return a.Allocator.Allocate(size)
}

// Reallocate counts both pieces: they are there at the same time.
func (a *peakAllocator) Reallocate(size int, b []byte) []byte {
	a.count(size)
	defer a.count(-len(b))
	return a.Allocator.Reallocate(size, b)
}

func (a *peakAllocator) Free(b []byte) {
	a.count(-len(b))
	a.Allocator.Free(b)
}

func (a *peakAllocator) count(n int) {
	a.used += n
	a.peak = max(a.peak, a.used)
}
