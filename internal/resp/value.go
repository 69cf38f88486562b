package resp

import (
	"fmt"
	"math"
	"unsafe"
)

// Value is one whole reply, copied out of the stream: for the commands that
// ask about the cluster, not for data.
type Value struct {
	Kind  Kind
	Int   int64   // an Integer's value
	Text  string  // a Simple's, an Error's or a Bulk's text
	Null  bool    // a null Bulk or Array
	Elems []Value // an Array's elements
}

// Err is the reply as a [*ReplyError] if it is an error reply, else nil.
func (v Value) Err() error {
	if v.Kind == Error {
		return &ReplyError{Text: v.Text}
	}
	return nil
}

// ReadValue reads one whole reply. An error reply is a value, not an error.
func (r *Reader) ReadValue() (Value, error) {
	room := int64(math.MaxInt64)
	return r.readValue(0, &room)
}

// ReadValueWithin is ReadValue for a reply that isn't data: one that takes
// more than room bytes of memory is an error that wraps [ErrTooLarge].
func (r *Reader) ReadValueWithin(room int64) (Value, error) { return r.readValue(0, &room) }

// valueSize is what a Value takes beside its text.
const valueSize = int64(unsafe.Sizeof(Value{}))

func (r *Reader) readValue(depth int, room *int64) (Value, error) {
	h, err := r.ReadHeader()
	if err != nil {
		return Value{}, err
	}
	if *room -= valueSize + int64(len(h.Line)); h.Kind == Bulk {
		*room -= max(h.N, 0)
	}
	if *room < 0 {
		return Value{}, fmt.Errorf("%w: a reply much larger than any to this command", ErrTooLarge)
	}
	v := Value{Kind: h.Kind, Null: h.Null()}
	switch {
	case v.Null:
	case h.Kind == Integer:
		v.Int = h.N
	case h.Kind == Bulk:
		payload, err := r.ReadBulk(h.N)
		if err != nil {
			return Value{}, err
		}
		v.Text = string(payload)
	case h.Kind == Array:
		if depth >= MaxDepth {
			return Value{}, fmt.Errorf("%w: arrays nested deeper than %d", ErrTooLarge, MaxDepth)
		}
		// Grown by what arrives, not by what is announced.
		v.Elems = make([]Value, 0, min(h.N, 64))
		for range h.N {
			elem, err := r.readValue(depth+1, room)
			if err != nil {
				return Value{}, unexpected(err)
			}
			v.Elems = append(v.Elems, elem)
		}
	default:
		v.Text = string(h.Line)
	}
	return v, nil
}
