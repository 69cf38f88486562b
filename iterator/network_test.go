package iterator_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/internal/faultnet"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/internal/testcluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// pageKeys is how many keys of each kind the scans through a faulty network
// read: one page of SCAN.
const pageKeys = 50

// networked is a cluster of one master behind a faulty network.
type networked struct {
	addrs []string
	net   *faultnet.Network
	rdb   *redis.ClusterClient // through it
	fake  bool
}

// networkTests are what goes wrong.
var networkTests = []struct {
	name string
	test func(t *testing.T, n networked)
}{
	{"cut at every byte", testCutAtEveryByte},
	{"cut again and again", testCutAgainAndAgain},
	{"pieces", testPieces},
	{"corrupted", testCorrupted},
	{"half-open", testHalfOpen},
	{"half-open while sending", testHalfOpenWhileSending},
	{"cancelled", testHalfOpenCancelled},
	{"refused", testRefused},
	{"endless", testEndless},
	{"trickles", testTrickles},
}

// A faulty network between the scan and the fake, and real servers, with
// pageKeys hashes and strings in each.
func TestNetwork(t *testing.T) {
	t.Parallel()
	all := func(t *testing.T, n networked) {
		for _, c := range networkTests {
			t.Run(c.name, func(t *testing.T) { c.test(t, n) })
		}
	}
	t.Run("fake", func(t *testing.T) {
		c, rdb := fake(t, minicluster.Config{Masters: 1})
		fillPage(t, rdb)
		t.Parallel() // they mostly wait
		n := behindNetwork(t, c.Addrs())
		n.fake = true
		all(t, n)
	})
	if testing.Short() {
		return // another server is nothing new to the race detector
	}
	testcluster.Each(t, func(t *testing.T, server testcluster.Server) {
		t.Parallel()
		c := testcluster.Start(t, testcluster.Config{Server: server, Masters: 1})
		fillPage(t, c.Client(t))
		all(t, behindNetwork(t, c.Addrs()))
	})
}

// behindNetwork is a client of a cluster whose connections are the faulty
// network's.
func behindNetwork(t *testing.T, addrs []string) networked {
	t.Helper()
	net := faultnet.Start(t)
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs, Dialer: net.Dial})
	t.Cleanup(func() { _ = rdb.Close() })
	return networked{addrs: addrs, net: net, rdb: rdb}
}

// onConnection plans for one connection of the next scan; the others work.
func (n networked) onConnection(conn int, plan faultnet.Plan) {
	n.net.Restart()
	n.net.SetPlan(func(c faultnet.Conn) faultnet.Plan {
		if c.N != conn {
			return faultnet.Plan{}
		}
		return plan
	})
}

// Times to live are looked at in steps, so that the time that goes by during
// a test doesn't show.
const (
	expiryStep = 100_000 * time.Second
	expiryRest = expiryStep / 2
)

// fillPage stores the keys. No two have a cell in common, but for those that
// don't expire.
func fillPage(t *testing.T, rdb redis.UniversalClient) {
	t.Helper()
	ctx := context.Background()
	store(t, rdb, func(p redis.Pipeliner) {
		for i := range pageKeys {
			hash, str := fmt.Sprint("user:", i), fmt.Sprint("value:", i)
			p.HSet(ctx, hash, "name", fmt.Sprint("User ", i), "age", i, "other", "x")
			p.Set(ctx, str, fmt.Sprintf("text\r\n%d", i), 0)
			if i%5 > 0 {
				p.Expire(ctx, hash, time.Duration(i)*expiryStep+expiryRest)
				p.Expire(ctx, str, time.Duration(i)*expiryStep+expiryRest)
			}
		}
	})
}

// pageScan is a way to read these keys.
type pageScan struct {
	name string
	open func(ctx context.Context, rdb redis.UniversalClient, config iterator.Config) (reader, error)
	want []string
}

// pageScans are the ways, by the commands that they send beside TTL.
func pageScans(t testing.TB) []pageScan {
	t.Helper()
	expiry := func(i int) string {
		if i%5 == 0 {
			return "-1"
		}
		return strconv.Itoa(i)
	}
	var hashRows, stringRows []string
	for i := range pageKeys {
		hashRows = append(hashRows, fmt.Sprintf("user:%d|%s|User %d|%d", i, expiry(i), i, i))
		stringRows = append(stringRows, fmt.Sprintf("value:%d|%s|text\r\n%d", i, expiry(i), i))
	}
	slices.Sort(hashRows)
	slices.Sort(stringRows)
	hash, err := schema.ParseHash("_key:key,_ttl:ttl,name:utf8,age:int64")
	require.NoError(t, err)
	str, err := schema.ParseString("_key:key,_ttl:ttl,value:utf8")
	require.NoError(t, err)
	openHash := func(command iterator.HashCommand) func(context.Context, redis.UniversalClient, iterator.Config) (reader, error) {
		return func(ctx context.Context, rdb redis.UniversalClient, config iterator.Config) (reader, error) {
			config.HashCommand = command
			it, err := iterator.NewClusterHashBatchIterator(ctx, rdb, hash, config)
			if err != nil {
				return nil, err
			}
			return it, nil
		}
	}
	openString := func(ctx context.Context, rdb redis.UniversalClient, config iterator.Config) (reader, error) {
		it, err := iterator.NewClusterStringBatchIterator(ctx, rdb, str, config)
		if err != nil {
			return nil, err
		}
		return it, nil
	}
	return []pageScan{
		{"HMGET", openHash(iterator.HMGET), hashRows},
		{"HGETALL", openHash(iterator.HGETALL), hashRows},
		{"GET", openString, stringRows},
	}
}

// run scans once, and calls opened between the constructor and the first
// batch. ok is false if the constructor failed; the error is then its.
func (s pageScan) run(t testing.TB, ctx context.Context, rdb redis.UniversalClient, config iterator.Config, opened func()) (got result, ok bool) {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	config.Allocator = mem
	config.Enumerate = iterator.PlainScan // so that all servers are asked alike
	it, err := s.open(ctx, rdb, config)
	if err != nil {
		return result{err: err}, false
	}
	if opened != nil {
		opened()
	}
	got = readAll(it)
	for i, row := range got.rows {
		key, rest, _ := strings.Cut(row, "|")
		ttl, rest, _ := strings.Cut(rest, "|")
		seconds, err := strconv.Atoi(ttl)
		require.NoError(t, err)
		if seconds >= 0 {
			ttl = strconv.Itoa(seconds / int(expiryStep.Seconds()))
		}
		got.rows[i] = key + "|" + ttl + "|" + rest
	}
	return got, true
}

// whole fails the test unless all rows are there and right.
func (s pageScan) whole(t testing.TB, got result, what string) {
	t.Helper()
	if got.err != nil || !slices.Equal(s.want, got.rows) {
		require.NoError(t, got.err, what)
		require.Equal(t, s.want, got.rows, what)
	}
}

// honest fails the test unless all rows are there, or an error says that
// slots are missing and the rows that are there are right and each key's
// once. It reports whether they were whole.
func (s pageScan) honest(t testing.TB, got result, what string) bool {
	t.Helper()
	if got.err == nil {
		s.whole(t, got, what)
		return true
	}
	var missing *iterator.IncompleteError
	require.ErrorAs(t, got.err, &missing, what)
	require.False(t, missing.Slots.Empty(), what)
	require.Equal(t, slices.Compact(slices.Clone(got.rows)), got.rows, what)
	for _, row := range got.rows {
		require.Contains(t, s.want, row, what)
	}
	return false
}

// The connections of a scan of one master, in the order of dialling.
const (
	connDiscover = iota // asks for the topology
	connTry             // is tried before the first row
	connSurvey          // asks who owns what
	connPass            // reads the keys
	connections
)

// connNames are their names.
var connNames = [connections]string{"topology", "trial", "survey", "scan"}

// passConn is the number of the connection that reads the keys among those that
// are made after the constructor's.
const passConn = connPass - connSurvey

// stallSoon is a StallTimeout in which the constructor has time to connect,
// also on a busy machine.
var stallSoon = map[bool]time.Duration{false: 500 * time.Millisecond, true: 2 * time.Second}[raceDetector]

// together runs scans that mostly wait, some at once.
func together(n int, scan func(i int)) {
	const atOnce = 10
	var all errgroup.Group
	all.SetLimit(atOnce)
	for i := range n {
		all.Go(func() error { scan(i); return nil })
	}
	_ = all.Wait()
}

// strikeAll makes a plan that lets a fault strike the replies of every
// connection.
func strikeAll(fault faultnet.Fault) func(faultnet.Conn) faultnet.Plan {
	return func(faultnet.Conn) faultnet.Plan { return faultnet.Plan{Replies: faultnet.Stream{Fault: fault}} }
}

// scan scans once, with a plan for the connections that are made after the
// constructor's, which work. Its connections are numbered from 0.
func (n networked) scan(t testing.TB, ctx context.Context, s pageScan, config iterator.Config, plan func(faultnet.Conn) faultnet.Plan) (got result) {
	t.Helper()
	for range 10 { // a busy machine may not connect in a short StallTimeout
		n.net.SetPlan(nil)
		var ok bool
		got, ok = s.run(t, ctx, n.rdb, config, func() {
			n.net.Restart()
			n.net.SetPlan(plan)
		})
		if ok {
			return got
		}
	}
	assert.NoError(t, got.err, "the constructor's connections are good")
	return got
}

// recovers scans once, with a plan for the first connection that reads keys. It takes a longer StallTimeout if a busy machine can't
// connect again in a short one.
func (n networked) recovers(t testing.TB, s pageScan, plan faultnet.Plan) (got result) {
	t.Helper()
	for stall := stallSoon; stall < 40*stallSoon; stall *= 3 {
		got = n.scan(t, context.Background(), s, iterator.Config{StallTimeout: stall}, func(c faultnet.Conn) faultnet.Plan {
			if c.N != passConn {
				return faultnet.Plan{}
			}
			return plan
		})
		if got.err == nil {
			break
		}
	}
	return got
}

// opening is how many bytes of replies a connection costs before its first
// SCAN, and largest how many the largest reply has.
func opening(replies []faultnet.Message) (opening, largest int64) {
	before := true
	for _, m := range replies {
		if before = before && m.Command != "SCAN"; before {
			opening += m.Bytes
		}
		largest = max(largest, m.Bytes)
	}
	return opening, largest
}

// measure scans without faults and returns how many bytes each connection
// carried.
func (n networked) measure(t *testing.T, s pageScan) (records []faultnet.Record) {
	t.Helper()
	n.net.SetPlan(nil)
	n.net.Restart()
	got, _ := s.run(t, context.Background(), n.rdb, iterator.Config{}, nil)
	s.whole(t, got, "without faults")
	records = n.net.Records()
	require.Len(t, records, connections)
	for _, r := range records {
		assert.Positive(t, faultnet.Bytes(r.Replies))
	}
	return records
}
