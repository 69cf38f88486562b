package faultnet

import (
	"bytes"
	"math/rand/v2"
	"net"
	"slices"
	"time"
)

// direction is one of the two streams of a link.
type direction struct {
	link     *link
	src, dst net.Conn
	stream   Stream
	request  bool
	messages *[]Message // in the link's tracker
	sizes    sizes
	rand     *rand.Rand

	framer  framer
	command string // of the reply under way
	within  bool   // a reply is under way
	held    []byte // a request that isn't whole yet: only then is its command known

	passed   int64 // bytes
	seen     int   // messages with the fault's command
	frozen   bool
	strikeAt int64 // where the fault strikes; -1 if that isn't known, or over
}

func newDirection(l *link, src, dst net.Conn, s Stream, messages *[]Message) *direction {
	d := &direction{
		link: l, src: src, dst: dst, stream: s, messages: messages,
		sizes: newSizes(s), rand: rand.New(rand.NewPCG(s.Seed, 1)), strikeAt: -1,
	}
	if s.Fault.Kind != None && s.Fault.Command == "" {
		d.strikeAt = s.Fault.At
	}
	return d
}

// carry passes on what comes in, until src or dst ends: it returns the error
// of src.
func (d *direction) carry() error {
	if d.strikeAt == 0 && d.stream.Fault.Kind != Corrupt {
		d.strike()
	}
	chunk := make([]byte, 32<<10)
	for {
		n, err := d.src.Read(chunk)
		if d.link.state.Load() == carrying {
			d.pass(chunk[:n])
		}
		if d.frozen {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// pass passes bytes on, and lets the fault strike among them.
func (d *direction) pass(chunk []byte) {
	if len(chunk) == 0 || !d.link.sleep(d.delay()) {
		return
	}
	out := d.take(chunk)
	begin := d.passed
	d.passed += int64(len(out))
	if at := d.strikeAt - begin; d.strikeAt >= 0 && at <= int64(len(out)) {
		switch {
		case d.stream.Fault.Kind != Corrupt:
			d.deliver(out[:at])
			d.strike()
			if d.frozen || d.link.state.Load() != carrying {
				return
			}
			out = out[at:]
		case at < int64(len(out)):
			d.strike()
			out[at] ^= max(d.stream.Fault.Mask, 1)
		}
	}
	d.deliver(out)
}

// delay is how long the next bytes are held up.
func (d *direction) delay() time.Duration {
	wait := d.stream.Delay
	if d.stream.Jitter > 0 {
		wait += time.Duration(d.rand.Int64N(int64(d.stream.Jitter)))
	}
	return wait
}

// take follows the stream and returns what passes now.
func (d *direction) take(chunk []byte) []byte {
	if !d.request {
		d.takeReplies(chunk)
		return chunk
	}
	return d.takeRequests(chunk)
}

func (d *direction) takeReplies(chunk []byte) {
	for at := 0; at < len(chunk); {
		begins := !d.within
		if begins {
			d.command = d.link.track.answers()
			d.framer.begin()
		}
		n, ended := d.framer.next(chunk[at:])
		d.note(d.command, d.passed+int64(at), n, begins)
		d.within = !ended
		at += n
	}
}

func (d *direction) takeRequests(chunk []byte) []byte {
	at := len(d.held)
	d.held = append(d.held, chunk...)
	whole := 0
	for at < len(d.held) {
		n, ended := d.framer.next(d.held[at:])
		at += n
		command := ""
		switch {
		case ended:
			command = commandOf(&d.framer)
			d.link.track.asked(command)
			d.framer.begin()
		case !d.framer.lost:
			continue // is the last
		}
		d.note(command, d.passed+int64(whole), at-whole, true)
		whole = at
	}
	out := d.held[:whole]
	d.held = slices.Clone(d.held[whole:])
	return out
}

// note takes note of a message, or of a part of one, that begins at a place
// of the stream.
func (d *direction) note(command string, begin int64, size int, begins bool) {
	f := &d.stream.Fault
	if begins && f.Kind != None && f.Command != "" && f.Command == command {
		if d.seen == f.Nth {
			d.strikeAt = begin + f.At
		}
		d.seen++
	}
	if d.strikeAt >= 0 && f.Kind != Pause && f.Kind != Corrupt {
		size = int(min(max(d.strikeAt-begin, 0), int64(size)))
	}
	if size > 0 {
		d.link.track.passed(d.messages, command, begins, size)
	}
}

// deliver writes piece by piece. A receiver that is gone shows at its own
// end of the link.
func (d *direction) deliver(b []byte) {
	for len(b) > 0 {
		n := d.sizes.next(len(b))
		if _, err := d.dst.Write(b[:n]); err != nil {
			return
		}
		if b = b[n:]; !d.link.sleep(d.stream.Pause) {
			return
		}
	}
}

// strike does what the fault does.
func (d *direction) strike() {
	f, l := &d.stream.Fault, d.link
	d.strikeAt = -1
	l.struck.Store(true)
	if f.Struck != nil {
		f.Struck()
	}
	switch f.Kind {
	case Close:
		l.hangUp()
	case Reset:
		l.reset()
	case Silence:
		l.state.Store(swallowing)
	case Freeze:
		d.frozen = true
		<-l.gone
	case Pause:
		l.sleep(f.For)
	case Flood:
		l.state.Store(swallowing)
		d.flood()
	}
}

// floodBlock is how many bytes of a flood are written at a time.
const floodBlock = 16 << 10

// flood writes until the receiver is gone.
func (d *direction) flood() {
	f := &d.stream.Fault
	block := f.Body
	if f.Every == 0 && len(f.Body) > 0 {
		block = bytes.Repeat(f.Body, floodBlock/len(f.Body)+1)
	}
	for _, err := d.dst.Write(f.Head); err == nil && len(block) > 0 && d.link.sleep(f.Every); {
		_, err = d.dst.Write(block)
	}
}

// sizes says how large the pieces are.
type sizes struct {
	piece int
	rand  *rand.Rand // nil if they are all alike
}

func newSizes(s Stream) sizes {
	out := sizes{piece: s.Piece}
	if s.Random {
		out.rand = rand.New(rand.NewPCG(s.Seed, 2))
	}
	return out
}

// next is the size of the next piece of n bytes.
func (s sizes) next(n int) int {
	switch {
	case s.piece <= 0:
		return n
	case s.rand != nil:
		return min(1+s.rand.IntN(s.piece), n)
	default:
		return min(s.piece, n)
	}
}
