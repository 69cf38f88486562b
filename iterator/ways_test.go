package iterator_test

import (
	"bytes"
	"sync"
	"testing"

	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/internal/resp"
	"github.com/redisarrow/redisarrow/iterator"
)

// fakeWay is a way to enumerate a fake.
type fakeWay struct {
	name      string
	enumerate iterator.Enumeration
	tables    bool   // the fake has a table for each slot
	command   string // that lists keys
}

const (
	listsSlot = "CLUSTER GETKEYSINSLOT"
	listsNode = "SCAN"
)

// The ways of fakes. The first is the one of a plain fake, if nothing is said.
var fakeWays = []fakeWay{
	{"keysinslot", iterator.KeysInSlot, false, listsSlot},
	{"plainscan", iterator.PlainScan, false, listsNode},
	{"slotscan", iterator.SlotScan, true, listsNode},
}

// inEachWay runs a test for each way to enumerate a fake.
func inEachWay(t *testing.T, test func(t *testing.T, way fakeWay)) {
	t.Helper()
	for _, way := range fakeWays {
		t.Run(way.name, func(t *testing.T) { test(t, way) })
	}
}

// server is the fake for the way.
func (w fakeWay) server(config minicluster.Config) minicluster.Config {
	config.SlotTables = w.tables
	return config
}

// scan is the config for the way.
func (w fakeWay) scan(config iterator.Config) iterator.Config {
	config.Enumerate = w.enumerate
	return config
}

// lists reports whether a command lists keys in the way.
func (w fakeWay) lists(args [][]byte) bool { return sends(args, w.command) }

// whenExecuted lets the faults of commands that stand in a transaction strike
// the replies that EXEC has for them: what is queued is answered by QUEUED.
// Errors, which servers mostly answer instead of that, come there as before.
func whenExecuted(f minicluster.FaultFunc) minicluster.FaultFunc {
	var (
		mu     sync.Mutex
		queues = map[int][]*minicluster.Fault{} // by connection: of the commands since MULTI
	)
	return func(node, conn int, args [][]byte) *minicluster.Fault {
		fault := f(node, conn, args)
		mu.Lock()
		defer mu.Unlock()
		queue, queuing := queues[conn]
		switch {
		case sends(args, "MULTI"):
			queues[conn] = []*minicluster.Fault{}
		case sends(args, "EXEC") && queuing:
			delete(queues, conn)
			return executed(queue, fault)
		case queuing:
			var later *minicluster.Fault
			if fault != nil && (fault.Raw != nil && !bytes.HasPrefix(fault.Raw, []byte("-")) || fault.Edit != nil || fault.Close == minicluster.CloseWithin) {
				now, then := *fault, *fault
				now.Raw, now.Edit, now.Close, now.After = nil, nil, minicluster.CloseNever, nil
				then.Before, then.Stall, then.Delay = nil, nil, 0
				fault, later = &now, &then
			}
			queues[conn] = append(queue, later)
		}
		return fault
	}
}

// executed is the fault of an EXEC whose queued commands have faults.
func executed(queue []*minicluster.Fault, own *minicluster.Fault) *minicluster.Fault {
	struck := false
	for _, f := range queue {
		struck = struck || f != nil
	}
	if own != nil && (own.Error != "" || own.Raw != nil) {
		// Whatever EXEC is answered by, the transaction is over.
		edited := *own
		edited.Error, edited.Raw = "", nil
		edited.Edit = func([]byte) []byte {
			if own.Raw != nil {
				return own.Raw
			}
			return []byte("-" + own.Error + "\r\n")
		}
		return &edited
	}
	if own != nil || !struck {
		return own
	}
	out := &minicluster.Fault{}
	out.Edit = func(reply []byte) []byte {
		header := bytes.Index(reply, []byte("\r\n")) + 2
		if reply[0] != '*' {
			return reply // refused
		}
		edited := bytes.Clone(reply[:header])
		rest := reply[header:]
		for i := 0; len(rest) > 0; i++ {
			one := rest[:replyLength(rest)]
			rest = rest[len(one):]
			if f := queue[i]; f != nil {
				if f.Raw != nil {
					one = f.Raw
				}
				if f.Edit != nil {
					one = f.Edit(bytes.Clone(one))
				}
				if f.Close != minicluster.CloseNever && out.Close == minicluster.CloseNever {
					out.Close, out.CloseBytes = minicluster.CloseWithin, len(edited)+len(one)
					if f.Close == minicluster.CloseWithin {
						out.CloseBytes = len(edited) + min(f.CloseBytes, len(one))
					}
				}
				if f.After != nil {
					out.After = f.After
				}
			}
			edited = append(edited, one...)
		}
		return edited
	}
	return out
}

// replyLength is how long the first of some replies is.
func replyLength(replies []byte) int {
	r := resp.NewReader(bytes.NewReader(replies), len(replies))
	if err := r.Skip(); err != nil {
		panic(err)
	}
	return int(r.BytesRead())
}
