package main

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
)

const timestampUnit = arrow.Microsecond

// readOurs reads with this module, as its documentation shows it.
func readOurs(ctx context.Context, t task) (tally, error) {
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: t.Masters})
	defer func() { _ = rdb.Close() }()
	// The floor reads strings one by one: so does what is compared with it.
	config := iterator.Config{Pattern: t.Data.pattern(), StringCommand: iterator.GET}
	switch t.HashCommand {
	case hashGetAll:
		config.HashCommand = iterator.HGETALL
	case hashMGet:
		config.HashCommand = iterator.HMGET
	}
	if t.Enumerate != "" {
		var err error
		if config.Enumerate, err = iterator.ParseEnumeration(t.Enumerate); err != nil {
			return tally{}, err
		}
	}
	reader, err := open(ctx, rdb, t.Data, config)
	if err != nil {
		return tally{}, err
	}
	defer reader.Release()
	var all tally
	for reader.Next() {
		all.add(tallyBatch(reader.RecordBatch()))
	}
	all.ledger = reader.Stats().LedgerBytes
	return all, reader.Err()
}

func open(ctx context.Context, rdb redis.UniversalClient, d dataset, config iterator.Config) (*iterator.BatchReader, error) {
	columns := []schema.Column{schema.Key("_key")}
	if !d.isHash() {
		s, err := schema.NewString(append(columns, schema.Utf8("value"))...)
		if err != nil {
			return nil, err
		}
		it, err := iterator.NewClusterStringBatchIterator(ctx, rdb, s, config)
		if err != nil {
			return nil, err
		}
		return it.BatchReader, nil
	}
	for _, f := range d.taken() {
		columns = append(columns, f.kind.column(f.name))
	}
	s, err := schema.NewHash(columns...)
	if err != nil {
		return nil, err
	}
	it, err := iterator.NewClusterHashBatchIterator(ctx, rdb, s, config)
	if err != nil {
		return nil, err
	}
	return it.BatchReader, nil
}

// tallyBatch adds up a batch of whichever reader: its integers, and the
// lengths of a string's value.
func tallyBatch(b arrow.RecordBatch) tally {
	t := tally{Rows: b.NumRows()}
	for i, column := range b.Columns() {
		switch column := column.(type) {
		case *array.Int64:
			for _, v := range column.Values() {
				t.Sum += v
			}
		case *array.String:
			if b.ColumnName(i) == "value" {
				t.Sum += int64(len(column.ValueBytes()))
			}
		}
	}
	return t
}
