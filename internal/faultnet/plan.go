package faultnet

import "time"

// Conn says which connection is being planned.
type Conn struct {
	Node string // the address that the client dials
	N    int    // how many connections were dialled before this one
	Nth  int    // how many of them to the same address
}

// Plan says what happens to a connection. The zero value is a network without
// faults.
type Plan struct {
	// Dial says whether the connection comes about.
	Dial Dial
	// Requests is the way from the client to the server.
	Requests Stream
	// Replies is the way from the server to the client.
	Replies Stream
	// Narrow makes the system hold few bytes under way to the server, some
	// 100 kB and not megabytes, so that a client's write soon blocks if nobody
	// reads.
	Narrow bool
}

// Dial is what becomes of an attempt to connect.
type Dial uint8

const (
	// Accepted connects. A connection that is accepted and never answered is
	// one whose Replies are struck by [Silence] at byte 0.
	Accepted Dial = iota
	// Refused fails as where no server listens, with ECONNREFUSED.
	Refused
	// Unanswered fails only when the context ends, as behind a firewall.
	Unanswered
)

// Stream is what happens to one direction of a connection.
type Stream struct {
	// Delay is how long what the sender sends in one go is held up, and
	// Jitter how much longer it may be, at random.
	Delay, Jitter time.Duration
	// Piece is how many bytes are passed on in one go; 0 means as they come.
	// The client gets no more by one Read either. Random makes it between 1
	// and Piece bytes, at random.
	Piece  int
	Random bool
	// Pause is how long it takes from one piece to the next.
	Pause time.Duration
	// Seed decides what is random.
	Seed uint64

	// Fault strikes once.
	Fault Fault
}

// Fault is what strikes a stream, and where.
type Fault struct {
	Kind Kind
	// At is how many bytes pass before it strikes: of the whole stream, or
	// from the beginning of a message if Command is set. It may lie beyond
	// that message. With 0 bytes of the whole stream it strikes as soon as the
	// connection is there.
	At int64
	// Command aims at a message: the Nth request with this command, from 0, or
	// the reply to it. It is a name in capitals, or with subcommands such as
	// "CLUSTER NODES" and "CLIENT SETNAME" two.
	Command string
	Nth     int

	For        time.Duration // of Pause
	Mask       byte          // of Corrupt: the bits to be flipped; 0 means 0x01
	Head, Body []byte        // of Flood
	Every      time.Duration // of Flood

	// Struck is called when the fault strikes, before it has its effect. It
	// must not call the network's Close.
	Struck func()
}

// Kind is what a fault does.
type Kind uint8

const (
	// None does nothing.
	None Kind = iota
	// Close ends the connection in order: both sides see the end of the
	// stream behind what had passed, the client's further requests are
	// swallowed.
	Close
	// Reset breaks the connection: the client gets ECONNRESET, the server the
	// end of the stream.
	Reset
	// Silence makes the peer vanish: from now on what either side sends is
	// taken and thrown away, and neither side hears anything, not even of the
	// other's end.
	Silence
	// Freeze stops taking what the sender sends, so that its writes block when
	// the system's buffers are full (see Plan.Narrow). The other direction
	// goes on.
	Freeze
	// Pause holds everything up for Fault.For, once.
	Pause
	// Corrupt flips bits of the byte at that place.
	Corrupt
	// Flood goes on with bytes that the sender never sent: Head, then Body
	// again and again without end, pausing for Every each time. What the
	// other side sends is thrown away.
	Flood
)
