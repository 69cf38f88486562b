package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version, and what it was built of",
		Args:  noArguments,
		RunE:  func(*cobra.Command, []string) error { return printBuild(a.stdout) },
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

// builtOf are the modules whose versions matter to what comes out.
var builtOf = []string{"github.com/apache/arrow-go/v18", "github.com/redis/go-redis/v9"}

// settings are what the toolchain records of the repository, if it was built in one.
var settings = map[string]string{"vcs.revision": "revision", "vcs.time": "committed", "vcs.modified": "modified"}

// printBuild prints the version, and below it what belongs into the report of a
// bug.
func printBuild(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "redisarrow %s\nplatform\t%s/%s\n", version(), runtime.GOOS, runtime.GOARCH)
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if name, ok := settings[s.Key]; ok {
				fmt.Fprintf(t, "%s\t%s\n", name, s.Value)
			}
		}
		for _, m := range info.Deps {
			if slices.Contains(builtOf, m.Path) {
				fmt.Fprintf(t, "%s\t%s\n", m.Path, m.Version)
			}
		}
	}
	return t.Flush()
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
