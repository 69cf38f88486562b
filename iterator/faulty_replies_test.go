package iterator_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// This file is the matrix of error replies: each kind of command that a scan
// sends, with each kind of error that a server may answer, once, three times
// and for ever. The rule stands in matrixRule.

// outcome is how a scan may end.
type outcome string

const (
	whole      outcome = "all rows"
	wrongTyped outcome = "all rows but those that Stats counts, as of another type"
	incomplet  outcome = "an IncompleteError that names the slots of the node, or of the key"
	atOnce     outcome = "a NodeError that names node and command"
	orMissing  outcome = "all rows or an IncompleteError: go-redis gives some connections up itself"
	either     outcome = "all rows or a NodeError, as the replies meet one connection or several"
)

// errorClass is what error replies have in common.
type errorClass string

const (
	passing   errorClass = "trouble that passes"
	loggedOut errorClass = "a login that is wanted"
	denied    errorClass = "a permission that lacks"
	wrongType errorClass = "another type"
	redirect  errorClass = "a redirect"
	tooLong   errorClass = "an error of 1 MiB"
	final     errorClass = "anything else"
)

var errorTexts = map[errorClass][]string{
	passing: {
		"TRYAGAIN Multiple keys request during rehashing of slot", "CLUSTERDOWN The cluster is down", "CLUSTERDOWN Hash slot not served",
		"LOADING Redis is loading the dataset in memory", "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
		"BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
	},
	loggedOut: {"NOAUTH Authentication required."},
	denied: {
		"NOPERM User app has no permissions to run the command", "WRONGPASS invalid username-password pair or user is disabled.",
	},
	wrongType: {"WRONGTYPE Operation against a key holding the wrong kind of value"},
	redirect: { // %d is the slot, %s an address: right, wrong, its own, dead
		"MOVED %d right", "MOVED %d wrong", "MOVED %d itself", "MOVED %d dead", "MOVED %d :1", "MOVED %d ?:1", "MOVED 5 right",
		"ASK %d right", "ASK %d wrong", "ASK %d itself", "ASK %d dead", "ASK %d :1", "ASK 5 right",
	},
	final: {
		"READONLY You can't write against a read only replica.", "OOM command not allowed when used memory > 'maxmemory'.",
		"ERR unknown command", "ERR something", "MISCONF Redis is configured to save RDB snapshots", "EXECABORT x", "UNKNOWNCODE",
		"MOVED", "MOVED ", "MOVED x y", "MOVED 5", "MOVED 16384 right", "MOVED -1 right", "MOVED 5 right:x", "MOVED 5 127.0.0.1:0", "MOVED 5 127.0.0.1:99999",
		"ASK", "ASK x y", "moved 5 right", "\x00\x1b[31m", " ", "",
	},
	tooLong: {strings.Repeat("E", 1<<20)},
}

// sentClass is what commands have in common.
type sentClass string

const (
	ofValue    sentClass = "reads a key's value"
	ofKey      sentClass = "reads something else about a key"
	ofScan     sentClass = "enumerates"
	ofCount    sentClass = "says how much there is to be enumerated"
	ofGuard    sentClass = "makes that one with what the node says of itself"
	ofState    sentClass = "asks a node about itself"
	ofExtra    sentClass = "asks a node for what can be done without"
	ofGreeting sentClass = "greets"
	ofConnect  sentClass = "sees whether the login is good"
)

// matrixRule says how a scan ends when a command is answered by an error:
// once, three times, for ever.
var matrixRule = map[sentClass]map[errorClass][3]outcome{
	ofValue: {
		passing: {whole, whole, incomplet}, loggedOut: {whole, either, atOnce}, denied: {atOnce, atOnce, atOnce},
		wrongType: {wrongTyped, wrongTyped, wrongTyped}, redirect: {whole, whole, incomplet},
		tooLong: {atOnce, atOnce, atOnce}, final: {atOnce, atOnce, atOnce},
	},
	ofKey: {
		passing: {whole, whole, incomplet}, loggedOut: {whole, either, atOnce}, denied: {atOnce, atOnce, atOnce},
		wrongType: {atOnce, atOnce, atOnce}, redirect: {whole, whole, incomplet},
		tooLong: {atOnce, atOnce, atOnce}, final: {atOnce, atOnce, atOnce},
	},
	ofScan: {
		passing: {whole, whole, incomplet}, loggedOut: {whole, either, atOnce}, denied: {atOnce, atOnce, atOnce},
		wrongType: {atOnce, atOnce, atOnce}, redirect: {atOnce, atOnce, atOnce},
		tooLong: {atOnce, atOnce, atOnce}, final: {atOnce, atOnce, atOnce},
	},
	// Sizes can be guessed where the command is denied or unknown.
	ofCount: {
		passing: {whole, whole, incomplet}, loggedOut: {whole, either, atOnce}, denied: {whole, whole, whole},
		wrongType: {atOnce, atOnce, atOnce}, redirect: {atOnce, atOnce, atOnce},
		tooLong: {atOnce, atOnce, atOnce}, final: {atOnce, atOnce, atOnce},
	},
	// Where it is denied or unknown, the node is asked before and after.
	ofGuard: {
		passing: {whole, whole, incomplet}, loggedOut: {whole, either, atOnce}, denied: {whole, whole, whole},
		wrongType: {atOnce, atOnce, atOnce}, redirect: {atOnce, atOnce, atOnce},
		tooLong: {atOnce, atOnce, atOnce}, final: {atOnce, atOnce, atOnce},
	},
	// Asked for the survey before the first row, and for the one after the last.
	// Whatever isn't a matter of permissions is asked again, on a new connection.
	ofState: {
		passing: {whole, whole, incomplet}, loggedOut: {atOnce, atOnce, atOnce}, denied: {atOnce, atOnce, atOnce},
		wrongType: {whole, whole, incomplet}, redirect: {whole, whole, incomplet},
		tooLong: {whole, whole, incomplet}, final: {whole, whole, incomplet},
	},
	// Done without if it isn't allowed, or not known; asked again if it may be
	// another time.
	ofExtra: {
		passing: {whole, whole, incomplet}, loggedOut: {atOnce, atOnce, atOnce}, denied: {whole, whole, whole},
		wrongType: {whole, whole, whole}, redirect: {whole, whole, whole},
		tooLong: {whole, whole, incomplet}, final: {whole, whole, whole},
	},
	// Old servers don't know it, others don't allow it: what comes after tells.
	ofGreeting: {
		passing: {whole, whole, whole}, loggedOut: {whole, whole, whole}, denied: {whole, whole, whole},
		wrongType: {whole, whole, whole}, redirect: {whole, whole, whole},
		tooLong: {whole, whole, incomplet}, final: {whole, whole, whole},
	},
	ofConnect: {
		passing: {whole, whole, whole}, loggedOut: {atOnce, atOnce, atOnce}, denied: {whole, whole, whole},
		wrongType: {whole, whole, whole}, redirect: {whole, whole, orMissing},
		tooLong: {whole, whole, incomplet}, final: {whole, whole, orMissing},
	},
}

// expect is the rule for a command.
func (c matrixCommand) expect(class errorClass, text string, often int) outcome {
	want := matrixRule[c.class][class][often]
	unknown := strings.HasPrefix(text, "ERR unknown")
	switch {
	case c.name == "HLEN" && strings.HasPrefix(text, "NOPERM"): // HGETALL does without
		return whole
	case c.class == ofCount && strings.HasPrefix(text, "ERR "), c.class == ofGuard && unknown:
		return whole
	case (c.class == ofCount || c.class == ofGuard) && strings.HasPrefix(text, "WRONGPASS"):
		return atOnce
	}
	return want
}

// matrixCommand is a command and a scan that sends it.
type matrixCommand struct {
	name  string // in capitals, with its subcommand
	class sentClass
	kind  string // hash or string
	text  string // the schema

	enumerate iterator.Enumeration
}

var matrixCommands = []matrixCommand{
	{"HMGET", ofValue, "hash", "_key:key,name:utf8,age:int64", 0},
	{"HGETALL", ofValue, "hash", "_key:key,a:utf8,b:utf8,c:utf8,d:utf8,e:utf8,f:utf8,g:utf8,h:utf8,i:utf8,j:utf8,k:utf8,l:utf8,name:utf8", 0},
	{"HLEN", ofValue, "hash", "_key:key,a:utf8,b:utf8,c:utf8,d:utf8,e:utf8,f:utf8,g:utf8,h:utf8,i:utf8,j:utf8,k:utf8,l:utf8,name:utf8", 0},
	{"GET", ofValue, "string", "_key:key,value:utf8", 0},
	{"TYPE", ofKey, "hash", "_key:key", 0},
	{"TYPE", ofKey, "string", "_key:key", 0},
	{"TTL", ofKey, "hash", "_key:key,_ttl:ttl,name:utf8", 0},
	{"TTL", ofKey, "string", "_key:key,_ttl:ttl,value:utf8", 0},
	{"PTTL", ofKey, "string", "_key:key,_ttl:ttl[ms]", 0},
	{"PEXPIRETIME", ofKey, "hash", "_key:key,_at:expires_at,name:utf8", 0},
	{"PEXPIRETIME", ofKey, "string", "_key:key,_at:expires_at", 0},
	{"EXISTS", ofKey, "hash", "_key:key,none:utf8", 0},
	{"SCAN", ofScan, "hash", "_key:key,name:utf8", iterator.PlainScan},
	{"SCAN", ofScan, "string", "_key:key,value:utf8", iterator.PlainScan},
	{listsSlot, ofScan, "hash", "_key:key,name:utf8", iterator.KeysInSlot},
	{"CLUSTER COUNTKEYSINSLOT", ofCount, "hash", "_key:key,name:utf8", iterator.KeysInSlot},
	{"MULTI", ofGuard, "hash", "_key:key,name:utf8", iterator.PlainScan},
	{"EXEC", ofGuard, "hash", "_key:key,name:utf8", iterator.KeysInSlot},
	{"CLUSTER NODES", ofState, "hash", "_key:key,name:utf8", 0},
	{"CLUSTER INFO", ofExtra, "hash", "_key:key,name:utf8", 0},
	{"INFO SERVER", ofExtra, "hash", "_key:key,name:utf8", 0},
	{"HELLO", ofGreeting, "hash", "_key:key,name:utf8", 0},
	{"PING", ofConnect, "hash", "_key:key,name:utf8", 0},
}

// matrix is a fake cluster with what the commands of the matrix read.
type matrix struct {
	*minicluster.Cluster
	rdb  *redis.ClusterClient
	dead string
	last atomic.Int64 // connection that said something
}

// leaveOut says that the i-th case of many is left out: with -short, and for a
// command that is there for both kinds, a part of the matrix will do.
func (c matrixCommand) leaveOut(i int) bool {
	switch {
	case testing.Short():
		return i%7 != 0
	case c.kind == "string" && c.class != ofValue, c.class == ofCount, c.class == ofGuard, c.name == "EXEC":
		return i%3 != 0
	default:
		return false
	}
}

const matrixKeys = 60

func newMatrix(t *testing.T) *matrix {
	t.Helper()
	c, rdb := fake(t, minicluster.Config{})
	for i := range matrixKeys {
		c.SetHash(fmt.Sprint("h:", i), "name", fmt.Sprint("Name", i), "age", fmt.Sprint(i))
		c.SetString(fmt.Sprint("s:", i), fmt.Sprint("Value", i))
	}
	return &matrix{Cluster: c, rdb: rdb, dead: deadAddr(t)}
}

// read scans as a command of the matrix wants it.
func (m *matrix) read(t *testing.T, cmd matrixCommand, config iterator.Config) result {
	t.Helper()
	config.Enumerate = cmd.enumerate
	if cmd.name == "HGETALL" {
		config.HashCommand = iterator.HGETALL
	}
	if cmd.class == ofValue || cmd.class == ofKey {
		config.Enumerate = iterator.PlainScan // which leaves keys of another type out
	}
	if cmd.kind == "string" {
		s, err := schema.ParseString(cmd.text)
		require.NoError(t, err)
		it, err := iterator.NewClusterStringBatchIterator(context.Background(), m.rdb, s, checked(t, config))
		if err != nil {
			return result{err: err}
		}
		return readAll(it)
	}
	return tryHashes(t, m.rdb, cmd.text, config)
}

// readInVain is read for what will not be whole, with such an error.
func (m *matrix) readInVain(t *testing.T, cmd matrixCommand, text string) result {
	t.Helper()
	return inVain(
		func(stall time.Duration) result {
			return m.read(t, cmd, iterator.Config{StallTimeout: stall, CountHint: 20})
		},
		func(got result) bool {
			var missing *iterator.IncompleteError
			if !errors.As(got.err, &missing) || !strings.Contains(got.err.Error(), text) {
				return false
			}
			mine, err := cluster.ParseRanges(ofMaster1)
			require.NoError(t, err)
			mine = mine.Intersect(missing.Slots)
			return !mine.Empty() // others may be slow
		},
	)
}

// readPatiently is read for what will be whole, or end at once.
func (m *matrix) readPatiently(t *testing.T, cmd matrixCommand) result {
	t.Helper()
	return m.read(t, cmd, iterator.Config{StallTimeout: 20 * time.Second, CountHint: 20})
}

// faultyNode is the one that errs. The constructor tries another.
const faultyNode = 1

// answer lets the node answer a command, n times or (n < 0) always, as reply
// says. What still comes over connections of before isn't counted.
func (m *matrix) answer(cmd matrixCommand, n int64, reply func(args [][]byte) minicluster.Fault) (hits *atomic.Int64) {
	hits = &atomic.Int64{}
	before := m.last.Load()
	m.SetFault(whenExecuted(func(node, conn int, args [][]byte) *minicluster.Fault {
		for last := m.last.Load(); int64(conn) > last && !m.last.CompareAndSwap(last, int64(conn)); last = m.last.Load() {
		}
		if node != faultyNode || int64(conn) <= before || n == 0 || !sends(args, cmd.name) {
			return nil
		}
		if h := hits.Add(1); n >= 0 && h > n {
			return nil
		}
		fault := reply(args)
		return &fault
	}))
	return hits
}

// clean scans without a fault, and says what the rows are.
func (m *matrix) clean(t *testing.T, cmd matrixCommand) []string {
	t.Helper()
	m.answer(cmd, 0, nil)
	got := m.read(t, cmd, iterator.Config{})
	require.NoError(t, got.err)
	require.Len(t, got.rows, matrixKeys)
	return got.rows
}

// sends reports whether a command goes by a name, the subcommand included.
func sends(args [][]byte, name string) bool {
	for i, word := range strings.Fields(name) {
		if i >= len(args) || !strings.EqualFold(string(args[i]), word) {
			return false
		}
	}
	return true
}

// errorReply fills in what a redirect is about, and makes it a fault. Faults
// with an empty text would be none, so it goes as bytes.
func (m *matrix) errorReply(text string, args [][]byte) minicluster.Fault {
	addrs := m.Addrs()
	slot := 0
	if len(args) > 1 {
		slot = minicluster.Slot(string(args[1]))
	}
	text = strings.NewReplacer("%d", fmt.Sprint(slot), "right", addrs[faultyNode], "wrong", addrs[2], "itself", addrs[faultyNode], "dead", m.dead).Replace(text)
	return minicluster.Fault{Raw: fmt.Appendf(nil, "-%s\r\n", text)}
}

// classify says how a scan ended, and fails if that is none of the ways.
func (m *matrix) classify(t *testing.T, cmd matrixCommand, want []string, got result) outcome {
	t.Helper()
	assertUnique(t, got.rows)
	for _, row := range got.rows {
		_, found := slices.BinarySearch(want, row)
		require.True(t, found, "a row that isn't: %q", row)
	}
	addr := m.Addrs()[faultyNode]
	var missing *iterator.IncompleteError
	var node *iterator.NodeError
	switch {
	case got.err == nil && len(got.rows) == len(want):
		return whole
	case got.err == nil:
		require.EqualValues(t, len(want)-len(got.rows), got.stats.WrongType, "rows missing in silence")
		return wrongTyped
	case errors.As(got.err, &missing):
		slots := incomplete(t, got.err)
		mine, err := cluster.ParseRanges(ofMaster1)
		require.NoError(t, err)
		mine = mine.Intersect(slots)
		assert.False(t, mine.Empty(), "%s: none of the faulty node", slots) // others may be slow
		assertRows(t, notOf(want, slots.String()), notOf(got.rows, slots.String()))
		return incomplet
	case errors.As(got.err, &node):
		assert.Equal(t, addr, node.Addr)
		if (cmd.class == ofValue || cmd.class == ofScan || cmd.class == ofState) && cmd.name != "EXEC" {
			assert.True(t, strings.HasPrefix(node.Command, strings.Fields(cmd.name)[0]), "%s instead of %s", node.Command, cmd.name)
		}
		return atOnce
	default:
		require.Fail(t, "an error of another type", "%v", got.err)
		return ""
	}
}

func TestErrorReplies(t *testing.T) {
	t.Parallel()
	for _, cmd := range matrixCommands {
		t.Run(cmd.name+" "+cmd.kind, func(t *testing.T) {
			t.Parallel()
			m := newMatrix(t)
			rows := m.clean(t, cmd)
			for class, replies := range errorTexts {
				for i, text := range replies {
					for often, n := range []int64{1, 3, -1} {
						if n == 3 && class != passing && class != loggedOut || cmd.leaveOut(i+often) {
							continue
						}
						name := fmt.Sprintf("%.30q %d times", text, n)
						want := cmd.expect(class, text, often)
						hits := m.answer(cmd, n, func(args [][]byte) minicluster.Fault { return m.errorReply(text, args) })
						var got result
						if n < 0 && want == incomplet {
							got = m.readInVain(t, cmd, "")
						} else if n < 0 && want == orMissing {
							got = m.read(t, cmd, iterator.Config{StallTimeout: time.Second, CountHint: 20})
						} else {
							got = m.readPatiently(t, cmd)
						}
						end := m.classify(t, cmd, rows, got)
						if want != incomplet && want != orMissing { // where time may be too short to come so far
							require.Positive(t, hits.Load(), "%s: the command was not sent", name)
						}
						allowed := end == want || want == either && (end == whole || end == atOnce) ||
							want == orMissing && (end == whole || end == incomplet)
						if !allowed {
							assert.Fail(t, "ended otherwise", "%s: %s, instead of %s: %v", name, end, want, got.err)
						}
					}
				}
			}
		})
	}
}
