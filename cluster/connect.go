package cluster

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// DefaultDialTimeout is how long a seed may take to be connected to, if
// [Options] doesn't say otherwise.
const DefaultDialTimeout = 5 * time.Second

// Options say which servers [Connect] connects to, and as whom.
type Options struct {
	// URLs are the seeds, at least one: nodes of one cluster, or a single
	// server, or Sentinels. Each is redis://[user][:password]@host[:port][/database],
	// with rediss:// for TLS, or a bare host:port; the port is 6379 unless given,
	// and a Sentinel's 26379. Or it is unix://[user][:password@]/path[?db=database],
	// a single server's socket. What one URL says about user, password and TLS goes
	// for all; they must not contradict each other. Parameters are those of
	// [redis.ParseURL], addr=host:port for further seeds, and master_name=name, which
	// is SentinelMaster.
	URLs []string
	// Username and Password, where not empty, go before those of the URLs. A
	// server that is found by Sentinels has these alone.
	Username, Password string
	// SentinelMaster is the name of a master that Sentinels watch; the URLs are those
	// of Sentinels then. What these URLs say about user and password is for the
	// Sentinels, which have their own, mostly none; TLS, parameters and database
	// are for both, or the server.
	SentinelMaster string
	// SentinelUsername and SentinelPassword, where not empty, go before those of the
	// URLs.
	SentinelUsername, SentinelPassword string
	// TLSConfig switches TLS on, as rediss:// does with the system's
	// certificate authorities. Unless it has a ServerName, each node's certificate
	// must be for the host at which the node is reached.
	TLSConfig *tls.Config
	// ClientName is set on every connection; needs the permission for CLIENT
	// SETNAME. None by default; those of a scan are then called redisarrow, where
	// the user may do that.
	ClientName string
	// DialTimeout is how long to wait for each seed, answer included, and for
	// each later connection; 0 means [DefaultDialTimeout], less than 0 no limit.
	DialTimeout time.Duration
}

// Connect finds a seed that answers, authenticates, and returns a
// *redis.ClusterClient if the server is part of a cluster, else a
// *redis.Client; the caller closes it. Seeds are tried in order, so a dead one
// costs at most the dial timeout, and where ctx has a deadline its share of
// the time that is left. ctx counts for Connect alone, not for the client.
//
// With the name of a master that Sentinels watch, the client is a *redis.Client
// that asks them for each connection where the master is; they are tried in order,
// too. After a failover it goes on with the new master.
//
// Mistakes in the options are errors that wrap [ErrOptions], among them a
// database number other than 0 for a cluster, and several addresses for a
// server that isn't part of one. If no seed can be used, the error is a
// [*SeedsError]; one that is a Sentinel, without the name of a master, is
// [ErrSentinel]. No error holds a password.
func Connect(ctx context.Context, options Options) (redis.UniversalClient, error) {
	urls, err := parseSeedURLs(options.URLs, options.SentinelMaster != "")
	if err != nil {
		return nil, err
	}
	opt, err := options.clientOptions(urls)
	if err != nil {
		return nil, err
	}
	if urls.master != "" || options.SentinelMaster != "" {
		return options.connectSentinel(ctx, urls, opt)
	}
	// A cluster's node may refuse to select a database; what the server is
	// comes first.
	probe := *opt
	probe.DB = 0
	s := search{dialer: newSingleDialer(&probe), hasty: true, limit: opt.DialTimeout, asked: make(map[string]bool)}
	if !s.ask(ctx, urls.addrs) {
		return nil, s.err()
	}
	answered := s.best.Source
	switch {
	case s.best.cluster && opt.Network == "unix":
		return nil, fmt.Errorf("%w: %s is the socket of a cluster's node, and the other nodes have none here: give the address of a node, host:port", ErrOptions, answered)
	case s.best.cluster && opt.DB != 0:
		return nil, fmt.Errorf("%w: database %d: %s is part of a cluster, and its client is always in database 0: leave the number out", ErrOptions, opt.DB, answered)
	case s.best.cluster:
		addrs := []string{answered}
		for _, addr := range urls.addrs {
			if addr != answered {
				addrs = append(addrs, addr)
			}
		}
		return redis.NewClusterClient(clusterOptions(opt, addrs)), nil
	case len(urls.addrs) > 1:
		return nil, fmt.Errorf("%w: %s is a single server, not part of a cluster, and %d addresses were given: give its own only", ErrOptions, answered, len(urls.addrs))
	}
	if opt.DB != 0 {
		conn, err := newSingleDialer(opt).Dial(ctx, opt.Addr)
		if err != nil {
			return nil, err
		}
		_ = conn.Close()
	}
	return redis.NewClient(opt), nil
}

// clientOptions are those of a client for the first seed.
func (o *Options) clientOptions(urls *seedURLs) (*redis.Options, error) {
	opt := *urls.opt
	opt.Network, opt.Addr = "tcp", urls.addrs[0]
	if urls.scheme == "unix" {
		if opt.Network = "unix"; o.TLSConfig != nil {
			return nil, fmt.Errorf("%w: TLS over a unix socket: leave it out, the socket is on this machine", ErrOptions)
		}
	}
	opt.Username, opt.Password, opt.DB = urls.user, urls.password, urls.db
	if o.Username != "" {
		opt.Username = o.Username
	}
	if o.Password != "" {
		opt.Password = o.Password
	}
	if o.ClientName != "" {
		opt.ClientName = o.ClientName
	}
	if o.DialTimeout != 0 {
		opt.DialTimeout = o.DialTimeout
	}
	if opt.DialTimeout == 0 {
		opt.DialTimeout = DefaultDialTimeout
	}
	skipVerify := opt.TLSConfig != nil && opt.TLSConfig.InsecureSkipVerify
	opt.TLSConfig = nil // ParseURL's names the one host of its URL
	if o.TLSConfig != nil {
		opt.TLSConfig = o.TLSConfig.Clone()
	} else if urls.scheme == "rediss" {
		opt.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if skipVerify {
		opt.TLSConfig.InsecureSkipVerify = true // asked for with skip_verify
	}
	opt.Dialer = contextDialer(opt.DialTimeout, opt.TLSConfig)
	// Both ask for permissions that a restricted user may not have.
	opt.DisableIdentity = true
	opt.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return &opt, nil
}

// contextDialer is go-redis's default dialer, except that its TLS handshake,
// too, ends with the context.
func contextDialer(timeout time.Duration, config *tls.Config) func(ctx context.Context, network, addr string) (net.Conn, error) {
	dialer := &net.Dialer{
		Timeout:         max(timeout, 0),
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 5 * time.Second, Count: 3},
	}
	if config == nil {
		return dialer.DialContext
	}
	return (&tls.Dialer{NetDialer: dialer, Config: config}).DialContext
}

// clusterOptions carries a single client's options over to a cluster's.
func clusterOptions(opt *redis.Options, addrs []string) *redis.ClusterOptions {
	return &redis.ClusterOptions{
		Addrs:      addrs,
		ClientName: opt.ClientName,
		Dialer:     opt.Dialer,
		TLSConfig:  opt.TLSConfig,
		Protocol:   opt.Protocol,
		Username:   opt.Username,
		Password:   opt.Password,

		MaxRetries:      opt.MaxRetries,
		MinRetryBackoff: opt.MinRetryBackoff,
		MaxRetryBackoff: opt.MaxRetryBackoff,
		DialTimeout:     opt.DialTimeout,
		ReadTimeout:     opt.ReadTimeout,
		WriteTimeout:    opt.WriteTimeout,

		PoolFIFO:                opt.PoolFIFO,
		PoolSize:                opt.PoolSize,
		PoolTimeout:             opt.PoolTimeout,
		MinIdleConns:            opt.MinIdleConns,
		MaxIdleConns:            opt.MaxIdleConns,
		MaxActiveConns:          opt.MaxActiveConns,
		MaxConcurrentDials:      opt.MaxConcurrentDials,
		PipelinePoolSize:        opt.PipelinePoolSize,
		PipelineReadBufferSize:  opt.PipelineReadBufferSize,
		PipelineWriteBufferSize: opt.PipelineWriteBufferSize,
		ConnMaxIdleTime:         opt.ConnMaxIdleTime,
		ConnMaxLifetime:         opt.ConnMaxLifetime,
		ConnMaxLifetimeJitter:   opt.ConnMaxLifetimeJitter,

		DisableIdentity:          opt.DisableIdentity,
		MaintNotificationsConfig: opt.MaintNotificationsConfig,
	}
}
