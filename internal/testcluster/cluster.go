package testcluster

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"
)

// Cluster is a set of running servers. Its methods may be called from any goroutine; two that change the cluster at the
// same time wait for each other's effects no better than two operators would.
type Cluster struct {
	config   Config
	dir      string
	admin    string // AdminUser's password
	certs    *Certificates
	launcher *launcher
	close    func() error

	mu        sync.Mutex // guards what changes in the nodes, and what follows
	nodes     []*Node
	sentinels []*Sentinel
	migrating map[int]migration
}

// StartAt starts servers with their files in dir, an existing folder whose path should be short if unix sockets are
// asked for, and waits until they are a cluster in which every node knows every slot's owner and every replica is in
// step. ctx bounds the start alone: the cluster runs until [Cluster.Close]. On an error nothing is left running.
func StartAt(ctx context.Context, dir string, config Config) (*Cluster, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil { // the servers work in folders of their own
		return nil, fmt.Errorf("testcluster: %w", err)
	}
	c := &Cluster{
		config:    config,
		dir:       dir,
		admin:     newPassword(),
		launcher:  newLauncher(),
		migrating: make(map[int]migration),
	}
	c.close = sync.OnceValue(c.stop)
	if err := c.start(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *Cluster) start(ctx context.Context) error {
	if c.config.TLS {
		var err error
		if c.certs, err = newCertificates(c.dir, c.config.TLSNames); err != nil {
			return err
		}
	}
	masters, replicas := c.config.Masters, c.config.Replicas
	for i := range masters * (1 + replicas) {
		shard := i
		if i >= masters {
			shard = (i - masters) / replicas
		}
		n, err := c.newNode(i, shard)
		if err != nil {
			return err
		}
		c.nodes = append(c.nodes, n)
	}
	// A replica of a server alone is told its master's port in its configuration.
	if err := c.launchAll(ctx, c.Nodes()[:masters]); err != nil {
		return err
	}
	if err := c.launchAll(ctx, c.Nodes()[masters:]); err != nil {
		return err
	}
	if c.config.Standalone {
		return c.wait(ctx, c.replicasLinked)
	}
	return c.join(ctx)
}

// newNode makes a node's folder. It has no ports yet, and belongs to no cluster.
func (c *Cluster) newNode(index, master int) (*Node, error) {
	n := &Node{Index: index, Master: master, Replica: index != master, Dir: filepath.Join(c.dir, "node"+strconv.Itoa(index))}
	n.log = filepath.Join(n.Dir, "server.log")
	if c.config.UnixSocket {
		n.Socket = filepath.Join(n.Dir, "server.sock")
	}
	if err := os.Mkdir(n.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("testcluster: %w", err)
	}
	return n, nil
}

func (c *Cluster) launchAll(ctx context.Context, nodes []*Node) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, n := range nodes {
		g.Go(func() error { return c.launch(ctx, n) })
	}
	return g.Wait()
}

// Close kills every server and closes the harness's own clients. The folder stays. Calls after the first give the
// first one's error.
func (c *Cluster) Close() error { return c.close() }

func (c *Cluster) stop() error {
	var errs []error
	for _, s := range c.sentinels {
		errs = append(errs, s.stop()) // first: they would replace what ends
	}
	for _, n := range c.Nodes() {
		errs = append(errs, c.discard(n))
	}
	c.launcher.close()
	return errors.Join(errs...)
}

// discard ends all that runs for a node.
func (c *Cluster) discard(n *Node) error {
	var errs []error
	if n.client != nil {
		errs = append(errs, n.client.Close())
	}
	if p := c.process(n); p != nil {
		errs = append(errs, p.kill())
	}
	if n.bus != nil {
		n.bus.close()
	}
	return errors.Join(errs...)
}

// Nodes are the cluster's nodes: masters first, in the order of their slots, then the replicas of master 0, 1, …, then
// what was added since. Those that died or were removed keep their place. The list is the caller's, of this moment: a
// node that moves to another address is another [Node] with the same number.
func (c *Cluster) Nodes() []*Node {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.nodes)
}

func (c *Cluster) node(i int) *Node {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nodes[i]
}

// Server is the program that runs.
func (c *Cluster) Server() Server { return c.config.Server }

// Addrs are the addresses of all nodes, host:port, in the nodes' order.
func (c *Cluster) Addrs() []string {
	nodes := c.Nodes()
	addrs := make([]string, len(nodes))
	for i, n := range nodes {
		addrs[i] = n.Addr
	}
	return addrs
}

// URL is node i's address as a redis:// or rediss:// URL, with the default user's password if there is one.
func (c *Cluster) URL(i int) string {
	u := url.URL{Scheme: "redis", Host: c.node(i).Addr}
	if c.certs != nil {
		u.Scheme = "rediss"
	}
	if c.config.Password != "" {
		u.User = url.UserPassword("", c.config.Password)
	}
	return u.String()
}

// Certificates are the cluster's, nil without TLS.
func (c *Cluster) Certificates() *Certificates { return c.certs }

// ClusterOptions are for a client of one's own that comes in as the default user: all nodes' addresses, password and
// TLS, all else as go-redis has it. They are new ones at every call.
func (c *Cluster) ClusterOptions() *redis.ClusterOptions {
	o := &redis.ClusterOptions{Addrs: c.Addrs(), Password: c.config.Password}
	if c.certs != nil {
		o.TLSConfig = c.certs.ClientConfig()
	}
	return o
}

// Options are [Cluster.ClusterOptions] for a client of node i alone.
func (c *Cluster) Options(i int) *redis.Options {
	o := &redis.Options{Addr: c.node(i).Addr, Password: c.config.Password}
	if c.certs != nil {
		o.TLSConfig = c.certs.ClientConfig()
	}
	return o
}

// NodeClient is the harness's own client of node i, as [AdminUser]: it tries nothing again, and Close closes it.
func (c *Cluster) NodeClient(i int) *redis.Client { return c.node(i).client }

// RunID is the name of node i's present process, 40 hex digits; a restart changes it.
func (c *Cluster) RunID(ctx context.Context, i int) (string, error) {
	info, err := c.node(i).info(ctx, "server")
	return info["run_id"], err
}

// Pid is node i's process ID; of the last process if it is dead.
func (c *Cluster) Pid(i int) int { return c.process(c.node(i)).pid }

// HasCommand reports whether the servers know a command, "getex", or a subcommand, "cluster|shards".
func (c *Cluster) HasCommand(ctx context.Context, name string) (bool, error) {
	reply, err := c.node(0).do(ctx, "COMMAND", "INFO", strings.ToLower(name))
	if err != nil {
		return false, err
	}
	list, _ := reply.([]any)
	return len(list) == 1 && list[0] != nil, nil
}

// Log is the last lines of node i's log.
func (c *Cluster) Log(i, lines int) string { return logTail(c.node(i).log, lines) }

// Kill ends node i's process at once with SIGKILL, and waits until it is gone.
func (c *Cluster) Kill(i int) error { return c.process(c.node(i)).kill() }

// Pause stops node i's process with SIGSTOP: its connections stay open and nobody answers.
func (c *Cluster) Pause(i int) error { return c.setPaused(c.node(i), true) }

// Resume lets a paused node go on.
func (c *Cluster) Resume(i int) error { return c.setPaused(c.node(i), false) }

func (c *Cluster) setPaused(n *Node, paused bool) error {
	sig := syscall.SIGCONT
	if paused {
		sig = syscall.SIGSTOP
	}
	if err := c.process(n).signal(sig); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	n.paused = paused
	return nil
}

// Restart kills node i's process if it runs, starts another at the same address and with the same node ID, and waits
// until that answers. Nothing is persisted: a master comes back without its keys. See [Cluster.WaitOK] for the
// cluster's state after it.
func (c *Cluster) Restart(ctx context.Context, i int) error {
	if err := c.Kill(i); err != nil {
		return err
	}
	return c.launch(ctx, c.node(i))
}

func (c *Cluster) process(n *Node) *process {
	c.mu.Lock()
	defer c.mu.Unlock()
	return n.process
}

// live are the nodes that can answer and that the others can hear: neither dead nor paused nor cut off.
func (c *Cluster) live() []*Node {
	c.mu.Lock()
	defer c.mu.Unlock()
	var live []*Node
	for _, n := range c.nodes {
		if n.process != nil && n.process.running() && !n.paused && !n.cut {
			live = append(live, n)
		}
	}
	return live
}
