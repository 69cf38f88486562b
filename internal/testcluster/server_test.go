package testcluster

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// program writes a script that answers --version with a line.
func program(t *testing.T, path, line string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, "#!/bin/sh\necho '%s'\n", line), 0o755))
}

func TestList(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("REDISARROW_SERVERS", dir)
	t.Setenv("PATH", filepath.Join(dir, "path"))
	assert.Empty(t, List())

	program(t, filepath.Join(dir, "redis-7.0", "run"), "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64")
	program(t, filepath.Join(dir, "valkey-9.1", "run"), "Valkey server v=9.2.0-rc1 sha=00000000:0 malloc=libc bits=64")
	program(t, filepath.Join(dir, "old", "run"), "Redis server v=6.2.14 sha=00000000:0")
	program(t, filepath.Join(dir, "broken", "run"), "error while loading shared libraries")
	require.NoError(t, os.Mkdir(filepath.Join(dir, "half"), 0o755))
	// As on systems where Valkey has taken Redis's place.
	program(t, filepath.Join(dir, "path", "redis-server"), "Valkey server v=8.0.3 sha=00000000:0")
	program(t, filepath.Join(dir, "path", "valkey-server"), "Valkey server v=8.0.3 sha=00000000:0")

	want := []Server{
		{Name: "redis-7.0", Path: filepath.Join(dir, "redis-7.0", "run"), Version: "7.0.15", Major: 7},
		{Name: "valkey-8.0", Path: filepath.Join(dir, "path", "redis-server"), Version: "8.0.3", Major: 8, Valkey: true},
		{Name: "valkey-9.1", Path: filepath.Join(dir, "valkey-9.1", "run"), Version: "9.2.0-rc1", Major: 9, Minor: 2, Valkey: true},
	}
	assert.Equal(t, want, List())

	found, err := Lookup("valkey-8.0")
	require.NoError(t, err)
	assert.Equal(t, want[1], found)
	_, err = Lookup("redis-8.0")
	require.ErrorIs(t, err, ErrNoServer)
	assert.ErrorContains(t, err, "run internal/testcluster/fetch-servers.sh redis-8.0")
	assert.ErrorContains(t, err, "here: redis-7.0, valkey-8.0, valkey-9.1")
}

// verdict is a test that notes how it was ended.
type verdict struct {
	testing.TB
	how string
}

func (v *verdict) Helper()      {}
func (v *verdict) Fatal(...any) { v.how = "fatal"; runtime.Goexit() }
func (v *verdict) Skip(...any)  { v.how = "skip"; runtime.Goexit() }

func TestRequire(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("REDISARROW_SERVERS", dir)
	t.Setenv("PATH", dir)
	program(t, filepath.Join(dir, "redis-7.0", "run"), "Redis server v=7.0.15 sha=00000000:0")
	ask := func(names ...string) string {
		v := &verdict{TB: t, how: "given"}
		done := make(chan struct{})
		go func() {
			defer close(done)
			Require(v, names...)
		}()
		<-done
		return v.how
	}
	for _, ci := range []struct{ env, missing string }{{"", "skip"}, {"true", "fatal"}} {
		t.Setenv("CI", ci.env)
		assert.Equal(t, "given", ask("redis-7.0"))
		assert.Equal(t, ci.missing, ask("redis-7.0", "valkey-8.1"))
		assert.Equal(t, ci.missing, ask(), "the default has valkey-8.1")
		t.Setenv("REDISARROW_TEST_SERVERS", "redis-7.0")
		assert.Equal(t, "given", ask())
		t.Setenv("REDISARROW_TEST_SERVERS", "")
	}
}

func TestServersDir(t *testing.T) {
	t.Setenv("HOME", "/home/u")
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("REDISARROW_SERVERS", "")
	assert.Equal(t, "/home/u/.cache/redisarrow/servers", ServersDir())
	t.Setenv("XDG_CACHE_HOME", "/c")
	assert.Equal(t, "/c/redisarrow/servers", ServersDir())
	t.Setenv("REDISARROW_SERVERS", "/s")
	assert.Equal(t, "/s", ServersDir())
}

func TestAtLeast(t *testing.T) {
	s := Server{Major: 8, Minor: 1}
	assert.True(t, s.AtLeast(7, 4))
	assert.True(t, s.AtLeast(8, 1))
	assert.False(t, s.AtLeast(8, 2))
	assert.False(t, s.AtLeast(9, 0))
}

func TestSlotShares(t *testing.T) {
	assert.Equal(t, [][2]int{{0, 5460}, {5461, 10922}, {10923, 16383}}, slotShares(3))
	for n := 1; n <= 20; n++ {
		next := 0
		for _, share := range slotShares(n) {
			assert.Equal(t, next, share[0])
			assert.InDelta(t, slots/n, share[1]-share[0]+1, 1)
			next = share[1] + 1
		}
		assert.Equal(t, slots, next)
	}
}
