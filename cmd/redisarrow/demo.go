package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"

	"github.com/redisarrow/redisarrow/arrowutil"
	"github.com/redisarrow/redisarrow/convert"
	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/iterator"
)

const (
	// urlVariable holds the seeds of the user's own cluster, with commas
	// between them.
	urlVariable = "REDIS_URL"
	// demoMaxRows bounds each scan of a cluster that may hold anything.
	demoMaxRows   = 100_000
	demoBatchSize = 1000
)

// demoScan is one of the demo's two scans.
type demoScan struct {
	title   string // also the name of the file
	pattern string
	rows    rows
}

func newDemo(a *app) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show a scan of hashes and one of strings, on a cluster that comes along or on your own",
		Long: fmt.Sprintf(`demo scans hashes and strings, prints the first rows, the counts of each node, and
where the Arrow files lie. It runs on a small fake cluster inside this process.

With %s set (redis://node:7000; commas between more than one) it runs on that
cluster, reads at most %d rows of either kind, and writes nothing to it. A
password may also come from %s.`, urlVariable, demoMaxRows, passwordVariable),
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context(), output) },
	}
	cmd.Flags().StringVar(&output, "output", "", "`DIR` for the Arrow files; a new temporary one if not given")
	return cmd
}

func (a *app) demo(ctx context.Context, output string) (err error) {
	dir, discard, err := demoFolder(output)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			discard()
		}
	}()

	if urls := os.Getenv(urlVariable); urls != "" {
		return a.demoOwn(ctx, strings.Split(urls, ","), dir)
	}
	return a.demoEmbedded(ctx, dir)
}

// demoFolder gives the folder, and how to take it away if it was made here.
func demoFolder(output string) (dir string, discard func(), err error) {
	if output == "" {
		dir, err = os.MkdirTemp("", "redisarrow-demo-")
		return dir, func() { _ = os.RemoveAll(dir) }, err
	}
	if info, err := os.Stat(output); err != nil || !info.IsDir() {
		return "", nil, usagef("--output: %s is not a folder: create it first", output)
	}
	return output, func() {}, nil
}

func (a *app) demoEmbedded(ctx context.Context, dir string) error {
	cluster, err := minicluster.Start(minicluster.Config{})
	if err != nil {
		return err
	}
	defer cluster.Close()
	fillDemo(cluster)
	scans, err := demoScans()
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "A cluster of three masters inside this process; set %s to scan your own.\n", urlVariable)

	rdb, err := a.demoDial(ctx, cluster.URLs())
	if err != nil {
		return err
	}
	defer rdb.Close()
	return a.runDemo(ctx, rdb, scans, dir, iterator.Config{BatchSize: demoBatchSize})
}

func (a *app) demoOwn(ctx context.Context, urls []string, dir string) error {
	rdb, err := a.demoDial(ctx, urls)
	if err != nil {
		return err
	}
	defer rdb.Close()
	scans, err := inferScans(ctx, rdb)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "The cluster of %s: at most %d rows of either kind, and for hashes at most %d fields.\n"+
		"Fields and types are inferred from some %d keys.\n", urlVariable, demoMaxRows, demoFields, iterator.DefaultInferKeys)
	return a.runDemo(ctx, rdb, scans, dir, iterator.Config{MaxRows: demoMaxRows, OnParseError: convert.Null})
}

func (a *app) demoDial(ctx context.Context, urls []string) (redis.UniversalClient, error) {
	var flags connectFlags
	for _, u := range urls {
		flags.urls = append(flags.urls, strings.TrimSpace(u))
	}
	options, err := flags.options(a.secrets)
	if err != nil {
		return nil, err
	}
	return dial(ctx, options)
}

func (a *app) runDemo(ctx context.Context, rdb redis.UniversalClient, scans []demoScan, dir string, cfg iterator.Config) error {
	for _, s := range scans {
		if err := a.runDemoScan(ctx, rdb, s, dir, cfg); err != nil {
			return fmt.Errorf("%s: %w", s.title, err)
		}
	}
	return nil
}

func (a *app) runDemoScan(ctx context.Context, rdb redis.UniversalClient, s demoScan, dir string, cfg iterator.Config) error {
	begun := time.Now()
	cfg.Pattern = s.pattern
	it, err := s.rows.open(ctx, rdb, cfg)
	if err != nil {
		return err
	}
	defer it.Release()

	path := filepath.Join(dir, s.title+".arrow")
	stop := a.showProgress(ctx, it.Stats)
	res, err := a.write(path, it, arrowutil.IPCFile{})
	stop()
	if err != nil {
		return err
	}
	elapsed := time.Since(begun)

	fmt.Fprintf(a.stdout, "\n%s, keys %s, columns %s\n\n", s.title, s.pattern, s.rows)
	if err := printHead(a.stdout, path); err != nil {
		return err
	}
	stats := it.Stats()
	fmt.Fprintln(a.stdout)
	t := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, n := range stats.Nodes {
		fmt.Fprintf(t, "%s\t%d rows\n", n.Addr, n.Rows)
	}
	fmt.Fprintf(t, "together\t%d rows in %.3f s, %.0f rows/s\n", res.Rows, elapsed.Seconds(), perSecond(res.Rows, elapsed))
	if cfg.MaxRows > 0 && res.Rows == cfg.MaxRows {
		fmt.Fprintf(t, "\tand perhaps more: the demo stops at %d\n", cfg.MaxRows)
	}
	if stats.ParseFailures > 0 {
		fmt.Fprintf(t, "\t%d cells that didn't fit their column are null\n", stats.ParseFailures)
	}
	fmt.Fprintf(t, "file\t%s (%s)\n", path, binarySize(res.Bytes))
	return t.Flush()
}
