package scan

// sieve tells hashes that are new for certain from those that may have been there:
// one bit for each of a number of values of their last bits. A list that should
// hold no key twice is looked through only for what is caught.
type sieve struct {
	bits []uint64
	mask uint64
}

const (
	// maxList is how many keys are kept as a list: with more, looking through it
	// for a few of them costs as much as a table for all.
	maxList = 10_000
	// sieveBits is how many values there are at least for a hash: about one of 64 is
	// caught for nothing.
	sieveBits = 32
)

// reset empties the sieve and makes it large enough for n hashes.
func (s *sieve) reset(n int) {
	words := 16
	for words*64 < n*sieveBits {
		words *= 2
	}
	if words > cap(s.bits) {
		s.bits = make([]uint64, words)
	} else {
		s.bits = s.bits[:words]
		clear(s.bits)
	}
	s.mask = uint64(words)*64 - 1
}

// caught reports whether a hash may have been here since the sieve was reset.
func (s *sieve) caught(h uint64) bool {
	h &= s.mask
	word, bit := h/64, uint64(1)<<(h%64)
	caught := s.bits[word]&bit != 0
	s.bits[word] |= bit
	return caught
}
