package scan

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/resp"
)

// state is what a server says of itself at one moment. SCAN is never
// redirected: replicas, masters that have been replaced and nodes cut off
// from the others answer it too. So what a pass has read counts for a slot
// only if the server's state before and after says that it was the owner.
type state struct {
	id     string   // the node's ID in its cluster; empty outside of one
	peers  []string // IDs of the other nodes that it knows
	runID  string   // one for each life of the process; empty if INFO is denied
	master bool
	epoch  uint64          // grows when the node takes over slots
	owned  cluster.SlotSet // its slots
	open   cluster.SlotSet // those of them with a migration under way, in or out
	up     bool            // cluster_state:ok
	order  cursorOrder

	// monotone: the cursors are those of Redis or Valkey, see cursorGuard.
	monotone bool
}

// Reasons why a slot can't be promised. Each says what to do.
var (
	errMigrating = errors.New("the slot has an open migration; finish or abort it (redis-cli --cluster fix) and scan again")
	errMoved     = errors.New("the slot was moved to another master during the scan; scan again")
	errDemoted   = errors.New("the node stopped being a master during the scan; scan again")
	errRestarted = errors.New("the server was restarted or replaced during the scan; scan again")
	errEpoch     = errors.New("the node's config epoch changed during the scan, so slots may have come and gone; scan again")
	errOrder     = errors.New("the server returned keys out of the order of slots, so that repeats can't be told; scan again")
	errDown      = errors.New("the cluster is down for this node (CLUSTER INFO says that cluster_state isn't ok)")
	errNoRunID   = errors.New("the connection was lost, and without leave to run INFO it can't be told whether the server was restarted; allow the user INFO")
)

// readState asks the server at an address about itself.
func readState(ctx context.Context, conn *resp.Conn, addr string, inCluster bool) (state, error) {
	read, command := readClusterState, "CLUSTER NODES"
	if !inCluster {
		read, command = readSingleState, "INFO"
	}
	s, err := read(ctx, conn)
	if err != nil {
		return state{}, &cluster.NodeError{Addr: addr, Command: command, Err: err}
	}
	return s, nil
}

func readClusterState(ctx context.Context, conn *resp.Conn) (state, error) {
	replies, err := conn.Pipeline(ctx, []string{"CLUSTER", "NODES"}, []string{"CLUSTER", "INFO"}, []string{"INFO", "server"})
	if err != nil {
		return state{}, err
	}
	if err := replies[0].Err(); err != nil {
		return state{}, err
	}
	view, err := cluster.ParseView(replies[0].Text)
	if err != nil {
		return state{}, err
	}
	s := state{id: view.Self.ID, master: view.Self.Master(), epoch: view.Self.Epoch, owned: view.Self.Slots, up: true}
	for i := range view.Others {
		s.peers = append(s.peers, view.Others[i].ID)
	}
	for slot := range view.Migrating {
		s.open.Add(slot)
	}
	for slot := range view.Importing {
		s.open.Add(slot)
	}
	clusterInfo, err := optional(replies[1])
	if err != nil {
		return state{}, err
	}
	info, err := optional(replies[2])
	if err != nil {
		return state{}, err
	}
	s.up = cluster.ParseInfo(clusterInfo).OK()
	s.describe(cluster.ParseServerInfo(info), true)
	return s, nil
}

// readSingleState is readState for a server that isn't in a cluster: it owns
// all slots.
func readSingleState(ctx context.Context, conn *resp.Conn) (state, error) {
	s := state{master: true, owned: cluster.AllSlots(), up: true}
	replies, err := conn.Pipeline(ctx, []string{"INFO", "server"})
	if err != nil {
		return state{}, err
	}
	info, err := optional(replies[0])
	if err != nil {
		return state{}, err
	}
	s.describe(cluster.ParseServerInfo(info), false)
	return s, nil
}

// optional is the text of a reply that can be done without where the command
// isn't allowed or isn't known: the cluster's state then shows only in the
// fetches' replies, a restart only as a lost connection. What may be another
// reply soon is an error.
func optional(reply resp.Value) (text string, err error) {
	refused := (*resp.ReplyError)(nil)
	switch {
	case !errors.As(reply.Err(), &refused):
		return reply.Text, nil
	case transient(refused) || loggedOut(refused):
		return "", refused
	default:
		return "", nil
	}
}

func (s *state) describe(info cluster.ServerInfo, inCluster bool) {
	s.runID = info.RunID
	valkey := info.ValkeyVersion != ""
	s.monotone = info.Other == "" && (atLeast(info.ValkeyVersion, 7, 2) || !valkey && atLeast(info.RedisVersion, 2, 8))
	switch {
	case info.Other != "":
	case inCluster && (valkey && atLeast(info.ValkeyVersion, 8, 0) || !valkey && atLeast(info.RedisVersion, 7, 4)):
		s.order = slotOrder
	case !valkey && atLeast(info.RedisVersion, 4, 0):
		// One table: a cluster up to 7.2, or no cluster. (Valkey outside of a
		// cluster has a table of another make, of which this isn't known.)
		s.order = tableOrder
	}
}

// atLeast compares a version such as "7.0.15" by its first two numbers. What
// isn't a version is older than any.
func atLeast(version string, major, minor int) bool {
	first, rest, _ := strings.Cut(version, ".")
	second, _, _ := strings.Cut(rest, ".")
	a, errA := strconv.Atoi(first)
	b, errB := strconv.Atoi(second)
	return errA == nil && errB == nil && (a > major || a == major && b >= minor)
}

// doubts says which of the slots, read between two states of their master,
// can't be promised, and why.
func doubts(before, after state, slots cluster.SlotSet) []Reason {
	var reasons []Reason
	doubt := func(which cluster.SlotSet, reason error) {
		if which = which.Intersect(slots); !which.Empty() {
			reasons = append(reasons, Reason{Slots: which, Err: reason})
			slots = slots.Minus(which)
		}
	}
	switch {
	case before.runID != after.runID && before.runID != "" && after.runID != "":
		// Without the one or the other the connection tells: a new one is made
		// only to a process that is known to be the same.
		doubt(slots, errRestarted)
	case !after.master:
		doubt(slots, errDemoted)
	case !after.up:
		doubt(slots, errDown)
	}
	doubt(slots.Minus(after.owned), errMoved)
	doubt(before.open.Union(after.open), errMigrating)
	if before.epoch != after.epoch {
		doubt(slots, errEpoch)
	}
	return reasons
}
