package scan

import (
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/stretchr/testify/require"
)

// weakness is what the scanner of a world is kept from seeing.
type weakness struct {
	guard  bool // what its guards read is what was said in the survey before
	multi  bool // MULTI may not be used
	before bool // in the survey before, each owner's word alone counts
	after  bool // in the survey after
	marks  bool // no view has marks of migrations
	run    bool // a process is taken for the one before it
	epoch  bool // all epochs are the same
	seen   bool // what has been emitted of a slot is forgotten when it is read again
	held   bool // that it has given slots back already
}

// alone is a survey in which nobody has said anything of others: the surveys of
// each server alone, side by side.
func alone(number int, answers []answer) *survey {
	s := &survey{number: number, members: map[string]*member{}, dead: map[string]string{}}
	s.unowned = cluster.AllSlots()
	for _, a := range answers {
		if a.view == nil || !a.view.Self.Master() {
			continue
		}
		view := *a.view
		view.Others = nil
		a.view = &view
		one := newSurvey(number, []answer{a})
		for id, m := range one.members {
			s.members[id] = m
			s.unowned = s.unowned.Minus(m.slots)
		}
	}
	if len(s.members) == 0 {
		s.silent = errNoMaster
	}
	return s
}

// outcome is what came of a world.
type outcome struct {
	wrong   string // what isn't as the rule promises
	stuck   bool   // the scan has not come to its end
	trace   []string
	early   int // slots done while things still happened
	events  int
	surveys int
	reread  int64
}

// maxSteps is how many steps a scan may take when nothing happens any more.
const maxSteps = 5000

// runWorld runs a scan in a world.
func runWorld(seed uint64, weak weakness, tracing bool) (o outcome) {
	w := newWorld(seed, weak, tracing)
	t := &w.terms
	w.note("seed %d: %+v", seed, *t)
	for range t.eventsBefore {
		w.happen()
	}
	sc := newScanner(w)
	w.begin()
	for o.events < t.eventsDuring && !sc.finished && w.wrong == "" {
		if w.chance(2) {
			for n := w.rng.IntN(t.eventsInARow) + 1; n > 0 && w.wrong == ""; n-- {
				w.happen()
				o.events++
			}
			continue
		}
		for n := w.rng.IntN(t.stepsInARow) + 1; n > 0 && !sc.finished && w.wrong == ""; n-- {
			sc.step()
		}
	}
	o.early = sc.scan.ledger.done.Len()
	if w.wrong == "" && !sc.finished {
		w.heal()
		for range maxSteps {
			if sc.step(); sc.finished || w.wrong != "" {
				break
			}
		}
		if o.stuck = !sc.finished && w.wrong == ""; o.stuck {
			w.fail("the scan doesn't come to its end: %+v", sc.scan.ledger.standing())
			for _, r := range sc.scan.ledger.reasons {
				w.note("slots %s: %v", r.Slots, r.Err)
			}
		}
	}
	o.wrong, o.trace = w.wrong, w.trace
	o.surveys, o.reread = sc.scan.surveyor.started, sc.scan.ledger.reread
	sc.release()
	return o
}

// runs is how many worlds a test runs.
func runs(t *testing.T, usual int) int {
	if n, err := strconv.Atoi(os.Getenv("REDISARROW_WORLD_RUNS")); err == nil {
		return n
	}
	if testing.Short() {
		return usual / 20
	}
	return usual
}

// firstSeed is where a test of many worlds begins.
func firstSeed() uint64 {
	n, _ := strconv.ParseUint(os.Getenv("REDISARROW_WORLD_SEED"), 10, 64)
	return n
}

// eachWorld runs worlds on all processors until one of them goes wrong, or visit
// wants no more.
func eachWorld(n int, weak weakness, visit func(seed uint64, o *outcome) bool) {
	var next atomic.Uint64
	var mu sync.Mutex
	var running sync.WaitGroup
	first := firstSeed()
	ended := false
	// There is little that lives long, and much that doesn't.
	defer debug.SetGCPercent(debug.SetGCPercent(1000))
	for range runtime.GOMAXPROCS(0) {
		running.Go(func() {
			for {
				i := next.Add(1) - 1
				if i >= uint64(n) {
					return
				}
				o := runWorld(first+i, weak, false)
				mu.Lock()
				ended = ended || !visit(first+i, &o)
				over := ended
				mu.Unlock()
				if over {
					return
				}
			}
		})
	}
	running.Wait()
}

// Whatever happens in a cluster: when a slot is done, each key of it that has been
// there all the time has its row; no key has two; and when nothing happens any more,
// every slot will be done.
//
// REDISARROW_WORLD_RUNS runs more worlds, REDISARROW_WORLD_SEED others: with a run
// of 1 the one that has failed.
func TestRule(t *testing.T) {
	var worlds, early, events, surveys, reread int
	eachWorld(runs(t, 20_000), weakness{}, func(seed uint64, o *outcome) bool {
		worlds, early, events = worlds+1, early+o.early, events+o.events
		surveys, reread = surveys+o.surveys, reread+int(o.reread)
		if o.wrong == "" {
			return true
		}
		if !t.Failed() {
			again := runWorld(seed, weakness{}, true)
			t.Errorf("REDISARROW_WORLD_SEED=%d REDISARROW_WORLD_RUNS=1: %s\n%s", seed, o.wrong, strings.Join(again.trace, "\n"))
		}
		return false
	})
	t.Logf("%d worlds, %d events, %d slots done meanwhile, %d surveys, %d slots read again", worlds, events, early, surveys, reread)
	require.False(t, t.Failed())
}

// A world is the same each time.
func TestWorldsRepeat(t *testing.T) {
	for seed := range uint64(50) {
		first, second := runWorld(seed, weakness{}, true), runWorld(seed, weakness{}, true)
		require.Equal(t, first, second, "seed %d", seed)
	}
}

// Each part of the rule is needed: without it, some key is missed, or has two rows.
// (That nil after ASK isn't taken for vanished is another matter, as a key that is
// moved back can't be read meanwhile: TestNilAfterAskIsNotTheEnd.)
//
// Two parts aren't known to be needed: that everybody is asked before, as well as
// after, and that the guard is of the same instant, and not before and after each
// piece. Neither these worlds nor the model have a case where the rest doesn't say it
// all. (A migration that is opened and rolled back between two words of the guard has
// keys that can't be read meanwhile: none that are owed.) REDISARROW_WORLD_UNKNOWN
// looks for one.
func TestRuleNeedsItsParts(t *testing.T) {
	weaknesses := map[string]weakness{
		"views before and after instead of the guard": {guard: true},
		"nobody else asked":                           {before: true, after: true},
		"nobody else asked after":                     {after: true},
		"no marks of migrations":                      {marks: true},
		"no run ID":                                   {run: true},
		"no epoch":                                    {epoch: true},
		"no key remembered":                           {seen: true},
		"slots given back that others hold":           {held: true},
	}
	if os.Getenv("REDISARROW_WORLD_UNKNOWN") != "" {
		weaknesses = map[string]weakness{"nobody else asked before": {before: true}, "the guard in another instant": {multi: true}}
	}
	for name, weak := range weaknesses {
		t.Run(name, func(t *testing.T) {
			worlds := 0
			var found *outcome
			eachWorld(max(runs(t, 50_000), 20_000), weak, func(seed uint64, o *outcome) bool {
				worlds++
				if o.wrong == "" || o.stuck {
					return true
				}
				if found == nil {
					found = o
					t.Logf("seed %d, after %d worlds: %s", seed, worlds, o.wrong)
				}
				return false
			})
			require.NotNil(t, found, "not noticed in %d worlds", worlds)
		})
	}
}
