package scan

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/redisarrow/redisarrow/internal/resp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is left of a stream without the replies to ASKING are the commands'
// replies, of any kind and size, byte for byte.
func TestAsked(t *testing.T) {
	replies := []string{
		"+OK\r\n", "-ERR no\r\n", ":-42\r\n", "$-1\r\n", "*-1\r\n", "*0\r\n", "$0\r\n\r\n", "$4\r\na\r\nb\r\n",
		"*3\r\n$1\r\na\r\n*2\r\n:1\r\n$-1\r\n+x\r\n", "$1000\r\n" + strings.Repeat("x", 1000) + "\r\n",
		"*2\r\n$9000\r\n" + strings.Repeat("y", 9000) + "\r\n$2\r\nzz\r\n",
	}
	rng := rand.New(rand.NewPCG(5, 6))
	for range 2000 {
		var wire, want string
		n := 1 + rng.IntN(4)
		for range n {
			reply := replies[rng.IntN(len(replies))]
			if rng.IntN(5) == 0 {
				wire, want = wire+"-NOPERM\r\n"+reply, want+"-NOPERM\r\n"
			} else {
				wire, want = wire+"+OK\r\n"+reply, want+reply
			}
		}
		src := io.Reader(strings.NewReader(wire + ":7\r\n"))
		if rng.IntN(2) == 0 {
			src = iotest.HalfReader(src)
		}
		conn := resp.NewReader(src, 64)
		got, err := io.ReadAll(iotest.OneByteReader(&asked{conn: conn, replies: n}))
		require.NoError(t, err)
		require.Equal(t, want, string(got))
		h, err := conn.ReadHeader()
		require.NoError(t, err)
		require.EqualValues(t, 7, h.N, "what comes after isn't touched")

		cut := rng.IntN(len(wire))
		_, err = io.ReadAll(&asked{conn: resp.NewReader(strings.NewReader(wire[:cut]), 64), replies: n})
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	}
	_, err := io.ReadAll(&asked{conn: resp.NewReader(strings.NewReader(":1\r\n:2\r\n"), 64), replies: 1})
	var protocol *resp.ProtocolError
	require.ErrorAs(t, err, &protocol)
}

// A giant behind ASKING is passed on, not held.
func TestAskedIsNotHeld(t *testing.T) {
	const size = 8 << 20
	wire := fmt.Appendf(nil, "+OK\r\n$%d\r\n", size)
	wire = append(wire, bytes.Repeat([]byte("x"), size)...)
	wire = append(wire, "\r\n+OK\r\n:-1\r\n"...)
	src := bytes.NewReader(wire)
	target := make([]byte, size)
	before := allocated()
	r := resp.NewReader(&asked{conn: resp.NewReader(src, 4<<10), replies: 2}, 4<<10)
	_, n, err := r.ReadShortBulk()
	require.NoError(t, err)
	require.EqualValues(t, size, n)
	long := r.LongBulk(n)
	_, err = io.ReadFull(long, target)
	require.NoError(t, err)
	require.NoError(t, long.Close())
	h, err := r.ReadHeader()
	require.NoError(t, err)
	require.EqualValues(t, -1, h.N)
	assert.Less(t, allocated()-before, uint64(64<<10))
	assert.Equal(t, size, bytes.Count(target, []byte("x")))
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}
