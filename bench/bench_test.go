package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redisarrow/redisarrow/internal/testcluster"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMain is also the program that the readers' processes run.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case readCommand, getCommand, loopCommand:
			main()
			return
		}
	}
	os.Exit(m.Run())
}

// short runs the program with few keys and returns what it prints.
func short(t *testing.T, server testcluster.Server, args ...string) string {
	var out, log bytes.Buffer
	args = append([]string{"-short", "-python", "", "-server", server.Name}, args...)
	require.NoError(t, run(t.Context(), args, &out, &log), "%v: %s", args, &log)
	for _, reader := range []string{floorReader, idiomaticReader, oursReader} {
		assert.Regexp(t, reader+" +[0-9]", out.String())
	}
	return out.String()
}

// TestShort runs, on each server, what differs between servers; on one of them
// everything.
func TestShort(t *testing.T) {
	all := testcluster.DefaultServers()[0]
	testcluster.Each(t, func(t *testing.T, server testcluster.Server) {
		t.Parallel()
		args := []string{"-workloads", "hash7,strings+ttl,mixed"}
		if server.Name == all {
			args = []string{"-memory", "-delay"}
		}
		out := short(t, server, args...)
		names := "hash7,strings+ttl,mixed"
		if server.Name == all {
			names = workloadNames()
			assert.Regexp(t, "round trip of 10ms, of those with none +[0-9]", out)
			assert.Contains(t, out, "each further row")
		}
		for name := range strings.FieldsFuncSeq(names, func(r rune) bool { return r == ',' || r == ' ' }) {
			assert.Contains(t, out, " "+name+" ")
		}
		assert.Contains(t, out, "left out: rueidis")
	})
}

func TestCourtesy(t *testing.T) {
	server := testcluster.Require(t)[0]
	var out, log bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-short", "-courtesy", "-server", server.Name}, &out, &log), "%s", &log)
	for _, name := range []string{"no scan", "scan, Duty 0.2", "p999"} {
		assert.Contains(t, out.String(), name)
	}
	for name, taken := range map[string]bool{"": false, "$5\r\nab": false, "$2\r\nab\r\n": true, "$-1\r\n": true, "-ERR no\r\n": true} {
		assert.Equal(t, taken, whole([]byte(name)), "%q", name)
	}
}

func TestHashCommand(t *testing.T) {
	server := testcluster.Require(t)[0]
	for _, command := range []string{hashMGet, hashGetAll} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			short(t, server, "-fields", "16", "-take", "8", "-hash-command", command, "-profiles", t.TempDir())
		})
	}
}

func TestOptions(t *testing.T) {
	for _, args := range [][]string{
		{"-rows", "0"},
		{"-take", "8"},
		{"-workloads", "hash8"},
		{"-workloads", "hash7", "-fields", "7"},
		{"-few", "10", "-many", "10"},
		{"-hash-command", "get"},
		{"-period", "1us"},
		{"-unknown"},
		{"left over"},
	} {
		_, err := parseOptions(args, &bytes.Buffer{})
		assert.Error(t, err, "%v", args)
	}
}

// onCluster gives a cluster with a workload of a few keys, and their tally.
func onCluster(t *testing.T, name string) (*bench, workload, tally) {
	server := testcluster.Require(t)[0]
	o, err := parseOptions([]string{"-short"}, &bytes.Buffer{})
	require.NoError(t, err)
	c := testcluster.Start(t, testcluster.Config{Server: server})
	b := &bench{options: o, server: server, out: &bytes.Buffer{}, log: &bytes.Buffer{}, cluster: c}
	b.topology, err = discover(t.Context(), c.Addrs())
	require.NoError(t, err)
	w, ok := findWorkload(workloads(500), name)
	require.True(t, ok)
	want, err := b.world(t.Context(), w)
	require.NoError(t, err)
	require.Equal(t, int64(500), want.Rows)
	return b, w, want
}

func TestWrongScan(t *testing.T) {
	b, w, want := onCluster(t, "hash7")
	want.Sum++
	for _, name := range []string{floorReader, idiomaticReader, oursReader} {
		_, _, err := b.sample(t.Context(), name, w, method{Fetch: hashMGet}, want)
		assert.ErrorContains(t, err, "that was written", name)
	}
}

// TestFloor lets the floor ask in ways in which ours may not ask at the moment.
func TestFloor(t *testing.T) {
	b, w, want := onCluster(t, "strings")
	for _, how := range []method{
		{Fetch: mgetCall},
		{Fetch: mgetCall, Guarded: true},
		{Fetch: mgetCall, Slots: true},
		{Fetch: mgetCall, Slots: true, Guarded: true},
		{Fetch: getCall, Slots: true, Guarded: true},
	} {
		_, calls, err := b.sample(t.Context(), floorReader, w, how, want)
		require.NoError(t, err, "%+v", how)
		asked, err := methodOf(calls)
		require.NoError(t, err)
		assert.Equal(t, how, asked)
		if how.Fetch == mgetCall {
			assert.LessOrEqual(t, calls[mgetCall], want.Rows)
		}
	}
}

func TestRecord(t *testing.T) {
	server := testcluster.Require(t)[0]
	file := filepath.Join(t.TempDir(), "recorded.json")
	short(t, server, "-workloads", "hash3,strings", "-record", file)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var r record
	require.NoError(t, json.Unmarshal(text, &r))
	assert.Equal(t, 2000, r.Rows)
	assert.Len(t, r.Figures, 2)

	name := server.Name + " strings"
	now := r
	now.Figures = maps.Clone(r.Figures)
	hold := func(change func(f *recorded)) error {
		f := r.Figures[name]
		change(&f)
		now.Figures[name] = f
		return r.worse(now)
	}
	assert.NoError(t, hold(func(*recorded) {}))
	assert.NoError(t, hold(func(f *recorded) { *f = recorded{} }))
	assert.ErrorContains(t, hold(func(f *recorded) { f.Allocs *= 2 }), "strings: allocations per row")
	assert.ErrorContains(t, hold(func(f *recorded) { f.Floor *= 2 }), "strings: CPU of the floor")
	assert.ErrorContains(t, hold(func(f *recorded) { f.Idiomatic *= 2 }), "strings: CPU of idiomatic")
	assert.Error(t, r.worse(record{Rows: r.Rows}))
	now.Rows++
	assert.ErrorContains(t, r.worse(now), "rows")

	// One that everything is worse than.
	r.Figures = map[string]recorded{name: {}}
	text, err = json.Marshal(r)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, text, 0o600))
	err = run(t.Context(), []string{"-short", "-server", server.Name, "-workloads", "strings", "-check", file}, &bytes.Buffer{}, &bytes.Buffer{})
	assert.ErrorContains(t, err, "worse than")
}

func TestSameKeys(t *testing.T) {
	for _, c := range []struct {
		floor, ours map[string]int64
		same        bool
	}{
		{map[string]int64{"hmget": 7}, map[string]int64{"hmget": 7}, true},
		{map[string]int64{"hmget": 7}, map[string]int64{"hgetall": 7}, false},
		{map[string]int64{"hmget": 8}, map[string]int64{"hmget": 7}, false},
		{map[string]int64{"get": 7}, map[string]int64{"get": 7, "ttl": 7}, false},
		{map[string]int64{"mget": 1000}, map[string]int64{"mget": 900, "get": 80}, true},
		{map[string]int64{"mget": 1000}, map[string]int64{"mget": 1300}, false},
		{map[string]int64{"get": 1000}, map[string]int64{"mget": 100}, false},
	} {
		assert.Equal(t, c.same, sameKeys(c.floor, c.ours) == nil, "%v", c)
	}
}
