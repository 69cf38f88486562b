package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/schema"
)

func TestInfer(t *testing.T) {
	for _, c := range []struct {
		name  string
		flags []string
		want  string
	}{
		{"hashes", []string{"--type", "hash", "--pattern", "user:*"}, "name:utf8,age:utf8,zip:utf8,active:boolean,signup:date32,note:utf8"},
		{"types", []string{"--type", "hash", "--pattern", "user:*", "--types", "age:int8, note:int64, later:timestamp[ms,UTC]", "--no-values"}, ""},
		{"sessions", []string{"--pattern", "session:*"}, "item:int64"},
		{"strings", []string{"--pattern", "counter:*"}, "value:int64"},
		{"string", []string{"--type", "string", "--pattern", "user:*", "--no-values"}, "value:utf8"},
		{"odd", []string{"--pattern", "odd*"}, "_key:binary_key,value:utf8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			mini := shop(t, minicluster.Config{})
			p := redisarrow(t, append([]string{"infer", "--url", mini.URLs()[0]}, c.flags...)...)
			require.Zero(t, p.status, p.stderr)
			golden(t, "infer/"+c.name, p.stderr+"---\n"+p.stdout)
			assert.Equal(t, 1, strings.Count(p.stdout, "\n"), "the schema alone")
			if c.want != "" {
				assert.Equal(t, c.want+"\n", p.stdout)
			}
			_, err := schema.ParseHash(p.stdout)
			require.NoError(t, err)
		})
	}
}

// --schema "$(redisarrow infer …)" in a real shell, with names that a shell or a
// terminal could stumble over.
func TestInferShell(t *testing.T) {
	c := shop(t, minicluster.Config{})
	c.SetHash("odd:1", "it's", "1", `a "quote"`, "2", "$HOME `x`", "3", "esc\x1b\u009b\U000e0001", "4", "_key", "5", "日本", "6")
	dir := t.TempDir()
	run := func(pattern, more string) (stderr string) {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", fmt.Sprintf(
			`exec "$R" export --url %[1]s --type hash --pattern '%[2]s' --output "$D/out.arrow" --schema "$("$R" infer --url %[1]s --type hash --pattern '%[2]s' 2>"$D/table")" %[3]s`,
			c.URLs()[0], pattern, more))
		cmd.Env = []string{"R=" + binary, "D=" + dir, "PATH=" + os.Getenv("PATH")}
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return string(out)
	}
	summary := summaryOf(t, run("session:*", "--ttl"))
	assert.Equal(t, "120", summary["rows"])
	assert.Equal(t, "_key utf8, _ttl int64, item int64", readFile(t, filepath.Join(dir, "out.arrow")).schema)

	run("odd:*", "")
	got := readFile(t, filepath.Join(dir, "out.arrow"))
	assert.Equal(t, []string{"odd:1|1|2|3|4|5|6"}, got.rows)
	assert.Equal(t, "_key_ utf8, it's int64, a \"quote\" int64, $HOME `x` int64, esc\x1b\u009b\U000e0001 int64, _key int64, 日本 int64", got.schema)
	table, err := os.ReadFile(filepath.Join(dir, "table"))
	require.NoError(t, err)
	for _, r := range string(table) {
		assert.True(t, r == '\n' || r >= ' ' && r != 0x9b && r != 0xe0001, "%q", r)
	}
}

func TestInferFails(t *testing.T) {
	c := shop(t, minicluster.Config{})
	url := []string{"infer", "--url", c.URLs()[0]}
	for _, r := range []struct {
		args   []string
		status int
		want   []string
	}{
		{[]string{"--pattern", "user:*"}, exitUsage, []string{"--type is missing", "hash (120), string (1)", "give hash or string"}},
		{[]string{"--pattern", "queue:*"}, exitFailure, []string{"no hash and no string", "list (10)", "check the pattern"}},
		{[]string{"--pattern", "nobody:*"}, exitFailure, []string{`no key matches "nobody:*"`, "check the pattern"}},
		{[]string{"--type", "hash", "--pattern", "nobody:*"}, exitFailure, []string{`no hash matches "nobody:*"`, "check the pattern"}},
		{[]string{"--type", "hash", "--pattern", "*", "--within", "1ns"}, exitFailure, []string{"allow for more time"}},
		{nil, exitUsage, []string{"--pattern is missing"}},
		{[]string{"--pattern", "*", "--type", "list"}, exitUsage, []string{"hash or string"}},
		{[]string{"--pattern", "*", "--sample", "-1"}, exitUsage, []string{"--sample", "from 1"}},
		{[]string{"--pattern", "*", "--within", "-1s"}, exitUsage, []string{"--within"}},
		{[]string{"--pattern", "*", "--types", "a"}, exitUsage, []string{"--types"}},
		{[]string{"--type", "string", "--pattern", "*", "--types", "a:utf8"}, exitUsage, []string{"--types", `"value"`}},
	} {
		requireLine(t, redisarrow(t, append(url, r.args...)...), r.status, r.want...)
	}
}

// Export without a schema infers it, says what it took, and makes bad cells null.
func TestExportInfers(t *testing.T) {
	c := shop(t, minicluster.Config{})
	dir := t.TempDir()
	path := filepath.Join(dir, "out.arrow")
	for _, e := range []struct {
		name   string
		flags  []string
		said   string // on standard error, first
		schema string
		rows   int
	}{
		{"type and schema", []string{"--pattern", "session:*", "--ttl"}, "all 120 keys: --type hash --schema 'item:int64'", "_key utf8, _ttl int64, item int64", 120},
		{"schema", []string{"--type", "hash", "--pattern", "user:1*", "--types", "age:int8"}, "--schema 'name:utf8,age:int8,zip:utf8,", "_key utf8, name utf8, age int8, zip utf8, active bool, signup date32, note utf8", 31},
		{"strings", []string{"--pattern", "counter:*", "--key="}, "--type string --schema 'value:int64'", "value int64", 60},
		{"a key that isn't UTF-8", []string{"--pattern", "odd*"}, "--schema '_key:binary_key,value:utf8'", "_key binary, value utf8", 1},
		{"and is called otherwise", []string{"--pattern", "odd*", "--key=id"}, "--schema 'id:binary_key,value:utf8'", "id binary, value utf8", 1},
		{"and isn't wanted", []string{"--pattern", "odd*", "--key="}, "--schema 'value:utf8'", "value utf8", 1},
		{"a part of the slots", []string{"--pattern", "session:*", "--partition", "1/2"}, "--schema 'item:int64'", "_key utf8, item int64", -1},
		{"no strings", []string{"--type", "string", "--pattern", "nobody:*"}, "from no string at all: --type string --schema 'value:utf8'", "_key utf8, value utf8", 0},
	} {
		t.Run(e.name, func(t *testing.T) {
			p := redisarrow(t, exportArgs(c, path, e.flags...)...)
			require.Zero(t, p.status, p.stderr)
			first, rest, _ := strings.Cut(p.stderr, "\n")
			assert.True(t, strings.HasPrefix(first, "redisarrow: the schema is inferred from "), first)
			assert.Contains(t, first, e.said)
			misfits := "0"
			if e.name == "schema" {
				misfits = "7" // of the type that was given: unknown ages
			}
			assert.Equal(t, misfits, summaryOf(t, rest)["parse failures"])
			got := readFile(t, path)
			assert.Equal(t, e.schema, got.schema)
			if e.rows >= 0 {
				assert.Len(t, got.rows, e.rows)
			}
		})
	}

	t.Run("type alone", func(t *testing.T) {
		p := redisarrow(t, exportArgs(c, path, "--pattern", "session:*", "--schema", "item:utf8")...)
		require.Zero(t, p.status, p.stderr)
		assert.Equal(t, "_key utf8, item utf8", readFile(t, path).schema)
		assert.Len(t, summaryOf(t, p.stderr), 9)
		p = redisarrow(t, exportArgs(c, path, "--pattern", "session:*", "--value-type", "utf8")...)
		requireLine(t, p, exitUsage, "--value-type is for strings")
	})

	t.Run("misfits", func(t *testing.T) {
		var once *sync.Once
		c.SetFault(func(_, _ int, args [][]byte) *minicluster.Fault {
			if strings.EqualFold(string(args[0]), "HMGET") { // the look is over
				once.Do(func() { c.SetHash("session:{00001eef}:cart", "item", "seven") })
			}
			return nil
		})
		defer c.SetFault(nil)
		whole := func(flags ...string) process {
			c.SetHash("session:{00001eef}:cart", "item", "7")
			once = new(sync.Once)
			return redisarrow(t, exportArgs(c, path, append([]string{"--pattern", "session:*"}, flags...)...)...)
		}
		p := whole()
		require.Zero(t, p.status, p.stderr)
		_, rest, _ := strings.Cut(p.stderr, "\n")
		assert.Equal(t, "1", summaryOf(t, rest)["parse failures"])
		assert.Contains(t, readFile(t, path).rows, "session:{00001eef}:cart|null")
		p = whole("--on-parse-error", "skip")
		require.Zero(t, p.status, p.stderr)
		assert.Len(t, readFile(t, path).rows, 119)
		p = whole("--on-parse-error", "fail")
		require.Equal(t, exitBadCells, p.status)
		assert.Contains(t, p.stderr, `"seven" does not fit int64`)
	})

	t.Run("refused", func(t *testing.T) {
		p := redisarrow(t, exportArgs(c, filepath.Join(dir, "none.arrow"), "--pattern", "user:*")...)
		requireLine(t, p, exitUsage, "--type is missing", "hash (120), string (1)")
		p = redisarrow(t, exportArgs(c, filepath.Join(dir, "none.arrow"), "--type", "hash", "--pattern", "nobody:*")...)
		requireLine(t, p, exitFailure, "no hash matches", "--schema")
		assert.Equal(t, []string{"out.arrow"}, names(t, dir))
	})
}

// An export in parts goes on with the schema that it began with, whatever another
// look would say.
func TestPartsInfer(t *testing.T) {
	c := startMini(t, minicluster.Config{})
	for i := range 60 {
		c.SetHash(fmt.Sprint("user:", i), "name", fmt.Sprint("User", i), "age", fmt.Sprint(i))
	}
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	args := exportArgs(c, out+"/", "--checkpoint", filepath.Join(dir, "progress"), "--part-rows", "7", "--pattern", "user:*", "--on-parse-error", "fail")

	bad := c.Keys(2)[0] // of the last master
	var once sync.Once
	c.SetFault(func(_, _ int, args [][]byte) *minicluster.Fault {
		if strings.EqualFold(string(args[0]), "HMGET") { // the look is over
			once.Do(func() { c.SetHash(bad, "name", "Bad", "age", "old") })
		}
		return nil
	})
	p := redisarrow(t, args...)
	require.Equal(t, exitBadCells, p.status, p.stderr)
	assert.Contains(t, p.stderr, "the same command goes on")
	c.SetFault(nil)
	known, parts := readParts(t, out)
	require.NotZero(t, parts)

	// Another look would give other columns.
	c.SetHash(bad, "name", "Bad", "age", "1", "more", "x")
	p = redisarrow(t, append(args, "--type", "string")...)
	requireLine(t, p, exitUsage, "--type string", "--type hash")
	p = redisarrow(t, args...)
	require.Zero(t, p.status, p.stderr)
	assert.Contains(t, p.stderr, "the schema is the one that this export began with: --type hash --schema 'name:utf8,age:int64'\n")
	rows, _ := readParts(t, out)
	assert.Subset(t, rows, known)
	assert.Len(t, rows, 60)
	assert.Contains(t, rows, bad+"|Bad|1")

	// Begun anew, it is another one.
	require.NoError(t, os.RemoveAll(out))
	require.NoError(t, os.Remove(filepath.Join(dir, "progress")))
	p = redisarrow(t, args...)
	require.Zero(t, p.status, p.stderr)
	assert.Contains(t, p.stderr, "inferred from all 60 keys: --type hash --schema 'name:utf8,age:int64,more:utf8'\n")
}
