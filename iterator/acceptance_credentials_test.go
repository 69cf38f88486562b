package iterator_test

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/testcluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// acceptance M, row 9: the scanning connections come in as the caller does.
func TestCredentials(t *testing.T) {
	t.Parallel()
	testcluster.Everywhere(t, func(t *testing.T, d *testcluster.Deployment) {
		t.Run("M9 TLS", func(t *testing.T) { testCredentials(t, d.Cluster, d.User) })
	}, testcluster.Secured)
}

func TestCredentialsWithoutTLS(t *testing.T) {
	t.Parallel()
	user, err := testcluster.LeastUser()
	require.NoError(t, err)
	testcluster.Each(t, func(t *testing.T, server testcluster.Server) {
		t.Parallel()
		c := testcluster.Start(t, testcluster.Config{Server: server, Password: "s3cret", Users: []string{user.Rule}})
		t.Run("M9", func(t *testing.T) { testCredentials(t, c, user) })
	})
}

func testCredentials(t *testing.T, c *testcluster.Cluster, user testcluster.User) {
	ctx := context.Background()
	want := storeUsers(t, c.Client(t))
	scan := func(t *testing.T, rdb redis.UniversalClient) {
		t.Helper()
		defer rdb.Close()
		for _, concurrency := range concurrencies {
			got := readAll(hashes(t, rdb, clusterSchema, iterator.Config{Pattern: "cl:h:*", Concurrency: concurrency}))
			require.NoError(t, got.err)
			assert.Equal(t, want, got.rows)
		}
	}
	password := c.ClusterOptions().Password
	for name, change := range map[string]func(o *redis.ClusterOptions){
		"password": func(*redis.ClusterOptions) {},
		"ACL user": func(o *redis.ClusterOptions) { o.Username, o.Password = user.Name, user.Password },
		"credentials provider": func(o *redis.ClusterOptions) {
			o.Password = ""
			o.CredentialsProviderContext = func(context.Context) (string, string, error) { return user.Name, user.Password, nil }
		},
	} {
		t.Run(name, func(t *testing.T) {
			options := c.ClusterOptions()
			change(options)
			scan(t, redis.NewClusterClient(options))
		})
	}
	for name, options := range map[string]cluster.Options{
		"Connect, password": {Password: password},
		"Connect, ACL user": {Username: user.Name, Password: user.Password},
	} {
		t.Run(name, func(t *testing.T) {
			options.URLs, options.TLSConfig = c.Addrs()[:1], c.ClusterOptions().TLSConfig
			rdb, err := cluster.Connect(ctx, options)
			require.NoError(t, err)
			scan(t, rdb)
		})
	}
	t.Run("none", func(t *testing.T) {
		options := c.ClusterOptions()
		options.Password = ""
		rdb := redis.NewClusterClient(options)
		defer rdb.Close()
		for _, err := range scanAll(ctx, t, rdb) {
			require.ErrorContains(t, err, "NOAUTH")
			assert.NotContains(t, err.Error(), password)
		}
	})
}
