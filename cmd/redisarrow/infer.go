package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/convert"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
)

// inferenceFlags say how a schema is inferred.
type inferenceFlags struct {
	sample sampleFlags
	types  []schema.Column
	given  func(flag string) bool
}

func (f *inferenceFlags) register(fs *pflag.FlagSet) {
	f.given = fs.Changed
	fs.Var(newValue(&f.types, "", "TEXT", parseTypes), "types", "types of fields that aren't left to inference, such as 'age:int32,zip:utf8'; the value of strings is called value")
	f.sample.register(fs, iterator.DefaultInferKeys)
}

func parseTypes(text string) ([]schema.Column, error) {
	parsed, err := schema.ParseHash(text)
	if err != nil {
		return nil, err
	}
	if len(parsed.Fields()) < len(parsed.Columns()) {
		return nil, errors.New("types are given for fields; --key, --ttl and --index of export add other columns")
	}
	return parsed.Fields(), nil
}

// inferFlags are the whole command line of infer.
type inferFlags struct {
	connect   connectFlags
	redisType string
	pattern   string
	inference inferenceFlags
	noValues  bool
}

func newInfer(a *app) *cobra.Command {
	f := &inferFlags{}
	cmd := &cobra.Command{
		Use:   "infer --url URL --pattern P",
		Short: "Propose a schema for the keys that match a pattern, from a sample",
		Long: `infer looks at a sample of the hashes or strings of every master and proposes a
schema: its text form goes to standard output, alone, for --schema; a table of
what was seen of each field to standard error: how many keys have it, how many
values fit its type, which other type most values would fit, and examples.

A field gets the first type that all its values in the sample fit without losing
anything: int64, uint64, float64, boolean, date32, timestamp, utf8, binary. 007 and
+5 stay text, and so does a field with an empty value. Keys that aren't in the
sample may hold something else: see --on-parse-error of export.`,
		Example: `  redisarrow infer --url redis://node1:7000 --pattern 'user:*'
  redisarrow export --url redis://node1:7000 --type hash --pattern 'user:*' --output users.arrow \
      --schema "$(redisarrow infer --url redis://node1:7000 --type hash --pattern 'user:*')"`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.infer(cmd.Context(), f) },
	}
	cmd.SetUsageTemplate(strings.ReplaceAll(cmd.UsageTemplate(), "FlagUsages", fmt.Sprintf("FlagUsagesWrapped %d", helpWidth)))
	fs := cmd.Flags()
	fs.SortFlags = false
	f.connect.register(fs)
	fs.StringVar(&f.pattern, "pattern", "", "keys to look at, a glob `PATTERN` as SCAN's MATCH takes it; '*' is all (required)")
	fs.Var(newValue(&f.redisType, "", "hash|string", parseRedisType), "type", "what to look at; by default what the keys that match are")
	f.inference.register(fs)
	fs.BoolVar(&f.noValues, "no-values", false, "show no examples")
	return cmd
}

func (a *app) infer(ctx context.Context, f *inferFlags) error {
	options, err := f.connect.options(a.secrets)
	if err != nil {
		return err
	}
	if f.pattern == "" {
		return usagef("--pattern is missing: give one such as 'user:*', or '*' for all keys")
	}
	if err := f.inference.sample.check(); err != nil {
		return err
	}
	rdb, err := dial(ctx, options)
	if err != nil {
		return err
	}
	defer rdb.Close()
	asked := question{redisType: f.redisType, pattern: f.pattern, flags: &f.inference, examples: schema.DefaultExamples}
	if f.noValues {
		asked.examples = -1
	}
	if asked.redisType == "" {
		if asked.redisType, err = asked.findType(ctx, rdb); err != nil {
			return err
		}
	}
	found, err := asked.infer(ctx, rdb)
	if err != nil {
		return err
	}
	text, err := schemaText(found, found.Columns[0])
	if err != nil {
		return err
	}
	fmt.Fprint(a.stderr, a.secrets.hide(inferText(asked.redisType, found, !f.noValues)))
	if _, err := fmt.Fprintln(a.stdout, text); err != nil {
		return fmt.Errorf("writing the schema: %w", err)
	}
	return nil
}

// question is what is to be found out about which keys.
type question struct {
	redisType string
	pattern   string
	slots     cluster.SlotSet
	flags     *inferenceFlags
	examples  int
}

// findType is the type of the keys that match, if they are all hashes or all
// strings, but for what can't be read anyway.
func (q *question) findType(ctx context.Context, rdb redis.UniversalClient) (string, error) {
	types, err := typesOf(ctx, rdb, q.pattern, q.slots, &q.flags.sample)
	if err != nil {
		return "", err
	}
	var all []string
	for _, t := range slices.Sorted(maps.Keys(types)) {
		all = append(all, fmt.Sprintf("%s (%d)", plain(t), types[t]))
	}
	switch hash, str := types["hash"] > 0, types["string"] > 0; {
	case hash && str:
		return "", usagef("--type is missing, and keys of several types match %q: %s; give hash or string", q.pattern, strings.Join(all, ", "))
	case hash:
		return "hash", nil
	case str:
		return "string", nil
	case len(all) > 0:
		return "", fmt.Errorf("%w: no hash and no string matches %q, there are others: %s; check the pattern", iterator.ErrNoKeys, q.pattern, strings.Join(all, ", "))
	}
	return "", fmt.Errorf("%w: no key matches %q: check the pattern (redisarrow keys shows which there are), or give --type and --schema", iterator.ErrNoKeys, q.pattern)
}

func (q *question) infer(ctx context.Context, rdb redis.UniversalClient) (*iterator.Inferred, error) {
	config := iterator.InferConfig{
		Pattern: q.pattern, Slots: q.slots, Keys: q.flags.sample.keys, Limit: q.flags.sample.within,
		Types: q.flags.types, Examples: q.examples,
	}
	if q.redisType == "string" {
		found, err := iterator.InferString(ctx, rdb, config)
		if errors.Is(err, iterator.ErrConfig) {
			return nil, usagef("--types: %w", err)
		}
		if err != nil {
			return nil, err
		}
		return &found.Inferred, nil
	}
	found, err := iterator.InferHash(ctx, rdb, config)
	if err != nil {
		return nil, err
	}
	return &found.Inferred, nil
}

// schemaText is what was inferred in the form that --schema takes. The key's column
// isn't in it where export's own one does.
func schemaText(found *iterator.Inferred, key schema.Column) (string, error) {
	var columns []schema.Column
	if key.Name() != "" && !key.Equal(schema.Key(defaultKeyColumn)) {
		columns = append(columns, key)
	}
	for _, f := range found.Fields {
		columns = append(columns, f.Column)
	}
	if len(columns) == 0 {
		columns = append(columns, schema.Key(defaultKeyColumn))
	}
	whole, err := schema.NewHash(columns...)
	if err != nil {
		return "", err
	}
	return escapeUnprintable(whole.String()), nil
}

// infers reports whether an export needs a look at the keys first.
func (f *rowFlags) infers() bool {
	return f.redisType == "" || f.infersSchema()
}

func (f *rowFlags) infersSchema() bool { return !f.given("schema") && !f.given("value-type") }

// givenRows are the rows as the flags have them, nil if there is something to be
// inferred. Every error is a usage error.
func (f *exportFlags) givenRows() (rows, error) {
	if !f.row.infersSchema() && f.inference.given("types") {
		return nil, usagef("--types is for what is inferred, and --schema or --value-type says it all: leave one of them out")
	}
	if err := f.inference.sample.check(); err != nil {
		return nil, err
	}
	if f.row.infers() {
		return nil, nil
	}
	return f.row.rows()
}

// inferRows looks at the keys, and fills in what the flags don't say: the type, or
// the schema, or both. An export in parts has to go on with the schema that it began
// with, so it is kept in the progress file, which is nil for others.
func (a *app) inferRows(ctx context.Context, rdb redis.UniversalClient, f *exportFlags, known *progressFile) (rows, error) {
	q := question{redisType: f.row.redisType, pattern: f.scan.Pattern, slots: f.scan.Slots, flags: &f.inference, examples: -1}
	if !f.row.infersSchema() {
		var err error
		if f.row.redisType, err = q.findType(ctx, rdb); err != nil {
			return nil, err
		}
		return f.row.rows()
	}
	if !f.row.given("on-parse-error") {
		f.scan.OnParseError = convert.Null
	}
	if known != nil && known.Schema != "" {
		if q.redisType != "" && q.redisType != known.Type {
			return nil, usagef("--type %s: the --checkpoint is that of an export with --type %s", q.redisType, known.Type)
		}
		a.printLine(fmt.Sprintf("the schema is the one that this export began with: --type %s --schema %s", known.Type, shellQuote(known.Schema)))
		return f.row.take(known.Type, known.Schema)
	}
	if q.redisType == "" {
		var err error
		if q.redisType, err = q.findType(ctx, rdb); err != nil {
			return nil, err
		}
	}
	text, from, err := q.text(ctx, rdb, &f.row)
	if err != nil {
		return nil, err
	}
	a.printLine(fmt.Sprintf("the schema is inferred from %s: --type %s --schema %s", from, q.redisType, shellQuote(text)))
	if known != nil {
		known.Type, known.Schema = q.redisType, text
	}
	return f.row.take(q.redisType, text)
}

// text is the schema inferred for an export, and what it is from.
func (q *question) text(ctx context.Context, rdb redis.UniversalClient, row *rowFlags) (text, from string, err error) {
	found, err := q.infer(ctx, rdb)
	switch {
	case errors.Is(err, iterator.ErrNoKeys) && q.redisType == "string" && len(q.flags.types) == 0:
		return valueColumn + ":" + defaultValueType, "no string at all", nil
	case errors.Is(err, iterator.ErrNoKeys):
		return "", "", fmt.Errorf("%w, with --schema", err)
	case err != nil:
		return "", "", err
	}
	key := found.Columns[0]
	if row.given("key") {
		key = schema.Key(row.key)
		if found.BinaryKeys > 0 {
			key = schema.BinaryKey(row.key)
		}
	}
	from = plural(int(found.Keys), "key")
	switch {
	case found.All && found.Keys == 1:
		from = "the only key"
	case found.All:
		from = "all " + from
	}
	text, err = schemaText(found, key)
	return text, from, err
}

// take makes the rows of a schema that was inferred.
func (f *rowFlags) take(redisType, text string) (rows, error) {
	f.redisType, f.schemaText, f.inferred = redisType, text, true
	return f.rows()
}

// shellQuote is text as a word of a POSIX shell.
func shellQuote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
