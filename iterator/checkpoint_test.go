package iterator_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/convert"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// inPieces reads a scan in pieces, each by a reader that goes on where the one
// before was released: after batches() batches. between is called before each.
func inPieces(h *healing, config iterator.Config, text string, batches func() int, between func(piece int)) (rows []string, pieces int) {
	h.t.Helper()
	config.Checkpoints = true
	for {
		between(pieces)
		it := hashes(h.t, h.rdb, text, config)
		more := true
		for range batches() {
			if more = it.Next(); !more {
				break
			}
			rows = append(rows, cells(it.RecordBatch())...)
		}
		var err error
		config.Resume, err = it.Checkpoint()
		require.NoError(h.t, err)
		require.NoError(h.t, it.Err())
		it.Release()
		if pieces++; !more {
			return rows, pieces
		}
	}
}

// A scan in pieces gives the rows of one scan, wherever it is stopped, whatever
// moves meanwhile.
func TestCheckpoint(t *testing.T) {
	healAll(t, 0, func(h *healing) {
		slices.Sort(h.keys)
		for seed := range uint64(6) {
			rng := rand.New(rand.NewPCG(seed, 1))
			config := h.config()
			config.BatchSize = 1 + rng.IntN(300)
			config.Concurrency = []int{1, 2, iterator.AllMasters}[seed%3]
			rows, pieces := inPieces(h, config, "_index:index,_key:key", func() int { return rng.IntN(2 + 2000/config.BatchSize) }, func(piece int) {
				if seed%2 == 1 && piece > 0 && piece < 20 {
					h.c.MoveSlot(rng.IntN(3), healSlot, rng.IntN(16384), rng.IntN(16384))
				}
			})
			assert.Greater(h.t, pieces, 1)
			for i, row := range rows {
				index, key, _ := strings.Cut(row, "|")
				require.Equal(h.t, fmt.Sprint(i), index)
				rows[i] = key
			}
			slices.Sort(rows)
			assertRows(h.t, h.keys, rows)
		}
	})
}

// After the end nothing is left, and the checkpoint says so for ever.
func TestCheckpointOfWhole(t *testing.T) {
	healAll(t, 0, func(h *healing) {
		config := h.config()
		config.Checkpoints, config.Concurrency = true, iterator.AllMasters
		it := hashes(h.t, h.rdb, "_key:key", config)
		beginning, err := it.Checkpoint()
		require.NoError(h.t, err)
		n := 0
		for it.Next() {
			n += int(it.RecordBatch().NumRows())
		}
		require.NoError(h.t, it.Err())
		require.Equal(h.t, len(h.keys), n)
		config.Resume, err = it.Checkpoint()
		require.NoError(h.t, err)
		it.Release()
		assert.Less(h.t, len(config.Resume), 1000, "nothing but the terms")
		again := readAll(hashes(h.t, h.rdb, "_key:key", config))
		require.NoError(h.t, again.err)
		assert.Empty(h.t, again.rows)

		config.Resume = beginning
		config.Checkpoints = false // it isn't needed to go on
		again = readAll(hashes(h.t, h.rdb, "_key:key", config))
		require.NoError(h.t, again.err)
		slices.Sort(h.keys)
		assertRows(h.t, h.keys, again.rows)
	})
}

// An error doesn't spoil what was handed out before.
func TestCheckpointAfterError(t *testing.T) {
	c, rdb := fake(t, minicluster.Config{})
	want := users(c, 2000)
	c.SetHash("user:bad", "name", "Bad", "age", "old")
	config := iterator.Config{BatchSize: 64, Checkpoints: true, Concurrency: iterator.AllMasters}
	it := hashes(t, rdb, userSchema, config)
	var rows []string
	for it.Next() {
		rows = append(rows, cells(it.RecordBatch())...)
	}
	var bad *iterator.CellError
	require.ErrorAs(t, it.Err(), &bad)
	var err error
	config.Resume, err = it.Checkpoint()
	require.NoError(t, err)
	it.Release()
	c.Delete("user:bad")
	got := readAll(hashes(t, rdb, userSchema, config))
	require.NoError(t, got.err)
	rows = append(rows, got.rows...)
	slices.Sort(rows)
	assertRows(t, want, rows)
}

func TestCheckpointMaxRows(t *testing.T) {
	c, rdb := fake(t, minicluster.Config{})
	users(c, 2000)
	config := iterator.Config{BatchSize: 64, Checkpoints: true, MaxRows: 300}
	var rows []string
	for range 4 {
		it := hashes(t, rdb, userSchema, config)
		for range 2 {
			if it.Next() {
				rows = append(rows, cells(it.RecordBatch())...)
			}
		}
		require.NoError(t, it.Err())
		var err error
		config.Resume, err = it.Checkpoint()
		require.NoError(t, err)
		it.Release()
	}
	assert.Len(t, rows, 300)
	slices.Sort(rows)
	assertUnique(t, rows)
}

// A single server has all its slots under way to the end.
func TestCheckpointOfSingleServer(t *testing.T) {
	t.Parallel()
	c, rdb := fakeServer(t)
	for i := range 1000 {
		c.SetString(fmt.Sprint("k:", i), fmt.Sprint(i))
	}
	config := iterator.Config{BatchSize: 100, CountHint: 50, Checkpoints: true}
	it := strs(t, rdb, "_key:key,v:utf8", config)
	var rows []string
	for range 4 {
		require.True(t, it.Next())
		rows = append(rows, cells(it.RecordBatch())...)
	}
	var err error
	config.Resume, err = it.Checkpoint()
	require.NoError(t, err)
	it.Release()
	got := readAll(strs(t, rdb, "_key:key,v:utf8", config))
	require.NoError(t, got.err)
	rows = append(rows, got.rows...)
	slices.Sort(rows)
	assert.Len(t, rows, 1000)
	assertUnique(t, rows)

	config.MaxLedgerBytes = 1000
	s, err := schema.ParseString("_key:key,v:utf8")
	require.NoError(t, err)
	_, err = iterator.NewClusterStringBatchIterator(t.Context(), rdb, s, config)
	require.ErrorIs(t, err, iterator.ErrLedger)
}

func TestCheckpointRefused(t *testing.T) {
	c, rdb := fake(t, minicluster.Config{})
	users(c, 500)
	other, elsewhere := fake(t, minicluster.Config{Seed: 99})
	users(other, 10)
	config := iterator.Config{BatchSize: 64, Checkpoints: true, Pattern: "user:*", Enumerate: iterator.PlainScan}
	it := hashes(t, rdb, userSchema, config)
	require.True(t, it.Next())
	good, err := it.Checkpoint()
	require.NoError(t, err)
	it.Release()

	open := func(rdb *redis.ClusterClient, text string, config iterator.Config) error {
		s, err := schema.ParseHash(text)
		require.NoError(t, err)
		it, err := iterator.NewClusterHashBatchIterator(context.Background(), rdb, s, checked(t, config))
		if err == nil {
			it.Release()
		}
		return err
	}
	config.Resume = good
	require.NoError(t, open(rdb, userSchema, config))
	refused := func(want string, err error) {
		t.Helper()
		require.ErrorIs(t, err, iterator.ErrCheckpoint)
		require.ErrorContains(t, err, want)
	}
	refused("another cluster", open(elsewhere, userSchema, config))
	refused(`schema "_key:key,name:utf8`, open(rdb, "_key:key", config))
	with := func(change func(*iterator.Config)) error {
		c := config
		change(&c)
		return open(rdb, userSchema, c)
	}
	refused(`pattern "user:*", and this one has "*"`, with(func(c *iterator.Config) { c.Pattern = "" }))
	refused(`OnParseError "fail"`, with(func(c *iterator.Config) { c.OnParseError = convert.SkipRow }))
	refused(`MaxValueBytes and OnLargeValue ""`, with(func(c *iterator.Config) { c.MaxValueBytes = 1000 }))
	refused(`slots "0-16383", and this one has "7"`, with(func(c *iterator.Config) { c.Slots.Add(7) }))
	s, err := schema.ParseString("_key:key,v:utf8")
	require.NoError(t, err)
	_, err = iterator.NewClusterStringBatchIterator(context.Background(), rdb, s, config)
	refused("type", err)

	for cut := range len(good) { // each length, and each byte
		refused("", with(func(c *iterator.Config) { c.Resume = good[:cut] }))
		bad := slices.Clone(good)
		bad[cut] ^= 0x20
		refused("", with(func(c *iterator.Config) { c.Resume = bad }))
	}
	refused("it isn't one", with(func(c *iterator.Config) { c.Resume = []byte("PK\x03\x04 something else") }))
	newer := []byte("redisarrow-checkpoint 2\n{}\n")
	sum := sha256.Sum256(newer)
	refused(`version "2"`, with(func(c *iterator.Config) { c.Resume = append(newer, sum[:]...) }))

	it = hashes(t, rdb, userSchema, iterator.Config{})
	_, err = it.Checkpoint()
	require.ErrorIs(t, err, iterator.ErrConfig)
	it.Release()
}
