package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/redisarrow/redisarrow/arrowutil"
	"github.com/redisarrow/redisarrow/convert"
	"github.com/redisarrow/redisarrow/iterator"
)

// helpWidth is where the flags' descriptions are wrapped.
const helpWidth = 100

// exportFlags are the whole command line of export.
type exportFlags struct {
	connect     connectFlags
	row         rowFlags
	share       shareFlags
	scan        iterator.Config
	compression arrowutil.Compression
	output      string
}

func newExport(a *app) *cobra.Command {
	f := &exportFlags{}
	cmd := &cobra.Command{
		Use:   "export --url URL --type hash|string --pattern P --output FILE",
		Short: "Write the keys that match a pattern into an Arrow file or stream",
		Long: `export writes a row for each hash or string whose key matches the pattern.

The file appears under its name when it is whole, or not at all. With --output -
an Arrow IPC stream goes to standard output, broken on purpose if the scan
fails. Only exit status 0 stands for a whole result. A summary goes to standard
error.`,
		Example: `  redisarrow export --url redis://node1:7000 --type hash --pattern 'user:*' \
      --schema 'name:utf8,age:int64,seen:timestamp[ms,UTC]' --ttl --output users.arrow
  redisarrow export --url redis://node1:7000 --type string --pattern 'counter:*' \
      --value-type int64 --output - | python3 -c 'import sys, pyarrow as pa; \
      print(pa.ipc.open_stream(sys.stdin.buffer).read_all())'`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.export(cmd.Context(), f) },
	}
	cmd.SetUsageTemplate(strings.ReplaceAll(cmd.UsageTemplate(), "FlagUsages", fmt.Sprintf("FlagUsagesWrapped %d", helpWidth)))
	fs := cmd.Flags()
	fs.SortFlags = false
	f.connect.register(fs)
	fs.StringVar(&f.scan.Pattern, "pattern", "", "keys to read, a glob `PATTERN` as SCAN's MATCH takes it; '*' is all (required)")
	f.share.register(fs)
	f.row.register(fs)
	fs.Var(newValue(&f.scan.BatchSize, "0", "N", parseSize), "batch-size", "rows a record batch; 0 is the default, 8192")
	fs.Var(newValue(&f.scan.MaxRows, "0", "N", parseCount), "max-rows", "stop after so many rows; 0 is no limit")
	fs.Var(newValue(&f.scan.Concurrency, "1", "N|all", parseConcurrency), "concurrency", "masters that are scanned at once")
	fs.Var(newValue(&f.scan.MaxKeysPerSecond, "0", "N", parseSize), "max-keys-per-second", "keys that are read in a second, over all masters; 0 is no limit")
	fs.Var(newValue(&f.scan.Duty, "1", "SHARE", parseDuty), "duty", "the part of a master's time that is asked for, such as 0.2, in small requests one at a time; 1 is no limit")
	fs.Var(newValue(&f.scan.OnParseError, "fail", "fail|null|skip", convert.ParsePolicy), "on-parse-error", "what becomes of a cell that doesn't fit its column")
	fs.BoolVar(&f.scan.RedactValues, "redact-values", false, "leave values out of error messages; keys are named all the same")
	fs.DurationVar(&f.scan.StallTimeout, "stall-timeout", iterator.DefaultStallTimeout, "how `LONG` the scan may go without coming on, while slots have no owner or servers fail")
	fs.Var(newValue(&f.scan.Enumerate, "auto", "auto|WAY", iterator.ParseEnumeration), "enumerate", "how keys are listed: clusterscan, slotscan, keysinslot or plainscan; by default the best way that a server has")
	fs.Var(newValue(&f.scan.MaxLedgerBytes, "256MiB", "SIZE", parseBytes), "max-ledger-bytes", "memory for the keys that are remembered until their slot is done")
	fs.BoolVar(&f.scan.Strict, "strict", false, "don't read slots whose migration is open: fail with their numbers")
	fs.BoolVar(&f.scan.AllowIncomplete, "allow-incomplete", false, "go on when slots can't be read, and say at the end which were left out")
	fs.Var(newValue(&f.compression, "none", "none|lz4|zstd", arrowutil.ParseCompression), "compression", "compression of the buffers in the file or stream")
	fs.StringVar(&f.output, "output", "", "`FILE` to write, or - for an IPC stream on standard output (required)")
	return cmd
}

// export checks everything that can be checked here before it asks the
// cluster for anything.
func (a *app) export(ctx context.Context, f *exportFlags) error {
	options, err := f.connect.options(a.secrets)
	if err != nil {
		return err
	}
	row, err := f.row.rows()
	if err != nil {
		return err
	}
	if f.scan.Pattern == "" {
		return usagef("--pattern is missing: give one such as 'user:*', or '*' for all keys")
	}
	if f.scan.Slots, err = f.share.set(); err != nil {
		return err
	}
	if err := f.scan.Validate(); err != nil {
		return &usageError{err}
	}
	if err := a.checkOutput(f.output); err != nil {
		return err
	}
	rdb, err := dial(ctx, options)
	if err != nil {
		return err
	}
	defer rdb.Close()

	begun := time.Now()
	it, err := row.open(ctx, rdb, f.scan)
	if err != nil {
		return err
	}
	defer it.Release()
	stop := a.showProgress(ctx, rdb, f.scan.Pattern == "*" && f.scan.Slots.Empty(), it.Stats)
	res, err := a.write(f.output, it, f.compression)
	stop()
	if err != nil {
		return err
	}
	summary{output: f.output, result: res, stats: it.Stats(), elapsed: time.Since(begun)}.print(a.stderr)
	if missing := it.Missing(); missing != nil {
		a.printLine("left out, as --allow-incomplete has it: " + missing.Error())
	}
	return nil
}
