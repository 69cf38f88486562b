package main

import (
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/redisarrow/redisarrow/internal/minicluster"
)

// What isn't whole is no result: status 4, the slots in the message, no file.
func TestExportIncomplete(t *testing.T) {
	for _, f := range []struct {
		name   string
		damage func(c *minicluster.Cluster)
		want   string
	}{
		{"a slot without an owner (M11)", func(c *minicluster.Cluster) { c.Unassign(777) }, "777"},
		// Nothing is promised while it may still say that another's slots are its own.
		{"a master that dies in mid-scan", func(c *minicluster.Cluster) {
			var once sync.Once
			c.SetFault(func(node, _ int, args [][]byte) *minicluster.Fault {
				if name := strings.ToUpper(string(args[0])); name != "HGETALL" && name != "HMGET" {
					return nil
				}
				return &minicluster.Fault{Close: minicluster.CloseBefore, Before: func() { once.Do(func() { go c.Kill(node) }) }}
			})
		}, "16384 of 16384 slots"},
	} {
		t.Run(f.name, func(t *testing.T) {
			c := fixture(t, minicluster.Config{PartialCoverage: true})
			f.damage(c)
			dir := t.TempDir()
			args := append(hashArgs, "--stall-timeout", "1s")
			p := redisarrow(t, exportArgs(c, filepath.Join(dir, "out.arrow"), args...)...)
			requireLine(t, p, exitIncomplete, "incomplete", f.want)
			assert.Empty(t, names(t, dir))

			// In a stream the status alone can't tell.
			p = redisarrow(t, exportArgs(c, "-", args...)...)
			assert.Contains(t, []int{exitIncomplete, exitNoConnection}, p.status, "the only node to be asked may be the one that died")
			assert.Equal(t, 1, strings.Count(p.stderr, "\n"), p.stderr)
		})
	}
}
