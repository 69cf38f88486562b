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

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// figures are what one reader's process measured of itself.
type figures struct {
	Tally  tally
	Wall   time.Duration
	CPU    time.Duration // user and system, all threads, garbage collection included
	Allocs uint64        // heap objects
	Bytes  uint64        // heap bytes, the columns' included
	Peak   int64         // bytes of resident memory at its highest, of the whole process

	Columns int64 // bytes of the columns that came out
	Ledger  int64 // of ours: the most that the keys to be remembered have taken, in bytes
}

// harvest is what a reader says of its scan.
type harvest struct {
	tally
	columns, ledger int64 // see figures
}

// add takes note of a batch.
func (h *harvest) add(b arrow.RecordBatch) {
	h.tally.add(tallyBatch(b))
	for _, c := range b.Columns() {
		for _, buffer := range c.Data().Buffers() {
			if buffer != nil {
				h.columns += int64(buffer.Len())
			}
		}
	}
}

// tallyBatch adds up a batch of whichever reader: its integers, and the
// lengths of a string's value.
func tallyBatch(b arrow.RecordBatch) tally {
	t := tally{Rows: b.NumRows()}
	for i, column := range b.Columns() {
		switch column := column.(type) {
		case *array.Int64:
			for _, v := range column.Values() {
				switch {
				case b.ColumnName(i) != ttlColumn:
					t.Sum += v
				case v >= 0:
					t.Expiring++
				}
			}
		case *array.String:
			if b.ColumnName(i) == valueColumn {
				t.Sum += int64(len(column.ValueBytes()))
			}
		}
	}
	return t
}

// Names of columns.
const (
	keyColumn   = "_key"
	ttlColumn   = "_ttl"
	valueColumn = "value"
)

// readers are the ways to read.
func readers(name string) (func(context.Context, task) (harvest, error), bool) {
	switch name {
	case floorReader:
		return readFloor, true
	case idiomaticReader:
		return readIdiomatic, true
	case oursReader:
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
	got, err := read(ctx, t)
	f := figures{Tally: got.tally, Wall: time.Since(start), CPU: cpuTime() - cpu}
	runtime.ReadMemStats(&after)
	f.Allocs, f.Bytes = after.Mallocs-before.Mallocs, after.TotalAlloc-before.TotalAlloc
	f.Columns, f.Ledger, f.Peak = got.columns, got.ledger, peakMemory()
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
