package scan

import (
	"strings"
	"testing"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/resp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The first cursor of each slot is routed to it.
func TestFirstCursors(t *testing.T) {
	for slot := range uint16(cluster.Slots) {
		cursor := string(appendFirstCursor(nil, slot))
		require.Equal(t, slot, cluster.Slot([]byte(cursor)), cursor)
		require.True(t, strings.HasPrefix(cursor, "0-{redisarrow:") && strings.HasSuffix(cursor, "}-0"), cursor)
		require.Equal(t, 2, strings.Count(cursor, "-"), "three parts, as the server wants them")
		require.Less(t, len(slotTags()[slot]), 20)
	}
}

func TestSlotRefused(t *testing.T) {
	for text, want := range map[string]error{
		"MOVED 5 10.0.0.1:6379":            errMoved,
		"ASK 5 10.0.0.1:6379":              errMigrating,
		"CLUSTERDOWN Hash slot not served": errTest, // itself
		"LOADING Redis is loading":         nil,
		"NOPERM User has no permissions":   nil,
		"ERR unknown command":              nil,
		"NOAUTH Authentication required.":  nil,
		"":                                 nil,
	} {
		refused := &refusedError{clusterScanCommand, &resp.ReplyError{Text: text}}
		got := slotRefused(refused)
		if want == errTest { //nolint:errorlint // a mark
			want = refused
		}
		assert.Equal(t, want, got, text)
	}
}

func TestSameProcess(t *testing.T) {
	assert.True(t, sameProcess("1go3>T-{460}-16389", "1go3>T-{460}-32773"))
	assert.False(t, sameProcess("1go3>T-{460}-16389", "1go3>U-{460}-32773"))
	assert.False(t, sameProcess("0-{460}-0", "1go3>T-{460}-16389"))
}

// clusterScanOf is a CLUSTERSCAN of slots 0 to n-1, counted already.
func clusterScanOf(n int) *clusterScan {
	var slots cluster.SlotSet
	slots.AddRange(cluster.SlotRange{Last: uint16(n - 1)})
	pages := newPager(1000, 1000)
	w := newClusterScan(&Scan{maxPageKeys: 100}, &pages, slots)
	w.counted = n
	for i := range w.next {
		w.next[i].keys = 5
	}
	return w
}

func TestClusterScanReceives(t *testing.T) {
	page1 := func(cursor string, keys ...string) string {
		out := resp.AppendArray(nil, 2)
		out = resp.AppendBulkString(out, cursor)
		return string(appendKeys(out, keys))
	}
	w := clusterScanOf(5)
	w.ask(nil)
	require.Equal(t, 5, w.under)
	pg := &page{}
	pc, err := w.receive(reading(page1("0", "a", "b")+"-MOVED 1 x:1\r\n"+page1("p-{x}-7", "c")+"-LOADING soon\r\n-ASK 4 x:1\r\n"), pg)
	require.NoError(t, err)
	assert.Equal(t, "0", pc.done.String())
	assert.Equal(t, 3, pg.len())
	require.NotNil(t, pc.trouble)
	assert.Equal(t, "LOADING", pc.trouble.reply.Code())
	require.Len(t, pc.doubts, 2)
	assert.Equal(t, errMoved, pc.doubts[0].Err)
	assert.Equal(t, errMigrating, pc.doubts[1].Err)

	slots := []uint16{w.next[0].slot, w.next[1].slot}
	require.Equal(t, []uint16{2, 3}, slots, "the one that goes on, and the one to be asked again")
	require.Len(t, w.next, 2)
	out := string(w.ask(nil))
	assert.Contains(t, out, "p-{x}-7")
	assert.Contains(t, out, string(appendFirstCursor(nil, 3)))
	pc, err = w.receive(reading(page1("q-{x}-9", "d")+page1("p-{y}-1")), &page{})
	require.NoError(t, err)
	require.Len(t, pc.doubts, 1)
	assert.Equal(t, errRestarted, pc.doubts[0].Err)
	assert.Equal(t, "2", pc.doubts[0].Slots.String())
	require.Len(t, w.next, 1)
	w.ask(nil)
	pc, err = w.receive(reading(page1("0")), &page{})
	require.NoError(t, err)
	assert.Equal(t, "3", pc.done.String())
	assert.True(t, w.ended())
}

// whole looks at what a request has come to: each slot that was asked about is done,
// doubted, still to be listed, or left over, once.
func whole(t *testing.T, asked []slotToList, pc piece, q *slotQueue, large cluster.SlotSet) {
	t.Helper()
	places := map[uint16]int{}
	count := func(s cluster.SlotSet) {
		for slot := range s.All() {
			places[slot]++
		}
	}
	count(pc.done)
	count(large)
	for _, d := range pc.doubts {
		require.Error(t, d.Err)
		count(d.Slots)
	}
	for _, s := range q.next {
		places[s.slot]++
	}
	for _, s := range asked {
		require.Equal(t, 1, places[s.slot], "slot %d", s.slot)
	}
}

// FuzzClusterScan: whatever comes, a slot isn't lost, nor done twice.
func FuzzClusterScan(f *testing.F) {
	f.Add([]byte("*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n-MOVED 1 x:1\r\n*2\r\n$7\r\np-{x}-7\r\n*0\r\n"))
	f.Add([]byte("-LOADING\r\n-ASK 1 x:1\r\n-CLUSTERDOWN\r\n"))
	f.Add([]byte("*2\r\n$-1\r\n*0\r\n"))
	f.Add([]byte("*2\r\n$7\r\np-{x}-7\r\n*1\r\n$1\r\na\r\n")) // and cut off
	f.Fuzz(func(t *testing.T, wire []byte) {
		w := clusterScanOf(3)
		w.ask(nil)
		asked := append([]slotToList(nil), w.next[:w.under]...)
		pg := &page{}
		pc, err := w.receive(reading(string(wire)), pg)
		if err != nil {
			w.again()
			require.Equal(t, asked, w.next, "all of them are to be asked for again, from where they were")
			return
		}
		whole(t, asked, pc, &w.slotQueue, cluster.SlotSet{})
	})
}
