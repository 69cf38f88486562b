package scan

import (
	"errors"
	"fmt"
	"sync"
)

// ErrLedger is wrapped by the error of a scan whose ledger would take more
// memory than it may.
var ErrLedger = errors.New("the ledger of keys that have been read is full")

// memory bounds what all key sets take, and gives the tables of slots that are
// done to later ones. A table is used again by its size: most are small ones, of
// a few sizes.
type memory struct {
	mu    sync.Mutex
	most  int64 // bytes
	taken int64
	peak  int64
	spare map[int][][]uint64
	kept  int64    // bytes in spare and in free, which count as taken
	free  []*lists // of which no part is in use
}

// lists is memory that is cut into the lists of slots that come on one page: most
// are so short that an allocation for each would cost more than they do. It can
// be used again when all of them are gone.
type lists struct {
	hashes []uint64
	used   int // how many have been given out
	parts  int // lists that are in use, and 1 for the page while it is taken in
}

const (
	hashBytes = 8
	// maxSpareBytes is how much is kept for later slots.
	maxSpareBytes = 4 << 20
	// listsStep is what lists come in multiples of, in keys: pages are of about the
	// same size, not of the same.
	listsStep = 1024
)

func newMemory(most int64) *memory { return &memory{most: most, spare: map[int][][]uint64{}} }

// grow gives a key set its next table, or makes a table of a list.
func (m *memory) grow(keys *keySet) error {
	old := *keys
	table, err := m.take(keys.grown())
	if err != nil {
		return err
	}
	keys.move(table)
	m.release(old)
	return nil
}

func (m *memory) take(size int) ([]uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if spare := m.spare[size]; len(spare) > 0 {
		last := len(spare) - 1
		table := spare[last]
		spare[last] = nil
		m.spare[size] = spare[:last]
		m.kept -= int64(size) * hashBytes
		return table, nil
	}
	return m.allocate(size)
}

func (m *memory) allocate(size int) ([]uint64, error) {
	bytes := int64(size) * hashBytes
	if m.taken+bytes > m.most {
		clear(m.spare)
		m.free = nil
		m.taken -= m.kept
		m.kept = 0
	}
	if m.taken+bytes > m.most {
		return nil, fmt.Errorf("%w: it would take more than MaxLedgerBytes, %d bytes; raise that, or read fewer keys at a time: with a narrower Pattern, or another Enumerate than PlainScan", ErrLedger, m.most)
	}
	m.taken += bytes
	m.peak = max(m.peak, m.taken)
	return make([]uint64, size), nil
}

// lists gives memory for lists of n keys together. The caller has one part of it,
// until it calls parted.
func (m *memory) lists(n int) (*lists, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.free) > 0 {
		last := len(m.free) - 1
		l := m.free[last]
		m.free[last] = nil
		m.free = m.free[:last]
		bytes := int64(len(l.hashes)) * hashBytes
		m.kept -= bytes
		if len(l.hashes) >= n {
			l.used, l.parts = 0, 1
			return l, nil
		}
		m.taken -= bytes
	}
	hashes, err := m.allocate((n + listsStep - 1) / listsStep * listsStep)
	if err != nil {
		return nil, err
	}
	return &lists{hashes: hashes, parts: 1}, nil
}

// cut makes an empty key set a list with room for n keys.
func (m *memory) cut(keys *keySet, from *lists, n int) {
	m.mu.Lock()
	from.parts++
	m.mu.Unlock()
	m.release(*keys)
	*keys = keySet{table: from.hashes[from.used : from.used+n : from.used+n], list: 1, from: from}
	from.used += n
}

// parted gives a part of lists back.
func (m *memory) parted(l *lists) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if l.parts--; l.parts > 0 {
		return
	}
	bytes := int64(len(l.hashes)) * hashBytes
	if m.kept+bytes > maxSpareBytes {
		m.taken -= bytes
		return
	}
	m.free = append(m.free, l)
	m.kept += bytes
}

// give takes a table back.
func (m *memory) give(table []uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	bytes := int64(len(table)) * hashBytes
	if len(table) > doubledTable || m.kept+bytes > maxSpareBytes {
		m.taken -= bytes
		return
	}
	clear(table)
	m.spare[len(table)] = append(m.spare[len(table)], table)
	m.kept += bytes
}

// release takes back what a key set has.
func (m *memory) release(keys keySet) {
	switch {
	case keys.from != nil:
		m.parted(keys.from)
	case keys.table != nil:
		m.give(keys.table)
	}
}

// recycle takes a key set's memory back.
func (m *memory) recycle(keys *keySet) {
	m.release(*keys)
	*keys = keySet{}
}

// pressed reports whether so much of the memory is taken that what has been read
// should be settled before more is.
func (m *memory) pressed() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.taken-m.kept > m.most/2
}

// peaked is the most that was ever taken, in bytes.
func (m *memory) peaked() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.peak
}
