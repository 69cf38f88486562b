package main

import (
	"context"
	"os"

	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"
)

// app is what the commands share.
type app struct {
	stdout, stderr *os.File
	secrets        *secrets
}

// run executes the command line and returns the exit status.
func run(args []string, stdout, stderr *os.File) int {
	// go-redis logs to standard error through a package global. What matters
	// of it comes back as an error anyway, once, and without passwords.
	redis.SetLogger(silentLogger{})

	ctx, stop := withSignals(context.Background())
	defer stop()

	a := &app{stdout: stdout, stderr: stderr, secrets: &secrets{}}
	root := newRoot(a)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	return a.report(ctx, cmd, err)
}

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "redisarrow",
		Short: "Hashes and strings of a Redis or Valkey cluster as Arrow files and streams",
		Long: `redisarrow scans a Redis or Valkey cluster and writes its hashes or strings as
Arrow IPC files and streams, each key once.`,
		Version:       version(),
		SilenceErrors: true, // report prints them, in one line
		SilenceUsage:  true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				return usagef("unknown command %q: did you mean %q?", args[0], near[0])
			}
			return usagef("unknown command %q", args[0])
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SuggestionsMinimumDistance = 2
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	root.SetVersionTemplate("redisarrow {{.Version}}\n")
	root.AddCommand(newKeys(a), newInfer(a), newExport(a), newHealth(a), newDemo(a), newVersion(a))
	return root
}

type silentLogger struct{}

func (silentLogger) Printf(context.Context, string, ...any) {}
