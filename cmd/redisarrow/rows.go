package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/redis/go-redis/v9"
	"github.com/spf13/pflag"

	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
)

const (
	defaultKeyColumn   = "_key"
	defaultTTLColumn   = "_ttl"
	defaultIndexColumn = "_index"
	valueColumn        = "value"
	defaultValueType   = "utf8"
)

// scanner is what both iterators are.
type scanner interface {
	array.RecordReader
	Stats() iterator.Stats
	Commands() []string
	Missing() *iterator.IncompleteError
	Checkpoint() ([]byte, error)
}

// rows is a schema that knows which iterator reads it.
type rows interface {
	fmt.Stringer // the schema as text
	noun() string
	open(ctx context.Context, rdb redis.UniversalClient, cfg iterator.Config) (scanner, error)
}

type hashRows struct{ schema *schema.Hash }

func (r hashRows) String() string { return r.schema.String() }
func (r hashRows) noun() string   { return "hashes" }

func (r hashRows) open(ctx context.Context, rdb redis.UniversalClient, cfg iterator.Config) (scanner, error) {
	it, err := iterator.NewClusterHashBatchIterator(ctx, rdb, r.schema, cfg)
	if err != nil {
		return nil, err // not the nil iterator in a non-nil interface
	}
	return it, nil
}

type stringRows struct{ schema *schema.String }

func (r stringRows) String() string { return r.schema.String() }
func (r stringRows) noun() string   { return "strings" }

func (r stringRows) open(ctx context.Context, rdb redis.UniversalClient, cfg iterator.Config) (scanner, error) {
	it, err := iterator.NewClusterStringBatchIterator(ctx, rdb, r.schema, cfg)
	if err != nil {
		return nil, err
	}
	return it, nil
}

// rowFlags say what a row looks like.
type rowFlags struct {
	redisType       string
	schemaText      string
	valueType       string
	key, ttl, index string // names of columns; empty: no such column
	inferred        bool   // redisType and schemaText are, see infer.go
	given           func(flag string) bool
}

func (f *rowFlags) register(fs *pflag.FlagSet) {
	f.given = fs.Changed
	fs.Var(newValue(&f.redisType, "", "hash|string", parseRedisType), "type", "what to read; keys of other types are left out; by default what the keys that match are")
	fs.StringVar(&f.schemaText, "schema", "", "columns as `TEXT`, such as 'name:utf8,age:int64,seen:timestamp[ms,UTC]'; inferred from a sample if not given")
	fs.StringVar(&f.valueType, "value-type", "", "`TYPE` of the column \"value\" of strings, such as int64, decimal128[10,2] or timestamp[ms,UTC]; inferred likewise")
	f.valueType = defaultValueType
	for _, c := range []struct {
		dst              *string
		flag, name, what string
		on               bool
	}{
		{&f.key, "key", defaultKeyColumn, "column with the key's name, on by default; --key= switches it off", true},
		{&f.ttl, "ttl", defaultTTLColumn, "column with the seconds that the key has left, -1 if it doesn't expire", false},
		{&f.index, "index", defaultIndexColumn, "column that numbers the rows from 0", false},
	} {
		if c.on {
			*c.dst = c.name
		}
		fs.StringVar(c.dst, c.flag, *c.dst, c.what+"; `NAME` after an equals sign")
		fs.Lookup(c.flag).NoOptDefVal = c.name
	}
}

func parseRedisType(text string) (string, error) {
	if text != "hash" && text != "string" {
		return "", fmt.Errorf("give hash or string")
	}
	return text, nil
}

// rows makes the schema. Every error is a usage error.
func (f *rowFlags) rows() (rows, error) {
	switch f.redisType {
	case "hash":
		return f.hashRows()
	case "string":
		return f.stringRows()
	default:
		return nil, usagef("--type is missing: give hash or string")
	}
}

func (f *rowFlags) hashRows() (rows, error) {
	if f.given("value-type") {
		return nil, usagef("--value-type is for strings: name the fields of hashes with --schema")
	}
	if f.schemaText == "" {
		return nil, usagef("--schema is missing: name the fields to read, such as --schema 'name:utf8,age:int64', or --schema _key:key for the keys alone")
	}
	parsed, err := schema.ParseHash(f.schemaText)
	if err != nil {
		return nil, usagef("--schema: %w", err)
	}
	columns, err := f.addMetadata(parsed.Columns())
	if err != nil {
		return nil, err
	}
	whole, err := schema.NewHash(columns...)
	if err != nil {
		return nil, usagef("%w; --key=NAME, --ttl=NAME and --index=NAME give those columns other names", err)
	}
	return hashRows{whole}, nil
}

func (f *rowFlags) stringRows() (rows, error) {
	var columns []schema.Column
	hasSchema := f.inferred || f.given("schema")
	if hasSchema {
		parsed, err := schema.ParseString(f.schemaText)
		if err != nil {
			return nil, usagef("--schema: %w", err)
		}
		columns = parsed.Columns()
		if value, ok := parsed.Value(); ok && f.given("value-type") {
			return nil, usagef("--schema names the value's column (%q) and its type already: leave --value-type out", value.Name())
		}
	}
	// A schema without a value is a wish for keys alone, unless a type says
	// otherwise.
	if !hasSchema || f.given("value-type") {
		value, err := parseValueType(f.valueType)
		if err != nil {
			return nil, err
		}
		columns = append(columns, value)
	}
	columns, err := f.addMetadata(columns)
	if err != nil {
		return nil, err
	}
	whole, err := schema.NewString(columns...)
	if err != nil {
		return nil, usagef("%w; --key=NAME, --ttl=NAME and --index=NAME give those columns other names", err)
	}
	return stringRows{whole}, nil
}

func parseValueType(text string) (schema.Column, error) {
	parsed, err := schema.ParseString(valueColumn + ":" + text)
	if err != nil {
		return schema.Column{}, usagef("--value-type: %w", err)
	}
	value, ok := parsed.Value()
	if !ok || len(parsed.Columns()) != 1 {
		return schema.Column{}, usagef("--value-type: %q isn't the type of a value: give one such as utf8 or int64", text)
	}
	return value, nil
}

// addMetadata adds the columns of --index, --key and --ttl. A column that the
// schema names itself stays where and as it is, and wins over the default;
// against a flag it is a contradiction.
func (f *rowFlags) addMetadata(columns []schema.Column) ([]schema.Column, error) {
	for _, flag := range []struct {
		flag   string
		column schema.Column
	}{
		{"index", schema.Index(f.index)},
		{"key", schema.Key(f.key)},
		{"ttl", schema.TTL(f.ttl, arrow.Second)},
	} {
		i := slices.IndexFunc(columns, func(c schema.Column) bool { return c.Kind() == flag.column.Kind() })
		switch {
		case i >= 0 && f.given(flag.flag) && !f.inferred:
			return nil, usagef("--schema has a column for it (%q), and --%s is given too: leave one of them out", columns[i].Name(), flag.flag)
		case i < 0 && flag.column.Name() != "":
			columns = insertInOrder(columns, flag.column)
		}
	}
	return columns, nil
}

// insertInOrder puts c behind the leading columns that come before it in the
// order index, key, TTL, fields.
func insertInOrder(columns []schema.Column, c schema.Column) []schema.Column {
	i := 0
	for i < len(columns) && rank(columns[i].Kind()) < rank(c.Kind()) {
		i++
	}
	return slices.Insert(columns, i, c)
}

func rank(k schema.Kind) int {
	switch k {
	case schema.KindIndex:
		return 0
	case schema.KindKey:
		return 1
	case schema.KindTTL, schema.KindExpiresAt:
		return 2
	default:
		return 3
	}
}
