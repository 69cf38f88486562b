package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/minicluster"
)

func TestDryRun(t *testing.T) {
	c := fixture(t, minicluster.Config{})
	dir := t.TempDir()
	out := filepath.Join(dir, "out.arrow")
	for _, d := range []struct {
		name  string
		args  []string
		wants []string
	}{
		{"hashes", hashArgs, []string{
			"would write  " + out + ", as arrow\n", "keys         hashes that match user:*", "_key:key,name:utf8,age:int64",
			"commands     HMGET\n", "masters      1 at a time\n", "read from    master\n", "bad cells    fail\n", "promise      yes: a scan",
		}},
		{"TTL, all masters", append(hashArgs, "--ttl", "--concurrency", "all", "--duty", "0.25"), []string{
			"commands     HMGET, TTL\n", "masters      all at once, 0.25 of their time\n",
		}},
		{"strings", []string{"--type", "string", "--value-type", "utf8", "--pattern", "*", "--max-keys-per-second", "500", "--on-parse-error", "null"}, []string{
			"strings that match *", "commands     MGET, GET\n", "at most 500 keys a second", "bad cells    null\n",
		}},
		{"wide hashes", []string{"--type", "hash", "--pattern", "*", "--schema", "a:utf8,b:utf8,c:utf8,d:utf8,e:utf8,f:utf8,g:utf8,h:utf8,i:utf8,j:utf8,k:utf8,l:utf8,m:utf8"}, []string{
			"commands     HLEN, HGETALL, HMGET\n",
		}},
		{"keys alone", []string{"--type", "string", "--pattern", "*", "--schema", "_key:key"}, []string{"commands     TYPE\n"}},
		{"a way that is fixed", append(hashArgs, "--enumerate", "plainscan"), []string{"  plainscan\n"}},
		{"a part of the slots", append(hashArgs, "--slots", "0-10"), []string{"     11  "}},
	} {
		t.Run(d.name, func(t *testing.T) {
			c.ResetLog()
			p := redisarrow(t, exportArgs(c, out, append(d.args, "--dry-run")...)...)
			require.Zero(t, p.status, p.stderr)
			assert.Empty(t, p.stderr)
			for _, want := range d.wants {
				assert.Contains(t, p.stdout, want)
			}
			assert.True(t, strings.HasSuffix(p.stdout, "\nNothing was exported.\n"))
			assert.Empty(t, names(t, dir))
			for _, command := range []string{"SCAN", "HMGET", "HGETALL", "GET", "MGET", "TYPE"} {
				// Each master is asked whether it would be allowed, in a transaction
				// that isn't executed.
				assert.LessOrEqual(t, c.Count(-1, command), len(c.Addrs()), command)
			}
			if d.name != "a part of the slots" {
				for _, addr := range c.Addrs() {
					assert.Contains(t, p.stdout, addr)
				}
			}
		})
	}

	t.Run("parts stay as they are", func(t *testing.T) {
		folder := filepath.Join(dir, "parts")
		require.NoError(t, os.Mkdir(folder, 0o777))
		foreign := filepath.Join(folder, "part-00009.arrow")
		require.NoError(t, os.WriteFile(foreign, nil, 0o666))
		p := redisarrow(t, exportArgs(c, folder+"/", append(hashArgs, "--dry-run", "--checkpoint", filepath.Join(dir, "p"))...)...)
		require.Zero(t, p.status, p.stderr)
		assert.FileExists(t, foreign)
		assert.Equal(t, []string{"parts"}, names(t, dir))
	})
	t.Run("mistakes are mistakes", func(t *testing.T) {
		requireLine(t, redisarrow(t, exportArgs(c, filepath.Join(dir, "no", "x.arrow"), append(hashArgs, "--dry-run")...)...), exitUsage, "folder doesn't exist")
		requireLine(t, redisarrow(t, "export", "--url", "redis://127.0.0.1:1", "--output", out, "--dry-run", "--type", "string", "--pattern", "*"), exitNoConnection, "127.0.0.1:1")
		requireLine(t, redisarrow(t, exportArgs(c, out, append(hashArgs, "--dry-run", "--enumerate", "clusterscan")...)...), exitFailure, "clusterscan")
	})
	t.Run("a cluster that can't be read", func(t *testing.T) {
		c := fixture(t, minicluster.Config{PartialCoverage: true})
		c.Unassign(777)
		p := redisarrow(t, exportArgs(c, out, append(hashArgs, "--dry-run", "--allow-incomplete")...)...)
		assert.Equal(t, exitIncomplete, p.status, p.stderr)
		assert.Contains(t, p.stdout, "promise      no:")
		assert.Contains(t, p.stdout, "redisarrow health")
	})
}
