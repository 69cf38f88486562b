package scan

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func ranges(t *testing.T, text string) cluster.SlotSet {
	t.Helper()
	s, err := cluster.ParseRanges(text)
	require.NoError(t, err)
	return s
}

func ledgerOf(wanted cluster.SlotSet) *ledger { return newLedger(wanted, newMemory(1<<30)) }

// assertMissing looks at the error for what was lost: its reasons say something of
// each slot, once.
func assertMissing(t *testing.T, l *ledger) *IncompleteError {
	t.Helper()
	e := l.missing()
	require.NotNil(t, e)
	require.ErrorIs(t, e, ErrIncomplete)
	var covered cluster.SlotSet
	for _, r := range e.Reasons {
		both := covered.Intersect(r.Slots)
		require.True(t, both.Empty(), "slots with two reasons: %s", both)
		covered = covered.Union(r.Slots)
	}
	require.Equal(t, e.Slots, covered)
	return e
}

// reasonOf is why a slot is lost.
func reasonOf(e *IncompleteError, slot uint16) error {
	for _, r := range e.Reasons {
		if r.Slots.Has(slot) {
			return r.Err
		}
	}
	return nil
}

func TestLedgerWhole(t *testing.T) {
	l := ledgerOf(cluster.AllSlots())
	require.Equal(t, standing{pending: true}, l.standing())
	for i, part := range []string{"0-5460", "5461-10922", "10923-16383"} {
		claimed := l.claim(ranges(t, part), 1)
		assert.Equal(t, part, claimed.String())
		require.True(t, l.standing().reading)
		l.settle(claimed)
		require.Equal(t, i+1, l.standing().moves)
	}
	require.Equal(t, standing{moves: 3}, l.standing())
	l.giveUp(errNoOwner) // there is nothing to be given up
	require.Nil(t, l.missing())
	require.Zero(t, l.rereads())
}

// A slot that shows up at a second master belongs to the first one's pass.
func TestLedgerClaimsOnce(t *testing.T) {
	l := ledgerOf(ranges(t, "0-100"))
	first := l.claim(ranges(t, "0-60"), 1)
	waiting := l.waiting(ranges(t, "50-200"), 1)
	second := l.claim(ranges(t, "50-200"), 1)
	assert.Equal(t, "0-60", first.String())
	assert.Equal(t, "61-100", second.String(), "nor what isn't wanted")
	assert.Equal(t, waiting, second)
	l.settle(first)
	l.settle(second)
	require.Equal(t, standing{moves: 2}, l.standing())
}

// What was refused may be claimed by the word of a survey only that began after
// that; other slots by any.
func TestLedgerWaitsForNews(t *testing.T) {
	l := ledgerOf(ranges(t, "0-9"))
	l.claim(ranges(t, "0-4"), 3)
	l.again(ranges(t, "2-8"), errMoved, 5) // of which 2-4 are being read
	for survey, want := range map[int]string{3: "5-9", 5: "5-9", 6: "2-9"} {
		waiting := l.waiting(cluster.AllSlots(), survey)
		assert.Equal(t, want, waiting.String(), "by survey %d", survey)
	}
	claimed := l.claim(cluster.AllSlots(), 6)
	assert.Equal(t, "2-9", claimed.String())
	assert.EqualValues(t, 3, l.rereads())
}

func TestLedgerReasons(t *testing.T) {
	l := ledgerOf(ranges(t, "0-9"))
	require.Nil(t, l.missing())
	l.lose(ranges(t, "9-20"), errNoAddress)
	assert.Equal(t, "9", assertMissing(t, l).Slots.String())

	l.claim(ranges(t, "0-5"), 1)
	l.lose(ranges(t, "0-5"), errNoAddress) // what is being read isn't lost
	l.again(ranges(t, "3-4"), errMigrating, 1)
	l.claim(ranges(t, "4"), 2)
	l.again(ranges(t, "4"), errMoved, 2) // the last reason counts
	l.suspect(ranges(t, "5-6"), errDisputed)
	l.settle(ranges(t, "0-2"))

	l.giveUp(errNoOwner)
	require.Equal(t, standing{moves: 1}, l.standing())
	e := assertMissing(t, l)
	assert.Equal(t, "3-9", e.Slots.String())
	for slot, want := range map[uint16]error{3: errMigrating, 4: errMoved, 5: errNoOwner, 6: errDisputed, 7: errNoOwner, 9: errNoAddress} {
		assert.Equal(t, want, reasonOf(e, slot), "slot %d", slot)
	}
	require.ErrorIs(t, e, errMigrating)
}

func TestIncompleteMessage(t *testing.T) {
	var every cluster.SlotSet
	for slot := uint16(0); slot < cluster.Slots; slot += 2 {
		every.Add(slot)
	}
	e := &IncompleteError{Slots: every}
	for range 20 {
		e.Reasons = append(e.Reasons, Reason{Slots: every, Err: errors.New("why")})
	}
	text := e.Error()
	assert.Contains(t, text, "8192 of 16384 slots")
	assert.Contains(t, text, "and 12 more reasons")
	assert.Less(t, len(text), 3000)
}

// Thousands of slots that are lost of the same are one reason.
func TestLedgerTellsTheSameOnce(t *testing.T) {
	l := ledgerOf(cluster.AllSlots())
	for slot := range uint16(1000) {
		l.lose(slotSetOf(slot), fmt.Errorf("because of %d", slot%2))
	}
	l.giveUp(errNoOwner)
	e := assertMissing(t, l)
	require.Len(t, e.Reasons, 3)
	assert.Equal(t, 500, e.Reasons[0].Slots.Len())
	assert.Equal(t, 500, e.Reasons[1].Slots.Len())
	assert.Equal(t, "1000-16383", e.Reasons[2].Slots.String())
}

// A span waits for the first survey that begins after it was read, and longer if
// that survey can't tell.
func TestLedgerJudges(t *testing.T) {
	before, after := surveyOf(1, ownerOf("a", 7, "0-9")), surveyOf(4, ownerOf("a", 7, "0-7"))
	l := ledgerOf(ranges(t, "0-9"))
	l.claim(ranges(t, "0-9"), 1)
	l.read(span{slots: ranges(t, "0-5"), before: before, after: 3, owner: "a", epoch: 7})
	l.read(span{slots: ranges(t, "6-20"), before: before, after: 3, owner: "a", epoch: 7})
	require.Len(t, l.spans, 1, "what is alike is one span")
	require.Equal(t, standing{spanned: true}, l.standing())

	l.judge(surveyOf(3, ownerOf("a", 7, "0-9")), 3)
	require.Equal(t, standing{spanned: true}, l.standing(), "that survey had begun before")

	unsure := surveyOf(4, ownerOf("a", 7, "0-9"))
	unsure.silent = errors.New("no answer")
	l.judge(unsure, 4)
	require.Equal(t, standing{spanned: true}, l.standing())
	require.ErrorIs(t, l.reasons[0].Err, errNotAsked)

	l.judge(after, 5)
	require.Equal(t, "0-7", l.done.String())
	require.Equal(t, "8-9", l.pending.String())
	by5, by6 := l.waiting(cluster.AllSlots(), 5), l.waiting(cluster.AllSlots(), 6)
	require.True(t, by5.Empty())
	require.Equal(t, "8-9", by6.String())
	l.giveUp(errNoOwner)
	require.Equal(t, errMoved, reasonOf(assertMissing(t, l), 8))
}

// What became of a pass's slots meanwhile isn't undone by its last word.
func TestLedgerReadsWhatIsBeingRead(t *testing.T) {
	before := surveyOf(1, ownerOf("a", 7, "0-9"))
	l := ledgerOf(ranges(t, "0-9"))
	l.claim(ranges(t, "0-9"), 1)
	l.again(ranges(t, "3"), errMigrating, 1)
	l.read(span{slots: ranges(t, "0-9"), before: before, after: 1, owner: "a", epoch: 7})
	l.again(ranges(t, "5"), errMoved, 1) // spanned already: the survey will tell
	l.judge(surveyOf(2, ownerOf("a", 7, "0-9")), 2)
	require.Equal(t, "0-2,4-9", l.done.String())
	require.Equal(t, "3", l.pending.String())
}

// Whatever comes in whatever order: a slot is in one place, done is done, what is
// known of a slot's keys lasts until then, and every lost slot has a reason.
func TestLedgerAtRandom(t *testing.T) {
	const slots = 40
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		some := func() (s cluster.SlotSet) {
			for range rng.IntN(8) {
				s.Add(uint16(rng.IntN(slots + 5)))
			}
			return s
		}
		wanted := ranges(t, fmt.Sprintf("0-%d", slots-1))
		l := ledgerOf(wanted)
		known := map[uint16]bool{}
		var done cluster.SlotSet
		for latest := 1; latest < 60; latest++ {
			switch rng.IntN(8) {
			case 0, 1, 2:
				claimed := l.claim(some(), latest)
				for slot := range claimed.All() {
					was, err := l.seen(slot, 99)
					require.NoError(t, err)
					require.Equal(t, known[slot], was)
					known[slot] = true
				}
			case 3:
				l.again(some(), errMoved, latest)
			case 4, 5:
				before := surveyOf(latest, ownerOf("a", 7, fmt.Sprintf("0-%d", slots)))
				l.read(span{slots: some(), before: before, after: latest, owner: "a", epoch: 7})
			case 6:
				l.lose(some(), errNoOwner)
			case 7:
				after := surveyOf(latest, &member{id: "a", epoch: 7, up: true, slots: some().Union(some())})
				after.disputed = some()
				l.judge(after, latest)
			}
			total := l.pending.Len() + l.reading.Len() + l.done.Len() + l.lost.Len()
			all := l.pending.Union(l.reading).Union(l.done).Union(l.lost)
			for _, sp := range l.spans {
				total += sp.slots.Len()
				all = all.Union(sp.slots)
			}
			require.Equal(t, slots, total, "seed %d", seed)
			require.Equal(t, wanted, all, "seed %d", seed)
			gone := done.Minus(l.done)
			require.True(t, gone.Empty(), "seed %d: done and not done: %s", seed, gone)
			done = l.done
			for slot := range done.All() {
				require.Nil(t, l.keys[slot].table, "seed %d", seed)
			}
		}
		l.giveUp(errNoOwner)
		lost := wanted.Minus(done)
		if lost.Empty() {
			require.Nil(t, l.missing())
			continue
		}
		require.Equal(t, lost, assertMissing(t, l).Slots)
	}
}
