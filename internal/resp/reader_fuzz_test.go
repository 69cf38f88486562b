package resp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// chunks is a source that gives n bytes at a time.
func chunks(wire []byte, n byte) io.Reader {
	src := bytes.NewReader(wire)
	return readerFunc(func(b []byte) (int, error) { return src.Read(b[:min(len(b), 1+int(n))]) })
}

var numberSyntax = regexp.MustCompile(`^[+-]?[0-9]{1,19}$`)

// slowValue reads the reply that wire begins with, and gives its size: what
// the specification says, in the plainest way.
func slowValue(wire []byte, depth int) (v Value, size int, err error) {
	line, _, found := bytes.Cut(wire, []byte("\n"))
	switch {
	case !found && len(line) > maxLine:
		return v, 0, ErrTooLarge
	case !found && len(wire) == 0:
		return v, 0, io.EOF
	case !found:
		return v, 0, io.ErrUnexpectedEOF
	case len(line) < 2 || line[len(line)-1] != '\r':
		return v, 0, errNoReply
	}
	size = len(line) + 1
	v.Kind = Kind(line[0])
	text := string(line[1 : len(line)-1])
	if v.Kind == Simple || v.Kind == Error {
		v.Text = text
		return v, size, nil
	}
	n, numberErr := strconv.ParseInt(text, 10, 64)
	if v.Kind != Integer && v.Kind != Bulk && v.Kind != Array || numberErr != nil || !numberSyntax.MatchString(text) {
		return v, 0, errNoReply
	}
	switch {
	case v.Kind == Integer:
		v.Int = n
		return v, size, nil
	case n < -1:
		return v, 0, errNoReply
	case n > math.MaxUint32 || v.Kind == Bulk && n > MaxBulk:
		return v, 0, ErrTooLarge
	case n == -1:
		v.Null = true
		return v, size, nil
	case v.Kind == Bulk:
		rest := wire[size:]
		switch {
		case int64(len(rest)) < n+2:
			return v, 0, io.ErrUnexpectedEOF
		case string(rest[n:n+2]) != "\r\n":
			return v, 0, errNoReply
		}
		v.Text = string(rest[:n])
		return v, size + int(n) + 2, nil
	case depth == MaxDepth:
		return v, 0, ErrTooLarge
	}
	v.Elems = []Value{}
	for range n {
		elem, elemSize, err := slowValue(wire[size:], depth+1)
		if err != nil {
			return v, 0, unexpected(err)
		}
		v.Elems = append(v.Elems, elem)
		size += elemSize
	}
	return v, size, nil
}

var errNoReply = errors.New("not a reply")

// sameEnd compares errors by their sort.
func sameEnd(t *testing.T, want, got error) {
	t.Helper()
	if errors.Is(want, errNoReply) {
		var protocol *ProtocolError
		require.ErrorAs(t, got, &protocol)
		return
	}
	require.ErrorIs(t, got, want)
}

// Whatever comes, in whatever pieces, each way to read it gives what the slow
// reader gives, stops where that stops, and fails when it fails.
func FuzzReadValue(f *testing.F) {
	for _, wire := range []string{
		"+OK\r\n", "-ERR x\r\n", ":1\r\n:-9223372036854775808\r\n:+5\r\n", "$3\r\nabc\r\n$0\r\n\r\n", "$-1\r\n*-1\r\n*0\r\n", "*2\r\n:1\r\n*1\r\n$-1\r\n",
		"$9000000000000000000\r\n", "*4294967296\r\n", "$1073741825\r\n", ":9223372036854775808\r\n", "$00000000000000003\r\nabc\r\n", "$3\r\nabcd\r\n", ":\r\n", "+a\r\n$\r\n\r\n", "+a\nb\r\n",
		"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n+x\r\n",
		"+" + string(bytes.Repeat([]byte("x"), 200)) + "\r\n$200\r\n" + string(bytes.Repeat([]byte("\r\n"), 100)) + "\r\n:1\r\n",
	} {
		f.Add([]byte(wire), byte(0), uint64(0))
		f.Add([]byte(wire), byte(60), uint64(0x1b1b1b1b1b1b1b1b))
		f.Add([]byte(wire), byte(200), ^uint64(0))
	}
	f.Fuzz(func(t *testing.T, wire []byte, chunk byte, plan uint64) {
		r := NewReader(chunks(wire, chunk), 64)
		rest := wire
		for {
			want, size, wantErr := slowValue(rest, 0)
			got, err := Value{}, error(nil)
			how := plan % 4
			plan = plan>>2 | plan<<62
			switch how {
			case 0:
				got, err = r.ReadValue()
			case 1:
				err = r.Skip()
			case 2:
				got, err = readParts(r, false)
			case 3:
				got, err = readParts(r, true)
			}
			if wantErr != nil {
				sameEnd(t, wantErr, err)
				return
			}
			require.NoError(t, err)
			if how != 1 {
				require.Equal(t, want, got)
				again, err := NewReader(bytes.NewReader(AppendValue(nil, got)), 64).ReadValue()
				require.NoError(t, err)
				require.Equal(t, got, again, "written, and read again")
			}
			rest = rest[size:]
			require.Equal(t, int64(len(wire)-len(rest)), r.BytesRead())
			if len(rest) == 0 {
				require.Zero(t, r.Buffered())
			}
		}
	})
}

// readParts reads as the decoders do: header by header, elements that are bulk
// strings in one go, and bulk strings piece by piece if asked to.
func readParts(r *Reader, pieces bool) (Value, error) {
	h, err := r.ReadHeader()
	if err != nil {
		return Value{}, err
	}
	v := Value{Kind: h.Kind, Null: h.Null()}
	switch {
	case v.Null:
	case h.Kind == Integer:
		v.Int = h.N
	case h.Kind == Bulk:
		v.Text, err = readPayload(r, h.N, pieces)
	case h.Kind == Array:
		v.Elems = []Value{}
		for range h.N {
			elem, err := readElement(r, pieces)
			if err != nil {
				return v, unexpected(err)
			}
			v.Elems = append(v.Elems, elem)
		}
	default:
		v.Text = string(h.Line)
	}
	return v, err
}

// readElement reads an element of an array.
func readElement(r *Reader, pieces bool) (Value, error) {
	next := r.buf[r.r:r.w]
	if len(next) == 0 || Kind(next[0]) != Bulk {
		room := int64(MaxAnswer)
		return r.readValue(1, &room)
	}
	if !pieces {
		payload, ok, err := r.ReadBulkReply()
		return Value{Kind: Bulk, Null: err == nil && !ok, Text: string(payload)}, err
	}
	payload, n, err := r.ReadShortBulk()
	v := Value{Kind: Bulk, Null: n < 0, Text: string(payload)}
	if err == nil && n > int64(len(payload)) {
		v.Text, err = readPayload(r, n, pieces)
	}
	return v, err
}

func readPayload(r *Reader, n int64, pieces bool) (string, error) {
	if !pieces {
		payload, err := r.ReadBulk(n)
		return string(payload), err
	}
	long := r.LongBulk(n)
	begin := string(long.Peek(int(n % 80)))
	var text []byte
	piece := make([]byte, 1+n%130)
	for {
		n, err := long.Read(piece)
		text = append(text, piece[:n]...)
		if err != nil {
			break
		}
	}
	err := long.Close()
	if err == nil && (int64(len(text)) != n || !bytes.HasPrefix(text, []byte(begin))) {
		return "", fmt.Errorf("%d bytes instead of %d, %q before", len(text), n, begin)
	}
	return string(text), err
}

// A command is read as the array of bulk strings that it is, and nothing else
// is a command. What was read before is still there when the last argument is.
func FuzzReadCommand(f *testing.F) {
	f.Add(AppendCommand(AppendCommand(nil, "SET", "key", string(make([]byte, 100))), "GET", ""), byte(0))
	f.Add([]byte("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*1\r\n$-1\r\n"), byte(7))
	f.Add([]byte("PING\r\n"), byte(0))
	f.Add([]byte("*1048577\r\n"), byte(0))
	f.Fuzz(func(t *testing.T, wire []byte, chunk byte) {
		r := NewReader(chunks(wire, chunk), 64)
		var args [][]byte
		rest := wire
		for {
			want, size, wantErr := slowValue(rest, 0)
			var err error
			args, err = r.ReadCommand(args)
			for _, elem := range want.Elems {
				if elem.Kind != Bulk || elem.Null {
					wantErr = errNoReply
				}
			}
			if wantErr != nil || want.Kind != Array || len(want.Elems) == 0 {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			require.Len(t, args, len(want.Elems))
			for i, elem := range want.Elems {
				require.Equal(t, elem.Text, string(args[i]), fmt.Sprint(i))
			}
			rest = rest[size:]
			require.Equal(t, int64(len(wire)-len(rest)), r.BytesRead())
		}
	})
}
