package testcluster

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What the table of layouts promises, on every server.
func TestEverywhere(t *testing.T) {
	Everywhere(t, func(t *testing.T, d *Deployment) {
		ctx := within(t, 20*time.Second)
		assert.Equal(t, d.Layout.Config.Replicas*3+3, len(d.Nodes()))
		assert.Equal(t, d.Layout.Config.TLS, strings.HasPrefix(d.URL(0), "rediss://"), d.URL(0))
		fill(t, d.Client(t), "key:%d", 10)
		reader := d.Reader(t)
		assert.Equal(t, "7", reader.Get(ctx, "key:7").Val())
		err := reader.Set(ctx, "key:7", "x", 0).Err()
		if d.Layout.Least {
			require.ErrorContains(t, err, "NOPERM")
		} else {
			require.NoError(t, err)
		}
		d.Flush(t)
		require.Empty(t, d.Client(t).Get(ctx, "key:7").Val())
	})
}

// The next test gets the same processes, without a key.
func TestSharedByTests(t *testing.T) {
	server := Require(t)[0]
	var pids [2]int
	for i := range pids {
		t.Run("a test", func(t *testing.T) {
			d := Shared(t, server, Masters)
			pids[i] = d.Pid(0)
			n, err := d.Client(t).DBSize(t.Context()).Result()
			require.NoError(t, err)
			assert.Zero(t, n)
			fill(t, d.Client(t), "key:%d", 10)
		})
	}
	assert.Equal(t, pids[0], pids[1])
}

func TestLeastUser(t *testing.T) {
	user, err := LeastUser()
	require.NoError(t, err)
	assert.Contains(t, user.Rule, " -@all +")
	rights := strings.TrimPrefix(user.Rule, user.Name+" on >"+user.Password+" ")
	assert.Equal(t, User{"ann", "pass", "ann on >pass " + rights}, user.As("ann", "pass"))

	dir := t.TempDir()
	below := filepath.Join(dir, "a", "b")
	require.NoError(t, os.MkdirAll(below, 0o700))
	t.Chdir(below)
	_, err = LeastUser()
	require.ErrorContains(t, err, "no module")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), nil, 0o600))
	_, err = LeastUser()
	require.ErrorIs(t, err, os.ErrNotExist)
	for text, want := range map[string]string{
		"# nothing\n":                           "has 0 lines",
		"ACL SETUSER a on\nACL SETUSER b on\n":  "has 2 lines",
		"```\nACL SETUSER a on ~* -@all\n```\n": "no password",
		"ACL SETUSER a >secret on -@all\n":      "doesn't begin",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "README.md"), []byte(text), 0o600))
		_, err = LeastUser()
		require.ErrorContains(t, err, want)
	}
}
