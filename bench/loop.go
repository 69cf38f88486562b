package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/iterator"
)

// loopCommand is the first argument of the process that scans again and again, a
// loopTask in JSON its second.
const loopCommand = "loop"

type loopTask struct {
	Masters []string
	Data    dataset
	Slots   string
	Duty    float64
}

// loopFigures are what it says of itself at its end.
type loopFigures struct {
	Rows int64
	Wall time.Duration
}

// loop is that process, while it runs: it ends when its standard input does.
type loop struct {
	cmd   *exec.Cmd
	stdin io.Closer
	out   *bufio.Reader
}

// startLoop starts it, and returns when the first rows are there.
func startLoop(ctx context.Context, t loopTask) (*loop, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "nice", "-n", "19", program, loopCommand, string(text))
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	l := &loop{cmd: cmd, stdin: stdin, out: bufio.NewReader(stdout)}
	if _, err := l.out.ReadString('\n'); err != nil {
		l.kill()
		return nil, fmt.Errorf("the process that scans has not begun: %w", err)
	}
	return l, nil
}

func (l *loop) end() (f loopFigures, err error) {
	if err := l.stdin.Close(); err != nil {
		return f, err
	}
	if err := json.NewDecoder(l.out).Decode(&f); err != nil {
		return f, fmt.Errorf("the process that scans: %w", err)
	}
	return f, l.cmd.Wait()
}

// kill is for when something has failed; after end it does nothing.
func (l *loop) kill() {
	if l.cmd.ProcessState == nil {
		_ = l.cmd.Process.Kill()
		_ = l.cmd.Wait()
	}
}

// scanAgain is that process.
func scanAgain(ctx context.Context, text string) error {
	var t loopTask
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return err
	}
	slots, err := cluster.ParseRanges(t.Slots)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: t.Masters})
	defer func() { _ = rdb.Close() }()
	var f loopFigures
	for begun := time.Now(); ctx.Err() == nil; f.Wall = time.Since(begun) {
		it, err := open(ctx, rdb, t.Data, iterator.Config{Pattern: t.Data.pattern(), BatchSize: 1000, Slots: slots, Duty: t.Duty})
		if err != nil {
			if ctx.Err() != nil {
				break
			}
			return err
		}
		for it.Next() {
			if f.Rows == 0 {
				begun = time.Now()
				fmt.Println("scanning")
			}
			f.Rows += it.RecordBatch().NumRows()
		}
		it.Release()
		if err := it.Err(); err != nil && ctx.Err() == nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(f)
}
