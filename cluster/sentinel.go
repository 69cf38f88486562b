package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/redisarrow/redisarrow/internal/resp"
)

// sentinelCommand is how a Sentinel is asked, for messages.
const sentinelCommand = "SENTINEL GET-MASTER-ADDR-BY-NAME"

// sentinels know where a master is.
//
// go-redis has a failover client, which serves a scan as well. What it doesn't do
// is say which Sentinel was asked, what it said, and what to do about it: every
// error comes from a server called FailoverClient, and goes to standard error
// before that.
type sentinels struct {
	master string
	dialer *Dialer
	limit  time.Duration // for each Sentinel; 0 means none
	server func(ctx context.Context, network, addr string) (net.Conn, error)

	mu    sync.Mutex
	addrs []string // the one that answered last comes first
}

// connectSentinel makes a client of the master that Sentinels name. opt is for the
// first of them.
func (o *Options) connectSentinel(ctx context.Context, urls *seedURLs, opt *redis.Options) (redis.UniversalClient, error) {
	s := &sentinels{master: o.SentinelMaster, addrs: urls.addrs, server: opt.Dialer, limit: opt.DialTimeout}
	switch {
	case s.master == "":
		s.master = urls.master
	case urls.master != "" && urls.master != s.master:
		return nil, fmt.Errorf("%w: two masters: %q by SentinelMaster, %q by the URL's master_name", ErrOptions, s.master, urls.master)
	}
	switch {
	case opt.Network == "unix":
		return nil, fmt.Errorf("%w: a Sentinel is given by host and port, not by a unix socket", ErrOptions)
	case strings.ContainsAny(s.master, ":/"): // see Dialer.Floating
		return nil, fmt.Errorf("%w: %q can't be the name of a master: it is what stands behind \"sentinel monitor\" in a Sentinel's configuration", ErrOptions, s.master)
	}
	watch := *opt
	watch.Username, watch.Password, watch.DB, watch.ClientName = urls.user, urls.password, 0, ""
	if o.SentinelUsername != "" {
		watch.Username = o.SentinelUsername
	}
	if o.SentinelPassword != "" {
		watch.Password = o.SentinelPassword
	}
	s.dialer = newSingleDialer(&watch)

	opt.Addr, opt.Username, opt.Password = s.master, o.Username, o.Password
	opt.Dialer = s.dial
	if err := s.check(ctx, newSingleDialer(opt)); err != nil {
		return nil, err
	}
	return redis.NewClient(opt), nil
}

// check makes sure that the master can be scanned.
func (s *sentinels) check(ctx context.Context, d *Dialer) error {
	if _, _, err := s.find(ctx); err != nil {
		return err // rather than as the error of a dial
	}
	nc, err := d.Dial(ctx, s.master)
	if err != nil {
		return err
	}
	conn := resp.NewConn(nc)
	defer conn.Close()
	conn.SetTimeout(answerTimeout)
	conn.SetLimit(answerLimit)
	t, err := askTopology(ctx, conn, s.master, d.Secure())
	if err != nil {
		return err
	}
	if t.Cluster() {
		return fmt.Errorf("%w: %s is part of a cluster: give the cluster's own nodes, without Sentinels", ErrOptions, s.master)
	}
	reply, err := conn.Do(ctx, "INFO", "replication")
	if err != nil && reply.Kind != resp.Error {
		return &NodeError{Addr: s.master, Command: "INFO", Err: err}
	}
	if ParseServerInfo(reply.Text).Role == "slave" {
		return &NodeError{Addr: s.master, Command: "INFO", Err: errFailover}
	}
	return nil
}

var errFailover = errors.New("the server that the Sentinels name is a replica: a failover is under way, so try again in some seconds")

// dial connects to where the master is now; the address is only its name.
func (s *sentinels) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	addr, sentinel, err := s.find(ctx)
	if err != nil {
		return nil, err
	}
	conn, err := s.server(ctx, network, addr)
	if err != nil {
		return nil, fmt.Errorf("the master is %s, as Sentinel %s has it: %w", addr, sentinel, err)
	}
	return conn, nil
}

// find asks one Sentinel after the other where the master is.
func (s *sentinels) find(ctx context.Context) (addr, sentinel string, err error) {
	s.mu.Lock()
	addrs := slices.Clone(s.addrs)
	s.mu.Unlock()
	var failed []*NodeError
	for i, sentinel := range addrs {
		addr, err := s.ask(ctx, sentinel, len(addrs)-i+1) // the master takes its share, too
		if err == nil {
			s.first(sentinel)
			return addr, sentinel, nil
		}
		var node *NodeError
		if !errors.As(err, &node) {
			node = &NodeError{Addr: sentinel, Command: sentinelCommand, Err: err}
		}
		if strings.Contains(node.Err.Error(), "without any password configured") {
			node.Err = fmt.Errorf("%w; the password of a Sentinel's URL is the Sentinel's: give that of the server apart (Password, --password-file)", node.Err)
		}
		failed = append(failed, node)
		if ctx.Err() != nil {
			break
		}
	}
	return "", "", fmt.Errorf("no Sentinel says where the master %q is: %w", s.master, &SeedsError{Nodes: failed})
}

func (s *sentinels) first(sentinel string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.addrs, sentinel)
	s.addrs = slices.Insert(slices.Delete(s.addrs, i, i+1), 0, sentinel)
}

func (s *sentinels) ask(ctx context.Context, sentinel string, left int) (addr string, err error) {
	ctx, cancel := share(ctx, s.limit, left)
	defer cancel()
	nc, err := s.dialer.Dial(ctx, sentinel)
	if err != nil {
		return "", err
	}
	conn := resp.NewConn(nc)
	defer conn.Close()
	conn.SetTimeout(answerTimeout)
	reply, err := conn.Do(ctx, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", s.master)
	if err != nil {
		return "", err
	}
	if reply.Null {
		return "", fmt.Errorf("it watches no master of the name %q%s", s.master, s.others(ctx, conn))
	}
	if len(reply.Elems) == 2 {
		host := reply.Elems[0].Text
		if _, port, ok := splitAddr(":" + reply.Elems[1].Text); ok && host != "" && port > 0 {
			return resolve(host, port, sentinel), nil
		}
	}
	return "", &resp.ProtocolError{Reason: "the reply isn't a host and a port"}
}

// others are the names of the masters that a Sentinel watches, for a message.
func (s *sentinels) others(ctx context.Context, conn *resp.Conn) string {
	reply, err := conn.Do(ctx, "SENTINEL", "MASTERS")
	if err != nil {
		return ""
	}
	var names []string
	for _, master := range reply.Elems {
		for i := 0; i+1 < len(master.Elems) && len(names) < maxNames; i += 2 {
			if master.Elems[i].Text == "name" {
				names = append(names, fmt.Sprintf("%.100q", master.Elems[i+1].Text))
			}
		}
	}
	if len(names) == 0 {
		return ""
	}
	return ", but " + strings.Join(names, ", ")
}

// maxNames is how many masters are named at most.
const maxNames = 10
