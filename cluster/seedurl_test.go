package cluster

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The mistakes that people make, and what they are told.
func TestSeedURLMistakes(t *testing.T) {
	const password = "pa55-w0rd-x"
	for raw, want := range map[string]string{
		"redis:/host:6379":                               "://",
		"rediss:/host":                                   "://",
		"unix:/run/redis.sock":                           "://",
		"/run/redis.sock":                                "unix:///run/redis.sock",
		"unix://run/redis.sock":                          "unix:///run/redis.sock",
		"unix://:" + password + "@run/redis.sock":        "unix:///run/redis.sock",
		"unix://":                                        "unix:///run/redis.sock",
		"unix:///run/":                                   "unix:///run/redis.sock",
		"redis-socket:///run/redis.sock":                 "unix:///run/redis.sock",
		"unix:///run/redis.sock?db=x":                    "database",
		"unix:///run/redis.sock?addr=host:1":             "only URL",
		"unix:///run/redis.sock?master_name=main":        "only URL",
		"rediss+unix:///run/redis.sock":                  "unix://",
		"http://:" + password + "@host:6379":             "redis://, rediss:// or unix://",
		"https://host":                                   "redis://, rediss:// or unix://",
		"redis://host:6379/-1":                           "less than 0",
		"redis://host:6379?db=-1":                        "less than 0",
		"redis://host:6379/0/1":                          "path",
		"redis+sentinel://:" + password + "@s1/main/0":   "master_name=",
		"sentinel://s1:26379":                            "master_name=",
		"redis://:" + password + "@::1:x":                "percent-encoded",
		"redis://host:":                                  "",
		"redis://:" + password + "@host:6379/0#mymaster": "percent-encoded",
	} {
		t.Run(raw, func(t *testing.T) {
			_, err := parseSeedURLs([]string{raw}, false)
			if want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, ErrOptions)
			assert.ErrorContains(t, err, want)
			assertNoSecret(t, err, password)
		})
	}
	for _, urls := range [][]string{{"unix:///run/a.sock", "redis://host"}, {"redis://host", "unix:///run/a.sock"}, {"unix:///run/a.sock", "unix:///run/b.sock"}, {"unix:///run/a.sock", "host"}} {
		_, err := parseSeedURLs(urls, false)
		require.ErrorIs(t, err, errSocket, "%q", urls)
	}
	for raw, want := range map[string]string{
		"[::1]": "[::1]:6379", "redis://[::1]:7000/": "[::1]:7000", "redis://[fe80::1%25eth0]:1": "[fe80::1%eth0]:1", "redis": "redis:6379", "redis:7000": "redis:7000",
		"valkeys://host": "host:6379", "host:1/3": "host:1", "unix://u:p@/run/a%20b.sock": "/run/a b.sock", "node-1.example.org.:6379": "node-1.example.org.:6379",
	} {
		urls, err := parseSeedURLs([]string{raw}, false)
		require.NoError(t, err, raw)
		assert.Equal(t, []string{want}, urls.addrs, raw)
	}
	secure, err := parseSeedURLs([]string{"valkeys://host"}, false)
	require.NoError(t, err)
	assert.Equal(t, "rediss", secure.scheme)
}

func TestConnectSocketErrors(t *testing.T) {
	const password = "pa55-w0rd-x"
	dir, err := os.MkdirTemp("", "sock") // short enough for a socket
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	file, left, locked := filepath.Join(dir, "file"), filepath.Join(dir, "left"), filepath.Join(dir, "locked")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, path := range []string{left, locked} {
		ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
		require.NoError(t, err)
		ln.SetUnlinkOnClose(path == locked)
		if path == left {
			require.NoError(t, ln.Close())
			continue
		}
		defer ln.Close()
		require.NoError(t, os.Chmod(path, 0))
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "none"): "no such socket",
		file:                       "the file is none",
		left:                       "no server listens there",
		locked:                     "may not use the socket",
	} {
		t.Run(filepath.Base(path), func(t *testing.T) {
			if path == locked && os.Geteuid() == 0 {
				t.Skip("root may use any socket")
			}
			if path == file && runtime.GOOS != "linux" {
				t.Skip("other systems say so in other words")
			}
			_, err := Connect(t.Context(), Options{URLs: []string{"unix://app:" + password + "@" + path}})
			require.ErrorContains(t, err, path)
			assert.ErrorContains(t, err, want)
			assertNoSecret(t, err, password)
		})
	}
	_, err = Connect(t.Context(), Options{URLs: []string{"unix://" + left}, TLSConfig: newTestCertificate(t).client})
	require.ErrorIs(t, err, ErrOptions)
	require.ErrorContains(t, err, "TLS over a unix socket")
}

// A node behind a socket, in this process.
func TestConnectSocket(t *testing.T) {
	dir, err := os.MkdirTemp("", "sock")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "a b.sock")
	ln, err := net.Listen("unix", path)
	require.NoError(t, err)
	node := serveFakeNode(t, ln, nil)
	node.user, node.password = "app", "pa55/w0rd"
	node.replies["CLUSTER"] = "-ERR This instance has cluster support disabled\r\n"
	rdb := connect(t, Options{URLs: []string{"unix://app:pa55%2Fw0rd@" + dir + "/a%20b.sock?db=2&pool_size=3"}})
	require.IsType(t, &redis.Client{}, rdb)
	assert.Equal(t, 3, rdb.(*redis.Client).Options().PoolSize)
	assert.Equal(t, path, works(t, rdb).Source)
	assert.NotEmpty(t, node.received("SELECT 2"))
	assert.False(t, dialerOf(t, rdb).Floating())
}
