package iterator_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// healing is a scan of the fake during which something happens: at the moment at
// which a node is asked for keys or values for the nth time.
type healing struct {
	t   *testing.T
	c   *minicluster.Cluster
	rdb *redis.ClusterClient
	way iterator.Enumeration

	keys []string // all keys, as rows
}

// healAll runs a test in each way that there is of enumerating, on a fake whose
// servers have it.
func healAll(t *testing.T, replicas int, test func(h *healing)) {
	t.Helper()
	t.Parallel()
	for _, on := range []struct {
		name   string
		config minicluster.Config
		ways   []iterator.Enumeration
	}{
		{"one table", minicluster.Config{}, []iterator.Enumeration{iterator.KeysInSlot, iterator.PlainScan}},
		{"slot tables", minicluster.Config{SlotTables: true}, []iterator.Enumeration{iterator.SlotScan, iterator.KeysInSlot, iterator.PlainScan}},
		{"valkey", minicluster.Config{Valkey: "9.1.2"}, []iterator.Enumeration{iterator.ClusterScan, iterator.SlotScan}},
	} {
		for _, way := range on.ways {
			t.Run(on.name+"/"+way.String(), func(t *testing.T) {
				t.Parallel()
				config := on.config
				config.Replicas = replicas
				c, rdb := fake(t, config)
				h := &healing{t: t, c: c, rdb: rdb, way: way}
				// 3000 keys of all slots, and some more of one.
				for i := range 3000 {
					h.add(fmt.Sprint("user:", i))
				}
				for i := range 100 {
					h.add(fmt.Sprint(healTag, i))
				}
				test(h)
			})
		}
	}
}

// healTag's slot belongs to the third master, which is scanned last: 15039.
const (
	healTag  = "{user:4}:"
	healSlot = 15039
)

func (h *healing) add(key string) {
	h.c.SetHash(key, "name", "x")
	h.keys = append(h.keys, key)
}

// slotKeys are the keys of healSlot at a node.
func (h *healing) slotKeys(node int) []string { return h.c.SlotKeys(node, healSlot) }

// at calls do when a node gets the nth command that lists or reads keys.
func (h *healing) at(node int, nth int64, do func()) {
	var seen atomic.Int64
	h.t.Cleanup(func() { assert.GreaterOrEqual(h.t, seen.Load(), nth, "nothing has happened") })
	h.c.SetFault(func(of, _ int, args [][]byte) *minicluster.Fault {
		if of != node || !listsOrReads(args) || seen.Add(1) != nth {
			return nil
		}
		return &minicluster.Fault{Before: do}
	})
}

func listsOrReads(args [][]byte) bool {
	switch name := strings.ToUpper(string(args[0])); name {
	case "SCAN", "CLUSTERSCAN", "HMGET", "TYPE":
		return true
	case "CLUSTER":
		return strings.EqualFold(string(args[1]), "GETKEYSINSLOT")
	default:
		return false
	}
}

func (h *healing) config() iterator.Config {
	return iterator.Config{Enumerate: h.way, CountHint: 50, BatchSize: 100, StallTimeout: 5 * time.Second}
}

// whole scans, and has every key that is there from start to end in one row.
func (h *healing) whole() result {
	h.t.Helper()
	got := readAll(hashes(h.t, h.rdb, "_key:key", h.config()))
	require.NoError(h.t, got.err)
	slices.Sort(h.keys)
	assertRows(h.t, h.keys, got.rows)
	return got
}

// The measured case of which 201 of 401 keys were missed: the target is scanned
// first, then half a slot is moved to it, then the source is scanned.
func TestHealTargetScannedFirst(t *testing.T) {
	healAll(t, 0, func(h *healing) {
		h.at(2, 1, func() {
			assert.NoError(h.t, h.c.OpenMigration(healSlot, 0))
			keys := h.slotKeys(2)
			h.c.MoveKeys(2, 0, keys[:len(keys)/2]...)
		})
		h.whole()
	})
}

// The case that refuted views before and after: a migration is opened within a
// pass, half the keys are moved, the pass goes over them, and they are moved
// back and the marks cleared before it ends.
func TestHealRolledBackWithinPass(t *testing.T) {
	healAll(t, 0, func(h *healing) {
		for _, nth := range []int64{1, 2, 3, 10, 100, 500} {
			var seen atomic.Int64
			h.c.SetFault(func(node, _ int, args [][]byte) *minicluster.Fault {
				if node != 2 || !listsOrReads(args) {
					return nil
				}
				switch seen.Add(1) {
				case nth:
					return &minicluster.Fault{Before: func() {
						assert.NoError(h.t, h.c.OpenMigration(healSlot, 0))
						keys := h.slotKeys(2)
						h.c.MoveKeys(2, 0, keys[:len(keys)/2]...)
					}}
				case nth + 600:
					return &minicluster.Fault{Before: func() { assert.NoError(h.t, h.c.AbortMigration(healSlot)) }}
				}
				return nil
			})
			h.whole()
			h.c.SetFault(nil)
			_ = h.c.AbortMigration(healSlot) // where the pass was over before
		}
	})
}

// A slot goes to another master and comes back within one pass: only the epoch
// tells.
func TestHealThereAndBackWithinPass(t *testing.T) {
	healAll(t, 0, func(h *healing) {
		for _, apart := range []int64{1, 60, 300, 700} {
			var seen atomic.Int64
			h.c.SetFault(func(node, _ int, args [][]byte) *minicluster.Fault {
				if node != 2 || !listsOrReads(args) {
					return nil
				}
				switch seen.Add(1) {
				case 2:
					return &minicluster.Fault{Before: func() { h.c.MoveSlot(0, healSlot) }}
				case 2 + apart:
					return &minicluster.Fault{Before: func() { h.c.MoveSlot(2, healSlot) }}
				}
				return nil
			})
			h.whole()
			h.c.SetFault(nil)
			h.c.MoveSlot(2, healSlot)
		}
	})
}

// A slot keeps moving while it is read, for a while.
func TestHealMovingOn(t *testing.T) {
	healAll(t, 0, func(h *healing) {
		var seen atomic.Int64
		h.c.SetFault(func(_, _ int, args [][]byte) *minicluster.Fault {
			if !listsOrReads(args) {
				return nil
			}
			if n := seen.Add(1); n%1009 == 0 && n < 30_000 {
				return &minicluster.Fault{Before: func() { h.c.MoveSlot(int(n/1009)%3, healSlot, 100, 7000) }}
			}
			return nil
		})
		h.whole()
	})
}

// A migration that stays open for ever is read at both ends, and its keys once.
func TestHealOpenForEver(t *testing.T) {
	healAll(t, 0, func(h *healing) {
		require.NoError(h.t, h.c.OpenMigration(healSlot, 0))
		h.c.MoveKeys(2, 0, h.slotKeys(2)[:40]...)
		h.whole()

		strict := h.config()
		strict.Strict = true
		losing(h.t, h.rdb, "_key:key", strict, fmt.Sprint(healSlot))

		// A mark at one end alone, as an operation that was broken off leaves it.
		h.c.MoveKeys(0, 2, h.slotKeys(0)...)
		h.c.SetImporting(0, healSlot, -1)
		h.whole()
		h.c.SetMigrating(2, healSlot, -1)
		h.c.SetImporting(0, healSlot, 2)
		h.whole()
	})
}

// A failover in mid-scan: another process, whose cursors are others.
func TestHealFailover(t *testing.T) {
	healAll(t, 1, func(h *healing) {
		for i, nth := range []int64{2, 100, 700, 900} {
			// The third master's replica is node 5, and the other way round.
			from, to := 2, 5
			if i%2 == 1 {
				from, to = 5, 2
			}
			h.at(from, nth, func() { assert.NoError(h.t, h.c.Failover(to)) })
			h.whole()
			h.c.SetFault(nil)
		}
	})
}

// A master dies, and is replaced after a while.
func TestHealKilled(t *testing.T) {
	healAll(t, 1, func(h *healing) {
		h.at(2, 300, func() {
			go func() {
				h.c.Kill(2)
				time.Sleep(100 * time.Millisecond)
				h.c.SetFailed(2, true)
				assert.NoError(h.t, h.c.Failover(5))
			}()
		})
		h.whole()
	})
}

// A server is restarted with the keys that it had: as another process.
func TestHealRestarted(t *testing.T) {
	healAll(t, 0, func(h *healing) {
		h.at(1, 200, func() { go func() { assert.NoError(h.t, h.c.Restart(1)) }() })
		h.whole()
	})
}

// A master that has been cut off and replaced goes on answering; what has come
// into being at its successor since is there.
func TestHealCutOff(t *testing.T) {
	healAll(t, 1, func(h *healing) {
		h.c.Isolate(2)
		h.c.SetFailed(2, true)
		require.NoError(h.t, h.c.Failover(5))
		for i := range 50 {
			h.add(fmt.Sprint("new:", i))
		}
		h.whole()

		// Within a scan: as soon as the others say so.
		h.c.Isolate(1)
		h.at(1, 3, func() {
			h.c.SetFailed(1, true)
			assert.NoError(h.t, h.c.Failover(4))
		})
		h.whole()
	})
}

// Whoever has been replaced in the eyes of most has nothing to say, also if it is
// the one that is asked first.
func TestHealTwoOwners(t *testing.T) {
	healAll(t, 1, func(h *healing) {
		h.c.Isolate(2)
		require.NoError(h.t, h.c.Failover(5))
		for i := range 50 {
			h.add(fmt.Sprint("new:", i))
		}
		h.whole()
		h.rdb = fakeClient(h.t, h.c, func(o *redis.ClusterOptions) { o.Addrs = h.c.Addrs()[2:3] })
		h.whole()
	})
}

// As long as the masters don't agree on a slot's owner it isn't promised, and the
// others are.
func TestHealDisputed(t *testing.T) {
	healAll(t, 0, func(h *healing) {
		h.c.EditView(0, func(v *minicluster.View) { v.SetOwner(healSlot, healSlot, 1) })
		got := losing(h.t, h.rdb, "_key:key", h.config(), fmt.Sprint(healSlot), "don't agree")
		assertUnique(h.t, got.rows)

		h.at(1, 20, func() {
			h.c.EditView(0, func(v *minicluster.View) { v.SetOwner(healSlot, healSlot, 2) })
		})
		h.whole()
	})
}

// Nodes come and take slots, and others give theirs away and go.
func TestHealNodesComeAndGo(t *testing.T) {
	healAll(t, 0, func(h *healing) {
		h.at(0, 50, func() {
			node, err := h.c.AddMaster()
			if assert.NoError(h.t, err) {
				h.c.MoveSlot(node, slotsOf(10923, 16383)...)
			}
		})
		h.whole()
		h.at(0, 50, func() {
			h.c.MoveSlot(0, slotsOf(5461, 10922)...)
			go func() { assert.NoError(h.t, h.c.Forget(1)) }()
		})
		h.whole()
	})
}

func slotsOf(first, last int) (slots []int) {
	for slot := first; slot <= last; slot++ {
		slots = append(slots, slot)
	}
	return slots
}

// A node is elsewhere in mid-scan.
func TestHealAddressChanged(t *testing.T) {
	healAll(t, 0, func(h *healing) {
		h.at(2, 100, func() { go func() { assert.NoError(h.t, h.c.Readdress(2)) }() })
		h.whole()
	})
}

// The nodes that the client knew at first are gone, others live.
func TestHealStartNodesGone(t *testing.T) {
	healAll(t, 0, func(h *healing) {
		h.rdb = fakeClient(h.t, h.c, func(o *redis.ClusterOptions) { o.Addrs = h.c.Addrs()[:1] })
		h.at(0, 50, func() {
			h.c.MoveSlot(1, slotsOf(0, 5460)...)
			go func() { assert.NoError(h.t, h.c.Forget(0)) }()
		})
		h.whole()
	})
}

// The cluster says for a while that it is down.
func TestHealClusterDown(t *testing.T) {
	healAll(t, 0, func(h *healing) {
		h.at(1, 100, func() {
			h.c.Unassign(healSlot)
			time.AfterFunc(300*time.Millisecond, func() {
				for node := range 3 {
					h.c.EditView(node, func(v *minicluster.View) { v.SetOwner(healSlot, healSlot, 2) })
				}
			})
		})
		h.whole()
	})
}

// Keys of slots that a node doesn't own any more give no row.
func TestHealOrphans(t *testing.T) {
	healAll(t, 0, func(h *healing) {
		orphans := h.slotKeys(2)[:30]
		h.c.MoveKeys(2, 0, orphans...)
		h.keys = slices.DeleteFunc(h.keys, func(key string) bool { return slices.Contains(orphans, key) })
		h.whole()
	})
}

// Waiting has an end, and what is missing is told with its reason, what to do
// about it, and nothing else.
func TestHealNot(t *testing.T) {
	healAll(t, 0, func(h *healing) {
		config := h.config()
		config.StallTimeout = 300 * time.Millisecond
		h.at(1, 50, func() { h.c.Unassign(healSlot) })
		got := readAll(hashes(h.t, h.rdb, "_key:key", config))
		missing := incomplete(h.t, got.err)
		assert.True(h.t, missing.Has(healSlot))
		assertUnique(h.t, got.rows)

		allowing := config
		allowing.AllowIncomplete = true
		it := hashes(h.t, h.rdb, "_key:key", allowing)
		for it.Next() {
		}
		require.NoError(h.t, it.Err())
		require.NotNil(h.t, it.Missing())
		assert.True(h.t, it.Missing().Slots.Has(healSlot))
		it.Release()
	})
}

// The ledger's memory has a bound, and the error says which setting raises it.
func TestLedgerFull(t *testing.T) {
	c, rdb := fake(t, minicluster.Config{})
	users(c, 5000)
	config := iterator.Config{Enumerate: iterator.PlainScan, MaxLedgerBytes: 8 << 10}
	got := readAll(hashes(t, rdb, "_key:key", config))
	require.ErrorIs(t, got.err, iterator.ErrLedger)
	require.ErrorContains(t, got.err, "MaxLedgerBytes")
	assertUnique(t, got.rows)

	// Slot by slot little has to be remembered at a time.
	config.Enumerate, config.CountHint, config.MaxLedgerBytes = iterator.KeysInSlot, 100, 64<<10
	got = readAll(hashes(t, rdb, "_key:key", config))
	require.NoError(t, got.err)
	assert.Len(t, got.rows, 5000)
	assert.LessOrEqual(t, got.stats.LedgerBytes, config.MaxLedgerBytes)
}

// A scan with a pattern of one slot asks that slot's owner for keys, wherever it
// goes.
func TestHealOneSlot(t *testing.T) {
	healAll(t, 0, func(h *healing) {
		h.at(2, 10, func() { h.c.MoveSlot(0, healSlot) })
		config := h.config()
		config.Pattern = healTag + "*"
		got := readAll(hashes(h.t, h.rdb, "_key:key", config))
		require.NoError(h.t, got.err)
		want := slices.DeleteFunc(slices.Clone(h.keys), func(key string) bool { return !strings.HasPrefix(key, healTag) })
		slices.Sort(want)
		assertRows(h.t, want, got.rows)
		assert.EqualValues(h.t, healSlot, cluster.Slot([]byte(healTag)))
		assert.Zero(h.t, h.c.Count(1, "SCAN")+h.c.Count(1, "CLUSTERSCAN")+h.c.Count(1, "TYPE"))
	})
}
