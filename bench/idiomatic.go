package main

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/redis/go-redis/v9"
)

const idiomaticBatch = 16_384

// readIdiomatic reads with go-redis, the masters one after another. What its
// servers do is what the servers of ours are compared with: SCAN with TYPE, and
// HGETALL or GET.
func readIdiomatic(ctx context.Context, t task) (harvest, error) {
	rdb := redis.NewClusterClient(t.clusterOptions())
	defer func() { _ = rdb.Close() }()
	var (
		mu      sync.Mutex
		masters []*redis.Client
	)
	err := rdb.ForEachMaster(ctx, func(_ context.Context, master *redis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		masters = append(masters, master)
		return nil
	})
	if err != nil {
		return harvest{}, err
	}
	b := newBatcher(t.Data)
	defer b.builder.Release()
	for _, master := range masters {
		err := scan(ctx, master, t.Data, func(keys []string) error {
			if t.Data.isHash() {
				return readUsers(ctx, master, keys, b)
			}
			return readTexts(ctx, master, keys, b)
		})
		if err != nil {
			return harvest{}, err
		}
	}
	b.flush()
	return b.harvest, nil
}

// scan goes over a master's keys of a type, page by page.
func scan(ctx context.Context, master *redis.Client, d dataset, page func(keys []string) error) error {
	for cursor := uint64(0); ; {
		keys, next, err := master.ScanType(ctx, cursor, d.pattern(), countHint, d.typ()).Result()
		if err != nil {
			return err
		}
		if len(keys) > 0 {
			if err := page(keys); err != nil {
				return err
			}
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

func readUsers(ctx context.Context, master *redis.Client, keys []string, b *batcher) error {
	pipe := master.Pipeline()
	replies := make([]*redis.MapStringStringCmd, len(keys))
	ttls := make([]*redis.DurationCmd, len(keys))
	for i, key := range keys {
		replies[i] = pipe.HGetAll(ctx, key)
		if b.ttl != nil {
			ttls[i] = pipe.TTL(ctx, key)
		}
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	for i, key := range keys {
		user := replies[i].Val()
		if len(user) == 0 {
			continue // it is gone
		}
		b.begin(key, ttls[i])
		for _, c := range b.cells {
			text, ok := user[c.name]
			if err := c.append(text, ok); err != nil {
				return fmt.Errorf("%s: %s: %w", key, c.name, err)
			}
		}
		b.rowDone()
	}
	return nil
}

func readTexts(ctx context.Context, master *redis.Client, keys []string, b *batcher) error {
	pipe := master.Pipeline()
	replies := make([]*redis.StringCmd, len(keys))
	ttls := make([]*redis.DurationCmd, len(keys))
	for i, key := range keys {
		replies[i] = pipe.Get(ctx, key)
		if b.ttl != nil {
			ttls[i] = pipe.TTL(ctx, key)
		}
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	for i, key := range keys {
		b.begin(key, ttls[i])
		b.value.Append(replies[i].Val())
		b.rowDone()
	}
	return nil
}

// batcher fills a builder and cuts the rows into batches.
type batcher struct {
	builder *array.RecordBuilder
	key     *array.StringBuilder
	ttl     *array.Int64Builder // or nil
	value   *array.StringBuilder
	cells   []cell
	rows    int
	harvest harvest
}

// cell appends to the column of one field.
type cell struct {
	name   string
	append func(text string, ok bool) error
}

func newBatcher(d dataset) *batcher {
	fields := []arrow.Field{{Name: keyColumn, Type: arrow.BinaryTypes.String}}
	if d.TTL {
		fields = append(fields, arrow.Field{Name: ttlColumn, Type: arrow.PrimitiveTypes.Int64})
	}
	if !d.isHash() {
		fields = append(fields, arrow.Field{Name: valueColumn, Type: arrow.BinaryTypes.String, Nullable: true})
	}
	first := len(fields)
	for _, f := range d.taken() {
		fields = append(fields, arrow.Field{Name: f.name, Type: f.kind.column(f.name).Type(), Nullable: true})
	}
	b := &batcher{builder: array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))}
	b.key = b.builder.Field(0).(*array.StringBuilder)
	if d.TTL {
		b.ttl = b.builder.Field(1).(*array.Int64Builder)
	}
	if !d.isHash() {
		b.value = b.builder.Field(first - 1).(*array.StringBuilder)
	}
	for i, f := range fields[first:] {
		b.cells = append(b.cells, cell{f.Name, appender(b.builder.Field(first + i))})
	}
	b.builder.Reserve(idiomaticBatch)
	return b
}

// begin begins a row.
func (b *batcher) begin(key string, ttl *redis.DurationCmd) {
	b.key.Append(key)
	if b.ttl == nil {
		return
	}
	seconds := ttl.Val() // less than 0 are no seconds: -1 is a key that doesn't expire
	if seconds > 0 {
		seconds /= time.Second
	}
	b.ttl.Append(int64(seconds))
}

func (b *batcher) rowDone() {
	if b.rows++; b.rows == idiomaticBatch {
		b.flush()
		b.builder.Reserve(idiomaticBatch)
	}
}

func (b *batcher) flush() {
	batch := b.builder.NewRecordBatch()
	defer batch.Release()
	b.harvest.add(batch)
	b.rows = 0
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
		panic(fmt.Sprintf("no field of the datasets is a %v", b.Type()))
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
