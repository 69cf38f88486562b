package scan

import (
	"strings"
	"testing"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/resp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func reading(wire string) *resp.Reader { return resp.NewReader(strings.NewReader(wire), 64) }

// queueOf is a queue of slots 0 to n-1, of which so many are counted.
func queueOf(t *testing.T, n int, counts string) *slotQueue {
	t.Helper()
	var slots cluster.SlotSet
	slots.AddRange(cluster.SlotRange{Last: uint16(n - 1)})
	q := newSlotQueue(slots, maxSlots)
	if counts != "" {
		q.most = strings.Count(counts, "\n")
		require.True(t, q.counts())
		q.askCounts(nil)
		require.NoError(t, q.receiveCounts(reading(counts)))
		q.most = maxSlots
	}
	return &q
}

// asked are the slots of a request, and the keys asked for of each.
func askedOf(taken []slotToList) (slots, keys []int) {
	for _, s := range taken {
		slots, keys = append(slots, int(s.slot)), append(keys, s.ask)
	}
	return slots, keys
}

func TestSlotQueueCounts(t *testing.T) {
	q := queueOf(t, 5, "")
	q.most = 2
	out := q.askCounts(nil)
	want := resp.AppendCommand(resp.AppendCommand(nil, "CLUSTER", "COUNTKEYSINSLOT", "0"), "CLUSTER", "COUNTKEYSINSLOT", "1")
	require.Equal(t, string(want), string(out))
	require.NoError(t, q.receiveCounts(reading(":7\r\n:0\r\n")))
	require.Equal(t, 2, q.counted)
	require.False(t, q.asking)
	require.Equal(t, 4, q.most, "more the next time")
	require.False(t, q.counts(), "not before those are listed")

	slots, keys := askedOf(q.take(1000, 1000))
	require.Equal(t, []int{0, 1}, slots, "what is counted")
	require.Equal(t, []int{7 + headroom, headroom}, keys)
	q.settle(func(*slotToList) bool { return false })
	require.True(t, q.counts())
	q.askCounts(nil)
	require.NoError(t, q.receiveCounts(reading(":1\r\n:9223372036854775807\r\n:3\r\n")))
	require.Equal(t, maxKeys, q.next[1].keys)
}

// Counts that are refused to the user, or unknown, aren't asked for again; trouble
// that may pass is.
func TestSlotQueueIsBlind(t *testing.T) {
	for wire, blind := range map[string]bool{
		":1\r\n" + noPerm + noPerm:                                true,
		strings.Repeat("-ERR unknown subcommand\r\n", 3):          true,
		":1\r\n-CLUSTERDOWN The cluster is down\r\n:2\r\n":        false,
		"-LOADING Redis is loading\r\n-LOADING x\r\n-LOADING\r\n": false,
	} {
		q := queueOf(t, 3, "")
		require.True(t, q.counts())
		q.askCounts(nil)
		err := q.receiveCounts(reading(wire))
		require.Equal(t, blind, q.blind, wire)
		require.False(t, q.asking)
		if !blind {
			refused := (*refusedError)(nil)
			require.ErrorAs(t, err, &refused, wire)
			continue
		}
		require.NoError(t, err)
		require.False(t, q.counts())
		q.guess = 40
		slots, keys := askedOf(q.take(100, 1000))
		require.Equal(t, []int{0, 1}, slots, "by a guess: about 100 keys together")
		require.Equal(t, []int{40 + 5 + headroom, 40 + 5 + headroom}, keys)
	}
	for _, wire := range []string{":1\r\n$1\r\na\r\n:1\r\n", ":-1\r\n:1\r\n:1\r\n", ":1\r\n"} {
		q := queueOf(t, 3, "")
		q.askCounts(nil)
		err := q.receiveCounts(reading(wire))
		require.Error(t, err, wire)
		refused := (*refusedError)(nil)
		require.NotErrorAs(t, err, &refused)
	}
}

func TestSlotQueueTakes(t *testing.T) {
	counts := ":10\r\n:10\r\n:300\r\n:0\r\n:5\r\n"
	for _, c := range []struct {
		budget, most int
		slots, keys  []int
	}{
		{1, 1000, []int{0}, []int{27}}, // one at least
		{10, 1000, []int{0}, []int{27}},
		{20, 1000, []int{0, 1}, []int{27, 27}},
		{319, 1000, []int{0, 1}, []int{27, 27}},
		{320, 1000, []int{0, 1, 2, 3}, []int{27, 27, 353, 16}},
		{1000, 1000, []int{0, 1, 2, 3, 4}, []int{27, 27, 353, 16, 21}},
		{1000, 20, []int{0, 1, 2, 3, 4}, []int{20, 20, 20, 16, 20}},
	} {
		q := queueOf(t, 6, counts)
		slots, keys := askedOf(q.take(c.budget, c.most))
		assert.Equal(t, c.slots, slots, "budget %d", c.budget)
		assert.Equal(t, c.keys, keys, "budget %d", c.budget)
		assert.Equal(t, len(slots), q.under)
	}
}

// What isn't finished stays, in its order, before what comes after.
func TestSlotQueueSettles(t *testing.T) {
	q := queueOf(t, 6, ":1\r\n:1\r\n:1\r\n:1\r\n:1\r\n")
	q.take(4, 100)
	require.Equal(t, 4, q.under)
	q.settle(func(s *slotToList) bool { return s.slot%2 == 1 })
	var left []int
	for _, s := range q.next {
		left = append(left, int(s.slot))
	}
	require.Equal(t, []int{1, 3, 4, 5}, left)
	require.Equal(t, 3, q.counted)
	require.Zero(t, q.under)
	for !q.ended() {
		if q.counts() {
			q.askCounts(nil)
			require.NoError(t, q.receiveCounts(reading(":1\r\n")))
		}
		q.take(100, 100)
		q.settle(func(*slotToList) bool { return false })
	}
}

// A request that was lost is asked for again, a smaller one.
func TestSlotQueueAgain(t *testing.T) {
	q := queueOf(t, 2000, "")
	sizes := []int{}
	for range 12 {
		require.True(t, q.counts())
		q.askCounts(nil)
		sizes = append(sizes, q.under)
		q.again()
		require.False(t, q.asking)
	}
	require.Equal(t, []int{2000, 256, 128, 64, 32, 16, 8, 4, 2, 1, 1, 1}, sizes)
	q.askCounts(nil)
	require.NoError(t, q.receiveCounts(reading(":5\r\n")))
	require.Equal(t, 2, q.most)
	q.take(1000, 1000)
	q.again()
	require.Equal(t, 1, q.counted, "what is known stays known")
	slots, _ := askedOf(q.take(1000, 1000))
	require.Equal(t, []int{0}, slots)
}
