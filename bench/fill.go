package main

import (
	"context"
	"fmt"
	"net"
	"strconv"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/resp"
	"golang.org/x/sync/errgroup"
)

// discover reads the topology through one of the cluster's nodes.
func discover(ctx context.Context, addrs []string) (*cluster.Topology, error) {
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs})
	defer func() { _ = rdb.Close() }()
	dialer, err := cluster.NewDialer(rdb)
	if err != nil {
		return nil, err
	}
	return cluster.Discover(ctx, dialer)
}

// fill writes the keys of d from number first on, and returns their tally.
// Each master has its own pipeline: go-redis would take minutes for what this
// does in seconds.
func fill(ctx context.Context, topology *cluster.Topology, d dataset, first int) (tally, error) {
	tallies := make([]tally, len(topology.Masters))
	g, ctx := errgroup.WithContext(ctx)
	for master, m := range topology.Masters {
		g.Go(func() error {
			w, err := dialWriter(ctx, m.Addr)
			if err != nil {
				return err
			}
			defer w.close()
			var owned [cluster.Slots]bool
			for slot := range owned {
				owner, ok := topology.Owner(uint16(slot))
				owned[slot] = ok && owner == master
			}
			tallies[master], err = w.fill(d, first, &owned)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return tally{}, fmt.Errorf("filling the cluster: %w", err)
	}
	var all tally
	for _, t := range tallies {
		all.add(t)
	}
	return all, nil
}

// writer sends writes to one master.
type writer struct {
	conn    *resp.Conn
	stop    func() bool
	out     []byte
	pending int
}

func dialWriter(ctx context.Context, addr string) (*writer, error) {
	conn, err := dialConn(ctx, addr)
	if err != nil {
		return nil, err
	}
	return &writer{conn: conn, stop: conn.CloseWith(ctx)}, nil
}

func dialConn(ctx context.Context, addr string) (*resp.Conn, error) {
	var d net.Dialer
	nc, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return resp.NewConn(nc), nil
}

func (w *writer) close() {
	w.stop()
	_ = w.conn.Close()
}

// fill writes those of the keys whose slots are owned.
func (w *writer) fill(d dataset, first int, owned *[cluster.Slots]bool) (tally, error) {
	const pipeline = 1000
	var all tally
	values := d.newRow()
	key := []byte(d.Prefix)
	for i := first; i < d.Rows; i++ {
		key = strconv.AppendInt(key[:len(d.Prefix)], int64(i), 10)
		if !owned[cluster.Slot(key)] {
			continue
		}
		all.add(w.append(d, key, values, i))
		if w.pending >= pipeline {
			if err := w.flush(); err != nil {
				return all, err
			}
		}
	}
	return all, w.flush()
}

func (w *writer) append(d dataset, key []byte, values *row, i int) tally {
	var count tally
	if d.isHash() {
		count = w.appendHash(key, values, i)
	} else {
		count = w.appendText(key, values, i)
	}
	if d.expires(i) {
		count.Expiring = 1
		w.pending++
		w.out = resp.AppendArray(w.out, 3)
		w.out = resp.AppendBulkString(w.out, "EXPIRE")
		w.out = resp.AppendBulk(w.out, key)
		w.out = resp.AppendBulkString(w.out, strconv.Itoa(expiry))
	}
	return count
}

func (w *writer) appendText(key []byte, values *row, i int) tally {
	value, count := values.text(i)
	w.pending++
	w.out = resp.AppendArray(w.out, 3)
	w.out = resp.AppendBulkString(w.out, "SET")
	w.out = resp.AppendBulk(w.out, key)
	w.out = resp.AppendBulk(w.out, value)
	return count
}

func (w *writer) appendHash(key []byte, values *row, i int) tally {
	cells, count := values.hash(i)
	w.pending++
	w.out = resp.AppendArray(w.out, 2+2*len(cells))
	w.out = resp.AppendBulkString(w.out, "HSET")
	w.out = resp.AppendBulk(w.out, key)
	for f, cell := range cells {
		w.out = resp.AppendBulkString(w.out, values.fields[f].name)
		w.out = resp.AppendBulk(w.out, cell)
	}
	return count
}

// flush sends what is pending and looks at each reply.
func (w *writer) flush() error {
	if _, err := w.conn.Write(w.out); err != nil {
		return err
	}
	for range w.pending {
		h, err := w.conn.ReadHeader()
		if err != nil {
			return err
		}
		if h.Kind == resp.Error {
			return &resp.ReplyError{Text: string(h.Line)}
		}
	}
	w.out, w.pending = w.out[:0], 0
	return nil
}
