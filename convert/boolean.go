package convert

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// ParseBool reads a truth value: true, t, yes, y or 1; false, f, no, n or 0;
// in any mixture of capitals and small letters. Anything else is ErrSyntax.
func ParseBool(value []byte) (bool, error) {
	// A letter with bit 0x20 set is its small form, and no other byte becomes
	// that letter by it.
	const small = 0x20
	switch len(value) {
	case 1:
		if value[0] == '1' {
			return true, nil
		}
		if value[0] == '0' {
			return false, nil
		}
		switch value[0] | small {
		case 't', 'y':
			return true, nil
		case 'f', 'n':
			return false, nil
		}
	case 2:
		if value[0]|small == 'n' && value[1]|small == 'o' {
			return false, nil
		}
	case 3:
		if isWord(value, "yes") {
			return true, nil
		}
	case 4:
		if isWord(value, "true") {
			return true, nil
		}
	case 5:
		if isWord(value, "false") {
			return false, nil
		}
	}
	return false, ErrSyntax
}

// isWord tells whether text is the word, given in small ASCII letters, in
// whatever capitals.
func isWord(text []byte, word string) bool {
	if len(text) != len(word) {
		return false
	}
	for i, c := range text {
		if c|0x20 != word[i] {
			return false
		}
	}
	return true
}

// boolean is a column of one bit a value.
type boolean struct {
	dt    arrow.DataType
	vals  bitmap
	rows  int
	valid validity
}

func newBoolean(mem memory.Allocator, dt arrow.DataType) *boolean {
	return &boolean{dt: dt, vals: bitmap{newBuffer[byte](mem)}, valid: newValidity(mem)}
}

func (c *boolean) Append(value []byte) error {
	v, err := ParseBool(value)
	if err != nil {
		return err
	}
	c.valid.appendValid(c.rows)
	c.vals.put(c.rows, v)
	c.rows++
	return nil
}

func (c *boolean) AppendNull() {
	c.valid.appendNull(c.rows)
	c.vals.put(c.rows, false)
	c.rows++
}

func (c *boolean) Len() int { return c.rows }

func (c *boolean) Bytes() int64 { return c.vals.bytes() + c.valid.bytes() }

func (c *boolean) Truncate(rows int) {
	if rows < c.rows {
		c.valid.truncate(rows, c.rows)
		c.vals.truncate(rows)
		c.rows = rows
	}
}

func (c *boolean) NewArray() arrow.Array {
	rows := c.rows
	c.rows = 0
	nulls, bits := c.valid.take()
	return newArray(c.dt, rows, nulls, bits, c.vals.take())
}

func (c *boolean) Release() {
	c.rows = 0
	c.vals.release()
	c.valid.release()
}

func (c *boolean) DataType() arrow.DataType { return c.dt }
