package iterator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/redis/go-redis/v9"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/sample"
	"github.com/redisarrow/redisarrow/schema"
)

// The defaults of an [InferConfig].
const (
	DefaultInferKeys  = 1000
	DefaultInferLimit = 10 * time.Second
)

// InferConfig says which keys are looked at to infer a schema. The zero value looks
// at some keys of all.
type InferConfig struct {
	// Pattern and Slots say which keys are meant, as those of [Config] do.
	Pattern string
	Slots   cluster.SlotSet

	// Keys is about how many keys are looked at, over all masters; 0 means
	// [DefaultInferKeys]. Each master has its part of them.
	Keys int

	// Limit is how long it may take; 0 means [DefaultInferLimit]. What has been seen
	// by then counts. A pattern that few keys match takes the longest: SCAN goes
	// through all of them.
	Limit time.Duration

	// Columns come before the inferred ones: metadata. nil means a key column named
	// _key: [schema.Key], or where a key in the sample isn't UTF-8
	// [schema.BinaryKey]; where a field is called so, the column is _key_.
	Columns []schema.Column

	// Types, MaxFields and Examples are those of [schema.InferOptions].
	Types     []schema.Column
	MaxFields int
	Examples  int
}

// Validate reports the first setting that can't be used, with an error that wraps
// [ErrConfig].
func (c InferConfig) Validate() error {
	switch {
	case c.Keys < 0:
		return fmt.Errorf("%w: Keys is %d; it must be positive, or 0 for %d", ErrConfig, c.Keys, DefaultInferKeys)
	case c.Limit < 0:
		return fmt.Errorf("%w: Limit is %v; it must be positive, or 0 for %v", ErrConfig, c.Limit, DefaultInferLimit)
	case c.MaxFields < 0:
		return fmt.Errorf("%w: MaxFields is %d; it must be positive, or 0 for %d", ErrConfig, c.MaxFields, schema.DefaultMaxFields)
	}
	return nil
}

// ErrNoKeys is wrapped by the error of [InferHash] and [InferString] when no key
// of that type matches.
var ErrNoKeys = errors.New("no key to infer a schema from")

// Inferred is what was found out by looking at some keys.
type Inferred struct {
	// Columns are those that come before the fields'.
	Columns []schema.Column
	// Fields are the fields of the hashes, or the value of the strings, as
	// [schema.Inference.Fields] gives them.
	Fields []schema.InferredField
	// Keys is how many keys were read.
	Keys int64
	// All says that these are all keys that match.
	All bool
	// Over says that the time was over before as many keys were found as were wanted.
	Over bool
	// PassedOver is how many keys weren't read: those that the user may not read, and
	// hashes of more than 512 fields and strings of more than 1 MiB where HSCAN or
	// GETRANGE is denied.
	PassedOver int64
	// BinaryKeys is how many of the keys aren't UTF-8.
	BinaryKeys int64
	// Beyond and Unnamed are what [schema.Inference.LeftOut] says.
	Beyond, Unnamed int64
	// Nodes are the masters.
	Nodes []InferredNode
}

// InferredNode is a master's part of a sample.
type InferredNode struct {
	Addr string // host:port
	Keys int64  // that were read
}

// HashInference is the schema inferred for hashes, and what it is based on.
type HashInference struct {
	Schema *schema.Hash // what is proposed
	Inferred
}

// StringInference is the schema inferred for strings, and what it is based on.
type StringInference struct {
	Schema *schema.String // what is proposed
	Inferred
}

// InferHash looks at some hashes of every master and proposes a schema for them; by
// which rules, [schema.Inference] says. A scan with that schema has no conversion
// failure in the hashes that were looked at. About others nothing is known, so
// [Config.OnParseError] should be [convert.Null], or the types checked. Order and
// types may be others the next time.
//
// Of a hash with more than 512 fields some are looked at, of values their first 60
// KiB (and whether the rest is UTF-8). Nothing is changed. It needs HGETALL, HLEN
// and SCAN, or in place of SCAN CLUSTER GETKEYSINSLOT; with HSCAN, larger hashes
// are looked at, too.
//
// The error wraps [ErrNoKeys] if no hash matches, [ErrConfig] or [ErrSchema] for
// settings that can't be used; or it is a [*NodeError], a [*cluster.SeedsError], or
// that of ctx. A *[schema.Error] says that the Columns don't go with the fields.
func InferHash(ctx context.Context, rdb redis.UniversalClient, config InferConfig) (*HashInference, error) {
	in, found, err := infer(ctx, rdb, config, "hash", addHashes)
	if err != nil {
		return nil, err
	}
	s, err := in.HashSchema(found.Columns...)
	if err != nil {
		return nil, err
	}
	return &HashInference{Schema: s, Inferred: *found}, nil
}

// InferString looks at some strings of every master and proposes a schema for them,
// as [InferHash] does for hashes. The column of the value is called
// [schema.ValueName]; Types may have one of that name. It needs GET and STRLEN; with
// GETRANGE, strings of more than 1 MiB are looked at, too: their first 60 KiB.
func InferString(ctx context.Context, rdb redis.UniversalClient, config InferConfig) (*StringInference, error) {
	for _, c := range config.Types {
		if c.Name() != schema.ValueName {
			return nil, fmt.Errorf("%w: Types has a column %q: the value of a string is called %q", ErrConfig, c.Name(), schema.ValueName)
		}
	}
	in, found, err := infer(ctx, rdb, config, "string", addStrings)
	if err != nil {
		return nil, err
	}
	s, err := in.StringSchema(found.Columns...)
	if err != nil {
		return nil, err
	}
	return &StringInference{Schema: s, Inferred: *found}, nil
}

// inferPage is how many keys are asked for together.
const inferPage = 64

// adder reads some keys of a node into an inference, and says how many it passed
// over.
type adder func(in *schema.Inference, n *sample.Node, keys []string) (passedOver int64, err error)

func infer(ctx context.Context, rdb redis.UniversalClient, config InferConfig, kind string, add adder) (*schema.Inference, *Inferred, error) {
	if err := config.Validate(); err != nil {
		return nil, nil, err
	}
	in, err := schema.NewInference(schema.InferOptions{Types: config.Types, MaxFields: config.MaxFields, Examples: config.Examples})
	if err != nil {
		return nil, nil, err
	}
	s, err := sample.Take(ctx, rdb, sample.Config{
		Pattern: config.Pattern, Slots: config.Slots, Type: kind,
		Keys: cmp.Or(config.Keys, DefaultInferKeys), Limit: cmp.Or(config.Limit, DefaultInferLimit),
	})
	if err != nil {
		return nil, nil, err
	}
	defer s.Close()
	found := &Inferred{}
	for _, n := range s.Nodes {
		before := in.Rows()
		if err := found.read(in, n, add); err != nil {
			return nil, nil, err
		}
		found.Nodes = append(found.Nodes, InferredNode{Addr: n.Addr, Keys: in.Rows() - before})
	}
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	found.Keys, found.Fields = in.Rows(), in.Fields()
	found.Beyond, found.Unnamed = in.LeftOut()
	found.Over = s.Over()
	found.All = s.Whole() && !found.Over && found.PassedOver == 0
	if found.Keys == 0 {
		return nil, nil, noKeys(config, kind, found)
	}
	found.Columns = config.Columns
	if found.Columns == nil {
		found.Columns = []schema.Column{found.keyColumn()}
	}
	return in, found, nil
}

// read reads a node's keys in the sample. That the time is over ends it.
func (f *Inferred) read(in *schema.Inference, n *sample.Node, add adder) error {
	for keys := n.Names; len(keys) > 0; {
		page := keys[:min(len(keys), inferPage)]
		keys = keys[len(page):]
		passedOver, err := add(in, n, page)
		f.PassedOver += passedOver
		if errors.Is(err, sample.ErrOver) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, key := range page {
			if !utf8.ValidString(key) {
				f.BinaryKeys++
			}
		}
	}
	return nil
}

// keyColumn takes every key of the sample, and has no field's name.
func (f *Inferred) keyColumn() schema.Column {
	name := "_key"
	for taken := true; taken; {
		taken = false
		for _, field := range f.Fields {
			taken = taken || field.Column.Name() == name
		}
		if taken {
			name += "_"
		}
	}
	if f.BinaryKeys > 0 {
		return schema.BinaryKey(name)
	}
	return schema.Key(name)
}

func noKeys(config InferConfig, kind string, f *Inferred) error {
	what := "no " + kind
	if config.Pattern != "" && config.Pattern != "*" {
		what += fmt.Sprintf(" matches %q", config.Pattern)
	} else {
		what += " is there"
	}
	switch {
	case f.PassedOver > 0:
		what = fmt.Sprintf("the user may not read the %ss that match, or they are large and HSCAN or GETRANGE is denied: name the columns", kind)
	case f.Over:
		what += " among the keys that could be looked at in time: allow for more time, or name the columns"
	default:
		what += ": check the pattern, or name the columns"
	}
	return fmt.Errorf("%w: %s", ErrNoKeys, what)
}
