package main

import (
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// environmentPrefix is what the variables of flags begin with.
const environmentPrefix = "REDISARROW_"

// variable is the environment variable that stands for a flag:
// REDISARROW_BATCH_SIZE for --batch-size.
func variable(flag string) string {
	return environmentPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// fromEnvironment sets the command's flags that aren't on its command line and
// whose variable isn't empty. They count as given.
func fromEnvironment(cmd *cobra.Command) (err error) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		text := os.Getenv(variable(f.Name))
		if err != nil || f.Changed || text == "" || f.Name == "help" || f.Name == "version" {
			return
		}
		values := []string{text}
		if _, list := f.Value.(pflag.SliceValue); list {
			values = strings.Fields(text) // a comma may be part of a password
		}
		for _, value := range values {
			if cause := f.Value.Set(value); cause != nil {
				// Not pflag's text: it says that the flag was wrong.
				err = usagef("%s, for --%s: %q: %w", variable(f.Name), f.Name, value, cause)
				return
			}
		}
		f.Changed = true
	})
	return err
}
