package resp

import "io"

// LongBulk is the payload of a bulk string that is too long for the reader's
// buffer. It is read past the buffer, straight to where its user wants it, so
// that the longest value is in memory once.
type LongBulk struct {
	r    *Reader
	left int64 // bytes of the payload not read
	err  error // what ended the stream
}

// Long reports whether a payload of n bytes is longer than the buffer, so that
// ReadBulk would have to make a larger one for it.
func (r *Reader) Long(n int64) bool { return n > int64(len(r.base))-2 }

// LongBulk begins to read the n bytes that a Bulk header announced. Close must
// be called before anything else is read.
func (r *Reader) LongBulk(n int64) *LongBulk {
	r.long = LongBulk{r: r, left: n}
	return &r.long
}

// Peek returns the next n bytes without taking them, fewer if the payload has
// no more, or the stream fails. They are valid until the next read.
func (b *LongBulk) Peek(n int) []byte {
	r := b.r
	n = int(min(int64(n), int64(len(r.base)), b.left))
	for r.w-r.r < n && b.err == nil {
		b.err = unexpected(r.fill(n))
	}
	return r.buf[r.r : r.r+min(n, r.w-r.r)]
}

// Read implements [io.Reader]; the end of the payload is io.EOF, that of the
// stream is io.ErrUnexpectedEOF.
func (b *LongBulk) Read(p []byte) (n int, err error) {
	if b.err != nil {
		return 0, b.err
	}
	if b.left == 0 {
		return 0, io.EOF
	}
	r := b.r
	p = p[:min(int64(len(p)), b.left)]
	switch {
	case len(p) == 0:
		return 0, nil
	case r.r < r.w:
		n = copy(p, r.buf[r.r:r.w])
		r.r += n
	case len(p) < len(r.base):
		// Reading on, beyond the payload maybe, spares small reads.
		if b.err = unexpected(r.fill(1)); b.err == nil {
			n = copy(p, r.buf[r.r:r.w])
			r.r += n
		}
	default:
		r.shrink()
		n, err = r.read(p)
		b.err = unexpected(err)
	}
	b.left -= int64(n)
	return n, b.err
}

// Close throws away what is left of the payload, and reads the line end. Its
// error is that of the stream, also one that Read has returned before.
func (b *LongBulk) Close() error {
	if b.err == nil {
		b.err = b.r.DiscardBulk(b.left)
	}
	b.left = 0
	return b.err
}
