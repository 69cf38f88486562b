package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(a.stdout, "redisarrow %s\n", version())
			return err
		},
	}
}

// version is what the Go toolchain has recorded in the binary: the tag it was
// installed from, or the revision it was built at.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return fmt.Sprintf("%s, %s", info.Main.Version, info.GoVersion)
}

// noArguments refuses what cobra would accept in silence. The usual cause is a
// flag with an optional name, which takes its value only after "=".
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usagef("unexpected argument %q; if it is the name of a column, write it with an equals sign, as in --ttl=%s",
		args[0], args[0])
}
