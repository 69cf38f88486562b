package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/redis/go-redis/v9"

	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
)

// demoFields is how many fields are taken at most: the demo prints tables.
const demoFields = 16

// inferScans are the demo's scans of a cluster nothing is known of. Keys are
// binary: they may be any bytes, and the demo has to show them all.
func inferScans(ctx context.Context, rdb redis.UniversalClient) ([]demoScan, error) {
	metadata := func(extra ...schema.Column) []schema.Column {
		return append([]schema.Column{schema.BinaryKey(defaultKeyColumn), schema.TTL(defaultTTLColumn, arrow.Second)}, extra...)
	}
	config := iterator.InferConfig{Columns: []schema.Column{}, Examples: -1}
	columns := metadata()
	found, err := iterator.InferHash(ctx, rdb, config)
	switch {
	case errors.Is(err, iterator.ErrNoKeys):
	case err != nil:
		return nil, fmt.Errorf("looking at some hashes: %w", err)
	default:
		for _, f := range found.Fields {
			if name := f.Column.Name(); name != defaultKeyColumn && name != defaultTTLColumn && len(columns) < len(metadata())+demoFields {
				columns = append(columns, f.Column)
			}
		}
	}
	hashes, err := schema.NewHash(columns...)
	if err != nil {
		return nil, err
	}

	value := schema.Binary(valueColumn)
	values, err := iterator.InferString(ctx, rdb, config)
	switch {
	case errors.Is(err, iterator.ErrNoKeys):
	case err != nil:
		return nil, fmt.Errorf("looking at some strings: %w", err)
	default:
		value = values.Fields[0].Column
	}
	strings, err := schema.NewString(metadata(value)...)
	if err != nil {
		return nil, err
	}
	return []demoScan{
		{title: "hashes", pattern: "*", rows: hashRows{hashes}},
		{title: "strings", pattern: "*", rows: stringRows{strings}},
	}, nil
}
