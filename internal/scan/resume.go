package scan

import (
	"fmt"

	"github.com/redisarrow/redisarrow/cluster"
)

// Resume is what an earlier scan has left: it needn't be read again.
type Resume struct {
	Seed  uint64              // of the hashes
	Done  cluster.SlotSet     // slots of which every key has given its rows
	Known map[uint16][]uint64 // of other slots: the hashes of the keys that have
}

// resume takes over what an earlier scan has left.
func (s *Scan) resume(from *Resume) error {
	s.seed = from.Seed
	for slot, hashes := range from.Known {
		for _, h := range hashes {
			if h == noKey {
				continue
			}
			if _, err := s.ledger.seen(slot, h); err != nil {
				return fmt.Errorf("taking over what was read before: %w", err)
			}
		}
	}
	return nil
}

// Mark is the slot of a key, and its hash as [Resume] has it.
func (s *Scan) Mark(key []byte) (slot uint16, hash uint64) {
	return cluster.Slot(key), hashOf(key, s.seed)
}

// Seed is the seed of the hashes.
func (s *Scan) Seed() uint64 { return s.seed }

// NodeIDs are the IDs of the nodes that the scan knows of the cluster, from its
// beginning and now; empty if the servers have none.
func (s *Scan) NodeIDs() map[string]bool {
	ids := map[string]bool{}
	for id := range s.nodes {
		ids[id] = true
	}
	s.board.mu.Lock()
	defer s.board.mu.Unlock()
	if s.board.latest != nil {
		for id := range s.board.latest.members {
			ids[id] = true
		}
	}
	return ids
}
