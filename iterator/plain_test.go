package iterator_test

import (
	"context"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// This file is what scans are compared with: a plain loop, go-redis and the
// standard library, nothing of this project. It writes rows as lines: cells
// with a blank between them, as [plainCell] has them.

// plainKey is a key as the plain loop finds it.
type plainKey struct {
	kind   string // of TYPE
	fields map[string]string
	value  string
	at     int64 // when it expires, in ms since 1970; -1 if never
}

// readPlain reads all hashes and strings of a cluster.
func readPlain(t *testing.T, rdb *redis.ClusterClient) map[string]*plainKey {
	t.Helper()
	found := make(chan map[string]*plainKey, 16)
	require.NoError(t, rdb.ForEachMaster(context.Background(), func(ctx context.Context, node *redis.Client) error {
		keys := map[string]*plainKey{}
		for cursor := uint64(0); ; {
			page, next, err := node.Scan(ctx, cursor, "*", 1000).Result()
			if err != nil {
				return err
			}
			if err := readPlainPage(ctx, node, page, keys); err != nil {
				return err
			}
			if cursor = next; cursor == 0 {
				found <- keys
				return nil
			}
		}
	}))
	close(found)
	all := map[string]*plainKey{}
	for keys := range found {
		for key, value := range keys {
			_, twice := all[key]
			require.False(t, twice, "%q is on two masters", key)
			all[key] = value
		}
	}
	return all
}

func readPlainPage(ctx context.Context, node *redis.Client, page []string, keys map[string]*plainKey) error {
	types := make([]*redis.StatusCmd, len(page))
	_, err := node.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, key := range page {
			types[i] = p.Type(ctx, key)
		}
		return nil
	})
	if err != nil || len(page) == 0 {
		return err
	}
	values := map[string]redis.Cmder{}
	expiries := map[string]*redis.DurationCmd{}
	_, err = node.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, key := range page {
			switch types[i].Val() {
			case "hash":
				values[key] = p.HGetAll(ctx, key)
			case "string":
				values[key] = p.Get(ctx, key)
			default:
				continue
			}
			expiries[key] = p.PExpireTime(ctx, key)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for key, cmd := range values {
		k := &plainKey{at: -1}
		switch cmd := cmd.(type) {
		case *redis.MapStringStringCmd:
			k.kind, k.fields = "hash", cmd.Val()
		case *redis.StringCmd:
			k.kind, k.value = "string", cmd.Val()
		}
		if at := expiries[key].Val(); at > 0 {
			k.at = at.Milliseconds()
		}
		keys[key] = k
	}
	return nil
}

// plainColumn is a field and its type.
type plainColumn struct{ name, typ string }

// plainLine is the line of a key: key, time of expiry, cells. Those that don't
// fit are null, and counted.
func plainLine(key string, k *plainKey, columns []plainColumn) (line string, bad int) {
	cells := []string{plainBytes(key), plainNull}
	if k.at >= 0 {
		cells[1] = strconv.FormatInt(k.at, 10)
	}
	for _, c := range columns {
		text, ok := k.value, true
		if k.kind == "hash" {
			text, ok = k.fields[c.name]
		}
		cell := plainNull
		if ok {
			if cell, ok = plainCell(text, c.typ); !ok {
				bad++
				cell = plainNull
			}
		}
		cells = append(cells, cell)
	}
	return strings.Join(cells, " "), bad
}

// plainCell is the cell of a text of one of the types that the big data sets
// have; ok is false if there is none.
func plainCell(text, typ string) (cell string, ok bool) {
	switch typ {
	case "utf8":
		return plainUTF8(text)
	case "binary":
		return plainBinary(text)
	case "int64":
		return plainInt64(text)
	case "float64":
		return plainFloat64(text)
	case "boolean":
		return plainBoolean(text)
	case "date32":
		return plainDate(text)
	case "timestamp[us]":
		return plainMicroseconds(text)
	default:
		return "", false
	}
}

var (
	plainInt64        = plainInteger(big.NewInt(math.MinInt64), big.NewInt(math.MaxInt64))
	plainFloat64      = plainFloats(64)
	plainMicroseconds = plainTimestamp(arrow.Microsecond, time.UTC, nil)
)

// arrowLines are the rows of a batch as lines, but for the columns to be left
// out.
func arrowLines(t testing.TB, b arrow.RecordBatch, leaveOut ...string) []string {
	t.Helper()
	lines := make([]string, b.NumRows())
	var line []byte
	for i := range lines {
		line = line[:0]
		for j, col := range b.Columns() {
			if len(leaveOut) > 0 && b.ColumnName(j) == leaveOut[0] {
				continue
			}
			if len(line) > 0 {
				line = append(line, ' ')
			}
			var err error
			line, err = appendCell(line, col, i)
			require.NoError(t, err)
		}
		lines[i] = string(line)
	}
	return lines
}
