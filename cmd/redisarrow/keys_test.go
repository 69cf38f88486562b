package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/glob"
	"github.com/redisarrow/redisarrow/internal/minicluster"
)

// golden compares with a file of testdata, which -update writes.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", filepath.FromSlash(name)+".txt")
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

// shop has what one meets: users, sessions with hash tags, counters, other types,
// and a name that would upset a terminal.
func shop(t *testing.T, cfg minicluster.Config) *minicluster.Cluster {
	t.Helper()
	c := startMini(t, cfg)
	for i := range 120 {
		c.SetHash(fmt.Sprint("user:", i), "name", fmt.Sprint("User", i), "age", fmt.Sprint(20+i%50), "zip", fmt.Sprintf("%05d", 1234+i*700),
			"active", []string{"true", "false"}[i%2], "signup", fmt.Sprintf("2024-01-%02d", 1+i%28), "note", []string{"7", "none", "9"}[i%3])
		if i%4 == 0 {
			c.SetHash(fmt.Sprint("user:", i), "name", "Ann, the first", "age", "unknown")
		}
		key := fmt.Sprintf("session:{%08x}:cart", i*7919)
		c.SetHash(key, "item", fmt.Sprint(i))
		c.Expire(key, time.Hour)
	}
	for i := range 60 {
		c.SetString(fmt.Sprint("counter:2024-01-", i), fmt.Sprint(10*i))
	}
	for i := range 10 {
		c.SetList(fmt.Sprint("queue:", i), "a", "b")
		c.SetSet(fmt.Sprint("tags:", i), "a", "b", "c")
	}
	c.SetString("user:text", "a string among hashes")
	c.SetString("odd\x1b[2J:\xff", "x")
	return c
}

func TestKeys(t *testing.T) {
	for _, c := range []struct {
		name   string
		config minicluster.Config
		user   string
		flags  []string
	}{
		{"all", minicluster.Config{}, "", nil},
		{"pattern", minicluster.Config{}, "", []string{"--pattern", "user:*"}},
		{"one slot", minicluster.Config{}, "", []string{"--pattern", "session:{00001eef}:*"}},
		{"single", minicluster.Config{Standalone: true}, "", nil},
		{"least user", minicluster.Config{}, "least", nil},
		{"nothing", minicluster.Config{}, "", []string{"--pattern", "nobody:*"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.config.Users = map[string]minicluster.User{"least": {Password: "pw", Deny: []string{"memory", "memory|usage", "dbsize", "llen", "scard", "client|setname"}}}
			c.config.Record = true
			mini := shop(t, c.config)
			url := mini.URLs()[0]
			if c.user != "" {
				url = "redis://" + c.user + ":pw@" + mini.Addrs()[0]
			}
			p := redisarrow(t, append([]string{"keys", "--url", url}, c.flags...)...)
			require.Zero(t, p.status, p.stderr)
			assert.Empty(t, p.stderr)
			golden(t, "keys/"+strings.ReplaceAll(c.name, " ", "-"), p.stdout)

			for _, cmd := range mini.Log() {
				name := strings.ToUpper(cmd.Args[0])
				assert.Contains(t, append(readOnlyCommands, "MEMORY", "LLEN", "SCARD"), name, "nothing is changed, and no value is read")
				assert.NotContains(t, []string{"GET", "HGETALL", "HMGET", "MGET"}, name)
			}
			p = redisarrow(t, append([]string{"keys", "--url", url, "--json"}, c.flags...)...)
			require.Zero(t, p.status, p.stderr)
			var r keysReport
			decoder := json.NewDecoder(strings.NewReader(p.stdout))
			decoder.DisallowUnknownFields()
			require.NoError(t, decoder.Decode(&r))
			total := int64(0)
			for _, pattern := range r.Patterns {
				total += pattern.Keys
				assert.True(t, pattern.Exact)
				n := 0
				for node := range mini.Addrs() {
					for _, key := range mini.Keys(node) {
						if glob.Match(pattern.Pattern, key) {
							n++
						}
					}
				}
				assert.GreaterOrEqual(t, n, int(pattern.Keys), "%s can be given to --pattern", pattern.Pattern)
			}
			assert.EqualValues(t, r.Sampled, total)
			assert.True(t, r.Whole)
		})
	}
}

// Of a part of the keys the whole is estimated.
func TestKeysEstimate(t *testing.T) {
	for _, config := range []minicluster.Config{{}, {SlotTables: true}} {
		c := startMini(t, config)
		for i := range 6000 {
			c.SetHash(fmt.Sprint("user:", i), "f", "1")
			if i%3 == 0 {
				c.SetString(fmt.Sprint("s:", i), "1")
			}
		}
		p := redisarrow(t, "keys", "--url", c.URLs()[0], "--sample", "800", "--json")
		require.Zero(t, p.status, p.stderr)
		var r keysReport
		require.NoError(t, json.Unmarshal([]byte(p.stdout), &r))
		require.Len(t, r.Patterns, 2)
		assert.False(t, r.Whole)
		assert.InDelta(t, 800, r.Sampled, 10)
		assert.EqualValues(t, 8000, *r.Keys)
		assert.Equal(t, "user:*", r.Patterns[0].Pattern)
		assert.InDelta(t, 6000, r.Patterns[0].Keys, 1600, "slots next to each other have names that are alike: the sample is a little lumpy")
		assert.InDelta(t, 2000, r.Patterns[1].Keys, 1600)
		assert.False(t, r.Patterns[0].Exact)

		p = redisarrow(t, "keys", "--url", c.URLs()[0], "--sample", "100", "--pattern", "s:*")
		require.Zero(t, p.status, p.stderr)
		assert.Regexp(t, `(?m)^s:\* +string +yes +~\d+ +100% +\S+B +\S+B +0%$`, p.stdout)
	}
}

func TestKeysFails(t *testing.T) {
	requireLine(t, redisarrow(t, "keys"), exitUsage, "--url is missing")
	requireLine(t, redisarrow(t, "keys", "--url", "redis://127.0.0.1:1"), exitNoConnection, "127.0.0.1:1", "connection refused")
	requireLine(t, redisarrow(t, "keys", "--url", "redis://127.0.0.1:1", "--within", "0s"), exitUsage, "--within")
	requireLine(t, redisarrow(t, "keys", "--url", "redis://127.0.0.1:1", "more"), exitUsage, "unexpected argument")
	users := map[string]minicluster.User{"u": {Password: "hunter22", Deny: []string{"type"}}}
	c := shop(t, minicluster.Config{Users: users})
	p := redisarrow(t, "keys", "--url", "redis://u:hunter22@"+c.Addrs()[0])
	requireLine(t, p, exitFailure, "TYPE", "NOPERM", "ACL SETUSER")
	requireNoSecret(t, p, "hunter22")
}

// More patterns than are shown, and a bar for those that are long.
func TestKeysMany(t *testing.T) {
	c := startMini(t, minicluster.Config{})
	for i := range 60 {
		word := strings.Repeat(string(rune('a'+i%26)), 2+i/26)
		for n := range 4 { // words with many keys stay
			c.SetString(fmt.Sprintf("%s:%d", word, n), "x")
		}
	}
	p := redisarrow(t, "keys", "--url", c.URLs()[0])
	require.Zero(t, p.status, p.stderr)
	assert.Contains(t, p.stdout, "\nand 10 patterns more: narrow the keys with --pattern\n")
	assert.Contains(t, p.stdout, "\naa:*  ")
}

func TestPercent(t *testing.T) {
	for _, c := range []struct {
		part, whole float64
		want        string
	}{{0, 10, "0%"}, {1, 1000, "<1%"}, {1, 3, "33%"}, {999, 1000, ">99%"}, {10, 10, "100%"}, {0, 0, "0%"}} {
		assert.Equal(t, c.want, percent(c.part, c.whole))
	}
}
