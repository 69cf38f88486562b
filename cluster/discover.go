package cluster

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/redisarrow/redisarrow/internal/resp"
)

// answerTimeout is how long a node may be silent when asked for the topology
// before the next one is asked.
const answerTimeout = 5 * time.Second

// answerLimit is how long its whole answer may take.
const answerLimit = 30 * time.Second

// Discover asks the cluster which node owns which slot: the node that knew it
// the last time that d was used, then the seeds, then other nodes known from
// last time; and the first time, when none of these can be used, the nodes that
// the cluster client itself knows. The first node that knows an owner for every slot and
// doesn't call the cluster down settles it; if there is none, the best answer
// does, see [Topology.Unowned].
//
// CLUSTER SLOTS is asked for, or where it isn't allowed CLUSTER SHARDS or
// CLUSTER NODES. For the hosts that nodes announce see the package comment.
//
// A *redis.Client on a server that isn't part of a cluster gives one master
// that has all slots. A *redis.Client on a node of a cluster is a seed of the
// whole cluster. A *redis.ClusterClient on a server that isn't part of a
// cluster is an error that wraps [ErrNotCluster].
//
// When no node can be used, the error is a [*SeedsError]; when that is because
// ctx has ended, it wraps ctx's cause.
func Discover(ctx context.Context, d *Dialer) (*Topology, error) {
	candidates, known := d.Seeds(), d.remembered()
	if len(known) > 0 {
		candidates = append(append(known[:1:1], candidates...), known[1:]...)
	}
	s := search{dialer: d, asked: make(map[string]bool)}
	settled := s.ask(ctx, candidates)
	// Later on, whoever answers may be wrong in any way, and go-redis reads
	// replies without end into memory.
	if !settled && s.best == nil && len(known) == 0 && s.unreachable() && ctx.Err() == nil {
		settled = s.ask(ctx, d.clientNodes(ctx))
	}
	if s.best == nil || !settled && ctx.Err() != nil {
		return nil, s.err()
	}
	d.remember(s.best.addrs())
	return s.best, nil
}

// search goes through nodes that may know the topology.
type search struct {
	dialer *Dialer
	hasty  bool          // whatever a node answers settles it
	limit  time.Duration // for each node; 0 means none
	asked  map[string]bool
	failed []*NodeError
	best   *Topology
}

// ask goes through the addresses until one settles the topology. Where ctx
// has a deadline, each gets a fair share of what is left of it.
func (s *search) ask(ctx context.Context, addrs []string) (settled bool) {
	for i, addr := range addrs {
		if s.asked[addr] {
			continue
		}
		s.asked[addr] = true
		t, err := s.askOne(ctx, addr, len(addrs)-i)
		if err != nil {
			s.failed = append(s.failed, err)
			if ctx.Err() != nil {
				return false
			}
			continue
		}
		if s.best == nil || t.better(s.best) {
			s.best = t
		}
		if unowned := t.Unowned(); s.hasty || !t.down && unowned.Empty() {
			return true
		}
	}
	return false
}

// share is ctx for the first of some tries: with at most limit, if there is one,
// and its fair share of what is left of ctx's own time.
func share(ctx context.Context, limit time.Duration, left int) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok && left > 1 {
		share := time.Until(deadline) / time.Duration(left)
		if limit <= 0 || share < limit {
			limit = share
		}
	}
	if limit <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, limit)
}

func (s *search) askOne(ctx context.Context, addr string, left int) (*Topology, *NodeError) {
	ctx, cancel := share(ctx, s.limit, left)
	defer cancel()
	t, err := s.dialer.topologyOf(ctx, addr)
	if err != nil {
		var node *NodeError
		if !errors.As(err, &node) {
			node = &NodeError{Addr: addr, Command: "CLUSTER SLOTS", Err: err}
		}
		return nil, node
	}
	if !t.cluster && s.dialer.Cluster() {
		return nil, &NodeError{Addr: addr, Command: "CLUSTER SLOTS", Err: fmt.Errorf("%w: use a *redis.Client for it", ErrNotCluster)}
	}
	return t, nil
}

func (s *search) err() error {
	if len(s.failed) == 0 {
		return fmt.Errorf("%w: the client has no address of a node", ErrOptions)
	}
	return &SeedsError{Nodes: s.failed}
}

// unreachable reports whether no node was reached: those that were would
// have said the same about credentials as any other node.
func (s *search) unreachable() bool {
	for _, n := range s.failed {
		var reply redis.Error
		var ours *resp.ReplyError
		if errors.As(n.Err, &reply) || errors.As(n.Err, &ours) || errors.Is(n.Err, ErrNotCluster) || errors.Is(n.Err, context.Canceled) {
			return false
		}
	}
	return true
}

// better compares answers that leave something open.
func (t *Topology) better(than *Topology) bool {
	if t.down != than.down {
		return than.down
	}
	unowned, thanUnowned := t.Unowned(), than.Unowned()
	return unowned.Len() < thanUnowned.Len()
}

// clientNodes are the nodes that the cluster client has found out for itself,
// or from its ClusterSlots option.
func (d *Dialer) clientNodes(ctx context.Context) []string {
	if d.rdb == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	var mu sync.Mutex // the callbacks run concurrently
	var addrs []string
	_ = d.rdb.ForEachShard(ctx, func(_ context.Context, node *redis.Client) error {
		addr := node.Options().Addr
		if host, port, ok := splitAddr(addr); ok && host == "" {
			addr = joinAddr(hostOf(addr), port) // a loopback address that go-redis has emptied
		}
		mu.Lock()
		defer mu.Unlock()
		addrs = append(addrs, addr)
		return nil
	})
	return addrs
}

// topologyOf asks one node.
func (d *Dialer) topologyOf(ctx context.Context, addr string) (*Topology, error) {
	nc, err := d.Dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	conn := resp.NewConn(nc)
	defer conn.Close()
	conn.SetTimeout(answerTimeout)
	conn.SetLimit(answerLimit)
	return askTopology(ctx, conn, addr, d.secure || isTLS(nc))
}

func isTLS(conn net.Conn) bool {
	_, ok := conn.(interface{ ConnectionState() tls.ConnectionState })
	return ok
}

// disabled is what a server says to commands about clusters that isn't in one.
const disabled = "cluster support disabled"

// askTopology asks in the three ways there are, until one is allowed.
func askTopology(ctx context.Context, conn *resp.Conn, addr string, secure bool) (*Topology, error) {
	ways := []struct {
		name  string
		parse func(resp.Value) ([]Master, error)
	}{
		{"SLOTS", func(v resp.Value) ([]Master, error) { return parseSlots(v, addr) }},
		{"SHARDS", func(v resp.Value) ([]Master, error) { return parseShards(v, addr, secure) }},
		{"NODES", func(v resp.Value) ([]Master, error) {
			view, err := ParseView(v.Text)
			if err != nil {
				return nil, err
			}
			return viewMasters(view, addr, secure), nil
		}},
	}
	var first error
	unknown := 0
	for _, way := range ways {
		replies, err := conn.Pipeline(ctx, []string{"CLUSTER", way.name}, []string{"CLUSTER", "INFO"})
		if err != nil {
			return nil, &NodeError{Addr: addr, Command: "CLUSTER " + way.name, Err: err}
		}
		err = replies[0].Err()
		if err == nil {
			var masters []Master
			if masters, err = way.parse(replies[0]); err == nil {
				t := newTopology(addr, masters)
				t.down = !ParseInfo(replies[1].Text).OK()
				return t, nil
			}
		}
		if strings.Contains(err.Error(), disabled) {
			return singleTopology(addr), nil
		}
		if reply := (*resp.ReplyError)(nil); errors.As(err, &reply) && reply.Unsupported() {
			unknown++
		}
		err = &NodeError{Addr: addr, Command: "CLUSTER " + way.name, Err: err}
		if !askOtherwise(err) {
			return nil, err
		}
		if first == nil {
			first = err
		}
	}
	if unknown == len(ways) {
		return askAlone(ctx, conn, addr)
	}
	// All denied. A server that isn't part of a cluster can still be used.
	reply, err := conn.Do(ctx, "INFO", "cluster")
	if err == nil && strings.Contains(reply.Text, "cluster_enabled:0") {
		return singleTopology(addr), nil
	}
	return nil, first
}

// askAlone makes sure that a server without cluster commands is one that is alone,
// or a proxy that looks like one: a node of a cluster, whose commands have been
// renamed or are kept back, would be taken for the whole. ASKING is refused where
// cluster support is disabled, and isn't known to what isn't a Redis server.
func askAlone(ctx context.Context, conn *resp.Conn, addr string) (*Topology, error) {
	reply, err := conn.Do(ctx, "INFO", "server")
	if err != nil && reply.Kind != resp.Error {
		return nil, &NodeError{Addr: addr, Command: "INFO", Err: err}
	}
	fields := parseInfo(reply.Text)
	mode := cmp.Or(fields["redis_mode"], fields["server_mode"])
	if mode == "" {
		_, err := conn.Do(ctx, "ASKING")
		refused := (*resp.ReplyError)(nil)
		switch {
		case err == nil:
			mode = "cluster"
		case !errors.As(err, &refused) || !refused.Unsupported() && !strings.Contains(refused.Text, disabled):
			return nil, &NodeError{Addr: addr, Command: "ASKING", Err: err}
		}
	}
	switch mode {
	case "sentinel":
		return nil, &NodeError{Addr: addr, Command: "INFO", Err: ErrSentinel}
	case "cluster":
		return nil, &NodeError{Addr: addr, Command: "CLUSTER SLOTS", Err: errHidden}
	default:
		t := singleTopology(addr)
		t.bare = true
		return t, nil
	}
}

var errHidden = errors.New("the server is a node of a cluster and has no CLUSTER command, so it can't be told which slots are whose: " +
	"it may have been renamed (rename-command), or the service keeps it back")

// askOtherwise reports whether another way of asking may succeed: the reply
// was an error about this command, or was malformed. Others, such as LOADING,
// concern the node.
func askOtherwise(err error) bool {
	var reply *resp.ReplyError
	if !errors.As(err, &reply) {
		return true
	}
	code := reply.Code()
	return code == "NOPERM" || code == "ERR"
}
