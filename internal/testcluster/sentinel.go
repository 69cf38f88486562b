package testcluster

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Sentinel is a process that watches the master of a server alone, and replaces it by one of its replicas.
type Sentinel struct {
	Addr string // host:port

	dir, log string
	process  *process
	client   *redis.Client
}

// StartSentinels starts n Sentinels that watch node 0, of a Standalone configuration with replicas, under a name, and
// waits until they know the replicas and each other. password is what they ask of their own clients; "" means none.
// They may be started once. Close ends them, too.
func (c *Cluster) StartSentinels(ctx context.Context, n int, name, password string) ([]*Sentinel, error) {
	for i := range n {
		s := &Sentinel{dir: filepath.Join(c.dir, "sentinel"+strconv.Itoa(i))}
		s.log = filepath.Join(s.dir, "sentinel.log")
		if err := os.Mkdir(s.dir, 0o700); err != nil {
			return nil, fmt.Errorf("testcluster: %w", err)
		}
		c.mu.Lock()
		c.sentinels = append(c.sentinels, s)
		c.mu.Unlock()
		if err := c.launchSentinel(ctx, s, n, name, password); err != nil {
			return nil, err
		}
	}
	knows := func(ctx context.Context) error {
		for _, s := range c.sentinels {
			info, err := s.info(ctx, name)
			switch {
			case err != nil:
				return err
			case info["num-slaves"] != strconv.Itoa(c.config.Replicas), info["num-other-sentinels"] != strconv.Itoa(n-1), info["flags"] != "master":
				return fmt.Errorf("sentinel %s knows %s replicas, %s other sentinels; master: %s", s.Addr, info["num-slaves"], info["num-other-sentinels"], info["flags"])
			}
		}
		return nil
	}
	if err := poll(ctx, knows); err != nil {
		return nil, fmt.Errorf("testcluster: %w", err)
	}
	return c.sentinels, nil
}

func (c *Cluster) launchSentinel(ctx context.Context, s *Sentinel, n int, name, password string) error {
	master := c.node(0)
	port, err := freePort(c.config.Host)
	if err != nil {
		return err
	}
	s.Addr = net.JoinHostPort(c.config.Host, strconv.Itoa(port))
	lines := []string{
		"bind " + c.config.Host, "dir " + quote(s.dir), "daemonize no",
		fmt.Sprintf("sentinel monitor %s %s %d %d", name, c.config.Host, master.port, n/2+1),
		fmt.Sprintf("sentinel auth-user %s %s", name, AdminUser),
		fmt.Sprintf("sentinel auth-pass %s %s", name, c.admin),
		fmt.Sprintf("sentinel down-after-milliseconds %s 1000", name),
		fmt.Sprintf("sentinel failover-timeout %s 10000", name),
	}
	options := &redis.Options{Addr: s.Addr, Password: password, Protocol: 2, DisableIdentity: true, DialerRetries: 1, MaxRetries: -1, ContextTimeoutEnabled: true}
	if password != "" {
		lines = append(lines, "requirepass "+password, "sentinel sentinel-pass "+password)
	}
	if c.certs != nil {
		lines = append(lines, "port 0", fmt.Sprintf("tls-port %d", port), "tls-ca-cert-file "+quote(c.certs.CAFile),
			"tls-cert-file "+quote(c.certs.ServerCertFile), "tls-key-file "+quote(c.certs.ServerKeyFile),
			"tls-auth-clients "+yesNo(c.config.RequireClientCert), "tls-replication yes")
		options.TLSConfig = c.certs.ClientConfig()
	} else {
		lines = append(lines, fmt.Sprintf("port %d", port))
	}
	conf := filepath.Join(s.dir, "sentinel.conf")
	if err := os.WriteFile(conf, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		return fmt.Errorf("testcluster: %w", err)
	}
	s.client = redis.NewClient(options)
	if s.process, err = c.launcher.start(s.dir, s.log, c.config.Server.Path, conf, "--sentinel"); err != nil {
		return err
	}
	err = poll(ctx, func(ctx context.Context) error {
		if !s.process.running() {
			return stopPolling{fmt.Errorf("the sentinel has ended")}
		}
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.Addr)
		if err == nil {
			err = conn.Close()
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("testcluster: a sentinel of %s doesn't start: %w; its log:\n%s", c.config.Server.Name, err, logTail(s.log, 30))
	}
	return nil
}

// info is what a Sentinel says of a master.
func (s *Sentinel) info(ctx context.Context, name string) (map[string]string, error) {
	reply, err := s.client.Do(ctx, "SENTINEL", "MASTER", name).StringSlice()
	if err != nil {
		return nil, fmt.Errorf("sentinel %s: %w", s.Addr, err)
	}
	info := map[string]string{}
	for i := 0; i+1 < len(reply); i += 2 {
		info[reply[i]] = reply[i+1]
	}
	return info, nil
}

// SentinelFailover has a Sentinel replace the master of a name, and waits until all Sentinels say where the new one
// is: the node that it returns. The old one, if it runs, takes itself for a master for some ten seconds more.
func (c *Cluster) SentinelFailover(ctx context.Context, name string) (*Node, error) {
	before, err := c.sentinels[0].info(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("testcluster: %w", err)
	}
	if err := c.sentinels[0].client.Do(ctx, "SENTINEL", "FAILOVER", name).Err(); err != nil {
		return nil, fmt.Errorf("testcluster: SENTINEL FAILOVER: %w", err)
	}
	return c.WaitSentinels(ctx, name, before["port"])
}

// WaitSentinels waits until all Sentinels say that another node than the one at a port is the master, and that says so,
// too: the node that it returns.
func (c *Cluster) WaitSentinels(ctx context.Context, name, port string) (master *Node, err error) {
	err = poll(ctx, func(ctx context.Context) error {
		now := ""
		for _, s := range c.sentinels {
			info, err := s.info(ctx, name)
			if err != nil {
				return err
			}
			if now != "" && now != info["port"] || info["port"] == port || info["flags"] != "master" {
				return fmt.Errorf("sentinel %s: port %s is the master (%s)", s.Addr, info["port"], info["flags"])
			}
			now = info["port"]
		}
		for _, n := range c.live() {
			if strconv.Itoa(n.port) == now {
				master = n
				return n.isMaster(ctx)
			}
		}
		return fmt.Errorf("no node has the port %s of the master", now)
	})
	if err != nil {
		return nil, fmt.Errorf("testcluster: failover: %w", err)
	}
	return master, nil
}

func (s *Sentinel) stop() error {
	if s.client != nil {
		_ = s.client.Close()
	}
	if s.process == nil {
		return nil
	}
	return s.process.kill()
}
