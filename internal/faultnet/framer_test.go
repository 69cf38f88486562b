package faultnet

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/resp"
)

// Messages end where the package that reads them says, however the stream is
// chopped.
func TestFramer(t *testing.T) {
	messages := []string{
		"+OK\r\n", "-ERR no\r\n", ":-17\r\n", "$-1\r\n", "*-1\r\n", "*0\r\n", "$0\r\n\r\n", "$7\r\n*1\r\n$9\n\r\n",
		"*2\r\n$1\r\n0\r\n*2\r\n$1\r\na\r\n*0\r\n", "*3\r\n*1\r\n*1\r\n:1\r\n$-1\r\n*-1\r\n",
		"+" + strings.Repeat("long ", 20) + "\r\n", string(resp.AppendCommand(nil, "CLUSTER", "NODES")),
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var stream string
		var want, got []int
		for range 20 {
			stream += messages[r.IntN(len(messages))]
		}
		reader := resp.NewReader(strings.NewReader(stream), 64)
		for reader.BytesRead() < int64(len(stream)) {
			require.NoError(t, reader.Skip())
			want = append(want, int(reader.BytesRead()))
		}
		var f framer
		at := 0
		for at < len(stream) {
			chunk := []byte(stream[at:min(at+1+r.IntN(30), len(stream))])
			for len(chunk) > 0 {
				n, ended := f.next(chunk)
				require.Positive(t, n)
				at += n
				chunk = chunk[n:]
				if ended {
					f.begin()
					got = append(got, at)
				}
			}
		}
		require.Equal(t, want, got)
		require.False(t, f.lost)
	}
}

func TestFramerLost(t *testing.T) {
	for _, stream := range []string{"\x16\x03\x01\x02\x00\n", "$x\r\n", "*1x\r\n", "%1\r\n", "\n"} {
		var f framer
		n, ended := f.next([]byte(stream + "rest"))
		assert.Equal(t, len(stream)+4, n, "%q", stream)
		assert.False(t, ended)
		assert.True(t, f.lost, "%q", stream)
	}
}

func TestCommandOf(t *testing.T) {
	for want, args := range map[string][]string{
		"GET":            {"get", "key"},
		"CLUSTER NODES":  {"CLUSTER", "nodes"},
		"CLIENT SETNAME": {"client", "setname", "x"},
		"PING":           {"PING"},
	} {
		for piece := 1; piece < 9; piece++ {
			var f framer
			wire := resp.AppendCommand(nil, args...)
			for len(wire) > 0 {
				n, ended := f.next(wire[:min(piece, len(wire))])
				wire = wire[n:]
				assert.Equal(t, len(wire) == 0, ended)
			}
			assert.Equal(t, want, commandOf(&f), fmt.Sprint(piece))
		}
	}
}
