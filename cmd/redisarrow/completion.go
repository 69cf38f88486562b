package main

import (
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// words are the values of a flag that are words of their own: of "fail|null|skip"
// all, of "N|all" the second.
var words = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// shells are those that there are scripts for.
const shells = "bash, zsh, fish and powershell"

// addCompletion adds the command that prints them.
func addCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() != "completion" {
			continue
		}
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("there is no completion for %q: there is for %s", args[0], shells)
			}
			return cmd.Help()
		}
		cmd.Args = cobra.ArbitraryArgs
	}
}

// completeFlags lets shells complete the flags of all commands.
func completeFlags(root *cobra.Command) {
	for _, cmd := range root.Commands() {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			// By what the help calls its value. The shell itself completes names of files.
			if kind, _ := pflag.UnquoteUsage(f); kind == "FILE" || kind == "DIR" {
				return
			}
			// The flags are the command's own, and each is registered once.
			_ = cmd.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(wordsOf(f), cobra.ShellCompDirectiveNoFileComp))
		})
	}
}

func wordsOf(f *pflag.Flag) (list []string) {
	for word := range strings.SplitSeq(f.Value.Type(), "|") {
		if words.MatchString(word) && strings.Contains(f.Value.Type(), "|") {
			list = append(list, word)
		}
	}
	return list
}
