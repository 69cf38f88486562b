package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/iterator"
)

func TestStatusOf(t *testing.T) {
	refused := &cluster.NodeError{Addr: "a:1", Command: `connect as user "app" over TLS`, Err: errors.New("no")}
	for _, c := range []struct {
		err  error
		want int
	}{
		{errors.New("disk full"), exitFailure},
		{refused, exitNoConnection},
		{fmt.Errorf("reading: %w", &cluster.SeedsError{Nodes: []*cluster.NodeError{refused, refused}}), exitNoConnection},
		{&cluster.NodeError{Addr: "a:1", Command: "HMGET", Err: errors.New("NOPERM")}, exitFailure},
		{&iterator.CellError{Key: "k", Err: errors.New("no")}, exitBadCells},
		{fmt.Errorf("part 2: %w", &iterator.LargeValueError{Key: "k"}), exitBadCells},
		{&iterator.IncompleteError{Reasons: []iterator.Reason{{Err: refused}}}, exitIncomplete},
		{context.DeadlineExceeded, exitFailure},
		{ownStatus(refused), exitFailure},
	} {
		assert.Equal(t, c.want, statusOf(c.err), "%v", c.err)
	}
}

// What is left out is left out with a status that says so.
func TestAllowIncomplete(t *testing.T) {
	c := fixture(t, minicluster.Config{PartialCoverage: true})
	c.Unassign(777)
	out := filepath.Join(t.TempDir(), "out.arrow")
	p := redisarrow(t, exportArgs(c, out, append(hashArgs, "--allow-incomplete", "--stall-timeout", "1s")...)...)
	assert.Equal(t, exitIncomplete, p.status, p.stderr)
	assert.Contains(t, p.stderr, "left out, as --allow-incomplete has it")
	assert.Contains(t, p.stderr, "777")
	assert.Len(t, readFile(t, out).rows, fixtureUsers)
}

// The help lists each status once, and the documentation the same.
func TestStatusesDocumented(t *testing.T) {
	help := redisarrow(t, "--help").stdout
	_, list, found := strings.Cut(help, "Exit status:")
	require.True(t, found)
	var shown []string
	for _, m := range regexp.MustCompile(`(?m)^ +(\d+)  \w`).FindAllStringSubmatch(list, -1) {
		shown = append(shown, m[1])
	}
	assert.Equal(t, []string{"0", "1", "2", "3", "4", "5", "130"}, shown)

	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	require.NoError(t, err)
	_, table, found := strings.Cut(string(readme), "\n| exit status | |\n")
	require.True(t, found)
	table, _, _ = strings.Cut(table, "\n\n")
	var documented []string
	for _, m := range regexp.MustCompile(`(?m)^\| (\d+) \|`).FindAllStringSubmatch(table, -1) {
		documented = append(documented, m[1])
	}
	assert.Equal(t, shown, documented)
}
