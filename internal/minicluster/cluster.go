package minicluster

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
)

// Cluster is a running fake cluster. Its methods may be called from any
// goroutine, and from a [Fault]'s functions, Close excepted.
//
// Nodes go by their number: masters from 0, then the replicas of master 0,
// those of master 1, and so on, then nodes added later. A number that no node
// has panics, as an index out of range does.
type Cluster struct {
	cfg      Config
	commands map[string]*command
	wire     *wireLog
	fault    atomic.Pointer[FaultFunc]
	lastConn atomic.Int64
	wg       sync.WaitGroup

	mu     sync.Mutex // guards all that follows, and everything in the nodes
	rand   *rand.Rand
	nodes  []*node
	memory map[int]*memoryListener // by port; nil unless Config.Memory
	truth  *View
	closed bool
}

// Start starts a cluster. Close it.
func Start(cfg Config) (*Cluster, error) {
	if err := cfg.normalize(); err != nil {
		return nil, err
	}
	c := &Cluster{
		cfg:      cfg,
		commands: newCommands(&cfg),
		wire:     newWireLog(cfg.Record),
		rand:     rand.New(rand.NewPCG(cfg.Seed, 0)),
		truth:    newView(),
	}
	c.SetFault(cfg.Fault)
	for i := range cfg.Masters * (1 + cfg.Replicas) {
		master := -1
		if i >= cfg.Masters {
			master = (i - cfg.Masters) / cfg.Replicas
		}
		if err := c.addNode(master); err != nil {
			c.Close()
			return nil, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.update(func(v *View) {
		for i := range cfg.Masters {
			// As redis-cli --cluster create splits them.
			v.SetOwner(slotSplit(i, cfg.Masters), slotSplit(i+1, cfg.Masters)-1, i)
		}
	})
	return c, nil
}

// slotSplit returns the first slot of master i of n.
func slotSplit(i, n int) int { return (i*Slots + n/2) / n }

// addNode makes a node, starts it and tells everybody. It takes the lock.
func (c *Cluster) addNode(master int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := &node{
		c: c, index: len(c.nodes), id: c.hexID(), announce: c.cfg.Announce,
		sessions: map[*session]struct{}{}, migrating: map[int]int{}, importing: map[int]int{},
	}
	n.wipe()
	if err := n.start(""); err != nil {
		return err
	}
	c.nodes = append(c.nodes, n)
	n.view = c.truth.clone()
	c.update(func(v *View) {
		for len(v.nodes) <= n.index {
			v.nodes = append(v.nodes, peer{master: -1, forgotten: true})
		}
		p := peer{master: master}
		if master < 0 {
			v.current++
			p.epoch = v.current
		}
		v.nodes[n.index] = p
	})
	if master >= 0 {
		n.copyFrom(c.nodes[master])
	}
	return nil
}

// update changes the truth, and with it the view of every node that hears of
// it. The lock is held.
func (c *Cluster) update(change func(*View)) {
	change(c.truth)
	c.truth.refresh(c.cfg.PartialCoverage)
	for _, n := range c.nodes {
		if !n.isolated {
			n.edit(change)
		}
	}
}

// hexID makes a node id or a run id. The lock is held.
func (c *Cluster) hexID() string {
	return fmt.Sprintf("%016x%016x%08x", c.rand.Uint64(), c.rand.Uint64(), c.rand.Uint32())
}

// Close stops every node and waits until nothing runs any more. It may be
// called twice, but not from a Fault's functions.
func (c *Cluster) Close() {
	c.mu.Lock()
	c.closed = true
	for _, n := range c.nodes {
		n.stop()
	}
	c.mu.Unlock()
	c.wg.Wait()
}

// Addrs returns the address of every node, host:port, by its number. They
// stay the same when a node is killed and restarted, unless by Readdress.
func (c *Cluster) Addrs() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	addrs := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		addrs[i] = n.addr
	}
	return addrs
}

// URLs returns the redis:// or rediss:// URL of every node, by its number,
// with the default user's password if there is one.
func (c *Cluster) URLs() []string {
	urls := c.Addrs()
	for i, addr := range urls {
		u := url.URL{Scheme: "redis", Host: addr}
		if c.cfg.TLS != nil {
			u.Scheme = "rediss"
		}
		if c.cfg.Password != "" {
			u.User = url.UserPassword("", c.cfg.Password)
		}
		urls[i] = u.String()
	}
	return urls
}

// NodeID returns the 40 hexadecimal digits that name a node in CLUSTER NODES.
func (c *Cluster) NodeID(node int) string { return c.nodeAt(node).id }

func (c *Cluster) nodeAt(node int) *node {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nodes[node]
}

// byID returns the node with that id, or nil. The lock is held.
func (c *Cluster) byID(id string) *node {
	if i := slices.IndexFunc(c.nodes, func(n *node) bool { return n.id == id }); i >= 0 {
		return c.nodes[i]
	}
	return nil
}
