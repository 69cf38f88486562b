package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/resp"
)

// getCommand is the first argument of the process that times GETs, a getterTask
// in JSON its second.
const getCommand = "get"

// hotKeys are the keys that are asked for in turn.
const hotKeys = 3000

// getEvery is how often a GET is sent.
const getEvery = time.Millisecond

type getterTask struct {
	Addr  string
	Slots string // of the server
	Keys  dataset
	For   time.Duration
}

type getterFigures struct{ Took []time.Duration }

// startGetter runs the process to its end.
func startGetter(ctx context.Context, t getterTask) (f getterFigures, err error) {
	program, err := os.Executable()
	if err != nil {
		return f, err
	}
	text, err := json.Marshal(t)
	if err != nil {
		return f, err
	}
	cmd := exec.CommandContext(ctx, program, getCommand, string(text))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return f, fmt.Errorf("the process that times GETs: %w", err)
	}
	return f, json.Unmarshal(out, &f)
}

// get is that process.
func get(text string) error {
	var t getterTask
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return err
	}
	slots, err := cluster.ParseRanges(t.Slots)
	if err != nil {
		return err
	}
	var gets [][]byte
	for i := range t.Keys.Rows {
		if key := t.Keys.Prefix + strconv.Itoa(i); slots.Has(cluster.Slot([]byte(key))) {
			gets = append(gets, resp.AppendCommand(nil, "GET", key))
		}
	}
	if len(gets) == 0 {
		return errors.New("the server has none of the keys")
	}
	f, err := timeGets(t.Addr, gets, t.For)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(f)
}

// timeGets sends a GET each millisecond and waits for its reply, on a thread of
// its own with nothing but system calls: Go's poller would wake it later. A GET
// that has to wait for the one before is timed from when it should have been
// sent.
func timeGets(addr string, gets [][]byte, period time.Duration) (f getterFigures, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return f, err
	}
	defer func() { _ = nc.Close() }()
	file, err := nc.(*net.TCPConn).File() // blocks, unlike the connection
	if err != nil {
		return f, err
	}
	defer func() { _ = file.Close() }()
	fd := int(file.Fd())
	f.Took = make([]time.Duration, 0, period/getEvery)
	buf := make([]byte, 64<<10)
	begun := time.Now()
	for done := begun; len(f.Took) < cap(f.Took); {
		due := begun.Add(time.Duration(len(f.Took)) * getEvery)
		start := due
		if done.Before(due) {
			wait := syscall.NsecToTimespec(int64(max(time.Until(due), 0)))
			if err := syscall.Nanosleep(&wait, nil); err != nil && !errors.Is(err, syscall.EINTR) {
				return f, err
			}
			start = time.Now()
		}
		if _, err := syscall.Write(fd, gets[len(f.Took)%len(gets)]); err != nil {
			return f, err
		}
		for have := 0; ; {
			n, err := syscall.Read(fd, buf[have:])
			if err != nil && !errors.Is(err, syscall.EINTR) || n == 0 {
				return f, fmt.Errorf("the server has gone: %w", err)
			}
			if have += max(n, 0); whole(buf[:have]) {
				break
			}
		}
		done = time.Now()
		f.Took = append(f.Took, done.Sub(start))
	}
	return f, nil
}

// whole reports whether a bulk string's reply is all there.
func whole(reply []byte) bool {
	end := bytes.IndexByte(reply, '\n')
	if end < 2 {
		return false
	}
	length, err := strconv.Atoi(string(reply[1 : end-1]))
	return err != nil || length < 0 || len(reply) >= end+1+length+2
}
