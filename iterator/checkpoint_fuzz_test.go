package iterator

import (
	"bytes"
	"crypto/sha256"
	"testing"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/stretchr/testify/require"
)

// What can be read is read back the same, and nothing that can't makes trouble.
// The checksum is put right, otherwise nothing would come behind it.
func FuzzParseCheckpoint(f *testing.F) {
	c := &checkpoint{
		terms: terms{Kind: "hash", Pattern: "user:*", Schema: "_key:key", OnParseError: "fail"},
		Rows:  7, Seed: 1 << 63, Nodes: []string{"a", "b"}, keys: map[uint16][]uint64{1: {1, 2, 3}, 16383: {4}},
	}
	c.Done.AddRange(cluster.SlotRange{First: 5, Last: 99})
	whole, err := c.marshal()
	require.NoError(f, err)
	f.Add(whole[:len(whole)-sha256.Size])
	f.Add([]byte("redisarrow-checkpoint 1\n{}\n"))
	f.Add([]byte("redisarrow-checkpoint 1\n{\"partial\":[{\"slot\":1,\"keys\":1}]}\n12345678"))
	f.Add([]byte("redisarrow-checkpoint 1\n{\"partial\":[{\"slot\":1,\"keys\":0},{\"slot\":1,\"keys\":-1}],\"done\":\"0-16383\"}\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		_, _ = parseCheckpoint(body)
		sum := sha256.Sum256(body)
		first, err := parseCheckpoint(append(bytes.Clone(body), sum[:]...))
		if err != nil {
			require.ErrorIs(t, err, ErrCheckpoint)
			return
		}
		again, err := first.marshal()
		require.NoError(t, err)
		second, err := parseCheckpoint(again)
		require.NoError(t, err)
		require.Equal(t, first.keys, second.keys)
		require.Equal(t, first.Done, second.Done)
		require.Equal(t, first.terms, second.terms)
	})
}
