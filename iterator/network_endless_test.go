package iterator_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/internal/faultnet"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Replies that never end, to each command of a scan: what they promise, and
// what follows for ever.
var endless = []struct {
	name       string
	scan       int // of pageScans
	command    string
	nth        int
	head, body string
	incomplete bool   // the slots are given up, after trying again; else the scan ends at once
	want       string // in the error
}{
	{"HELLO, a bulk", 0, "HELLO", 0, "$1000000000\r\n", "x", true, "larger"},
	{"HELLO, arrays in arrays", 0, "HELLO", 0, "", "*4000000000\r\n", true, "nested"},
	{"HELLO, a line", 0, "HELLO", 0, "+", "x", true, "line"},
	{"state, a bulk", 0, "CLUSTER NODES", 0, "$1000000000\r\n", "x", true, "larger"},
	{"state, arrays in arrays", 0, "CLUSTER INFO", 0, "", "*4000000000\r\n", true, "nested"},
	{"state of a page, while it is queued", 0, "CLUSTER NODES", 1, "$1000000\r\n", "x", true, "CR LF"},
	{"state of a page", 0, "EXEC", 0, "*2\r\n$1000000000\r\n", "x", false, "1000000000 bytes"},
	{"SCAN, keys", 0, "SCAN", 0, "*2\r\n$1\r\n0\r\n*4000000000\r\n", "$5\r\nkey:1\r\n", true, "4000000000 keys at once"},
	{"SCAN, a key", 0, "SCAN", 0, "*2\r\n$1\r\n0\r\n*1\r\n$1073741825\r\n", "x", false, "pattern"},
	{"SCAN, the cursor", 0, "SCAN", 0, "*2\r\n$1073741825\r\n", "0", false, "pattern"},
	{"SCAN, a line", 0, "SCAN", 0, "-", "x", false, "line"},
	{"HMGET, an array", 0, "HMGET", 0, "*4000000000\r\n", "$1\r\nx\r\n", true, "HMGET returned 4000000000 values"},
	{"HMGET, a bulk", 0, "HMGET", 7, "*2\r\n$1073741825\r\n", "x", false, "HMGET \"user:"},
	{"HGETALL, a field", 1, "HGETALL", 7, "*2\r\n$1073741825\r\n", "x", false, "HGETALL \"user:"},
	{"GET, a bulk", 2, "GET", 7, "$1073741825\r\n", "x", false, "GET \"value:"},
	{"TTL, a line", 2, "TTL", 7, ":", "1", false, "GET \"value:"},
	{"replies that nobody asked for", 2, "GET", 0, "", "+OK\r\n", true, "expected GET's bulk string"},
}

// inPage makes a reply to SCAN one that EXEC has for it, behind what the node
// says of itself.
func (n networked) inPage(t *testing.T, command, head string) (string, string) {
	t.Helper()
	if command != "SCAN" {
		return command, head
	}
	direct := redis.NewClient(&redis.Options{Addr: n.addrs[0]})
	defer direct.Close()
	nodes, err := direct.ClusterNodes(context.Background()).Result()
	require.NoError(t, err)
	return "EXEC", fmt.Sprintf("*2\r\n$%d\r\n%s\r\n%s", len(nodes), nodes, head)
}

// However long a reply goes on, there is an error that says so, and it costs
// no more memory than it may.
func testEndless(t *testing.T, n networked) {
	together(len(endless), func(i int) {
		c, n := endless[i], behindNetwork(t, n.addrs)
		c.command, c.head = n.inPage(t, c.command, c.head)
		var got result
		for stall := stallSoon; stall < 40*stallSoon; stall *= 3 { // a busy machine may need longer to connect
			got = n.scan(t, context.Background(), pageScans(t)[c.scan], iterator.Config{StallTimeout: stall}, strikeAll(faultnet.Fault{
				Kind: faultnet.Flood, Command: c.command, Nth: c.nth, Head: []byte(c.head), Body: []byte(c.body),
			}))
			if got.err == nil || strings.Contains(got.err.Error(), c.want) {
				break
			}
		}
		if assert.Error(t, got.err, c.name) {
			assert.Equal(t, c.incomplete, errors.Is(got.err, iterator.ErrIncomplete), c.name)
			assert.ErrorContains(t, got.err, c.want, c.name)
			assert.ErrorContains(t, got.err, n.addrs[0], c.name)
		}
	})
}

// trickles are replies of which there is always a little more. Those about
// the cluster are given up; data is waited for until the context ends.
var trickles = []struct {
	name          string
	scan          int
	command, head string
	body          string
	every         time.Duration
	data          bool
}{
	{"HELLO", 0, "HELLO", "$1000\r\n", "x", 10 * time.Millisecond, false},
	{"state", 0, "CLUSTER NODES", "$1000000\r\n", "x", 10 * time.Millisecond, false},
	{"SCAN", 0, "SCAN", "*2\r\n$1\r\n0\r\n*1000000\r\n", "$1\r\nx\r\n", 10 * time.Millisecond, true},
	{"GET", 2, "GET", "$1000000000\r\n", "x", 10 * time.Millisecond, true},
	{"HGETALL", 1, "HGETALL", "*4000000000\r\n", "$1\r\nx\r\n$1\r\ny\r\n", 10 * time.Millisecond, true},
	{"HGETALL, without a pause", 1, "HGETALL", "*4000000000\r\n", "$1\r\nx\r\n$1\r\ny\r\n", 0, true},
}

func testTrickles(t *testing.T, n networked) {
	together(len(trickles), func(i int) {
		c, n := trickles[i], behindNetwork(t, n.addrs)
		c.command, c.head = n.inPage(t, c.command, c.head)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		fault := faultnet.Fault{Kind: faultnet.Flood, Command: c.command, Head: []byte(c.head), Body: []byte(c.body), Every: c.every}
		stall := stallSoon
		if c.data {
			stall *= 2 // a busy machine may need longer to connect
			fault.Struck = func() { time.AfterFunc(3*stall, cancel) }
		}
		got := n.scan(t, ctx, pageScans(t)[c.scan], iterator.Config{StallTimeout: stall}, strikeAll(fault))
		assert.Empty(t, got.rows, c.name)
		if c.data {
			assert.ErrorIs(t, got.err, context.Canceled, c.name)
		} else {
			assert.ErrorIs(t, got.err, iterator.ErrIncomplete, c.name)
		}
	})
}
