package scan

import (
	"fmt"
	"strings"
	"testing"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/resp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// keysInSlotOf lists slots 0 to n-1, with so many keys each.
func keysInSlotOf(n, keys int) *keysInSlot {
	var slots cluster.SlotSet
	slots.AddRange(cluster.SlotRange{Last: uint16(n - 1)})
	pages := newPager(1000, 1000)
	w := newKeysInSlot(&Scan{maxPageKeys: 100}, &guard{id: "me", epoch: 7}, &pages, slots)
	w.counted = n
	for i := range w.next {
		w.next[i].keys = keys
	}
	return w
}

// executed are the replies to a transaction with n lists.
func executed(n int, view string, lists ...string) string {
	return "+OK\r\n" + strings.Repeat(queued, n+1) + fmt.Sprintf("*%d\r\n", n+1) + bulk(view) + strings.Join(lists, "")
}

func listOf(n int) string {
	var keys []string
	for i := range n {
		keys = append(keys, fmt.Sprint("key", i))
	}
	return string(appendKeys(nil, keys))
}

func TestKeysInSlotReceives(t *testing.T) {
	view := ownView("me", "master", 7, "0-4 [3->-b]")
	w := keysInSlotOf(6, 0)
	out := string(w.ask(nil))
	require.True(t, strings.HasPrefix(out, string(multiCommand)+string(nodesCommand)) && strings.HasSuffix(out, string(execCommand)))
	require.Equal(t, 6, w.under)
	pg := &page{}
	// Slot 0 has two keys, 1 as many as were asked for, 2 an error; 3 is moving, and
	// 5 isn't owned.
	wire := executed(6, view, listOf(2), listOf(headroom), "-ERR Invalid slot\r\n", listOf(1), listOf(0), listOf(3))
	pc, err := w.receive(reading(wire), pg)
	require.NoError(t, err)
	assert.Equal(t, 2+1+3, pg.len(), "of slot 1 all keys come with the next list")
	assert.Equal(t, "0,4", pc.done.String())
	doubts := map[string]error{}
	for _, d := range pc.doubts {
		doubts[d.Slots.String()] = d.Err
	}
	require.Len(t, doubts, 3)
	assert.Equal(t, errMigrating, doubts["3"])
	assert.Equal(t, errMoved, doubts["5"])
	assert.ErrorContains(t, doubts["2"], "Invalid slot")
	require.Len(t, w.next, 1, "there may be more of it")
	assert.Equal(t, 2*headroom, w.next[0].keys)

	w.ask(nil)
	pc, err = w.receive(reading(executed(1, view, listOf(30))), &page{})
	require.NoError(t, err)
	assert.Equal(t, "1", pc.done.String())
	assert.True(t, w.ended())
	assert.Empty(t, w.large.String())
}

// More keys than were asked for are none of a server's.
func TestKeysInSlotBounds(t *testing.T) {
	w := keysInSlotOf(1, 0)
	w.ask(nil)
	_, err := w.receive(reading(executed(1, ownView("me", "master", 7, "0"), listOf(headroom+1))), &page{})
	var protocol *resp.ProtocolError
	require.ErrorAs(t, err, &protocol)
}

// Slots that can't be listed in one go are left over, whether that is known from
// their count, or from a list that was full.
func TestKeysInSlotLeavesLarge(t *testing.T) {
	w := keysInSlotOf(3, 0)
	w.counted = 0
	w.ask(nil)
	require.True(t, w.asking)
	_, err := w.receive(reading(executed(3, ownView("me", "master", 7, "0-2"), ":5\r\n", ":100001\r\n", ":100000\r\n")), &page{})
	require.NoError(t, err)
	assert.Equal(t, "1", w.large.String())
	require.Len(t, w.next, 2)
	assert.Equal(t, 2, w.counted)

	w = keysInSlotOf(2, largeSlot)
	w.ask(nil)
	require.Equal(t, firstPage, w.next[0].ask, "the keys may all be long")
	w = keysInSlotOf(2, largeSlot)
	w.pager.perKey = 10
	w.ask(nil)
	require.Equal(t, 1, w.under)
	require.Equal(t, largeSlot+headroom, w.next[0].ask)
	pc, err := w.receive(reading(executed(1, ownView("me", "master", 7, "0-1"), listOf(largeSlot+headroom))), &page{})
	require.NoError(t, err)
	assert.Empty(t, pc.done.String())
	assert.Equal(t, "0", w.large.String())
	require.Len(t, w.next, 1)

	// Long keys make a slot large with fewer.
	w = keysInSlotOf(2, 1000)
	w.pager.perKey = largeSlotBytes / 100
	w.leaveLarge()
	assert.True(t, w.ended())
	assert.Equal(t, "0-1", w.large.String())
}

// A slot without keys has been listed when it is counted, if it is safe in that
// instant.
func TestKeysInSlotEmpty(t *testing.T) {
	w := keysInSlotOf(4, 0)
	w.counted = 0
	require.Equal(t, string(multiCommand)+string(nodesCommand), string(w.ask(nil))[:len(multiCommand)+len(nodesCommand)])
	counts := []string{":0\r\n", ":2\r\n", ":0\r\n", ":0\r\n"}
	pc, err := w.receive(reading(executed(4, ownView("me", "master", 7, "0-2 [2->-b]"), counts...)), &page{})
	require.NoError(t, err)
	assert.Equal(t, "0", pc.done.String())
	assert.Empty(t, pc.doubts)
	require.Len(t, w.next, 3, "two may have got keys, and one has some")
	assert.Equal(t, 3, w.counted)

	// Counts that may not be asked for, said in either place.
	for name, wire := range map[string]string{
		"queued":   "+OK\r\n" + queued + strings.Repeat(noPerm, 4) + "-EXECABORT Transaction discarded because of previous errors.\r\n",
		"executed": executed(4, ownView("me", "master", 7, "0-3"), noPerm, noPerm, noPerm, noPerm),
	} {
		w := keysInSlotOf(4, 0)
		w.counted = 0
		w.ask(nil)
		pc, err := w.receive(reading(wire), &page{})
		require.NoError(t, err, name)
		assert.True(t, w.blind, name)
		assert.Empty(t, pc.done.String(), name)
		require.Len(t, w.next, 4, name)
	}

	// A trouble that may pass is told, and what was asked for isn't lost.
	w = keysInSlotOf(2, 0)
	w.counted = 0
	w.ask(nil)
	_, err = w.receive(reading(executed(2, ownView("me", "master", 7, "0-1"), ":0\r\n", "-CLUSTERDOWN The cluster is down\r\n")), &page{})
	refused := (*refusedError)(nil)
	require.ErrorAs(t, err, &refused)
	require.Len(t, w.next, 2)
}

// FuzzKeysInSlot: whatever comes, a slot isn't lost, nor done twice, nor done when the
// guard doesn't say so.
func FuzzKeysInSlot(f *testing.F) {
	view := ownView("me", "master", 7, "0-2 [1->-b]")
	f.Add([]byte(executed(3, view, listOf(2), listOf(headroom), "-ERR Invalid slot\r\n")), false)
	f.Add([]byte("+OK\r\n"+strings.Repeat(queued, 4)+"-MOVED 1 x:1\r\n"), false)
	f.Add([]byte(executed(3, view, ":5\r\n", ":100001\r\n", ":7\r\n")), true)
	f.Add([]byte(executed(3, view, ":0\r\n", ":0\r\n", ":7\r\n")), true)
	f.Add([]byte(executed(3, view, noPerm, noPerm, noPerm)), true)
	f.Add([]byte("+OK\r\n"+queued+noPerm+noPerm+noPerm+"-EXECABORT Transaction discarded\r\n"), true)
	f.Fuzz(func(t *testing.T, wire []byte, counting bool) {
		w := keysInSlotOf(3, 0)
		if counting {
			w.counted = 0
		}
		w.ask(nil)
		asked := append([]slotToList(nil), w.next[:w.under]...)
		pc, err := w.receive(reading(string(wire)), &page{})
		if err != nil {
			w.again()
			require.Equal(t, 3, len(w.next)+w.large.Len())
			require.Empty(t, pc.done.Minus(w.guard.view.safe))
			return
		}
		whole(t, asked, pc, &w.slotQueue, w.large)
		unsafe := pc.done.Minus(w.guard.view.safe)
		require.True(t, unsafe.Empty())
	})
}
