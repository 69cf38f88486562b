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

const idiomaticBatch = 8192

// readIdiomatic reads with go-redis, the masters one after another.
func readIdiomatic(ctx context.Context, t task) (tally, error) {
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: t.Masters})
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
		return tally{}, err
	}
	read, schema := readUsers, userSchema()
	if !t.Data.isHash() {
		read, schema = readTexts, textSchema()
	}
	b := &batcher{builder: array.NewRecordBuilder(memory.DefaultAllocator, schema)}
	defer b.builder.Release()
	b.builder.Reserve(idiomaticBatch)
	for _, master := range masters {
		if err := read(ctx, master, t.Data.pattern(), b); err != nil {
			return tally{}, err
		}
	}
	b.flush()
	return b.tally, nil
}

// batcher cuts the rows into batches.
type batcher struct {
	builder *array.RecordBuilder
	rows    int
	tally   tally
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
	b.tally.add(tallyBatch(batch))
	b.rows = 0
}

// scan goes over a master's keys of a type, page by page.
func scan(ctx context.Context, master *redis.Client, pattern, typ string, page func(keys []string) error) error {
	for cursor := uint64(0); ; {
		keys, next, err := master.ScanType(ctx, cursor, pattern, countHint, typ).Result()
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

func readUsers(ctx context.Context, master *redis.Client, pattern string, b *batcher) error {
	return scan(ctx, master, pattern, "hash", func(keys []string) error {
		pipe := master.Pipeline()
		replies := make([]*redis.MapStringStringCmd, len(keys))
		for i, key := range keys {
			replies[i] = pipe.HGetAll(ctx, key)
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return err
		}
		for i, key := range keys {
			if user := replies[i].Val(); len(user) > 0 { // else it is gone
				if err := appendUser(b.builder, key, user); err != nil {
					return fmt.Errorf("%s: %w", key, err)
				}
				b.rowDone()
			}
		}
		return nil
	})
}

func readTexts(ctx context.Context, master *redis.Client, pattern string, b *batcher) error {
	key, value := b.builder.Field(0).(*array.StringBuilder), b.builder.Field(1).(*array.StringBuilder)
	return scan(ctx, master, pattern, "string", func(keys []string) error {
		pipe := master.Pipeline()
		replies := make([]*redis.StringCmd, len(keys))
		for i, key := range keys {
			replies[i] = pipe.Get(ctx, key)
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return err
		}
		for i, name := range keys {
			key.Append(name)
			value.Append(replies[i].Val())
			b.rowDone()
		}
		return nil
	})
}

func textSchema() *arrow.Schema {
	return arrow.NewSchema([]arrow.Field{
		{Name: "_key", Type: arrow.BinaryTypes.String},
		{Name: "value", Type: arrow.BinaryTypes.String, Nullable: true},
	}, nil)
}

func userSchema() *arrow.Schema {
	return arrow.NewSchema([]arrow.Field{
		{Name: "_key", Type: arrow.BinaryTypes.String},
		{Name: "name", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "age", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "score", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		{Name: "active", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
		{Name: "signup_date", Type: arrow.FixedWidthTypes.Date32, Nullable: true},
		{Name: "seen", Type: arrow.FixedWidthTypes.Timestamp_us, Nullable: true},
		{Name: "city", Type: arrow.BinaryTypes.String, Nullable: true},
	}, nil)
}

func appendUser(b *array.RecordBuilder, key string, user map[string]string) error {
	b.Field(0).(*array.StringBuilder).Append(key)
	appendText(b.Field(1).(*array.StringBuilder), user, "name")
	if err := appendParsed(b.Field(2).(*array.Int64Builder), user, "age", parseInt); err != nil {
		return err
	}
	if err := appendParsed(b.Field(3).(*array.Float64Builder), user, "score", parseFloat); err != nil {
		return err
	}
	if err := appendParsed(b.Field(4).(*array.BooleanBuilder), user, "active", strconv.ParseBool); err != nil {
		return err
	}
	if err := appendParsed(b.Field(5).(*array.Date32Builder), user, "signup_date", parseDate); err != nil {
		return err
	}
	if err := appendParsed(b.Field(6).(*array.TimestampBuilder), user, "seen", parseSeen); err != nil {
		return err
	}
	appendText(b.Field(7).(*array.StringBuilder), user, "city")
	return nil
}

func appendText(b *array.StringBuilder, user map[string]string, name string) {
	if text, ok := user[name]; ok {
		b.Append(text)
	} else {
		b.AppendNull()
	}
}

type builder[T any] interface {
	Append(T)
	AppendNull()
}

func appendParsed[T any](b builder[T], user map[string]string, name string, parse func(string) (T, error)) error {
	text, ok := user[name]
	if !ok {
		b.AppendNull()
		return nil
	}
	v, err := parse(text)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	b.Append(v)
	return nil
}

func parseInt(s string) (int64, error)     { return strconv.ParseInt(s, 10, 64) }
func parseFloat(s string) (float64, error) { return strconv.ParseFloat(s, 64) }

func parseDate(s string) (arrow.Date32, error) {
	t, err := time.Parse(time.DateOnly, s)
	return arrow.Date32FromTime(t), err
}

func parseSeen(s string) (arrow.Timestamp, error) {
	t, err := time.Parse(time.RFC3339, s)
	return arrow.Timestamp(t.UnixMicro()), err
}
