package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
)

// task is what a reader's process is told.
type task struct {
	Reader      string
	Data        dataset
	Masters     []string // addresses, host:port
	Enumerate   string   // how ours enumerates; "" for what it does by itself
	HashCommand string   // hashMGet, hashGetAll, or "" for what each reader does by itself
	Profile     string   // profiles to write, without their endings; "" for none
}

const (
	hashMGet   = "hmget"
	hashGetAll = "hgetall"
)

// readCommand is the first argument of a reader's process, a task in JSON its
// second.
const readCommand = "read"

// start runs a task in a process of its own: of a program, or "" for this one.
func start(ctx context.Context, program string, t task) (figures, error) {
	var f figures
	if program == "" {
		var err error
		if program, err = os.Executable(); err != nil {
			return f, err
		}
	}
	text, err := json.Marshal(t)
	if err != nil {
		return f, err
	}
	cmd := exec.CommandContext(ctx, program, readCommand, string(text))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return f, fmt.Errorf("reader %s: %w", t.Reader, err)
	}
	return f, json.Unmarshal(out, &f)
}

// read is that process.
func read(ctx context.Context, text string) error {
	var t task
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return err
	}
	f, err := measure(ctx, t)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(f)
}
