package iterator_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// kinds opens scans of hashes and of strings of the same metadata columns:
// what is true of both is tested with both.
var kinds = map[string]func(t testing.TB, rdb redis.UniversalClient, text string, config iterator.Config) reader{
	"hash": func(t testing.TB, rdb redis.UniversalClient, text string, config iterator.Config) reader {
		return hashes(t, rdb, text, config)
	},
	"string": func(t testing.TB, rdb redis.UniversalClient, text string, config iterator.Config) reader {
		return strs(t, rdb, text, config)
	},
}

// put stores a key of a kind, with the value v.
func put(p redis.Pipeliner, kind, key, v string) {
	if kind == "hash" {
		putHash(p, key, v)
	} else {
		putString(p, key, v)
	}
}

// Acceptance group I.
func TestTTL(t *testing.T) { onServers(t, testTTL) }

func testTTL(t *testing.T, on place) {
	rdb := on.rdb
	ctx := context.Background()
	for kind, open := range kinds {
		t.Run(kind, func(t *testing.T) {
			flush(t, on.admin)
			// cells are the first column's, by key.
			cells := func(t *testing.T, column, pattern string) map[string]string {
				t.Helper()
				got := readAll(open(t, rdb, column+",_key:key,v:utf8", iterator.Config{Pattern: pattern}))
				require.NoError(t, got.err)
				byKey := map[string]string{}
				for _, row := range got.rows {
					parts := strings.Split(row, "|")
					byKey[parts[1]] = parts[0]
					assert.Equal(t, "v", parts[2])
				}
				return byKey
			}
			number := func(t *testing.T, text string) int {
				t.Helper()
				n, err := strconv.Atoi(text)
				require.NoError(t, err)
				return n
			}
			expires := time.Now().Add(time.Hour).Truncate(time.Millisecond)
			store(t, on.admin, func(p redis.Pipeliner) {
				for _, key := range []string{"i1:hour", "i1:none", "user:1", "user:3", "user:4", "i5:at", "i5:none"} {
					put(p, kind, key, "v")
				}
				p.Expire(ctx, "i1:hour", time.Hour)
				p.Expire(ctx, "user:1", 100*time.Second)
				p.Expire(ctx, "user:3", 200*time.Second)
				p.PExpireAt(ctx, "i5:at", expires)
			})

			t.Run("I1", func(t *testing.T) {
				for _, unit := range []struct {
					name string
					size int
				}{{"s", 1}, {"ms", 1000}} {
					got := cells(t, "_ttl:ttl["+unit.name+"]", "i1:*")
					assert.Equal(t, "-1", got["i1:none"])
					hour := number(t, got["i1:hour"])
					assert.Greater(t, hour, 3590*unit.size)
					assert.LessOrEqual(t, hour, 3600*unit.size)
				}
			})
			t.Run("I2", func(t *testing.T) {
				got := cells(t, "_ttl:ttl[s]", "user:*")
				assert.Len(t, got, 3)
				assert.Equal(t, "-1", got["user:4"])
				one, three := number(t, got["user:1"]), number(t, got["user:3"])
				assert.Greater(t, one, 90)
				assert.LessOrEqual(t, one, 100)
				assert.Greater(t, three, 190)
				assert.LessOrEqual(t, three, 200)
			})
			t.Run("I3", func(t *testing.T) {
				for column, most := range map[string]int{"_ttl:ttl[s]": 0, "_ttl:ttl[ms]": 400} {
					var row string
					for row == "" { // the key is gone if the machine stood still
						store(t, on.admin, func(p redis.Pipeliner) {
							p.Del(ctx, "i3")
							put(p, kind, "i3", "v")
							p.PExpire(ctx, "i3", 400*time.Millisecond)
						})
						row = cells(t, column, "i3")["i3"]
					}
					assert.GreaterOrEqual(t, number(t, row), 0)
					assert.LessOrEqual(t, number(t, row), most, column)
				}
			})
			t.Run("I4", func(t *testing.T) {
				for column, want := range map[string]string{"": "", "_ttl:ttl[s],": "ttl", "_ttl:ttl[ms],": "pttl", "_at:expires_at,": "pexpiretime"} {
					on.countCalls(t)
					got := readAll(open(t, rdb, column+"v:utf8", iterator.Config{Pattern: "user:*"}))
					require.NoError(t, got.err)
					require.Len(t, got.rows, 3)
					for _, command := range []string{"ttl", "pttl", "expiretime", "pexpiretime"} {
						calls := 0
						if command == want {
							calls = 3
						}
						assert.Equal(t, calls, total(on.calls(t, command)), "%s for column %q", command, column)
					}
				}
			})
			t.Run("I5", func(t *testing.T) {
				got := cells(t, "_at:expires_at", "i5:*")
				assert.Equal(t, "null", got["i5:none"])
				at, err := time.Parse(time.RFC3339Nano, got["i5:at"])
				require.NoError(t, err)
				assert.True(t, expires.Equal(at), "%v, not %v", at, expires)
			})
			t.Run("TTL and moment together", func(t *testing.T) {
				it := open(t, rdb, "_ttl:ttl[ms],v:utf8,_at:expires_at", iterator.Config{Pattern: "i5:none"})
				assert.Equal(t, []string{"-1|v|null"}, readAll(it).rows)
			})
		})
	}
}

// acceptance I, row 3: the clock is the fake's, so that 400 ms last.
func TestShortTTL(t *testing.T) {
	now := time.Now()
	c, rdb := fake(t, minicluster.Config{Now: func() time.Time { return now }})
	for kind, open := range kinds {
		t.Run("I3/"+kind, func(t *testing.T) {
			store(t, rdb, func(p redis.Pipeliner) { put(p, kind, kind, "v") })
			require.True(t, c.Expire(kind, 400*time.Millisecond))
			assert.Equal(t, []string{"0"}, readAll(open(t, rdb, "_ttl:ttl[s]", iterator.Config{Pattern: kind})).rows)
			assert.Equal(t, []string{"400"}, readAll(open(t, rdb, "_ttl:ttl[ms]", iterator.Config{Pattern: kind})).rows)
		})
	}
}

// acceptance I, row 4
func TestNoTTLCommand(t *testing.T) {
	c, rdb := fake(t, minicluster.Config{})
	store(t, rdb, func(p redis.Pipeliner) {
		put(p, "hash", "hash", "v")
		put(p, "string", "string", "v")
	})
	for kind, open := range kinds {
		for column, want := range map[string]string{"": "", "_ttl:ttl[s],": "TTL", "_ttl:ttl[ms],": "PTTL", "_at:expires_at,": "PEXPIRETIME"} {
			t.Run("I4/"+kind+"/"+column, func(t *testing.T) {
				c.ResetLog()
				got := readAll(open(t, rdb, column+"v:utf8", iterator.Config{}))
				require.NoError(t, got.err)
				require.Len(t, got.rows, 1)
				for _, command := range []string{"TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME"} {
					n := 0
					if command == want {
						n = 1 + ofAnotherType(t, got)
					}
					assert.Equal(t, n, c.Count(-1, command), command)
				}
			})
		}
	}
}
