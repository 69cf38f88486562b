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
	Masters     []string          // addresses, host:port
	Slots       []string          // of each master
	Through     map[string]string // where to dial for an address, if that is elsewhere
	Enumerate   string            // how ours enumerates; "" for what it does by itself
	HashCommand string            // hashMGet, hashGetAll, or "" for what ours does by itself
	Method      method            // of the floor
	Profile     string            // profiles to write, without their endings; "" for none

	// What readers need that are programs of their own.
	Pattern string
	Type    string   // hash or string
	Columns []column // of a hash
	TTL     bool
	Count   int // SCAN's
}

// column is a field of a hash that is read. Type is utf8, int64, float64, bool,
// date (2020-12-31) or time (RFC 3339, microseconds in UTC).
type column struct{ Name, Type string }

const (
	hashMGet   = "hmget"
	hashGetAll = "hgetall"
)

// readCommand is the first argument of a reader's process, a task in JSON its
// second. It answers with its figures in JSON.
const readCommand = "read"

// start runs a task in a process of its own: of a program with its first
// arguments, or nil for this one.
func start(ctx context.Context, program []string, t task) (figures, error) {
	var f figures
	if program == nil {
		this, err := os.Executable()
		if err != nil {
			return f, err
		}
		program = []string{this}
	}
	t.Pattern, t.Type, t.TTL, t.Count = t.Data.pattern(), t.Data.typ(), t.Data.TTL, countHint
	for _, field := range t.Data.taken() {
		t.Columns = append(t.Columns, column{field.name, field.kind.text})
	}
	text, err := json.Marshal(t)
	if err != nil {
		return f, err
	}
	args := append(program[1:len(program):len(program)], readCommand, string(text))
	cmd := exec.CommandContext(ctx, program[0], args...)
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
