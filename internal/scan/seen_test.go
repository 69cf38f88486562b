package scan

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// seen agrees with a map, whatever the order of adding and forgetting.
func TestSeenAgainstMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	s := &seen{seed: 1}
	model := map[string]bool{}
	for range 300_000 {
		if rng.IntN(20_000) == 0 {
			s.reset()
			clear(model)
			continue
		}
		key := fmt.Sprint(rng.IntN(30_000))
		require.Equal(t, !model[key], s.add(s.hash([]byte(key))))
		model[key] = true
	}
}

// A steady pass allocates nothing; what a giant has left is let go.
func TestSeenMemory(t *testing.T) {
	s := &seen{}
	pass := func() {
		for slot := range uint64(100) {
			for i := range uint64(500) {
				s.add((1 + slot<<32 + i) * 0x9E3779B97F4A7C15)
			}
			s.reset()
		}
	}
	pass()
	assert.Zero(t, testing.AllocsPerRun(3, pass))
	for i := range uint64(1_000_000) {
		s.add((1 + i) * 0x9E3779B97F4A7C15)
	}
	s.reset()
	s.add(1)
	s.reset()
	s.add(1)
	assert.Equal(t, minTable, len(s.table))
}

func pageOf(keys ...string) *page {
	pg := &page{}
	for _, k := range keys {
		pg.add([]byte(k))
	}
	return pg
}

func TestForgetInTableOrder(t *testing.T) {
	s := &seen{}
	add := func(key string) bool { return s.add(s.hash([]byte(key))) }
	quarter := func(n uint64) uint64 { return bits.Reverse64(n << 62) }
	require.True(t, add("a"))
	s.forget(tableOrder, 0, quarter(0)|bits.Reverse64(1<<40), pageOf("a"))
	require.False(t, add("a"), "the same quarter")

	require.True(t, add("b"))
	s.forget(tableOrder, quarter(0), quarter(1), pageOf("b"))
	require.True(t, add("a"), "an earlier quarter is forgotten")
	require.False(t, add("b"), "but not the page that led into this one")
}

func TestForgetInSlotOrder(t *testing.T) {
	s := &seen{}
	add := func(key string) bool { return s.add(s.hash([]byte(key))) }
	early, late := "user:3", "user:1" // slots 2648 and 10778
	require.True(t, add(early))
	require.True(t, add(late))
	s.forget(slotOrder, 2648, 3<<14|2648, pageOf(early))
	require.False(t, add(early), "the same slot")
	s.forget(slotOrder, 2648, 3<<14|10778, pageOf(early, late))
	require.True(t, add(early), "a slot that is behind")
	require.False(t, add(late), "the slot that has begun")
}

func TestForgetInUnknownOrder(t *testing.T) {
	s := &seen{}
	require.True(t, s.add(7))
	s.forget(unknownOrder, 0, ^uint64(0), pageOf())
	require.False(t, s.add(7))
}
