package scan

import "time"

// page is a list of keys that are asked about together: the keys of a SCAN
// reply, or those of which an earlier reply left something open. Its memory
// is used again for later pages.
type page struct {
	step    uint8     // which of the kind's steps is due
	number  int       // pages are numbered in the order in which their keys were listed
	begun   time.Time // when the keys were asked for, if that is to be told
	attempt int       // how often these keys were asked about before
	keys    []byte    // one behind the other
	ends    []int     // where each ends
	slots   []uint16  // the slot of each, if the page was filtered

	// The keys before received are settled, those before sent are asked for,
	// those before reserved may become rows: received ≤ sent ≤ reserved.
	received, sent, reserved int
}

func (p *page) len() int { return len(p.ends) }

func (p *page) add(key []byte) {
	p.keys = append(p.keys, key...)
	p.ends = append(p.ends, len(p.keys))
}

func (p *page) key(i int) []byte {
	start := 0
	if i > 0 {
		start = p.ends[i-1]
	}
	return p.keys[start:p.ends[i]:p.ends[i]]
}

// cut leaves the first n keys.
func (p *page) cut(n int) {
	end := 0
	if n > 0 {
		end = p.ends[n-1]
	}
	p.keys, p.ends = p.keys[:end], p.ends[:n]
}

// filter keeps the keys for which keep is true. keep is called once for each,
// in order, with the key's number as it was before.
func (p *page) filter(keep func(i int) bool) {
	start, kept, end := 0, 0, 0
	for i, next := range p.ends {
		if keep(i) {
			if end != start {
				copy(p.keys[end:], p.keys[start:next])
			}
			end += next - start
			p.ends[kept] = end
			kept++
		}
		start = next
	}
	p.keys, p.ends = p.keys[:end], p.ends[:kept]
}

// maxKeptBytes is how large the memory of a page, or of commands, may be to be
// used again: that of giant keys must not be held for ever.
const maxKeptBytes = 1 << 20

func (p *page) reset() {
	if cap(p.keys) > maxKeptBytes {
		p.keys = nil
	}
	*p = page{keys: p.keys[:0], ends: p.ends[:0], slots: p.slots[:0]}
}
