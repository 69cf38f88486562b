package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/minicluster"
)

func TestDemoEmbedded(t *testing.T) {
	tmp := t.TempDir()
	p := redisarrowIn(t, []string{"TMPDIR=" + tmp}, "demo")
	require.Zero(t, p.status, p.stderr)
	assert.Empty(t, p.stderr)

	folders := names(t, tmp)
	require.Len(t, folders, 1)
	for title, want := range map[string]struct {
		schema string
		rows   int
	}{
		"hashes": {"_key utf8, _ttl int64, name utf8, age int64, score float64, active bool, " +
			"signup_date date32, seen timestamp[ms, tz=UTC]", demoUsers},
		"strings": {"_key utf8, _ttl int64, value utf8", demoEntries},
	} {
		path := filepath.Join(tmp, folders[0], title+".arrow")
		got := readFile(t, path)
		assert.Equal(t, want.schema, got.schema)
		assert.Len(t, got.rows, want.rows)
		assert.Contains(t, p.stdout, path)
		assert.Contains(t, p.stdout, fmt.Sprintf("%d rows in ", want.rows))
	}
	// The first rows, aligned under their names, and a count for each master.
	assert.Regexp(t, regexp.MustCompile(`(?m)^_key +_ttl +name +age +score +active +signup_date +seen *$`), p.stdout)
	assert.Equal(t, 2*headRows, len(regexp.MustCompile(`(?m)^(user|cache):\d+ +-?\d+ +\S`).FindAllString(p.stdout, -1)))
	assert.Equal(t, 2*3, len(regexp.MustCompile(`(?m)^127\.0\.0\.1:\d+ +\d+ rows$`).FindAllString(p.stdout, -1)))
}

func TestDemoIsTheSameEveryTime(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	require.Zero(t, redisarrow(t, "demo", "--output", one).status)
	require.Zero(t, redisarrow(t, "demo", "--output", two).status)
	dropTTL := func(path string) []string {
		var rows []string
		for _, row := range readFile(t, path).rows {
			rows = append(rows, regexp.MustCompile(`^([^|]*)\|[^|]*`).ReplaceAllString(row, "$1"))
		}
		return rows
	}
	for _, file := range []string{"hashes.arrow", "strings.arrow"} {
		assert.Equal(t, dropTTL(filepath.Join(one, file)), dropTTL(filepath.Join(two, file)))
	}
}

// On a cluster of somebody's own the demo looks, and touches nothing.
func TestDemoOwn(t *testing.T) {
	c := fixture(t, minicluster.Config{Password: secret, Record: true})
	c.SetHash("odd\xff", "name", "\xff\xfe", "_key", "a field with the name of the key column")
	c.SetHash("wide", wideFields()...)
	c.SetString("bytes", "\x00\xff")
	c.SetHash("typed:1", "signup", "2024-01-15")
	dir := t.TempDir()

	p := redisarrowIn(t, []string{"REDIS_URL=" + strings.Join(c.URLs(), ",")}, "demo", "--output", dir)
	require.Zero(t, p.status, p.stderr)
	requireNoSecret(t, p, secret)
	assert.Contains(t, p.stdout, "at most 100000 rows")
	hashes := readFile(t, filepath.Join(dir, "hashes.arrow"))
	assert.Len(t, hashes.rows, fixtureUsers+4)
	assert.True(t, strings.HasPrefix(hashes.schema, "_key binary, _ttl int64, name binary, age int64, "), hashes.schema)
	assert.Equal(t, 2+demoFields, len(strings.Split(hashes.schema, ", ")))
	assert.Contains(t, hashes.schema, "signup date32")
	values := readFile(t, filepath.Join(dir, "strings.arrow"))
	assert.Equal(t, "_key binary, _ttl int64, value binary", values.schema)
	assert.Len(t, values.rows, fixtureUsers+2)
	assert.Contains(t, values.rows, `bytes|-1|"\x00\xff"`)

	// Each node's count is its own.
	for node, addr := range c.Addrs() {
		n := 0
		for _, key := range c.Keys(node) {
			if key != "user:list" && key != "user:text" && key != "bytes" && !strings.HasPrefix(key, "counter:") {
				n++
			}
		}
		assert.Regexp(t, regexp.MustCompile(fmt.Sprintf(`(?m)^%s +%d rows$`, regexp.QuoteMeta(addr), n)), p.stdout)
	}
	for _, cmd := range c.Log() {
		name := strings.ToUpper(cmd.Args[0])
		assert.Contains(t, readOnlyCommands, name, "the demo must not write to a cluster that isn't its own")
	}
}

// readOnlyCommands can't change a key.
var readOnlyCommands = []string{
	"HELLO", "AUTH", "CLIENT", "PING", "CLUSTER", "INFO", "COMMAND", "READONLY", "ROLE", "SELECT",
	"SCAN", "HGETALL", "HMGET", "GET", "MGET", "TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME", "TYPE", "HLEN", "STRLEN", "EXISTS", "DBSIZE", "ASKING", "MULTI", "EXEC",
}

// What comes after the look at some keys may not fit: it is null, and counted.
func TestDemoOwnMisfits(t *testing.T) {
	c := fixture(t, minicluster.Config{})
	var once sync.Once
	c.SetFault(func(_, _ int, args [][]byte) *minicluster.Fault {
		if strings.EqualFold(string(args[0]), "HMGET") { // which the look doesn't use
			once.Do(func() { c.SetHash("user:7", "name", "User7", "age", "seven") })
		}
		return nil
	})
	p := redisarrowIn(t, []string{"REDIS_URL=" + c.URLs()[0]}, "demo", "--output", t.TempDir())
	require.Zero(t, p.status, p.stderr)
	assert.Contains(t, p.stdout, "columns _key:binary_key,_ttl:ttl[s],name:utf8,age:int64\n")
	assert.Contains(t, p.stdout, "1 cells that didn't fit their column are null")
	assert.Contains(t, p.stdout, "columns _key:binary_key,_ttl:ttl[s],value:utf8\n", "there is a text among the numbers")
}

func wideFields() []string {
	var pairs []string
	for i := range 40 {
		pairs = append(pairs, fmt.Sprintf("field%02d", i), "x")
	}
	return pairs
}

func TestDemoOwnEmpty(t *testing.T) {
	c := startMini(t, minicluster.Config{})
	dir := t.TempDir()
	p := redisarrowIn(t, []string{"REDIS_URL=" + c.URLs()[1]}, "demo", "--output", dir)
	require.Zero(t, p.status, p.stderr)
	assert.Equal(t, 2, strings.Count(p.stdout, "no rows\n"))
	assert.Equal(t, []string{"hashes.arrow", "strings.arrow"}, names(t, dir))
}

func TestDemoCannotConnect(t *testing.T) {
	tmp := t.TempDir()
	p := redisarrowIn(t, []string{"REDIS_URL=redis://127.0.0.1:1", "TMPDIR=" + tmp}, "demo")
	requireLine(t, p, exitNoConnection, "127.0.0.1:1")
	assert.Empty(t, names(t, tmp), "the temporary folder is gone")
}
