package iterator_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/convert"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const secretValue = "s3cret\xff"

// assertSilent fails if an error shows the secret, however it is printed.
func assertSilent(t *testing.T, err error) {
	t.Helper()
	asJSON, _ := json.Marshal(err) // where it can't be marshalled nothing is shown either
	for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err), string(asJSON)} {
		assert.NotContains(t, text, "s3cret")
	}
}

func TestRedactValues(t *testing.T) {
	c, rdb := fake(t, minicluster.Config{})
	c.SetHash("hash:1", "v", secretValue)
	c.SetString("string:1", secretValue)
	for kind, open := range kinds {
		for _, typ := range []string{
			"utf8", "large_utf8", "int8", "uint8", "int64", "uint64", "float32", "float64", "decimal128[10,2]", "boolean", "date32",
			"timestamp[us]", "timestamp[us,Europe/Berlin,epoch=s]",
		} {
			t.Run(kind+"/"+typ, func(t *testing.T) {
				got := readAll(open(t, rdb, "_key:key,v:"+typ, iterator.Config{RedactValues: true}))
				var failure *iterator.CellError
				require.ErrorAs(t, got.err, &failure)
				assertSilent(t, got.err)
				assert.True(t, failure.Redacted)
				assert.Empty(t, failure.Value)
				require.Error(t, failure.Err)
				for _, part := range []string{`"` + kind + `:1"`, `"v"`, failure.Type.String(), failure.Err.Error()} {
					assert.ErrorContains(t, got.err, part)
				}
				// Without it the value is there.
				got = readAll(open(t, rdb, "_key:key,v:"+typ, iterator.Config{}))
				require.ErrorAs(t, got.err, &failure)
				assert.False(t, failure.Redacted)
				assert.Equal(t, secretValue, failure.Value)
				assert.ErrorContains(t, got.err, "s3cret")
			})
		}
	}
	t.Run("keys are named all the same", func(t *testing.T) {
		c.SetHash("key:\xff", "v", "1")
		got := readAll(hashes(t, rdb, "_key:key,v:int64", iterator.Config{Pattern: "key:*", RedactValues: true}))
		require.ErrorIs(t, got.err, convert.ErrUTF8)
		assert.ErrorContains(t, got.err, `"key:\xff"`)
	})
}

// fakeServer is a single one, so that a scan meets with its fault once.
func fakeServer(t *testing.T) (*minicluster.Cluster, *redis.Client) {
	t.Helper()
	c, err := minicluster.Start(minicluster.Config{Standalone: true})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	rdb := redis.NewClient(&redis.Options{Addr: c.Addrs()[0]})
	t.Cleanup(func() { _ = rdb.Close() })
	return c, rdb
}

// Whatever a server answers in place of what was asked for, no value comes out
// by way of an error or of the log, whether it was asked to be left out or not.
func TestNoValueInOtherErrors(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{
		"simple string":       "+s3cret\r\n",
		"cut short":           "$100\r\ns3cret",
		"a length too short":  "$2\r\ns3cret\r\n",
		"no length":           "$s3cret\r\n",
		"no kind":             "s3cret\r\n",
		"an array":            "*1\r\n$6\r\ns3cret\r\n",
		"too many":            "*3\r\n$6\r\ns3cret\r\n$6\r\ns3cret\r\n$6\r\ns3cret\r\n",
		"a cursor and a page": "*2\r\n$6\r\ns3cret\r\n*1\r\n$6\r\ns3cret\r\n",
	} {
		for _, command := range []string{"GET", "HMGET", "HGETALL", "TTL", "SCAN"} {
			t.Run(name+" to "+command, func(t *testing.T) {
				t.Parallel() // most of it is waiting
				c, rdb := fakeServer(t)
				c.SetHash("k:1", "v", "1")
				c.SetString("k:2", "1")
				c.SetFault(onceFor(command, -1, minicluster.Fault{Raw: []byte(raw), Close: minicluster.CloseAfter}))
				var log bytes.Buffer
				config := iterator.Config{
					StallTimeout: time.Second,
					Logger:       slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
				}
				text := "_key:key,_ttl:ttl,v:utf8,w:utf8"
				it := reader(nil)
				switch command {
				case "GET":
					it = strs(t, rdb, "_key:key,v:utf8", config)
				case "HGETALL":
					config.HashCommand = iterator.HGETALL
					it = hashes(t, rdb, text, config)
				default:
					it = hashes(t, rdb, text, config)
				}
				got := readAll(it)
				assert.NotContains(t, log.String(), "s3cret")
				require.Error(t, got.err)
				assertSilent(t, got.err)
			})
		}
	}
}
