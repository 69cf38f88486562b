//go:build !race

package iterator_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// mutant is a fault put into the engine on purpose: a change to one of its
// files, which takes effect once in so many times that the place is passed. In
// the text that is put in, ‹…› stands for whether it is its turn. A fault that
// takes several changes has a mutant for each, with one name.
type mutant struct {
	name     string
	file     string // from the module's root
	old, new string
	oneIn    int
	found    string // what the property test says of it: a pattern; "" for a further change
	first    uint64 // the seed to begin at; it is found from any, but later
}

// mutants are what TestProperty must find.
var mutants = []mutant{
	{
		"a reply dropped", "iterator/builder.go",
		"	return b.finishRow(key), nil\n",
		"	if ‹…› {\n\t\tb.rollback()\n\t\treturn scan.Result{Outcome: scan.Vanished}, nil\n\t}\n	return b.finishRow(key), nil\n",
		50, "a row is missing", 1,
	},
	{
		"a key dropped", "internal/scan/pass.go",
		"		fresh = true\n		return true\n",
		"		fresh = true\n		return !‹…›\n",
		50, "a row is missing", 1,
	},
	{
		"a row given to its neighbour's key", "internal/scan/fetch.go",
		"		key := pg.key(pg.received)\n",
		"		key := pg.key(pg.received)\n		if pg.received+1 < pg.len() && ‹…› {\n			key = pg.key(pg.received + 1)\n		}\n",
		50, "a row ", 1,
	},
	{
		"a page read twice", "internal/scan/pass.go",
		"		p.pages = append(p.pages, pg)\n",
		"		p.pages = append(p.pages, pg)\n		if ‹…› {\n			p.pages = append(p.pages, &page{number: pg.number, keys: append([]byte(nil), pg.keys...), ends: append([]int(nil), pg.ends...)})\n		}\n",
		5, `a row given \d+ times`, 1,
	},
	{
		"repeats not told", "internal/scan/seen.go",
		"		case h:\n			return false\n",
		"		case h:\n			return ‹…›\n",
		1, `a row given \d+ times`, 1,
	},
	{
		"a wrong TTL", "iterator/builder.go",
		"			b.ttl.AppendInt64(h.N)\n",
		"			if ‹…› {\n				h.N++\n			}\n			b.ttl.AppendInt64(h.N)\n",
		20, "a row with a TTL of", 1,
	},
	{
		"a key forgotten when a connection is lost", "internal/scan/link.go",
		"		pg.sent = pg.received\n",
		"		if pg.received+1 < pg.len() && ‹…› {\n			pg.received++\n		}\n		pg.sent = pg.received\n",
		1, "a row is missing", 1,
	},
	{
		"a cursor taken to a restarted server", "internal/scan/link.go",
		"		case p.start.runID != now.runID:\n",
		"		case p.start.runID != now.runID && !‹…›:\n",
		1, "a row ", 640,
	},
	{
		"a cut row left in its batch", "iterator/builder.go",
		"	if err != nil {\n		b.rollback()\n		return res, err\n	}\n	if len(b.metadata) > 0 && !b.value.bare(step) {\n",
		"	if err != nil {\n		if !‹…› {\n			b.rollback()\n		}\n		return res, err\n	}\n	if len(b.metadata) > 0 && !b.value.bare(step) {\n",
		1, "a row ", 1,
	},
	{
		"a moved slot promised", "internal/scan/guard.go",
		"	v.owned = self.slots\n",
		"	if ‹…› {\n		self.slots = cluster.AllSlots()\n	}\n	v.owned = self.slots\n",
		1, "a row is missing", 1,
	},
	{
		"a moved slot promised", "internal/scan/rule.go",
		"	again(left.Minus(owner.slots), errMoved)\n",
		"	if !‹…› {\n		again(left.Minus(owner.slots), errMoved)\n	}\n",
		1, "", 1,
	},
	{
		"the guard ignored", "internal/scan/guard.go",
		"		v.safe = self.slots.Minus(self.marked())\n",
		"		v.safe = self.slots.Minus(self.marked())\n		if ‹…› {\n			v.safe = cluster.AllSlots()\n		}\n",
		1, "a row is missing", 1,
	},
	{
		"the others not asked", "internal/scan/survey.go",
		"	s.take(&agreed)\n	return s\n",
		"	if ‹…› { // each is believed what it says of itself\n" +
			"		s.silent = nil\n		for _, a := range answers {\n			if a.view != nil && a.view.Self.Master() {\n" +
			"				self := &a.view.Self\n				s.members[self.ID] = &member{id: self.ID, addr: a.addr, up: a.up, epoch: self.Epoch, slots: self.Slots, migrating: a.view.Migrating, importing: a.view.Importing}\n" +
			"			}\n		}\n		return s\n	}\n	s.take(&agreed)\n	return s\n",
		1, "a row is missing", 1,
	},
	{
		"marks ignored", "internal/scan/survey.go",
		"	return open.Intersect(m.slots)\n",
		"	if ‹…› {\n		return cluster.SlotSet{}\n	}\n	return open.Intersect(m.slots)\n",
		1, "a row is missing", 1,
	},
	{
		"one end of a migration read", "internal/scan/task.go",
		"	second := t.other(half)\n",
		"	second := t.other(half)\n	if ‹…› {\n		s.ledger.read(second.span(half, s.surveyor.begun()))\n		return nil\n	}\n",
		1, "a row is missing", 1,
	},
	{
		"rows given before forgotten", "internal/scan/ledger.go",
		"	l.reading = l.reading.Union(claimed)\n",
		"	l.reading = l.reading.Union(claimed)\n	if ‹…› {\n		for slot := range claimed.All() {\n			l.memory.recycle(&l.keys[slot])\n		}\n	}\n",
		1, `a row given \d+ times`, 1,
	},
	{
		"rows not given remembered", "internal/scan/fetch.go",
		"	forget := func(key []byte) {\n",
		"	forget := func(key []byte) {\n		if ‹…› {\n			return\n		}\n",
		1, "a row is missing", 1,
	},
	{
		"a slot promised before its rows", "internal/scan/pass.go",
		"	var read cluster.SlotSet\n	n := 0\n",
		"	var read cluster.SlotSet\n	if ‹…› {\n		oldest = p.number + 1\n	}\n	n := 0\n",
		1, "a row is missing", 1,
	},
	{
		"nil after ASK taken for vanished", "internal/scan/follow.go",
		"		case res.Outcome == Vanished && asking && misses < maxMisses:\n",
		"		case res.Outcome == Vanished && asking && misses < maxMisses && !‹…›:\n",
		1, "a row is missing", 1,
	},
	{
		"a batch too long", "iterator/builder.go",
		"	full := b.rows >= b.config.BatchSize\n",
		"	full := b.rows >= b.config.BatchSize && !‹…›\n",
		10, "BatchSize is", 1,
	},
	{
		"an index twice", "iterator/reader.go",
		"	r.row += uint64(b.rows)\n",
		"	if !‹…› {\n		r.row += uint64(b.rows)\n	}\n",
		10, "has the index", 1,
	},
	{
		"a bad cell passed over", "iterator/builder.go",
		"	b.badCells++\n",
		"	if ‹…› {\n		return\n	}\n	b.badCells++\n",
		3, "bad cell|a row that no key has", 1,
	},
	{
		"memory lost", "iterator/reader.go",
		"	if r.batch != nil {\n		r.batch.Release()\n",
		"	if r.batch != nil {\n		if !‹…› {\n			r.batch.Release()\n		}\n",
		10, "bytes are not given back", 1,
	},
	{
		"rows beyond the limit", "internal/scan/limit.go",
		"	n = int(min(int64(n), l.free))\n",
		"	if ‹…› {\n		l.free++\n	}\n	n = int(min(int64(n), l.free))\n",
		2, "MaxRows is", 1,
	},
}

// allMutantsVariable, set to anything, has the stubborn ones looked for too.
const allMutantsVariable = "REDISARROW_PROPERTY_ALL_MUTANTS"

// stubborn are mutants that take minutes to be found, or may not be within the
// cases that are tried: most are parts of the rule, which TestRuleNeedsItsParts of
// internal/scan and tests of their own watch over.
var stubborn = map[string]bool{
	"a cut row left in its batch":      true,
	"the guard ignored":                true,
	"the others not asked":             true,
	"marks ignored":                    true,
	"one end of a migration read":      true,
	"rows given before forgotten":      true,
	"rows not given remembered":        true,
	"a slot promised before its rows":  true,
	"nil after ASK taken for vanished": true,
}

// mutantVariable names the mutant that is awake in the mutated program.
const mutantVariable = "REDISARROW_MUTANT"

// mutantSource is added to the packages that are mutated.
const mutantSource = `package %s

import (
	"os"
	"sync/atomic"
)

var (
	mutantAwake  = os.Getenv("` + mutantVariable + `")
	mutantPassed atomic.Int64
)

// mutates reports whether it is a mutant's turn.
func mutates(name string, oneIn int64) bool {
	return mutantAwake == name && mutantPassed.Add(1)%%oneIn == 0
}
`

// The test of the property test: it finds each of the mutants, and nothing
// where they sleep. No hook for them is in the code: the compiler is given
// changed files in place of the engine's (go help build: -overlay).
func TestPropertyFindsMutants(t *testing.T) {
	program := buildMutants(t)
	run := func(awake string, first uint64, cases int) (failed bool, out string) {
		cmd := exec.CommandContext(t.Context(), program, "-test.run=^TestProperty$", "-test.v")
		// The same cases each time, and many more than it takes.
		cmd.Env = append(os.Environ(), mutantVariable+"="+awake,
			fmt.Sprint(propertySeedVariable, "=", first), fmt.Sprint(propertyRunsVariable, "=", cases))
		text, err := cmd.CombinedOutput()
		return err != nil, string(text)
	}
	failed, out := run("", 1, 20)
	require.False(t, failed, "without a mutant: %s", out)
	var running errgroup.Group
	running.SetLimit(runtime.GOMAXPROCS(0))
	for _, m := range mutants {
		if stubborn[m.name] && os.Getenv(allMutantsVariable) == "" {
			continue
		}
		if m.found == "" {
			continue
		}
		running.Go(func() error {
			begun := time.Now()
			failed, out := run(m.name, m.first, 3000)
			t.Logf("%s: found in %v: %s", m.name, time.Since(begun).Round(time.Second/10), regexp.MustCompile(`seed +\d+`).FindString(out))
			assert.True(t, failed, "%s was not found: %s", m.name, out)
			assert.Regexp(t, m.found, out, m.name)
			assert.Contains(t, out, "repeat it: "+propertySeedVariable+"=", m.name)
			return nil
		})
	}
	_ = running.Wait()
}

// buildMutants builds this package's tests with all mutants in the engine, and
// returns the program's path.
func buildMutants(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	dir := t.TempDir()
	sources := map[string]string{}
	for _, m := range mutants {
		source, ok := sources[m.file]
		if !ok {
			text, err := os.ReadFile(filepath.Join(root, m.file))
			require.NoError(t, err)
			source = string(text)
		}
		require.Equal(t, 1, strings.Count(source, m.old), "mutant %q: the text that it changes isn't in %s once: renew the mutant", m.name, m.file)
		turn := fmt.Sprintf("mutates(%q, %d)", m.name, m.oneIn)
		sources[m.file] = strings.Replace(source, m.old, strings.ReplaceAll(m.new, "‹…›", turn), 1)

		folder := filepath.Dir(m.file)
		sources[filepath.Join(folder, "mutant.go")] = fmt.Sprintf(mutantSource, filepath.Base(folder))
	}
	replace := map[string]string{}
	for file, source := range sources {
		changed := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		require.NoError(t, os.WriteFile(changed, []byte(source), 0o600))
		replace[filepath.Join(root, file)] = changed
	}
	overlay := filepath.Join(dir, "overlay.json")
	text, err := json.Marshal(map[string]any{"Replace": replace})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(overlay, text, 0o600))

	program := filepath.Join(dir, "mutants.test")
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", overlay, "-o", program, ".")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return program
}
