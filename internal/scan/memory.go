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
	free  []*block // of which no part is in use

	open map[int]*block // that small tables are cut from, by their size
}

// block is memory that is cut into lists, those of the slots that come on one page,
// or into small tables of one size: most are so small that an allocation for each
// would cost more than they do. It can be used again when all of them are gone.
type block struct {
	hashes []uint64
	used   int // how many have been given out
	parts  int // lists or tables that are in use, and 1 while more may be cut from it
}

const (
	hashBytes = 8
	// maxSpareBytes is how much is kept for later slots.
	maxSpareBytes = 4 << 20
	// blockStep is what blocks come in multiples of, in hashes: pages are of about the
	// same size, not of the same.
	blockStep = 1024
	// smallTable is up to which size tables are cut from blocks.
	smallTable = 128
)

func newMemory(most int64) *memory {
	return &memory{most: most, spare: map[int][][]uint64{}, open: map[int]*block{}}
}

// grow gives a key set its next table, or makes a table of a list.
func (m *memory) grow(keys *keySet) error {
	old := *keys
	table, from, err := m.take(keys.grown())
	if err != nil {
		return err
	}
	keys.move(table)
	keys.from = from
	m.release(old)
	return nil
}

// take gives an empty table, and the block that it is a part of, or nil.
func (m *memory) take(size int) (table []uint64, from *block, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if size > smallTable {
		table, err = m.takeAlone(size)
		return table, nil, err
	}
	from = m.open[size]
	if from == nil || from.used+size > len(from.hashes) {
		if from != nil {
			m.close(size)
		}
		if from, err = m.block(blockStep); err != nil { // but there may be room for one
			table, err = m.takeAlone(size)
			return table, nil, err
		}
		m.open[size] = from
	}
	table = from.cut(size)
	clear(table)
	return table, from, nil
}

func (m *memory) takeAlone(size int) ([]uint64, error) {
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
		for size := range m.open {
			m.close(size)
		}
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
func (m *memory) lists(n int) (*block, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.block(n)
}

func (m *memory) block(n int) (*block, error) {
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
	hashes, err := m.allocate((n + blockStep - 1) / blockStep * blockStep)
	if err != nil {
		return nil, err
	}
	return &block{hashes: hashes, parts: 1}, nil
}

// cut gives a part of a block.
func (b *block) cut(n int) []uint64 {
	part := b.hashes[b.used : b.used+n : b.used+n]
	b.used += n
	b.parts++
	return part
}

// list makes an empty key set a list with room for n keys.
func (m *memory) list(keys *keySet, from *block, n int) {
	m.release(*keys)
	m.mu.Lock()
	defer m.mu.Unlock()
	*keys = keySet{table: from.cut(n), list: 1, from: from}
}

// close ends the block from which tables of a size are cut.
func (m *memory) close(size int) {
	m.part(m.open[size])
	delete(m.open, size)
}

// parted gives a part of a block back.
func (m *memory) parted(b *block) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.part(b)
}

func (m *memory) part(b *block) {
	if b.parts--; b.parts > 0 {
		return
	}
	bytes := int64(len(b.hashes)) * hashBytes
	if m.kept+bytes > maxSpareBytes {
		m.taken -= bytes
		return
	}
	m.free = append(m.free, b)
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
