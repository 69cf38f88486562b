package iterator_test

import (
	"bytes"
	"strings"
	"sync"
	"time"

	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/internal/resp"
)

// script says what goes wrong on one node: bytes, read as one mishap after
// another. A mishap waits for a command of its group, lets some go by, and
// then befalls one, or that one and all that follow.
type script struct {
	rest []byte
	next *mishap
}

type mishap struct {
	group   int
	skip    int
	what    byte
	lasting bool
}

// A mishap begins with two bytes: its group and the number of its skip, and
// what happens, with marks for "from then on" and, where there is a reply, for
// "and then the connection is closed".
const (
	lasting = 1 << 7
	closing = mishaps
)

// skips are how many commands of its group a mishap may let go by.
var skips = [8]int{0, 1, 2, 3, 5, 8, 13, 30}

// misfortune is the script of one mishap.
func misfortune(group, skip int, what byte, details ...byte) []byte {
	return append([]byte{byte(group + commandGroups*skip), what}, details...)
}

// take returns the mishap that befalls a command of a group, if any.
func (s *script) take(group int) *mishap {
	if s.next == nil {
		if len(s.rest) == 0 {
			return nil
		}
		when, what := s.byte(), s.byte()
		s.next = &mishap{group: int(when % commandGroups), skip: skips[when/commandGroups%8], what: what &^ lasting, lasting: what&lasting != 0}
	}
	m := s.next
	if m.group != anyCommand && m.group != group {
		return nil
	}
	if m.skip > 0 {
		m.skip--
		return nil
	}
	if m.lasting = m.lasting && m.what%mishaps <= lastLasting; !m.lasting {
		s.next = nil
	}
	return m
}

func (s *script) byte() byte {
	if len(s.rest) == 0 {
		return 0
	}
	b := s.rest[0]
	s.rest = s.rest[1:]
	return b
}

func (s *script) bytes(n int) []byte {
	n = min(n, len(s.rest))
	b := s.rest[:n]
	s.rest = s.rest[n:]
	return b
}

const (
	anyCommand = iota
	handshakeCommand
	clusterCommand
	infoCommand
	scanCommand
	valueCommand
	metadataCommand
	otherCommand
	commandGroups
)

func groupOf(name string) int {
	switch name {
	case "CLUSTER":
		return clusterCommand
	case "INFO":
		return infoCommand
	case "SCAN":
		return scanCommand
	case "HMGET", "HGETALL", "GET", "MGET", "TYPE":
		return valueCommand
	case "TTL", "PEXPIRETIME":
		return metadataCommand
	case "EXISTS", "ASKING":
		return otherCommand
	default:
		return handshakeCommand
	}
}

// The mishaps. Those up to lastLasting may go on for ever.
const (
	errorReply = iota
	closeBefore
	closeWithin
	closeAfter
	delay
	lastLasting = delay
)

const (
	randomReply = lastLasting + 1 + iota
	rawReply
	flippedByte
	cutOut
	putIn
	twice
	changedReply
	noReply
	trickle
	event
	cancelScan
	mishaps
)

// errorReplies are those that a mishap chooses from.
var errorReplies = []string{
	"MOVED 5000 127.0.0.1:7001", "MOVED 5000 127.0.0.1:7000", "MOVED 5000 :7001", "MOVED 5000 ?:7000", "MOVED 1 127.0.0.1:9", "MOVED 1 10.0.0.1:0", "MOVED x y",
	"ASK 5000 127.0.0.1:7001", "ASK 5000 127.0.0.1:7000", "ASK 1 127.0.0.1:9", "ASK 99999 127.0.0.1:7000",
	"TRYAGAIN Multiple keys request during rehashing of slot", "CLUSTERDOWN Hash slot not served", "LOADING Redis is loading the dataset in memory",
	"MASTERDOWN Link with MASTER is down", "BUSY Redis is busy running a script", "NOAUTH Authentication required.", "NOPERM this user has no permissions",
	"WRONGPASS invalid username-password pair", "WRONGTYPE Operation against a key holding the wrong kind of value", "READONLY", "OOM", "ERR unknown command", "ERR",
	"ERR This instance has cluster support disabled", "ERR max number of clients reached", "NOPROTO", "", " ", "MOVED",
}

// words are texts that mean something to somebody.
var words = []string{
	"", "0", "1", "-1", "4", "16383", "18446744073709551615", "99999999999999999999", "OK", "PONG", "hash", "string", "none", "user:1", "user:3", "str:1", "nobody",
	"cluster_state:ok\r\n", "cluster_state:fail\r\n", "run_id:x\r\nredis_version:7.4.0\r\n", "127.0.0.1", "x 127.0.0.1:7000@1 myself,master - 0 0 1 connected 0-16383\n",
}

// chaos is a fake cluster that goes by scripts, one for each node.
type chaos struct {
	*minicluster.Cluster
	cancel func() // of the scan

	mu       sync.Mutex
	scripts  [2]script
	lies     lies
	commands int
}

// maxCommands is more than any scan of so few keys may take, with all that a
// script can do to it.
const maxCommands = 50_000

func (c *chaos) fault(node, _ int, args [][]byte) *minicluster.Fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.commands++; c.commands > maxCommands {
		c.cancel()
		return &minicluster.Fault{Close: minicluster.CloseBefore}
	}
	s := &c.scripts[node]
	m := s.take(groupOf(strings.ToUpper(string(args[0]))))
	if m == nil {
		return nil
	}
	edit := func(closed bool, change func([]byte) []byte) *minicluster.Fault {
		texts := make([]string, len(args))
		for i, arg := range args {
			texts[i] = string(arg)
		}
		f := &minicluster.Fault{Edit: func(reply []byte) []byte {
			told := change(bytes.Clone(reply))
			c.mu.Lock()
			defer c.mu.Unlock()
			c.lies.told(texts, reply, told, closed)
			return told
		}}
		if closed {
			f.Close = minicluster.CloseAfter
		}
		return f
	}
	closed := m.what/closing%2 == 1
	switch m.what % mishaps {
	case errorReply:
		text := errorReplies[int(s.byte())%len(errorReplies)]
		if m.lasting {
			s.rest = append([]byte{byte(indexOf(errorReplies, text))}, s.rest...) // the same again
		}
		return edit(closed, func([]byte) []byte { return resp.AppendError(nil, text) })
	case closeBefore:
		return &minicluster.Fault{Close: minicluster.CloseBefore}
	case closeWithin:
		return &minicluster.Fault{Close: minicluster.CloseWithin, CloseBytes: int(s.byte())}
	case closeAfter:
		return &minicluster.Fault{Close: minicluster.CloseAfter}
	case delay:
		return &minicluster.Fault{Delay: 10 * time.Millisecond << (s.byte() % 10)}
	case randomReply:
		v := s.value(0)
		return edit(closed, func([]byte) []byte { return resp.AppendValue(nil, v) })
	case rawReply:
		raw := s.bytes(int(s.byte() % 64))
		return edit(closed, func([]byte) []byte { return raw })
	case flippedByte:
		at, by := int(s.byte()), s.byte()
		return edit(closed, func(b []byte) []byte {
			if len(b) > 0 {
				b[at%len(b)] ^= by
			}
			return b
		})
	case cutOut:
		from, n := int(s.byte()), int(s.byte())
		return edit(closed, func(b []byte) []byte {
			from := min(from, len(b))
			return append(b[:from], b[min(from+n, len(b)):]...)
		})
	case putIn:
		at, more := int(s.byte()), s.bytes(int(s.byte()%16))
		return edit(closed, func(b []byte) []byte {
			at := min(at, len(b))
			return append(append(bytes.Clone(b[:at]), more...), b[at:]...)
		})
	case twice:
		return edit(closed, func(b []byte) []byte { return append(b, b...) })
	case changedReply:
		which, how, v := int(s.byte()), s.byte(), s.value(1)
		return edit(closed, func(b []byte) []byte { return changeValue(b, which, how, v) })
	case noReply:
		return edit(closed, func([]byte) []byte { return []byte{} })
	case trickle:
		return &minicluster.Fault{Trickle: time.Duration(s.byte()) * time.Millisecond}
	case event:
		what, slot := s.byte(), minicluster.Slot("user:"+string('0'+s.byte()%10))
		return &minicluster.Fault{Before: func() { c.event(what, slot) }}
	default:
		return &minicluster.Fault{Before: c.cancel}
	}
}

func indexOf(texts []string, text string) int {
	for i, t := range texts {
		if t == text {
			return i
		}
	}
	return 0
}

// event is something that happens to clusters.
func (c *chaos) event(what byte, slot int) {
	masters := len(c.Addrs())
	node := int(what>>4) % masters
	if masters == 1 {
		what |= 4 // nothing to be moved
	}
	switch what % 8 {
	case 0:
		c.MoveSlot(node, slot)
	case 1:
		_ = c.OpenMigration(slot, node) // refused if the node owns the slot
		c.MoveKeys((node+1)%masters, node, c.SlotKeys((node+1)%masters, slot)...)
	case 2:
		_ = c.OpenMigration(slot, node)
	case 3:
		c.EditView(node, func(v *minicluster.View) { v.SetDown(what&8 == 0) })
	case 4:
		c.Kill(node)
	case 5:
		c.DropConnections(node)
	case 6:
		_ = c.Restart(node) // refused when all is over
	case 7:
		c.Unassign(slot)
	}
}

// value makes any reply.
func (s *script) value(depth int) resp.Value {
	b := s.byte()
	n := int(b >> 3)
	switch b % 8 {
	case 0:
		return resp.Value{Kind: resp.Simple, Text: words[n%len(words)]}
	case 1:
		return resp.Value{Kind: resp.Error, Text: errorReplies[n%len(errorReplies)]}
	case 2:
		return resp.Value{Kind: resp.Integer, Int: int64(n) - 3}
	case 3:
		return resp.Value{Kind: resp.Bulk, Text: string(s.bytes(n))}
	case 4:
		return resp.Value{Kind: resp.Bulk, Null: true}
	case 5:
		return resp.Value{Kind: resp.Array, Null: true}
	case 6:
		return resp.Value{Kind: resp.Bulk, Text: words[n%len(words)]}
	default:
		v := resp.Value{Kind: resp.Array}
		for range n % 6 {
			if depth > 3 {
				break
			}
			v.Elems = append(v.Elems, s.value(depth+1))
		}
		return v
	}
}

// changeValue changes one part of a reply, which may be the whole.
func changeValue(reply []byte, which int, how byte, by resp.Value) []byte {
	whole, err := resp.NewReader(bytes.NewReader(reply), len(reply)).ReadValue()
	if err != nil {
		return reply
	}
	type place struct {
		list *[]resp.Value
		at   int
	}
	root := []resp.Value{whole}
	var places []place
	var walk func(list *[]resp.Value)
	walk = func(list *[]resp.Value) {
		for i := range *list {
			places = append(places, place{list, i})
			walk(&(*list)[i].Elems)
		}
	}
	walk(&root)
	p := places[which%len(places)]
	list := *p.list
	v := &list[p.at]
	switch how % 8 {
	case 0:
		*v = by
	case 1:
		v.Null = true
	case 2:
		*p.list = append(list[:p.at], list[p.at+1:]...)
	case 3:
		*p.list = append(list, *v)
	case 4:
		other := (p.at + 1) % len(list)
		list[p.at], list[other] = list[other], list[p.at]
	case 5:
		v.Kind = []resp.Kind{resp.Simple, resp.Error, resp.Integer, resp.Bulk, resp.Array}[how>>3%5]
	case 6:
		v.Int += int64(how>>3) - 8
	case 7:
		v.Elems = append(v.Elems, by)
	}
	var out []byte
	for _, v := range root {
		out = resp.AppendValue(out, v)
	}
	return out
}
