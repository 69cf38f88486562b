package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// figures are what one reader's process measured of itself.
type figures struct {
	Tally  tally
	Wall   time.Duration
	CPU    time.Duration // user and system, all threads, garbage collection included
	Allocs uint64        // heap objects
	Bytes  uint64        // heap bytes, the columns' included
	Ledger int64         // of ours: the most that the keys to be remembered have taken, in bytes
	Peak   int64         // bytes of resident memory at its highest, of the whole process
}

// readers are the ways to read.
func readers(name string) (func(context.Context, task) (tally, error), bool) {
	switch name {
	case "floor":
		return readFloor, true
	case "idiomatic":
		return readIdiomatic, true
	case "ours":
		return readOurs, true
	default:
		return nil, false
	}
}

// measure runs a task in this process.
func measure(ctx context.Context, t task) (figures, error) {
	read, ok := readers(t.Reader)
	if !ok {
		return figures{}, fmt.Errorf("no reader %q", t.Reader)
	}
	if t.Profile != "" {
		stop, err := profile(t.Profile)
		if err != nil {
			return figures{}, err
		}
		defer stop()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu, start := cpuTime(), time.Now()
	count, err := read(ctx, t)
	f := figures{Tally: tally{Rows: count.Rows, Sum: count.Sum}, Wall: time.Since(start), CPU: cpuTime() - cpu}
	runtime.ReadMemStats(&after)
	f.Allocs, f.Bytes = after.Mallocs-before.Mallocs, after.TotalAlloc-before.TotalAlloc
	f.Ledger, f.Peak = count.ledger, peakMemory()
	return f, err
}

// profile starts to write name.cpu.prof; stop writes it and
// name.allocs.prof, of all that was allocated.
func profile(name string) (stop func(), err error) {
	cpu, err := os.Create(name + ".cpu.prof")
	if err != nil {
		return nil, err
	}
	allocs, err := os.Create(name + ".allocs.prof")
	if err != nil {
		_ = cpu.Close()
		return nil, err
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return nil, errors.Join(err, cpu.Close(), allocs.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		runtime.GC() // the profile is as of the last collection
		_ = pprof.Lookup("allocs").WriteTo(allocs, 0)
		_ = errors.Join(cpu.Close(), allocs.Close())
	}, nil
}

func cpuTime() time.Duration {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		return 0 // it takes no other argument that could be wrong
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// peakMemory reads VmHWM. Rusage's Maxrss won't do: a process inherits it
// from the one that started it.
func peakMemory() int64 {
	file, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer func() { _ = file.Close() }()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
			kib, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(text, "kB")), 10, 64)
			return kib << 10
		}
	}
	return 0
}
