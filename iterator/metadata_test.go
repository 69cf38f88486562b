package iterator_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/internal/pyenv"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Where rows come from is in the schema, the same in all batches, and without what
// a cluster is opened with.
func TestMetadata(t *testing.T) {
	c, _ := fake(t, minicluster.Config{Password: "hunter22"})
	rdb := fakeClient(t, c, func(o *redis.ClusterOptions) { o.Password = "hunter22" })
	before := time.Now().UTC().Truncate(time.Millisecond)
	store(t, rdb, func(p redis.Pipeliner) {
		for _, key := range []string{"user:1", "user:2", "user:3"} {
			p.HSet(t.Context(), key, "name", "x")
		}
	})
	slots := cluster.AllSlots()
	slots.Remove(0)
	it := hashes(t, rdb, "_key:key,name:utf8", iterator.Config{Pattern: "user:*", BatchSize: 1, Slots: slots})
	defer it.Release()
	metadata := it.Schema().Metadata()
	got := metadata.ToMap()
	assert.Equal(t, strings.Join(c.Addrs(), ","), got[iterator.MetadataCluster])
	assert.Len(t, strings.Split(got[iterator.MetadataNodes], ","), 3)
	assert.Equal(t, "user:*", got[iterator.MetadataPattern])
	assert.Equal(t, "1-16383", got[iterator.MetadataSlots])
	assert.Equal(t, "hash", got[iterator.MetadataType])
	parsed, err := schema.ParseHash(got[iterator.MetadataSchema])
	require.NoError(t, err)
	assert.True(t, parsed.Arrow().Equal(it.Schema()))
	at, err := time.Parse(time.RFC3339, got[iterator.MetadataTime])
	require.NoError(t, err)
	assert.False(t, at.Before(before) || at.After(time.Now()), at)
	assert.Equal(t, time.UTC, at.Location())
	assert.NotEmpty(t, got[iterator.MetadataVersion])
	assert.NotContains(t, metadata.String(), "hunter22")
	batches := 0
	for it.Next() {
		assert.True(t, it.Schema() == it.RecordBatch().Schema(), "one schema for all")
		batches++
	}
	require.NoError(t, it.Err())
	assert.Equal(t, 3, batches)

	server, _ := fake(t, minicluster.Config{Standalone: true})
	alone := redis.NewClient(&redis.Options{Addr: server.Addrs()[0]})
	defer alone.Close()
	text := strs(t, alone, "value:utf8", iterator.Config{})
	defer text.Release()
	got = text.Schema().Metadata().ToMap()
	assert.Equal(t, "string", got[iterator.MetadataType])
	assert.Equal(t, "*", got[iterator.MetadataPattern])
	assert.Equal(t, "value:utf8", got[iterator.MetadataSchema])
	assert.NotContains(t, got, iterator.MetadataNodes)
	assert.NotContains(t, got, iterator.MetadataSlots)
}

// Others read it from the file.
func TestMetadataOfFilesElsewhere(t *testing.T) {
	_, rdb := fake(t, minicluster.Config{})
	var paths []string
	var want []map[string]string
	for _, name := range []string{"x.arrow", "x.parquet"} {
		it := hashes(t, rdb, "_key:key,name:utf8", iterator.Config{Pattern: "user:*"})
		want = append(want, it.Schema().Metadata().ToMap())
		paths = append(paths, write(t, it, name))
	}
	var got []map[string]string
	require.NoError(t, json.Unmarshal([]byte(pyenv.Run(t, `
import json, sys, pyarrow as pa, pyarrow.ipc, pyarrow.parquet as pq
def read(path):
    return pq.read_schema(path) if path.endswith(".parquet") else pa.ipc.open_file(path).schema
print(json.dumps([{k.decode(): v.decode() for k, v in read(path).metadata.items()} for path in sys.argv[1:]]))
`, paths...)), &got))
	assert.Equal(t, want, got)
}
