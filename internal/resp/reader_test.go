package resp

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func read(t *testing.T, wire string) (Value, error) {
	t.Helper()
	return NewReader(strings.NewReader(wire), 64).ReadValue()
}

func TestReadValue(t *testing.T) {
	for _, c := range []struct {
		wire string
		want Value
	}{
		{"+OK\r\n", Value{Kind: Simple, Text: "OK"}},
		{"+\r\n", Value{Kind: Simple}},
		{"-MOVED 3999 127.0.0.1:6381\r\n", Value{Kind: Error, Text: "MOVED 3999 127.0.0.1:6381"}},
		{":-42\r\n", Value{Kind: Integer, Int: -42}},
		{":9223372036854775807\r\n", Value{Kind: Integer, Int: 9223372036854775807}},
		{":-9223372036854775808\r\n", Value{Kind: Integer, Int: -9223372036854775808}},
		{"$5\r\na\r\nbc\r\n", Value{Kind: Bulk, Text: "a\r\nbc"}},
		{"$0\r\n\r\n", Value{Kind: Bulk}},
		{"$-1\r\n", Value{Kind: Bulk, Null: true}},
		{"*-1\r\n", Value{Kind: Array, Null: true}},
		{"*0\r\n", Value{Kind: Array, Elems: []Value{}}},
		{"*2\r\n:1\r\n*1\r\n$-1\r\n", Value{Kind: Array, Elems: []Value{
			{Kind: Integer, Int: 1}, {Kind: Array, Elems: []Value{{Kind: Bulk, Null: true}}},
		}}},
	} {
		got, err := read(t, c.wire)
		require.NoError(t, err, "%q", c.wire)
		assert.Equal(t, c.want, got, "%q", c.wire)
	}
}

func TestMalformed(t *testing.T) {
	for _, wire := range []string{
		"\r\n", "x\r\n", "OK\r\n", "+OK\n", ":\r\n", ":1x\r\n", ":--1\r\n", ": 1\r\n", ":9223372036854775808\r\n",
		":99999999999999999999\r\n", "$-2\r\n", "*-2\r\n", "$x\r\n", "$3\r\nabcd\r\n", "$3\r\nabc\n\n", "$1\r\nabc\r\n",
		"%1\r\n+a\r\n+b\r\n", "_\r\n", "\x00",
	} {
		_, err := read(t, wire+strings.Repeat("\r\n", 2))
		var protocol *ProtocolError
		assert.ErrorAs(t, err, &protocol, "%q", wire)
	}
}

func TestLimits(t *testing.T) {
	for name, wire := range map[string]string{
		"bulk of 9 quintillion":  "$9000000000000000000\r\nabc",
		"array of 9 quintillion": "*9000000000000000000\r\n:1\r\n",
		"nesting":                strings.Repeat("*1\r\n", MaxDepth+1) + ":1\r\n",
		"line":                   "+" + strings.Repeat("x", maxLine+1),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(t, wire)
			require.ErrorIs(t, err, ErrTooLarge)
			require.ErrorIs(t, NewReader(strings.NewReader(wire), 64).Skip(), ErrTooLarge)
		})
	}
}

// A length that lies costs as much memory as bytes arrive, not as it says.
func TestLyingLengthDoesNotAllocate(t *testing.T) {
	r := NewReader(strings.NewReader("$1000000000\r\nabc"), 64)
	h, err := r.ReadHeader()
	require.NoError(t, err)
	_, err = r.ReadBulk(h.N)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.LessOrEqual(t, len(r.buf), 128)

	_, err = read(t, "*4000000000\r\n:1\r\n")
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

func TestLargeBulkIsLetGo(t *testing.T) {
	wire := AppendBulk(nil, bytes.Repeat([]byte("x"), 100_000))
	wire = AppendInt(AppendInt(wire, 1), 2)
	r := NewReader(iotest.HalfReader(bytes.NewReader(wire)), 64)
	b, ok, err := r.ReadBulkReply()
	require.NoError(t, err)
	require.True(t, ok)
	assert.Len(t, b, 100_000)
	for range 2 {
		_, err = r.ReadHeader()
		require.NoError(t, err)
	}
	_, err = r.ReadHeader()
	require.ErrorIs(t, err, io.EOF)
	assert.Len(t, r.buf, 64)
}

// Wherever a reply is cut, it is an error, and never a shorter reply.
func TestTruncated(t *testing.T) {
	for _, wire := range []string{
		"+OK\r\n", "-ERR no\r\n", ":12345\r\n", "$5\r\na\r\nbc\r\n", "*2\r\n$1\r\na\r\n*2\r\n:1\r\n$-1\r\n",
	} {
		for cut := range len(wire) {
			for name, parse := range map[string]func(*Reader) error{
				"value": func(r *Reader) error { _, err := r.ReadValue(); return err },
				"skip":  (*Reader).Skip,
			} {
				err := parse(NewReader(strings.NewReader(wire[:cut]), 64))
				if cut == 0 {
					require.Equal(t, io.EOF, err, name)
					continue
				}
				require.ErrorIs(t, err, io.ErrUnexpectedEOF, "%s of %q", name, wire[:cut])
			}
		}
	}
}

func TestSourceThatReturnsNothing(t *testing.T) {
	_, err := NewReader(readerFunc(func([]byte) (int, error) { return 0, nil }), 64).ReadHeader()
	require.ErrorIs(t, err, io.ErrNoProgress)
	_, err = NewReader(readerFunc(func(b []byte) (int, error) { return len(b) + 1, nil }), 64).ReadHeader()
	require.Error(t, err)
	broken := errors.New("broken")
	_, err = NewReader(iotest.ErrReader(broken), 64).ReadHeader()
	require.ErrorIs(t, err, broken)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// randomValue makes any reply.
func randomValue(rng *rand.Rand, depth int) Value {
	text := func() string {
		b := make([]byte, rng.IntN(200))
		for i := range b {
			b[i] = "ab\r\n$*:\x00\xff"[rng.IntN(9)]
		}
		return string(b)
	}
	switch k := rng.IntN(7); {
	case k == 0:
		return Value{Kind: Simple, Text: "OK"}
	case k == 1:
		return Value{Kind: Error, Text: "ERR it"}
	case k == 2:
		return Value{Kind: Integer, Int: int64(rng.Uint64())}
	case k == 3:
		return Value{Kind: Bulk, Null: true}
	case k == 4 || depth > 3:
		return Value{Kind: Bulk, Text: text()}
	default:
		elems := make([]Value, rng.IntN(5))
		for i := range elems {
			elems[i] = randomValue(rng, depth+1)
		}
		return Value{Kind: Array, Elems: elems}
	}
}

// Whatever is written is read back, however the stream is chopped, and
// skipping ends where reading does.
func TestRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var wire []byte
		values := make([]Value, 1+rng.IntN(5))
		for i := range values {
			values[i] = randomValue(rng, 0)
			wire = AppendValue(wire, values[i])
		}
		chopped := readerFunc(nil)
		rest := wire
		chopped = func(b []byte) (int, error) {
			if len(rest) == 0 {
				return 0, io.EOF
			}
			n := copy(b, rest[:1+rng.IntN(min(len(rest), 40))])
			rest = rest[n:]
			return n, nil
		}
		r := NewReader(chopped, 64)
		for i, want := range values {
			if rng.IntN(3) == 0 {
				require.NoError(t, r.Skip())
				continue
			}
			got, err := r.ReadValue()
			require.NoError(t, err)
			require.Equal(t, want, got, "value %d", i)
		}
		require.Equal(t, int64(len(wire)), r.BytesRead())
		_, err := r.ReadHeader()
		require.Equal(t, io.EOF, err)
	}
}

func TestReadBulkReply(t *testing.T) {
	r := NewReader(strings.NewReader("$3\r\nabc\r\n$0\r\n\r\n$-1\r\n:1\r\n"), 64)
	b, ok, err := r.ReadBulkReply()
	require.NoError(t, err)
	assert.True(t, ok)
	assert.Equal(t, "abc", string(b))
	b, ok, err = r.ReadBulkReply()
	require.NoError(t, err)
	assert.True(t, ok)
	assert.Empty(t, b)
	_, ok, err = r.ReadBulkReply()
	require.NoError(t, err)
	assert.False(t, ok)
	_, _, err = r.ReadBulkReply()
	var protocol *ProtocolError
	require.ErrorAs(t, err, &protocol)
}

func TestReadCommand(t *testing.T) {
	big := strings.Repeat("x", 1000)
	wire := AppendCommand(nil, "SET", "k", big)
	wire = AppendCommand(wire, "GET", "")
	r := NewReader(iotest.OneByteReader(bytes.NewReader(wire)), 64)
	args, err := r.ReadCommand(nil)
	require.NoError(t, err)
	require.Equal(t, [][]byte{[]byte("SET"), []byte("k"), []byte(big)}, args)
	args, err = r.ReadCommand(args)
	require.NoError(t, err)
	require.Equal(t, [][]byte{[]byte("GET"), {}}, args)
	_, err = r.ReadCommand(args)
	require.Equal(t, io.EOF, err)
	for _, bad := range []string{"PING\r\n", "*0\r\n", "*-1\r\n", "*1\r\n:1\r\n", "*1\r\n$-1\r\n", "*2000000\r\n"} {
		_, err = NewReader(strings.NewReader(bad), 64).ReadCommand(nil)
		require.Error(t, err, bad)
	}
}

// Reading data allocates nothing.
func TestNoAllocations(t *testing.T) {
	var wire []byte
	for range 100 {
		wire = AppendArray(wire, 2)
		wire = AppendBulkString(wire, "name")
		wire = AppendBulkString(wire, "Alice")
		wire = AppendInt(wire, -1)
	}
	src := bytes.NewReader(wire)
	r := NewReader(src, 1<<10)
	allocs := testing.AllocsPerRun(10, func() {
		src.Reset(wire)
		for range 100 {
			if h, err := r.ReadHeader(); err != nil || h.N != 2 {
				t.Fatal(h, err)
			}
			for range 2 {
				if _, ok, err := r.ReadBulkReply(); !ok || err != nil {
					t.Fatal(err)
				}
			}
			if h, err := r.ReadHeader(); err != nil || h.N != -1 {
				t.Fatal(h, err)
			}
		}
	})
	assert.Zero(t, allocs)
}

// What a server calls an error goes to terminals and logs.
func TestReplyErrorIsShown(t *testing.T) {
	for text, want := range map[string]string{
		"ERR no":                   "ERR no",
		"":                         "an error without a text",
		" ":                        "an error without a text",
		"ERR \x1b[31m\x00ü":        "ERR \uFFFD[31m\uFFFDü",
		strings.Repeat("x", 60000): strings.Repeat("x", 500) + "…",
	} {
		require.Equal(t, want, (&ReplyError{Text: text}).Error())
	}
}
