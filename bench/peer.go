package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// peer is a reader that is a program of its own. One that fails, or reads
// something else than was written, is left out of the table: it is no fault of
// ours.
type peer struct {
	name    string
	program []string // with its first arguments
}

// Names of peers.
const (
	rueidisReader     = "rueidis"
	redisPyReader     = "redis-py"
	polarsRedisReader = "polars-redis"
)

//go:embed python/redis_py.py
var redisPy string

//go:embed python/polars_redis.py
var polarsRedis string

// pythonPeers are programs in Python, with the modules that they need.
var pythonPeers = []struct {
	name, source string
	modules      []string
}{
	{redisPyReader, redisPy, []string{"redis", "pyarrow"}},
	{polarsRedisReader, polarsRedis, []string{"polars", "polars_redis"}},
}

// findPeers looks for the peers that are asked for. One that can't be had is
// left out.
func (b *bench) findPeers(ctx context.Context, dir string) {
	if !b.rueidis {
		b.leaveOut(rueidisReader, errors.New("-rueidis isn't given"))
	} else if program, err := buildRueidis(ctx, dir); err != nil {
		b.leaveOut(rueidisReader, err)
	} else {
		b.peers = append(b.peers, peer{rueidisReader, []string{program}})
	}
	for _, p := range pythonPeers {
		if b.python == "" {
			b.leaveOut(p.name, errors.New("neither -python nor REDISARROW_BENCH_PYTHON names a Python"))
		} else if err := imports(ctx, b.python, p.modules...); err != nil {
			b.leaveOut(p.name, err)
		} else {
			b.peers = append(b.peers, peer{p.name, []string{b.python, "-c", p.source}})
		}
	}
}

// leaveOut takes note of a reader that is missing, and why.
func (r *report) leaveOut(name string, why error) {
	r.leftOut = append(r.leftOut, fmt.Sprintf("%s: %v", name, why))
}

func (b *bench) isPeer(reader string) bool { return b.program(reader) != nil }

// program is what runs a reader: nil for this program.
func (b *bench) program(reader string) []string {
	if i := slices.IndexFunc(b.peers, func(p peer) bool { return p.name == reader }); i >= 0 {
		return b.peers[i].program
	}
	return nil
}

// buildRueidis builds the program in the folder rueidis, which is a module of its
// own.
func buildRueidis(ctx context.Context, dir string) (program string, err error) {
	root, err := moduleDir(ctx)
	if err != nil {
		return "", err
	}
	program = filepath.Join(dir, rueidisReader)
	out, err := exec.CommandContext(ctx, "go", "build", "-C", filepath.Join(root, "bench", "rueidis"), "-o", program, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building it: %w: %s", err, lastLine(out))
	}
	return program, nil
}

// imports makes sure that a Python has modules.
func imports(ctx context.Context, python string, modules ...string) error {
	out, err := exec.CommandContext(ctx, python, "-c", "import "+strings.Join(modules, ", ")).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", python, err, lastLine(out))
	}
	return nil
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}
