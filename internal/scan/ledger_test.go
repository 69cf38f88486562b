package scan

import (
	"errors"
	"fmt"
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

func missing(t *testing.T, err error) *IncompleteError {
	t.Helper()
	var e *IncompleteError
	require.ErrorAs(t, err, &e)
	require.ErrorIs(t, err, ErrIncomplete)
	var covered cluster.SlotSet
	for _, r := range e.Reasons {
		both := covered.Intersect(r.Slots)
		require.True(t, both.Empty(), "slots with two reasons: %s", both)
		covered = covered.Union(r.Slots)
	}
	require.Equal(t, e.Slots, covered)
	return e
}

func TestLedgerWhole(t *testing.T) {
	l := newLedger(cluster.AllSlots())
	require.Error(t, l.missing())
	for _, part := range []string{"0-5460", "5461-10922", "10923-16383"} {
		claimed := l.claim(ranges(t, part))
		assert.Equal(t, part, claimed.String())
		l.settle(claimed)
	}
	require.NoError(t, l.missing())
}

// A slot that shows up at a second master belongs to the first one's pass.
func TestLedgerClaimsOnce(t *testing.T) {
	l := newLedger(ranges(t, "0-100"))
	first, second := l.claim(ranges(t, "0-60")), l.claim(ranges(t, "50-200"))
	assert.Equal(t, "0-60", first.String())
	assert.Equal(t, "61-100", second.String(), "nor what isn't wanted")
	l.settle(first)
	l.settle(second)
	require.NoError(t, l.missing())
}

func TestLedgerReasons(t *testing.T) {
	l := newLedger(ranges(t, "0-9"))
	require.NoError(t, l.missingOwners())
	l.lose(ranges(t, "9-20"), errNoOwner)
	assert.Equal(t, "9", missing(t, l.missingOwners()).Slots.String())

	a := l.claim(ranges(t, "0-4"))
	l.lose(ranges(t, "3"), errMigrating)
	l.lose(ranges(t, "3-4"), errMoved) // the first reason counts
	l.settle(a)
	l.lose(ranges(t, "0"), errMoved) // done is done

	e := missing(t, l.missing())
	assert.Equal(t, "3-9", e.Slots.String())
	for slot, reason := range map[uint16]error{3: errMigrating, 4: errMoved, 5: errNoOwner, 9: errNoOwner} {
		found := false
		for _, r := range e.Reasons {
			if r.Slots.Has(slot) {
				found = true
				assert.Equal(t, reason, r.Err, "slot %d", slot)
			}
		}
		assert.True(t, found, "slot %d", slot)
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

func TestDoubts(t *testing.T) {
	slots := ranges(t, "0-9")
	good := state{runID: "a", master: true, epoch: 1, owned: slots, up: true}
	change := func(f func(*state)) state { s := good; f(&s); return s }
	for name, c := range map[string]struct {
		before, after state
		want          map[string]error
	}{
		"nothing":   {good, good, nil},
		"restarted": {good, change(func(s *state) { s.runID = "b" }), map[string]error{"0-9": errRestarted}},
		"demoted":   {good, change(func(s *state) { s.master = false }), map[string]error{"0-9": errDemoted}},
		"down":      {good, change(func(s *state) { s.up = false }), map[string]error{"0-9": errDown}},
		"epoch":     {good, change(func(s *state) { s.epoch = 2 }), map[string]error{"0-9": errEpoch}},
		"moved":     {good, change(func(s *state) { s.owned = ranges(t, "0-4") }), map[string]error{"5-9": errMoved}},
		"opened":    {good, change(func(s *state) { s.open = ranges(t, "3,700") }), map[string]error{"3": errMigrating}},
		"closed":    {change(func(s *state) { s.open = ranges(t, "3") }), good, map[string]error{"3": errMigrating}},
		"moved and opened, with an epoch": {
			good, change(func(s *state) { s.owned, s.open, s.epoch = ranges(t, "0-4"), ranges(t, "4-6"), 9 }),
			map[string]error{"5-9": errMoved, "4": errMigrating, "0-3": errEpoch},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := map[string]error{}
			for _, r := range doubts(c.before, c.after, slots) {
				got[r.Slots.String()] = r.Err
			}
			assert.Len(t, got, len(c.want))
			for slots, reason := range c.want {
				assert.Equal(t, reason, got[slots], slots)
			}
		})
	}
}

// Thousands of slots that are lost of the same are one reason.
func TestLedgerTellsTheSameOnce(t *testing.T) {
	l := newLedger(cluster.AllSlots())
	for slot := range uint16(1000) {
		l.lose(slotSetOf(slot), fmt.Errorf("because of %d", slot%2))
	}
	var missing *IncompleteError
	require.ErrorAs(t, l.missing(), &missing)
	require.Len(t, missing.Reasons, 3)
	assert.Equal(t, 500, missing.Reasons[0].Slots.Len())
	assert.Equal(t, 500, missing.Reasons[1].Slots.Len())
	assert.Equal(t, "1000-16383", missing.Reasons[2].Slots.String())
}
