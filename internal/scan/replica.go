package scan

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/resp"
)

// Keys read from a replica. A replica knows nothing of its master's migrations,
// nor when it is behind, so the guard of rule.go can't stand beside its lists.
// Instead of it:
//
//  1. The pass begins with a look at the master, in one MULTI and EXEC: it owns the
//     slots, isn't moving them, has the epoch of the survey; this is its process, its
//     replication ID and offset, and so often MIGRATE was called there.
//  2. The replica has that replication ID, a link that is up, and an offset that is
//     no less, before the first piece and, said in one instant with it, at each
//     one.
//  3. When what was listed has its rows, a second look at the master: the same
//     process, epoch and replication ID, the slots its own and unmarked, and MIGRATE
//     was not called in between.
//  4. The surveys before and after, as ever.
//
// All keys of such a slot were at the master from the first look to the second: a
// key leaves its owner by MIGRATE, or with the slot, which changes the epoch (see
// rule.go). The replica had all of this from before its first piece, and every
// change after it in the master's order. So a key that exists from start to end was
// there at each of the pieces. (A full resynchronization in between ends with the
// master's keys of the time, under the same process's hash seed; while it loads,
// the replica says LOADING.) MIGRATE's calls count because a migration may be
// opened, and broken off, between the looks: neither sees a mark then, and the keys
// were away. CONFIG RESETSTAT between the looks shows as a change, unless it brings
// the number back to what it was.
//
// Slots with an open migration are read from the masters.

// ReadFrom says which nodes the keys are read from.
type ReadFrom int

const (
	// ReadMaster reads from masters only.
	ReadMaster ReadFrom = iota
	// ReadReplica reads from replicas; from masters only slots whose migration
	// is open.
	ReadReplica
	// PreferReplica reads from replicas where there are such that keep up, and
	// otherwise from masters.
	PreferReplica
)

func (r ReadFrom) String() string {
	names := [...]string{"master", "replica", "prefer-replica"}
	if r < 0 || int(r) >= len(names) {
		return fmt.Sprintf("ReadFrom(%d)", int(r))
	}
	return names[r]
}

// errNoCluster is why there are no replicas to read from.
var errNoCluster = errors.New("the server isn't in a cluster, so it isn't known what its replicas are: connect to the one that is to be read, and leave ReadFrom at master")

// Reasons why a replica's slots are read again.
var (
	errNoReplica = errors.New("the slot's master has no replica that is up; add one, or read from masters too (ReadFrom: prefer-replica)")
	errBehind    = errors.New("the replica is behind its master and doesn't catch up; see its master_link_status and its load")
	errUnlinked  = errors.New("the replica lost its master, or got another one, while it was read")
	errPromoted  = errors.New("the replica became a master while it was read")
	errMigrated  = errors.New("keys were moved away from the slot's master while its replica was read")
)

// look is what a master says in one instant.
type look struct {
	view     *cluster.View
	runID    string
	replID   string
	offset   int64
	migrates int64 // calls of MIGRATE
}

var lookCommands = [][]string{
	{"MULTI"}, {"CLUSTER", "NODES"}, {"INFO", "server"}, {"INFO", "replication"}, {"INFO", "commandstats"}, {"EXEC"},
}

// lookAt asks a master.
func lookAt(ctx context.Context, conn *resp.Conn) (*look, error) {
	replies, err := conn.Pipeline(ctx, lookCommands...)
	if err != nil {
		return nil, err
	}
	for _, r := range replies {
		if err := r.Err(); err != nil {
			return nil, err
		}
	}
	all := replies[len(replies)-1].Elems
	if len(all) != len(lookCommands)-2 {
		return nil, &resp.ProtocolError{Reason: fmt.Sprintf("EXEC returned %d replies instead of %d", len(all), len(lookCommands)-2)}
	}
	for _, r := range all {
		if err := r.Err(); err != nil {
			return nil, err
		}
	}
	l := &look{runID: cluster.ParseServerInfo(all[1].Text).RunID}
	if l.view, err = cluster.ParseView(all[0].Text); err != nil {
		return nil, &resp.ProtocolError{Reason: err.Error()}
	}
	info := cluster.ParseReplication(all[2].Text)
	if l.replID, l.offset = info.ReplID, info.Offset; l.replID == "" || l.offset < 0 {
		return nil, &resp.ProtocolError{Reason: "INFO replication has no master_replid and master_repl_offset"}
	}
	l.migrates = cluster.ParseCalls(all[3].Text, "migrate")
	return l, nil
}

// following is what a replica has to follow.
type following struct {
	replID string
	offset int64
}

// judge says whether a replica does, by its INFO replication.
func (f *following) judge(text []byte) error {
	switch info := cluster.ParseReplication(string(text)); {
	case info.Role == "master":
		return errPromoted
	case info.Role != "slave":
		return &resp.ProtocolError{Reason: "INFO replication says no role"}
	case !info.LinkUp || info.ReplID != f.replID:
		return errUnlinked
	case info.Offset < f.offset: // or not known: the link was made by the old SYNC
		return errBehind
	default:
		return nil
	}
}

// beside is what a pass over a replica has of its master.
type beside struct {
	link  link
	first *look
	at    time.Time       // of the last look
	read  cluster.SlotSet // slots that wait for the next one
}

// lookEvery is how often the master is looked at while its replica is read: what
// is read in between has to be remembered.
const lookEvery = surveyEvery

// beginBeside makes the first look at the master, and waits until the replica is as
// far. It leaves in p.slots what may be read.
func (p *pass) beginBeside(ctx context.Context) error {
	master := p.task.master
	if p.beside.link.conn == nil {
		l, _, err := p.scan.connect(ctx, master)
		if err != nil {
			return p.unlooked(err)
		}
		p.beside.link = l
	}
	first, err := lookAt(ctx, p.beside.link.conn)
	if err != nil {
		return p.unlooked(&cluster.NodeError{Addr: master.address(), Command: "INFO", Err: err})
	}
	p.beside.first, p.beside.at = first, time.Now()
	safe, err := p.task.sameMaster(first)
	if err != nil {
		return &endedError{atNode(master.address(), err)}
	}
	if moving := p.slots.Minus(safe); !moving.Empty() {
		p.doubt(moving, errMigrating)
	}
	p.guard.follows = &following{first.replID, first.offset}
	return p.catchUp(ctx)
}

// unlooked is the error for a master that can't be looked at.
func (p *pass) unlooked(err error) error {
	if cluster.IsDenied(err) {
		return err
	}
	return &endedError{atNode(p.task.master.address(), err)}
}

// catchUp waits until the replica is as far as its master was.
func (p *pass) catchUp(ctx context.Context) error {
	waiting := patience{limit: p.scan.brief()}
	for {
		reply, err := p.link.conn.Do(ctx, "INFO", "replication")
		if err != nil {
			return p.ended("INFO", err)
		}
		if err := reply.Err(); err != nil {
			refused := (*resp.ReplyError)(nil)
			if errors.As(err, &refused) && transient(refused) {
				err = waiting.retry(ctx, err)
				if err == nil {
					continue
				}
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return p.ended("INFO", err)
		}
		behind := p.guard.follows.judge([]byte(reply.Text))
		if behind == nil {
			return nil
		}
		if !errors.Is(behind, errBehind) {
			return p.ended("INFO", behind)
		}
		if err := waiting.retry(ctx, behind); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return p.ended("INFO", err)
		}
	}
}

// sameMaster are the slots that the master owns and isn't moving; an error if it
// isn't what the survey said.
func (t *task) sameMaster(l *look) (safe cluster.SlotSet, err error) {
	switch self := &l.view.Self; {
	case self.ID != t.ownerID():
		return safe, cluster.ErrWrongNode
	case !self.Master():
		return safe, errDemoted
	case self.Epoch != t.epoch:
		return safe, errEpoch
	}
	self := member{slots: l.view.Self.Slots, migrating: l.view.Migrating, importing: l.view.Importing}
	return self.slots.Minus(self.marked()), nil
}

// settleBeside notes slots as read from the replica: the next look at the master
// settles them.
func (p *pass) settleBeside(slots cluster.SlotSet) { p.beside.read = p.beside.read.Union(slots) }

// prove makes a further look at the master, and settles what was read before it.
func (p *pass) prove(ctx context.Context) error {
	if p.task.master == nil || p.beside.read.Empty() {
		return nil
	}
	slots := p.beside.read
	p.beside.read, p.beside.at = cluster.SlotSet{}, time.Now()
	now, err := lookAt(ctx, p.beside.link.conn)
	if err != nil {
		return p.unlooked(&cluster.NodeError{Addr: p.task.master.address(), Command: "INFO", Err: err})
	}
	safe, err := p.task.sameMaster(now)
	switch first := p.beside.first; {
	case err != nil:
	case now.runID != first.runID:
		err = errRestarted
	case now.replID != first.replID:
		err = errUnlinked
	case now.migrates != first.migrates:
		err = errMigrated
	}
	if err != nil {
		return &endedError{atNode(p.task.master.address(), err)}
	}
	if moving := slots.Minus(safe); !moving.Empty() {
		p.giveBack(moving, atNode(p.addr, errMigrating))
		slots = slots.Minus(moving)
	}
	p.handOver(slots)
	return nil
}
