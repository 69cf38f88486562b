package iterator_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// structUser has a field of each of Go's types that go-redis writes.
type structUser struct {
	String   string        `redis:"string"`
	Bytes    []byte        `redis:"bytes"`
	Bool     bool          `redis:"bool"`
	Int      int           `redis:"int"`
	Int8     int8          `redis:"int8"`
	Int16    int16         `redis:"int16"`
	Int32    int32         `redis:"int32"`
	Int64    int64         `redis:"int64"`
	Uint     uint          `redis:"uint"`
	Uint8    uint8         `redis:"uint8"`
	Uint16   uint16        `redis:"uint16"`
	Uint32   uint32        `redis:"uint32"`
	Uint64   uint64        `redis:"uint64"`
	Float32  float32       `redis:"float32"`
	Float64  float64       `redis:"float64"`
	Time     time.Time     `redis:"time"`
	Duration time.Duration `redis:"duration"`
	Pointer  *int64        `redis:"pointer,omitempty"`
	Dropped  string        `redis:"-"`
}

// What go-redis writes of a struct, and reads back with Scan, comes out as the
// same values.
func TestStructAsGoRedisReads(t *testing.T) {
	ctx := context.Background()
	_, rdb := fake(t, minicluster.Config{})
	seven := int64(7)
	users := map[string]structUser{
		"zero": {},
		"full": {
			"Zürich", []byte("\xff\x00"), true, -1, -128, -32768, -1 << 31, -1 << 63, 1, 255, 65535, 1<<32 - 1, 1<<64 - 1, 0.1, 0.1,
			time.Date(2024, 1, 15, 10, 30, 0, 123456000, time.FixedZone("", -5*3600)), time.Minute, &seven, "not stored",
		},
	}
	for key, user := range users {
		require.NoError(t, rdb.HSet(ctx, key, user).Err())
	}
	s, err := schema.HashOf[structUser](schema.Key("_key"))
	require.NoError(t, err)
	for _, command := range []iterator.HashCommand{iterator.HMGET, iterator.HGETALL} {
		it, err := iterator.NewClusterHashBatchIterator(ctx, rdb, s, checked(t, iterator.Config{HashCommand: command}))
		require.NoError(t, err)
		got := readAll(it)
		require.NoError(t, got.err)
		var want []string
		for _, key := range []string{"full", "zero"} {
			want = append(want, key+"|"+structCells(t, rdb, key))
		}
		assert.Equal(t, want, got.rows)
	}
}

// structCells are the cells of a hash as go-redis scans it.
func structCells(t *testing.T, rdb *redis.ClusterClient, key string) string {
	t.Helper()
	var u structUser
	require.NoError(t, rdb.HGetAll(context.Background(), key).Scan(&u))
	pointer := "null"
	if u.Pointer != nil {
		pointer = fmt.Sprint(*u.Pointer)
	}
	return fmt.Sprintf("%s|%s|%t|%d|%d|%d|%d|%d|%d|%d|%d|%d|%d|%v|%v|%s|%d|%s",
		u.String, base64.StdEncoding.EncodeToString(u.Bytes), u.Bool, u.Int, u.Int8, u.Int16, u.Int32, u.Int64, u.Uint, u.Uint8, u.Uint16, u.Uint32, u.Uint64,
		u.Float32, u.Float64, u.Time.UTC().Format("2006-01-02T15:04:05.999999Z07:00"), u.Duration.Nanoseconds(), pointer)
}
