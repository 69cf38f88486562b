package redisarrow_test

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/internal/testcluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
)

const (
	permissionKeys = 300
	// emptyHash has none of the fields that are asked for: a reply that
	// doesn't tell whether there is such a key.
	emptyHash = "{tag}:empty"
)

// permitted are the commands of README's ACL rule, in upper case, CLUSTER NODES
// for +cluster|nodes.
func permitted(t *testing.T) (commands []string) {
	t.Helper()
	user, err := testcluster.LeastUser()
	require.NoError(t, err)
	for _, m := range regexp.MustCompile(` \+(\S+)`).FindAllStringSubmatch(user.Rule, -1) {
		commands = append(commands, strings.ToUpper(strings.ReplaceAll(m[1], "|", " ")))
	}
	return commands
}

// scanAllWays scans with everything that a schema can ask for. The hashes
// must be permissionKeys and emptyHash, the strings permissionKeys.
func scanAllWays(t *testing.T, rdb redis.UniversalClient, config iterator.Config, check func(t *testing.T, err error)) {
	t.Helper()
	rowsOf := func(t *testing.T, it *iterator.BatchReader, want int64) {
		t.Helper()
		defer it.Release()
		rows := int64(0)
		for it.Next() {
			rows += it.RecordBatch().NumRows()
		}
		check(t, it.Err())
		assert.Equal(t, want, rows)
	}
	for _, h := range []struct {
		text    string
		command iterator.HashCommand
	}{
		{"_key:key,_ttl:ttl[s],expires:expires_at,name:utf8", iterator.HMGET},
		{"_key:key,_ttl:ttl[ms],name:utf8", iterator.HGETALL},
		{"_key:key", iterator.AutoHashCommand},
		{"_key:key,name:utf8" + strings.Repeat(",more%d:utf8", 20), iterator.AutoHashCommand}, // by size
	} {
		t.Run("hash "+h.text, func(t *testing.T) {
			text, fields := h.text, strings.Count(h.text, "%d")
			for i := range fields {
				text = strings.Replace(text, "%d", strconv.Itoa(i), 1)
			}
			s, err := schema.ParseHash(text)
			require.NoError(t, err)
			config.HashCommand = h.command
			it, err := iterator.NewClusterHashBatchIterator(t.Context(), rdb, s, config)
			require.NoError(t, err)
			rowsOf(t, it.BatchReader, permissionKeys+1)
		})
	}
	for i, text := range []string{"_key:key,_ttl:ttl[ms],value:int64", "value:int64", "_key:key", "_key:key,value:int64"} {
		t.Run("string "+text, func(t *testing.T) {
			config.MaxValueBytes = 0
			if i == 3 {
				config.MaxValueBytes = 100
			}
			s, err := schema.ParseString(text)
			require.NoError(t, err)
			it, err := iterator.NewClusterStringBatchIterator(t.Context(), rdb, s, config)
			require.NoError(t, err)
			rowsOf(t, it.BatchReader, permissionKeys)
		})
	}
}

// The rule allows every command that a scan can send, and no other.
func TestPermissionsAreAllThatIsSent(t *testing.T) {
	c, err := minicluster.Start(minicluster.Config{Record: true})
	require.NoError(t, err)
	defer c.Close()
	for i := range permissionKeys {
		c.SetHash(fmt.Sprint("hash:", i), "name", "x")
		c.SetString(fmt.Sprint("{string}:", i), fmt.Sprint(i))
	}
	c.SetHash(emptyHash, "other", "x")
	slot := int(cluster.Slot([]byte(emptyHash)))
	source := slices.IndexFunc([]int{0, 1, 2}, func(n int) bool { return len(c.SlotKeys(n, slot)) > 0 })
	target := (source + 1) % 3
	rdb, err := cluster.Connect(t.Context(), cluster.Options{URLs: c.URLs()})
	require.NoError(t, err)
	defer rdb.Close()
	whole := func(t *testing.T, err error) { require.NoError(t, err) }
	scanAllWays(t, rdb, iterator.Config{}, whole)
	scanAllWays(t, rdb, iterator.Config{Enumerate: iterator.PlainScan}, whole)

	// A key that moves between SCAN and fetch is asked for with ASKING.
	require.NoError(t, c.OpenMigration(slot, target))
	c.SetFault(func(node, _ int, args [][]byte) *minicluster.Fault {
		if node != source || !strings.EqualFold(string(args[0]), "HMGET") {
			return nil
		}
		return &minicluster.Fault{Before: func() { c.MoveKeys(source, target, emptyHash) }}
	})
	s, err := schema.ParseHash("name:utf8")
	require.NoError(t, err)
	it, err := iterator.NewClusterHashBatchIterator(t.Context(), rdb, s, iterator.Config{})
	require.NoError(t, err)
	defer it.Release()
	for it.Next() {
	}
	require.NoError(t, it.Err())

	var sent []string
	for _, command := range c.Log() {
		name := strings.ToUpper(command.Args[0])
		if name == "CLUSTER" || name == "CLIENT" {
			name += " " + strings.ToUpper(command.Args[1])
		}
		// These two need no permission.
		if name != "HELLO" && name != "AUTH" && !slices.Contains(sent, name) {
			sent = append(sent, name)
		}
	}
	// What a scan does without stands beside the rule.
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	require.Contains(t, string(readme), "`+client|setname +client|no-touch` are optional")
	assert.ElementsMatch(t, append(permitted(t), "CLIENT SETNAME"), sent)
}

// A user with the rule and nothing else can scan, on real servers.
func TestPermissionsSuffice(t *testing.T) {
	user, err := testcluster.LeastUser()
	require.NoError(t, err)
	testcluster.Each(t, func(t *testing.T, server testcluster.Server) {
		t.Parallel()
		c := testcluster.Start(t, testcluster.Config{Server: server, Users: []string{user.Rule}})
		_, err := c.Client(t).Pipelined(t.Context(), func(p redis.Pipeliner) error {
			for i := range permissionKeys {
				p.HSet(t.Context(), fmt.Sprint("hash:", i), "name", "x")
				p.Set(t.Context(), fmt.Sprint("{string}:", i), i, 0)
			}
			p.HSet(t.Context(), emptyHash, "other", "x")
			return nil
		})
		require.NoError(t, err)
		rdb, err := cluster.Connect(t.Context(), cluster.Options{URLs: []string{c.URL(0)}, Username: user.Name, Password: user.Password})
		require.NoError(t, err)
		defer rdb.Close()
		require.ErrorContains(t, rdb.Set(t.Context(), "string:0", "x", 0).Err(), "NOPERM", "the user is the restricted one")
		whole := func(t *testing.T, err error) { require.NoError(t, err) }
		scanAllWays(t, rdb, iterator.Config{}, whole)
		for _, way := range []iterator.Enumeration{iterator.KeysInSlot, iterator.PlainScan} {
			t.Run(way.String(), func(t *testing.T) { scanAllWays(t, rdb, iterator.Config{Enumerate: way}, whole) })
		}

		t.Run("with a slot on the move", func(t *testing.T) {
			ctx := context.WithoutCancel(t.Context())
			slot := int(cluster.Slot([]byte(emptyHash)))
			owner, err := c.Owner(ctx, slot)
			require.NoError(t, err)
			require.NoError(t, c.OpenMigration(ctx, slot, (owner+1)%3))
			scanAllWays(t, rdb, iterator.Config{}, whole)

			s, err := schema.ParseHash("_key:key")
			require.NoError(t, err)
			it, err := iterator.NewClusterHashBatchIterator(ctx, rdb, s, iterator.Config{Strict: true, StallTimeout: time.Second})
			require.NoError(t, err)
			defer it.Release()
			for it.Next() {
			}
			var missing *iterator.IncompleteError
			require.ErrorAs(t, it.Err(), &missing)
			assert.Equal(t, fmt.Sprint(slot), missing.Slots.String())
		})
	})
}

// What an ACL denies of the ways to enumerate leads to the next one, on real
// servers.
func TestPermissionsDenied(t *testing.T) {
	testcluster.Each(t, func(t *testing.T, server testcluster.Server) {
		t.Parallel()
		user, err := testcluster.LeastUser()
		require.NoError(t, err)
		denied := []struct {
			name, rule string
			enumerate  iterator.Enumeration
			command    string // that the error names; "" for all rows
			unguarded  bool
			not        iterator.Enumeration // isn't used
		}{
			{"nolist", " -cluster|getkeysinslot", 0, "", false, iterator.KeysInSlot},
			{"nocount", " -cluster|countkeysinslot", 0, "", false, 0},
			{"noscan", " -scan", 0, "", false, iterator.PlainScan},
			{"nomulti", " -multi -exec", 0, "", true, 0},
			{"nomultifixed", " -multi -exec", iterator.PlainScan, "", true, 0},
			{"nolistfixed", " -cluster|getkeysinslot", iterator.KeysInSlot, "CLUSTER GETKEYSINSLOT", false, 0},
			{"noscanfixed", " -scan", iterator.PlainScan, "SCAN", false, 0},
			{"none", " -scan -cluster|getkeysinslot", 0, "SCAN", false, 0},
		}
		var rules []string
		for _, d := range denied {
			rules = append(rules, strings.Replace(user.Rule, user.Name+" ", d.name+" ", 1)+d.rule)
		}
		c := testcluster.Start(t, testcluster.Config{Server: server, Users: rules})
		_, err = c.Client(t).Pipelined(t.Context(), func(p redis.Pipeliner) error {
			for i := range permissionKeys {
				p.HSet(t.Context(), fmt.Sprint("hash:", i), "name", "x")
			}
			return nil
		})
		require.NoError(t, err)
		s, err := schema.ParseHash("_key:key")
		require.NoError(t, err)
		for _, d := range denied {
			t.Run(d.name, func(t *testing.T) {
				rdb, err := cluster.Connect(t.Context(), cluster.Options{URLs: []string{c.URL(0)}, Username: d.name, Password: user.Password})
				require.NoError(t, err)
				defer rdb.Close()
				it, err := iterator.NewClusterHashBatchIterator(t.Context(), rdb, s, iterator.Config{Enumerate: d.enumerate})
				require.NoError(t, err)
				defer it.Release()
				rows := int64(0)
				for it.Next() {
					rows += it.RecordBatch().NumRows()
				}
				if d.command != "" {
					var node *iterator.NodeError
					require.ErrorAs(t, it.Err(), &node)
					assert.Equal(t, d.command, node.Command)
					require.ErrorContains(t, it.Err(), "NOPERM")
					return
				}
				require.NoError(t, it.Err())
				assert.EqualValues(t, permissionKeys, rows)
				for _, n := range it.Stats().Nodes {
					assert.Equal(t, d.unguarded, n.Unguarded, n.Addr)
					require.NotEmpty(t, n.Enumerations)
					if last := n.Enumerations[len(n.Enumerations)-1]; d.not != 0 {
						assert.NotEqual(t, d.not, last)
					}
				}
			})
		}
	})
}
