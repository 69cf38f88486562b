package iterator_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/convert"
	"github.com/redisarrow/redisarrow/internal/faultnet"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/iterator"
)

// propertyCase is everything that one seed makes. A case is run once: its
// faults remember what they have done.
type propertyCase struct {
	seed    uint64
	server  *propertyServer // nil: none of ours
	schema  propertySchema
	keys    []propertyKey
	pattern propertyPattern
	config  iterator.Config
	reader  propertyReader
	faults  []*propertyFault
	network *propertyNetwork // nil: none but the system's
	early   bool             // faults begin before the scan is opened
}

// propertyCut is what is left out of a case to make it simpler.
type propertyCut struct {
	keys    int   // only so many; 0: all
	faults  []int // these aren't there
	network bool  // nor is the network
}

func newPropertyCase(seed uint64, cut propertyCut) *propertyCase {
	c := &propertyCase{seed: seed}
	data, part := c.draw(false)
	c.server = newPropertyServer(part(2))
	drawLedger(part(8), &c.config, c.server.ways()...)
	faults := propertyFaults{r: part(6), server: c.server, config: &c.config, data: data, keys: c.keys}
	for i, f := range faults.draw() {
		if !slices.Contains(cut.faults, i) {
			c.faults = append(c.faults, f)
		}
		if f.lasting {
			c.config.StallTimeout = shortStall
		}
	}
	c.drawNetwork(cut)
	c.cutKeys(cut)
	return c
}

// draw draws what doesn't depend on the servers. part gives each part its own
// numbers, so that leaving something out of one leaves the others as they are.
func (c *propertyCase) draw(real bool) (data *propertyData, part func(n uint64) *rand.Rand) {
	part = func(n uint64) *rand.Rand { return rand.New(rand.NewPCG(c.seed, n)) }
	c.schema = newPropertySchema(part(1))
	r := part(3)
	n := oneOf(r, 0, 1, 2, r.IntN(30), r.IntN(30), r.IntN(300), r.IntN(300), r.IntN(300), r.IntN(1500))
	c.config = newPropertyConfig(r, n)
	c.reader = newPropertyReader(r)
	c.early = r.IntN(4) == 0
	clean := r.IntN(5) == 0
	if c.config.OnParseError == convert.Fail {
		clean = r.IntN(4) > 0
	}
	data = newPropertyData(part(4), &c.schema, clean, real)
	c.keys = data.keys(n)
	c.pattern = newPropertyPattern(part(5), c.keys)
	c.config.Pattern = c.pattern.glob
	if c.config.Slots = newPropertySlots(part(20)); !c.config.Slots.Empty() {
		matches := c.pattern.matches
		c.pattern.matches = func(key string) bool { return matches(key) && c.config.Slots.Has(cluster.Slot([]byte(key))) }
	}
	return data, part
}

func (c *propertyCase) drawNetwork(cut propertyCut) {
	network := newPropertyNetwork(rand.New(rand.NewPCG(c.seed, 7)), &c.schema, len(c.keys))
	if network == nil || cut.network {
		return
	}
	c.network = network
	if c.config.Enumerate != iterator.SlotScan && c.config.Enumerate != iterator.PlainScan && network.streams.Piece > 0 {
		// Slot by slot some MB go over the wire.
		network.coarse(200)
	}
	if network.lasting {
		c.config.StallTimeout, c.early = shortStall, false // the topology is waited for longer
	}
}

func (c *propertyCase) cutKeys(cut propertyCut) {
	if cut.keys > 0 {
		c.keys = c.keys[:min(cut.keys, len(c.keys))]
	}
}

func (c *propertyCase) parts() (keys, faults int) { return len(c.keys), len(c.faults) }

// String is all that somebody needs who looks into a failure.
func (c *propertyCase) String() string {
	var b strings.Builder
	if c.server != nil {
		fmt.Fprintf(&b, "  server  %s\n", c.server)
	}
	fmt.Fprintf(&b, "  schema  %s\n  data    %d keys", &c.schema, len(c.keys))
	if len(c.keys) <= 5 {
		for _, k := range c.keys {
			fmt.Fprintf(&b, "\n          %s %.100q %.200q %.100q %v", k.kind, k.name, k.fields, k.value, k.expires)
		}
	}
	fmt.Fprintf(&b, "\n  config  %s\n  reader  batches %d, cancel %v\n", describeConfig(c.config), c.reader.batches, c.reader.cancel)
	for i, f := range c.faults {
		fmt.Fprintf(&b, "  fault %d %s\n", i, f)
	}
	if c.early {
		b.WriteString("  faults begin before the scan is opened\n")
	}
	fmt.Fprintf(&b, "  network %s\n", c.network)
	return b.String()
}

// run starts a fake, scans it and judges what came of it.
func (c *propertyCase) run() (end propertyEnd, happened bool, err error) {
	begun := time.Now().Truncate(time.Millisecond)
	w := newPropertyWorld(c.faults, begun)
	config := c.server.config
	config.Now = func() time.Time { return time.UnixMilli(w.now.Load()) }
	if w.cluster, err = minicluster.Start(config); err != nil {
		return "", false, err
	}
	defer w.cluster.Close()
	for i := range c.keys {
		w.store(&c.keys[i])
	}
	through, err := faultnet.New()
	if err != nil {
		return "", false, err
	}
	defer through.Close()
	rdb := c.client(w, through)
	defer rdb.Close()

	w.begin()
	strike := func() {
		w.cluster.SetFault(whenExecuted(w.fault))
		if c.network != nil {
			through.SetPlan(c.network.next)
		}
	}
	if c.early {
		strike()
	}
	got := c.schema.scanAll(rdb, c.config, strike, c.reader)
	w.cluster.SetFault(nil)
	end, err = c.verdict(w).judge(got)
	return end, c.happened(w), err
}

// client is of some of the nodes.
func (c *propertyCase) client(w *propertyWorld, through *faultnet.Network) redis.UniversalClient {
	addrs := w.cluster.Addrs()
	var dial func(ctx context.Context, network, addr string) (net.Conn, error)
	if c.network != nil {
		dial = through.Dial
	}
	if c.server.single {
		return redis.NewClient(&redis.Options{Addr: addrs[c.server.seeds%len(addrs)], Dialer: dial})
	}
	if n := c.server.seeds; n > 0 && n < len(addrs) {
		addrs = addrs[:n]
	}
	return redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs, Dialer: dial})
}

// happened reports whether anything has gone wrong.
func (c *propertyCase) happened(w *propertyWorld) bool {
	return w.happened() > 0 || c.network != nil && c.network.struck.Load() > 0
}

// verdict is what may come of the case, by what has happened.
func (c *propertyCase) verdict(w *propertyWorld) *propertyVerdict {
	w.mu.Lock()
	defer w.mu.Unlock()
	v := &propertyVerdict{schema: &c.schema, config: c.config, begun: w.begun}
	// With little patience it may end by itself on a busy machine.
	v.incomplete = c.config.StallTimeout == shortStall || w.dead.Load()
	v.mayNotOpen = v.incomplete || c.early && c.happened(w)
	v.quiet = !v.incomplete && !c.happened(w)
	v.listsSlots = c.server.listsSlots(&c.config)
	logouts := 0
	for i, f := range w.faults {
		if w.fired[i].Load() == 0 {
			continue
		}
		v.incomplete = v.incomplete || f.incomplete
		v.unowned = v.unowned || f.unowned && f.begins
		v.mayNotOpen = v.mayNotOpen || f.begins
		if f.logout {
			logouts++
		}
		if f.fatal != "" {
			v.fatal = append(v.fatal, f.fatal)
		}
	}
	if logouts > 1 {
		v.fatal = append(v.fatal, "NOAUTH")
	}
	for _, now := range w.clocks {
		v.clock = append(v.clock, [2]int64{now, now})
	}
	now := w.clocks[len(w.clocks)-1]
	added := map[string]bool{}
	for i := range w.added {
		added[w.added[i].name] = true
	}
	maybe := func(k *propertyKey) bool {
		return w.gone[k.name] || added[k.name] || k.expires != 0 && w.begun+k.expires.Milliseconds() <= now
	}
	keys := append(slices.Clone(c.keys), w.added...)
	v.oracle = newPropertyOracle(&c.schema, c.config.OnParseError, c.pattern.matches, keys, maybe, w.begun)
	return v
}
