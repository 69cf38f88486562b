package cluster

import (
	"context"
	"math/rand/v2"
	"net"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/resp"
)

// bytewise is CRC16/XMODEM as the specification writes it.
func bytewise(b []byte) uint16 {
	var crc uint16
	for _, c := range b {
		crc ^= uint16(c) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}

func TestSlotVectors(t *testing.T) {
	for key, slot := range map[string]uint16{
		"123456789":            12739, // the vector of the cluster specification
		"":                     0,
		"foo":                  12182,
		"bar":                  5061,
		"user:1":               10778,
		"user:3":               2648,
		"user:4":               15039,
		"tag":                  8338,
		"{tag}:1":              8338,
		"{tag}:100":            8338,
		"a{tag}b":              8338,
		"{tag}{other}":         8338,
		"{user1000}.following": 3443,
		"{user1000}.followers": 3443,
		"foo{}{bar}":           bytewise([]byte("foo{}{bar}")) % Slots, // empty tag: whole key
		"foo{{bar}}zap":        bytewise([]byte("{bar")) % Slots,
		"foo{bar}{zap}":        5061,
		"{bar":                 bytewise([]byte("{bar")) % Slots,
		"}{bar}":               5061,
		"bar}":                 bytewise([]byte("bar}")) % Slots,
	} {
		assert.Equal(t, slot, Slot([]byte(key)), key)
	}
}

func TestSlotOfEveryLength(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for length := range 70 {
		for range 50 {
			key := make([]byte, length)
			for i := range key {
				key[i] = byte(rng.Uint32())
			}
			require.Equal(t, bytewise(key), crc16(key), "%q", key)
		}
	}
}

// The cluster client of go-redis routes by a slot function of its own, which
// it does not export: ask a cluster of three nodes where it sends a key.
func TestSlotAgreesWithGoRedis(t *testing.T) {
	keys := []string{"user:1", "user:3", "user:4", "{tag}:7", "foo{}{bar}", "foo{{bar}}zap", "{", "}", "{}", "a{b", "\xff\x00{\xfe}", "12345678{abcdefghi}x"}
	dialed := make(chan string, 1)
	nodes := []string{"a.test:1", "b.test:2", "c.test:3"}
	ranges := []SlotRange{{0, 5460}, {5461, 10922}, {10923, Slots - 1}}
	rdb := redis.NewClusterClient(&redis.ClusterOptions{
		MaxRedirects: -1, DialerRetries: 1,
		ClusterSlots: func(context.Context) ([]redis.ClusterSlot, error) {
			var slots []redis.ClusterSlot
			for i, r := range ranges {
				slots = append(slots, redis.ClusterSlot{Start: int(r.First), End: int(r.Last), Nodes: []redis.ClusterNode{{Addr: nodes[i]}}})
			}
			return slots, nil
		},
		Dialer: func(_ context.Context, _, addr string) (net.Conn, error) {
			client, server := net.Pipe()
			go answerGets(server, addr, dialed)
			return client, nil
		},
	})
	defer rdb.Close()
	for _, key := range keys {
		_, err := rdb.Get(t.Context(), key).Result()
		require.ErrorIs(t, err, redis.Nil)
		slot := Slot([]byte(key))
		for i, r := range ranges {
			if slot >= r.First && slot <= r.Last {
				assert.Equal(t, nodes[i], <-dialed, "%q", key)
			}
		}
	}
}

// answerGets is a server that knows no key, and says when it is asked for one.
func answerGets(conn net.Conn, addr string, asked chan<- string) {
	defer conn.Close()
	rd := resp.NewReader(conn, 4096)
	var args [][]byte
	for {
		var err error
		if args, err = rd.ReadCommand(args); err != nil {
			return
		}
		reply := resp.AppendError(nil, "ERR unknown command")
		if strings.EqualFold(string(args[0]), "get") {
			asked <- addr
			reply = resp.AppendNull(nil)
		}
		if _, err := conn.Write(reply); err != nil {
			return
		}
	}
}

func TestPatternSlot(t *testing.T) {
	for _, tc := range []struct {
		pattern string
		slot    uint16
		ok      bool
	}{
		{"{user42}:*", Slot([]byte("user42")), true}, // acceptance M, row 15
		{"a{tag}*", 8338, true},
		{"{tag}?[ab]", 8338, true},
		{`{tag}\*`, 8338, true},
		{"{tag}{*}", 8338, true},
		{"user:1", 10778, true}, // no wildcard: one key
		{"{}key", Slot([]byte("{}key")), true},
		{"{tag}", 8338, true},
		{"", 0, true}, // the empty key
		{"*", 0, false},
		{"user:*", 0, false},
		{"{}*", 0, false},
		{"{}{tag}*", 0, false}, // the first tag is empty: the whole key counts
		{"{user*}:1", 0, false},
		{"{user?}", 0, false},
		{`{us\er}*`, 0, false},
		{"*{tag}", 0, false},
		{"[{]tag}*", 0, false},
		{"{tag*", 0, false},
		{"tag}*", 0, false},
	} {
		slot, ok := PatternSlot(tc.pattern)
		assert.Equal(t, tc.ok, ok, tc.pattern)
		assert.Equal(t, tc.slot, slot, tc.pattern)
	}
}

// Whatever is put for the wildcard, the key lies in the slot promised.
func FuzzPatternSlot(f *testing.F) {
	f.Add("{user42}:", "x")
	f.Add("{}", "}{")
	f.Add("a{b}c{d}", "{e}")
	f.Add("{", "}")
	f.Add("{\\}", "")
	f.Fuzz(func(t *testing.T, prefix, rest string) {
		slot, ok := PatternSlot(prefix + "*")
		if !ok {
			return
		}
		for i := range prefix {
			if c := prefix[i]; c == '*' || c == '?' || c == '[' || c == '\\' {
				prefix = prefix[:i]
				break
			}
		}
		if got := Slot([]byte(prefix + rest)); got != slot {
			t.Fatalf("%q is in slot %d, its pattern %q promises %d", prefix+rest, got, prefix+"*", slot)
		}
	})
}

func BenchmarkSlot(b *testing.B) {
	for _, key := range []string{"user:1", "user:123456789", "session:0123456789abcdef0123456789abcdef", "{user42}:profile"} {
		b.Run(key, func(b *testing.B) {
			k := []byte(key)
			b.ReportAllocs()
			for b.Loop() {
				Slot(k)
			}
		})
	}
}
