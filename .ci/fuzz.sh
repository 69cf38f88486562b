#!/bin/sh
# Runs every fuzz target of the module for a while, one after another: a test binary can only run one at a time.
#
#   fuzz.sh TIME [TARGET]     TIME such as 60s, or 20000x for so many executions; TARGET if only that one is to run
#
# What fails is kept in testdata/fuzz beside the test, and from then on is a test case.
set -eu
cd "$(dirname "$0")/.."
go=${GO:-go}
only=${2:-.*}

# What has been found to lead to new code is kept where go test -fuzz keeps it.
cache=$("$go" env GOCACHE)/fuzz
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT

# executions COUNTx TARGET: as many as TARGET gets. Those that run a whole cluster take a thousand times as long.
executions() {
	case $1,$2 in
	*x,FuzzScan | *x,FuzzServer) echo "$((${1%x} / 100))x" ;;
	*) echo "$1" ;;
	esac
}

grep -rlE '^func Fuzz' --include='*_test.go' . | sed 's|/[^/]*$||' | sort -u | while read -r package; do
	# Built once, with go test -fuzz's instrumentation: linking takes longer than most targets do.
	"$go" test -c -fuzz . -o "$bin/fuzz.test" "$package"
	import=$("$go" list "$package")
	for target in $("$bin/fuzz.test" -test.list '^Fuzz' | grep -Ex "$only"); do
		printf '%-22s %-20s ' "$package" "$target"
		# The cases of the corpus have been run by the tests already, so only the target itself is.
		if out=$(cd "$package" && "$bin/fuzz.test" -test.run '^$' -test.fuzz "^$target\$" \
			-test.fuzztime "$(executions "$1" "$target")" -test.fuzzcachedir "$cache/$import" </dev/null 2>&1) &&
			done=$(printf '%s\n' "$out" | sed -n 's/^fuzz: elapsed: \([^,]*\), execs: \([0-9]*\).*/\1, \2 executions/p' | tail -n 1 | grep .); then
			printf '%s\n' "$done"
		else # also if the time was over before the first execution
			printf 'failed\n%s\n' "$out"
			exit 1
		fi
	done
done
