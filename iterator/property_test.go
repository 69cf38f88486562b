package iterator_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// Whatever the schema, the data, the config and the faults: the rows are those
// of an oracle, or an error says which slots are missing, or what it was that
// ended the scan. One seed makes a whole case (property_case_test.go):
//
//	seed ─► schema, data, config, server, faults ─► scan ─► judge ◄─ oracle
//
// Cases begin at another seed each time. A failure tells its seed, and how it
// is repeated.
func TestProperty(t *testing.T) {
	cases := 40
	if testing.Short() {
		cases = 15
	}
	first, n := propertySeeds(t, cases, 1)
	checkProperty(t, first, n, 2*runtime.GOMAXPROCS(0), func(seed uint64, cut propertyCut) propertyRunner { return newPropertyCase(seed, cut) })
}

const (
	// propertySeedVariable repeats the case of a seed.
	propertySeedVariable = "REDISARROW_PROPERTY_SEED"
	// propertyRunsVariable sets how many cases there are, from that seed on.
	propertyRunsVariable = "REDISARROW_PROPERTY_RUNS"
)

// propertySeeds are the first seed and how many there are. Of the number that
// is asked for, a share is meant.
func propertySeeds(t *testing.T, n int, share float64) (uint64, int) {
	t.Helper()
	first := rand.Uint64()
	if text := os.Getenv(propertySeedVariable); text != "" {
		var err error
		first, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err, propertySeedVariable)
		n = 1
	}
	if text := os.Getenv(propertyRunsVariable); text != "" {
		all, err := strconv.Atoi(text)
		require.NoError(t, err, propertyRunsVariable)
		n = max(1, int(float64(all)*share))
	}
	return first, n
}

// propertyRunner is a case.
type propertyRunner interface {
	// run says how the scan has ended, whether something has happened to it,
	// and what is wrong with it.
	run() (end propertyEnd, happened bool, err error)
	// parts are how many keys and faults may be left out.
	parts() (keys, faults int)
	String() string
}

// checkProperty runs cases, some at a time, until one fails.
func checkProperty(t *testing.T, first uint64, n, atATime int, newCase func(uint64, propertyCut) propertyRunner) {
	t.Helper()
	var (
		tally  propertyTally
		failed atomic.Bool
		group  errgroup.Group
	)
	group.SetLimit(atATime)
	for i := range uint64(n) {
		group.Go(func() error {
			if failed.Load() {
				return nil
			}
			seed := first + i
			c := newCase(seed, propertyCut{})
			end, happened, err := c.run()
			tally.add(end, happened)
			if err != nil && !failed.Swap(true) {
				t.Errorf("%v\n  seed    %d; repeat it: %s=%d go test ./iterator -run '^%s$'\n%v%s",
					err, seed, propertySeedVariable, seed, t.Name(), c, shrink(seed, newCase))
			}
			return nil
		})
	}
	_ = group.Wait()
	t.Log(&tally)
}

// shrink looks for a simpler case that fails too.
func shrink(seed uint64, newCase func(uint64, propertyCut) propertyRunner) string {
	var cut propertyCut
	var last error
	try := func(simpler propertyCut) bool {
		_, _, err := newCase(seed, simpler).run()
		if err != nil {
			cut, last = simpler, err
		}
		return err != nil
	}
	keys, faults := newCase(seed, cut).parts()
	try(propertyCut{network: true})
	for i := range faults {
		simpler := cut
		simpler.faults = append(cut.faults[:len(cut.faults):len(cut.faults)], i)
		try(simpler)
	}
	for simpler := cut; keys > 1; {
		keys /= 2
		if simpler.keys = keys; !try(simpler) {
			break
		}
	}
	if last == nil {
		return "  no simpler case fails"
	}
	return fmt.Sprintf("  A simpler case fails too: %v\n%v", last, newCase(seed, cut))
}

// propertyTally counts how cases have ended.
type propertyTally struct {
	mu             sync.Mutex
	ends           map[propertyEnd]int
	runs, happened int
}

func (t *propertyTally) add(end propertyEnd, happened bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ends == nil {
		t.ends = map[propertyEnd]int{}
	}
	t.ends[end]++
	t.runs++
	if happened {
		t.happened++
	}
}

func (t *propertyTally) String() string {
	return fmt.Sprintf("%d cases, to %d of them something happened; they ended %v", t.runs, t.happened, t.ends)
}

// Every type of the schema's text form has a line in propertyTypes, and most
// of its random texts fit.
func TestPropertyTypes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, word := range schemaWords() {
		if !assert.Contains(t, propertyTypes, word) {
			continue
		}
		fit := 0
		for range 200 {
			typ := propertyTypes[word](r, word)
			if _, ok := typ.cell(typ.texts(r)); ok {
				fit++
			}
		}
		assert.Greater(t, fit, 100, word)
	}
}
