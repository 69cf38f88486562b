package scan

import (
	"io"

	"github.com/redisarrow/redisarrow/internal/resp"
)

// asked is the stream of the replies to some commands without those to the
// ASKING in front of each: a decoder knows nothing of them. It passes bytes
// on as they come, however large a reply is. Where ASKING itself was refused,
// its reply stands for the command's.
type asked struct {
	conn    *resp.Reader
	replies int // still to come
	inside  int // elements of the reply under way still to come, itself at first
	head    []byte
	bulk    *resp.LongBulk // the payload under way
}

func (a *asked) Read(p []byte) (int, error) {
	for {
		if len(a.head) > 0 {
			n := copy(p, a.head)
			a.head = a.head[n:]
			return n, nil
		}
		if a.bulk != nil {
			n, err := a.bulk.Read(p)
			if err == nil || err != io.EOF { //nolint:errorlint // io.EOF itself is the payload's end
				return n, err
			}
			if err := a.bulk.Close(); err != nil {
				return 0, err
			}
			a.bulk, a.head = nil, append(a.head[:0], "\r\n"...)
			continue
		}
		if err := a.next(); err != nil {
			return 0, err
		}
	}
}

// next reads the next header.
func (a *asked) next() error {
	if a.inside > 0 {
		h, err := a.conn.ReadHeader()
		if err != nil {
			return noEOF(err)
		}
		a.inside--
		a.pass(h)
		return nil
	}
	if a.replies == 0 {
		return io.EOF
	}
	h, err := a.conn.ReadHeader()
	if err != nil {
		return noEOF(err)
	}
	a.replies--
	switch h.Kind {
	case resp.Simple:
		a.inside = 1
		return nil
	case resp.Error:
		a.pass(h)
		return noEOF(a.conn.Skip())
	default:
		return resp.Unexpected(h, "ASKING's OK")
	}
}

// pass passes a header on, and what follows it.
func (a *asked) pass(h resp.Header) {
	a.head = resp.AppendHeader(a.head[:0], h)
	switch {
	case h.Null():
	case h.Kind == resp.Bulk:
		a.bulk = a.conn.LongBulk(h.N)
	case h.Kind == resp.Array:
		a.inside += int(h.N)
	}
}

// noEOF makes the end of the stream an unexpected one: more was to come.
func noEOF(err error) error {
	if err == io.EOF { //nolint:errorlint // readers return io.EOF itself
		return io.ErrUnexpectedEOF
	}
	return err
}
