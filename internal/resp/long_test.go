package resp

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// randomText is n bytes, line ends among them.
func randomText(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = "abc\r\n$*\x00"[rng.IntN(8)]
	}
	return b
}

// A payload comes out as it is, however the stream is chopped and whatever
// pieces are asked for, and the stream goes on behind it.
func TestLongBulk(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 1000 {
		size := 62 + rng.IntN(1000) // at times it fits
		want := randomText(rng, size)
		wire := AppendInt(AppendBulk(AppendInt(nil, 1), want), 2)
		src := io.Reader(bytes.NewReader(wire))
		switch rng.IntN(3) {
		case 0:
			src = iotest.OneByteReader(src)
		case 1:
			src = iotest.HalfReader(src)
		}
		r := NewReader(src, 64)
		_, err := r.ReadHeader()
		require.NoError(t, err)
		payload, n, err := r.ReadShortBulk()
		require.NoError(t, err)
		require.EqualValues(t, size, n)
		if size <= 62 {
			require.Equal(t, want, payload)
		} else {
			require.Nil(t, payload)
			long := r.LongBulk(n)
			peek := rng.IntN(64)
			require.Equal(t, want[:peek], long.Peek(peek))
			var got []byte
			stop := rng.IntN(2 * size) // give up there, in half of the cases
			for len(got) < min(size, stop) {
				piece := make([]byte, 1+rng.IntN(200))
				k, err := long.Read(piece)
				require.NoError(t, err)
				require.Positive(t, k)
				got = append(got, piece[:k]...)
			}
			require.Equal(t, string(want[:len(got)]), string(got))
			if len(got) == size {
				_, err = long.Read(make([]byte, 1))
				require.Equal(t, io.EOF, err)
				require.Empty(t, long.Peek(10))
			}
			require.NoError(t, long.Close())
			require.Len(t, r.buf, 64)
		}
		h, err := r.ReadHeader()
		require.NoError(t, err)
		require.EqualValues(t, 2, h.N)
		require.Equal(t, int64(len(wire)), r.BytesRead())
	}
}

func TestLongBulkIsCut(t *testing.T) {
	wire := AppendBulk(nil, bytes.Repeat([]byte("x"), 300))
	for cut := len("$300\r\n"); cut < len(wire); cut++ {
		r := NewReader(iotest.HalfReader(bytes.NewReader(wire[:cut])), 64)
		_, n, err := r.ReadShortBulk()
		require.NoError(t, err)
		long := r.LongBulk(n)
		_, err = io.ReadFull(long, make([]byte, 300))
		if cut < len("$300\r\n")+300 {
			require.Equal(t, io.ErrUnexpectedEOF, err)
		} else {
			require.NoError(t, err)
		}
		require.Equal(t, io.ErrUnexpectedEOF, long.Close())
		long = NewReader(bytes.NewReader(wire[len("$300\r\n"):cut]), 64).LongBulk(300)
		require.LessOrEqual(t, len(long.Peek(64)), cut)
		require.Equal(t, io.ErrUnexpectedEOF, long.Close())
	}
	broken := errors.New("broken")
	long := NewReader(iotest.ErrReader(broken), 64).LongBulk(300)
	_, err := long.Read(make([]byte, 300))
	require.Equal(t, broken, err)
	require.Equal(t, broken, long.Close())

	r := NewReader(strings.NewReader(strings.Repeat("x", 302)), 64)
	var protocol *ProtocolError
	require.ErrorAs(t, r.LongBulk(300).Close(), &protocol, "no line end")
}

// The buffer of a large bulk isn't held while the next one goes past it.
func TestLongBulkBehindLargeBuffer(t *testing.T) {
	r := NewReader(strings.NewReader(strings.Repeat("x", 1000)+"\r\n"+strings.Repeat("y", 500)), 64)
	_, err := r.ReadBulk(1000)
	require.NoError(t, err)
	n, err := r.LongBulk(500).Read(make([]byte, 300))
	require.NoError(t, err)
	assert.Equal(t, 300, n)
	assert.Len(t, r.buf, 64)
}

func TestReadShortBulk(t *testing.T) {
	r := NewReader(strings.NewReader("$3\r\nabc\r\n$0\r\n\r\n$-1\r\n:1\r\n"), 64)
	for _, want := range []string{"abc", ""} {
		payload, n, err := r.ReadShortBulk()
		require.NoError(t, err)
		assert.Equal(t, want, string(payload))
		assert.EqualValues(t, len(want), n)
	}
	_, n, err := r.ReadShortBulk()
	require.NoError(t, err)
	assert.EqualValues(t, -1, n)
	_, n, err = r.ReadShortBulk()
	var protocol *ProtocolError
	require.ErrorAs(t, err, &protocol)
	assert.EqualValues(t, -1, n)
}

// A large bulk takes little more than its own size, also while the buffer
// grows for it; past the buffer it takes nothing.
func TestLongBulkMemory(t *testing.T) {
	const size = 64 << 20
	wire := func() *Reader {
		x := strings.NewReader(strings.Repeat("x", 1<<20))
		var parts []io.Reader
		for range size >> 20 {
			parts = append(parts, x, seeker{x})
		}
		return NewReader(io.MultiReader(append(parts, strings.NewReader("\r\n"))...), 64<<10)
	}
	r := wire()
	before := allocated()
	payload, err := r.ReadBulk(size)
	require.NoError(t, err)
	assert.Len(t, payload, size)
	assert.Less(t, allocated()-before, uint64(size+size/10))

	r = wire()
	target := make([]byte, size)
	before = allocated()
	long := r.LongBulk(size)
	_, err = io.ReadFull(long, target)
	require.NoError(t, err)
	require.NoError(t, long.Close())
	assert.Less(t, allocated()-before, uint64(64<<10))
}

// seeker ends at once, and makes another reader begin again.
type seeker struct{ r *strings.Reader }

func (s seeker) Read([]byte) (int, error) {
	_, _ = s.r.Seek(0, io.SeekStart)
	return 0, io.EOF
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

func TestBelieved(t *testing.T) {
	for _, c := range []struct{ want, have, size int }{
		{100, 64, 100},
		{1024, 64, 1024},
		{1025, 64, 1025}, // 1025/16 is 64
		{1040, 64, 65},
		{1 << 30, 64 << 10, 256 << 10},
		{1 << 30, 256 << 10, 4 << 20},
		{1 << 30, 4 << 20, 64 << 20},
		{1 << 30, 64 << 20, 1 << 30},
	} {
		assert.Equal(t, c.size, believed(c.want, c.have), "%d of %d", c.have, c.want)
	}
	for want := 65; want < 100_000; want += 37 {
		steps := 0
		for have := 64; have < want; steps++ {
			next := believed(want, have)
			require.Greater(t, next, have)
			require.LessOrEqual(t, next, (have+1)*trust)
			have = next
		}
		require.LessOrEqual(t, steps, 4)
	}
}
