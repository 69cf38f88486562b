package iterator_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
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

const plainNull = "-"

func plainBytes(text string) string { return "x" + hex.EncodeToString([]byte(text)) }

// plainFloat is the bits of a float: all NaNs are the same.
func plainFloat(f float64) string {
	if math.IsNaN(f) {
		return "nan"
	}
	return fmt.Sprintf("%016x", math.Float64bits(f))
}

var (
	plainInteger = regexp.MustCompile(`^[+-]?[0-9]+$`)
	plainDecimal = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)
	plainLayouts = []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04:05Z07:00", "2006-01-02T15:04", time.DateOnly}
)

// plainCell is the cell of a text, ok is false if there is none. It reads
// what the random data has, with the standard library's parsers.
func plainCell(text, typ string) (cell string, ok bool) {
	switch typ {
	case "utf8":
		return plainBytes(text), utf8.ValidString(text)
	case "binary":
		return plainBytes(text), true
	case "int64":
		n, err := strconv.ParseInt(text, 10, 64)
		return strconv.FormatInt(n, 10), err == nil && plainInteger.MatchString(text)
	case "float64":
		if strings.ToLower(text) == "nan" {
			return "nan", true
		}
		f, _ := strconv.ParseFloat(text, 64) // out of range: the infinity
		return plainFloat(f), plainDecimal.MatchString(text) || strings.TrimLeft(strings.ToLower(text), "+-") == "inf"
	case "boolean":
		switch strings.ToLower(text) {
		case "true", "t", "yes", "y", "1":
			return "true", true
		case "false", "f", "no", "n", "0":
			return "false", true
		}
		return "", false
	case "date32":
		if d, err := time.Parse(time.DateOnly, text); err == nil {
			return strconv.FormatInt(d.Unix()/86400, 10), true // of dates since 1970
		}
		n, err := strconv.ParseInt(text, 10, 32)
		return strconv.FormatInt(n, 10), err == nil && n >= 0 && n <= 2932896
	case "timestamp[us]":
		for _, layout := range plainLayouts {
			if at, err := time.Parse(layout, text); err == nil {
				return strconv.FormatInt(at.UnixMicro(), 10), true
			}
		}
		n, ok := new(big.Int).SetString(text, 10)
		if !ok {
			return "", false
		}
		million := big.NewInt(1_000_000)
		switch { // not negative
		case len(text) <= 10:
			return n.Mul(n, million).String(), true
		case len(text) <= 13:
			return n.Mul(n, big.NewInt(1000)).String(), true
		case len(text) <= 16:
			return n.String(), true
		default:
			return n.Div(n, big.NewInt(1000)).String(), true
		}
	default:
		return "", false
	}
}

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
			if col.IsNull(i) {
				line = append(line, plainNull...)
				continue
			}
			switch col := col.(type) {
			case *array.String:
				line = hex.AppendEncode(append(line, 'x'), []byte(col.Value(i)))
			case *array.Binary:
				line = hex.AppendEncode(append(line, 'x'), col.Value(i))
			case *array.Int64:
				line = strconv.AppendInt(line, col.Value(i), 10)
			case *array.Date32:
				line = strconv.AppendInt(line, int64(col.Value(i)), 10)
			case *array.Timestamp:
				line = strconv.AppendInt(line, int64(col.Value(i)), 10)
			case *array.Boolean:
				line = strconv.AppendBool(line, col.Value(i))
			case *array.Float64:
				line = append(line, plainFloat(col.Value(i))...)
			default:
				require.Fail(t, "a column of another type", "%s", col.DataType())
			}
		}
		lines[i] = string(line)
	}
	return lines
}
