#!/bin/sh
# Gets what the tests need beyond Go, and says what can't be had here and what is skipped for that.
# With CI set in the environment, that is a failure.
#
#   prepare.sh SERVER…      names as internal/testcluster/fetch-servers.sh knows them
set -eu
cd "$(dirname "$0")/.."

lacks() {
	printf 'missing: %s\n' "$1" >&2
	[ -z "${CI:-}" ] || exit 1
	printf 'skipped: %s\n' "$2" >&2
}

internal/testcluster/fetch-servers.sh "$@" ||
	lacks "real servers, see above" "tests on real clusters, unless $* are on PATH"

python3 -c 'import ensurepip, venv' 2>/dev/null ||
	lacks "python3 with venv and ensurepip (Debian: python3-venv)" "reading our files with pyarrow, Polars, DuckDB and pandas"

[ "$(${GO:-go} env CGO_ENABLED)" = 1 ] ||
	lacks "a C compiler (Debian: gcc libc6-dev)" "the race detector, and DuckDB in Go"

command -v redis-cli >/dev/null ||
	lacks "redis-cli (Debian: redis-tools)" "the commands of docs/compose.yaml"

case ${REDISARROW_TEST_IMAGE:-} in
redisarrow-test:*) internal/testcluster/image.sh "${REDISARROW_TEST_IMAGE#*:}" ;;
*) docker version --format 'Docker engine {{.Server.Version}}' ;; # the tests pull their image
esac || lacks "Docker, see above" "the test on a cluster in Docker"
