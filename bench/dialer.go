package main

import (
	"cmp"
	"context"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
)

// clusterOptions are those of the readers that use go-redis's cluster client.
func (t task) clusterOptions() *redis.ClusterOptions {
	o := &redis.ClusterOptions{Addrs: t.Masters}
	if t.Through != nil {
		o.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
			d := net.Dialer{Timeout: 5 * time.Second}
			return d.DialContext(ctx, network, cmp.Or(t.Through[addr], addr))
		}
	}
	return o
}
