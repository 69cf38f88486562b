package testcluster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Node is one server process of a cluster, and its successors at the same address.
type Node struct {
	Index   int    // its number in the cluster
	Replica bool   // started as a replica: failovers don't change this
	Master  int    // number of the master that it was started as a replica of; its own if Replica is false
	Addr    string // host:port as it listens: announced addresses may differ
	ID      string // its name in the cluster, 40 hex digits; empty for a server alone
	Dir     string // its folder
	Socket  string // its unix socket; empty unless Config.UnixSocket

	port    int
	busPort int       // where it listens
	bus     *busProxy // where the others find it; nil unless Config.BusProxy
	log     string
	client  *redis.Client

	// Guarded by the cluster's mutex.
	process *process
	paused  bool
	cut     bool // off the cluster bus, see Partition
}

// launch starts node n's server and waits until it answers. A node that has no ports yet gets free ones, and others if
// somebody was quicker to take them; one that has ports waits for them.
func (c *Cluster) launch(ctx context.Context, n *Node) error {
	fresh := n.port == 0
	for attempt := 1; ; attempt++ {
		if fresh {
			if err := c.assignPorts(n); err != nil {
				return err
			}
		}
		err := c.run(ctx, n)
		if err == nil || attempt == 5 || ctx.Err() != nil || !strings.Contains(logTail(n.log, 30), "Address already in use") {
			return err
		}
		if !fresh { // somebody who looks for a free port has it for a moment
			sleep(ctx, time.Second)
		}
	}
}

func (c *Cluster) assignPorts(n *Node) error {
	var err error
	if n.port, err = freePort(c.config.Host); err != nil {
		return err
	}
	for n.busPort = n.port; n.busPort == n.port; {
		if n.busPort, err = freePort(c.config.Host); err != nil {
			return err
		}
	}
	n.Addr = net.JoinHostPort(c.config.Host, strconv.Itoa(n.port))
	if n.client != nil {
		_ = n.client.Close() // of the address that was taken
	}
	n.client = redis.NewClient(c.adminOptions(n))
	if c.config.BusProxy {
		if n.bus == nil {
			// What comes from or goes to a node that is cut off.
			refuse := func(sender string) bool { return c.isCut(n.Index) || c.isCutID(sender) }
			if n.bus, err = newBusProxy(c.config.Host, refuse); err != nil {
				return fmt.Errorf("testcluster: %w", err)
			}
		}
		n.bus.connectTo(c.config.Host, n.busPort)
	}
	var master *Node
	if n.Replica {
		master = c.node(n.Master)
	}
	conf := c.config.directives(n, c.admin, c.certs, master)
	return os.WriteFile(filepath.Join(n.Dir, "server.conf"), []byte(conf), 0o600)
}

func (c *Cluster) run(ctx context.Context, n *Node) error {
	p, err := c.launcher.start(n.Dir, n.log, c.config.Server.Path, filepath.Join(n.Dir, "server.conf"))
	if err != nil {
		return err
	}
	c.mu.Lock()
	n.process, n.paused = p, false
	c.mu.Unlock()
	err = poll(ctx, func(ctx context.Context) error {
		if !p.running() {
			return stopPolling{errors.New("the server has ended")}
		}
		// A bare look first: go-redis logs every dial that fails.
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", n.Addr)
		if err != nil {
			return err
		}
		_ = conn.Close() // nothing was sent
		info, err := n.info(ctx, "server")
		if err != nil {
			return err
		}
		// Another server may hold the port that ours is about to fail on.
		if info["process_id"] != strconv.Itoa(p.pid) {
			return fmt.Errorf("process %s answers instead of %d", info["process_id"], p.pid)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("testcluster: %s on %s does not start: %w; its log:\n%s",
			c.config.Server.Name, n.Addr, err, logTail(n.log, 30))
	}
	return nil
}

// announcedBusPort is the port by which the others find the node's cluster bus.
func (n *Node) announcedBusPort() int {
	if n.bus != nil {
		return n.bus.port()
	}
	return n.busPort
}

// adminOptions are for the harness's own connections: nothing is tried again behind its back.
func (c *Cluster) adminOptions(n *Node) *redis.Options {
	o := &redis.Options{
		Addr:                     n.Addr,
		Username:                 AdminUser,
		Password:                 c.admin,
		DialTimeout:              2 * time.Second,
		DialerRetries:            1,
		ReadTimeout:              10 * time.Second,
		MaxRetries:               -1,
		ContextTimeoutEnabled:    true,
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	if c.certs != nil {
		o.TLSConfig = c.certs.ClientConfig()
	}
	return o
}

// info is one section of INFO.
func (n *Node) info(ctx context.Context, section string) (map[string]string, error) {
	text, err := n.client.Info(ctx, section).Result()
	if err != nil {
		return nil, fmt.Errorf("INFO on %s: %w", n.Addr, err)
	}
	values := make(map[string]string)
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			values[name] = value
		}
	}
	return values, nil
}

// do runs one command and names node and command when it fails.
func (n *Node) do(ctx context.Context, args ...any) (any, error) {
	reply, err := n.client.Do(ctx, args...).Result()
	if err != nil {
		return nil, fmt.Errorf("testcluster: %v on %s: %w", args, n.Addr, err)
	}
	return reply, nil
}

// logTail is the last lines of a server's log.
func logTail(file string, lines int) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// stopPolling wraps an error that won't go away.
type stopPolling struct{ error }

func (s stopPolling) Unwrap() error { return s.error }

// poll calls check until it gives nil, or until ctx ends: the error is check's last one then, and the context's.
func poll(ctx context.Context, check func(context.Context) error) error {
	tick := time.NewTicker(15 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check(ctx)
		var stop stopPolling
		if err == nil || errors.As(err, &stop) {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
	}
}

func newPassword() string { return rand.Text() }
