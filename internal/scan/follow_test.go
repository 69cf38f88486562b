package scan

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redisarrow/redisarrow/internal/resp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// script is a connection to a node that answers what it is told to, one reply for
// each write.
type script struct {
	net.Conn // the rest isn't used
	replies  []string
	said     *[]string // what was asked, by all nodes
	name     string
	pending  strings.Builder
	read     int
}

func (s *script) Write(b []byte) (int, error) {
	asked := s.name
	if strings.Contains(string(b), "ASKING") {
		asked += " asking"
	}
	*s.said = append(*s.said, asked)
	if len(s.replies) > 0 {
		if strings.HasSuffix(asked, "asking") {
			s.pending.WriteString("+OK\r\n")
		}
		s.pending.WriteString(s.replies[0])
		s.replies = s.replies[1:]
	}
	return len(b), nil
}

func (s *script) Read(b []byte) (int, error) {
	if s.read == s.pending.Len() {
		return 0, io.EOF
	}
	n := copy(b, s.pending.String()[s.read:])
	s.read += n
	return n, nil
}

func (s *script) Close() error                     { return nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }

// getDecoder decodes a GET.
type getDecoder struct{ nilSettles bool }

func (d getDecoder) Decode(_ uint8, _ []byte, r *resp.Reader) (Result, error) {
	h, err := r.ReadHeader()
	switch {
	case err != nil:
		return Result{}, err
	case h.Kind == resp.Error:
		return Result{Outcome: Refused, Err: &RefusedError{"GET", &resp.ReplyError{Text: string(h.Line)}}}, nil
	case h.Null() && d.nilSettles:
		return Result{Outcome: Skipped}, nil
	case h.Null():
		return Result{Outcome: Vanished}, nil
	}
	_, err = r.ReadBulk(h.N)
	return Result{Outcome: Rows, Rows: 1}, err
}

type getKind struct{}

func (getKind) Type() string             { return "string" }
func (getKind) Commands(uint8) []Command { return []Command{NewCommand("GET")} }
func (getKind) Many() *Many              { return nil }

// settleKey has a key followed that its node, home, has refused. It says what came of
// it, and who was asked.
func settleKey(t *testing.T, decoder Decoder, refused string, nodes map[string][]string) (count Counters, asked []string, slots string) {
	t.Helper()
	key := []byte("foo")
	l := ledgerOf(slotSetOf(12182))
	l.claim(slotSetOf(12182), 1)
	s := &Scan{kind: getKind{}, inCluster: true, ledger: l, log: quiet, stall: 6 * time.Millisecond, surveyor: &surveyor{}}
	known, err := l.seen(12182, hashOf(key, s.seed))
	require.NoError(t, err)
	require.False(t, known)
	p := &pass{scan: s, addr: "home:1", decoder: decoder, slots: slotSetOf(12182), left: slotSetOf(12182)}
	p.follower.links = map[string]link{}
	for addr, replies := range nodes {
		conn := resp.NewConn(&script{replies: replies, said: &asked, name: strings.TrimSuffix(addr, ":1")})
		p.follower.links[addr] = link{conn: conn, stop: func() bool { return true }}
	}
	r := newRefusal(key, 0, &RefusedError{"GET", &resp.ReplyError{Text: refused}})
	require.NoError(t, p.follower.settle(context.Background(), p, r))
	// A key that gave no row isn't known any more, unless it was left out.
	known, err = l.seen(12182, hashOf(key, s.seed))
	require.NoError(t, err)
	require.Equal(t, p.count.Rows+p.count.SkippedRows > 0, known)
	return p.count, asked, p.slots.String()
}

const (
	value   = "$1\r\nv\r\n"
	null    = "$-1\r\n"
	toThere = "-ASK 12182 there:1\r\n"
)

func TestFollower(t *testing.T) {
	many := func(n int, reply string) (replies []string) {
		for range n {
			replies = append(replies, reply)
		}
		return replies
	}
	for name, c := range map[string]struct {
		refused  string
		nodes    map[string][]string
		rows     int64
		vanished int64
		gaveUp   bool
		asked    []string // nil: not looked at
	}{
		"moved": {
			refused: "MOVED 12182 there:1", nodes: map[string][]string{"there:1": {value}},
			rows: 1, asked: []string{"there"},
		},
		"moved, and moved on": {
			refused: "MOVED 12182 there:1", nodes: map[string][]string{"there:1": {"-MOVED 12182 on:1\r\n"}, "on:1": {value}},
			rows: 1, asked: []string{"there", "on"},
		},
		"moved, and gone": {
			refused: "MOVED 12182 there:1", nodes: map[string][]string{"there:1": {null}},
			vanished: 1, asked: []string{"there"},
		},
		"on its way": {
			refused: "ASK 12182 there:1", nodes: map[string][]string{"there:1": {value}},
			rows: 1, asked: []string{"there asking"},
		},
		"the move was rolled back": {
			refused: "ASK 12182 there:1", nodes: map[string][]string{"there:1": {null}, "home:1": {value}},
			rows: 1, asked: []string{"there asking", "home"},
		},
		"the move was rolled back, and done again": {
			refused: "ASK 12182 there:1", nodes: map[string][]string{"there:1": {null, value}, "home:1": {toThere}},
			rows: 1, asked: []string{"there asking", "home", "there asking"},
		},
		"the move was done meanwhile": {
			refused: "ASK 12182 there:1", nodes: map[string][]string{"there:1": {null, value}, "home:1": {"-MOVED 12182 there:1\r\n"}},
			rows: 1, asked: []string{"there asking", "home", "there"},
		},
		"on its way, and gone: the owner says so": {
			refused: "ASK 12182 there:1", nodes: map[string][]string{"there:1": {null}, "home:1": {null}},
			vanished: 1, asked: []string{"there asking", "home"},
		},
		"on its way, and never there": {
			refused: "ASK 12182 there:1", nodes: map[string][]string{"there:1": many(maxMisses+1, null), "home:1": many(maxMisses, toThere)},
			vanished: 1,
		},
		"the target takes nobody's question": {
			refused: "ASK 12182 there:1", nodes: map[string][]string{"there:1": {"-MOVED 12182 home:1\r\n"}, "home:1": {value}},
			rows: 1, asked: []string{"there asking", "home"},
		},
		"to and fro": {
			refused: "MOVED 12182 there:1", nodes: map[string][]string{"there:1": many(30, "-MOVED 12182 home:1\r\n"), "home:1": many(30, "-MOVED 12182 there:1\r\n")},
			gaveUp: true,
		},
		"trouble that passes": {
			refused: "TRYAGAIN Multiple keys request during rehashing of slot", nodes: map[string][]string{"home:1": {value}},
			rows: 1, asked: []string{"home"},
		},
		"trouble that doesn't": {
			refused: "CLUSTERDOWN The cluster is down", nodes: map[string][]string{"home:1": many(30, "-CLUSTERDOWN The cluster is down\r\n")},
			gaveUp: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			count, asked, slots := settleKey(t, getDecoder{}, c.refused, c.nodes)
			assert.Equal(t, c.rows, count.Rows)
			assert.Equal(t, c.vanished, count.Vanished)
			assert.Equal(t, c.gaveUp, slots == "", "the slot is given up")
			if c.asked != nil {
				assert.Equal(t, c.asked, asked)
			}
		})
	}
}

// That nil after ASK isn't taken for vanished is needed: with a decoder that settles
// the key then, it has no row though its owner has it.
func TestNilAfterAskIsNotTheEnd(t *testing.T) {
	rolledBack := func() map[string][]string {
		return map[string][]string{"there:1": {null}, "home:1": {value}}
	}
	count, _, _ := settleKey(t, getDecoder{}, "ASK 12182 there:1", rolledBack())
	require.EqualValues(t, 1, count.Rows)
	count, _, _ = settleKey(t, getDecoder{nilSettles: true}, "ASK 12182 there:1", rolledBack())
	require.Zero(t, count.Rows)
}
