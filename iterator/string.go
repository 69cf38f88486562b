package iterator

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/internal/resp"
	"github.com/redisarrow/redisarrow/internal/scan"
	"github.com/redisarrow/redisarrow/schema"
)

// ClusterStringBatchIterator reads the strings of a cluster, a row for each
// key. All that it can do is in [BatchReader].
type ClusterStringBatchIterator struct{ *BatchReader }

// NewClusterStringBatchIterator prepares a scan of the strings that match
// config.Pattern, with rows of the form s. Otherwise as
// [NewClusterHashBatchIterator].
func NewClusterStringBatchIterator(ctx context.Context, rdb redis.UniversalClient, s *schema.String, config Config) (*ClusterStringBatchIterator, error) {
	if s == nil || s.Arrow() == nil {
		return nil, fmt.Errorf("%w: make one with schema.NewString or schema.ParseString", ErrSchema)
	}
	l := newLayout(s)
	r, err := open(ctx, rdb, &l, newStringKind(&l, config.StringCommand, config.MaxValueBytes), config)
	if err != nil {
		return nil, err
	}
	return &ClusterStringBatchIterator{r}, nil
}

// stringKind reads a string with GET; or only its type, if its value isn't
// wanted. Where nothing else is wanted of a key, the strings of a slot are read
// together, with MGET.
//
// MGET answers alike for a key that is gone and for one of another type: null.
// Such a key is asked about once more, with GET, which tells them apart. So is
// each key of an MGET that is refused.
//
// Where values have a bound, it is STRLEN that comes first: what is beyond it is
// never asked for.
type stringKind struct {
	alone    []scan.Command // with the value
	first    []scan.Command
	hasValue bool
	bounded  bool // first has STRLEN
	many     *scan.Many
}

const (
	stepAlone   uint8 = iota + 1 // GET, after MGET or STRLEN
	stepElement                  // an element of MGET's reply
)

func newStringKind(l *layout, command StringCommand, most int64) *stringKind {
	k := &stringKind{hasValue: len(l.fields) > 0}
	k.bounded = k.hasValue && most > 0
	name := "TYPE"
	if k.hasValue {
		name = "GET"
	}
	metadata := l.metadataCommands()
	k.alone = append([]scan.Command{scan.NewCommand(name)}, metadata...)
	k.first = k.alone
	if k.bounded {
		k.first = append([]scan.Command{scan.NewCommand("STRLEN")}, metadata...)
	}
	if k.hasValue && !k.bounded && len(metadata) == 0 && command != GET {
		k.many = &scan.Many{Name: "MGET", Element: stepElement, Single: stepAlone}
	}
	return k
}

func (k *stringKind) commands() []string {
	names := commandNames(k.alone)
	switch {
	case k.bounded:
		names = append([]string{"STRLEN"}, names...)
	case k.many != nil:
		names = append([]string{k.many.Name}, names...)
	}
	return names
}

func (k *stringKind) Type() string           { return "string" }
func (k *stringKind) Many() *scan.Many       { return k.many }
func (k *stringKind) newReader() valueReader { return k }

func (k *stringKind) Commands(step uint8) []scan.Command {
	if step == stepFirst {
		return k.first
	}
	return k.alone
}

func (k *stringKind) bare(uint8) bool { return false }

func (k *stringKind) read(step uint8, key []byte, r *resp.Reader, b *builder) (scan.Result, error) {
	if !k.hasValue {
		return readType(r, k.Type())
	}
	if k.bounded && step == stepFirst {
		return k.readSize(key, r, b)
	}
	h, err := r.ReadHeader()
	switch {
	case err != nil:
		return scan.Result{}, err
	case h.Kind == resp.Error:
		return refusedValue(h, "GET"), nil
	case h.Kind != resp.Bulk:
		return scan.Result{}, resp.Unexpected(h, "GET's bulk string")
	case h.Null() && step == stepElement:
		return scan.Result{Outcome: scan.Again, Step: stepAlone}, nil
	case h.Null():
		return scan.Result{Outcome: scan.Vanished}, nil
	case h.N > b.most:
		return scan.Result{Outcome: scan.Rows}, b.largeCell(0, key, h.N, r, true)
	case r.Long(h.N):
		return scan.Result{Outcome: scan.Rows}, b.longCell(0, key, h.N, r)
	}
	value, err := r.ReadBulk(h.N)
	if err != nil {
		return scan.Result{}, err
	}
	b.cell(0, key, value)
	return scan.Result{Outcome: scan.Rows}, nil
}

// readSize reads the reply to STRLEN. It is 0 for an empty string and for a key
// that is gone: GET tells them apart.
func (k *stringKind) readSize(key []byte, r *resp.Reader, b *builder) (scan.Result, error) {
	n, res, err := readLength(r, "STRLEN")
	if err != nil || res.Outcome != scan.Rows {
		return res, err
	}
	if n > b.most {
		b.large(0, key, n)
		return res, nil
	}
	return scan.Result{Outcome: scan.Again, Step: stepAlone}, nil
}
