package testcluster

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func lines(events []Event) string {
	var all []string
	for _, e := range events {
		all = append(all, e.String())
	}
	return strings.Join(all, "\n")
}

func TestScript(t *testing.T) {
	seen := make(map[Kind]int)
	scripts := make(map[string]bool)
	for seed := range uint64(300) {
		config := ScriptConfig{Atomic: seed%2 == 0}
		events := Script(seed, config)
		assert.Equal(t, events, Script(seed, config), "the seed alone says what happens")
		assert.GreaterOrEqual(t, len(events), 6)
		scripts[lines(events)] = true
		open, away := make(map[int]bool), make(map[int]bool)
		for _, e := range events {
			seen[e.Kind]++
			assert.NotContains(t, e.String(), "\n")
			switch e.Kind {
			case Open:
				open[e.Shard], open[e.To] = true, true
			case Close:
				clear(open) // some of it
			case KillMaster, HandOver, CutOff, Bounce:
				assert.Empty(t, away[e.Shard], "seed %d: %v", seed, e)
			}
			switch e.Kind {
			case KillMaster, HandOver, CutOff, Bounce:
				assert.False(t, open[e.Shard], "seed %d: the marks of an open migration die with a master: %v", seed, e)
			}
			switch e.Kind {
			case KillMaster, KillReplica, CutOff:
				away[e.Shard] = true
			case Restart, Rejoin:
				delete(away, e.Shard)
			}
		}
	}
	assert.Len(t, scripts, 300)
	for _, kind := range []Kind{
		Move, Return, Chain, Open, Close, RollBack, Atomic, HandOver, KillMaster, KillReplica, Restart, Bounce, CutOff,
		Rejoin, Add, Drain, Down, Silence,
	} {
		assert.Positive(t, seen[kind], kind)
	}
	assert.Zero(t, seen[Abort]+seen[Forsake], "only who asks gets them")
	events := Script(1, ScriptConfig{Kinds: []Kind{Abort, Forsake}})
	for _, e := range events {
		assert.Contains(t, []Kind{Abort, Forsake}, e.Kind)
	}
}

func TestEventString(t *testing.T) {
	e := Event{Kind: Chain, Shard: 1, To: Added, On: 0, Slots: []int{5, 6, 7, 9}, Pace: 5 * time.Millisecond, Hold: time.Second}
	assert.Equal(t, "chain of shard 1, slots 5-7,9 to the added shard, on to shard 0, slowly (5ms), for 1s", e.String())
}

// Every kind of event on every server, with a client that never misses a key.
func TestPlay(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, server Server) {
		t.Parallel()
		c := Start(t, Config{Server: server, Replicas: 1, BusProxy: true, NodeTimeout: time.Second})
		ctx := within(t, 3*time.Minute)
		keys := watch(t, c, "{user42}:%d", 500)
		more := watch(t, c, "key:%d", 500)
		slot := slotOf(t, c, "{user42}")
		owner, err := c.Owner(ctx, slot)
		require.NoError(t, err)
		a, b := (owner+1)%3, (owner+2)%3
		of := []int{slot}
		events := []Event{
			{Kind: Move, Shard: owner, To: a, Slots: of, Pace: 5 * time.Millisecond},
			{Kind: Return, Shard: a, To: b, Slots: of, Hold: 50 * time.Millisecond},
			{Kind: Chain, Shard: a, To: b, On: owner, Slots: of},
			{Kind: RollBack, Shard: owner, To: b, Slots: of, Hold: 50 * time.Millisecond},
			{Kind: Open, Shard: owner, To: b, Slots: of, Percent: 40},
			{Kind: KillMaster, Shard: a},
			{Kind: Restart, Shard: a, Moves: true},
			{Kind: Close, Slots: of},
			{Kind: HandOver, Shard: b, Mode: Orderly},
			{Kind: HandOver, Shard: b, Mode: Force},
			{Kind: HandOver, Shard: b, Mode: Takeover},
			{Kind: Bounce, Shard: b},
			{Kind: KillReplica, Shard: b},
			{Kind: Restart, Shard: b},
			{Kind: CutOff, Shard: b},
			{Kind: Move, Shard: owner, To: a, Slots: []int{owner * 5500, owner*5500 + 1}},
			{Kind: Rejoin, Shard: b},
			{Kind: Add, To: Added, Slots: of},
			{Kind: Silence, Shard: Added, Hold: 1500 * time.Millisecond},
			{Kind: Drain, Shard: Added, To: a, Slots: of},
			{Kind: Down, Shard: a, Slots: of, Hold: 200 * time.Millisecond},
		}
		if can, err := c.HasCommand(ctx, "cluster|migrateslots"); assert.NoError(t, err) && can {
			events = append(events, Event{Kind: Atomic, Shard: a, To: b, Slots: of})
		}
		record := new(Record)
		require.NoError(t, c.Play(ctx, events, record), "%v", record)
		require.NoError(t, c.WaitOK(ctx))
		assert.Equal(t, len(events), record.Ended())
		assert.Empty(t, record.Orphans())
		t.Log("\n" + record.String())
		keys.assertAll(t)
		more.assertAll(t)

		require.NoError(t, c.Play(ctx, []Event{
			{Kind: Abort, Shard: 0, To: 1, Slots: []int{1, 2}, Percent: 50},
			{Kind: Forsake, Slots: []int{3}},
		}, record))
		assert.Equal(t, []int{1, 2}, record.Unread())
		assert.Equal(t, []int{3}, record.Orphans())
		assert.ErrorContains(t, c.Play(ctx, []Event{{Kind: "nonsense"}}, record), "no such event")
		assert.Equal(t, len(events)+3, strings.Count(fmt.Sprintln(record), "\n"))
	})
}
