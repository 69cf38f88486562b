package iterator

import (
	"errors"
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/redisarrow/redisarrow/convert"
	"github.com/redisarrow/redisarrow/internal/resp"
	"github.com/redisarrow/redisarrow/internal/scan"
)

// valueReader is the part of a kind that reads the replies about the value:
// it puts a row's data cells into the builder. Each worker has its own.
type valueReader interface {
	// read reads the replies to the first commands of a step, those about the
	// value. On Rows the builder's data columns have one row more each, or a
	// bad cell is noted in it; on anything else their state doesn't matter.
	read(step uint8, key []byte, r *resp.Reader, b *builder) (scan.Result, error)
	// bare reports whether a step has no commands about the key's metadata.
	bare(step uint8) bool
}

// builder gathers rows into batches. It is the scan's Decoder of one worker:
// it decodes a key's replies into the columns, drops a row that isn't to be,
// and hands over a batch when it is full.
type builder struct {
	layout  *layout
	config  *Config
	value   valueReader
	columns []convert.Column // nil at the index's place
	fields  []convert.Column // the data columns among them
	key     convert.Column   // nil if not named, as the next two
	ttl     *convert.Int64Column
	expires *convert.Int64Column
	deliver func(block) error // blocks until somebody takes the batch
	marks   *marks            // of the rows; nil if no checkpoints are taken

	metadata []scan.Command
	most     int64 // bytes of a value
	rows     int
	ceiling  int64 // no less than bytes, and cheaper to keep: see finishRow

	// The row under way.
	badCells int
	larges   int // values beyond most
	skip     bool
	failure  error
	head     []byte // what the long value being read begins with
}

// block is a batch without its index.
type block struct {
	arrays []arrow.Array // nil at the index's place
	rows   int
	bytes  int64

	marked []mark    // of the rows, if checkpoints are taken
	ends   []batchID // of the builders' batches whose last rows these are, likewise
}

func (b *block) release() {
	for _, a := range b.arrays {
		if a != nil {
			a.Release()
		}
	}
	b.arrays = nil
}

func newBuilder(l *layout, c *Config, value valueReader, deliver func(block) error) (*builder, error) {
	b := &builder{layout: l, config: c, value: value, deliver: deliver, metadata: l.metadataCommands(), most: math.MaxInt64}
	if c.MaxValueBytes > 0 {
		b.most = c.MaxValueBytes
	}
	var err error
	if b.columns, err = l.newColumns(c.Allocator); err != nil {
		return nil, err
	}
	for _, i := range l.fields {
		b.fields = append(b.fields, b.columns[i])
	}
	if l.key >= 0 {
		b.key = b.columns[l.key]
	}
	if l.ttl >= 0 {
		b.ttl = b.columns[l.ttl].(*convert.Int64Column)
	}
	if l.expires >= 0 {
		b.expires = b.columns[l.expires].(*convert.Int64Column)
	}
	return b, nil
}

// Decode implements [scan.Decoder].
func (b *builder) Decode(step uint8, key []byte, r *resp.Reader) (scan.Result, error) {
	b.badCells, b.larges, b.skip, b.failure = 0, 0, false, nil
	before := r.BytesRead()
	res, err := b.value.read(step, key, r, b)
	if err != nil {
		b.rollback()
		return res, err
	}
	if len(b.metadata) > 0 && !b.value.bare(step) {
		if res, err = b.readMetadata(r, res); err != nil {
			b.rollback()
			return res, err
		}
	}
	if res.Outcome != scan.Rows {
		b.rollback()
		return res, nil
	}
	if b.key != nil {
		if err := b.key.Append(key); err != nil {
			b.badCell(key, b.layout.key, key, err)
			b.skip = true // a key column has no nulls
		}
	}
	b.ceiling += r.BytesRead() - before + int64(len(key)) + int64(len(b.columns))*maxFixedBytes
	return b.finishRow(key), nil
}

// maxFixedBytes is what a cell costs at most beside its own text: a value of
// fixed width, the widest of which is a decimal128, or an offset, and its share
// of the validity bitmap.
const maxFixedBytes = 16 + 1

// readMetadata reads the replies that follow the value's. They are read
// whatever came of the value; for a row they become cells.
func (b *builder) readMetadata(r *resp.Reader, res scan.Result) (scan.Result, error) {
	for _, command := range b.metadata {
		h, err := r.ReadHeader()
		if err != nil {
			return res, err
		}
		if res.Outcome != scan.Rows {
			if err := r.SkipRest(h, 0); err != nil {
				return res, err
			}
			continue
		}
		if h.Kind == resp.Error {
			res = refused(h, command.Name)
			continue
		}
		if h.Kind != resp.Integer {
			return res, resp.Unexpected(h, command.Name+"'s integer")
		}
		const (
			noExpiry = -1
			noKey    = -2
		)
		switch {
		case h.N < noKey:
			return res, &resp.ProtocolError{Reason: fmt.Sprintf("%s returned %d", command.Name, h.N)}
		case h.N == noKey:
			// The key went between two commands. It may be back already, as
			// something else: what the value was isn't a row by itself.
			res = scan.Result{Outcome: scan.Again}
		case command.Name != "PEXPIRETIME":
			b.ttl.AppendInt64(h.N)
		case h.N == noExpiry:
			b.expires.AppendNull()
		default:
			b.expires.AppendInt64(h.N)
		}
	}
	return res, nil
}

// cell appends a data cell to the row under way. The value isn't kept.
func (b *builder) cell(field int, key, value []byte) {
	if err := b.fields[field].Append(value); err != nil {
		b.badCell(key, b.layout.fields[field], value, err)
		b.fields[field].AppendNull()
	}
}

// longCell appends a data cell of n bytes that don't fit into the read buffer.
// Text and binary columns read it themselves: in memory it is there once. Any
// other column gets it whole, and can hardly take it.
func (b *builder) longCell(field int, key []byte, n int64, r *resp.Reader) error {
	column, ok := b.fields[field].(convert.LongColumn)
	if !ok {
		value, err := r.ReadBulk(n)
		if err == nil {
			b.cell(field, key, value)
		}
		return err
	}
	long := r.LongBulk(n)
	b.head = append(b.head[:0], long.Peek(maxShownBytes+1)...) // for badCell: enough to see that there is more
	bad := column.AppendFrom(long, n)
	if err := long.Close(); err != nil {
		return err
	}
	if bad != nil {
		b.badCell(key, b.layout.fields[field], b.head, bad)
		column.AppendNull()
	}
	return nil
}

// unreadable says which field's value was too large to be read on.
func (b *builder) unreadable(field int, err error) error {
	if errors.Is(err, ErrTooLarge) {
		name := b.layout.columns[b.layout.fields[field]].Name()
		return fmt.Errorf("field %q: %w", shorten([]byte(name)), err)
	}
	return err
}

// badCell notes that a value doesn't fit the column at a position.
func (b *builder) badCell(key []byte, position int, value []byte, err error) {
	b.badCells++
	switch b.config.OnParseError {
	case convert.SkipRow:
		b.skip = true
	case convert.Fail:
		if b.failure == nil {
			c := b.layout.columns[position]
			failure := &CellError{Key: shorten(key), Field: c.Name(), Type: c.Type(), Err: err, Redacted: b.config.RedactValues}
			if !b.config.RedactValues {
				failure.Value = shorten(value)
			}
			b.failure = failure
		}
	}
}

// largeCell is for a value of n bytes that are more than there may be. They are
// thrown away, if they are still to be read.
func (b *builder) largeCell(field int, key []byte, n int64, r *resp.Reader, unread bool) error {
	b.large(field, key, n)
	if unread {
		return r.DiscardBulk(n)
	}
	return nil
}

// large makes a cell null, or what else is to become of a value that is too large.
func (b *builder) large(field int, key []byte, n int64) {
	b.larges++
	b.fields[field].AppendNull()
	switch b.config.OnLargeValue {
	case convert.SkipRow:
		b.skip = true
	case convert.Fail:
		if b.failure == nil {
			name := b.layout.columns[b.layout.fields[field]].Name()
			b.failure = &LargeValueError{Key: shorten(key), Field: name, Bytes: n, Most: b.most}
		}
	}
}

// finishRow keeps or drops the row under way, and hands the batch over when
// it is full.
func (b *builder) finishRow(key []byte) scan.Result {
	switch {
	case b.failure != nil:
		b.rollback()
		return scan.Result{Outcome: scan.Stop, BadCells: b.badCells, Large: b.larges, Err: b.failure}
	case b.skip:
		b.rollback()
		return scan.Result{Outcome: scan.Skipped, BadCells: b.badCells, Large: b.larges}
	}
	b.rows++
	if b.marks != nil {
		b.marks.add(key)
	}
	// Adding the columns up is left until what was received allows so much.
	full := b.rows >= b.config.BatchSize
	if !full && b.ceiling >= b.config.BatchBytes {
		b.ceiling = b.bytes()
		full = b.ceiling >= b.config.BatchBytes
	}
	if full {
		if err := b.deliver(b.take()); err != nil {
			return scan.Result{Outcome: scan.Stop, Err: err}
		}
	}
	return scan.Result{Outcome: scan.Rows, Rows: 1, BadCells: b.badCells, Large: b.larges}
}

// rollback cuts the columns back to the rows that are whole.
func (b *builder) rollback() {
	for _, c := range b.columns {
		if c != nil {
			c.Truncate(b.rows)
		}
	}
}

func (b *builder) bytes() int64 {
	var n int64
	for _, c := range b.columns {
		if c != nil {
			n += c.Bytes()
		}
	}
	return n
}

// take ends the batch under way.
func (b *builder) take() block {
	out := block{arrays: make([]arrow.Array, len(b.columns)), rows: b.rows, bytes: b.bytes()}
	for i, c := range b.columns {
		if c != nil {
			out.arrays[i] = c.NewArray()
		}
	}
	b.rows, b.ceiling = 0, 0
	if b.marks != nil {
		out.marked, out.ends = b.marks.take()
	}
	return out
}

func (b *builder) release() {
	for _, c := range b.columns {
		if c != nil {
			c.Release()
		}
	}
}

// refusedValue is the result for an error reply to a command that reads a
// value of one type.
func refusedValue(h resp.Header, command string) scan.Result {
	const wrongType = "WRONGTYPE"
	if len(h.Line) >= len(wrongType) && string(h.Line[:len(wrongType)]) == wrongType {
		return scan.Result{Outcome: scan.WrongType}
	}
	return refused(h, command)
}

// refused is the result for an error reply to any other command.
func refused(h resp.Header, command string) scan.Result {
	reply := &resp.ReplyError{Text: string(h.Line)}
	return scan.Result{Outcome: scan.Refused, Err: &scan.RefusedError{Command: command, Reply: reply}}
}

// readLength reads the reply to a command that gives a value's size.
func readLength(r *resp.Reader, command string) (n int64, res scan.Result, err error) {
	h, err := r.ReadHeader()
	switch {
	case err != nil:
		return 0, res, err
	case h.Kind == resp.Error:
		return 0, refusedValue(h, command), nil
	case h.Kind != resp.Integer || h.N < 0:
		return 0, res, resp.Unexpected(h, command+"'s integer")
	default:
		return h.N, scan.Result{Outcome: scan.Rows}, nil
	}
}

// readType reads the reply to TYPE: all that is asked about a key of which no
// cell is wanted.
func readType(r *resp.Reader, wanted string) (scan.Result, error) {
	h, err := r.ReadHeader()
	switch {
	case err != nil:
		return scan.Result{}, err
	case h.Kind == resp.Error:
		return refused(h, "TYPE"), nil
	case h.Kind != resp.Simple:
		return scan.Result{}, resp.Unexpected(h, "TYPE's simple string")
	case string(h.Line) == "none":
		return scan.Result{Outcome: scan.Vanished}, nil
	case string(h.Line) != wanted:
		return scan.Result{Outcome: scan.WrongType}, nil
	default:
		return scan.Result{Outcome: scan.Rows}, nil
	}
}

func lengthError(command string, got, want int64) error {
	return &resp.ProtocolError{Reason: fmt.Sprintf("%s returned %d values instead of %d", command, got, want)}
}
