package scan

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"testing"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// seen agrees with a map, whatever the order of adding and clearing.
func TestSeenAgainstMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	s := &seen{seed: 1}
	model := make([]map[string]bool, 8)
	for i := range model {
		model[i] = map[string]bool{}
	}
	for range 100_000 {
		slot := rng.IntN(len(model))
		if rng.IntN(2000) == 0 {
			s.clear(slot)
			clear(model[slot])
			continue
		}
		key := fmt.Sprint(rng.IntN(3000))
		require.Equal(t, !model[slot][key], s.add(uint16(slot), []byte(key)))
		model[slot][key] = true
	}
	s.reset()
	for slot := range model {
		assert.True(t, s.add(uint16(slot), []byte("1")))
	}
}

// A cleared slot's table is used again, so that a pass in the order of slots
// allocates for some slots and not for all.
func TestSeenReusesTables(t *testing.T) {
	s := &seen{}
	key := make([]byte, 0, 16)
	pass := func() {
		for slot := range uint16(1000) {
			for i := range 50 {
				key = fmt.Appendf(key[:0], "%d:%d", slot, i)
				s.add(slot, key)
			}
			s.clear(int(slot))
		}
	}
	pass()
	assert.LessOrEqual(t, testing.AllocsPerRun(1, pass), 50_100.0, "fmt's own, and nothing that grows with slots")
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
	add := func(key string) bool { return s.add(cluster.Slot([]byte(key)), []byte(key)) }
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
	require.True(t, s.add(5, []byte("a")))
	require.True(t, s.add(6, []byte("b")))
	s.forget(slotOrder, 5, 3<<14|6, pageOf())
	require.True(t, s.add(5, []byte("a")))
	require.False(t, s.add(6, []byte("b")))
}

func TestForgetInUnknownOrder(t *testing.T) {
	s := &seen{}
	require.True(t, s.add(5, []byte("a")))
	s.forget(unknownOrder, 0, ^uint64(0), pageOf())
	require.False(t, s.add(5, []byte("a")))
}
