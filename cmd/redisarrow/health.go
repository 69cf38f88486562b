package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/redisarrow/redisarrow/cluster"
)

// What the verdict is for scripts. These come beside those of exit.go.
const (
	exitWeakened = 3
	exitNoScan   = 4
)

// statusError is an exit status of which the output has told already.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// healthFlags are the whole command line of health.
type healthFlags struct {
	connect connectFlags
	json    bool
}

func newHealth(a *app) *cobra.Command {
	f := &healthFlags{}
	cmd := &cobra.Command{
		Use:   "health --url URL",
		Short: "Look at a cluster before it is scanned, and say whether a scan can keep its promise",
		Long: `health asks every node of a cluster, or a single server, how it is: slots, open
migrations, masters and replicas, versions, memory, clients, keys, what the user
may not do, and how each node's keys would be listed. It changes nothing and
reads no key; what an ACL denies leaves a line in the server's ACL LOG.

Exit status: 0 if a scan that begins now can keep its promise, 3 if it can but
something weakens it (warnings), 4 if it can't (problems), 1 if nothing could be
found out, 2 for a mistake on the command line.`,
		Example: `  redisarrow health --url redis://node1:7000
  redisarrow health --url redis://node1:7000 --json | jq -r '.findings[] | "\(.severity) \(.code)"'`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.health(cmd.Context(), f) },
	}
	cmd.SetUsageTemplate(strings.ReplaceAll(cmd.UsageTemplate(), "FlagUsages", fmt.Sprintf("FlagUsagesWrapped %d", helpWidth)))
	fs := cmd.Flags()
	fs.SortFlags = false
	f.connect.register(fs)
	fs.BoolVar(&f.json, "json", false, "print the report as JSON, for programs")
	return cmd
}

func (a *app) health(ctx context.Context, f *healthFlags) error {
	options, err := f.connect.options(a.secrets)
	if err != nil {
		return err
	}
	rdb, err := dial(ctx, options)
	if err != nil {
		return err
	}
	defer rdb.Close()
	report, err := cluster.Check(ctx, rdb)
	if err != nil {
		return err
	}
	a.censor(report)
	text := healthText(report)
	if f.json {
		if text, err = printableJSON(report); err != nil {
			return err
		}
	}
	if _, err := a.stdout.WriteString(text); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	switch report.Verdict {
	case cluster.VerdictYes:
		return nil
	case cluster.VerdictWeakened:
		return statusError(exitWeakened)
	default:
		return statusError(exitNoScan)
	}
}

// censor goes over the texts that came from elsewhere.
func (a *app) censor(r *cluster.Report) {
	for i := range r.Findings {
		r.Findings[i].Text = a.secrets.hide(r.Findings[i].Text)
	}
	for i := range r.Nodes {
		r.Nodes[i].Error = a.secrets.hide(r.Nodes[i].Error)
	}
}
