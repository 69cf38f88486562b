//go:build unix

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/minicluster"
)

// The recipes for an object store, as README has them.
const (
	recipePipe = `set -o pipefail
if redisarrow export --url redis://node1:7000 --type hash --pattern 'user:*' --schema 'name:utf8,age:int64' \
    --output - --format parquet | aws s3 cp - s3://lake/users.parquet.part
then aws s3 mv s3://lake/users.parquet.part s3://lake/users.parquet
else aws s3 rm s3://lake/users.parquet.part; exit 1
fi
`
	recipeParts = `redisarrow export --url redis://node1:7000 --type hash --pattern 'user:*' --schema 'name:utf8,age:int64' \
    --output users/ --checkpoint users.progress --format parquet --part-bytes 256MiB &&
    aws s3 sync users/ s3://lake/users/
`
)

// standInAWS does with a folder what the AWS client does with a bucket. Like the real
// one it can't know whether what it reads to the end is whole.
const standInAWS = `#!/bin/sh
set -eu
at() { case $1 in s3://*) echo "$LAKE/${1#s3://lake/}" ;; *) echo "$1" ;; esac; }
case "$1 $2" in
"s3 cp") [ "$3" = - ]; cat > "$(at "$4")" ;;
"s3 mv") mv "$(at "$3")" "$(at "$4")" ;;
"s3 rm") rm "$(at "$3")" ;;
"s3 sync") mkdir -p "$(at "$4")"; cp "$3"* "$(at "$4")" ;;
*) exit 9 ;;
esac
`

func TestObjectStoreREADME(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	require.NoError(t, err)
	var shown []string
	for i, part := range strings.Split(string(readme), "```bash\n") {
		if block, _, _ := strings.Cut(part, "```\n"); i > 0 {
			shown = append(shown, block)
		}
	}
	assert.Equal(t, []string{recipePipe, recipeParts}, shown)
}

func TestObjectStoreRecipes(t *testing.T) {
	c := fixture(t, minicluster.Config{})
	bash, err := exec.LookPath("bash")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	bin := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(bin, "aws"), []byte(standInAWS), 0o755))
	require.NoError(t, os.Symlink(binary, filepath.Join(bin, "redisarrow")))
	lake, dir := t.TempDir(), t.TempDir()
	run := func(recipe string) process {
		cmd := exec.CommandContext(t.Context(), bash, "-c", strings.ReplaceAll(recipe, "redis://node1:7000", c.URLs()[0]))
		cmd.Dir = dir
		cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir(), "LAKE=" + lake}
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		return process{status: wait(t, cmd.Run()), stdout: stdout.String(), stderr: stderr.String()}
	}
	want := userRows("user:%[1]d|User%[1]d|%[2]d")

	p := run(recipePipe)
	require.Zero(t, p.status, p.stderr)
	assert.Equal(t, []string{"users.parquet"}, names(t, lake))
	object := filepath.Join(lake, "users.parquet")
	assert.Equal(t, want, readFile(t, object).rows)

	// A scan that fails leaves the object of before.
	before, err := os.ReadFile(object)
	require.NoError(t, err)
	c.SetHash("user:bad", "name", "Bad", "age", "old")
	p = run(recipePipe)
	assert.Equal(t, 1, p.status)
	assert.Contains(t, p.stderr, "user:bad")
	assert.Equal(t, []string{"users.parquet"}, names(t, lake))
	after, err := os.ReadFile(object)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(before, after))

	// Parts: nothing goes up before all are there.
	p = run(recipeParts)
	assert.NotZero(t, p.status)
	assert.Equal(t, []string{"users.parquet"}, names(t, lake))
	c.Delete("user:bad")
	p = run(recipeParts)
	require.Zero(t, p.status, p.stderr)
	var rows []string
	for _, name := range names(t, filepath.Join(lake, "users")) {
		rows = append(rows, readFile(t, filepath.Join(lake, "users", name)).rows...)
	}
	slices.Sort(rows)
	assert.Equal(t, want, rows)
}
