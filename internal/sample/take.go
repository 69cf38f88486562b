package sample

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/enumeration"
	"github.com/redisarrow/redisarrow/internal/resp"
)

// Config says what is sampled.
type Config struct {
	Pattern string          // a glob as for SCAN's MATCH; "" for all keys
	Slots   cluster.SlotSet // whose keys are looked at; empty for all
	Type    string          // as TYPE says it; "" for any. Keys of other types may be among those found, where SCAN is denied
	Keys    int             // about how many in all, at least 1

	// Limit is how long it may take, from Take to Close.
	Limit time.Duration

	// CountAll has the servers send all keys, and leaves out here what doesn't match:
	// so it is known how many don't.
	CountAll bool
}

// ErrOver is what [Node.Ask] returns when the time is over.
var ErrOver = errors.New("the time for sampling is over")

const (
	// silence is how long a node may be silent.
	silence = 5 * time.Second
	// atOnce is how many nodes list keys at the same time.
	atOnce = 32
	// clientName is what the connections are called in CLIENT LIST, unless the
	// caller's client gives its own a name.
	clientName = "redisarrow"
)

// Sample is some keys of each master, and connections to ask about them.
type Sample struct {
	Nodes []*Node // the masters, in the order of their slots

	config  Config
	ctx     context.Context // with the limit
	cancel  context.CancelFunc
	cluster bool
}

// Node is a master, and its part of a sample.
type Node struct {
	Addr string
	Keys int64 // that it has; -1 if it doesn't say

	Names  []string // of its keys in the sample, each once
	Looked int64    // keys looked at; with Config.CountAll those that don't match, too
	Found  int64    // those that match
	Whole  bool     // all of its keys were looked at, so that Found is how many match

	sample *Sample
	conn   *resp.Conn
	slots  cluster.SlotSet
	part   bool            // they aren't all of its slots
	denied map[string]bool // commands that the user may not run
	walk   walk
	seen   map[string]bool
	spare  []string // keys that were found beyond those that were wanted so far
	over   bool     // there is nothing more to be listed
}

// Take samples. The caller closes the sample.
//
// Errors are those of [cluster.NewDialer], [cluster.Discover], a
// [*cluster.NodeError], or that of ctx. That the time is over is none.
func Take(ctx context.Context, rdb redis.UniversalClient, config Config) (s *Sample, err error) {
	d, err := cluster.NewDialer(rdb)
	if err != nil {
		return nil, err
	}
	topology, err := cluster.Discover(ctx, d)
	if err != nil {
		return nil, err
	}
	s = &Sample{config: config, cluster: topology.Cluster()}
	s.ctx, s.cancel = context.WithTimeoutCause(ctx, config.Limit, ErrOver)
	wanted := config.wanted(s.cluster)
	for i := range topology.Masters {
		m := &topology.Masters[i]
		slots := m.Slots.Intersect(wanted)
		if slots.Empty() {
			continue
		}
		s.Nodes = append(s.Nodes, &Node{
			Addr: m.Addr, Keys: -1, sample: s, slots: slots, part: slots != m.Slots,
			denied: make(map[string]bool), seen: make(map[string]bool),
		})
	}
	err = s.each(s.Nodes, func(n *Node) error { return n.connect(d) })
	if err == nil {
		err = s.fill()
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		s.Close()
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, err
	}
	return s, nil
}

// wanted are the slots whose keys are looked at.
func (c *Config) wanted(inCluster bool) cluster.SlotSet {
	wanted := c.Slots
	if wanted.Empty() {
		wanted = cluster.AllSlots()
	}
	if slot, ok := cluster.PatternSlot(c.Pattern); ok && c.Pattern != "" && inCluster {
		var one cluster.SlotSet
		one.Add(slot)
		wanted = wanted.Intersect(one)
	}
	return wanted
}

// Close gives the connections back. Nothing can be asked any more.
func (s *Sample) Close() {
	s.cancel()
	for _, n := range s.Nodes {
		if n.conn != nil {
			_ = n.conn.Close()
		}
	}
}

// Total is how many keys are in the sample.
func (s *Sample) Total() (keys int) {
	for _, n := range s.Nodes {
		keys += len(n.Names)
	}
	return keys
}

// Whole reports whether all keys that match are in the sample.
func (s *Sample) Whole() bool {
	for _, n := range s.Nodes {
		if !n.Whole || n.Found > int64(len(n.Names)) {
			return false
		}
	}
	return true
}

// Over reports whether the time is over.
func (s *Sample) Over() bool { return s.ctx.Err() != nil }

// each does something with nodes at the same time. That the time is over ends it
// without an error.
func (s *Sample) each(nodes []*Node, do func(*Node) error) error {
	var all errgroup.Group
	all.SetLimit(atOnce)
	for _, n := range nodes {
		all.Go(func() error {
			err := do(n)
			if s.Over() && errors.Is(context.Cause(s.ctx), ErrOver) {
				return nil
			}
			return err
		})
	}
	return all.Wait()
}

// connect connects to a master and asks how many keys it has.
func (n *Node) connect(d *cluster.Dialer) error {
	nc, err := d.Dial(n.sample.ctx, n.Addr)
	if err != nil {
		return err
	}
	n.conn = resp.NewConn(nc)
	n.conn.SetTimeout(silence)
	commands := [][]string{{"INFO"}, {"DBSIZE"}}
	if !d.Named() {
		commands = append(commands, []string{"CLIENT", "SETNAME", clientName})
	}
	replies, err := n.conn.Pipeline(n.sample.ctx, commands...)
	if err != nil {
		return n.failed("INFO", err)
	}
	info := cluster.ParseServerInfo(replies[0].Text)
	if info.Loading {
		return n.failed("INFO", errors.New("it is loading its data: try again when that is done"))
	}
	if reply := replies[1]; reply.Kind == resp.Integer {
		n.Keys = reply.Int
	} else if keys, ok := keysOf(replies[0].Text); ok && n.sample.cluster {
		n.Keys = keys
	}
	able := enumeration.Server{Redis: info.RedisVersion, Valkey: info.ValkeyVersion, Other: info.Other}.Ability(n.sample.cluster)
	if able.NoTouch {
		if _, err := n.conn.Pipeline(n.sample.ctx, []string{"CLIENT", "NO-TOUCH", "ON"}); err != nil {
			return n.failed("CLIENT NO-TOUCH", err)
		}
	}
	n.walk = n.newWalk(able.Order == enumeration.SlotOrder)
	return nil
}

// keysOf is the number of keys in database 0, as INFO has it.
func keysOf(info string) (keys int64, ok bool) {
	const section = "# Keyspace"
	_, rest, found := strings.Cut(info, section)
	if !found {
		return 0, false
	}
	if _, rest, found = strings.Cut(rest, "db0:keys="); !found {
		return 0, true // no key, no line
	}
	_, err := fmt.Sscanf(rest, "%d", &keys)
	return keys, err == nil
}

func (n *Node) failed(command string, err error) error {
	return &cluster.NodeError{Addr: n.Addr, Command: command, Err: err}
}

// fill lists keys until the sample is full. In each turn a node has to come to so
// many keys, or to its end; so there is an end.
func (s *Sample) fill() error {
	for !s.Over() {
		left := s.config.Keys - s.Total()
		var open []*Node
		for _, n := range s.Nodes {
			if !n.over || len(n.spare) > 0 {
				open = append(open, n)
			}
		}
		if left <= 0 || len(open) == 0 {
			return nil
		}
		shares := share(left, open)
		byNode := make(map[*Node]int, len(open))
		for i, n := range open {
			byNode[n] = len(n.Names) + shares[i]
		}
		if err := s.each(open, func(n *Node) error { return n.list(byNode[n]) }); err != nil {
			return err
		}
	}
	return nil
}

// share cuts a number of keys like the nodes' keys; where one doesn't say how many
// it has, into equal parts. Each has one at least.
func share(keys int, nodes []*Node) []int {
	total := int64(0)
	for _, n := range nodes {
		if n.Keys < 0 {
			total = 0
			break
		}
		total += n.Keys
	}
	shares := make([]int, len(nodes))
	for i, n := range nodes {
		part := 1 / float64(len(nodes))
		if total > 0 {
			part = float64(n.Keys) / float64(total)
		}
		shares[i] = max(int(part*float64(keys)+0.5), 1)
	}
	return shares
}

// list lists the node's keys until it has so many in the sample.
func (n *Node) list(most int) error {
	for {
		more := min(most-len(n.Names), len(n.spare))
		n.Names, n.spare = append(n.Names, n.spare[:more]...), n.spare[more:]
		if len(n.Names) >= most || n.over || n.sample.ctx.Err() != nil {
			return nil
		}
		if err := n.walk.page(n, most-len(n.Names)); err != nil {
			return err
		}
	}
}

// take takes a key that was listed, unless it isn't wanted.
func (n *Node) take(key string) {
	if !n.slots.Has(cluster.Slot([]byte(key))) {
		return
	}
	n.Looked++
	if !n.sample.config.matches(key) || n.seen[key] {
		return
	}
	n.Found++
	if len(n.seen) < n.sample.config.Keys {
		n.seen[key] = true
		n.spare = append(n.spare, key)
	}
}
