package iterator

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/internal/resp"
	"github.com/redisarrow/redisarrow/internal/scan"
	"github.com/redisarrow/redisarrow/schema"
)

// ClusterHashBatchIterator reads the hashes of a cluster, a row for each key.
// All that it can do is in [BatchReader].
type ClusterHashBatchIterator struct{ *BatchReader }

// NewClusterHashBatchIterator prepares a scan of the hashes that match
// config.Pattern, with rows of the form s. A field that a hash doesn't have
// is null; fields that aren't in s are left out.
//
// rdb is a *redis.ClusterClient, or a *redis.Client of a single server. Its
// options are used to connect; the connections of the scan are its own. The
// client stays the caller's, and is never closed.
//
// It reads the topology and tries to connect to a master, so that what is
// wrong is known at once: the error is then a [*NodeError], a
// [*cluster.SeedsError], or wraps [ErrConfig] or [ErrSchema]. The first row
// is asked for by the first Next. ctx governs the whole scan, not only this
// call: when it ends, Next returns false and Err its error.
//
// The caller releases the iterator, also after an error in mid-scan.
func NewClusterHashBatchIterator(ctx context.Context, rdb redis.UniversalClient, s *schema.Hash, config Config) (*ClusterHashBatchIterator, error) {
	if s == nil || s.Arrow() == nil {
		return nil, fmt.Errorf("%w: make one with schema.NewHash or schema.ParseHash", ErrSchema)
	}
	l := newLayout(s)
	r, err := open(ctx, rdb, &l, newHashKind(&l, config.HashCommand), config)
	if err != nil {
		return nil, err
	}
	return &ClusterHashBatchIterator{r}, nil
}

// hashKind reads a hash with HMGET or HGETALL; or only its type, if none of
// its fields is wanted.
//
// HMGET answers alike for a hash that has none of the fields and for a key
// that is gone: nulls. Such a key is asked about once more, with EXISTS in
// front.
//
// Where the schema has so many fields that HGETALL is better for most hashes, it
// is HLEN that comes first: a large hash of which they are few must not be read
// whole.
type hashKind struct {
	steps  [4][]scan.Command
	values [4]string // the command of each step that reads the value
	names  []string
	byName map[string]int
	// longest is the length of the longest name, in bytes.
	longest int
}

const (
	stepFirst  uint8 = iota
	stepExists       // EXISTS, then HMGET
	stepAll          // HGETALL, after HLEN
	stepFields       // HMGET, after HLEN
)

const (
	// A hash with more fields than this, and than so many times the schema's, is
	// read with HMGET: a server keeps it as a table, in which a field costs the same
	// however many there are. (Smaller ones may be lists, each field of which is
	// looked for from the beginning.)
	largeHash       = 512
	largeHashFactor = 4
)

func newHashKind(l *layout, command HashCommand) *hashKind {
	k := &hashKind{names: l.names(), byName: make(map[string]int)}
	for i, name := range k.names {
		k.byName[name] = i
		k.longest = max(k.longest, len(name))
	}
	with := func(value scan.Command) []scan.Command {
		return append([]scan.Command{value}, l.metadataCommands()...)
	}
	fields := with(scan.NewCommand("HMGET", k.names...))
	k.steps = [...][]scan.Command{
		stepExists: append([]scan.Command{scan.NewCommand("EXISTS")}, fields...),
		stepAll:    with(scan.NewCommand("HGETALL")),
		stepFields: fields,
	}
	switch {
	case len(k.names) == 0:
		k.steps[stepFirst] = with(scan.NewCommand("TYPE"))
		k.steps[stepExists] = append([]scan.Command{scan.NewCommand("EXISTS")}, k.steps[stepFirst]...)
	case command == HGETALL:
		k.steps[stepFirst] = k.steps[stepAll]
	case command == AutoHashCommand && len(k.names) > autoMaxFields:
		k.steps[stepFirst] = []scan.Command{scan.NewCommand("HLEN")}
	default:
		k.steps[stepFirst] = fields
	}
	for step, commands := range k.steps {
		k.values[step] = commands[0].Name
	}
	k.values[stepExists] = k.steps[stepExists][1].Name
	return k
}

func (k *hashKind) commands() []string {
	names := commandNames(k.steps[stepFirst])
	if names[0] == "HLEN" {
		names = append(names, commandNames(k.steps[stepAll])...)
		names = slices.Insert(names, 2, "HMGET")
	}
	return names
}

func commandNames(commands []scan.Command) (names []string) {
	for _, c := range commands {
		names = append(names, c.Name)
	}
	return names
}

func (k *hashKind) Type() string                       { return "hash" }
func (k *hashKind) Commands(step uint8) []scan.Command { return k.steps[step] }
func (k *hashKind) Many() *scan.Many                   { return nil }
func (k *hashKind) newReader() valueReader {
	return &hashReader{kind: k}
}

// hashReader reads hashes' replies.
type hashReader struct {
	kind *hashKind
	next int // the field that HGETALL is expected to return next
}

func (h *hashReader) bare(step uint8) bool { return len(h.kind.steps[step]) == 1 }

func (h *hashReader) read(step uint8, key []byte, r *resp.Reader, b *builder) (scan.Result, error) {
	exists := scan.Result{Outcome: scan.Rows}
	if step == stepExists {
		var err error
		if exists, err = readExists(r); err != nil {
			return exists, err
		}
	}
	var res scan.Result
	var err error
	switch h.kind.values[step] {
	case "TYPE":
		res, err = readType(r, h.kind.Type())
	case "HLEN":
		return h.readSize(r)
	case "HGETALL":
		res, err = h.readAll(key, r, b)
	default:
		res, err = h.readFields(step, key, r, b)
	}
	if err == nil && exists.Outcome != scan.Rows {
		return exists, nil
	}
	return res, err
}

func readExists(r *resp.Reader) (scan.Result, error) {
	h, err := r.ReadHeader()
	switch {
	case err != nil:
		return scan.Result{}, err
	case h.Kind == resp.Error:
		return refused(h, "EXISTS"), nil
	case h.Kind != resp.Integer:
		return scan.Result{}, resp.Unexpected(h, "EXISTS's integer")
	case h.N == 0:
		return scan.Result{Outcome: scan.Vanished}, nil
	case h.N == 1:
		return scan.Result{Outcome: scan.Rows}, nil
	default:
		return scan.Result{}, lengthError("EXISTS", h.N, 1)
	}
}

// readSize reads the reply to HLEN, by which it is seen how to read the hash.
func (h *hashReader) readSize(r *resp.Reader) (scan.Result, error) {
	n, res, err := readLength(r, "HLEN")
	switch {
	case err == nil && res.Outcome == scan.Refused && isDenied(res.Err):
		return scan.Result{Outcome: scan.Again, Step: stepAll}, nil // as it may be for HGETALL, too
	case err != nil || res.Outcome != scan.Rows:
		return res, err
	case n == 0:
		return scan.Result{Outcome: scan.Vanished}, nil
	case n > largeHash && n > int64(largeHashFactor*len(h.kind.names)):
		return scan.Result{Outcome: scan.Again, Step: stepFields}, nil
	default:
		return scan.Result{Outcome: scan.Again, Step: stepAll}, nil
	}
}

func isDenied(err error) bool {
	refused := (*scan.RefusedError)(nil)
	return errors.As(err, &refused) && refused.Reply.Code() == "NOPERM"
}

// readFields reads the reply to HMGET: the values, in the schema's order.
func (h *hashReader) readFields(step uint8, key []byte, r *resp.Reader, b *builder) (scan.Result, error) {
	header, err := r.ReadHeader()
	switch {
	case err != nil:
		return scan.Result{}, err
	case header.Kind == resp.Error:
		return refusedValue(header, "HMGET"), nil
	case header.Kind != resp.Array || header.Null():
		return scan.Result{}, resp.Unexpected(header, "HMGET's array")
	case header.N != int64(len(b.fields)):
		return scan.Result{}, lengthError("HMGET", header.N, int64(len(b.fields)))
	}
	found := false
	for i := range b.fields {
		value, n, err := r.ReadShortBulk()
		switch {
		case err != nil:
			return scan.Result{}, b.unreadable(i, err)
		case n < 0:
			b.fields[i].AppendNull()
			continue
		case n > b.most:
			if err := b.largeCell(i, key, n, r, n > int64(len(value))); err != nil {
				return scan.Result{}, err
			}
		case n > int64(len(value)):
			if err := b.longCell(i, key, n, r); err != nil {
				return scan.Result{}, err
			}
		default:
			b.cell(i, key, value)
		}
		found = true
	}
	if !found && step != stepExists {
		return scan.Result{Outcome: scan.Again, Step: stepExists}, nil
	}
	return scan.Result{Outcome: scan.Rows}, nil
}

// readAll reads the reply to HGETALL: fields and values by turns.
func (h *hashReader) readAll(key []byte, r *resp.Reader, b *builder) (scan.Result, error) {
	header, err := r.ReadHeader()
	switch {
	case err != nil:
		return scan.Result{}, err
	case header.Kind == resp.Error:
		return refusedValue(header, "HGETALL"), nil
	case header.Kind != resp.Array || header.Null() || header.N%2 != 0:
		return scan.Result{}, resp.Unexpected(header, "HGETALL's array of fields and values")
	case header.N == 0:
		return scan.Result{Outcome: scan.Vanished}, nil
	}
	for range header.N / 2 {
		i, err := h.readName(r)
		if err != nil {
			return scan.Result{}, err
		}
		if i < 0 || b.fields[i].Len() > b.rows { // not wanted, or a second time
			if err := r.Skip(); err != nil {
				return scan.Result{}, err
			}
			continue
		}
		value, n, err := r.ReadShortBulk()
		switch {
		case err != nil:
			return scan.Result{}, b.unreadable(i, err)
		case n > b.most:
			if err := b.largeCell(i, key, n, r, n > int64(len(value))); err != nil {
				return scan.Result{}, err
			}
		case n > int64(len(value)):
			if err := b.longCell(i, key, n, r); err != nil {
				return scan.Result{}, err
			}
		case n < 0:
			return scan.Result{}, errNullInHash
		default:
			b.cell(i, key, value)
		}
	}
	for _, f := range b.fields {
		if f.Len() == b.rows {
			f.AppendNull()
		}
	}
	return scan.Result{Outcome: scan.Rows}, nil
}

var errNullInHash = &resp.ProtocolError{Reason: "HGETALL returned a null"}

// readName reads a field's name and returns its position in the schema, or -1.
// A name that is longer than any in the schema is never held.
func (h *hashReader) readName(r *resp.Reader) (int, error) {
	name, n, err := r.ReadShortBulk()
	switch {
	case err != nil:
		return -1, err
	case n < 0:
		return -1, errNullInHash
	case n > int64(h.kind.longest):
		if n > int64(len(name)) {
			err = r.DiscardBulk(n)
		}
		return -1, err
	case n > int64(len(name)):
		if name, err = r.ReadBulk(n); err != nil {
			return -1, err
		}
	}
	return h.field(name), nil
}

// field is the position of a field in the schema, or -1. Hashes written by
// the same program mostly have their fields in the same order: the one
// behind the last is looked at first.
func (h *hashReader) field(name []byte) int {
	names := h.kind.names
	if h.next >= len(names) {
		h.next = 0
	}
	if string(name) == names[h.next] {
		h.next++
		return h.next - 1
	}
	if i, ok := h.kind.byName[string(name)]; ok {
		h.next = i + 1
		return i
	}
	return -1
}
