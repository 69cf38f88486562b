package iterator_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/internal/faultnet"
	"github.com/redisarrow/redisarrow/iterator"
)

// [TestProperty] on real servers: other data, among it, other types, behind the
// same networks; and what somebody else does to the keys meanwhile.
func TestPropertyReal(t *testing.T) {
	const share = 0.2 / 12 // of the cases that are asked for, by three layouts of four servers
	onServers(t, func(t *testing.T, on place) {
		first, n := propertySeeds(t, 1, share)
		checkProperty(t, first, n, 1, func(seed uint64, cut propertyCut) propertyRunner { return newRealPropertyCase(seed, cut, on) })
	})
}

// realPropertyCase is a case on real servers.
type realPropertyCase struct {
	propertyCase
	on      place
	changes []realChange
	begun   time.Time
	done    int // of the changes
}

// realChange happens after a batch.
type realChange struct {
	batch int
	gone  []string      // these keys are deleted
	added []propertyKey // these are stored
	kill  bool          // the servers close all connections
}

func newRealPropertyCase(seed uint64, cut propertyCut, on place) *realPropertyCase {
	c := &realPropertyCase{propertyCase: propertyCase{seed: seed}, on: on}
	data, part := c.draw(true)
	drawLedger(part(8), &c.config, iterator.AutoEnumerate, iterator.AutoEnumerate, iterator.KeysInSlot, iterator.PlainScan)
	r := part(6)
	for range r.IntN(4) {
		change := realChange{batch: oneOf(r, 1, 1, 2, r.IntN(10)+1)}
		switch r.IntN(3) {
		case 0:
			for _, k := range c.keys {
				if r.IntN(4) == 0 {
					change.gone = append(change.gone, k.name)
				}
			}
		case 1:
			change.added = data.keys(r.IntN(50) + 1)
		default:
			change.kill = true
		}
		c.changes = append(c.changes, change)
	}
	c.changes = slices.DeleteFunc(c.changes, func(realChange) bool { return slices.Contains(cut.faults, 0) })
	c.drawNetwork(cut)
	c.cutKeys(cut)
	c.reader.between = c.between
	return c
}

func (c *realPropertyCase) parts() (keys, faults int) { return len(c.keys), min(len(c.changes), 1) }

func (c *realPropertyCase) String() string {
	var b strings.Builder
	b.WriteString(c.propertyCase.String())
	for _, change := range c.changes {
		fmt.Fprintf(&b, "  after batch %d: %d keys deleted, %d added, connections killed %v\n", change.batch, len(change.gone), len(change.added), change.kill)
	}
	return b.String()
}

// between does what is to be done after a batch.
func (c *realPropertyCase) between(batch int) {
	ctx := context.Background()
	for _, change := range c.changes {
		if change.batch != batch {
			continue
		}
		c.done++
		pipelined(c, change.gone, func(p redis.Pipeliner, key *string) { p.Del(ctx, *key) })
		c.store(change.added)
		for i := range c.on.addrs {
			if change.kill {
				c.on.servers.NodeClient(i).ClientKillByFilter(ctx, "TYPE", "normal", "SKIPME", "yes")
			}
		}
	}
}

// store puts keys into the cluster.
func (c *realPropertyCase) store(keys []propertyKey) {
	ctx := context.Background()
	pipelined(c, keys, func(p redis.Pipeliner, k *propertyKey) { storeKey(ctx, p, k) })
	// Not beside it: go-redis asks any node about the empty key, and what is
	// sent on from there comes late.
	pipelined(c, keys, func(p redis.Pipeliner, k *propertyKey) {
		if k.expires != 0 {
			p.PExpireAt(ctx, k.name, c.begun.Add(k.expires))
		}
	})
}

// pipelined sends commands for each of the values. The servers are well: none
// of them fails.
func pipelined[T any](c *realPropertyCase, values []T, command func(redis.Pipeliner, *T)) {
	const chunk = 200
	for part := range slices.Chunk(values, chunk) {
		_, err := c.on.admin.Pipelined(context.Background(), func(p redis.Pipeliner) error {
			for i := range part {
				command(p, &part[i])
			}
			return nil
		})
		if err != nil {
			panic(err)
		}
	}
}

func storeKey(ctx context.Context, p redis.Pipeliner, k *propertyKey) {
	switch k.kind {
	case "hash":
		p.HSet(ctx, k.name, k.fields)
	case "string":
		p.Set(ctx, k.name, k.value, 0)
	case "list":
		p.RPush(ctx, k.name, "element")
	case "set":
		p.SAdd(ctx, k.name, "member")
	case "zset":
		p.ZAdd(ctx, k.name, redis.Z{Score: 1, Member: "member"})
	default:
		p.XAdd(ctx, &redis.XAddArgs{Stream: k.name, Values: []string{"field", "value"}})
	}
}

// run fills the cluster, scans it and judges what came of it.
func (c *realPropertyCase) run() (end propertyEnd, happened bool, err error) {
	for i := range c.on.addrs {
		if err := c.on.servers.NodeClient(i).FlushAll(context.Background()).Err(); err != nil {
			return "", false, err
		}
	}
	c.begun = time.Now().Truncate(time.Millisecond)
	c.store(c.keys)
	through, err := faultnet.New()
	if err != nil {
		return "", false, err
	}
	defer through.Close()
	rdb := c.through(through)
	defer rdb.Close()
	strike := func() {
		if c.network != nil {
			through.SetPlan(c.network.next)
		}
	}
	if c.early {
		strike()
	}
	got := c.schema.scanAll(rdb, c.config, strike, c.reader)
	struck := c.network != nil && c.network.struck.Load() > 0

	short := c.config.StallTimeout == shortStall
	v := &propertyVerdict{listsSlots: true, schema: &c.schema, config: c.config, begun: c.begun.UnixMilli(), incomplete: short, mayNotOpen: short || c.early && struck}
	v.clock = propertyClock{{c.begun.UnixMilli(), time.Now().UnixMilli()}}
	maybe := map[string]bool{}
	keys := slices.Clone(c.keys)
	for _, change := range c.changes {
		for _, name := range change.gone {
			maybe[name] = true
		}
		for _, k := range change.added {
			maybe[k.name] = true
			keys = append(keys, k)
		}
	}
	v.oracle = newPropertyOracle(&c.schema, c.config.OnParseError, c.pattern.matches, keys, func(k *propertyKey) bool { return maybe[k.name] }, v.begun)
	end, err = v.judge(got)
	return end, struck || c.done > 0, err
}

// through is a client of the cluster by way of the network, with TLS over it
// where the servers want that.
func (c *realPropertyCase) through(network *faultnet.Network) *redis.ClusterClient {
	options := c.on.servers.ReaderOptions()
	options.Dialer = network.Dial
	if config := options.TLSConfig; config != nil {
		options.Dialer = func(ctx context.Context, kind, addr string) (net.Conn, error) {
			conn, err := network.Dial(ctx, kind, addr)
			if err != nil {
				return nil, err
			}
			config := config.Clone()
			if host, _, err := net.SplitHostPort(addr); err == nil && config.ServerName == "" {
				config.ServerName = host
			}
			return tls.Client(conn, config), nil
		}
	}
	return redis.NewClusterClient(options)
}
