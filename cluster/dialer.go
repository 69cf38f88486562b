package cluster

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// Dialer makes connections to the nodes of a cluster, or to a single server,
// with all that a go-redis client was told about connecting: network, dialer,
// TLS, user and password or credentials providers, client name, database,
// OnConnect hook, [redis.ClusterOptions.NewClient]. The connections are made
// and authenticated by go-redis and then belong to the caller; they share
// nothing with the client's pools.
//
// Not carried over are hooks added with AddHook or in OnNewNode, which
// go-redis doesn't let anybody see: a dial hook must become the Dialer of the
// options. Nor is the Limiter, which guards the client's own traffic.
//
// A Dialer may be used by several goroutines. It keeps no connection, and
// needs no closing; the client must stay open while it is used.
type Dialer struct {
	rdb    *redis.ClusterClient // nil for a single server's client
	seeds  []string
	secure bool // the client uses TLS
	// database is a single server's, as the client selects it.
	database int
	options  func(addr string) (opt *redis.Options, release func(), err error)

	named atomic.Bool // the client gives its connections a name

	mu    sync.Mutex
	known []string // nodes of the last topology, best first
}

// NewDialer takes the connection options of a *redis.ClusterClient or of a
// *redis.Client, failover clients of Sentinel included. Other clients, and
// rings, are refused with [ErrClient]. It doesn't connect.
func NewDialer(rdb redis.UniversalClient) (*Dialer, error) {
	switch c := rdb.(type) {
	case *redis.ClusterClient:
		if c == nil {
			break
		}
		opt := *c.Options()
		return &Dialer{rdb: c, seeds: slices.Clone(opt.Addrs), secure: opt.TLSConfig != nil, options: clusterNodeOptions(&opt)}, nil
	case *redis.Client:
		if c == nil {
			break
		}
		return newSingleDialer(c.Options()), nil
	case *redis.Ring:
		return nil, fmt.Errorf("%w: a *redis.Ring spreads keys over servers by a rule of its own: pass a *redis.Client for each of its servers, one after another", ErrClient)
	case nil:
	default:
		return nil, fmt.Errorf("%w: %T: pass a *redis.ClusterClient or a *redis.Client", ErrClient, rdb)
	}
	return nil, fmt.Errorf("%w: nil", ErrClient)
}

// newSingleDialer makes connections as a client with these options does.
func newSingleDialer(opt *redis.Options) *Dialer {
	base := *opt
	base.ReadTimeout, base.WriteTimeout = unnormalized(base.ReadTimeout), unnormalized(base.WriteTimeout)
	return &Dialer{seeds: []string{base.Addr}, secure: base.TLSConfig != nil, database: base.DB, options: func(addr string) (*redis.Options, func(), error) {
		node := base
		prepare(&node)
		if addr != base.Addr {
			node.Addr = addr
			if node.Network == "unix" {
				node.Network = "tcp" // the other nodes of its cluster are announced so
			}
		}
		return &node, func() {}, nil
	}}
}

// Seeds are the addresses to begin with: those of the cluster client's
// options, or the single server's one. The slice is the caller's.
func (d *Dialer) Seeds() []string { return slices.Clone(d.seeds) }

// Cluster reports whether the client is a *redis.ClusterClient. Whether the
// server is a cluster is for [Topology.Cluster] to say.
func (d *Dialer) Cluster() bool { return d.rdb != nil }

// Secure reports whether the client uses TLS: host names count then, as
// certificates are for them.
func (d *Dialer) Secure() bool { return d.secure }

// Floating reports whether the client is a *redis.Client whose address isn't one:
// its dialer alone knows where it leads, as that of a failover client does, which
// asks Sentinels. The server may be another one at the next [Dialer.Dial].
func (d *Dialer) Floating() bool {
	return d.rdb == nil && !strings.ContainsAny(d.seeds[0], ":/@")
}

// Named reports whether the last connection has got a name (CLIENT SETNAME) from
// the client's options.
func (d *Dialer) Named() bool { return d.named.Load() }

// Dial connects to a node and authenticates. The connection speaks RESP2, has
// no deadline set and nothing to be read; it is the caller's to close.
//
// The dial takes at most the client's DialTimeout, the handshake its
// ReadTimeout and WriteTimeout for each step. When ctx ends, Dial returns at
// once, whatever the client's dialer or credentials provider does, with
// ctx's cause in the error; what they still return later is closed.
//
// Errors are of type [*NodeError].
func (d *Dialer) Dial(ctx context.Context, addr string) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	done := make(chan result)
	left := make(chan struct{})
	defer close(left)
	go func() {
		conn, err := d.open(ctx, addr)
		select {
		case done <- result{conn, err}:
		case <-left:
			if conn != nil {
				_ = conn.Close()
			}
		}
	}()
	select {
	case r := <-done:
		return r.conn, r.err
	case <-ctx.Done():
		return nil, &NodeError{Addr: addr, Command: "connect", Err: context.Cause(ctx)}
	}
}

// remember keeps the nodes of a topology for the next time, in case the
// seeds are gone by then.
func (d *Dialer) remember(addrs []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.known = addrs
}

func (d *Dialer) remembered() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.known
}
