#!/bin/sh
# Runs every fuzz target of the module for a while, one after another: a test binary can only run one at a time.
#
#   fuzz.sh TIME [TARGET]     TIME such as 60s, or 100000x for so many executions; TARGET, a regular expression, if not all
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

# executions TIME TARGET: what TARGET gets, so that in counts all take about as long.
# The last ones run whole clusters, or cut one up.
executions() {
	case $1,$2 in
	*[!0-9]x,* | *[!x],*) echo "$1" ;;
	*,FuzzMatch | *,FuzzColumn | *,FuzzStructTags | *,FuzzInfer | *,FuzzPatterns) echo "$((${1%x} / 10))x" ;;
	*,FuzzTopologyAgrees | *,FuzzCut | *,FuzzServer | *,FuzzScan) echo "$((${1%x} / 100))x" ;;
	*) echo "$1" ;;
	esac
}

# finished OUTPUT: whether a run that ended with an error did so because its time was over while an input was tried
# (https://go.dev/issue/75804, in Go up to 1.26; counts don't meet it): such a run has no failing input.
finished() {
	case $1 in
	*"Failing input"* | *panic:* | *"fatal error"*) return 1 ;;
	*"context deadline exceeded"*) return 0 ;;
	*) return 1 ;;
	esac
}

grep -rlE '^func Fuzz' --include='*_test.go' . | sed 's|/[^/]*$||' | sort -u | while read -r package; do
	# Built once, with go test -fuzz's instrumentation: linking takes longer than most targets do.
	"$go" test -c -fuzz . -o "$bin/fuzz.test" "$package"
	import=$("$go" list "$package")
	for target in $("$bin/fuzz.test" -test.list '^Fuzz' | grep -Ex "$only"); do
		printf '%-22s %-22s ' "$package" "$target"
		# The cases of the corpus have been run by the tests already, so only the target itself is.
		ok=yes
		out=$(cd "$package" && "$bin/fuzz.test" -test.run '^$' -test.fuzz "^$target\$" -test.fuzzcachedir "$cache/$import" \
			-test.fuzztime "$(executions "$1" "$target")" </dev/null 2>&1) || finished "$out" || ok=no
		ran=$(printf '%s\n' "$out" | sed -n 's/^fuzz: elapsed: \([^,]*\), execs: \([0-9]*\).*/\1, \2 executions/p' | tail -n 1)
		if [ "$ok" = no ] || [ -z "$ran" ]; then # nothing ran if the time was over before
			printf 'failed\n%s\n' "$out"
			exit 1
		fi
		printf '%s\n' "$ran"
	done
done
