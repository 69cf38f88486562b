package iterator_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
)

const oddKeys = 200 // of each type

// oddSlots are the slots that they are in: the others would take their time.
func oddSlots() (slots cluster.SlotSet) {
	for i := range 8 {
		slots.Add(cluster.Slot([]byte(fmt.Sprintf("{%d}", i))))
	}
	return slots
}

// odd starts servers of a kind that is met at services and behind proxies, with
// hashes and strings, and a client of them.
func odd(t *testing.T, config minicluster.Config) (*minicluster.Cluster, redis.UniversalClient) {
	t.Helper()
	c, err := minicluster.Start(config)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	for i := range oddKeys {
		c.SetHash(fmt.Sprintf("{%d}:hash:%d", i%8, i), "n", fmt.Sprint(i))
		c.SetString(fmt.Sprintf("{%d}:string:%d", i%8, i), fmt.Sprint(i))
	}
	if !config.Standalone {
		return c, fakeClient(t, c, nil)
	}
	rdb := redis.NewClient(&redis.Options{Addr: c.Addrs()[0]})
	t.Cleanup(func() { _ = rdb.Close() })
	return c, rdb
}

// readOdd reads what [odd] has put there: hashes, strings, and keys without their
// values.
func readOdd(t *testing.T, rdb redis.UniversalClient, config iterator.Config, check func(t *testing.T, r result)) {
	t.Helper()
	t.Run("hashes", func(t *testing.T) { check(t, readAll(hashes(t, rdb, "_key:key,n:int64", config))) })
	t.Run("keys", func(t *testing.T) { check(t, readAll(hashes(t, rdb, "_key:key", config))) })
	t.Run("strings", func(t *testing.T) { check(t, readAll(stringsOf(t, rdb, "_key:key,n:int64", config))) })
}

func stringsOf(t *testing.T, rdb redis.UniversalClient, text string, config iterator.Config) *iterator.ClusterStringBatchIterator {
	t.Helper()
	s, err := schema.ParseString(text)
	require.NoError(t, err)
	it, err := iterator.NewClusterStringBatchIterator(context.Background(), rdb, s, checked(t, config))
	require.NoError(t, err)
	return it
}

// What a scan can do without, it does without; what is promised less, Stats say.
func TestServersThatLackCommands(t *testing.T) {
	single := "cluster info client asking multi exec hello readonly dbsize"
	for _, tc := range []struct {
		name         string
		missing      string
		config       minicluster.Config
		enumerate    iterator.Enumeration // the last one
		unguarded    bool
		unidentified bool
	}{
		{name: "no lists of slots", missing: "cluster|getkeysinslot cluster|countkeysinslot", enumerate: iterator.PlainScan},
		{name: "no lists of slots, cursors by slot", missing: "cluster|getkeysinslot cluster|countkeysinslot", config: minicluster.Config{SlotTables: true}, enumerate: iterator.SlotScan},
		{name: "no counts", missing: "cluster|countkeysinslot", enumerate: iterator.KeysInSlot},
		{name: "no SCAN", missing: "scan", enumerate: iterator.KeysInSlot},
		{name: "no INFO, no CLIENT", missing: "info client", enumerate: iterator.KeysInSlot},
		{name: "no MULTI", missing: "multi exec", enumerate: iterator.KeysInSlot, unguarded: true},
		{name: "no SLOTS, no SHARDS", missing: "cluster|slots cluster|shards cluster|info", enumerate: iterator.KeysInSlot},
		{name: "no MGET, no HLEN", missing: "mget hlen exists", enumerate: iterator.KeysInSlot},
		{name: "SCAN without TYPE", missing: "cluster|getkeysinslot", config: minicluster.Config{NoScanType: true}, enumerate: iterator.PlainScan},
		{name: "SCAN without TYPE, by slot", missing: "cluster|getkeysinslot", config: minicluster.Config{NoScanType: true, SlotTables: true}, enumerate: iterator.SlotScan},
		{name: "single server", config: minicluster.Config{Standalone: true}, enumerate: iterator.PlainScan},
		{name: "single server, before Redis 6", config: minicluster.Config{Standalone: true, NoScanType: true, NoHello: true, Version: "5.0.14"}, enumerate: iterator.PlainScan},
		{name: "a proxy", missing: single, config: minicluster.Config{Standalone: true}, enumerate: iterator.PlainScan, unidentified: true},
		{name: "a proxy of few words", missing: single, config: minicluster.Config{Standalone: true, NoScanType: true, MissingReply: "ERR unsupported command"}, enumerate: iterator.PlainScan, unidentified: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.config.Missing = strings.Fields(tc.missing)
			_, rdb := odd(t, tc.config)
			readOdd(t, rdb, iterator.Config{CountHint: 50, Slots: oddSlots()}, func(t *testing.T, r result) {
				require.NoError(t, r.err)
				assert.Len(t, r.rows, oddKeys)
				for _, n := range r.stats.Nodes {
					assert.Equal(t, tc.enumerate, n.Enumerations[len(n.Enumerations)-1])
					assert.Equal(t, tc.unguarded, n.Unguarded)
					assert.Equal(t, tc.unidentified, n.Unidentified)
					if tc.config.NoScanType {
						assert.NotZero(t, n.WrongType, "keys of all types were listed")
					}
				}
			})
		})
	}
}

// What a scan can't do without is named, and what to do.
func TestServersThatCantBeScanned(t *testing.T) {
	for _, tc := range []struct {
		name    string
		missing string
		config  minicluster.Config
		command string
		want    string
	}{
		{"no CLUSTER NODES", "cluster|nodes", minicluster.Config{}, "CLUSTER NODES", "whether slots move"},
		{"kept back", "cluster|nodes", minicluster.Config{MissingReply: "ERR unsupported command"}, "CLUSTER NODES", "whether slots move"},
		{"no way to list keys", "cluster|getkeysinslot scan", minicluster.Config{}, "SCAN", "keys can't be listed"},
		{"CLUSTER renamed", "cluster", minicluster.Config{}, "CLUSTER SLOTS", "rename-command"},
		{"a proxy without SCAN", "cluster info scan client asking", minicluster.Config{Standalone: true}, "SCAN", "the servers behind it"},
		{"HMGET renamed", "hmget", minicluster.Config{Standalone: true}, "HMGET", "hasn't got the command"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.config.Missing = strings.Fields(tc.missing)
			_, rdb := odd(t, tc.config)
			s, err := schema.ParseHash("n:int64")
			require.NoError(t, err)
			it, err := iterator.NewClusterHashBatchIterator(t.Context(), rdb, s, checked(t, iterator.Config{}))
			if err == nil {
				r := readAll(it)
				assert.Empty(t, r.rows)
				err = r.err
			}
			var node *iterator.NodeError
			require.ErrorAs(t, err, &node)
			assert.Equal(t, tc.command, node.Command)
			assert.ErrorContains(t, err, tc.want)
		})
	}
}

// A proxy before several servers passes INFO on to one of them, and SCAN to each
// in turn, with cursors of its own.
func TestProxyWithItsOwnCursors(t *testing.T) {
	reversed := func(cursor []byte) []byte {
		out := slices.Clone(cursor)
		slices.Reverse(out)
		return out
	}
	for _, bare := range []bool{true, false} {
		t.Run(fmt.Sprint("without CLUSTER: ", bare), func(t *testing.T) {
			config := minicluster.Config{Standalone: true}
			if bare {
				config.Missing = []string{"cluster"}
			}
			c, rdb := odd(t, config)
			c.SetFault(func(_, _ int, args [][]byte) *minicluster.Fault {
				if !strings.EqualFold(string(args[0]), "SCAN") {
					return nil
				}
				if inner, ours := bytes.CutPrefix(args[1], []byte("1")); ours && len(inner) > 1 {
					args[1] = reversed(inner[:len(inner)-1])
				}
				return &minicluster.Fault{Edit: func(reply []byte) []byte {
					head, rest, _ := bytes.Cut(reply, []byte("\r\n"))
					_, rest, _ = bytes.Cut(rest, []byte("\r\n"))
					cursor, rest, _ := bytes.Cut(rest, []byte("\r\n"))
					if string(cursor) != "0" {
						cursor = slices.Concat([]byte("1"), reversed(cursor), []byte("1"))
					}
					return fmt.Appendf(nil, "%s\r\n$%d\r\n%s\r\n%s", head, len(cursor), cursor, rest)
				}}
			})
			r := readAll(hashes(t, rdb, "_key:key,n:int64", iterator.Config{CountHint: 20, StallTimeout: 200 * time.Millisecond}))
			if !bare {
				require.ErrorContains(t, r.err, "endless SCAN", "no Redis has such cursors")
				return
			}
			require.NoError(t, r.err)
			assert.Len(t, r.rows, oddKeys)
			assert.True(t, r.stats.Nodes[0].Unidentified)
		})
	}
}

// Some proxies close the connection on commands that they don't know.
func TestProxyThatHangsUp(t *testing.T) {
	c, rdb := odd(t, minicluster.Config{Standalone: true})
	c.SetFault(func(_, _ int, args [][]byte) *minicluster.Fault {
		if strings.EqualFold(string(args[0]), "SCAN") {
			return &minicluster.Fault{Close: minicluster.CloseBefore}
		}
		return nil
	})
	r := readAll(hashes(t, rdb, "n:int64", iterator.Config{StallTimeout: 300 * time.Millisecond}))
	require.ErrorIs(t, r.err, iterator.ErrIncomplete)
	require.ErrorContains(t, r.err, c.Addrs()[0])
	require.ErrorContains(t, r.err, "a proxy that doesn't know the command")
}

// A server alone that has been demoted isn't read on: it is waited for, as one that
// can't be reached.
func TestServerDemoted(t *testing.T) {
	for _, back := range []bool{true, false} {
		t.Run(fmt.Sprint("comes back: ", back), func(t *testing.T) {
			c, rdb := odd(t, minicluster.Config{Standalone: true})
			var asked atomic.Int32 // for pages; and then for INFO
			c.SetFault(func(_, _ int, args [][]byte) *minicluster.Fault {
				switch command := strings.ToUpper(string(args[0])); {
				case command == "SCAN":
					if asked.Add(1) == 2 {
						return &minicluster.Fault{Close: minicluster.CloseBefore}
					}
				case command == "INFO" && asked.Load() >= 2 && (asked.Add(1) < 10 || !back):
					return &minicluster.Fault{Edit: func(reply []byte) []byte {
						return []byte(strings.Replace(string(reply), "role:master\r\n", "role:slave\r\nx", 1))
					}}
				}
				return nil
			})
			r := readAll(hashes(t, rdb, "_key:key,n:int64", iterator.Config{CountHint: 20, StallTimeout: 600 * time.Millisecond}))
			if back {
				require.NoError(t, r.err)
				assert.Len(t, r.rows, oddKeys)
				return
			}
			require.ErrorIs(t, r.err, iterator.ErrIncomplete)
			require.ErrorContains(t, r.err, "has become a replica")
		})
	}
}
