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
	console        *console // standard error while an export goes on
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
	a.console = &console{out: stderr, secrets: a.secrets}
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
Arrow IPC files and streams, each key once.

Every flag can be given by an environment variable: --batch-size by
REDISARROW_BATCH_SIZE, a flag such as --tls by REDISARROW_TLS=true, several URLs
with blanks between them. The command line wins; empty is as if not set.

Exit status:
    0  whole
    1  failed in another way than these
    2  a mistake on the command line, or in a variable
    3  could not connect: nobody listens, wrong password, TLS
    4  incomplete: not all keys could be read
    5  a cell didn't fit, or was too large, and the policy is fail
  130  interrupted (128 and the signal's number): nothing half-written is left
health has statuses of its own from 3 on.`,
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
	// The variables count as the command line, so they are read when it is.
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return fromEnvironment(cmd) }
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(flagError)
	root.SetVersionTemplate("redisarrow {{.Version}}\n")
	root.AddCommand(newKeys(a), newInfer(a), newExport(a), newHealth(a), newDemo(a), newVersion(a))
	completeFlags(root)
	addCompletion(root)
	return root
}

type silentLogger struct{}

func (silentLogger) Printf(context.Context, string, ...any) {}
