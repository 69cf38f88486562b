package cluster

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/redisarrow/redisarrow/internal/resp"
)

// Check looks at a cluster, or at a single server, before it is scanned: who
// owns the slots, which migrations are open, which nodes fail or lag, what the
// user may not do, how each node's keys would be listed, and whether a scan that
// begins now could keep its promise ([Report.Verdict]).
//
// All nodes are asked, replicas too, 32 at a time, each for 5 seconds at most,
// over connections of its own that are closed again. Nothing is changed and no
// key is read. What the user may do is tried with commands that are queued in a
// transaction and never executed; where MULTI is denied, they are executed in a
// harmless form. What is denied leaves a line in the server's ACL LOG.
//
// A node that can't be asked is a finding, not an error. An error is what keeps
// everything from being known: rdb isn't a client to scan with ([ErrClient]), no
// node can be reached or lets the user in ([*SeedsError]), ctx has ended.
func Check(ctx context.Context, rdb redis.UniversalClient) (*Report, error) {
	d, err := NewDialer(rdb)
	if err != nil {
		return nil, err
	}
	topology, err := Discover(ctx, d)
	seeds := reachable(err)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.Is(err, ErrNotCluster):
		return checkOtherwise(ctx, d, seeds)
	case err != nil && len(seeds) == 0:
		return nil, err
	}
	l := lookAround(ctx, d, topology, seeds)
	if disputed := l.disputed(); !disputed.Empty() {
		// While slots are handed over the nodes hear of it one after another.
		if err := pause(ctx, settleTime); err == nil {
			l = lookAround(ctx, d, topology, seeds)
			l.settled = l.disputed().Minus(disputed)
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return l.report(), nil
}

// settleTime is how long a disagreement may last that is no finding.
const settleTime = time.Second

// reachable are the seeds that let us in and then said that they can't tell the
// topology: there is something to tell of them all the same.
func reachable(err error) (addrs []string) {
	var seeds *SeedsError
	if !errors.As(err, &seeds) {
		return nil
	}
	for _, n := range seeds.Nodes {
		var reply *resp.ReplyError
		if !strings.HasPrefix(n.Command, "connect") && (errors.As(n.Err, &reply) || errors.Is(n.Err, ErrNotCluster)) {
			addrs = append(addrs, n.Addr)
		}
	}
	return addrs
}

// checkOtherwise tells of a server that isn't part of a cluster, and was given
// with a client that expects one.
func checkOtherwise(ctx context.Context, d *Dialer, addrs []string) (*Report, error) {
	l := lookAround(ctx, d, singleTopology(addrs[0]), nil)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	l.mistaken = true
	return l.report(), nil
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
