package redisarrow_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

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
func scanAllWays(t *testing.T, rdb redis.UniversalClient, check func(t *testing.T, err error)) {
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
	} {
		t.Run("hash "+h.text, func(t *testing.T) {
			s, err := schema.ParseHash(h.text)
			require.NoError(t, err)
			it, err := iterator.NewClusterHashBatchIterator(t.Context(), rdb, s, iterator.Config{HashCommand: h.command})
			require.NoError(t, err)
			rowsOf(t, it.BatchReader, permissionKeys+1)
		})
	}
	for _, text := range []string{"_key:key,_ttl:ttl[ms],value:int64", "_key:key"} {
		t.Run("string "+text, func(t *testing.T) {
			s, err := schema.ParseString(text)
			require.NoError(t, err)
			it, err := iterator.NewClusterStringBatchIterator(t.Context(), rdb, s, iterator.Config{})
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
		c.SetString(fmt.Sprint("string:", i), fmt.Sprint(i))
	}
	c.SetHash(emptyHash, "other", "x")
	slot := int(cluster.Slot([]byte(emptyHash)))
	source := slices.IndexFunc([]int{0, 1, 2}, func(n int) bool { return len(c.SlotKeys(n, slot)) > 0 })
	target := (source + 1) % 3
	rdb, err := cluster.Connect(t.Context(), cluster.Options{URLs: c.URLs()})
	require.NoError(t, err)
	defer rdb.Close()
	scanAllWays(t, rdb, func(t *testing.T, err error) { require.NoError(t, err) })

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
	require.ErrorIs(t, it.Err(), iterator.ErrIncomplete)

	var sent []string
	for _, command := range c.Log() {
		name := strings.ToUpper(command.Args[0])
		if name == "CLUSTER" {
			name += " " + strings.ToUpper(command.Args[1])
		}
		// These two need no permission.
		if name != "HELLO" && name != "AUTH" && !slices.Contains(sent, name) {
			sent = append(sent, name)
		}
	}
	assert.ElementsMatch(t, permitted(t), sent)
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
				p.Set(t.Context(), fmt.Sprint("string:", i), i, 0)
			}
			p.HSet(t.Context(), emptyHash, "other", "x")
			return nil
		})
		require.NoError(t, err)
		rdb, err := cluster.Connect(t.Context(), cluster.Options{URLs: []string{c.URL(0)}, Username: user.Name, Password: user.Password})
		require.NoError(t, err)
		defer rdb.Close()
		require.ErrorContains(t, rdb.Set(t.Context(), "string:0", "x", 0).Err(), "NOPERM", "the user is the restricted one")
		scanAllWays(t, rdb, func(t *testing.T, err error) { require.NoError(t, err) })

		t.Run("with a slot on the move", func(t *testing.T) {
			ctx := context.WithoutCancel(t.Context())
			slot := int(cluster.Slot([]byte(emptyHash)))
			owner, err := c.Owner(ctx, slot)
			require.NoError(t, err)
			require.NoError(t, c.OpenMigration(ctx, slot, (owner+1)%3))
			scanAllWays(t, rdb, func(t *testing.T, err error) { require.ErrorIs(t, err, iterator.ErrIncomplete) })
		})
	})
}
