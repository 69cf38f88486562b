package iterator_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/convert"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
)

const fuzzKinds = 4

const fuzzPassword = "xqzSECRETxqz"

// fuzzRun is one scan of FuzzScan.
type fuzzRun struct {
	kind       string // of fuzzKinds
	standalone bool
	early      bool // release before the end
	cluster    minicluster.Config
	config     iterator.Config
}

// fuzzSettings choose from the lists in newFuzzRun.
type fuzzSettings struct {
	kind, twoMasters, slotTables, count, batch, policy, maxRows, concurrency, announce, standalone, early int
}

// each calls do with each setting and how many values it has.
func (s *fuzzSettings) each(do func(v *int, n uint32)) {
	do(&s.kind, fuzzKinds)
	do(&s.twoMasters, 2)
	do(&s.slotTables, 2)
	do(&s.count, 4)
	do(&s.batch, 4)
	do(&s.policy, 3)
	do(&s.maxRows, 3)
	do(&s.concurrency, 2)
	do(&s.announce, 3)
	do(&s.standalone, 4)
	do(&s.early, 4)
}

func (s *fuzzSettings) number() uint32 {
	number, unit := uint32(0), uint32(1)
	s.each(func(v *int, n uint32) { number, unit = number+unit*uint32(*v), unit*n })
	return number
}

func newFuzzRun(number uint32) fuzzRun {
	var s fuzzSettings
	s.each(func(v *int, n uint32) { *v, number = int(number%n), number/n })
	r := fuzzRun{
		kind: []string{"hmget", "hgetall", "keys", "string"}[s.kind],
		cluster: minicluster.Config{
			Memory: true, Password: fuzzPassword, Masters: 1 + s.twoMasters, SlotTables: s.slotTables == 1,
			Announce: []minicluster.Announce{minicluster.AnnounceIP, minicluster.AnnounceEmpty, minicluster.AnnounceUnknown}[s.announce],
		},
		config: iterator.Config{
			CountHint:    []int{3, 1000, 1, 10}[s.count],
			BatchSize:    []int{8192, 3, 1, 7}[s.batch],
			OnParseError: []convert.Policy{convert.Null, convert.SkipRow, convert.Fail}[s.policy],
			MaxRows:      []int64{0, 0, 5}[s.maxRows],
			Concurrency:  []int{1, iterator.AllMasters}[s.concurrency],
			StallTimeout: time.Second, // of the bubble's time, as all others
		},
		standalone: s.standalone == 3,
		early:      s.early == 3,
	}
	if r.standalone {
		r.cluster.Standalone, r.cluster.Masters = true, 1
	}
	if r.kind == "hgetall" {
		r.config.HashCommand = iterator.HGETALL
	}
	return r
}

// fill stores the keys, and says which rows they give.
func (r *fuzzRun) fill(c *minicluster.Cluster) map[string]string {
	want := map[string]string{}
	add := func(key string, strings bool, row string, bad bool) {
		if strings == (r.kind == "string") && (!bad || r.config.OnParseError == convert.Null) {
			want[key] = row
		}
	}
	c.SetList("list", "a")
	for i := range 16 {
		name, age := fmt.Sprint("User", i), fmt.Sprint(20+i)
		key := fmt.Sprint("user:", i)
		pairs := []string{"name", name, "age", age, "odd", "one"}
		switch i {
		case 11:
			age = "x" // isn't an integer
			pairs[3] = age
		case 12: // without the fields
			name, age, pairs = "null", "null", []string{"odd", "one"}
		case 13:
			name, pairs = "null", pairs[2:]
		case 14, 15:
			key = fmt.Sprint("{one slot}:", i)
		}
		c.SetHash(key, pairs...)
		bad := age == "x"
		if bad {
			age = "null"
		}
		switch r.kind {
		case "hmget":
			add(key, false, strings.Join([]string{key, "-1", name, age}, "|"), bad)
		case "hgetall":
			add(key, false, strings.Join([]string{key, "null", name, age}, "|"), bad)
		case "keys":
			add(key, false, key, false)
		}

		key = fmt.Sprint("str:", i)
		value, bad := fmt.Sprint(i*10), i == 7
		c.SetString(key, value)
		if bad {
			c.SetString(key, "1.5")
			value = "null"
		}
		add(key, true, strings.Join([]string{key, "-1", value}, "|"), bad)
	}
	return want
}

// dialer is that of a go-redis client.
type dialer = func(ctx context.Context, network, addr string) (net.Conn, error)

// counted counts the connections that are open.
func counted(dial dialer, open *atomic.Int64) dialer {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		open.Add(1)
		return &countedConn{Conn: conn, close: sync.OnceFunc(func() { open.Add(-1) })}, nil
	}
}

type countedConn struct {
	net.Conn
	close func()
}

func (c *countedConn) Close() error {
	c.close()
	return c.Conn.Close()
}

func (r *fuzzRun) client(c *minicluster.Cluster, dial dialer) redis.UniversalClient {
	const timeout = time.Second
	if r.standalone {
		return redis.NewClient(&redis.Options{Addr: c.Addrs()[0], Dialer: dial, Password: fuzzPassword, ReadTimeout: timeout})
	}
	return redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: c.Addrs(), Dialer: dial, Password: fuzzPassword, ReadTimeout: timeout,
		// Asked otherwise, it would look up the hosts that it is told.
		ClusterSlots: func(context.Context) ([]redis.ClusterSlot, error) { return nil, errors.New("not asked") },
	})
}

func (r *fuzzRun) open(ctx context.Context, rdb redis.UniversalClient) (reader, error) {
	text := map[string]string{
		"hmget":   "_key:key,_ttl:ttl,name:utf8,age:int64",
		"hgetall": "_key:key,_at:expires_at,name:utf8,age:int64",
		"keys":    "_key:key",
		"string":  "_key:key,_ttl:ttl,value:int64",
	}[r.kind]
	if r.kind == "string" {
		s, err := schema.ParseString(text)
		if err != nil {
			return nil, err
		}
		it, err := iterator.NewClusterStringBatchIterator(ctx, rdb, s, r.config)
		if err != nil {
			return nil, err
		}
		return it, nil
	}
	s, err := schema.ParseHash(text)
	if err != nil {
		return nil, err
	}
	it, err := iterator.NewClusterHashBatchIterator(ctx, rdb, s, r.config)
	if err != nil {
		return nil, err
	}
	return it, nil
}
