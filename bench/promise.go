package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/redisarrow/redisarrow/internal/testcluster"
	"github.com/redisarrow/redisarrow/iterator"
)

// What the promise costs where nothing happens: ours in each way of enumerating,
// against the same program without the ledger's checks. No switch for that is in
// the code: the compiler is given changed files (go help build: -overlay).

// check is a part of the engine that the other program does without: a change to
// one of its files.
type check struct{ file, old, new string }

var checks = []check{
	// No guard beside what is listed.
	{"internal/scan/way.go", "	g := p.guard\n", "	g := (*guard)(nil)\n"},
	// No masters asked again before slots are done.
	{"internal/scan/task.go", "			if s.inCluster {\n", "			if false {\n"},
	// No keys remembered.
	{"internal/scan/pass.go", "			known, err = ledger.seen(slot, h)\n", ""},
	{"internal/scan/pass.go", "	_, whole := p.way.(*keysInSlot)\n", "	whole, _ := false, ledger\n"},
	{"internal/scan/pass.go", "			p.hashes = append(p.hashes, hashOf(key, p.scan.seed))\n", "			p.hashes = append(p.hashes, 1)\n"},
	{"internal/scan/pass.go", "		p.warmed = ledger.warm(p.keySlot, p.hashes)\n", ""},
}

// buildUnchecked builds this program without the checks.
func buildUnchecked(ctx context.Context, dir string) (program string, err error) {
	root, err := moduleDir(ctx)
	if err != nil {
		return "", err
	}
	sources := map[string]string{}
	for _, c := range checks {
		file := filepath.Join(root, c.file)
		source, known := sources[file]
		if !known {
			text, err := os.ReadFile(file)
			if err != nil {
				return "", err
			}
			source = string(text)
		}
		if strings.Count(source, c.old) != 1 {
			return "", fmt.Errorf("%s has not one line %q: bring promise.go up to date", c.file, c.old)
		}
		sources[file] = strings.Replace(source, c.old, c.new, 1)
	}
	replace := map[string]string{}
	for file, source := range sources {
		changed := filepath.Join(dir, filepath.Base(file))
		if err := os.WriteFile(changed, []byte(source), 0o600); err != nil {
			return "", err
		}
		replace[file] = changed
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, text, 0o600); err != nil {
		return "", err
	}
	program = filepath.Join(dir, "unchecked")
	out, err := exec.CommandContext(ctx, "go", "build", "-overlay", overlay, "-o", program, "./bench").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building without the checks: %w: %s", err, out)
	}
	return program, nil
}

// moduleDir is the folder of this module.
func moduleDir(ctx context.Context) (string, error) {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("the module's folder: %w", err)
	}
	return strings.TrimSpace(string(root)), nil
}

// waysOf are the ways in which a server's clusters can be enumerated.
func waysOf(s testcluster.Server) []iterator.Enumeration {
	ways := []iterator.Enumeration{iterator.KeysInSlot, iterator.PlainScan}
	if s.Valkey || s.AtLeast(7, 4) {
		ways = append(ways, iterator.SlotScan)
	}
	if s.Valkey && s.AtLeast(9, 1) {
		ways = append(ways, iterator.ClusterScan)
	}
	slices.Sort(ways)
	return ways
}

// promise compares the two programs.
func (b *bench) promise(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	unchecked, err := buildUnchecked(ctx, dir)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "\n%s, with checks against without\tCPU of the client\twall\tserver CPU\tledger, MiB\n", b.server.Name)
	for _, d := range []dataset{{Prefix: "user:", Rows: b.rows, Fields: userFields, Take: userFields}, {Prefix: "cache:", Rows: b.rows}} {
		want, err := b.fill(ctx, d, 0)
		if err != nil {
			return err
		}
		kind := "strings"
		if d.isHash() {
			kind = "hashes"
		}
		for _, way := range waysOf(b.server) {
			var cpu, wall, server []float64
			ledger := int64(0)
			for range b.runs {
				t := task{Reader: "ours", Data: d, Enumerate: way.String()}
				with, _, err := b.run(ctx, nil, t, want)
				if err != nil {
					return err
				}
				without, _, err := b.run(ctx, []string{unchecked}, t, want)
				if err != nil {
					return err
				}
				cpu = append(cpu, float64(with.CPU)/float64(without.CPU))
				wall = append(wall, float64(with.Wall)/float64(without.Wall))
				server = append(server, with.server/without.server)
				ledger = max(ledger, with.Ledger)
			}
			fmt.Fprintf(table, "%d %s, %v\t%.3f\t%.3f\t%.3f\t%.1f\n", d.Rows, kind, way, medianOf(cpu), medianOf(wall), medianOf(server), float64(ledger)/(1<<20))
		}
	}
	return table.Flush()
}
