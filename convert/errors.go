package convert

import "errors"

// What Column.Append and the parsers return. They are returned as they are,
// never wrapped, so that a bad cell costs no allocation; the caller knows the
// key, the field and the type, and adds them.
var (
	// ErrSyntax: the text isn't of a form that the type accepts. Empty text is
	// of no form but text and binary's.
	ErrSyntax = errors.New("text is not in a form that the type accepts")

	// ErrRange: the text is of the right form, but there is no such value (the
	// 30th of February, 25 o'clock), or the type can't hold it.
	ErrRange = errors.New("value is out of the range of the type")

	// ErrScale: the number has digits behind those that the type's scale keeps.
	// It would have to be rounded.
	ErrScale = errors.New("number has more decimal places than the type's scale: use a larger scale")

	// ErrUTF8: the bytes aren't valid UTF-8, and the column holds text. A column
	// of type binary takes any bytes.
	ErrUTF8 = errors.New("bytes are not valid UTF-8: use type binary for them")

	// ErrFull: the column can't hold this value beside those it has, because
	// its offsets have 32 bits: 2 GiB a batch. Nothing is wrong with the cell:
	// take the batch with NewArray, then append it to the next.
	ErrFull = errors.New("column has reached 2 GiB in one batch: end the batch earlier, or use a type with large offsets")

	// ErrType: a column of this Arrow type, or with these options, can't be
	// made. NewColumn and NewInt64Column wrap it with the particulars.
	ErrType = errors.New("column type is not supported")
)
