package scan

// sizer bounds what is asked for and not yet answered. Replies that nobody
// reads pile up in the server's memory, which no default of its configuration
// bounds (client-output-buffer-limit normal), so the bytes count, not the
// keys. How large values are shows only when they come: the sizer starts with
// few keys and goes by what it has seen.
type sizer struct {
	budget   int64 // bytes that may be in flight, by the estimate
	perKey   estimate
	window   int // keys that may be in flight
	inFlight int // keys in flight
	most     int // bounds the window
}

const (
	// firstWindow is one key: it may be a giant, and so may all others be.
	firstWindow  = 1
	windowGrowth = 8
	// knownWindow is how many keys there may be at first where others of the scan are
	// known.
	knownWindow = 4096
	maxWindow   = 1 << 20
)

// newSizer begins with what is known of other keys of the scan, or 0.
func newSizer(budget int64, perKey estimate) sizer {
	s := sizer{budget: budget, perKey: perKey, window: firstWindow, most: maxWindow}
	if perKey > 0 {
		s.window = knownWindow
	}
	return s
}

// allow is the number of further keys that may be asked for. With nothing in
// flight it is at least one, whatever its size.
func (s *sizer) allow() int {
	n := s.window
	if s.perKey > 0 {
		n = int(min(int64(n), s.budget/int64(s.perKey)))
	}
	if s.inFlight == 0 {
		return max(n, 1)
	}
	return max(n-s.inFlight, 0)
}

func (s *sizer) sent(keys int) { s.inFlight += keys }

// received takes note of the bytes that keys have cost.
func (s *sizer) received(keys int, bytes int64) {
	s.inFlight -= keys
	if keys == 0 {
		return
	}
	s.perKey.saw(keys, bytes)
	s.window = min(s.window*windowGrowth, s.most)
}

// lost forgets what was in flight on a connection that broke, and begins
// small again.
func (s *sizer) lost() { s.inFlight, s.window = 0, firstWindow }

// estimate is about how many bytes one key will cost; 0 if nothing is known.
// It rises at once and falls slowly: what is large seldom comes alone.
type estimate int64

func (e *estimate) saw(keys int, bytes int64) {
	mean := max(estimate(bytes/int64(keys)), 1)
	*e = max(mean, (3**e+mean)/4)
}
