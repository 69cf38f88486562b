package scan

import (
	"log/slog"
	"testing"
	"time"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/stretchr/testify/assert"
)

// Who doesn't observe pays nothing.
func TestUnobservedAllocatesNothing(t *testing.T) {
	p := &pass{scan: &Scan{log: slog.New(slog.DiscardHandler)}}
	begun := time.Now()
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		p.count.Rows++
		p.toldPage(begun)
		p.redirected("a:1", cluster.Redirect{Addr: "b:2"}, 7)
		p.toldAll(nil)
		_ = p.ahead()
	}))
}

func TestCountersMinus(t *testing.T) {
	a := Counters{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	sum := a
	sum.Add(a)
	assert.Equal(t, a, sum.minus(a))
	assert.Equal(t, Counters{}, a.minus(a))
}

func TestCountFrom(t *testing.T) {
	all := cluster.AllSlots()
	for _, first := range []uint16{0, 1, 63, 64, 65, 8191, 16383} {
		assert.Equal(t, cluster.Slots-int(first), countFrom(&all, first))
	}
	some, err := cluster.ParseRanges("5,63-64,16383")
	assert.NoError(t, err)
	for first, want := range map[uint16]int{0: 4, 5: 4, 6: 3, 63: 3, 64: 2, 65: 1, 16383: 1} {
		assert.Equal(t, want, countFrom(&some, first), first)
	}
}

// A topology is told when it has changed, in whatever order the masters come.
func TestTopologyTold(t *testing.T) {
	low, high := between(0, 100), between(100, 200)
	a, b := MasterState{"a", "h:1", low, true}, MasterState{"b", "h:2", high, true}
	var told []TopologyEvent
	s := &Scan{observer: Observer{Topology: func(e TopologyEvent) { told = append(told, e) }}}
	for _, e := range []TopologyEvent{
		{Masters: []MasterState{b, a}},
		{Masters: []MasterState{a, b}, Survey: 1},
		{Masters: []MasterState{a, b}, Survey: 2, Silent: errNoMaster},
		{Masters: []MasterState{a, b}, Survey: 3, Silent: errNoMaster},
		{Masters: []MasterState{a}, Survey: 4, Unowned: high},
		{Masters: []MasterState{a}, Survey: 5, Unowned: high, Migrating: low},
	} {
		s.toldTopology(e)
	}
	var surveys []int
	for _, e := range told {
		surveys = append(surveys, e.Survey)
	}
	assert.Equal(t, []int{0, 2, 4, 5}, surveys)
	assert.Equal(t, []MasterState{a, b}, told[0].Masters)
}
