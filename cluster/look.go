package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/redisarrow/redisarrow/internal/resp"
)

// look is what all nodes said at about one time.
type look struct {
	inCluster bool
	mistaken  bool      // the server isn't part of a cluster, and the client expects one
	topology  *Topology // nil if nobody told
	answers   []*answer
	database  int     // of the client
	settled   SlotSet // disputed now, and not a moment ago: on its way
}

// answer is what came of asking one node.
type answer struct {
	id   string // "" if it isn't known
	addr string // "" if nobody knows it
	err  error  // why nothing is known of it

	view   *View // nil outside of clusters, or if CLUSTER NODES is denied
	whole  *Info // likewise, CLUSTER INFO
	info   map[string]string
	server ServerInfo
	keys   *int64
	// Commands that the user may not run, and those that the server doesn't know.
	denied, missing []string
}

// master reports whether the node answered, and says that it is a master.
func (a *answer) master() bool { return a.view != nil && a.view.Self.Master() }

const (
	// lookLimit is how long one node may take for all that it is asked.
	lookLimit = 5 * time.Second
	// lookAtOnce is how many nodes are asked at the same time.
	lookAtOnce = 32
)

// candidate is a node to be asked.
type candidate struct{ id, addr string }

// lookAround asks the nodes of a topology, or where there is none the seeds,
// and all that they name.
func lookAround(ctx context.Context, d *Dialer, t *Topology, seeds []string) *look {
	l := &look{inCluster: t == nil || t.Cluster(), topology: t, database: d.database}
	var next []candidate
	preferred := map[string]string{} // addresses as the cluster prefers them, by ID
	if t != nil {
		preferred = t.Nodes()
		for i := range t.Masters {
			m := &t.Masters[i]
			next = append(next, candidate{m.ID, m.Addr})
			for k, id := range m.replicaIDs {
				next = append(next, candidate{id, m.Replicas[k]})
			}
		}
	}
	for _, addr := range seeds {
		next = append(next, candidate{"", addr})
	}
	asked := map[string]bool{}
	for len(next) > 0 {
		answers := d.askAll(ctx, next, l.inCluster)
		l.answers = append(l.answers, answers...)
		for _, a := range answers {
			asked[a.id] = true
		}
		next = nil
		for _, a := range answers {
			if a.view == nil {
				continue
			}
			for i := range a.view.Others {
				n := &a.view.Others[i]
				if asked[n.ID] || n.Is("handshake") || n.Is("noaddr") && n.Slots.Empty() {
					continue // noaddr: long gone, nobody knows where it was
				}
				asked[n.ID] = true
				addr, ok := preferred[n.ID]
				if !ok {
					addr = n.Addr(a.addr, d.Secure())
				}
				next = append(next, candidate{n.ID, addr})
			}
		}
	}
	l.merge()
	return l
}

// merge leaves out what was asked twice: under its ID, and before that was known.
func (l *look) merge() {
	seen := map[string]bool{}
	l.answers = slices.DeleteFunc(l.answers, func(a *answer) bool {
		again := a.id != "" && seen[a.id]
		seen[a.id] = true
		return again
	})
}

// askAll asks nodes at the same time, and gives their answers in their order.
func (d *Dialer) askAll(ctx context.Context, nodes []candidate, inCluster bool) []*answer {
	answers := make([]*answer, len(nodes))
	var asking errgroup.Group
	asking.SetLimit(lookAtOnce)
	for i, n := range nodes {
		asking.Go(func() error {
			answers[i] = d.askNode(ctx, n, inCluster)
			return nil
		})
	}
	_ = asking.Wait()
	return answers
}

func (d *Dialer) askNode(ctx context.Context, n candidate, inCluster bool) *answer {
	a := &answer{id: n.id, addr: n.addr}
	if n.addr == "" {
		a.err = errNoAddress
		return a
	}
	ctx, cancel := context.WithTimeoutCause(ctx, lookLimit, fmt.Errorf("no answer within %v: %w", lookLimit, context.DeadlineExceeded))
	defer cancel()
	nc, err := d.Dial(ctx, n.addr)
	if err != nil {
		a.err = err
		return a
	}
	conn := resp.NewConn(nc)
	defer conn.Close()
	defer conn.CloseWith(ctx)()
	if err := a.ask(ctx, conn, inCluster); err != nil {
		// What was told before isn't told in part.
		*a = answer{id: n.id, addr: n.addr, err: err}
		return a
	}
	if a.view != nil {
		self := a.view.Self.ID
		if a.id != "" && a.id != self {
			err := &NodeError{Addr: n.addr, Command: "CLUSTER NODES", Err: fmt.Errorf("%w: it is node %s, not %s", ErrWrongNode, self, a.id)}
			return &answer{id: n.id, addr: n.addr, err: err}
		}
		a.id = self
	}
	return a
}

// ask asks about the cluster, about the node, and about what the user may do.
func (a *answer) ask(ctx context.Context, conn *resp.Conn, inCluster bool) error {
	commands := [][]string{{"INFO"}, {"DBSIZE"}}
	if inCluster {
		commands = append(commands, []string{"CLUSTER", "NODES"}, []string{"CLUSTER", "INFO"})
	}
	replies, err := conn.Pipeline(ctx, commands...)
	if err != nil {
		return &NodeError{Addr: a.addr, Command: "INFO", Err: err}
	}
	text := func(i int, command string) (string, error) {
		reply := replies[i]
		switch err := reply.Err(); {
		case err == nil:
			return reply.Text, nil
		case deniesCommand(reply):
			a.denied = append(a.denied, command)
			return "", nil
		case askOtherwise(err):
			a.lacks(reply, command)
			return "", nil
		default:
			return "", &NodeError{Addr: a.addr, Command: command, Err: err}
		}
	}
	info, err := text(0, "INFO")
	if err != nil {
		return err
	}
	a.info, a.server = parseInfo(info), ParseServerInfo(info)
	if reply := replies[1]; reply.Kind == resp.Integer && reply.Int >= 0 {
		a.keys = &reply.Int
	}
	if inCluster {
		nodes, err := text(2, "CLUSTER NODES")
		if err != nil {
			return err
		}
		if nodes != "" {
			if a.view, err = ParseView(nodes); err != nil {
				return &NodeError{Addr: a.addr, Command: "CLUSTER NODES", Err: err}
			}
		}
		state, err := text(3, "CLUSTER INFO")
		if err != nil {
			return err
		}
		if state != "" {
			whole := ParseInfo(state)
			a.whole = &whole
		}
	}
	return a.probe(ctx, conn, inCluster)
}

// role is what a node is: as it says itself, or else as the topology has it.
func (l *look) role(a *answer) string {
	switch {
	case a.master():
		return roleMaster
	case a.view != nil, a.server.Role == "slave":
		return roleReplica
	case a.server.Role == "master":
		return roleMaster
	}
	for _, other := range l.answers {
		if other.view == nil {
			continue
		}
		if n := other.view.Node(a.id); n != nil && a.id != "" {
			if n.Master() {
				return roleMaster
			}
			return roleReplica
		}
	}
	if l.topology != nil {
		for i := range l.topology.Masters {
			m := &l.topology.Masters[i]
			switch {
			case m.Addr == a.addr:
				return roleMaster
			case slices.Contains(m.Replicas, a.addr):
				return roleReplica
			}
		}
	}
	return ""
}

const (
	roleMaster  = "master"
	roleReplica = "replica"
)

// masterOf is the ID of a replica's master, "" if nobody says.
func (l *look) masterOf(a *answer) string {
	if a.view != nil {
		return a.view.Self.MasterID
	}
	for _, other := range l.answers {
		if other.view == nil || a.id == "" {
			continue
		}
		if n := other.view.Node(a.id); n != nil {
			return n.MasterID
		}
	}
	if l.topology != nil {
		for i := range l.topology.Masters {
			if m := &l.topology.Masters[i]; slices.Contains(m.Replicas, a.addr) {
				return m.ID
			}
		}
	}
	return ""
}

// version is the server's make, and its version.
func (a *answer) version() (server, version string) {
	switch s := a.server; {
	case s.Other != "":
		return s.Other, strings.TrimPrefix(a.info[s.Other+"_version"], "v")
	case s.ValkeyVersion != "":
		return "valkey", s.ValkeyVersion
	case s.RedisVersion != "":
		return "redis", s.RedisVersion
	default:
		return "", ""
	}
}
