#!/bin/sh
# Runs every fuzz target of the module for a while, one after another: go test can only run one at a time.
#
#   fuzz.sh TIME      such as 60s, or 20000x for so many executions
#
# What fails is kept in testdata/fuzz beside the test, and from then on is a test case.
set -eu
cd "$(dirname "$0")/.."
go=${GO:-go}

grep -rlE '^func Fuzz' --include='*_test.go' . | sed 's|/[^/]*$||' | sort -u | while read -r package; do
	for target in $("$go" test -list '^Fuzz' "$package" | grep '^Fuzz'); do
		printf '%s %s ' "$package" "$target"
		# The cases of the corpus have been run by the tests already, so only the target itself is.
		if out=$("$go" test -run '^$' -fuzz "^$target\$" -fuzztime "$1" "$package" </dev/null 2>&1); then
			printf '%s\n' "$out" | sed -n 's/^fuzz: elapsed: \([^,]*\), execs: \([0-9]*\).*/\1, \2 executions/p' | tail -n 1
		else
			printf 'failed\n%s\n' "$out"
			exit 1
		fi
	done
done
