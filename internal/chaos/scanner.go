package chaos

import (
	"context"
	"errors"
	"sync"

	"github.com/redis/go-redis/v9"
)

// Row is what a scan says of a key: the cells of a hash in the order of the fields, or a string's value.
type Row struct {
	Key   string
	Cells []string
}

// Scanner is a way to read all keys of a kind.
type Scanner func(ctx context.Context, job Job) Result

// Job says what to scan, and how.
type Job struct {
	Client *redis.ClusterClient
	Case   Case

	// Slow is to be called for every few rows, with their number.
	Slow func(rows int)
}

// Result is what a scanner has read.
type Result struct {
	Rows []Row
	Left []int // the slots of which it says that it can't promise all
	Err  error // any other reason for not having got to the end
}

// page is how many keys scanners ask for at a time.
const page = 100

// Plain is the loop that everybody writes first: SCAN on each master, and each key's value by the cluster client, which
// follows redirects.
func Plain(ctx context.Context, job Job) Result {
	var result Result
	var one, mu sync.Mutex // a master at a time, unless all are asked for; rows
	result.Err = job.Client.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error {
		if job.Case.Concurrency == 1 {
			one.Lock()
			defer one.Unlock()
		}
		for cursor := uint64(0); ; {
			keys, next, err := master.ScanType(ctx, cursor, "*", page, string(job.Case.Kind)).Result()
			if err != nil {
				return err
			}
			var rows []Row
			for _, key := range keys {
				cells, err := read(ctx, job.Client, job.Case.Kind, key)
				if err != nil {
					return err
				}
				if cells != nil {
					rows = append(rows, Row{key, cells})
				}
			}
			mu.Lock()
			result.Rows = append(result.Rows, rows...)
			mu.Unlock()
			job.Slow(len(rows))
			if cursor = next; cursor == 0 {
				return nil
			}
		}
	})
	return result
}

// read gives nil for a key that has vanished.
func read(ctx context.Context, rdb *redis.ClusterClient, kind Kind, key string) ([]string, error) {
	if kind == String {
		value, err := rdb.Get(ctx, key).Result()
		if errors.Is(err, redis.Nil) {
			return nil, nil
		}
		return []string{value}, err
	}
	hash, err := rdb.HGetAll(ctx, key).Result()
	if err != nil || len(hash) == 0 {
		return nil, err
	}
	var cells []string
	for _, field := range fields {
		cells = append(cells, hash[field])
	}
	return cells, nil
}
