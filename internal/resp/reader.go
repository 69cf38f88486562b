package resp

import (
	"bytes"
	"fmt"
	"io"
	"math"
)

// The limits of a Reader. They stand above what servers send: their strings
// end at proto-max-bulk-len (512 MiB by default), their nesting at a handful.
const (
	MaxBulk  = 1 << 30 // bytes of one bulk string
	MaxArray = math.MaxUint32
	MaxDepth = 32
	// MaxAnswer bounds replies that aren't data, in bytes of memory: what a
	// node says of itself and of the cluster. That of a cluster of a thousand
	// masters and three thousand replicas, each slot apart from its
	// neighbours, takes some 30 MiB.
	MaxAnswer = 256 << 20
	maxLine   = 64 << 10
)

const (
	minBuffer = 64
	// maxEmptyReads is how often a source may return neither bytes nor an
	// error before it counts as broken, as in bufio.
	maxEmptyReads = 100
)

// Reader reads replies, or on the server's side commands, from a stream. Not
// safe for concurrent use. After any error the stream can't be read on: where
// in a reply it stands is unknown.
//
// The end of the stream is [io.EOF] before the first byte of a reply's
// header, and [io.ErrUnexpectedEOF] anywhere else inside ReadHeader, ReadBulk
// and so on. Between the elements of an array it is io.EOF too: only the caller
// knows that more was announced.
type Reader struct {
	src   io.Reader
	buf   []byte // r and w index it: buf[r:w] has been read and not consumed
	r, w  int
	base  []byte // the buffer of the size asked for; buf is larger only while a larger bulk is read
	total int64  // bytes taken from src

	long    LongBulk // the one being read
	command []byte   // the arguments of the last command, see ReadCommand
}

// NewReader makes a reader with a buffer of size bytes. [Reader.ReadBulk]
// reads larger bulks through a larger buffer, which is dropped afterwards;
// [Reader.LongBulk] reads them past the buffer.
func NewReader(src io.Reader, size int) *Reader {
	base := make([]byte, max(size, minBuffer))
	return &Reader{src: src, buf: base, base: base}
}

// Buffered is the number of bytes that can be read without asking the source.
func (r *Reader) Buffered() int { return r.w - r.r }

// BytesRead is the number of bytes consumed so far.
func (r *Reader) BytesRead() int64 { return r.total - int64(r.w-r.r) }

// fill reads at least one more byte into the buffer. It moves what is
// buffered, so slices handed out before are void. want is how many bytes
// beyond buf[r] the caller needs in one piece.
func (r *Reader) fill(want int) error {
	if want <= len(r.base) {
		r.shrink()
	}
	if r.r == r.w {
		r.r, r.w = 0, 0
	}
	if r.r+want > len(r.buf) {
		if want > len(r.buf) && r.w-r.r == len(r.buf) {
			grown := make([]byte, believed(want, len(r.buf)))
			r.w = copy(grown, r.buf[r.r:r.w])
			r.buf, r.r = grown, 0
		} else {
			r.w = copy(r.buf, r.buf[r.r:r.w])
			r.r = 0
		}
	}
	n, err := r.read(r.buf[r.w:])
	r.w += n
	return err
}

// read takes at least one byte from the source.
func (r *Reader) read(b []byte) (int, error) {
	for range maxEmptyReads {
		n, err := r.src.Read(b)
		if n < 0 || n > len(b) {
			return 0, protocolErrorf("source returned %d bytes for a buffer of %d", n, len(b))
		}
		r.total += int64(n)
		if n > 0 {
			return n, nil // an error that came along comes again with the next read
		}
		if err != nil {
			return 0, err
		}
	}
	return 0, io.ErrNoProgress
}

// shrink lets a buffer go that grew for a large bulk which is over.
func (r *Reader) shrink() {
	if len(r.buf) > len(r.base) {
		r.w = copy(r.base, r.buf[r.r:r.w])
		r.buf, r.r = r.base, 0
	}
}

// trust is how many times more than what has arrived a length is believed.
// The larger it is, the less memory the smaller buffers take beside the last,
// of the right size: with 16, a fifteenth.
const trust = 16

// believed is the size of buffer for a bulk that needs want bytes, of which
// have, more than none, have arrived.
func believed(want, have int) int {
	for want/trust > have {
		want /= trust
	}
	return want
}

// line returns the next line without its end.
func (r *Reader) line() ([]byte, error) {
	searched := 0
	for {
		if i := bytes.IndexByte(r.buf[r.r+searched:r.w], '\n'); i >= 0 {
			i += searched
			line := r.buf[r.r : r.r+i]
			r.r += i + 1
			if i < 1 || line[i-1] != '\r' {
				return nil, protocolErrorf("line does not end in CR LF")
			}
			return line[:i-1], nil
		}
		searched = r.w - r.r
		if searched >= maxLine {
			return nil, fmt.Errorf("%w: a line of more than %d bytes", ErrTooLarge, maxLine)
		}
		want := searched + 1
		if searched >= len(r.base) {
			want = 2 * searched // by doubling, not byte by byte
		}
		if err := r.fill(want); err != nil {
			if err == io.EOF && searched > 0 { //nolint:errorlint // sources return io.EOF itself
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
}

// ReadHeader reads the first line of the next reply, or of the next element
// of an array.
func (r *Reader) ReadHeader() (Header, error) {
	if k, n, size := shortNumber(r.buf[r.r:r.w]); size > 0 {
		r.r += size
		return Header{Kind: k, N: n}, nil
	}
	line, err := r.line()
	if err != nil {
		return Header{}, err
	}
	if len(line) == 0 {
		return Header{}, protocolErrorf("empty line where a reply should begin")
	}
	h := Header{Kind: Kind(line[0])}
	switch h.Kind {
	case Simple, Error:
		h.Line = line[1:]
		return h, nil
	case Integer, Bulk, Array:
		n, ok := parseInt(line[1:])
		if !ok {
			return Header{}, protocolErrorf("malformed number after %q", line[0])
		}
		h.N = n
	default:
		return Header{}, protocolErrorf("%s", h.Kind)
	}
	switch {
	case h.Kind == Integer:
	case h.N < -1:
		return Header{}, protocolErrorf("negative length of %s", h.Kind)
	case h.Kind == Bulk && h.N > MaxBulk:
		return Header{}, fmt.Errorf("%w: a bulk string of %d bytes", ErrTooLarge, h.N)
	case h.Kind == Array && h.N > MaxArray:
		return Header{}, fmt.Errorf("%w: an array of %d elements", ErrTooLarge, h.N)
	}
	return h, nil
}

// shortNumber reads a header that has a number of up to 9 digits and is there
// whole, as nearly all are: its kind, its number and its size in bytes. For
// any other, size is 0.
func shortNumber(b []byte) (k Kind, n int64, size int) {
	if len(b) < 4 {
		return 0, 0, 0
	}
	switch k = Kind(b[0]); k {
	case Bulk, Array, Integer:
	default:
		return 0, 0, 0
	}
	i := 1
	for i < len(b)-2 && i < 10 && b[i]-'0' <= 9 {
		n = n*10 + int64(b[i]-'0')
		i++
	}
	if i == 1 || b[i] != '\r' || b[i+1] != '\n' {
		return 0, 0, 0
	}
	return k, n, i + 2
}

// ReadBulk reads the n bytes that a Bulk header announced, and the line end
// after them. The bytes lie in the reader's buffer: valid until the next read.
func (r *Reader) ReadBulk(n int64) ([]byte, error) {
	if n < 0 || n > MaxBulk {
		return nil, fmt.Errorf("%w: a bulk string of %d bytes", ErrTooLarge, n)
	}
	need := int(n) + 2
	for r.w-r.r < need {
		if err := r.fill(need); err != nil {
			return nil, unexpected(err)
		}
	}
	end := r.r + int(n)
	if r.buf[end] != '\r' || r.buf[end+1] != '\n' {
		return nil, protocolErrorf("bulk string does not end in CR LF")
	}
	payload := r.buf[r.r:end:end]
	r.r = end + 2
	return payload, nil
}

// ReadBulkReply reads a whole bulk string, header and payload; ok is false
// for a null. Any other kind is a [ProtocolError]. The bytes are valid until
// the next read.
func (r *Reader) ReadBulkReply() (payload []byte, ok bool, err error) {
	payload, n, err := r.ReadShortBulk()
	if n > int64(len(payload)) {
		payload, err = r.ReadBulk(n)
	}
	return payload, n >= 0 && err == nil, err
}

// ReadShortBulk is ReadBulkReply for a bulk string that fits into the buffer
// as it was made. Of a longer one it reads the header only: n, its length, is
// more than len(payload) then, and the payload is to be read with LongBulk,
// ReadBulk or DiscardBulk. n is -1 for a null, and for an error.
func (r *Reader) ReadShortBulk() (payload []byte, n int64, err error) {
	b := r.buf[r.r:r.w]
	if k, n, size := shortNumber(b); k == Bulk && size > 0 { // size+n can't overflow
		if end := size + int(n); end+2 <= len(b) && b[end] == '\r' && b[end+1] == '\n' {
			r.r += end + 2
			return b[size:end:end], n, nil
		}
	}
	h, err := r.ReadHeader()
	if err != nil {
		return nil, -1, err
	}
	if h.Kind != Bulk {
		return nil, -1, Unexpected(h, "bulk string")
	}
	if h.Null() || r.Long(h.N) {
		return nil, h.N, nil
	}
	if payload, err = r.ReadBulk(h.N); err != nil {
		return nil, -1, err
	}
	return payload, h.N, nil
}

// DiscardBulk skips the n bytes that a Bulk header announced, and the line
// end after them, without holding them.
func (r *Reader) DiscardBulk(n int64) error {
	for n > 0 {
		if r.r == r.w {
			if err := r.fill(1); err != nil {
				return unexpected(err)
			}
		}
		step := min(n, int64(r.w-r.r))
		r.r += int(step)
		n -= step
	}
	_, err := r.ReadBulk(0)
	return err
}

// Skip reads one whole reply, of any shape, and throws it away.
func (r *Reader) Skip() error { return r.skip(0) }

func (r *Reader) skip(depth int) error {
	h, err := r.ReadHeader()
	if err != nil {
		return err
	}
	return r.SkipRest(h, depth)
}

// SkipRest throws away what follows the header h: a bulk's payload, an
// array's elements. depth is the number of arrays that h stands in.
func (r *Reader) SkipRest(h Header, depth int) error {
	switch {
	case h.Null():
		return nil
	case h.Kind == Bulk:
		return r.DiscardBulk(h.N)
	case h.Kind == Array:
		if depth >= MaxDepth {
			return fmt.Errorf("%w: arrays nested deeper than %d", ErrTooLarge, MaxDepth)
		}
		for range h.N {
			if err := r.skip(depth + 1); err != nil {
				return unexpected(err)
			}
		}
	}
	return nil
}

// unexpected turns the end of the stream in the middle of something into
// io.ErrUnexpectedEOF.
func unexpected(err error) error {
	if err == io.EOF { //nolint:errorlint // sources return io.EOF itself
		return io.ErrUnexpectedEOF
	}
	return err
}

// parseInt reads a decimal integer of at most 64 bits with an optional sign.
func parseInt(b []byte) (int64, bool) {
	negative := false
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		negative = b[0] == '-'
		b = b[1:]
	}
	if len(b) == 0 || len(b) > 19 {
		return 0, false
	}
	var n uint64
	for _, c := range b {
		c -= '0'
		if c > 9 {
			return 0, false
		}
		n = n*10 + uint64(c) // 19 digits fit
	}
	if negative {
		return -int64(n), n <= 1<<63
	}
	return int64(n), n <= math.MaxInt64
}
