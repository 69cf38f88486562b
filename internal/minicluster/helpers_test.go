package minicluster

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/redisarrow/redisarrow/internal/resp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, cfg Config) *Cluster {
	t.Helper()
	c, err := Start(cfg)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// dial connects to a node; what hangs fails within the context.
func dial(t *testing.T, c *Cluster, node int) *resp.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", c.Addrs()[node])
	require.NoError(t, err)
	conn := resp.NewConn(nc)
	t.Cleanup(func() { conn.Close() })
	return conn
}

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// do returns a reply as one line of text, an error reply as its text.
func do(t *testing.T, conn *resp.Conn, args ...string) string {
	t.Helper()
	values, err := conn.Pipeline(testContext(t), args)
	require.NoError(t, err)
	return show(values[0])
}

func show(v resp.Value) string {
	switch {
	case v.Null:
		return "nil"
	case v.Kind == resp.Integer:
		return strconv.FormatInt(v.Int, 10)
	case v.Kind == resp.Array:
		text := make([]string, len(v.Elems))
		for i, e := range v.Elems {
			text[i] = show(e)
		}
		return fmt.Sprint(text)
	default:
		return v.Text
	}
}

func clusterClient(t *testing.T, c *Cluster, opts *redis.ClusterOptions) *redis.ClusterClient {
	t.Helper()
	opts.Addrs = c.Addrs()
	rdb := redis.NewClusterClient(opts)
	t.Cleanup(func() { rdb.Close() })
	return rdb
}

// keyIn returns a key of that slot.
func keyIn(slot int, n int) string {
	for i := 0; ; i++ {
		tag := strconv.Itoa(i)
		if Slot(tag) == slot {
			return fmt.Sprintf("{%s}:%d", tag, n)
		}
	}
}
