package scan

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/cluster"
)

// What comes twice is always caught, and of what doesn't, little.
func TestSieve(t *testing.T) {
	var s sieve
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 9))
		n := 1 + rng.IntN(maxList)
		s.reset(n)
		model, caught := map[uint64]bool{}, 0
		for range n {
			h := rng.Uint64()
			if rng.IntN(4) == 0 {
				h = rng.Uint64N(100) // often the same
			}
			suspected := s.caught(h)
			if model[h] {
				require.True(t, suspected)
			} else if suspected {
				caught++
			}
			model[h] = true
		}
		require.LessOrEqual(t, caught, 10+n/sieveBits, "seed %d", seed)
	}
}

// A list whose server names keys twice is held as what it is: a set.
func TestListedTwice(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 10))
		n := 1 + rng.IntN(500)
		l := newLedger(cluster.AllSlots(), newMemory(1<<20))
		var s sieve
		s.reset(n)
		from, err := l.memory.lists(n)
		require.NoError(t, err)
		l.list(5, from, n)
		model := map[uint64]bool{}
		for range n {
			h := 1 + rng.Uint64N(uint64(n))*0x9e3779b97f4a7c15
			require.Equal(t, model[h], l.listed(5, h, s.caught(h)))
			model[h] = true
		}
		require.Equal(t, len(model), l.keys[5].n)
	}
}
