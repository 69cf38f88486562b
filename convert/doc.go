// Package convert turns text into Arrow cells: what Redis keeps is bytes, what
// Arrow wants is columns of one type each.
//
// A [Column], made by [NewColumn] for an Arrow type, takes the bytes of one cell
// at a time, parses them and keeps the value in buffers of its own. Unlike
// Arrow's builders it can be cut back to an earlier row with Truncate, which is
// what a reader needs that gives up a row in the middle: because one of its
// cells is bad, or because the reply that carries it broke off. NewArray hands
// the buffers over as an Arrow array and leaves the column empty, ready for the
// next batch. Columns of text and binary are [LongColumn]s too: a value of
// hundreds of MiB goes from its source into the column, and is nowhere else.
//
// There is one implementation for each way in which Arrow lays out memory, not
// one for each type:
//
//   - fixed: values of equal size (integers, floats, decimals, dates,
//     timestamps), with a parser for each type;
//   - boolean: one bit a value;
//   - variable: bytes and offsets (text and binary).
//
// The parsers stand by themselves too: [ParseInt64], [ParseUint64],
// [ParseFloat64], [ParseDecimal128], [ParseBool], [ParseDate], [ParseTimestamp].
// None of them allocates for a cell, good or bad (one exception is told at
// ParseFloat64), none trims blanks, and none guesses: text that isn't wholly of
// the expected form is an error.
//
// A cell that can't be taken is one of the errors [ErrSyntax], [ErrRange],
// [ErrScale] and [ErrUTF8], and the column stays as it was. What to do then is
// the caller's matter: [Policy] names the three answers. [ErrFull] says something
// else, that the column can't hold more bytes in this batch.
package convert
