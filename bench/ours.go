package main

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
)

const timestampUnit = arrow.Microsecond

// readOurs reads with this module, as its documentation shows it.
func readOurs(ctx context.Context, t task) (harvest, error) {
	var all harvest
	rdb := redis.NewClusterClient(t.clusterOptions())
	defer func() { _ = rdb.Close() }()
	config := iterator.Config{Pattern: t.Data.pattern()}
	switch t.HashCommand {
	case hashGetAll:
		config.HashCommand = iterator.HGETALL
	case hashMGet:
		config.HashCommand = iterator.HMGET
	}
	if t.Enumerate != "" {
		var err error
		if config.Enumerate, err = iterator.ParseEnumeration(t.Enumerate); err != nil {
			return all, err
		}
	}
	reader, err := open(ctx, rdb, t.Data, config)
	if err != nil {
		return all, err
	}
	defer reader.Release()
	for reader.Next() {
		all.add(reader.RecordBatch())
	}
	all.ledger = reader.Stats().LedgerBytes
	return all, reader.Err()
}

func open(ctx context.Context, rdb redis.UniversalClient, d dataset, config iterator.Config) (*iterator.BatchReader, error) {
	columns := []schema.Column{schema.Key(keyColumn)}
	if d.TTL {
		columns = append(columns, schema.TTL(ttlColumn, arrow.Second))
	}
	if !d.isHash() {
		s, err := schema.NewString(append(columns, schema.Utf8(valueColumn))...)
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
