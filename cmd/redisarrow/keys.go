package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/sample"
	"github.com/redisarrow/redisarrow/iterator"
)

const (
	defaultKeysSample = 10_000
	// shownPatterns is how many patterns are printed.
	shownPatterns = 50
)

// sampleFlags say how much is looked at.
type sampleFlags struct {
	keys   int
	within time.Duration
}

func (f *sampleFlags) register(fs *pflag.FlagSet, keys int) {
	f.keys = keys
	fs.Var(newValue(&f.keys, fmt.Sprint(keys), "N", parseSample), "sample", "about how many keys are looked at, over all masters")
	fs.DurationVar(&f.within, "within", iterator.DefaultInferLimit, "how `LONG` looking may take; what has been seen by then counts")
}

func (f *sampleFlags) check() error {
	if f.within <= 0 {
		return usagef("--within must be positive, such as 10s")
	}
	return nil
}

func parseSample(text string) (int, error) {
	n, err := parseSize(text)
	if err != nil || n == 0 {
		return 0, errors.New("give a number of keys from 1")
	}
	return n, nil
}

// keysFlags are the whole command line of keys.
type keysFlags struct {
	connect connectFlags
	pattern string
	sample  sampleFlags
	json    bool
}

func newKeys(a *app) *cobra.Command {
	f := &keysFlags{}
	cmd := &cobra.Command{
		Use:   "keys --url URL",
		Short: "Show which keys there are: patterns, types, sizes, how many, from a sample",
		Long: `keys looks at a sample of the keys of every master and shows which patterns they
have, such as user:* and session:{*}:cart, and for each pattern and type about how
many keys there are, their size, and how many of them expire. Each pattern can be
given to --pattern as it is printed, in quotes. It changes nothing, and reads no
value.

With a ~ numbers are estimates, and with a + at least so many. Sizes are those of
MEMORY USAGE, in bytes; where the user may not use that, strings' lengths and
numbers of fields or elements.`,
		Example: `  redisarrow keys --url redis://node1:7000
  redisarrow keys --url redis://node1:7000 --pattern 'user:*' --json | jq -r '.patterns[].pattern'`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.keys(cmd.Context(), f) },
	}
	cmd.SetUsageTemplate(strings.ReplaceAll(cmd.UsageTemplate(), "FlagUsages", fmt.Sprintf("FlagUsagesWrapped %d", helpWidth)))
	fs := cmd.Flags()
	fs.SortFlags = false
	f.connect.register(fs)
	fs.StringVar(&f.pattern, "pattern", "*", "keys to look at, a glob `PATTERN` as SCAN's MATCH takes it")
	f.sample.register(fs, defaultKeysSample)
	fs.BoolVar(&f.json, "json", false, "print the report as JSON, for programs")
	return cmd
}

func (a *app) keys(ctx context.Context, f *keysFlags) error {
	options, err := f.connect.options(a.secrets)
	if err != nil {
		return err
	}
	if err := f.sample.check(); err != nil {
		return err
	}
	rdb, err := dial(ctx, options)
	if err != nil {
		return err
	}
	defer rdb.Close()
	report, err := lookAtKeys(ctx, rdb, f)
	if err != nil {
		return err
	}
	text := report.text()
	if f.json {
		if text, err = printableJSON(report); err != nil {
			return err
		}
	}
	if _, err := a.stdout.WriteString(text); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// lookAtKeys samples keys, and asks about each of them.
func lookAtKeys(ctx context.Context, rdb redis.UniversalClient, f *keysFlags) (*keysReport, error) {
	s, err := sample.Take(ctx, rdb, sample.Config{Pattern: f.pattern, Keys: f.sample.keys, Limit: f.sample.within, CountAll: true})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	facts := make([][]sample.Fact, len(s.Nodes))
	for i, n := range s.Nodes {
		if facts[i], err = n.Facts(); err != nil {
			return nil, err
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return newKeysReport(s, facts), nil
}

// typesOf are the types of a sample of the keys that match, and how many there are
// of each.
func typesOf(ctx context.Context, rdb redis.UniversalClient, pattern string, slots cluster.SlotSet, f *sampleFlags) (map[string]int, error) {
	s, err := sample.Take(ctx, rdb, sample.Config{Pattern: pattern, Slots: slots, Keys: f.keys, Limit: f.within})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	types := map[string]int{}
	for _, n := range s.Nodes {
		of, err := n.Types()
		if err != nil && !errors.Is(err, sample.ErrOver) {
			return nil, err
		}
		for _, t := range of {
			if t != "" {
				types[t]++
			}
		}
	}
	return types, context.Cause(ctx)
}
