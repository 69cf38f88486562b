package main

import (
	"bytes"
	"os"
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

func short(t *testing.T, server testcluster.Server, args ...string) {
	var out, log bytes.Buffer
	args = append([]string{"-short", "-server", server.Name}, args...)
	require.NoError(t, run(t.Context(), args, &out, &log), "%v: %s", args, &log)
	assert.Contains(t, out.String(), "2000 hashes")
	assert.Contains(t, out.String(), "ours")
}

func TestShort(t *testing.T) {
	testcluster.Each(t, func(t *testing.T, server testcluster.Server) {
		t.Parallel()
		short(t, server, "-memory")
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
			short(t, server, "-fields", "16", "-take", "8", "-hash-command", command)
		})
	}
}

func TestOptions(t *testing.T) {
	for _, args := range [][]string{
		{"-rows", "0"},
		{"-take", "8"},
		{"-hash-command", "get"},
		{"-period", "1us"},
		{"-unknown"},
		{"left over"},
	} {
		_, err := parseOptions(args, &bytes.Buffer{})
		assert.Error(t, err, "%v", args)
	}
}

func TestWrongScan(t *testing.T) {
	server := testcluster.Require(t)[0]
	o, err := parseOptions([]string{"-short"}, &bytes.Buffer{})
	require.NoError(t, err)
	c := testcluster.Start(t, testcluster.Config{Server: server})
	b := &bench{options: o, server: server, out: &bytes.Buffer{}, log: &bytes.Buffer{}, cluster: c}
	b.topology, err = discover(t.Context(), c.Addrs())
	require.NoError(t, err)
	d := dataset{Prefix: "user:", Rows: 100, Fields: userFields, Take: userFields}
	want, err := b.fill(t.Context(), d, 0)
	require.NoError(t, err)
	require.Equal(t, int64(100), want.Rows)
	want.Sum++
	for _, name := range []string{"floor", "idiomatic", "ours"} {
		_, _, err := b.sample(t.Context(), name, d, want)
		assert.ErrorContains(t, err, "that was written", name)
	}
}
