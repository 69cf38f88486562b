package iterator_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/convert"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// inferCases are acceptance group P: a field and the values that it has in some
// hashes; "-" is a hash without it.
var inferCases = []struct {
	field  string
	values []string
	want   string
}{
	{"ints", []string{"1", "42", "-10"}, "int64"},
	{"floats", []string{"1", "42.5"}, "float64"},
	{"truths", []string{"true", "false", "True"}, "boolean"},
	{"bits", []string{"1", "0"}, "int64"},
	{"words", []string{"hello", "123abc"}, "utf8"},
	{"gaps", []string{"42", "-", "100"}, "int64"},
	{"day", []string{"2024-01-15"}, "date32"},
	{"moment", []string{"2024-01-15T10:30:00Z"}, "timestamp[us,UTC]"},
	{"mixed", []string{"1", "2", "3", "hello", "world"}, "utf8"},
	{"hex", []string{"0xFF", " "}, "utf8"},
	{"odd name", []string{"   "}, "utf8"},
	{"bytes", []string{"\xff\xfe\x00"}, "binary"},
}

// Acceptance group P, from the servers to the scan, on hashes and on strings.
func TestInfer(t *testing.T) {
	onAny(t, func(t *testing.T, on place) {
		ctx := context.Background()
		for i := range 5 {
			pairs := []any{"all", i}
			for _, c := range inferCases {
				if i < len(c.values) && c.values[i] != "-" {
					pairs = append(pairs, c.field, c.values[i])
				}
			}
			require.NoError(t, on.admin.HSet(ctx, fmt.Sprint("h:", i), pairs...).Err())
		}
		require.NoError(t, on.admin.LPush(ctx, "h:list", "x").Err())
		require.NoError(t, on.admin.Set(ctx, "h:string", "x", 0).Err())
		found, err := iterator.InferHash(ctx, on.rdb, iterator.InferConfig{Pattern: "h:*"})
		require.NoError(t, err)
		assert.EqualValues(t, 5, found.Keys)
		assert.True(t, found.All)
		assert.Zero(t, found.PassedOver)
		assert.True(t, strings.HasPrefix(found.Schema.String(), "_key:key,all:int64,"), found.Schema)
		types := map[string]string{}
		for _, c := range found.Schema.Fields() {
			types[c.Name()] = c.String()
			assert.True(t, c.Nullable())
		}
		for _, c := range inferCases {
			_, typ, _ := strings.Cut(types[c.field], ":")
			assert.Equal(t, c.want, typ, c.field)
		}
		got := readAll(hashes(t, on.rdb, found.Schema.String(), iterator.Config{Pattern: "h:*"})) // Fail is the default
		require.NoError(t, got.err)
		assert.Len(t, got.rows, 5)

		for n, c := range inferCases {
			if slices.Contains(c.values, "-") {
				continue
			}
			pattern := fmt.Sprintf("s:%d:*", n)
			for i, value := range c.values {
				require.NoError(t, on.admin.Set(ctx, fmt.Sprintf("s:%d:%d", n, i), value, 0).Err())
			}
			found, err := iterator.InferString(ctx, on.rdb, iterator.InferConfig{Pattern: pattern})
			require.NoError(t, err)
			assert.Equal(t, "_key:key,value:"+c.want, found.Schema.String())
			got := readAll(strs(t, on.rdb, found.Schema.String(), iterator.Config{Pattern: pattern}))
			require.NoError(t, got.err)
			assert.Len(t, got.rows, len(c.values))
		}
	})
}

// Keys of all masters are sampled: each master's have a field of their own. However
// the keys are listed.
func TestInferAllMasters(t *testing.T) {
	deny := func(commands ...string) map[string]minicluster.User {
		return map[string]minicluster.User{"u": {Password: "pw", Deny: commands}}
	}
	for _, c := range []struct {
		name   string
		config minicluster.Config
		not    string // is never sent again after it was refused
	}{
		{"one table", minicluster.Config{}, ""},
		{"a table a slot", minicluster.Config{SlotTables: true}, ""},
		{"valkey", minicluster.Config{Valkey: "9.1.0"}, ""},
		{"no SCAN", minicluster.Config{Users: deny("scan")}, "SCAN"},
		{"no DBSIZE, no INFO", minicluster.Config{Users: deny("dbsize", "info")}, ""},
		{"no GETKEYSINSLOT", minicluster.Config{Users: deny("cluster|getkeysinslot")}, ""},
		{"many masters", minicluster.Config{Masters: 17}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server, rdb := fake(t, c.config)
			if c.config.Users != nil {
				rdb = fakeClient(t, server, func(o *redis.ClusterOptions) { o.Username, o.Password = "u", "pw" })
			}
			const keys = 3000
			for i := range keys {
				server.SetHash(fmt.Sprint("user:", i), "all", fmt.Sprint(i))
				server.SetString(fmt.Sprint("noise:", i), "x")
			}
			masters := len(server.Addrs())
			for node := range masters {
				for _, key := range server.Keys(node) {
					if strings.HasPrefix(key, "user:") {
						server.SetHash(key, "all", "1", fmt.Sprint("only", node), "x")
					}
				}
			}
			found, err := iterator.InferHash(t.Context(), rdb, iterator.InferConfig{Pattern: "user:*", Keys: 100})
			require.NoError(t, err)
			require.Len(t, found.Nodes, masters)
			require.Len(t, found.Fields, 1+masters)
			assert.InDelta(t, 100, found.Keys, float64(masters))
			assert.False(t, found.All)
			for _, n := range found.Nodes {
				assert.InDelta(t, 100/masters, n.Keys, 12, n.Addr)
			}
			if c.not != "" {
				assert.LessOrEqual(t, server.Count(-1, c.not), masters)
			}

			// Where one master has them all, it gives them all.
			server.SetHash("{tag}:1", "f", "1")
			for i := range 60 {
				server.SetHash(fmt.Sprint("rare{tag}", i), "f", "1")
			}
			found, err = iterator.InferHash(t.Context(), rdb, iterator.InferConfig{Pattern: "rare*", Keys: 50})
			require.NoError(t, err)
			assert.EqualValues(t, 50, found.Keys)
			found, err = iterator.InferHash(t.Context(), rdb, iterator.InferConfig{Pattern: "rare*", Keys: 500})
			require.NoError(t, err)
			assert.EqualValues(t, 60, found.Keys)
			assert.True(t, found.All)
		})
	}
}

// A server that isn't part of a cluster, slots, and a pattern for one slot.
func TestInferWhere(t *testing.T) {
	alone, err := minicluster.Start(minicluster.Config{Standalone: true})
	require.NoError(t, err)
	defer alone.Close()
	single := redis.NewClient(&redis.Options{Addr: alone.Addrs()[0]})
	defer single.Close()
	server, rdb := fake(t, minicluster.Config{})
	for i := range 200 {
		for _, c := range []*minicluster.Cluster{alone, server} {
			c.SetHash(fmt.Sprintf("{u%d}:a", i), "f", fmt.Sprint(i))
		}
	}
	for _, client := range []redis.UniversalClient{single, rdb} {
		found, err := iterator.InferHash(t.Context(), client, iterator.InferConfig{})
		require.NoError(t, err)
		assert.EqualValues(t, 200, found.Keys)
		assert.True(t, found.All)

		found, err = iterator.InferHash(t.Context(), client, iterator.InferConfig{Pattern: "{u7}:*"})
		require.NoError(t, err)
		assert.EqualValues(t, 1, found.Keys)
		assert.Len(t, found.Nodes, 1)

		one, err := cluster.ParseRanges("0-8191")
		require.NoError(t, err)
		found, err = iterator.InferHash(t.Context(), client, iterator.InferConfig{Slots: one})
		require.NoError(t, err)
		want := 0
		for i := range 200 {
			if slot := minicluster.Slot(fmt.Sprintf("u%d", i)); slot < 8192 {
				want++
			}
		}
		assert.EqualValues(t, want, found.Keys)
	}
}

func TestInferColumns(t *testing.T) {
	server, rdb := fake(t, minicluster.Config{})
	server.SetHash("a:1", "name", "x", "age", "7", "_key", "x")
	server.SetHash("a:\xff", "name", "x", "age", "seven", "\xff", "no name")
	types, err := schema.ParseHash("age:int8,born:date32")
	require.NoError(t, err)
	found, err := iterator.InferHash(t.Context(), rdb, iterator.InferConfig{Pattern: "a:*", Types: types.Fields(), Examples: -1, MaxFields: 1})
	require.NoError(t, err)
	assert.Equal(t, "_key:binary_key,name:utf8,age:int8,born:date32", found.Schema.String())
	assert.EqualValues(t, 1, found.BinaryKeys)
	assert.EqualValues(t, 1, found.Beyond)
	assert.EqualValues(t, 1, found.Unnamed)
	for _, f := range found.Fields {
		assert.Empty(t, f.Examples)
		if f.Column.Name() == "age" {
			assert.True(t, f.Given)
			assert.EqualValues(t, 1, f.Fits)
			assert.EqualValues(t, 2, f.Present)
		}
	}
	found, err = iterator.InferHash(t.Context(), rdb, iterator.InferConfig{Pattern: "a:*"})
	require.NoError(t, err)
	assert.Equal(t, "_key_:binary_key,name:utf8,age:utf8,_key:utf8", found.Schema.String())
	found, err = iterator.InferHash(t.Context(), rdb, iterator.InferConfig{Pattern: "a:*", Columns: []schema.Column{}})
	require.NoError(t, err)
	assert.Equal(t, "name:utf8,age:utf8,_key:utf8", found.Schema.String())
	_, err = iterator.InferHash(t.Context(), rdb, iterator.InferConfig{Pattern: "a:*", Columns: []schema.Column{schema.Key("age")}})
	var mistake *schema.Error
	require.ErrorAs(t, err, &mistake)
}

// Giants aren't read whole, and stay what they are.
func TestInferGiants(t *testing.T) {
	users := map[string]minicluster.User{"u": {Password: "pw", Deny: []string{"hscan", "getrange"}}}
	server, rdb := fake(t, minicluster.Config{Users: users, Record: true})
	var pairs []string
	for i := range 5000 {
		pairs = append(pairs, fmt.Sprint("id", i), "1")
	}
	server.SetHash("map", pairs...)
	text := strings.Repeat("é", 100_000)
	server.SetHash("long", "text", text, "broken", text[:len(text)-1], "at the end", text+"\xff", "early", "\xff"+text, "cut", "x"+text)
	server.SetString("huge", strings.Repeat("9", 2<<20))

	found, err := iterator.InferHash(t.Context(), rdb, iterator.InferConfig{Pattern: "long"})
	require.NoError(t, err)
	assert.Equal(t, `_key:key,text:utf8,broken:binary,"at the end":binary,early:binary,cut:utf8`, found.Schema.String())
	for _, f := range found.Fields {
		assert.Less(t, len(f.Examples[0]), 110)
	}
	got := readAll(hashes(t, rdb, found.Schema.String(), iterator.Config{Pattern: "long"}))
	require.NoError(t, got.err)

	server.ResetLog()
	found, err = iterator.InferHash(t.Context(), rdb, iterator.InferConfig{Pattern: "map"})
	require.NoError(t, err)
	assert.Len(t, found.Fields, 512)
	assert.Zero(t, server.Count(-1, "HGETALL"))
	values, err := iterator.InferString(t.Context(), rdb, iterator.InferConfig{})
	require.NoError(t, err)
	assert.Equal(t, "_key:key,value:utf8", values.Schema.String())
	assert.Zero(t, server.Count(-1, "GET"))

	rdb = fakeClient(t, server, func(o *redis.ClusterOptions) { o.Username, o.Password = "u", "pw" })
	found, err = iterator.InferHash(t.Context(), rdb, iterator.InferConfig{})
	require.NoError(t, err)
	assert.EqualValues(t, 1, found.Keys)
	assert.EqualValues(t, 1, found.PassedOver)
	assert.False(t, found.All)
	_, err = iterator.InferString(t.Context(), rdb, iterator.InferConfig{})
	require.ErrorIs(t, err, iterator.ErrNoKeys)
	assert.ErrorContains(t, err, "GETRANGE")
}

func TestInferFails(t *testing.T) {
	users := map[string]minicluster.User{
		"noread": {Password: "pw", Deny: []string{"hgetall", "get"}},
		"nolist": {Password: "pw", Deny: []string{"scan", "cluster|getkeysinslot"}},
		"nolens": {Password: "pw", Deny: []string{"hlen", "strlen"}},
	}
	server, rdb := fake(t, minicluster.Config{Users: users})
	server.SetHash("h", "f", "1")
	server.SetString("s", "1")
	as := func(name string) *redis.ClusterClient {
		return fakeClient(t, server, func(o *redis.ClusterOptions) { o.Username, o.Password = name, "pw" })
	}
	ctx := t.Context()
	hash := func(rdb redis.UniversalClient, config iterator.InferConfig) error {
		_, err := iterator.InferHash(ctx, rdb, config)
		return err
	}
	str := func(rdb redis.UniversalClient, config iterator.InferConfig) error {
		_, err := iterator.InferString(ctx, rdb, config)
		return err
	}
	require.NoError(t, hash(as("nolens"), iterator.InferConfig{}))
	require.NoError(t, str(as("nolens"), iterator.InferConfig{}))
	for _, infer := range []func(redis.UniversalClient, iterator.InferConfig) error{hash, str} {
		var node *iterator.NodeError
		require.ErrorAs(t, infer(as("noread"), iterator.InferConfig{}), &node)
		assert.Contains(t, []string{"HGETALL", "GET"}, node.Command)
		require.ErrorAs(t, infer(as("nolist"), iterator.InferConfig{}), &node)
		assert.Equal(t, "CLUSTER GETKEYSINSLOT", node.Command)

		err := infer(rdb, iterator.InferConfig{Pattern: "nobody:*"})
		require.ErrorIs(t, err, iterator.ErrNoKeys)
		require.ErrorContains(t, err, `matches "nobody:*": check the pattern`)
		for _, config := range []iterator.InferConfig{{Keys: -1}, {Limit: -1}, {MaxFields: -1}} {
			require.ErrorIs(t, infer(rdb, config), iterator.ErrConfig)
		}
		err = infer(rdb, iterator.InferConfig{Limit: time.Nanosecond})
		require.ErrorIs(t, err, iterator.ErrNoKeys)
		require.ErrorContains(t, err, "allow for more time")
	}
	err := str(rdb, iterator.InferConfig{Types: []schema.Column{schema.Utf8("f")}})
	require.ErrorIs(t, err, iterator.ErrConfig)
	require.ErrorContains(t, err, `"value"`)

	var cancel context.CancelFunc
	ctx, cancel = context.WithCancel(ctx)
	server.SetFault(func(_, _ int, args [][]byte) *minicluster.Fault {
		if strings.EqualFold(string(args[0]), "HGETALL") {
			return &minicluster.Fault{Before: cancel}
		}
		return nil
	})
	require.ErrorIs(t, hash(rdb, iterator.InferConfig{}), context.Canceled)
}

// A server that falls silent in the middle ends the sample when the time is over:
// what has come by then counts.
func TestInferLimit(t *testing.T) {
	server, rdb := fake(t, minicluster.Config{})
	for i := range 300 {
		server.SetHash(fmt.Sprint("h", i), "f", fmt.Sprint(i))
	}
	silent := make(chan struct{})
	t.Cleanup(func() { close(silent) })
	server.SetFault(func(node, _ int, args [][]byte) *minicluster.Fault {
		if node == 2 && strings.EqualFold(string(args[0]), "HGETALL") {
			return &minicluster.Fault{Before: func() { <-silent }}
		}
		return nil
	})
	found, err := iterator.InferHash(t.Context(), rdb, iterator.InferConfig{Limit: 300 * time.Millisecond})
	require.NoError(t, err)
	assert.True(t, found.Over)
	assert.False(t, found.All)
	assert.Greater(t, found.Keys, int64(100))
	assert.Equal(t, "_key:key,f:int64", found.Schema.String())
}

// A scan with the inferred schema doesn't fail on the sampled rows, whatever they
// are.
func TestInferProperty(t *testing.T) {
	pieces := []string{
		"", "0", "1", "-1", "007", "+5", "-0", "42", "9223372036854775807", "9223372036854775808", "18446744073709551616", "-9223372036854775809",
		"3.5", ".5", "5.", "1e3", "1e309", "1e-400", "nan", "inf", "-Infinity", "9007199254740993", "true", "False", "t", "f", "y", "N", "yes",
		"2024-01-15", "2023-02-29", "2024-01-15T10:30:00", "2024-01-15 10:30", "2024-01-15T10:30:00.123456789Z", "2024-01-15T10:30:00+05:30",
		"0001-01-01T00:00:00", "9999-12-31T23:59:59Z", "1705315800", "1705315800.5", " ", "é", "\xff", "0xFF", "a,b", strings.Repeat("x", 70_000), strings.Repeat("1", 400),
	}
	seeds := uint64(20)
	if testing.Short() {
		seeds = 6
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			server, rdb := fake(t, minicluster.Config{Seed: seed})
			fields := []string{"a", "b", "odd name", "quote\"", "_key", "\xff", "", "ü"}
			var some []string // that this one's values are taken from
			for range 1 + random.IntN(4) {
				some = append(some, pieces[random.IntN(len(pieces))])
			}
			for i := range 1 + random.IntN(30) {
				var pairs []string
				for _, f := range fields {
					if random.IntN(4) > 0 {
						pairs = append(pairs, f, some[random.IntN(len(some))])
					}
				}
				key := fmt.Sprint("k", i)
				if random.IntN(50) == 0 {
					key += "\xff"
				}
				server.SetHash(key, append(pairs, "z", "z")...)
				server.SetString("s"+key, some[random.IntN(len(some))])
			}
			found, err := iterator.InferHash(t.Context(), rdb, iterator.InferConfig{})
			require.NoError(t, err)
			require.True(t, found.All)
			got := readAll(hashes(t, rdb, found.Schema.String(), iterator.Config{OnParseError: convert.Fail}))
			require.NoError(t, got.err, "%s", found.Schema)
			require.EqualValues(t, found.Keys, len(got.rows))
			values, err := iterator.InferString(t.Context(), rdb, iterator.InferConfig{})
			require.NoError(t, err)
			got = readAll(strs(t, rdb, values.Schema.String(), iterator.Config{OnParseError: convert.Fail}))
			require.NoError(t, got.err, "%s", values.Schema)
			require.EqualValues(t, values.Keys, len(got.rows))
		})
	}
}
