package cluster

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSlotSet(t *testing.T) {
	var s SlotSet
	assert.True(t, s.Empty())
	assert.Empty(t, s.Ranges())
	assert.Equal(t, "", s.String())

	for _, slot := range []uint16{0, 1, 63, 64, 65, 5460, Slots - 1} {
		s.Add(slot)
	}
	s.Add(Slots)
	s.Add(65535)
	assert.Equal(t, 7, s.Len())
	assert.True(t, s.Has(64))
	assert.False(t, s.Has(62))
	assert.False(t, s.Has(Slots))
	assert.Equal(t, []SlotRange{{0, 1}, {63, 65}, {5460, 5460}, {16383, 16383}}, s.Ranges())
	assert.Equal(t, "0-1,63-65,5460,16383", s.String())

	s.Remove(64)
	s.Remove(Slots)
	assert.Equal(t, "0-1,63,65,5460,16383", s.String())

	var r SlotSet
	r.AddRange(SlotRange{10, 65535})
	assert.Equal(t, Slots-10, r.Len())
	assert.Equal(t, "0-9", AllSlots().Minus(r).String())
	assert.Equal(t, AllSlots(), r.Union(AllSlots().Minus(r)))
	assert.True(t, r == r.Intersect(AllSlots()))
	assert.Equal(t, 1, SlotRange{7, 7}.Len())
}

func TestParseRanges(t *testing.T) {
	for text, want := range map[string]string{
		"":                 "",
		"  ":               "",
		"7":                "7",
		"0-16383":          "0-16383",
		" 3 , 1-2 ,2":      "1-3",
		"16383,0":          "0,16383",
		"0-5460,5461-9999": "0-9999",
	} {
		s, err := ParseRanges(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, s.String(), text)
		again, err := ParseRanges(s.String())
		require.NoError(t, err)
		assert.Equal(t, s, again)
	}
	for _, text := range []string{",", "1,", "a", "-1", "+1", "16384", "5-4", "1--2", "1-2-3", "1 2", "99999999999999999999", "1_0", "0x1"} {
		_, err := ParseRanges(text)
		assert.Error(t, err, text)
	}
}
