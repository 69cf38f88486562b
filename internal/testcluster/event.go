package testcluster

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Kind is a sort of disturbance.
type Kind string

// The kinds of disturbance. Where nothing else is said, a client that follows redirects and tries errors again reads
// every key at every moment that was written long enough before.
const (
	Move        Kind = "move"         // slots to another shard, key by key
	Return      Kind = "return"       // slots to another shard and back again
	Chain       Kind = "chain"        // slots to another shard, and on to a third
	Open        Kind = "open"         // slots' migration is begun, some keys move, and so it stays
	Close       Kind = "close"        // what Open began is finished
	RollBack    Kind = "roll back"    // a migration is begun and taken back before a key has moved
	Abort       Kind = "abort"        // a migration is taken back after keys have moved: they can't be read for a while
	Atomic      Kind = "atomic"       // slots to another shard at one moment, see AtomicMigrate
	HandOver    Kind = "hand over"    // a replica takes its master's place: in agreement, by force, without a vote
	KillMaster  Kind = "kill master"  // kill -9, and its replica takes its place
	KillReplica Kind = "kill replica" // kill -9
	Restart     Kind = "restart"      // the killed node is started again, perhaps at another address
	Bounce      Kind = "bounce"       // a master is restarted with its keys, before anybody takes its place
	CutOff      Kind = "cut off"      // a master is cut off, replaced, and answers on
	Rejoin      Kind = "rejoin"       // the node that was cut off meets the others again
	Add         Kind = "add"          // a master is added, and slots are moved onto it
	Drain       Kind = "drain"        // the added master's slots are moved away, and it is removed
	Down        Kind = "down"         // slots belong to nobody for a while: CLUSTERDOWN
	Silence     Kind = "silence"      // so many masters are silent for a while that the others can't decide: CLUSTERDOWN
	Forsake     Kind = "forsake"      // slots belong to nobody for ever
)

// Added is the number, in events, of the shard that [Add] brings.
const Added = -1

// Event is one disturbance. Shards are named by the number that their first master has among the nodes.
type Event struct {
	Kind  Kind
	Pause time.Duration // before it

	Shard   int           // whom it befalls; that slots are taken from; of Silence: who is spared
	To      int           // shard that gets slots
	On      int           // of Chain: shard that gets them from To
	Slots   []int         // which slots, in order; of Add: from several shards
	Percent int           // of Open and Abort: how many of a slot's keys move
	Pace    time.Duration // between a few keys and the next ones, when they are moved slowly
	Mode    FailoverMode  // of HandOver
	Hold    time.Duration // how long it lasts, where it lasts
	Moves   bool          // of Restart: to another address
}

// String is one line.
func (e Event) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s", e.Kind)
	switch e.Kind {
	case Add, Down, Forsake, Close, RollBack, Abort:
	case Silence:
		fmt.Fprintf(&b, " of most masters, not %s", shardName(e.Shard))
	default:
		fmt.Fprintf(&b, " of %s", shardName(e.Shard))
	}
	if len(e.Slots) > 0 {
		fmt.Fprintf(&b, ", slots %s", slotRanges(e.Slots))
	}
	switch e.Kind {
	case Move, Return, Open, RollBack, Abort, Atomic, Drain:
		fmt.Fprintf(&b, " to %s", shardName(e.To))
	case Chain:
		fmt.Fprintf(&b, " to %s, on to %s", shardName(e.To), shardName(e.On))
	}
	if e.Mode != Orderly {
		fmt.Fprintf(&b, ", %s", e.Mode)
	}
	if e.Percent > 0 {
		fmt.Fprintf(&b, ", %d %% of the keys", e.Percent)
	}
	if e.Pace > 0 {
		fmt.Fprintf(&b, ", slowly (%v)", e.Pace)
	}
	if e.Hold > 0 {
		fmt.Fprintf(&b, ", for %v", e.Hold)
	}
	if e.Moves {
		b.WriteString(", at another address")
	}
	return b.String()
}

func shardName(shard int) string {
	if shard == Added {
		return "the added shard"
	}
	return "shard " + strconv.Itoa(shard)
}

// slotRanges writes slots as 1-3,7; they are in order.
func slotRanges(slots []int) string {
	var b strings.Builder
	for i := 0; i < len(slots); {
		j := i
		for j+1 < len(slots) && slots[j+1] == slots[j]+1 {
			j++
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(slots[i]))
		if j > i {
			fmt.Fprintf(&b, "-%d", slots[j])
		}
		i = j + 1
	}
	return b.String()
}
