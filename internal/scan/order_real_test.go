package scan

import (
	"fmt"
	"math/bits"
	"strconv"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/resp"
	"github.com/redisarrow/redisarrow/internal/testcluster"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is taken for granted of the order of cursors and of keys, by what INFO
// says, is so on every server: it is no promise of theirs.
func TestCursorOrderOfServers(t *testing.T) {
	keys := 100_000
	if testing.Short() {
		keys = 20_000
	}
	for _, setup := range []struct {
		name   string
		config testcluster.Config
		want   func(s testcluster.Server) cursorOrder
	}{
		{"cluster", testcluster.Config{Masters: 1}, func(s testcluster.Server) cursorOrder {
			if s.Valkey || s.AtLeast(7, 4) {
				return slotOrder
			}
			return tableOrder
		}},
		{"alone", testcluster.Config{Standalone: true}, func(s testcluster.Server) cursorOrder {
			if s.Valkey {
				return unknownOrder
			}
			return tableOrder
		}},
	} {
		t.Run(setup.name, func(t *testing.T) {
			testcluster.Each(t, func(t *testing.T, server testcluster.Server) {
				t.Parallel()
				config := setup.config
				config.Server = server
				c := testcluster.Start(t, config)
				ctx := t.Context()
				admin := c.NodeClient(0)
				for start := 0; start < keys; start += 10_000 {
					_, err := admin.Pipelined(ctx, func(p redis.Pipeliner) error {
						for i := range 10_000 {
							p.Set(ctx, fmt.Sprint("key:", start+i), "v", 0)
						}
						return nil
					})
					require.NoError(t, err)
				}
				rdb := redis.NewClient(c.Options(0))
				t.Cleanup(func() { _ = rdb.Close() })
				d, err := cluster.NewDialer(rdb)
				require.NoError(t, err)
				nc, err := d.Dial(ctx, c.Addrs()[0])
				require.NoError(t, err)
				conn := resp.NewConn(nc)
				t.Cleanup(func() { _ = conn.Close() })
				s, err := readState(ctx, conn, c.Addrs()[0], !config.Standalone)
				require.NoError(t, err)
				require.Equal(t, setup.want(server), s.order)
				assertOrder(t, conn, s.order, keys)
			})
		})
	}
}

// assertOrder scans, and looks at every cursor and key.
func assertOrder(t *testing.T, conn *resp.Conn, order cursorOrder, keys int) {
	t.Helper()
	slotOf := func(cursor uint64) uint16 { return uint16(cursor % cluster.Slots) }
	found, pages := map[string]bool{}, 0
	fromSlot := uint16(0)
	for cursor := uint64(0); ; pages++ {
		reply, err := conn.Do(t.Context(), "SCAN", strconv.FormatUint(cursor, 10), "COUNT", strconv.Itoa(keys/100))
		require.NoError(t, err)
		next, err := strconv.ParseUint(reply.Elems[0].Text, 10, 64)
		require.NoError(t, err)
		for _, key := range reply.Elems[1].Elems {
			found[key.Text] = true
			if order == slotOrder {
				slot := cluster.Slot([]byte(key.Text))
				require.GreaterOrEqual(t, slot, fromSlot, "slot of %s, page %d", key.Text, pages)
				if next != 0 {
					require.LessOrEqual(t, slot, slotOf(next), "slot of %s, page %d", key.Text, pages)
				}
			}
		}
		if next == 0 {
			break
		}
		switch order {
		case slotOrder:
			require.GreaterOrEqual(t, slotOf(next), fromSlot)
			fromSlot = slotOf(next)
		case tableOrder:
			require.Greater(t, bits.Reverse64(next), bits.Reverse64(cursor), "cursor %d after %d", next, cursor)
		}
		cursor = next
	}
	assert.Len(t, found, keys)
	assert.Greater(t, pages, 50, "COUNT isn't heeded")
}
