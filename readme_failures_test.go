package redisarrow_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/minicluster"
)

// failure makes one of the examples of README's "When it fails": what is wrong
// with a cluster whose first node is node1:7000, and with the command line.
type failure struct {
	config minicluster.Config
	spoil  func(t *testing.T, c *minicluster.Cluster)
	url    string   // in place of redis://node1:7000
	schema string   // in place of that in the README's quick start
	env    []string // besides the test's
	flags  []string // besides the others
}

func (f failure) args() []string {
	url, columns := f.url, f.schema
	if url == "" {
		url = "redis://node1:7000"
	}
	if columns == "" {
		columns = "name:utf8,age:int64"
	}
	return append([]string{"export", "--url", url, "--type", "hash", "--pattern", "user:*", "--schema", columns, "--output", "users.arrow", "--stall-timeout", "2s"}, f.flags...)
}

// failures are the examples by their titles.
var failures = map[string]failure{
	"Nobody listens there": {spoil: func(_ *testing.T, c *minicluster.Cluster) { c.Close() }},
	"A wrong password":     {config: minicluster.Config{Password: "secret"}, url: "redis://app:guess@node1:7000"},
	"A command is denied": {config: minicluster.Config{Users: map[string]minicluster.User{
		"app": {Password: "secret", Deny: []string{"hmget"}},
	}}, url: "redis://app@node1:7000", env: []string{"REDISARROW_PASSWORD=secret"}},
	"A mistake in the schema": {schema: "name:utf8,age:number"},
	"A text that doesn't fit": {spoil: func(_ *testing.T, c *minicluster.Cluster) {
		c.SetHash("user:17", "name", "Ann", "age", "thirty")
	}},
	"Slots without an owner": {config: minicluster.Config{PartialCoverage: true}, spoil: func(_ *testing.T, c *minicluster.Cluster) {
		c.Unassign(777, 778)
	}},
	"Slots are being moved": {spoil: func(t *testing.T, c *minicluster.Cluster) {
		require.NoError(t, c.OpenMigration(10778, 0))
	}, flags: []string{"--strict"}},
	"A master has failed": {config: minicluster.Config{PartialCoverage: true}, spoil: func(_ *testing.T, c *minicluster.Cluster) {
		c.Kill(2)
		c.SetFailed(2, true)
	}},
	"The cluster is down": {spoil: func(_ *testing.T, c *minicluster.Cluster) {
		c.Kill(2)
		c.SetFailed(2, true)
	}},
	"A master can't be reached": {spoil: func(_ *testing.T, c *minicluster.Cluster) { c.Kill(2) }},
	"A node is announced under another's address": {spoil: func(t *testing.T, c *minicluster.Cluster) {
		c.Misannounce(1, c.Addrs()[2])
	}},
	"A cluster's address that isn't reachable from here": {spoil: func(_ *testing.T, c *minicluster.Cluster) {
		c.Misannounce(1, "redis-2.invalid:7001")
	}},
}

// The messages that README shows are those that come out, but for what differs
// from run to run: … stands for that.
func TestREADMEFailures(t *testing.T) {
	shown := map[string]string{}
	titled := regexp.MustCompile("(?s)\n\\*\\*([^*]+)\\.\\*\\*[^*]*?\n```\n(redisarrow: [^\n]*)\n```\n")
	for _, m := range titled.FindAllStringSubmatch(section(t, "When it fails"), -1) {
		shown[m[1]] = m[2]
	}
	command := buildCommand(t)
	for title, f := range failures {
		t.Run(title, func(t *testing.T) {
			c, err := minicluster.Start(f.config)
			require.NoError(t, err)
			t.Cleanup(c.Close)
			for i := range 100 {
				c.SetHash(fmt.Sprint("user:", i), "name", fmt.Sprint("User ", i), "age", "30")
			}
			addrs := c.Addrs()
			if f.spoil != nil {
				f.spoil(t, c)
			}
			cmd := exec.CommandContext(t.Context(), command, f.args()...)
			for i, arg := range cmd.Args {
				cmd.Args[i] = strings.ReplaceAll(arg, "node1:7000", addrs[0])
			}
			cmd.Dir = t.TempDir()
			cmd.Env = append(os.Environ(), f.env...)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			require.Error(t, cmd.Run())
			said := strings.TrimSuffix(stderr.String(), "\n")
			for i, addr := range addrs {
				said = strings.ReplaceAll(said, addr, fmt.Sprintf("node%d:%d", i+1, 7000+i))
			}
			want := regexp.QuoteMeta(shown[title])
			assert.Regexp(t, "^"+strings.ReplaceAll(want, "…", ".+")+"$", said)
			files, err := os.ReadDir(cmd.Dir)
			require.NoError(t, err)
			assert.Empty(t, files)
		})
		delete(shown, title)
	}
	for title := range shown {
		assert.Fail(t, "an example that isn't tested", title)
	}
}
