package faultnet

import "strconv"

// framer finds where one RESP2 message after another ends in a stream that
// comes in any pieces. Both commands and replies are such messages.
type framer struct {
	lost bool // the stream isn't RESP2

	head    []byte  // the header under way, up to maxHead bytes of it
	payload int64   // bytes left of a bulk, its line end included
	open    []int64 // of the arrays around: elements left, innermost last

	words [2][]byte // the first bulks of the message, in part: a command's name
	bulks int       // how many there were
}

const (
	maxHead = 32
	maxWord = 32
)

// next takes bytes up to the end of the message under way, or all there are,
// and says how many that were and whether the message has ended.
func (f *framer) next(b []byte) (n int, ended bool) {
	for n < len(b) && !f.lost {
		if f.payload > 0 {
			step := min(f.payload, int64(len(b)-n))
			f.word(b[n : n+int(step)])
			n += int(step)
			if f.payload -= step; f.payload == 0 {
				f.bulks++
				ended = f.element()
			}
		} else {
			c := b[n]
			n++
			if len(f.head) < maxHead {
				f.head = append(f.head, c)
			}
			if c == '\n' {
				ended = f.header()
				f.head = f.head[:0]
			}
		}
		if ended {
			return n, true
		}
	}
	return len(b), false
}

// word keeps the beginning of the first two bulks; the line end may be among
// it.
func (f *framer) word(b []byte) {
	if f.bulks < len(f.words) {
		w := &f.words[f.bulks]
		*w = append(*w, b[:min(len(b), maxWord-min(len(*w), maxWord))]...)
	}
}

// header looks at a whole header and reports whether the message ends with it.
func (f *framer) header() bool {
	if len(f.head) < 3 {
		f.lost = true
		return false
	}
	kind, number := f.head[0], f.head[1:len(f.head)-2]
	if kind == '+' || kind == '-' || kind == ':' {
		return f.element()
	}
	n, err := strconv.ParseInt(string(number), 10, 64)
	switch {
	case err != nil || kind != '$' && kind != '*':
		f.lost = true
		return false
	case n < 0 || kind == '*' && n == 0:
		return f.element()
	case kind == '$':
		f.payload = n + 2
		return false
	default:
		f.open = append(f.open, n)
		return false
	}
}

// element counts an element that has ended, and the arrays that end with it.
func (f *framer) element() (ended bool) {
	for last := len(f.open) - 1; last >= 0; last-- {
		if f.open[last]--; f.open[last] > 0 {
			return false
		}
		f.open = f.open[:last]
	}
	return true
}

// begin forgets the message before.
func (f *framer) begin() {
	f.words[0], f.words[1], f.bulks = f.words[0][:0], f.words[1][:0], 0
}
