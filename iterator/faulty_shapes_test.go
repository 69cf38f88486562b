package iterator_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/stretchr/testify/require"
)

// Replies of a shape that the command doesn't have, and lengths that lie:
// whatever the protocol lets one see. Once, the key or the page is asked for
// again on another connection; for ever, the node's slots are missing. Never
// does it become a row.

// shapes are of no command of a scan, or malformed.
var shapes = []string{
	// Of another type.
	"+OK\r\n", "+\r\n", ":1000000\r\n", "$3\r\nabc\r\n", "$0\r\n\r\n", "$-1\r\n", "*-1\r\n", "*0\r\n", "*1\r\n*1\r\n*0\r\n",
	"*2\r\n*0\r\n*0\r\n", "*3\r\n$1\r\n0\r\n*0\r\n*0\r\n", "*1\r\n$1\r\n0\r\n", "*2\r\n:1\r\n:2\r\n", "*2\r\n-ERR inside\r\n-ERR inside\r\n",
	// RESP3, which nobody asked for.
	"%1\r\n+a\r\n+b\r\n", "~1\r\n+a\r\n", "_\r\n", "#t\r\n", ",1.5\r\n", "(12345678901234567890\r\n", "=5\r\ntxt:a\r\n", "!5\r\nERR x\r\n",
	">2\r\n+invalidate\r\n*0\r\n", "|1\r\n+a\r\n+b\r\n:1\r\n", "*?\r\n", "$?\r\n",
	// No RESP at all.
	"\r\n", "\n", "HTTP/1.1 200 OK\r\n\r\n", "\x00\x00\x00\x00\r\n", "x\r\n",
	// Lengths.
	"$-2\r\n", "$-0x\r\n", "$+\r\n", "$ 3\r\nabc\r\n", "$3 \r\nabc\r\n", "$3\nabc\r\n", "$3\rabc\r\n", "$2\r\nabc\r\n", "$4\r\nabc\r\n", "$3\r\nabcde",
	"$9223372036854775807\r\n", "$18446744073709551616\r\n", "$99999999999999999999\r\n", "$1073741825\r\n", "$x\r\n", "$\r\n", "$1e1\r\n",
	"*-2\r\n", "*99999999999\r\n", "*4294967296\r\n", "*x\r\n", "*\r\n", "* 2\r\n", "*2\n", ":\r\n", ":x\r\n", ":1 \r\n", ":9223372036854775808\r\n",
}

// fitting are shapes that a command does have, so they are replies like others.
var fitting = map[string][]string{
	"GET":         {"$3\r\nabc\r\n", "$0\r\n\r\n", "$-1\r\n"},
	"TYPE":        {"+OK\r\n", "+\r\n"},
	"TTL":         {":1000000\r\n"},
	"PTTL":        {":1000000\r\n"},
	"PEXPIRETIME": {":1000000\r\n"},
	"EXISTS":      {},
	"HGETALL":     {"*0\r\n"},
	"HLEN":        {":0\r\n", ":1\r\n", ":1000000\r\n"},

	listsSlot:                 {"*0\r\n", "*1\r\n$1\r\n0\r\n"},
	"CLUSTER COUNTKEYSINSLOT": {":1000000\r\n"},
	"EXEC":                    {"*2\r\n-ERR inside\r\n-ERR inside\r\n"},
}

// more are shapes that are wrong for one command only.
var more = map[string][]string{
	"HMGET": {"*1\r\n$1\r\nx\r\n", "*3\r\n$1\r\nx\r\n$1\r\n1\r\n$1\r\ny\r\n", "*2\r\n$1\r\nx\r\n:1\r\n", "*2\r\n$1\r\nx\r\n+1\r\n"},
	"HLEN":  {":-1\r\n"},
	"HGETALL": {
		"*1\r\n$4\r\nname\r\n", "*3\r\n$4\r\nname\r\n$1\r\nx\r\n$1\r\ny\r\n", "*2\r\n$-1\r\n$1\r\nx\r\n", "*2\r\n$4\r\nname\r\n$-1\r\n",
		"*2\r\n:1\r\n$1\r\nx\r\n", "*2\r\n$4\r\nname\r\n:1\r\n",
	},
	"SCAN": {
		"*2\r\n$1\r\nx\r\n*0\r\n", "*2\r\n$2\r\n-1\r\n*0\r\n", "*2\r\n$2\r\n+1\r\n*0\r\n", "*2\r\n$0\r\n\r\n*0\r\n", "*2\r\n$-1\r\n*0\r\n", "*2\r\n:0\r\n*0\r\n",
		"*2\r\n$20\r\n18446744073709551616\r\n*0\r\n", "*2\r\n$1\r\n0\r\n*1\r\n$-1\r\n", "*2\r\n$1\r\n0\r\n*1\r\n:1\r\n", "*2\r\n$1\r\n0\r\n*1\r\n*0\r\n",
		"*2\r\n$1\r\n0\r\n$1\r\nx\r\n", "*2\r\n$1\r\n0\r\n*-1\r\n",
	},
	listsSlot:                 {"*1\r\n$-1\r\n", "*1\r\n:1\r\n", "*1\r\n*0\r\n", "*2\r\n$1\r\n0\r\n", "*100\r\n" + strings.Repeat("$1\r\nx\r\n", 100)},
	"CLUSTER COUNTKEYSINSLOT": {":-1\r\n", "$1\r\n1\r\n"},
	"EXEC":                    {"*1\r\n$1\r\nx\r\n", "*2\r\n$1\r\nx\r\n*0\r\n"},
	"TTL":                     {":-3\r\n"}, "PTTL": {":-3\r\n"}, "PEXPIRETIME": {":-3\r\n"}, "EXISTS": {":2\r\n", ":-1\r\n"},
}

func TestShapesOfReplies(t *testing.T) {
	t.Parallel()
	for _, cmd := range matrixCommands {
		if cmd.class != ofValue && cmd.class != ofKey && cmd.class != ofScan && cmd.class != ofCount {
			continue
		}
		t.Run(cmd.name+" "+cmd.kind, func(t *testing.T) {
			t.Parallel()
			m := newMatrix(t)
			rows := m.clean(t, cmd)
			fits := make(map[string]bool)
			for _, shape := range fitting[cmd.name] {
				fits[shape] = true
			}
			for i, shape := range append(shapes[:len(shapes):len(shapes)], more[cmd.name]...) {
				for often, n := range []int64{1, -1} {
					if fits[shape] || i < len(shapes) && (cmd.leaveOut(i+often) || n < 0 && i%3 != 0) {
						continue
					}
					name := fmt.Sprintf("%.40q, %d times", shape, n)
					// What waits for more bytes must get none.
					m.answer(cmd, n, func([][]byte) minicluster.Fault {
						return minicluster.Fault{Raw: []byte(shape), Close: minicluster.CloseAfter}
					})
					var got result
					if n < 0 && !tooLarge[shape] {
						got = m.readInVain(t, cmd, "")
					} else {
						got = m.readPatiently(t, cmd)
					}
					end := m.classify(t, cmd, rows, got)
					switch {
					case n > 0 && tooLarge[shape], n < 0 && tooLarge[shape]:
						require.Equal(t, atOnce, end, "%s: %v", name, got.err)
					case n > 0:
						require.Equal(t, whole, end, "%s: %v", name, got.err)
					default:
						require.Equal(t, incomplet, end, "%s: %v", name, got.err)
					}
				}
			}
		})
	}
}

// tooLarge are lengths beyond what is read at all.
var tooLarge = map[string]bool{
	"$9223372036854775807\r\n": true, "$1073741825\r\n": true, "*99999999999\r\n": true, "*4294967296\r\n": true,
}
