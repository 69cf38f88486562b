package convert

import (
	"bytes"
	"testing"
	"testing/iotest"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/stretchr/testify/require"
)

// Whatever texts come, whatever is cut off again, and however a text comes
// in, a column holds what a column holds that got the remaining texts alone.
func FuzzColumn(f *testing.F) {
	types := columnTypes()
	for i, typ := range types {
		script := []byte{}
		for _, cell := range typ.cells {
			script = append(append(script, cell[0][:min(len(cell[0]), 20)]...), ';')
		}
		for _, bad := range typ.bad {
			script = append(append(script, bad...), ';')
		}
		f.Add(byte(i), append(script, ";n;n;<2;~1;~ab;<1;>;~\xff;7;"...))
	}
	// The script is texts, each ended by a semicolon: n is a null, <2 cuts two
	// rows off, > takes the array, and ~ has the rest come from a stream.
	f.Fuzz(func(t *testing.T, which byte, script []byte) {
		mem := checked(t)
		dt := types[int(which)%len(types)].dt
		c, want := newColumn(t, mem, dt), newColumn(t, mem, dt)
		defer c.Release()
		defer want.Release()
		var rows [][]byte // nil is null
		compare := func() {
			for _, row := range rows {
				if row == nil {
					want.AppendNull()
				} else {
					require.NoError(t, want.Append(row))
				}
			}
			require.Equal(t, want.Bytes(), c.Bytes())
			got, wanted := c.NewArray(), want.NewArray()
			defer got.Release()
			defer wanted.Release()
			require.NoError(t, array.ValidateFull(got))
			require.True(t, array.Equal(wanted, got) || holdsNaN(wanted), "got %v\nwant %v", got, wanted)
			if text, ok := got.(array.BinaryLike); ok {
				for i, row := range rows {
					require.Equal(t, row == nil, got.IsNull(i))
					require.Equal(t, string(row), string(text.ValueBytes()[text.ValueOffset64(i):][:text.ValueLen(i)]))
				}
			}
			rows = nil
		}
		for _, step := range bytes.Split(script, []byte(";")) {
			size := c.Bytes()
			switch {
			case string(step) == "n":
				c.AppendNull()
				rows = append(rows, nil)
			case string(step) == ">":
				compare()
			case len(step) == 2 && step[0] == '<':
				left := max(len(rows)-int(step[1]-'0'), 0)
				c.Truncate(left)
				rows = rows[:min(left, len(rows))]
			default:
				err := error(nil)
				if long, ok := c.(LongColumn); ok && len(step) > 0 && step[0] == '~' {
					step = step[1:]
					err = long.AppendFrom(iotest.OneByteReader(bytes.NewReader(step)), int64(len(step)))
				} else {
					err = c.Append(step)
				}
				if err == nil {
					rows = append(rows, append([]byte{}, step...))
				} else {
					require.Equal(t, size, c.Bytes(), "changed by text that it refused")
				}
			}
			require.Equal(t, len(rows), c.Len())
		}
		compare()
	})
}

// holdsNaN: array.Equal takes no NaN for another.
func holdsNaN(a interface{ String() string }) bool {
	return bytes.Contains([]byte(a.String()), []byte("NaN"))
}
