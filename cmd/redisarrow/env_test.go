package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/minicluster"
)

func TestVariables(t *testing.T) {
	c := fixture(t, minicluster.Config{})
	dir := t.TempDir()
	out := filepath.Join(dir, "out.arrow")
	env := []string{
		"REDISARROW_URL=redis://127.0.0.1:1 " + c.URLs()[0], // further nodes to try
		"REDISARROW_TYPE=hash", "REDISARROW_PATTERN=user:*", "REDISARROW_SCHEMA=name:utf8,age:int64",
		"REDISARROW_OUTPUT=" + out, "REDISARROW_MAX_ROWS=7", "REDISARROW_INDEX=n", "REDISARROW_STRICT=true",
		"REDISARROW_BATCH_SIZE=",  // as if it weren't there
		"REDISARROW_HELP=true",    // is none of the flags that have one
		"REDISARROW_PATERN=other", // nor is this
	}
	p := redisarrowIn(t, env, "export")
	require.Zero(t, p.status, p.stderr)
	got := readFile(t, out)
	assert.Equal(t, "n uint64, _key utf8, name utf8, age int64", got.schema)
	assert.Len(t, got.rows, 7)

	// The command line wins.
	p = redisarrowIn(t, env, "export", "--max-rows", "3", "--url", c.URLs()[1])
	require.Zero(t, p.status, p.stderr)
	assert.Len(t, readFile(t, out).rows, 3)

	// What is wrong is named as it was given.
	for variable, want := range map[string]string{
		"REDISARROW_MAX_ROWS=many": `REDISARROW_MAX_ROWS, for --max-rows: "many": give a whole number`,
		"REDISARROW_TLS=perhaps":   `REDISARROW_TLS, for --tls: "perhaps"`,
		"REDISARROW_PARTITION=1/2": "",
		"REDISARROW_READ_FROM=no":  `REDISARROW_READ_FROM, for --read-from: "no"`,
	} {
		p := redisarrowIn(t, append(env, variable), "export")
		if want == "" {
			assert.Zero(t, p.status, p.stderr)
			continue
		}
		requireLine(t, p, exitUsage, want, "(see redisarrow export --help)")
	}
	p = redisarrowIn(t, append(env, "REDISARROW_SLOTS=0-5"), "export", "--partition", "1/2")
	requireLine(t, p, exitUsage, "--slots and --partition")

	// Other commands take those that they have a flag for.
	p = redisarrowIn(t, []string{"REDISARROW_URL=" + c.URLs()[0], "REDISARROW_PATTERN=x", "REDISARROW_JSON=true"}, "health")
	assert.Contains(t, p.stdout, `"verdict"`)

	// A password in a URL of the environment is as secret as elsewhere.
	p = redisarrowIn(t, []string{"REDISARROW_URL=redis://:hunter22@127.0.0.1:1"}, "health")
	requireLine(t, p, exitFailure, "127.0.0.1:1")
	requireNoSecret(t, p, "hunter22")
}

// Each flag has a variable, and no two the same.
func TestVariableNames(t *testing.T) {
	assert.Equal(t, "REDISARROW_MAX_KEYS_PER_SECOND", variable("max-keys-per-second"))
	help := redisarrow(t, "--help")
	assert.Contains(t, help.stdout, variable("batch-size"))
	assert.NotEqual(t, passwordVariable, variable("password-file"))
	assert.False(t, strings.Contains(redisarrow(t, "export", "--help").stdout, "--password "), "it would take the place of "+passwordVariable)
}
