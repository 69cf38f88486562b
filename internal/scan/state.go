package scan

import (
	"context"
	"errors"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/enumeration"
	"github.com/redisarrow/redisarrow/internal/resp"
)

// state is what a server says of itself when a connection to it is made: which
// node it is, which process, and what its cursors are like.
type state struct {
	id    string   // the node's ID in its cluster; empty outside of one
	peers []string // IDs of the other nodes that it knows
	runID string   // one for each life of the process; empty if INFO is denied
	role  string   // of a server alone: "master", "slave", or "" if it doesn't say
	proxy bool     // it may be one
	epoch uint64   // grows when the node takes over slots
	up    bool     // cluster_state:ok
	order cursorOrder

	// typeless: SCAN has no TYPE (Redis before 6.0, some proxies).
	typeless bool

	// monotone: the cursors are those of Redis or Valkey, see cursorGuard.
	monotone bool

	clusterScan bool // the server has CLUSTERSCAN
	cheapLists  bool // CLUSTER GETKEYSINSLOT costs it less than SCAN
	noTouch     bool // the server can be told that reading a key is no use of it
}

// Reasons why a pass ends before its slots are read. Each says what to do where
// reading them again doesn't help.
var (
	errRestarted = errors.New("the server was restarted or replaced while it was read")
	errOrder     = errors.New("the server returned keys out of the order of slots")
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
	s := state{id: view.Self.ID, epoch: view.Self.Epoch}
	for i := range view.Others {
		s.peers = append(s.peers, view.Others[i].ID)
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
	s := state{up: true}
	replies, err := conn.Pipeline(ctx, []string{"INFO", "server"}, []string{"INFO", "replication"})
	if err != nil {
		return state{}, err
	}
	info, err := optional(replies[0])
	if err != nil {
		return state{}, err
	}
	replication, err := optional(replies[1])
	if err != nil {
		return state{}, err
	}
	s.role = cluster.ParseServerInfo(replication).Role
	s.describe(cluster.ParseServerInfo(info), false)
	return s, nil
}

// distrust forgets what a server is by its word: it may be a proxy, and the word
// that of one of the servers behind it, whose cursors aren't the proxy's.
func (s *state) distrust() {
	s.describe(cluster.ServerInfo{RunID: s.runID}, false)
	s.proxy = true
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
	able := enumeration.Server{Redis: info.RedisVersion, Valkey: info.ValkeyVersion, Other: info.Other}.Ability(inCluster)
	s.order, s.monotone, s.clusterScan, s.cheapLists, s.noTouch = able.Order, able.Monotone, able.ClusterScan, able.CheapLists, able.NoTouch
}
