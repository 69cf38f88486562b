package convert

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// columnType is a type that NewColumn makes, and what its tests need to know.
type columnType struct {
	dt arrow.DataType
	// cells are texts that it takes, each beside the form in which Arrow's own
	// builder reads the same value.
	cells [][2]string
	// bad are texts that it doesn't take.
	bad []string
	// width is the size of a value, or of an offset, in bytes; 0 for bits.
	width int
}

func columnTypes() []columnType {
	integers := [][2]string{{"0", "0"}, {"42", "42"}, {"+7", "7"}, {"007", "7"}, {"-0", "0"}, {"100", "100"}}
	floats := [][2]string{{"0", "0"}, {"1.5", "1.5"}, {"-.25", "-0.25"}, {"1e3", "1000"}, {"inf", "+Inf"}}
	text := [][2]string{{"", ""}, {"a", "a"}, {"Zürich", "Zürich"}, {"(nil)", "(nil)"}, {strings.Repeat("x", 1000), strings.Repeat("x", 1000)}, {"a\x00b", "a\x00b"}}
	bytes := [][2]string{{"", ""}, {"a", "YQ=="}, {"\xff\xfe\x00", "//4A"}, {strings.Repeat("abc", 300), strings.Repeat("YWJj", 300)}}
	notNumbers := []string{"", "x", " 1", "1_0"}
	return []columnType{
		{arrow.PrimitiveTypes.Int8, integers, append(notNumbers, "128", "1.0"), 1},
		{arrow.PrimitiveTypes.Int16, integers, append(notNumbers, "32768"), 2},
		{arrow.PrimitiveTypes.Int32, integers, append(notNumbers, "2147483648"), 4},
		{arrow.PrimitiveTypes.Int64, integers, append(notNumbers, "9223372036854775808"), 8},
		{arrow.PrimitiveTypes.Uint8, integers, append(notNumbers, "-1"), 1},
		{arrow.PrimitiveTypes.Uint16, integers, append(notNumbers, "-1"), 2},
		{arrow.PrimitiveTypes.Uint32, integers, append(notNumbers, "-1"), 4},
		{arrow.PrimitiveTypes.Uint64, integers, append(notNumbers, "-1"), 8},
		{arrow.PrimitiveTypes.Float32, floats, notNumbers, 4},
		{arrow.PrimitiveTypes.Float64, floats, notNumbers, 8},
		{&arrow.Decimal128Type{Precision: 10, Scale: 2}, [][2]string{{"0", "0"}, {"19.99", "19.99"}, {"-.5", "-0.5"}, {"1.500", "1.5"}, {"2e3", "2000"}}, append(notNumbers, "0.001", "1e8", "inf"), 16},
		{arrow.FixedWidthTypes.Boolean, [][2]string{{"yes", "true"}, {"0", "false"}, {"T", "true"}}, []string{"", "2", "on"}, 0},
		{arrow.FixedWidthTypes.Date32, [][2]string{{"2024-01-15", "2024-01-15"}, {"-1", "1969-12-31"}}, []string{"", "20240115", "2024-02-30"}, 4},
		{&arrow.TimestampType{Unit: arrow.Microsecond}, [][2]string{{"2024-01-15T10:30:00.5", "2024-01-15T10:30:00.5"}, {"0", "1970-01-01"}}, []string{"", "2024-01-15T10", "2024-01-15T25:61:61"}, 8},
		{&arrow.TimestampType{Unit: arrow.Second, TimeZone: "UTC"}, [][2]string{{"1705315800", "2024-01-15T10:50:00Z"}}, []string{"", "now"}, 8},
		{arrow.BinaryTypes.String, text, []string{"\xff\xfe\x00", "a\xc3"}, 4},
		{arrow.BinaryTypes.LargeString, text, []string{"\xff\xfe\x00"}, 8},
		{arrow.BinaryTypes.Binary, bytes, nil, 4},
		{arrow.BinaryTypes.LargeBinary, bytes, nil, 8},
	}
}

// model is a column as one would write it down: a list of cells.
type model struct {
	typ   columnType
	cells []int // indexes into typ.cells, -1 for null
}

func (m *model) bytes() int64 {
	n := int64(len(m.cells))
	size, bits, nulls := n*int64(m.typ.width), (n+7)/8, false
	if m.typ.width == 0 {
		size = bits
	}
	_, isText := m.typ.dt.(arrow.BinaryDataType)
	for _, i := range m.cells {
		if i < 0 {
			nulls = true
		} else if isText {
			size += int64(len(m.typ.cells[i][0]))
		}
	}
	if nulls {
		size += bits
	}
	return size
}

// array gives what Arrow's own builder makes of the cells.
func (m *model) array(t *testing.T, mem memory.Allocator) arrow.Array {
	b := array.NewBuilder(mem, m.typ.dt)
	defer b.Release()
	for _, i := range m.cells {
		if i < 0 {
			b.AppendNull()
		} else {
			require.NoError(t, b.AppendValueFromString(m.typ.cells[i][1]))
		}
	}
	return b.NewArray()
}

// Whatever is done to a column, it is as if the rows that were cut off had never
// been there.
func TestColumnAgainstModel(t *testing.T) {
	for _, typ := range columnTypes() {
		t.Run(typ.dt.String(), func(t *testing.T) {
			for seed := range uint64(30) {
				playColumn(t, typ, rand.New(rand.NewPCG(seed, 7)))
			}
		})
	}
}

func playColumn(t *testing.T, typ columnType, rnd *rand.Rand) {
	mem := checked(t)
	c := newColumn(t, mem, typ.dt)
	defer c.Release()
	m := model{typ: typ}
	// Some columns have no nulls, some are rarely cut, some batches are long.
	nullShare, cutShare, batchShare := rnd.IntN(3)*10, 1+rnd.IntN(15), 1+rnd.IntN(3)
	for range 1000 {
		switch p := rnd.IntN(100); {
		case p < nullShare:
			c.AppendNull()
			m.cells = append(m.cells, -1)
		case p < nullShare+cutShare:
			// Mostly a row or two; sometimes any number; sometimes nothing.
			rows := max(len(m.cells)-rnd.IntN(3), 0)
			if rnd.IntN(4) == 0 {
				rows = rnd.IntN(len(m.cells) + 3)
			}
			c.Truncate(rows)
			m.cells = m.cells[:min(rows, len(m.cells))]
		case p < nullShare+cutShare+10 && len(typ.bad) > 0:
			require.Error(t, c.Append([]byte(typ.bad[rnd.IntN(len(typ.bad))])))
		case p >= 100-batchShare:
			m.compare(t, mem, c)
			m.cells = m.cells[:0]
		case p == 50 && rnd.IntN(5) == 0:
			c.Release()
			m.cells = m.cells[:0]
		default:
			i := rnd.IntN(len(typ.cells))
			text := typ.cells[i][0]
			if long, ok := c.(LongColumn); ok && rnd.IntN(3) == 0 {
				require.NoError(t, long.AppendFrom(strings.NewReader(text), int64(len(text))))
			} else {
				require.NoError(t, c.Append([]byte(text)))
			}
			m.cells = append(m.cells, i)
		}
		require.Equal(t, len(m.cells), c.Len())
		require.Equal(t, m.bytes(), c.Bytes())
	}
	m.compare(t, mem, c)
}

func (m *model) compare(t *testing.T, mem memory.Allocator, c Column) {
	t.Helper()
	got, want := c.NewArray(), m.array(t, mem)
	defer got.Release()
	defer want.Release()
	require.Zero(t, c.Len())
	require.Zero(t, c.Bytes())
	require.NoError(t, array.ValidateFull(got))
	require.Equal(t, want.NullN(), got.NullN())
	require.True(t, array.Equal(want, got), "got %v\nwant %v", got, want)
	if got.NullN() == 0 {
		require.Nil(t, got.Data().Buffers()[0], "a bitmap without nulls")
	}
	for i, b := range got.Data().Buffers() {
		if b != nil {
			require.LessOrEqual(t, b.Cap(), b.Len()+b.Len()/2+maxWaste+64, "buffer %d holds too much", i)
		}
	}
}

func TestRefusedTypes(t *testing.T) {
	second := arrow.Second
	odd := arrow.TimeUnit(9)
	for name, tt := range map[string]struct {
		dt   arrow.DataType
		opts Options
	}{
		"nil":                     {nil, Options{}},
		"decimal of no digits":    {&arrow.Decimal128Type{}, Options{}},
		"decimal of 39 digits":    {&arrow.Decimal128Type{Precision: 39}, Options{}},
		"scale above precision":   {&arrow.Decimal128Type{Precision: 5, Scale: 6}, Options{}},
		"scale below zero":        {&arrow.Decimal128Type{Precision: 5, Scale: -1}, Options{}},
		"list":                    {arrow.ListOf(arrow.PrimitiveTypes.Int64), Options{}},
		"epoch unit of an int64":  {arrow.PrimitiveTypes.Int64, Options{EpochUnit: &second}},
		"unknown zone":            {&arrow.TimestampType{Unit: arrow.Second, TimeZone: "Mars/Olympus"}, Options{}},
		"the machine's own zone":  {&arrow.TimestampType{Unit: arrow.Second, TimeZone: "Local"}, Options{}},
		"unknown unit":            {&arrow.TimestampType{Unit: odd}, Options{}},
		"unknown unit of numbers": {&arrow.TimestampType{Unit: arrow.Second}, Options{EpochUnit: &odd}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewColumn(memory.DefaultAllocator, tt.dt, tt.opts)
			require.ErrorIs(t, err, ErrType)
		})
	}
	for _, dt := range []arrow.DataType{arrow.BinaryTypes.String, arrow.PrimitiveTypes.Uint64, arrow.FixedWidthTypes.Date32, nil} {
		_, err := NewInt64Column(memory.DefaultAllocator, dt)
		require.ErrorIs(t, err, ErrType)
	}
}

func TestInt64Column(t *testing.T) {
	for _, dt := range []arrow.DataType{arrow.PrimitiveTypes.Int64, &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"}} {
		t.Run(dt.String(), func(t *testing.T) {
			mem := checked(t)
			c, err := NewInt64Column(mem, dt)
			require.NoError(t, err)
			defer c.Release()
			for batch := range 3 {
				c.AppendInt64(-1)
				c.AppendNull()
				c.AppendInt64(math.MaxInt64)
				require.NoError(t, c.Append([]byte("5")))
				c.AppendInt64(99)
				c.Truncate(4)
				arr := c.NewArray()
				require.NoError(t, array.ValidateFull(arr))
				require.True(t, arrow.TypeEqual(dt, arr.DataType()))
				values := arrow.Int64Traits.CastFromBytes(arr.Data().Buffers()[1].Bytes())
				five := int64(5)
				if dt.ID() == arrow.TIMESTAMP {
					five = 5000
				}
				assert.Equal(t, []int64{-1, 0, math.MaxInt64, five}, values, "batch %d", batch)
				assert.Equal(t, 1, arr.NullN())
				arr.Release()
			}
		})
	}
}

// countingAllocator counts the calls that take memory.
type countingAllocator struct {
	memory.Allocator
	allocated, moved int
}

func (a *countingAllocator) Allocate(size int) []byte {
	a.allocated++
	return a.Allocator.Allocate(size)
}

func (a *countingAllocator) Reallocate(size int, b []byte) []byte {
	a.moved++
	return a.Allocator.Reallocate(size, b)
}

// After the first batch, batches of like size take one piece of memory a buffer,
// when their first row comes, and never move it.
func TestSteadyScanDoesNotGrow(t *testing.T) {
	for _, typ := range columnTypes() {
		t.Run(typ.dt.String(), func(t *testing.T) {
			mem := &countingAllocator{Allocator: checked(t)}
			c := newColumn(t, mem, typ.dt)
			defer c.Release()
			require.Zero(t, mem.allocated, "allocated before the first row")
			for batch := range 4 {
				for i := range 5000 - 10*batch {
					if i%100 == 99 {
						c.AppendNull()
						continue
					}
					require.NoError(t, c.Append([]byte(typ.cells[i%len(typ.cells)][0])))
				}
				arr := c.NewArray()
				buffers := len(arr.Data().Buffers())
				arr.Release()
				if batch > 0 {
					require.Equal(t, buffers, mem.allocated, "batch %d", batch)
					require.Zero(t, mem.moved, "batch %d", batch)
				}
				mem.allocated, mem.moved = 0, 0
			}
		})
	}
}

// A short batch after a long one doesn't keep the long one's memory.
func TestShortBatchHoldsLittle(t *testing.T) {
	mem := checked(t)
	c := newColumn(t, mem, arrow.BinaryTypes.String)
	defer c.Release()
	long := []byte(strings.Repeat("x", 1<<20))
	for range 8 {
		require.NoError(t, c.Append(long))
	}
	c.NewArray().Release()
	require.NoError(t, c.Append([]byte("short")))
	arr := c.NewArray()
	defer arr.Release()
	require.Less(t, mem.CurrentAlloc(), 16<<10)
	require.Equal(t, "short", arr.(*array.String).Value(0))
}

// Offsets of 32 bits count 2 GiB; the test's column counts less.
func TestFull(t *testing.T) {
	mem := checked(t)
	require.EqualValues(t, math.MaxInt32, newVariable[int32](mem, arrow.BinaryTypes.Binary, anyBytes).limit)
	require.EqualValues(t, math.MaxInt64, newVariable[int64](mem, arrow.BinaryTypes.LargeBinary, anyBytes).limit)

	c := newVariable[int32](mem, arrow.BinaryTypes.String, checkUTF8)
	defer c.Release()
	c.limit = 10
	require.NoError(t, c.Append([]byte("123456")))
	require.ErrorIs(t, c.Append([]byte("78901")), ErrFull)
	require.Equal(t, 1, c.Len())
	require.EqualValues(t, 6+4, c.Bytes())
	require.NoError(t, c.Append([]byte("7890")))
	require.ErrorIs(t, c.Append([]byte("1")), ErrFull)
	require.NoError(t, c.Append(nil), "nothing fits into nothing")
	c.AppendNull()
	first := c.NewArray()
	defer first.Release()
	require.NoError(t, array.ValidateFull(first))
	require.Equal(t, `["123456" "7890" "" (null)]`, fmt.Sprint(first))

	require.NoError(t, c.Append([]byte("78901")), "the next batch has room")
	require.ErrorIs(t, c.Append([]byte("12345678901")), ErrFull)
}

// No cell costs an allocation, good or bad.
func TestAppendDoesNotAllocate(t *testing.T) {
	const runs = 2000
	for _, typ := range columnTypes() {
		t.Run(typ.dt.String(), func(t *testing.T) {
			c := newColumn(t, memory.DefaultAllocator, typ.dt)
			defer c.Release()
			cells := make([][]byte, len(typ.cells))
			for i, cell := range typ.cells {
				cells[i] = []byte(cell[0])
			}
			bad := make([][]byte, len(typ.bad))
			for i, text := range typ.bad {
				bad[i] = []byte(text)
			}
			play := func() {
				for _, cell := range cells {
					if err := c.Append(cell); err != nil {
						t.Fatal(err)
					}
				}
				c.AppendNull()
				for _, text := range bad {
					if err := c.Append(text); err == nil {
						t.Fatal("taken:", string(text))
					}
				}
				_ = c.Bytes()
				c.Truncate(c.Len() - 1)
			}
			for range runs + 1 { // so that the next batch has room for as many
				play()
			}
			c.NewArray().Release()
			play()
			require.Zero(t, testing.AllocsPerRun(runs-2, play))
		})
	}
}

// Zones are looked up without an allocation, also where they aren't remembered.
func TestZoneDoesNotAllocate(t *testing.T) {
	c := newColumn(t, memory.DefaultAllocator, &arrow.TimestampType{Unit: arrow.Second, TimeZone: "Europe/Berlin"})
	defer c.Release()
	winter, summer := []byte("2024-01-15T10:30:00"), []byte("2055-07-15T10:30:00")
	play := func() {
		if c.Append(winter) != nil || c.Append(summer) != nil {
			t.Fatal("refused")
		}
		c.Truncate(0)
	}
	play()
	require.Zero(t, testing.AllocsPerRun(1000, play))
}
