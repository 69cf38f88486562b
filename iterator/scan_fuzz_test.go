package iterator_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/iterator"
)

// FuzzScan scans a small cluster that answers by scripts. Whatever it does to
// the scan, that ends, panics nowhere, leaves behind neither memory nor a
// connection nor a goroutine (the bubble's runtime sees to that), and
//
//   - has no wrong row, and no key twice,
//   - and if it ends without an error, has no row too few; if with
//     ErrIncomplete, none of a slot that isn't named,
//
// unless it was told what it couldn't doubt, see lies.
func FuzzScan(f *testing.F) {
	redis.SetLogger(discard{})
	n := 0
	mishapCases(func(s fuzzSettings, first, second []byte) {
		if n++; n%50 == 0 { // the fuzzer runs all of them each time that it starts
			f.Add(s.number(), first, second)
		}
	})
	f.Fuzz(func(t *testing.T, settings uint32, first, second []byte) {
		if len(first) > 512 || len(second) > 512 {
			return
		}
		synctest.Test(t, func(t *testing.T) { fuzzScan(t, settings, first, second) })
	})
}

// What FuzzScan promises, of each single mishap.
func TestScanMishaps(t *testing.T) {
	redis.SetLogger(discard{})
	n := 0
	mishapCases(func(s fuzzSettings, first, second []byte) {
		if n++; testing.Short() && n%10 > 0 {
			return
		}
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			defer func() {
				if t.Failed() {
					t.Logf("settings %+v, scripts %q and %q", s, first, second)
				}
			}()
			synctest.Test(t, func(t *testing.T) { fuzzScan(t, s.number(), first, second) })
		})
	})
}

// mishapCases calls do with settings, and scripts for two nodes.
func mishapCases(do func(s fuzzSettings, first, second []byte)) {
	for kind := range fuzzKinds {
		// Each mishap to a command of each group.
		do(fuzzSettings{kind: kind}, nil, nil)
		for what := range byte(mishaps) {
			for group := range commandGroups {
				do(fuzzSettings{kind: kind, twoMasters: 1}, misfortune(group, int(what)%3, what, what, byte(group)), nil)
			}
		}
		// One part of a reply, changed in each way.
		for _, group := range []int{scanCommand, valueCommand, metadataCommand} {
			for how := range byte(8) {
				for which := range byte(3) {
					do(fuzzSettings{kind: kind}, misfortune(group, int(which), changedReply, which, how, 6), nil)
				}
			}
		}
		// What lasts, while others wait for rows to be free; and readers that leave.
		for what := range byte(lastLasting + 1) {
			for _, group := range []int{scanCommand, valueCommand} {
				for concurrency := range 2 {
					do(fuzzSettings{kind: kind, twoMasters: 1, maxRows: 2, concurrency: concurrency}, misfortune(group, 1, what|lasting, 13), nil)
					do(fuzzSettings{kind: kind, twoMasters: 1, batch: 2, early: 3, concurrency: concurrency}, nil, misfortune(group, 1, what, 13))
				}
			}
		}
	}
	// Slots that move while pages of one key are read, there, or there and back.
	for slot := range byte(10) {
		for _, skip := range []int{1, 3, 5} {
			for what := range byte(3) {
				there := misfortune(scanCommand, skip, event, 1<<4+what, slot)
				back := misfortune(scanCommand, 2, event, 0<<4+what, slot)
				do(fuzzSettings{twoMasters: 1, count: 2}, there, nil)
				do(fuzzSettings{twoMasters: 1, count: 2}, append(there, back...), nil)
			}
		}
	}
}

// discard is go-redis's logger.
type discard struct{}

func (discard) Printf(context.Context, string, ...any) {}

func fuzzScan(t *testing.T, settings uint32, first, second []byte) {
	run := newFuzzRun(settings)
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	run.config.Allocator = mem
	c, err := minicluster.Start(run.cluster)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	want := run.fill(c)
	var open atomic.Int64
	rdb := run.client(c, counted(c.Dial, &open))
	defer rdb.Close()

	const ages = time.Hour // of the bubble's time
	ctx, cancel := context.WithTimeout(t.Context(), ages)
	defer cancel()
	chaos := &chaos{Cluster: c, cancel: cancel, scripts: [2]script{{rest: slices.Clone(first)}, {rest: slices.Clone(second)}}}
	chaos.lies.keys = map[string]bool{}
	c.SetFault(chaos.fault)

	var rows []string
	it, err := run.open(ctx, rdb)
	if err == nil {
		rows, err = run.read(it)
	}
	c.SetFault(nil)
	if synctest.Wait(); open.Load() != 0 {
		t.Errorf("%d connections are left open", open.Load())
	}
	chaos.mu.Lock()
	defer chaos.mu.Unlock()
	if chaos.commands > maxCommands || errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t.Errorf("no end after %d commands: %v", chaos.commands, err)
	}
	if err != nil && strings.Contains(err.Error(), fuzzPassword) {
		t.Errorf("the password is in %v", err)
	}
	if c.Count(-1, "SCAN") == 0 && len(rows) == 0 && err != nil {
		return // ended before the first row: the slots named are those that are the cause
	}
	run.check(t, want, rows, err, &chaos.lies)
}

// errReleased stands for what was not read to the end.
var errReleased = errors.New("released early")

func (r *fuzzRun) read(it reader) (rows []string, err error) {
	defer it.Release()
	for n := 0; it.Next(); n++ {
		rows = append(rows, cells(it.RecordBatch())...)
		if r.early && n == 1 {
			return rows, errReleased
		}
	}
	return rows, it.Err()
}

// check compares the rows with those wanted.
func (r *fuzzRun) check(t *testing.T, want map[string]string, rows []string, err error, l *lies) {
	got := map[string]bool{}
	for _, row := range rows {
		key, _, _ := strings.Cut(row, "|")
		if row != want[key] && !l.everything && !l.keys[key] {
			t.Errorf("row %q instead of %q", row, want[key])
		}
		if got[key] && !l.everything && !l.repeats {
			t.Errorf("key %q twice", key)
		}
		got[key] = true
	}
	if r.config.MaxRows > 0 && int64(len(rows)) > r.config.MaxRows {
		t.Errorf("%d rows instead of %d", len(rows), r.config.MaxRows)
	}
	var missing cluster.SlotSet
	var incomplete *iterator.IncompleteError
	switch {
	case errors.As(err, &incomplete):
		missing = incomplete.Slots
		var covered cluster.SlotSet
		for _, reason := range incomplete.Reasons {
			covered = covered.Union(reason.Slots)
		}
		if missing.Empty() || covered != missing {
			t.Errorf("the reasons of %v cover %v", missing, covered)
		}
	case err != nil:
		return
	}
	if l.everything || l.existence || r.config.MaxRows > 0 && int64(len(rows)) == r.config.MaxRows {
		return
	}
	for key, row := range want {
		if !got[key] && !l.keys[key] && !missing.Has(cluster.Slot([]byte(key))) {
			t.Errorf("no row %q, error %v", row, err)
		}
	}
}
