// Command rueidis reads the hashes or strings of a cluster with rueidis, for the
// benchmark in the folder above, which starts it: SCAN on each master, DoMulti of
// HGETALL or GET for each page, strconv and time into an array.RecordBuilder. It is
// a module of its own so that who uses redisarrow doesn't get rueidis.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/redis/rueidis"
)

// task is what the benchmark says is to be done: what is needed here of its task.
type task struct {
	Masters []string
	Pattern string
	Type    string
	Columns []struct{ Name, Type string }
	TTL     bool
	Count   int64
}

// tally is what the scan came to.
type tally struct{ Rows, Sum, Expiring int64 }

// figures are what was measured, as the benchmark reads them.
type figures struct {
	Tally         tally
	Wall, CPU     time.Duration
	Allocs, Bytes uint64
	Peak, Columns int64
}

func main() {
	if len(os.Args) != 3 || os.Args[1] != "read" {
		fmt.Fprintln(os.Stderr, "rueidis is started by the benchmark: go run ./bench -rueidis")
		os.Exit(2)
	}
	if err := run(context.Background(), os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "rueidis:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, text string) error {
	var t task
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return err
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu, begun := cpuTime(), time.Now()
	b, err := read(ctx, t)
	if err != nil {
		return err
	}
	f := figures{Tally: b.tally, Columns: b.columns, Wall: time.Since(begun), CPU: cpuTime() - cpu}
	runtime.ReadMemStats(&after)
	f.Allocs, f.Bytes = after.Mallocs-before.Mallocs, after.TotalAlloc-before.TotalAlloc
	f.Peak = peakMemory()
	return json.NewEncoder(os.Stdout).Encode(f)
}

// read reads the masters one after another.
func read(ctx context.Context, t task) (*batcher, error) {
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: t.Masters, DisableCache: true})
	if err != nil {
		return nil, err
	}
	defer client.Close()
	b := newBatcher(t)
	defer b.builder.Release()
	for _, node := range client.Nodes() { // there are no replicas
		for cursor := uint64(0); ; {
			page, err := node.Do(ctx, node.B().Scan().Cursor(cursor).Match(t.Pattern).Count(t.Count).Type(t.Type).Build()).AsScanEntry()
			if err != nil {
				return nil, err
			}
			if err := readPage(ctx, node, t, page.Elements, b); err != nil {
				return nil, err
			}
			if cursor = page.Cursor; cursor == 0 {
				break
			}
		}
	}
	b.flush()
	return b, nil
}

func readPage(ctx context.Context, node rueidis.Client, t task, keys []string, b *batcher) error {
	each := 1
	if t.TTL {
		each = 2
	}
	commands := make(rueidis.Commands, 0, each*len(keys))
	for _, key := range keys {
		if t.Type == "hash" {
			commands = append(commands, node.B().Hgetall().Key(key).Build())
		} else {
			commands = append(commands, node.B().Get().Key(key).Build())
		}
		if t.TTL {
			commands = append(commands, node.B().Ttl().Key(key).Build())
		}
	}
	replies := node.DoMulti(ctx, commands...)
	for i, key := range keys {
		b.key.Append(key)
		if t.TTL {
			ttl, err := replies[each*i+1].AsInt64()
			if err != nil {
				return err
			}
			b.ttl.Append(ttl)
		}
		if err := b.append(replies[each*i]); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		b.rowDone()
	}
	return nil
}

const batch = 16_384

// batcher fills a builder and cuts the rows into batches.
type batcher struct {
	builder *array.RecordBuilder
	key     *array.StringBuilder
	ttl     *array.Int64Builder
	value   *array.StringBuilder // of strings
	cells   []cell               // of hashes
	rows    int
	tally   tally
	columns int64 // bytes of what came out
}

// cell appends to the column of one field.
type cell struct {
	name   string
	append func(text string, ok bool) error
}

func newBatcher(t task) *batcher {
	fields := []arrow.Field{{Name: "_key", Type: arrow.BinaryTypes.String}}
	if t.TTL {
		fields = append(fields, arrow.Field{Name: "_ttl", Type: arrow.PrimitiveTypes.Int64})
	}
	first := len(fields)
	if t.Type != "hash" {
		fields = append(fields, arrow.Field{Name: "value", Type: arrow.BinaryTypes.String, Nullable: true})
	}
	types := map[string]arrow.DataType{
		"utf8": arrow.BinaryTypes.String, "int64": arrow.PrimitiveTypes.Int64, "float64": arrow.PrimitiveTypes.Float64,
		"bool": arrow.FixedWidthTypes.Boolean, "date": arrow.FixedWidthTypes.Date32, "time": arrow.FixedWidthTypes.Timestamp_us,
	}
	for _, c := range t.Columns {
		fields = append(fields, arrow.Field{Name: c.Name, Type: types[c.Type], Nullable: true})
	}
	b := &batcher{builder: array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))}
	b.key = b.builder.Field(0).(*array.StringBuilder)
	if t.TTL {
		b.ttl = b.builder.Field(1).(*array.Int64Builder)
	}
	if t.Type != "hash" {
		b.value = b.builder.Field(first).(*array.StringBuilder)
	}
	for i, c := range t.Columns {
		b.cells = append(b.cells, cell{c.Name, appender(b.builder.Field(first + i))})
	}
	b.builder.Reserve(batch)
	return b
}

// append appends the value of a key.
func (b *batcher) append(reply rueidis.RedisResult) error {
	if b.value != nil {
		text, err := reply.ToString()
		b.value.Append(text)
		return err
	}
	hash, err := reply.AsStrMap()
	if err != nil {
		return err
	}
	for _, c := range b.cells {
		text, ok := hash[c.name]
		if err := c.append(text, ok); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return nil
}

func (b *batcher) rowDone() {
	if b.rows++; b.rows == batch {
		b.flush()
		b.builder.Reserve(batch)
	}
}

func (b *batcher) flush() {
	out := b.builder.NewRecordBatch()
	defer out.Release()
	b.rows = 0
	b.tally.Rows += out.NumRows()
	for i, column := range out.Columns() {
		for _, buffer := range column.Data().Buffers() {
			if buffer != nil {
				b.columns += int64(buffer.Len())
			}
		}
		switch column := column.(type) {
		case *array.Int64:
			for _, v := range column.Values() {
				switch {
				case out.ColumnName(i) != "_ttl":
					b.tally.Sum += v
				case v >= 0:
					b.tally.Expiring++
				}
			}
		case *array.String:
			if b.value != nil && out.ColumnName(i) == "value" {
				b.tally.Sum += int64(len(column.ValueBytes()))
			}
		}
	}
}

// appender parses a field's text into its builder.
func appender(b array.Builder) func(text string, ok bool) error {
	switch b := b.(type) {
	case *array.StringBuilder:
		return parsed(b, func(s string) (string, error) { return s, nil })
	case *array.Int64Builder:
		return parsed(b, func(s string) (int64, error) { return strconv.ParseInt(s, 10, 64) })
	case *array.Float64Builder:
		return parsed(b, func(s string) (float64, error) { return strconv.ParseFloat(s, 64) })
	case *array.BooleanBuilder:
		return parsed(b, strconv.ParseBool)
	case *array.Date32Builder:
		return parsed(b, func(s string) (arrow.Date32, error) {
			t, err := time.Parse(time.DateOnly, s)
			return arrow.Date32FromTime(t), err
		})
	case *array.TimestampBuilder:
		return parsed(b, func(s string) (arrow.Timestamp, error) {
			t, err := time.Parse(time.RFC3339, s)
			return arrow.Timestamp(t.UnixMicro()), err
		})
	default:
		panic(fmt.Sprintf("no column is a %v", b.Type()))
	}
}

type builder[T any] interface {
	Append(T)
	AppendNull()
}

func parsed[T any](b builder[T], parse func(string) (T, error)) func(text string, ok bool) error {
	return func(text string, ok bool) error {
		if !ok {
			b.AppendNull()
			return nil
		}
		v, err := parse(text)
		if err != nil {
			return err
		}
		b.Append(v)
		return nil
	}
}

func cpuTime() time.Duration {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		return 0
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// peakMemory reads VmHWM; 0 where there is no /proc.
func peakMemory() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if text, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "kB")), 10, 64)
			return kib << 10
		}
	}
	return 0
}
