package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/redis/go-redis/v9"

	"github.com/redisarrow/redisarrow/convert"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
)

const (
	guessHashes = 100 // hashes that are looked at
	guessFields = 16  // fields that are taken at most

	guessMaxFields = 10_000 // larger hashes are passed over
)

// guessScans are the demo's scans of a cluster nothing is known of. Keys are
// binary: they may be any bytes, and the demo has to show them all.
func guessScans(ctx context.Context, rdb redis.UniversalClient) ([]demoScan, error) {
	fields, err := guessFieldNames(ctx, rdb)
	if err != nil {
		return nil, fmt.Errorf("looking at the first hashes: %w", err)
	}
	metadata := []schema.Column{schema.BinaryKey(defaultKeyColumn), schema.TTL(defaultTTLColumn, arrow.Second)}
	columns := slices.Clone(metadata)
	for _, name := range fields {
		columns = append(columns, schema.Utf8(name))
	}
	hashes, err := schema.NewHash(columns...)
	if err != nil {
		return nil, err
	}
	strings, err := schema.NewString(append(metadata, schema.Binary(valueColumn))...)
	if err != nil {
		return nil, err
	}
	return []demoScan{
		{title: "hashes", pattern: "*", rows: hashRows{hashes}},
		{title: "strings", pattern: "*", rows: stringRows{strings}},
	}, nil
}

// guessFieldNames are the most frequent fields of the first hashes.
func guessFieldNames(ctx context.Context, rdb redis.UniversalClient) ([]string, error) {
	keys, err := firstHashes(ctx, rdb)
	if err != nil {
		return nil, err
	}
	seen := map[string]int{}
	for _, key := range keys {
		pairs, err := readSmallHash(ctx, rdb, key)
		if err != nil {
			return nil, err
		}
		for name := range pairs {
			if utf8.ValidString(name) && name != defaultKeyColumn && name != defaultTTLColumn {
				seen[name]++
			}
		}
	}
	names := slices.SortedFunc(maps.Keys(seen), func(a, b string) int {
		return cmp.Or(cmp.Compare(seen[b], seen[a]), cmp.Compare(a, b))
	})
	return names[:min(len(names), guessFields)], nil
}

// readSmallHash gives nothing for a hash that is too large to be read for a
// guess, or that has become another type in the meantime.
func readSmallHash(ctx context.Context, rdb redis.UniversalClient, key string) (map[string]string, error) {
	n, err := rdb.HLen(ctx, key).Result()
	var pairs map[string]string
	if err == nil && n <= guessMaxFields {
		pairs, err = rdb.HGetAll(ctx, key).Result()
	}
	if redis.HasErrorPrefix(err, "WRONGTYPE") {
		return nil, nil
	}
	return pairs, err
}

func firstHashes(ctx context.Context, rdb redis.UniversalClient) ([]string, error) {
	keysOnly, err := schema.NewHash(schema.BinaryKey(defaultKeyColumn))
	if err != nil {
		return nil, err
	}
	it, err := hashRows{keysOnly}.open(ctx, rdb, iterator.Config{
		Pattern: "*", MaxRows: guessHashes, BatchSize: guessHashes, OnParseError: convert.Null,
	})
	if err != nil {
		return nil, err
	}
	defer it.Release()
	var keys []string
	for it.Next() {
		column, ok := it.RecordBatch().Column(0).(*array.Binary)
		if !ok {
			return nil, errors.New("the key column isn't binary")
		}
		for i := range column.Len() {
			keys = append(keys, string(column.Value(i)))
		}
	}
	return keys, it.Err()
}
