package testcluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Record is what has become of a script. Its methods may be called while the script is played.
type Record struct {
	mu     sync.Mutex
	began  time.Time
	ran    []string // a line each
	begun  int
	ended  int
	orphan []int
	unread []int
}

// Begun is how many events have begun.
func (r *Record) Begun() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.begun
}

// Ended is how many events have ended.
func (r *Record) Ended() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ended
}

// Orphans are the slots that have no owner, and get none any more.
func (r *Record) Orphans() []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.orphan)
}

// Unread are the slots of which some keys couldn't be read for a while although they exist: those of [Abort].
func (r *Record) Unread() []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.unread)
}

// String has a line for each event: when it began and ended, what it is, and how it failed.
func (r *Record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.ran, "\n")
}

func (r *Record) begin(e Event) (at time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.began.IsZero() {
		r.began = time.Now()
	}
	r.begun++
	at = time.Since(r.began)
	r.ran = append(r.ran, fmt.Sprintf("%7.3f s          %v", at.Seconds(), e))
	switch e.Kind {
	case Forsake:
		r.orphan = append(r.orphan, e.Slots...)
	case Abort:
		r.unread = append(r.unread, e.Slots...)
	}
	return at
}

func (r *Record) end(e Event, at time.Duration, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	line := fmt.Sprintf("%7.3f–%.3f s  %v", at.Seconds(), time.Since(r.began).Seconds(), e)
	if err != nil {
		line += ": " + err.Error()
	}
	r.ran[len(r.ran)-1] = line
	r.ended++
}

// maxSlow bounds how long an event goes on slowly, and how long one slot does.
const maxSlow = 2 * time.Second

// maxEvent bounds an event. Most take a second or two; elections that fail are held again after some seconds.
const maxEvent = 40 * time.Second

// Play makes the events happen one after the other, until all have or ctx ends (an event that has begun is not broken
// off), and notes them. The cluster must be new, with a replica for each master and with Config.BusProxy.
//
// An error is the harness's failure, or a server's: it says nothing of those that read meanwhile.
func (c *Cluster) Play(ctx context.Context, events []Event, record *Record) error {
	p := &player{Cluster: c, killed: make(map[int]int), cutOff: make(map[int]int)}
	for _, e := range events {
		if sleep(ctx, e.Pause); ctx.Err() != nil {
			return nil
		}
		at := record.begin(e)
		during, cancel := context.WithTimeout(context.WithoutCancel(ctx), maxEvent)
		err := p.play(during, e)
		cancel()
		if record.end(e, at, err); err != nil {
			return fmt.Errorf("testcluster: %v: %w", e, err)
		}
	}
	return nil
}

// player is a cluster that a script is played to.
type player struct {
	*Cluster
	added  int         // number of the node that Add brought
	killed map[int]int // the dead node of a shard
	cutOff map[int]int // the node of a shard that is cut off
}

func (p *player) play(ctx context.Context, e Event) error {
	switch e.Kind {
	case Move, Drain:
		if err := p.move(ctx, e, e.To); err != nil || e.Kind == Move {
			return err
		}
		return p.RemoveNode(ctx, p.added)
	case Return, Chain:
		last := e.On
		if e.Kind == Return {
			last = e.Shard
		}
		if err := p.move(ctx, e, e.To); err != nil {
			return err
		}
		sleep(ctx, e.Hold)
		return p.move(ctx, e, last)
	case Open:
		return p.each(ctx, e, e.To, p.movePart)
	case Close:
		return p.close(ctx, e)
	case RollBack, Abort:
		if err := p.each(ctx, e, e.To, p.movePart); err != nil {
			return err
		}
		sleep(ctx, e.Hold)
		for _, slot := range e.Slots {
			if err := p.AbortMigration(ctx, slot); err != nil {
				return err
			}
		}
		return nil
	case Atomic:
		to, err := p.master(ctx, e.To)
		if err != nil {
			return err
		}
		return again(ctx, func() error { return p.AtomicMigrate(ctx, e.Slots[0], e.Slots[len(e.Slots)-1], to) })
	case Add:
		var err error
		if p.added, err = p.AddMaster(ctx); err != nil {
			return err
		}
		return p.move(ctx, e, Added)
	case Down:
		owner, err := p.master(ctx, e.Shard)
		if err != nil {
			return err
		}
		if err := p.DelSlots(ctx, e.Slots...); err != nil {
			return err
		}
		sleep(ctx, e.Hold)
		if err := p.AddSlots(ctx, owner, e.Slots...); err != nil {
			return err
		}
		return p.WaitOK(ctx)
	case Forsake:
		// Only these slots are to be without service, not all.
		for _, n := range p.live() {
			if _, err := n.do(ctx, "CONFIG", "SET", "cluster-require-full-coverage", "no"); err != nil {
				return err
			}
		}
		return p.DelSlots(ctx, e.Slots...)
	case Silence:
		return p.silence(ctx, e)
	default:
		return p.strike(ctx, e)
	}
}

// strike does what befalls one node.
func (p *player) strike(ctx context.Context, e Event) error {
	var err error
	switch e.Kind {
	case HandOver:
		if err := p.WaitInStep(ctx, e.Shard); err != nil {
			return err
		}
		replica, err := p.ReplicaOf(ctx, e.Shard)
		if err != nil {
			return err
		}
		if err := p.Failover(ctx, replica, e.Mode); err != nil {
			return err
		}
		return p.WaitOK(ctx)
	case KillMaster:
		p.killed[e.Shard], err = p.KillMaster(ctx, e.Shard)
		return err
	case KillReplica:
		if p.killed[e.Shard], err = p.ReplicaOf(ctx, e.Shard); err != nil {
			return err
		}
		return p.Kill(p.killed[e.Shard])
	case Restart:
		start := p.Restart
		if e.Moves {
			start = p.Readdress
		}
		if err := start(ctx, p.killed[e.Shard]); err != nil {
			return err
		}
		return p.WaitOK(ctx)
	case Bounce:
		master, err := p.master(ctx, e.Shard)
		if err != nil {
			return err
		}
		if err := p.WaitInStep(ctx, e.Shard); err != nil { // should the replica be quicker
			return err
		}
		if _, err := p.node(master).do(ctx, "SAVE"); err != nil {
			return err
		}
		if err := p.Restart(ctx, master); err != nil {
			return err
		}
		return p.WaitOK(ctx)
	case CutOff:
		if err := p.WaitInStep(ctx, e.Shard); err != nil {
			return err
		}
		replica, err := p.ReplicaOf(ctx, e.Shard)
		if err != nil {
			return err
		}
		if p.cutOff[e.Shard], err = p.master(ctx, e.Shard); err != nil {
			return err
		}
		if err := p.Partition(p.cutOff[e.Shard]); err != nil {
			return err
		}
		return p.WaitMaster(ctx, replica)
	case Rejoin:
		if err := p.Heal(p.cutOff[e.Shard]); err != nil {
			return err
		}
		return p.WaitOK(ctx)
	default:
		return fmt.Errorf("no such event: %q", e.Kind)
	}
}

func (p *player) master(ctx context.Context, shard int) (int, error) {
	if shard == Added {
		shard = p.added
	}
	return p.MasterOf(ctx, shard)
}

// move moves the event's slots, one after the other, and waits until all agree.
func (p *player) move(ctx context.Context, e Event, to int) error {
	node, err := p.master(ctx, to)
	if err != nil {
		return err
	}
	err = p.each(ctx, e, to, func(ctx context.Context, e Event, slot int) error {
		if err := p.moveKeysAt(ctx, e.Pace, slot, 0); err != nil {
			return err
		}
		return again(ctx, func() error { return p.giveAway(ctx, slot) })
	})
	if err != nil {
		return err
	}
	var checks []func(context.Context) error
	for _, slot := range e.Slots {
		checks = append(checks, p.ownedBy(slot, p.node(node).ID))
	}
	if len(checks) > 2 {
		checks = []func(context.Context) error{checks[0], checks[len(checks)-1]}
	}
	return p.wait(ctx, append([]func(context.Context) error{p.viewsAgree}, checks...)...)
}

// each opens the migration of the event's slots, one after the other, and does something with each.
func (p *player) each(ctx context.Context, e Event, to int, do func(context.Context, Event, int) error) error {
	node, err := p.master(ctx, to)
	if err != nil {
		return err
	}
	begun := time.Now()
	for _, slot := range e.Slots {
		if time.Since(begun) > maxSlow { // however many keys there are, it ends
			e.Pace = 0
		}
		if err := again(ctx, func() error { return p.OpenMigration(ctx, slot, node) }); err != nil {
			return err
		}
		if err := do(ctx, e, slot); err != nil {
			return err
		}
	}
	return nil
}

func (p *player) movePart(ctx context.Context, e Event, slot int) error {
	if e.Percent == 0 {
		return nil
	}
	m, err := p.migration(slot)
	if err != nil {
		return err
	}
	n, err := p.node(m.from).client.ClusterCountKeysInSlot(ctx, slot).Result()
	if err != nil || n == 0 {
		return err
	}
	return p.moveKeysAt(ctx, e.Pace, slot, max(1, int(n)*e.Percent/100))
}

// moveKeysAt moves n keys of a slot, all if n is 0: a few at a time with pauses of pace, if there is one.
func (p *player) moveKeysAt(ctx context.Context, pace time.Duration, slot, n int) error {
	const few = 20
	begun := time.Now()
	for moved := 0; ; {
		count := n - moved
		if n == 0 {
			count = 0
		}
		if pace > 0 && time.Since(begun) < maxSlow && (n == 0 || count > few) {
			count = few
		}
		step := 0
		err := again(ctx, func() error {
			k, err := p.MoveKeys(ctx, slot, count)
			step += k
			return err
		})
		if err != nil {
			return err
		}
		if moved += step; count == 0 || step < count || n > 0 && moved >= n {
			return nil
		}
		sleep(ctx, pace)
	}
}

// close finishes the migration of slots.
func (p *player) close(ctx context.Context, e Event) error {
	var checks []func(context.Context) error
	for _, slot := range e.Slots {
		m, err := p.migration(slot)
		if err != nil {
			return err
		}
		if err := p.moveKeysAt(ctx, e.Pace, slot, 0); err != nil {
			return err
		}
		if err := again(ctx, func() error { return p.giveAway(ctx, slot) }); err != nil {
			return err
		}
		checks = append(checks, p.ownedBy(slot, p.node(m.to).ID))
	}
	return p.wait(ctx, append(checks, p.viewsAgree)...)
}

// silence pauses so many of the masters that own slots that the others are no majority, and so can't replace them.
func (p *player) silence(ctx context.Context, e Event) error {
	spared, err := p.master(ctx, e.Shard)
	if err != nil {
		return err
	}
	live := p.live()
	v, err := live[0].view(ctx)
	if err != nil {
		return err
	}
	var masters []int
	for _, n := range live {
		if v.ownsAny(n.ID) {
			masters = append(masters, n.Index)
		}
	}
	silent := len(masters) - len(masters)/2
	masters = slices.DeleteFunc(masters, func(i int) bool { return i == spared })
	masters = masters[:min(silent, len(masters))]
	var errs []error
	for _, i := range masters {
		errs = append(errs, p.Pause(i))
	}
	sleep(ctx, e.Hold)
	for _, i := range masters {
		errs = append(errs, p.Resume(i))
	}
	return errors.Join(append(errs, p.WaitOK(ctx))...)
}

// again tries for some seconds what a cluster refuses that is not itself again yet.
func again(ctx context.Context, do func() error) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	return poll(ctx, func(context.Context) error { return do() })
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
