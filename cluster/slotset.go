package cluster

import (
	"fmt"
	"iter"
	"math/bits"
	"strconv"
	"strings"
)

// SlotRange is the slots from First to Last, both included.
type SlotRange struct {
	First, Last uint16 // from 0 to Slots-1, First no larger than Last
}

// String is "7" or "0-5460".
func (r SlotRange) String() string {
	if r.First == r.Last {
		return strconv.Itoa(int(r.First))
	}
	return fmt.Sprintf("%d-%d", r.First, r.Last)
}

// Len is the number of slots in the range.
func (r SlotRange) Len() int { return int(r.Last) - int(r.First) + 1 }

// SlotSet is a set of slots. It is a value: assigning copies it (2 KiB), ==
// compares it, and its zero value is empty. Slots beyond 16383 are never in it.
type SlotSet [Slots / 64]uint64

// AllSlots is the set of all 16384 slots.
func AllSlots() SlotSet {
	var s SlotSet
	for i := range s {
		s[i] = ^uint64(0)
	}
	return s
}

// Add puts a slot into the set.
func (s *SlotSet) Add(slot uint16) {
	if slot < Slots {
		s[slot/64] |= 1 << (slot % 64)
	}
}

// AddRange puts all slots of a range into the set.
func (s *SlotSet) AddRange(r SlotRange) {
	for slot := int(r.First); slot <= int(min(r.Last, Slots-1)); slot++ {
		s.Add(uint16(slot))
	}
}

// Remove takes a slot out of the set.
func (s *SlotSet) Remove(slot uint16) {
	if slot < Slots {
		s[slot/64] &^= 1 << (slot % 64)
	}
}

// Has reports whether a slot is in the set.
func (s *SlotSet) Has(slot uint16) bool {
	return slot < Slots && s[slot/64]&(1<<(slot%64)) != 0
}

// Len is the number of slots in the set.
func (s *SlotSet) Len() int {
	n := 0
	for _, word := range s {
		n += bits.OnesCount64(word)
	}
	return n
}

// Empty reports whether no slot is in the set.
func (s *SlotSet) Empty() bool { return *s == SlotSet{} }

// Union is the slots that are in s or in other.
func (s SlotSet) Union(other SlotSet) SlotSet {
	for i := range s {
		s[i] |= other[i]
	}
	return s
}

// Intersect is the slots that are in s and in other.
func (s SlotSet) Intersect(other SlotSet) SlotSet {
	for i := range s {
		s[i] &= other[i]
	}
	return s
}

// Minus is the slots that are in s and not in other.
func (s SlotSet) Minus(other SlotSet) SlotSet {
	for i := range s {
		s[i] &^= other[i]
	}
	return s
}

// All are the slots of the set, ascending.
func (s SlotSet) All() iter.Seq[uint16] {
	return func(yield func(uint16) bool) {
		for i, word := range s {
			for ; word != 0; word &= word - 1 {
				if !yield(uint16(i*64 + bits.TrailingZeros64(word))) {
					return
				}
			}
		}
	}
}

// Ranges are the slots of the set as ranges, ascending, as few as possible.
func (s *SlotSet) Ranges() []SlotRange {
	var ranges []SlotRange
	for slot := range uint16(Slots) {
		if !s.Has(slot) {
			continue
		}
		if n := len(ranges); n > 0 && ranges[n-1].Last+1 == slot {
			ranges[n-1].Last = slot
		} else {
			ranges = append(ranges, SlotRange{First: slot, Last: slot})
		}
	}
	return ranges
}

// String is the set as [ParseRanges] reads it: "0-5460,7000", and "" for the
// empty set.
func (s SlotSet) String() string {
	var b strings.Builder
	for i, r := range s.Ranges() {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(r.String())
	}
	return b.String()
}

// MarshalText is the set as String gives it, so that JSON has it as text.
func (s SlotSet) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText gives, as [ParseRanges] does.
func (s *SlotSet) UnmarshalText(text []byte) (err error) {
	*s, err = ParseRanges(string(text))
	return err
}

// ParseRanges reads slots and ranges of slots, separated by commas, in any
// order: "0-5460,7000". Blanks around them are left out. "" is the empty set.
func ParseRanges(text string) (SlotSet, error) {
	var s SlotSet
	if strings.TrimSpace(text) == "" {
		return s, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		r, err := parseRange(strings.TrimSpace(part))
		if err != nil {
			return SlotSet{}, err
		}
		s.AddRange(r)
	}
	return s, nil
}

func parseRange(text string) (SlotRange, error) {
	first, last, isRange := strings.Cut(text, "-")
	if !isRange {
		last = first
	}
	from, ok1 := parseSlot(first)
	to, ok2 := parseSlot(last)
	if !ok1 || !ok2 || from > to {
		return SlotRange{}, fmt.Errorf("cluster: %q is not a slot or a range of slots: write 7 or 0-5460, at most %d", text, Slots-1)
	}
	return SlotRange{First: from, Last: to}, nil
}

// parseSlot takes digits alone: no sign, no blank, no separator.
func parseSlot(text string) (uint16, bool) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n >= Slots {
		return 0, false
	}
	return uint16(n), true
}
