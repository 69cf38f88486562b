package iterator_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/redisarrow/redisarrow/arrowutil"
	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/convert"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
)

// startCluster starts a cluster in this process with some users in it, so
// that the examples run anywhere.
func startCluster() *minicluster.Cluster { return startClusterOf(minicluster.Config{Seed: 1}) }

func startClusterOf(config minicluster.Config) *minicluster.Cluster {
	c, err := minicluster.Start(config)
	if err != nil {
		log.Fatal(err)
	}
	c.SetHash("user:1", "name", "Alice", "age", "30", "active", "true")
	c.SetHash("user:3", "name", "Bob", "active", "false")
	c.SetHash("user:4", "name", "Cleo", "age", "41")
	for i := 1; i <= 20; i++ {
		c.SetString(fmt.Sprint("counter:", i), fmt.Sprint(10*i))
	}
	return c
}

func ExampleNewClusterHashBatchIterator() {
	server := startCluster()
	defer server.Close()
	ctx := context.Background()

	// Or any *redis.ClusterClient or *redis.Client of your own.
	rdb, err := cluster.Connect(ctx, cluster.Options{URLs: server.URLs()})
	if err != nil {
		log.Fatal(err)
	}
	defer rdb.Close()

	users, err := schema.NewHash(
		schema.Key("_key"), schema.TTL("_ttl", arrow.Second),
		schema.Utf8("name"), schema.Int64("age"), schema.Boolean("active"),
	)
	if err != nil {
		log.Fatal(err)
	}
	it, err := iterator.NewClusterHashBatchIterator(ctx, rdb, users, iterator.Config{Pattern: "user:*"})
	if err != nil {
		log.Fatal(err)
	}
	defer it.Release()
	for it.Next() {
		batch := it.RecordBatch() // valid until the next Next; Retain it to keep it longer
		for i := range int(batch.NumRows()) {
			fmt.Println(batch.Column(0).ValueStr(i), batch.Column(2).ValueStr(i), batch.Column(3).ValueStr(i))
		}
	}
	if err := it.Err(); err != nil {
		log.Fatal(err)
	}
	// Unordered output:
	// user:3 Bob (null)
	// user:1 Alice 30
	// user:4 Cleo 41
}

func ExampleNewClusterStringBatchIterator() {
	server := startCluster()
	defer server.Close()
	ctx := context.Background()
	rdb, err := cluster.Connect(ctx, cluster.Options{URLs: server.URLs()})
	if err != nil {
		log.Fatal(err)
	}
	defer rdb.Close()

	counters, err := schema.ParseString("_key:key,count:int64")
	if err != nil {
		log.Fatal(err)
	}
	it, err := iterator.NewClusterStringBatchIterator(ctx, rdb, counters, iterator.Config{
		Pattern:     "counter:*",
		Concurrency: iterator.AllMasters,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer it.Release()

	sum := int64(0)
	for batch, err := range it.All() {
		if err != nil {
			log.Fatal(err)
		}
		for _, n := range batch.Column(1).(*array.Int64).Int64Values() {
			sum += n
		}
	}
	fmt.Println(sum, "in", it.Stats().Rows, "counters")
	// Output: 2100 in 20 counters
}

// A bad cell ends the scan by default. OnParseError decides otherwise.
func ExampleConfig() {
	server := startCluster()
	defer server.Close()
	server.SetHash("user:5", "name", "Dan", "age", "about 50")
	ctx := context.Background()
	rdb, err := cluster.Connect(ctx, cluster.Options{URLs: server.URLs()})
	if err != nil {
		log.Fatal(err)
	}
	defer rdb.Close()
	users, err := schema.ParseHash("name:utf8,age:int64")
	if err != nil {
		log.Fatal(err)
	}
	for _, policy := range []convert.Policy{convert.Fail, convert.Null, convert.SkipRow} {
		it, err := iterator.NewClusterHashBatchIterator(ctx, rdb, users, iterator.Config{
			Pattern:      "user:*",
			OnParseError: policy,
		})
		if err != nil {
			log.Fatal(err)
		}
		rows := int64(0)
		for it.Next() {
			rows += it.RecordBatch().NumRows()
		}
		var bad *iterator.CellError
		switch {
		case errors.As(it.Err(), &bad):
			fmt.Printf("%v: %s of %s is %q\n", policy, bad.Field, bad.Key, bad.Value)
		case errors.Is(it.Err(), iterator.ErrIncomplete):
			log.Fatal("some slots are missing: ", it.Err())
		case it.Err() != nil:
			log.Fatal(it.Err())
		default:
			fmt.Printf("%v: %d rows, %d bad cells\n", policy, rows, it.Stats().ParseFailures)
		}
		it.Release()
	}
	// Output:
	// fail: age of user:5 is "about 50"
	// null: 4 rows, 1 bad cells
	// skip: 3 rows, 1 bad cells
}

// The iterators are Arrow record readers: whatever takes one takes them.
func ExampleBatchReader() {
	server := startCluster()
	defer server.Close()
	ctx := context.Background()
	rdb, err := cluster.Connect(ctx, cluster.Options{URLs: server.URLs()})
	if err != nil {
		log.Fatal(err)
	}
	defer rdb.Close()
	counters, err := schema.ParseString("_key:key,count:int64")
	if err != nil {
		log.Fatal(err)
	}
	it, err := iterator.NewClusterStringBatchIterator(ctx, rdb, counters, iterator.Config{Pattern: "counter:*"})
	if err != nil {
		log.Fatal(err)
	}
	defer it.Release()

	dir, err := os.MkdirTemp("", "redisarrow")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	result, err := arrowutil.WriteIPCFile(filepath.Join(dir, "counters.arrow"), it)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Rows, "rows in", result.Batches, "batch")
	// Output: 20 rows in 1 batch
}

func ExampleParseEnumeration() {
	server := startCluster()
	defer server.Close()
	ctx := context.Background()
	rdb, err := cluster.Connect(ctx, cluster.Options{URLs: server.URLs()})
	if err != nil {
		log.Fatal(err)
	}
	defer rdb.Close()

	way, err := iterator.ParseEnumeration("plainscan") // from a flag, say
	if err != nil {
		log.Fatal(err)
	}
	counters, err := schema.NewString(schema.Key("_key"), schema.Int64("value"))
	if err != nil {
		log.Fatal(err)
	}
	it, err := iterator.NewClusterStringBatchIterator(ctx, rdb, counters, iterator.Config{Pattern: "counter:*", Enumerate: way})
	if err != nil {
		log.Fatal(err)
	}
	defer it.Release()
	for it.Next() {
	}
	if err := it.Err(); err != nil {
		log.Fatal(err)
	}
	stats := it.Stats()
	fmt.Println(stats.Rows, "rows, by", stats.Nodes[0].Enumerations)

	_, err = iterator.ParseEnumeration("scan")
	fmt.Println(err)
	// Output:
	// 20 rows, by [plainscan]
	// iterator: bad config: "scan" is no way to enumerate: known are auto, clusterscan, slotscan, keysinslot, plainscan
}

// With AllowIncomplete a scan ends well also where nobody has some of the slots,
// and says which those are: if the servers still answer then, as they do with
// cluster-require-full-coverage no.
func ExampleBatchReader_Missing() {
	server := startClusterOf(minicluster.Config{Seed: 1, PartialCoverage: true})
	defer server.Close()
	server.Unassign(100, 101, 102) // CLUSTER DELSLOTS, everywhere
	ctx := context.Background()
	rdb, err := cluster.Connect(ctx, cluster.Options{URLs: server.URLs()})
	if err != nil {
		log.Fatal(err)
	}
	defer rdb.Close()

	counters, err := schema.NewString(schema.Key("_key"), schema.Int64("value"))
	if err != nil {
		log.Fatal(err)
	}
	it, err := iterator.NewClusterStringBatchIterator(ctx, rdb, counters, iterator.Config{AllowIncomplete: true})
	if err != nil {
		log.Fatal(err)
	}
	defer it.Release()
	rows := int64(0)
	for it.Next() {
		rows += it.RecordBatch().NumRows()
	}
	if err := it.Err(); err != nil {
		log.Fatal(err)
	}
	if missing := it.Missing(); missing != nil {
		fmt.Println(rows, "rows, without slots", missing.Slots)
	}
	// Output:
	// 20 rows, without slots 100-102
}

// A scan that is stopped goes on where it was, in another process too.
func ExampleBatchReader_Checkpoint() {
	server := startCluster()
	defer server.Close()
	ctx := context.Background()
	rdb, err := cluster.Connect(ctx, cluster.Options{URLs: server.URLs()})
	if err != nil {
		log.Fatal(err)
	}
	defer rdb.Close()
	counters, err := schema.NewString(schema.Index("_index"), schema.Key("_key"), schema.Int64("value"))
	if err != nil {
		log.Fatal(err)
	}

	config := iterator.Config{BatchSize: 8, Checkpoints: true}
	keys := map[string]bool{}
	for range 2 {
		it, err := iterator.NewClusterStringBatchIterator(ctx, rdb, counters, config)
		if err != nil {
			log.Fatal(err)
		}
		for it.Next() {
			batch := it.RecordBatch()
			fmt.Println("rows from", batch.Column(0).ValueStr(0), "on:", batch.NumRows())
			for i := range int(batch.NumRows()) {
				keys[batch.Column(1).ValueStr(i)] = true
			}
			if config.Resume == nil {
				break // the first process ends here
			}
		}
		if config.Resume, err = it.Checkpoint(); err != nil {
			log.Fatal(err)
		}
		it.Release()
	}
	fmt.Println(len(keys), "keys")
	// Output:
	// rows from 0 on: 8
	// rows from 8 on: 8
	// rows from 16 on: 4
	// 20 keys
}

// Keys are read from replicas where there are such that keep up; from the masters
// otherwise, as here, where there is none.
func ExampleParseReadFrom() {
	server := startCluster()
	defer server.Close()
	ctx := context.Background()
	rdb, err := cluster.Connect(ctx, cluster.Options{URLs: server.URLs()})
	if err != nil {
		log.Fatal(err)
	}
	defer rdb.Close()
	counters, err := schema.NewString(schema.Key("_key"), schema.Int64("value"))
	if err != nil {
		log.Fatal(err)
	}
	from, err := iterator.ParseReadFrom("prefer-replica") // from a flag, say
	if err != nil {
		log.Fatal(err)
	}
	it, err := iterator.NewClusterStringBatchIterator(ctx, rdb, counters, iterator.Config{ReadFrom: from})
	if err != nil {
		log.Fatal(err)
	}
	defer it.Release()
	for it.Next() {
	}
	fmt.Println(it.Stats().Rows, "rows", it.Err())
	// Output: 20 rows <nil>
}

// A scan that several processes share: each reads its slots, and together they
// have every key once.
func ExampleConfig_slots() {
	server := startCluster()
	defer server.Close()
	ctx := context.Background()
	rdb, err := cluster.Connect(ctx, cluster.Options{URLs: server.URLs()})
	if err != nil {
		log.Fatal(err)
	}
	defer rdb.Close()
	counters, err := schema.NewString(schema.Key("_key"), schema.Int64("value"))
	if err != nil {
		log.Fatal(err)
	}

	sets, err := cluster.Partition(ctx, rdb, 4)
	if err != nil {
		log.Fatal(err)
	}
	rows := int64(0)
	for _, slots := range sets { // each in a process of its own
		it, err := iterator.NewClusterStringBatchIterator(ctx, rdb, counters, iterator.Config{Slots: slots})
		if err != nil {
			log.Fatal(err)
		}
		for it.Next() {
			rows += it.RecordBatch().NumRows()
		}
		if err := it.Err(); err != nil {
			log.Fatal(err)
		}
		it.Release()
	}
	fmt.Println(rows, "rows")
	// Output: 20 rows
}

// A schema from a look at some hashes of every master, and a scan with it: what
// doesn't fit, among the keys that weren't looked at, becomes null and is counted.
func ExampleInferHash() {
	server := startCluster()
	defer server.Close()
	ctx := context.Background()
	rdb, err := cluster.Connect(ctx, cluster.Options{URLs: server.URLs()})
	if err != nil {
		log.Fatal(err)
	}
	defer rdb.Close()

	users, err := iterator.InferHash(ctx, rdb, iterator.InferConfig{Pattern: "user:*"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(users.Schema)
	it, err := iterator.NewClusterHashBatchIterator(ctx, rdb, users.Schema, iterator.Config{Pattern: "user:*", OnParseError: convert.Null})
	if err != nil {
		log.Fatal(err)
	}
	defer it.Release()
	for it.Next() {
		fmt.Println(it.RecordBatch().NumRows(), "rows")
	}
	if err := it.Err(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(it.Stats().ParseFailures, "cells are null because they didn't fit")
	// Output:
	// _key:key,name:utf8,age:int64,active:boolean
	// 3 rows
	// 0 cells are null because they didn't fit
}

// What was seen of each field, and a type that is given.
func ExampleInferString() {
	server := startCluster()
	defer server.Close()
	ctx := context.Background()
	rdb, err := cluster.Connect(ctx, cluster.Options{URLs: server.URLs()})
	if err != nil {
		log.Fatal(err)
	}
	defer rdb.Close()

	counters, err := iterator.InferString(ctx, rdb, iterator.InferConfig{
		Pattern: "counter:*", Types: []schema.Column{schema.Uint8(schema.ValueName)},
	})
	if err != nil {
		log.Fatal(err)
	}
	value := counters.Fields[0]
	fmt.Printf("%s: %d of %d values fit\n", value.Column, value.Fits, value.Present)
	// Output: value:uint8: 20 of 20 values fit
}
