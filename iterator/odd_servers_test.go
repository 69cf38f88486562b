package iterator_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
)

func TestOddX(t *testing.T) {
	for _, cfg := range []minicluster.Config{
		{Missing: []string{"cluster|nodes"}},
		{Missing: []string{"cluster|nodes"}, MissingReply: "ERR unsupported command"},
		{Missing: []string{"cluster"}},
		{Missing: []string{"cluster", "info"}},
		{Missing: []string{"cluster|getkeysinslot", "cluster|countkeysinslot"}},
		{Missing: []string{"cluster|countkeysinslot"}},
		{Missing: []string{"info", "client"}},
		{Missing: []string{"multi", "exec", "info", "client"}},
		{Missing: []string{"scan"}},
		{Missing: []string{"scan", "cluster|getkeysinslot"}},
		{Standalone: true, Missing: []string{"cluster", "info", "client", "asking", "multi", "hello"}},
		{Standalone: true, Missing: []string{"cluster", "info", "client", "asking", "multi", "hello", "scan"}},
		{Standalone: true, Missing: []string{"cluster", "info", "client", "asking", "multi", "scan"}, MissingReply: "ERR command not supported"},
		{Standalone: true, Missing: []string{"scan"}},
		{Standalone: true, NoScanType: true},
		{NoScanType: true, Missing: []string{"cluster|getkeysinslot"}},
		{NoScanType: true, SlotTables: true, Missing: []string{"cluster|getkeysinslot"}},
		{Standalone: true, Missing: []string{"hmget"}},
		{Standalone: true, Missing: []string{"mget"}},
	} {
		t.Run(fmt.Sprintf("%v %v %v %v", cfg.Standalone, cfg.NoScanType, cfg.Missing, cfg.MissingReply), func(t *testing.T) {
			c, err := minicluster.Start(cfg)
			require.NoError(t, err)
			defer c.Close()
			for i := range 300 {
				c.SetHash(fmt.Sprint("hash:", i), "n", fmt.Sprint(i))
				c.SetString(fmt.Sprint("string:", i), fmt.Sprint(i))
			}
			rdb, err := cluster.Connect(t.Context(), cluster.Options{URLs: c.URLs()})
			if err != nil {
				t.Log("CONNECT", err)
				return
			}
			defer rdb.Close()
			s, _ := schema.ParseHash("_key:key,n:int64")
			it, err := iterator.NewClusterHashBatchIterator(context.Background(), rdb, s, checked(t, iterator.Config{}))
			if err != nil {
				t.Log("OPEN", err)
			} else {
			r := readAll(it)
			t.Log(len(r.rows), r.err)
			t.Logf("%+v", r.stats)
			}
			s2, _ := schema.ParseString("_key:key,n:int64")
			it2, err := iterator.NewClusterStringBatchIterator(context.Background(), rdb, s2, checked(t, iterator.Config{}))
			if err != nil {
				t.Log("OPEN", err)
			} else {
			r := readAll(it2)
			t.Log(len(r.rows), r.err)
			}
			rep, err := cluster.Check(t.Context(), rdb)
			if err != nil { t.Log("HEALTH", err); return }
			t.Log(rep.Verdict)
			for _, f := range rep.Findings { t.Log(f.Severity, f.Code, f.Commands, f.Text) }
		})
	}
	_ = slices.Sort[[]int]
	_ = assert.Equal
	_ = redis.Nil
}
