package main

import (
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/minicluster"
)

const (
	secret = "s3cr/t@pa ss:word"
	wrong  = "wr0ng/p@ssw0rd"
)

func passwordFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// urlWith gives the URL of a node with these credentials.
func urlWith(c *minicluster.Cluster, user, password string) string {
	u := url.URL{Scheme: "redis", Host: c.Addrs()[0]}
	switch {
	case password != "":
		u.User = url.UserPassword(user, password)
	case user != "":
		u.User = url.User(user)
	}
	return u.String()
}

// requireNoSecret looks for a password in all ways in which it may be written.
func requireNoSecret(t *testing.T, p process, password string) {
	t.Helper()
	for _, text := range []string{password, url.QueryEscape(password), url.PathEscape(password), url.UserPassword("", password).String()[1:]} {
		assert.NotContains(t, p.stdout, text)
		assert.NotContains(t, p.stderr, text)
	}
}

// acceptance M, row 9, and the order of the places where a password may stand.
func TestPasswords(t *testing.T) {
	c := fixture(t, minicluster.Config{
		Password: secret,
		Users:    map[string]minicluster.User{"alice": {Password: secret + "-alice"}},
	})
	bare := urlWith(c, "", "")
	for _, f := range []struct {
		name  string
		env   []string
		flags []string
		ok    bool
	}{
		{"in the URL", nil, []string{"--url", urlWith(c, "", secret)}, true},
		{"in the environment", []string{"REDISARROW_PASSWORD=" + secret}, []string{"--url", bare}, true},
		{"in a file", nil, []string{"--url", bare, "--password-file", passwordFile(t, secret)}, true},
		{"in a file with a newline", nil, []string{"--url", bare, "--password-file", passwordFile(t, secret+"\n")}, true},
		{"in a file of Windows", nil, []string{"--url", bare, "--password-file", passwordFile(t, secret+"\r\n")}, true},
		{"only one newline is cut", nil, []string{"--url", bare, "--password-file", passwordFile(t, secret+"\n\n")}, false},
		{
			"the file before the environment",
			[]string{"REDISARROW_PASSWORD=" + wrong},
			[]string{"--url", bare, "--password-file", passwordFile(t, secret)},
			true,
		},
		{"the URL before the environment", []string{"REDISARROW_PASSWORD=" + wrong}, []string{"--url", urlWith(c, "", secret)}, true},
		{"a user", []string{"REDISARROW_PASSWORD=" + secret + "-alice"}, []string{"--url", bare, "--user", "alice"}, true},
		{"a user in the URL", []string{"REDISARROW_PASSWORD=" + secret + "-alice"}, []string{"--url", urlWith(c, "alice", "")}, true},
		{"user and password in the URL", nil, []string{"--url", urlWith(c, "alice", secret+"-alice")}, true},

		{"none", nil, []string{"--url", bare}, false},
		{"wrong in the URL", nil, []string{"--url", urlWith(c, "", wrong)}, false},
		{"wrong in the environment", []string{"REDISARROW_PASSWORD=" + wrong}, []string{"--url", bare}, false},
		{"wrong in a file", nil, []string{"--url", bare, "--password-file", passwordFile(t, wrong)}, false},
		{"wrong user", []string{"REDISARROW_PASSWORD=" + secret}, []string{"--url", bare, "--user", "bob"}, false},
	} {
		t.Run(f.name, func(t *testing.T) {
			dir := t.TempDir()
			args := append([]string{"export", "--output", filepath.Join(dir, "out.arrow")}, hashArgs...)
			p := redisarrowIn(t, f.env, append(args, f.flags...)...)
			if f.ok {
				require.Zero(t, p.status, p.stderr)
				assert.Len(t, readFile(t, filepath.Join(dir, "out.arrow")).rows, fixtureUsers)
			} else {
				requireLine(t, p, exitNoConnection, c.Addrs()[0])
				assert.Empty(t, names(t, dir))
			}
			requireNoSecret(t, p, secret)
			requireNoSecret(t, p, wrong)
		})
	}
}

// Whatever else is wrong: a password in a malformed URL, in a scan that is
// denied, in a demo.
func TestPasswordsNeverPrinted(t *testing.T) {
	c := fixture(t, minicluster.Config{
		Users: map[string]minicluster.User{"alice": {Password: secret, Deny: []string{"hgetall", "hmget", "scan"}}},
	})
	dir := t.TempDir()
	for _, u := range []string{
		"redis://:" + secret + "@127.0.0.1:7000", // its slash, at sign and blank not escaped
		"redis://alice:" + url.QueryEscape(secret) + "@127.0.0.1:port",
		"redis://alice:" + url.QueryEscape(secret) + "@127.0.0.1:1",
		"http://alice:" + url.QueryEscape(secret) + "@127.0.0.1:1",
		"redis://alice:" + url.QueryEscape(secret) + "%zz@127.0.0.1:1",
		"alice:" + url.QueryEscape(secret) + "@127.0.0.1:1",
		urlWith(c, "alice", secret) + "/99",
		urlWith(c, "alice", secret) + "?no_such_option=1",
		urlWith(c, "alice", secret),
	} {
		p := redisarrow(t, append([]string{"export", "--url", u, "--output", filepath.Join(dir, "out.arrow")}, hashArgs...)...)
		require.NotZero(t, p.status, u)
		requireLine(t, p, p.status)
		requireNoSecret(t, p, secret)

		p = redisarrowIn(t, []string{"REDIS_URL=" + u}, "demo", "--output", dir)
		require.NotZero(t, p.status, u)
		requireNoSecret(t, p, secret)
	}
	assert.Empty(t, names(t, dir))
}
