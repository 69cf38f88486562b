package iterator_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// slotsReply is a reply to CLUSTER SLOTS. Each entry is "first last master".
func slotsReply(c *minicluster.Cluster, entries ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(entries))
	for _, entry := range entries {
		var first, last, master int
		if _, err := fmt.Sscan(entry, &first, &last, &master); err != nil {
			panic(err)
		}
		host, port, _ := strings.Cut(c.Addrs()[master], ":")
		fmt.Fprintf(&b, "*3\r\n:%d\r\n:%d\r\n*4\r\n$%d\r\n%s\r\n:%s\r\n$40\r\n%s\r\n*0\r\n", first, last, len(host), host, port, c.NodeID(master))
	}
	return b.String()
}

// Topologies that lie. What can be told otherwise is; what a node says of
// itself counts more than what is said of it.
func TestTopologiesThatLie(t *testing.T) {
	const (
		fine    = ""
		refused = "CLUSTER SLOTS"
	)
	for name, lie := range map[string]struct {
		slots   func(c *minicluster.Cluster) string
		missing string // slots; fine; or refused by the constructor
	}{
		"two owners":       {func(c *minicluster.Cluster) string { return slotsReply(c, "0 9000 0", "5461 10922 1", "10923 16383 2") }, fine},
		"each owns all":    {func(c *minicluster.Cluster) string { return slotsReply(c, "0 16383 0", "0 16383 1", "0 16383 2") }, fine},
		"owners exchanged": {func(c *minicluster.Cluster) string { return slotsReply(c, "0 5460 1", "5461 10922 0", "10923 16383 2") }, fine},
		"twice the same": {func(c *minicluster.Cluster) string {
			return slotsReply(c, "0 5460 0", "0 5460 0", "5461 10922 1", "10923 16383 2")
		}, fine},
		"slots missing":          {func(c *minicluster.Cluster) string { return slotsReply(c, "0 5460 0", "10923 16383 2") }, ofMaster1},
		"none":                   {func(c *minicluster.Cluster) string { return slotsReply(c) }, "0-16383"},
		"a slot too many":        {func(c *minicluster.Cluster) string { return slotsReply(c, "0 16384 0") }, fine}, // told otherwise
		"from high to low":       {func(c *minicluster.Cluster) string { return slotsReply(c, "5460 0 0") }, fine},
		"negative":               {func(c *minicluster.Cluster) string { return slotsReply(c, "-1 5460 0") }, fine},
		"words":                  {func(*minicluster.Cluster) string { return "*1\r\n*3\r\n$1\r\n0\r\n$1\r\n9\r\n*0\r\n" }, fine},
		"an error within":        {func(*minicluster.Cluster) string { return "*1\r\n-ERR x\r\n" }, fine},
		"another type":           {func(*minicluster.Cluster) string { return ":1\r\n" }, fine},
		"another protocol":       {func(*minicluster.Cluster) string { return "%1\r\n" }, refused},
		"300 MB":                 {func(*minicluster.Cluster) string { return "$300000000\r\n" }, refused},
		"a length that is a lie": {func(*minicluster.Cluster) string { return "*-7\r\n" }, refused},
		"cut off":                {func(c *minicluster.Cluster) string { r := slotsReply(c, "0 16383 0"); return r[:len(r)-9] }, refused},
		"each slot for itself": {func(c *minicluster.Cluster) string {
			var entries []string
			for slot := range minicluster.Slots {
				entries = append(entries, fmt.Sprint(slot, slot, slot*3/minicluster.Slots))
			}
			return slotsReply(c, entries...)
		}, fine},
		"unknown fields": {func(c *minicluster.Cluster) string {
			r := slotsReply(c, "0 5460 0", "5461 10922 1", "10923 16383 2")
			return strings.ReplaceAll(r, "*4\r\n$9", "*5\r\n$9") // the address's
		}, refused},
	} {
		t.Run(name, func(t *testing.T) {
			c, rdb := fake(t, minicluster.Config{})
			want := users(c, 200)
			reply := lie.slots(c)
			if name == "unknown fields" {
				reply = strings.ReplaceAll(reply, "*0\r\n", "*2\r\n$5\r\nzone7\r\n$1\r\nx\r\n:7\r\n")
				lie.missing = fine
			}
			c.SetFault(func(_, _ int, args [][]byte) *minicluster.Fault {
				if !sends(args, "CLUSTER SLOTS") {
					return nil
				}
				fault := &minicluster.Fault{Raw: []byte(reply)}
				if lie.missing == refused {
					fault.Close = minicluster.CloseAfter
				}
				return fault
			})
			s, err := schema.ParseHash(userSchema)
			require.NoError(t, err)
			it, err := iterator.NewClusterHashBatchIterator(context.Background(), rdb, s, checked(t, iterator.Config{StallTimeout: 10 * time.Second}))
			if lie.missing == refused {
				var seeds *cluster.SeedsError
				require.ErrorAs(t, err, &seeds)
				assert.Len(t, seeds.Nodes, 3)
				require.ErrorContains(t, err, refused)
				return
			}
			require.NoError(t, err)
			got := readAll(it)
			if lie.missing == fine {
				require.NoError(t, got.err)
				assertRows(t, want, got.rows)
				return
			}
			assert.Equal(t, lie.missing, incomplete(t, got.err).String())
			assertUnique(t, got.rows)
			if len(got.rows) > 0 {
				assertRows(t, notOf(want, lie.missing), got.rows)
			}
		})
	}
}

// What a node says of itself, malformed: asked again, and given up.
func TestNodesThatLie(t *testing.T) {
	t.Parallel()
	edits := map[string]func(text string) string{
		"nothing":            func(string) string { return "" },
		"nobody is myself":   func(s string) string { return strings.ReplaceAll(s, "myself,", "") },
		"two are myself":     func(s string) string { return strings.ReplaceAll(s, " master", " myself,master") },
		"a slot too many":    func(s string) string { return strings.ReplaceAll(s, "-10922", "-16384") },
		"from high to low":   func(s string) string { return strings.ReplaceAll(s, "5461-10922", "10922-5461") },
		"a migration cut":    func(s string) string { return strings.ReplaceAll(s, "5461-10922", "5461-10922 [5461->-") },
		"no epoch":           func(s string) string { return strings.ReplaceAll(s, " 0 0 ", " 0 0 x ") },
		"no address":         func(s string) string { return strings.ReplaceAll(s, "127.0.0.1:", "") },
		"a line that is cut": func(s string) string { return s + "0123456789 127.0.0.1:1@1" },
		"another node":       func(s string) string { return strings.Replace(s, "myself,", "", 1) + "" },
	}
	for name, edit := range edits {
		for often, n := range map[string]int64{"once": 1, "for ever": -1} {
			t.Run(name+"/"+often, func(t *testing.T) {
				m := newMatrix(t)
				cmd := matrixCommand{name: "CLUSTER NODES", class: ofState, kind: "hash", text: "_key:key,name:utf8"}
				want := m.clean(t, cmd)
				m.answer(cmd, n, func([][]byte) minicluster.Fault {
					return minicluster.Fault{Edit: func(reply []byte) []byte {
						_, text, _ := strings.Cut(string(reply), "\r\n")
						text = edit(strings.TrimSuffix(text, "\r\n"))
						return fmt.Appendf(nil, "$%d\r\n%s\r\n", len(text), text)
					}}
				})
				var got result
				said := "redis node " + m.Addrs()[faultyNode] + ": CLUSTER NODES: "
				if n < 0 {
					got = m.readInVain(t, cmd, said)
				} else {
					got = m.readPatiently(t, cmd)
				}
				end := m.classify(t, cmd, want, got)
				if n > 0 {
					require.Equal(t, whole, end, "%v", got.err)
					return
				}
				require.Equal(t, incomplet, end, "%v", got.err)
				require.ErrorContains(t, got.err, said)
			})
		}
	}
}

// Two masters that both call some slots their own: who of them is right can't
// be told, until they agree.
func TestTwoMastersClaimSlots(t *testing.T) {
	t.Parallel()
	for _, agree := range []bool{false, true} {
		t.Run(fmt.Sprint("they agree at last ", agree), func(t *testing.T) {
			c, rdb := fake(t, minicluster.Config{})
			want := users(c, 500)
			c.EditView(2, func(v *minicluster.View) { v.SetOwner(0, 5460, 2) })
			config := iterator.Config{Concurrency: iterator.AllMasters, StallTimeout: 20 * time.Second}
			if agree {
				at := time.AfterFunc(500*time.Millisecond, func() {
					c.EditView(2, func(v *minicluster.View) { v.SetOwner(0, 5460, 0) })
				})
				defer at.Stop()
				got := readAll(hashes(t, rdb, userSchema, config))
				require.NoError(t, got.err)
				assertRows(t, want, got.rows)
				return
			}
			got := losing(t, rdb, userSchema, config, "0-5460", "don't agree on the slot's owner")
			assertRows(t, notOf(want, "0-5460"), got.rows)
		})
	}
}

// Keys that a node returns and doesn't have, or that aren't its business, make
// no row; nor does one that comes twice.
func TestKeysThatLie(t *testing.T) {
	c, rdb := fake(t, minicluster.Config{})
	want := users(c, 300)
	node1 := c.Keys(1)
	others := c.Keys(0)
	page := []string{"", "nobody", others[0], others[1], node1[0], node1[0], node1[1], "nobody", others[0]}
	reply := fmt.Appendf(nil, "*2\r\n$20\r\n%020d\r\n*%d\r\n", 1<<16, len(page))
	for _, key := range page {
		reply = fmt.Appendf(reply, "$%d\r\n%s\r\n", len(key), key)
	}
	reply = []byte(strings.Replace(string(reply), fmt.Sprintf("$20\r\n%020d", 1<<16), "$19\r\n4611686018427387904", 1)) // 2⁶², the second quarter
	var lied bool
	c.SetFault(whenExecuted(func(node, _ int, args [][]byte) *minicluster.Fault {
		if node != 1 || !sends(args, "SCAN") {
			return nil
		}
		if !lied {
			lied = true
			return &minicluster.Fault{Raw: reply}
		}
		// From here on as if nothing had been said: one page with all.
		all := fmt.Appendf(nil, "*2\r\n$1\r\n0\r\n*%d\r\n", len(node1))
		for _, key := range node1 {
			all = fmt.Appendf(all, "$%d\r\n%s\r\n", len(key), key)
		}
		return &minicluster.Fault{Raw: all}
	}))
	got := readAll(hashes(t, rdb, userSchema, iterator.Config{Enumerate: iterator.PlainScan}))
	require.NoError(t, got.err)
	assertRows(t, want, got.rows)
	assert.Positive(t, got.stats.Duplicates)
	assert.Positive(t, got.stats.Foreign)
}

// The same of a slot's list.
func TestKeysInSlotThatLie(t *testing.T) {
	c, rdb := fake(t, minicluster.Config{})
	want := users(c, 300)
	more := append(c.Keys(0)[:1], "", "nobody", "nobody", c.Keys(1)[0], c.Keys(1)[0], c.Keys(2)[0])
	c.SetFault(whenExecuted(func(_, _ int, args [][]byte) *minicluster.Fault {
		if !sends(args, listsSlot) {
			return nil
		}
		return &minicluster.Fault{Edit: func(reply []byte) []byte {
			keys := listedKeys(reply)
			if len(keys) > 0 {
				keys = append(keys, "{"+keys[0]+"}gone", "{"+keys[0]+"}gone") // of the same slot
			}
			keys = append(keys, more...)
			reply = fmt.Appendf(nil, "*%d\r\n", len(keys))
			for _, key := range keys {
				reply = fmt.Appendf(reply, "$%d\r\n%s\r\n", len(key), key)
			}
			return reply
		}}
	}))
	got := readAll(hashes(t, rdb, userSchema, iterator.Config{}))
	require.NoError(t, got.err)
	assertRows(t, want, got.rows)
	assert.Positive(t, got.stats.Duplicates)
	assert.Positive(t, got.stats.Foreign)
	assert.Positive(t, got.stats.Vanished)
}

// A failover to an address that nobody reaches: all slots of a master are
// refused, and waited for once, not one after the other.
func TestAllSlotsRedirectedToNobody(t *testing.T) {
	t.Parallel()
	for reply, want := range map[string]string{
		"MOVED %d dead":  "connection refused",
		"ASK %d dead":    "connection refused",
		"MOVED %d right": "MOVED",
		"TRYAGAIN":       "TRYAGAIN",
		"LOADING x":      "LOADING",
	} {
		t.Run(reply, func(t *testing.T) {
			t.Parallel()
			c, rdb := fake(t, minicluster.Config{})
			rows := users(c, 3000) // in some 900 slots of each master
			m := &matrix{Cluster: c, rdb: rdb, dead: deadAddr(t)}
			m.answer(matrixCommand{name: "HMGET"}, -1, func(args [][]byte) minicluster.Fault { return m.errorReply(reply, args) })
			begun := time.Now()
			got := readAll(hashes(t, rdb, userSchema, iterator.Config{StallTimeout: time.Second}))
			assert.Less(t, time.Since(begun), time.Minute, "not 900 times a second")
			missing := incomplete(t, got.err)
			assert.Greater(t, missing.Len(), 500)
			require.ErrorContains(t, got.err, want)
			assertRows(t, notOf(rows, missing.String()), notOf(got.rows, missing.String()))
		})
	}
}

// The faults of a server that isn't part of a cluster: it has no one to be
// redirected to.
func TestFaultsOfSingleServer(t *testing.T) {
	t.Parallel()
	for reply, want := range map[string]outcome{
		"MOVED 5 127.0.0.1:1": atOnce, "ASK 5 127.0.0.1:1": atOnce, "LOADING x": incomplet, "ERR x": atOnce, "NOPERM x": atOnce, "": atOnce,
	} {
		for _, command := range []string{"SCAN", "HMGET"} {
			for _, n := range []int64{1, -1} {
				t.Run(fmt.Sprint(command, reply, n), func(t *testing.T) {
					t.Parallel()
					c, err := minicluster.Start(minicluster.Config{Standalone: true})
					require.NoError(t, err)
					t.Cleanup(c.Close)
					rdb := redis.NewClient(&redis.Options{Addr: c.Addrs()[0]})
					t.Cleanup(func() { _ = rdb.Close() })
					rows := users(c, 100)
					it := hashes(t, rdb, userSchema, iterator.Config{StallTimeout: time.Second})
					c.SetFault(onceFor(command, n, minicluster.Fault{Raw: []byte("-" + reply + "\r\n")}))
					got := readAll(it)
					var node *iterator.NodeError
					switch {
					case want == incomplet && n > 0:
						require.NoError(t, got.err)
						assertRows(t, rows, got.rows)
					case want == incomplet:
						missing := incomplete(t, got.err)
						assertRows(t, notOf(rows, missing.String()), notOf(got.rows, missing.String()))
					default:
						require.ErrorAs(t, got.err, &node)
						assert.Equal(t, c.Addrs()[0], node.Addr)
						assert.Equal(t, command, node.Command)
					}
				})
			}
		}
	}
}

// ASKING that is refused, or answered by something else.
func TestAskingRefused(t *testing.T) {
	t.Parallel()
	const slot = 10778 // of user:1
	for reply, want := range map[string]outcome{
		"-NOPERM this user has no permissions to run the 'asking' command\r\n": atOnce,
		"-ERR unknown command 'ASKING'\r\n":                                    atOnce,
		"-LOADING x\r\n":                                                       incomplet, ":1\r\n": incomplet, "$-1\r\n": incomplet, "*0\r\n": incomplet, "%0\r\n": incomplet,
	} {
		t.Run(reply, func(t *testing.T) {
			t.Parallel()
			c, rdb := fake(t, minicluster.Config{})
			rows := users(c, 200)
			it := hashes(t, rdb, userSchema, iterator.Config{StallTimeout: time.Second})
			require.NoError(t, c.OpenMigration(slot, 2))
			c.MoveKeys(1, 2, "user:1")
			c.SetFault(onceFor("ASKING", -1, minicluster.Fault{Raw: []byte(reply)}))
			got := readAll(it)
			if want == atOnce {
				var node *iterator.NodeError
				require.ErrorAs(t, got.err, &node)
				assert.Equal(t, c.Addrs()[2], node.Addr)
				return
			}
			missing := incomplete(t, got.err)
			requireLost(t, fmt.Sprint(slot), missing)
			assertRows(t, notOf(rows, missing.String()), notOf(got.rows, missing.String()))
		})
	}
}
