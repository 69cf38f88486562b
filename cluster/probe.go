package cluster

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/redisarrow/redisarrow/internal/enumeration"
	"github.com/redisarrow/redisarrow/internal/resp"
)

// probeKey is a key that need not exist, and that the user need not be allowed
// to read: whether a command may be run is decided before that.
const probeKey = "redisarrow:health"

// probes are the commands of a scan in their shortest form; a server asks for
// the right number of arguments before it looks whether the user may.
func probes(inCluster, clusterScan bool) [][]string {
	list := [][]string{
		{"SCAN", "0", "COUNT", "1"},
		{"TYPE", probeKey},
		{"EXISTS", probeKey},
		{"HMGET", probeKey, "field"},
		{"HGETALL", probeKey},
		{"GET", probeKey},
		{"MGET", probeKey},
		{"TTL", probeKey},
		{"PTTL", probeKey},
		{"PEXPIRETIME", probeKey},
	}
	if !inCluster {
		return list
	}
	list = append(list,
		[]string{"CLUSTER", "SLOTS"},
		[]string{"CLUSTER", "COUNTKEYSINSLOT", "0"},
		[]string{"CLUSTER", "GETKEYSINSLOT", "0", "1"})
	if clusterScan {
		list = append(list, []string{"CLUSTERSCAN", "0", "COUNT", "1"})
	}
	// It concerns the command after it: so there is none.
	return append(list, []string{"ASKING"})
}

// probe finds out which of a scan's commands the user may not run.
//
// The commands are sent in a transaction that is never executed: a server
// refuses what a user may not run when it would be queued, and the transaction
// ends with the connection. EXEC comes first, when there is nothing to execute.
// Where MULTI is denied they are executed, and do no harm. (ACL DRYRUN would
// tell without that, but is itself not for restricted users.)
func (a *answer) probe(ctx context.Context, conn *resp.Conn, inCluster bool) error {
	list := append([][]string{{"EXEC"}, {"MULTI"}}, probes(inCluster, a.ability(inCluster).ClusterScan)...)
	replies, err := conn.Pipeline(ctx, list...)
	if err != nil {
		return &NodeError{Addr: a.addr, Command: "MULTI", Err: err}
	}
	for i, reply := range replies {
		if deniesCommand(reply) {
			a.denied = append(a.denied, commandName(list[i]))
		}
		a.lacks(reply, commandName(list[i]))
	}
	slices.Sort(a.denied)
	slices.Sort(a.missing)
	return nil
}

// lacks takes note of a reply that says that the server doesn't know a command.
func (a *answer) lacks(reply resp.Value, command string) {
	if err := (*resp.ReplyError)(nil); errors.As(reply.Err(), &err) && err.Unsupported() {
		a.missing = append(a.missing, command)
	}
}

// commandName is a command without its arguments: "HMGET", "CLUSTER NODES".
func commandName(args []string) string {
	if args[0] == "CLUSTER" {
		return args[0] + " " + args[1]
	}
	return args[0]
}

// deniesCommand reports whether a reply says that the user may not run the
// command at all. That the user may not read the key, or use the database, is
// said in other words: "… has no permissions to access the 'x' key".
func deniesCommand(reply resp.Value) bool {
	return reply.Kind == resp.Error && strings.HasPrefix(reply.Text, "NOPERM ") &&
		strings.Contains(reply.Text, "permissions to run the '")
}

func (a *answer) ability(inCluster bool) enumeration.Ability {
	s := &a.server
	return enumeration.Server{Redis: s.RedisVersion, Valkey: s.ValkeyVersion, Other: s.Other}.Ability(inCluster)
}

// way is how a scan lists the node's keys: the first way that the server has and
// the user may use; first is whether there is a better one that the user may not.
func (a *answer) way(inCluster bool) (way enumeration.Way, first bool) {
	first = true
	for _, way := range a.ability(inCluster).Ways(inCluster, true) {
		if !slices.Contains(a.denied, way.Command()) && !slices.Contains(a.missing, way.Command()) {
			return way, first
		}
		first = false
	}
	return enumeration.Auto, first
}
