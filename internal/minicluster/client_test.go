package minicluster

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Real clients, with their default options: RESP3 is refused, they fall back.
func TestClusterClient(t *testing.T) {
	for name, cfg := range map[string]Config{
		"plain":    {},
		"password": {Password: "secret"},
		"user":     {Password: "other", Users: map[string]User{"app": {Password: "secret"}}},
		"no HELLO": {Password: "secret", NoHello: true},
		"replicas": {Replicas: 1},
		"slots":    {SlotTables: true},
	} {
		for protocol := 2; protocol <= 3; protocol++ {
			t.Run(fmt.Sprintf("%s, RESP%d", name, protocol), func(t *testing.T) {
				c := start(t, cfg)
				opts := &redis.ClusterOptions{Protocol: protocol, ClientName: "test", MaxRedirects: 1}
				if cfg.Password != "" {
					opts.Password = "secret"
				}
				if len(cfg.Users) > 0 {
					opts.Username = "app"
				}
				rdb := clusterClient(t, c, opts)
				ctx := testContext(t)
				pipe := rdb.Pipeline()
				for i := range 30 {
					pipe.HSet(ctx, fmt.Sprintf("cl:h:%d", i+1), "name", fmt.Sprintf("User%d", i+1), "age", 21+i)
				}
				_, err := pipe.Exec(ctx)
				require.NoError(t, err)
				require.NoError(t, rdb.Set(ctx, "cache:1", "v", time.Hour).Err())
				n, err := rdb.Incr(ctx, "counter").Result()
				require.NoError(t, err)
				assert.EqualValues(t, 1, n)

				h, err := rdb.HGetAll(ctx, "cl:h:7").Result()
				require.NoError(t, err)
				assert.Equal(t, map[string]string{"name": "User7", "age": "27"}, h)
				ttl, err := rdb.TTL(ctx, "cache:1").Result()
				require.NoError(t, err)
				assert.InDelta(t, time.Hour, ttl, float64(10*time.Second))
				// Acceptance M, row 2: how these keys lie.
				assert.Equal(t, []int{7, 9, 14}, []int{count(c, 0, "cl:"), count(c, 1, "cl:"), count(c, 2, "cl:")})
			})
		}
	}
}

func count(c *Cluster, node int, prefix string) int {
	n := 0
	for _, k := range c.Keys(node) {
		if len(k) >= len(prefix) && k[:len(prefix)] == prefix {
			n++
		}
	}
	return n
}

func TestStandaloneClient(t *testing.T) {
	c := start(t, Config{Standalone: true, Password: "secret"})
	opts, err := redis.ParseURL(c.URLs()[0])
	require.NoError(t, err)
	opts.DB = 3
	rdb := redis.NewClient(opts)
	defer rdb.Close()
	ctx := testContext(t)
	require.NoError(t, rdb.Set(ctx, "a", "1", 0).Err())
	n, err := rdb.DBSize(ctx).Result()
	require.NoError(t, err)
	assert.EqualValues(t, 1, n)
	assert.Empty(t, c.Keys(0), "it is in database 3")
	keys, _, err := rdb.Scan(ctx, 0, "*", 100).Result()
	require.NoError(t, err)
	assert.Equal(t, []string{"a"}, keys)
	for _, args := range [][]any{{"CLUSTER", "SLOTS"}, {"READONLY"}, {"ASKING"}} {
		assert.EqualError(t, rdb.Do(ctx, args...).Err(), "ERR This instance has cluster support disabled")
	}
}
