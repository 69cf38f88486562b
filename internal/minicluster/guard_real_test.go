package minicluster

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/resp"
	"github.com/redisarrow/redisarrow/internal/testcluster"
)

// operator is what is done to a cluster, fake or real.
type operator struct {
	conns   []*resp.Conn
	addrs   []string
	ids     []string
	open    func(slot, to int) error
	move    func(slot, n int) ([]string, error) // which they were
	finish  func(slot int) error                // moves the rest, too
	reshard func(slot, to int) error
	unown   func(slot int) error
}

// operateFake moves the keys that the real cluster has chosen to move.
func operateFake(t *testing.T, server testcluster.Server, theirs *operator) *operator {
	t.Helper()
	cfg := Config{Version: server.Version, SlotTables: server.AtLeast(7, 4)}
	if server.Valkey {
		cfg = Config{Valkey: server.Version}
	}
	c := start(t, cfg)
	o := &operator{
		conns: conns(t, c), addrs: c.Addrs(),
		open: c.OpenMigration,
		move: func(slot, n int) ([]string, error) {
			keys, err := theirs.move(slot, n)
			c.MoveKeys(0, 1, keys...)
			return keys, err
		},
		finish: c.CloseMigration,
		reshard: func(slot, to int) error {
			c.MoveSlot(to, slot)
			return nil
		},
		unown: func(slot int) error {
			c.Unassign(slot)
			return nil
		},
	}
	for i := range o.addrs {
		o.ids = append(o.ids, c.NodeID(i))
	}
	return o
}

func operateReal(t *testing.T, server testcluster.Server) *operator {
	t.Helper()
	c := testcluster.Start(t, testcluster.Config{Server: server})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	o := &operator{
		addrs: c.Addrs(),
		open:  func(slot, to int) error { return c.OpenMigration(ctx, slot, to) },
		move: func(slot, n int) ([]string, error) {
			if _, err := c.MoveKeys(ctx, slot, n); err != nil {
				return nil, err
			}
			return c.NodeClient(1).ClusterGetKeysInSlot(ctx, slot, n).Result()
		},
		finish: func(slot int) error {
			if _, err := c.MoveKeys(ctx, slot, 0); err != nil {
				return err
			}
			return c.CloseMigration(ctx, slot)
		},
		reshard: func(slot, to int) error { return c.MigrateSlot(ctx, slot, to) },
		unown: func(slot int) error {
			// A node thinks about the state now and then; and a message of the old owner that was under way gives the
			// slot back. Settled is what has been so for some heartbeats.
			for calm := 0; calm < 40 && ctx.Err() == nil; calm++ {
				if err := c.DelSlots(ctx, slot); err != nil {
					return err
				}
				for node := range 2 {
					info, err := c.NodeClient(node).ClusterInfo(ctx).Result()
					if err != nil {
						return err
					}
					if !strings.Contains(info, "cluster_state:fail") {
						calm = 0
					}
				}
				time.Sleep(10 * time.Millisecond)
			}
			return ctx.Err()
		},
	}
	for i, n := range c.Nodes() {
		nc, err := net.Dial("tcp", o.addrs[i])
		require.NoError(t, err)
		conn := resp.NewConn(nc)
		t.Cleanup(func() { conn.Close() })
		o.conns = append(o.conns, conn)
		o.ids = append(o.ids, n.ID)
	}
	return o
}

// ask sends commands, their arguments separated by blanks, and returns the
// replies as text in which no two clusters differ: nodes by number, keys
// counted, and of CLUSTER NODES the node's own line.
func (o *operator) ask(t *testing.T, node int, cmds ...string) []string {
	t.Helper()
	var pipeline [][]string
	for _, cmd := range cmds {
		pipeline = append(pipeline, strings.Fields(cmd))
	}
	values, err := o.conns[node].Pipeline(testContext(t), pipeline...)
	require.NoError(t, err)
	names := []string{}
	for i := range o.addrs {
		names = append(names, o.addrs[i], fmt.Sprintf("node%d", i), o.ids[i], fmt.Sprintf("id%d", i))
	}
	var out []string
	for _, v := range values {
		out = append(out, strings.NewReplacer(names...).Replace(plain(v)))
	}
	return out
}

func plain(v resp.Value) string {
	if v.Kind != resp.Array {
		text := show(v)
		if cur, ok := parseClusterCursor([]byte(text)); ok && cur.fingerprint == "0" {
			return fmt.Sprintf("beginning of slot %d", cur.slot) // servers have tags of their own
		}
		for line := range strings.Lines(text) {
			if f := strings.Fields(line); strings.Contains(line, "myself") {
				return fmt.Sprint(f[2], f[6], f[8:])
			}
		}
		return text
	}
	parts, keys := []string{}, 0
	for _, e := range v.Elems {
		if e.Kind == resp.Bulk && strings.HasPrefix(e.Text, "{") {
			keys++
			continue
		}
		parts = append(parts, plain(e))
	}
	if len(parts) == 0 {
		return fmt.Sprint(keys, " keys")
	}
	return fmt.Sprint(parts)
}

// The fake answers guarded enumerations as the servers do, at every step of a
// migration.
func TestGuardsAsOnServers(t *testing.T) {
	testcluster.Each(t, func(t *testing.T, server testcluster.Server) {
		t.Parallel()
		const moving, other, away = 5, 100, 6000
		key := func(slot, n int) string { return keyIn(slot, n) }
		probe := func(slot int) string { return "EXISTS " + key(slot, 999) }
		get := func(slot int) string { return fmt.Sprintf("CLUSTER GETKEYSINSLOT %d 100", slot) }
		pages := []string{"CLUSTER NODES", "SCAN 0 COUNT 1000"}
		if server.AtLeast(7, 4) {
			pages = append(pages, fmt.Sprintf("SCAN %d COUNT 1000", moving+1), "SCAN 6000 COUNT 1000")
		}
		transactions := [][]string{
			{probe(moving), get(moving)},
			{"CLUSTER NODES", get(moving), get(other), get(away), get(away + 1)},
			pages,
			{probe(other), get(moving)},
			{probe(moving), probe(other)},
			{probe(away), get(away)},
			{"EXISTS " + key(moving, 0), get(moving)},
			{"ASKING", probe(moving), get(moving)},
			{"NOSUCH", get(moving)},
			{"GET", "PING"},
			{"SCAN 0 NO", "SCAN x", "CLUSTER GETKEYSINSLOT 5 1", "PING"},
			{"MULTI", "PING"},
		}
		if server.Valkey && server.AtLeast(9, 1) {
			one := func(slot int) string { return fmt.Sprintf("CLUSTERSCAN %s SLOT %d COUNT 1000", cursorOf(slot), slot) }
			transactions = append(transactions,
				[]string{"CLUSTER NODES", one(moving), one(moving), get(other)},
				[]string{one(moving), one(other)},
				[]string{one(away)},
				[]string{one(away + 1)},
				[]string{"CLUSTERSCAN 0-{460}x-0 SLOT 6", "CLUSTERSCAN x-{460}-99 SLOT 5 COUNT 1000", "CLUSTERSCAN 0-{460} NO"},
				[]string{"CLUSTERSCAN " + cursorOf(moving) + " COUNT 1000 MATCH *:0"},
			)
		}
		theirs := operateReal(t, server)
		ours := operateFake(t, server, theirs)
		both := func(do func(o *operator) error) {
			t.Helper()
			require.NoError(t, do(ours))
			require.NoError(t, do(theirs))
		}
		compare := func(state string, node int, cmds ...string) {
			t.Helper()
			assert.Equal(t, theirs.ask(t, node, cmds...), ours.ask(t, node, cmds...), "%s, node %d: %q", state, node, cmds)
		}
		inEachState := func(state string) {
			t.Helper()
			for _, transaction := range transactions {
				cmds := append(append([]string{"MULTI"}, transaction...), "EXEC")
				for node := range 2 {
					compare(state, node, cmds...)
				}
				compare(state+", asking", 1, append([]string{"ASKING"}, cmds...)...)
			}
		}

		for i := range 6 {
			compare("filling", 0, "SET "+key(moving, i)+" x", "SET "+key(other, i)+" x")
			compare("filling", 1, "SET "+key(away, i)+" x")
		}
		inEachState("quiet")
		both(func(o *operator) error { return o.open(moving, 1) })
		inEachState("open")
		_, err := ours.move(moving, 3) // on both
		require.NoError(t, err)
		inEachState("half moved")

		// What has changed between the queue and EXEC.
		between := func(state string, slot int, change func(o *operator) error) {
			t.Helper()
			compare(state, 0, "MULTI", probe(slot), get(slot))
			both(change)
			compare(state, 0, "EXEC", "PING")
		}
		between("a migration was opened", other, func(o *operator) error { return o.open(other, 1) })
		both(func(o *operator) error { return o.finish(moving) })
		inEachState("moved, the other one open")
		between("a slot was moved", 200, func(o *operator) error { return o.reshard(200, 1) })
		between("the cluster is down", 300, func(o *operator) error { return o.unown(away + 1) })
		inEachState("down")
	})
}
