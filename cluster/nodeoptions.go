package cluster

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/auth"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// clusterNodeOptions makes the options of a node as a cluster client does.
// Its NewClient is always asked, since it may be the caller's: it may change
// anything by address, so a client made by it is looked at and thrown away.
// release must be called when the dial is over: the dialer in the options may
// be backed by that client.
func clusterNodeOptions(c *redis.ClusterOptions) func(addr string) (*redis.Options, func(), error) {
	return func(addr string) (*redis.Options, func(), error) {
		node := &redis.Options{
			Addr:       addr,
			ClientName: c.ClientName,
			Dialer:     c.Dialer,
			OnConnect:  c.OnConnect,

			Username:                     c.Username,
			Password:                     c.Password,
			CredentialsProvider:          c.CredentialsProvider,
			CredentialsProviderContext:   c.CredentialsProviderContext,
			StreamingCredentialsProvider: c.StreamingCredentialsProvider,

			DialTimeout:           c.DialTimeout,
			ReadTimeout:           unnormalized(c.ReadTimeout),
			WriteTimeout:          unnormalized(c.WriteTimeout),
			ContextTimeoutEnabled: c.ContextTimeoutEnabled,
			TLSConfig:             c.TLSConfig,
		}
		prepare(node)
		client := c.NewClient(node)
		if client == nil {
			return nil, nil, errors.New("NewClient of the cluster client's options returned nil")
		}
		made := *client.Options()
		made.ReadTimeout, made.WriteTimeout = unnormalized(made.ReadTimeout), unnormalized(made.WriteTimeout)
		prepare(&made)
		return &made, func() { _ = client.Close() }, nil
	}
}

// unnormalized is the timeout to give that go-redis, which normalizes the
// options it gets, turns into d again: otherwise "none" (0) becomes 5 seconds.
func unnormalized(d time.Duration) time.Duration {
	switch {
	case d == 0:
		return -1
	case d < 0:
		return -2
	default:
		return d
	}
}

// prepare takes out of a client's options what doesn't suit a client that
// makes one connection and speaks once: pools, retries, and whatever needs
// RESP3 or asks the server for more than the connection (a restricted user
// may not have it).
func prepare(opt *redis.Options) {
	opt.Protocol = 2
	opt.DisableIdentity = true
	opt.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	opt.PushNotificationProcessor = nil
	opt.ClientSideCache = nil
	opt.ClientSideCacheConfig = nil

	opt.PoolSize = 1
	opt.MinIdleConns = 0
	opt.MaxIdleConns = 0
	opt.MaxActiveConns = 0
	opt.MaxConcurrentDials = 1
	opt.PipelinePoolSize = -1
	opt.ReadBufferSize = 4 << 10
	opt.WriteBufferSize = 4 << 10

	opt.MaxRetries = -1
	opt.DialerRetries = 1
	opt.Limiter = nil

	if provider := opt.StreamingCredentialsProvider; provider != nil {
		// Subscribing for the connection's life would have go-redis send AUTH
		// on it while it is ours. Later credentials are for later connections.
		opt.StreamingCredentialsProvider = nil
		opt.CredentialsProviderContext = func(context.Context) (string, string, error) {
			return currentCredentials(provider)
		}
	}
}

func currentCredentials(provider auth.StreamingCredentialsProvider) (username, password string, err error) {
	credentials, unsubscribe, err := provider.Subscribe(&ignoreCredentials{})
	if err != nil {
		return "", "", err
	}
	if unsubscribe != nil {
		defer func() { _ = unsubscribe() }()
	}
	username, password = credentials.BasicAuth()
	return username, password, nil
}

// ignoreCredentials listens to no rotation. Providers tell listeners apart by
// identity, so it must have a size: pointers to empty structs may be equal.
type ignoreCredentials struct{ _ byte }

func (*ignoreCredentials) OnNext(auth.Credentials) {}
func (*ignoreCredentials) OnError(error)           {}
