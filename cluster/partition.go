package cluster

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/redisarrow/redisarrow/internal/resp"
)

// ErrPartitions is wrapped by the error for a number of partitions that the
// slots can't be cut into.
var ErrPartitions = errors.New("cluster: the slots can be cut into 1 to 16384 partitions")

// Partition cuts the slots into n sets, for n processes to scan one each: no
// slot is in two of them, every slot is in one, also those that nobody owns, and
// none is empty. The sets are balanced by the numbers of keys that the servers
// count at this moment, and touch few masters each, most of them one.
//
// Counts change, and so would the sets: one process partitions, and hands the
// others their sets, as text by [SlotSet.String] and [ParseRanges]. For processes
// that don't talk to each other there is [EvenPartition]. The sets stay right
// however slots move afterwards, only their balance and the masters that they
// touch may become others.
//
// The owners are asked CLUSTER COUNTKEYSINSLOT for each of their slots. Where
// that is denied, and on a server
// that isn't part of a cluster, the sets are balanced by slots.
//
// For n below 1 or above 16384 the error wraps [ErrPartitions]; for the client
// it is as with [NewDialer], for the topology as with [Discover]; a master that
// doesn't answer is a [*NodeError].
func Partition(ctx context.Context, rdb redis.UniversalClient, n int) ([]SlotSet, error) {
	if err := checkPartitions(n); err != nil {
		return nil, err
	}
	d, err := NewDialer(rdb)
	if err != nil {
		return nil, err
	}
	t, err := Discover(ctx, d)
	if err != nil {
		return nil, err
	}
	if !t.Cluster() {
		return EvenPartition(n)
	}
	keys, err := d.countKeys(ctx, t)
	if err != nil {
		return nil, err
	}
	return cut(inOrderOfOwners(t), keys, n), nil
}

// EvenPartition cuts the slots into n sets of the same size, but for one slot:
// ranges, in ascending order. It depends on nothing but n, so that processes that
// don't talk to each other cut alike. On a cluster whose keys are spread evenly
// over the slots the sets are balanced by keys too, as far as a set has many.
//
// For n below 1 or above 16384 the error wraps [ErrPartitions].
func EvenPartition(n int) ([]SlotSet, error) {
	if err := checkPartitions(n); err != nil {
		return nil, err
	}
	sets := make([]SlotSet, n)
	for i := range sets {
		sets[i].AddRange(SlotRange{First: uint16(i * Slots / n), Last: uint16((i+1)*Slots/n - 1)})
	}
	return sets, nil
}

func checkPartitions(n int) error {
	if n < 1 || n > Slots {
		return fmt.Errorf("%w, not %d", ErrPartitions, n)
	}
	return nil
}

// inOrderOfOwners are all slots: master by master, and at last those that nobody
// owns.
func inOrderOfOwners(t *Topology) []uint16 {
	slots := make([]uint16, 0, Slots)
	for i := range t.Masters {
		for slot := range t.Masters[i].Slots.All() {
			slots = append(slots, slot)
		}
	}
	for slot := range t.Unowned().All() {
		slots = append(slots, slot)
	}
	return slots
}

// cut makes n sets of slots in this order, each with about the same part of the
// keys, and with one slot at least.
func cut(slots []uint16, keys *[Slots]int64, n int) []SlotSet {
	left := int64(0)
	for _, slot := range slots {
		left += keys[slot]
	}
	sets := make([]SlotSet, n)
	for i := range sets {
		after := n - i - 1 // sets that need a slot, too
		share := left / int64(after+1)
		have := int64(0)
		for k := 0; len(slots) > after; k++ {
			next := keys[slots[0]]
			// The last slot goes to where it disturbs less. Those of the last
			// set are all that are left.
			if k > 0 && after > 0 && have+next/2 >= share {
				break
			}
			sets[i].Add(slots[0])
			have += next
			slots = slots[1:]
		}
		left -= have
	}
	return sets
}

const (
	// countChunk is how many slots a master is asked about in one go.
	countChunk = 512
	// maxCounting is how many masters are asked at the same time.
	maxCounting = 16
	// maxCount bounds what a server may say of a slot, so that no sum overflows.
	maxCount = 1 << 40
)

// countKeys asks the owners how many keys their slots have. Where one of them
// denies that, or hasn't got the command, every slot counts as one key, as it
// does where there are no keys.
func (d *Dialer) countKeys(ctx context.Context, t *Topology) (*[Slots]int64, error) {
	keys := new([Slots]int64)
	g, counting := errgroup.WithContext(ctx)
	g.SetLimit(maxCounting)
	for i := range t.Masters {
		g.Go(func() error { return d.countKeysOf(counting, &t.Masters[i], keys) })
	}
	err := g.Wait()
	if refused := (*resp.ReplyError)(nil); errors.As(err, &refused) && (refused.Code() == "NOPERM" || refused.Code() == "ERR") {
		keys, err = new([Slots]int64), nil
	}
	sum := int64(0)
	for _, n := range keys {
		sum += n
	}
	if sum == 0 {
		for slot := range keys {
			keys[slot] = 1
		}
	}
	return keys, err
}

// countKeysOf asks one master, and fills in its slots.
func (d *Dialer) countKeysOf(ctx context.Context, m *Master, keys *[Slots]int64) error {
	const command = "CLUSTER COUNTKEYSINSLOT"
	nc, err := d.Dial(ctx, m.Addr)
	if err != nil {
		return err
	}
	conn := resp.NewConn(nc)
	defer conn.Close()
	conn.SetTimeout(answerTimeout)
	conn.SetLimit(answerLimit)
	var slots []uint16
	for slot := range m.Slots.All() {
		slots = append(slots, slot)
	}
	for len(slots) > 0 {
		chunk := slots[:min(len(slots), countChunk)]
		slots = slots[len(chunk):]
		commands := make([][]string, len(chunk))
		for i, slot := range chunk {
			commands[i] = []string{"CLUSTER", "COUNTKEYSINSLOT", strconv.Itoa(int(slot))}
		}
		replies, err := conn.Pipeline(ctx, commands...)
		if err != nil {
			return &NodeError{Addr: m.Addr, Command: command, Err: err}
		}
		for i, reply := range replies {
			err := reply.Err()
			if err == nil && (reply.Kind != resp.Integer || reply.Int < 0) {
				err = &resp.ProtocolError{Reason: "the reply is no number of keys"}
			}
			if err != nil {
				return &NodeError{Addr: m.Addr, Command: command, Err: err}
			}
			keys[chunk[i]] = min(reply.Int, maxCount)
		}
	}
	return nil
}
