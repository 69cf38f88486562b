package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"

	"github.com/redisarrow/redisarrow/arrowutil"
	"github.com/redisarrow/redisarrow/convert"
	"github.com/redisarrow/redisarrow/iterator"
)

// helpWidth is where the flags' descriptions are wrapped.
const helpWidth = 100

// exportFlags are the whole command line of export.
type exportFlags struct {
	connect    connectFlags
	row        rowFlags
	inference  inferenceFlags
	share      shareFlags
	scan       iterator.Config
	format     formatFlags
	output     string
	checkpoint string
	partRows   int64 // 0: not given
	partBytes  int64 // 0: no limit
	dryRun     bool
	observe    observeFlags
	report     exportReport // for --stats-json
}

func newExport(a *app) *cobra.Command {
	f := &exportFlags{}
	cmd := &cobra.Command{
		Use:   "export --url URL --pattern P --output FILE",
		Short: "Write the keys that match a pattern into an Arrow, Parquet, CSV or JSON lines file",
		Long: `export writes a row for each hash or string whose key matches the pattern.

The file appears under its name when it is whole, or not at all. Its extension
says in which format: .arrow, .arrows, .parquet, .csv or .jsonl; or --format does.
With --output - an Arrow IPC stream, or what --format says, goes to standard
output, broken on purpose if the scan fails. Only exit status 0 stands for a
whole result. A summary goes to standard error.

With --output FOLDER/ and --checkpoint FILE the result is parts in a folder,
FOLDER/part-00001.arrow and so on. The same command, run again after it was
killed or failed, goes on behind the last part; together the parts have each key
once.

Without --schema, or --value-type, the columns are inferred from a sample of the
keys, as by redisarrow infer; which, is told, and cells that don't fit are null and
counted, unless --on-parse-error is given.`,
		Example: `  redisarrow export --url redis://node1:7000 --type hash --pattern 'user:*' \
      --schema 'name:utf8,age:int64,seen:timestamp[ms,UTC]' --ttl --output users.arrow
  redisarrow export --url redis://node1:7000 --type string --pattern 'counter:*' \
      --value-type int64 --output - | python3 -c 'import sys, pyarrow as pa; \
      print(pa.ipc.open_stream(sys.stdin.buffer).read_all())'
  redisarrow export --url redis://node1:7000 --type hash --pattern 'user:*' \
      --schema 'name:utf8,age:int64' --output users/ --checkpoint users.progress \
      --format parquet --compression zstd --part-bytes 256MiB`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.reported(cmd.Context(), f, func() error { return a.export(cmd.Context(), f) })
		},
	}
	cmd.SetUsageTemplate(strings.ReplaceAll(cmd.UsageTemplate(), "FlagUsages", fmt.Sprintf("FlagUsagesWrapped %d", helpWidth)))
	fs := cmd.Flags()
	fs.SortFlags = false
	f.connect.register(fs)
	fs.StringVar(&f.scan.Pattern, "pattern", "", "keys to read, a glob `PATTERN` as SCAN's MATCH takes it; '*' is all (required)")
	f.share.register(fs)
	f.row.register(fs)
	f.inference.register(fs)
	fs.Var(newValue(&f.scan.BatchSize, "0", "N", parseSize), "batch-size", "rows a record batch; 0 is the default, 16384")
	fs.Var(newValue(&f.scan.MaxRows, "0", "N", parseCount), "max-rows", "stop after so many rows; 0 is no limit")
	fs.Var(newValue(&f.scan.Concurrency, "1", "N|all", parseConcurrency), "concurrency", "masters that are scanned at once")
	fs.Var(newValue(&f.scan.MaxKeysPerSecond, "0", "N", parseSize), "max-keys-per-second", "keys that are read in a second, over all masters; 0 is no limit")
	fs.Var(newValue(&f.scan.Duty, "1", "SHARE", parseDuty), "duty", "the part of a master's time that is asked for, such as 0.2, in small requests one at a time; 1 is no limit")
	fs.Var(newValue(&f.scan.OnParseError, "fail", "fail|null|skip", convert.ParsePolicy), "on-parse-error", "what becomes of a cell that doesn't fit its column")
	fs.Var(newValue(&f.scan.MaxValueBytes, "0", "SIZE", parseBound), "max-value-bytes", "values that are larger aren't read; 0 is no bound")
	fs.Var(newValue(&f.scan.OnLargeValue, "fail", "fail|null|skip", convert.ParsePolicy), "on-large-value", "what becomes of them")
	fs.BoolVar(&f.scan.RedactValues, "redact-values", false, "leave values out of error messages; keys are named all the same")
	fs.DurationVar(&f.scan.StallTimeout, "stall-timeout", iterator.DefaultStallTimeout, "how `LONG` the scan may go without coming on, while slots have no owner or servers fail")
	fs.Var(newValue(&f.scan.Enumerate, "auto", "auto|clusterscan|slotscan|keysinslot|plainscan", iterator.ParseEnumeration), "enumerate", "how keys are listed; by default in the best way that a server has")
	fs.Var(newValue(&f.scan.MaxInFlightBytes, "4MiB", "SIZE", parseBytes), "max-in-flight-bytes", "about what a master may be asked for that hasn't been read yet: it waits in the server's memory")
	fs.Var(newValue(&f.scan.MaxLedgerBytes, "256MiB", "SIZE", parseBytes), "max-ledger-bytes", "memory for the keys that are remembered until their slot is done")
	fs.Var(newValue(&f.scan.ReadFrom, "master", "master|replica|prefer-replica", iterator.ParseReadFrom), "read-from", "nodes that keys are read from")
	fs.BoolVar(&f.scan.Strict, "strict", false, "don't read slots whose migration is open: fail with their numbers")
	fs.BoolVar(&f.scan.AllowIncomplete, "allow-incomplete", false, "go on when slots can't be read, and say at the end which were left out")
	fs.StringVar(&f.output, "output", "", "`FILE` to write, or - for standard output, or FOLDER/ for parts (required)")
	f.format.register(fs)
	fs.Var(newValue(&f.partRows, "", "N", parsePartRows), "part-rows", fmt.Sprintf("rows a part, with FOLDER/: the batch that reaches them ends it; by default %d, or no limit with --part-bytes", defaultPartRows))
	fs.Var(newValue(&f.partBytes, "", "SIZE", parseBytes), "part-bytes", "about the bytes of a part, with FOLDER/: the batch that reaches them ends it")
	fs.StringVar(&f.checkpoint, "checkpoint", "", "`FILE` that says how far the parts in FOLDER/ go: killed at any moment, the same command goes on")
	f.observe.register(fs)
	fs.BoolVar(&f.dryRun, "dry-run", false, "only say what would be scanned, in what way; without --schema a sample of keys is read for that, and nothing else")
	return cmd
}

// export checks everything that can be checked here before it asks the
// cluster for anything.
func (a *app) export(ctx context.Context, f *exportFlags) error {
	options, err := f.connect.options(a.secrets)
	if err != nil {
		return err
	}
	row, err := f.givenRows()
	if err != nil {
		return err
	}
	if f.scan.Pattern == "" {
		return usagef("--pattern is missing: give one such as 'user:*', or '*' for all keys")
	}
	if f.scan.Slots, err = f.share.set(); err != nil {
		return err
	}
	if f.scan.Logger, err = f.observe.logger(a.console); err != nil {
		return err
	}
	if err := f.observe.check(f.output, f.checkpoint); err != nil {
		return err
	}
	if err := f.scan.Validate(); err != nil {
		return &usageError{err}
	}
	format, err := f.format.choose(f.output)
	if err != nil {
		return err
	}
	if !isFolder(f.output) {
		if f.checkpoint != "" {
			return usagef("--checkpoint needs parts: give --output a folder, with a slash at its end")
		}
		if f.partRows > 0 || f.partBytes > 0 {
			return usagef("--part-rows and --part-bytes need parts: give --output a folder, with a slash at its end")
		}
		if err := a.checkOutput(f.output, format); err != nil {
			return err
		}
	}
	switch {
	case f.dryRun:
		return a.dryRun(ctx, f, row, format, options)
	case isFolder(f.output):
		return a.exportParts(ctx, f, row, options)
	}
	rdb, err := dial(ctx, options)
	if err != nil {
		return err
	}
	defer rdb.Close()

	if row == nil {
		if row, err = a.inferRows(ctx, rdb, f, nil); err != nil {
			return err
		}
	}
	return a.exportAll(ctx, rdb, row, f, summary{output: f.output}, func(it scanner) (arrowutil.Result, error) {
		return a.write(f.output, it, format)
	})
}

// exportAll writes all that a scan gives, by write, and says at the end what that
// was.
func (a *app) exportAll(ctx context.Context, rdb redis.UniversalClient, row rows, f *exportFlags, s summary, write func(scanner) (arrowutil.Result, error)) error {
	begun := time.Now()
	f.report.Schema = row.String()
	it, err := row.open(ctx, rdb, f.scan)
	if err != nil {
		return err
	}
	defer it.Release()
	stop := a.showProgress(ctx, it.Stats)
	s.result, err = write(it)
	stop()
	f.report.note(it, s.result)
	if err != nil {
		if f.observe.table {
			fmt.Fprint(a.stderr, it.Stats())
		}
		return err
	}
	s.stats, s.elapsed = it.Stats(), time.Since(begun)
	s.print(a.stderr)
	if f.observe.table {
		fmt.Fprintf(a.stderr, "\n%s", s.stats)
	}
	if missing := it.Missing(); missing != nil {
		a.printLine("left out, as --allow-incomplete has it: " + missing.Error())
		return statusError(exitIncomplete)
	}
	return nil
}
