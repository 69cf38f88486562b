#!/bin/sh
# Fetches the servers that internal/testcluster starts, out of Debian's archive, without installing them.
#
#   fetch-servers.sh [NAME…]     redis-7.0, redis-8.0, valkey-8.1, valkey-9.1; default: all of them
#
# Each server gets a folder of its own with everything it needs, its C library and loader included, so it runs on
# any Linux of the same architecture:
#
#   $REDISARROW_SERVERS (default: ${XDG_CACHE_HOME:-~/.cache}/redisarrow/servers)/NAME/run   starts the server
#
# What is there already is used. Nothing on the machine is changed: apt works on a private state that is thrown away
# afterwards. The mirror and its keys are those of the machine's own apt sources; REDISARROW_DEBIAN_MIRROR (a URL) and
# REDISARROW_DEBIAN_KEYRING (a file) take their place where these have no Debian mirror, as on Ubuntu.
set -eu

servers=${REDISARROW_SERVERS:-${XDG_CACHE_HOME:-$HOME/.cache}/redisarrow/servers}
me=${0##*/}

say() { printf '%s: %s\n' "$me" "$*" >&2; }
die() { say "$@"; exit 1; }
advice="put a redis-server or valkey-server (7.0 or newer) on PATH, or set REDISARROW_SERVERS to a folder with NAME/run in it"

# suite_of NAME: the archive's suite that has the server.
suite_of() {
	case $1 in
	redis-7.0) echo bookworm ;;
	redis-8.0 | valkey-8.1) echo trixie ;;
	valkey-9.1) echo sid ;;
	*) return 1 ;;
	esac
}

version_of() { "$1/run" --version 2>/dev/null | sed -n 's/.* v=\([0-9][0-9.]*\).*/\1/p'; }

# works NAME: whether the server is there and starts.
works() { [ -x "$servers/$1/run" ] && [ -n "$(version_of "$servers/$1")" ]; }

# debian_mirror: one deb822 stanza, "URIs" and "Signed-By" only, of a Debian mirror in the machine's apt sources.
# A key can be written out in the stanza itself, on continuation lines: those are carried along.
debian_mirror() {
	if [ -n "${REDISARROW_DEBIAN_MIRROR:-}" ]; then
		echo "URIs: $REDISARROW_DEBIAN_MIRROR"
		[ -z "${REDISARROW_DEBIAN_KEYRING:-}" ] || echo "Signed-By: $REDISARROW_DEBIAN_KEYRING"
		return
	fi
	for f in /etc/apt/sources.list.d/*.sources; do
		[ -r "$f" ] || continue
		{ cat "$f"; echo; } | awk '
			function flush() {
				if (!done && !off && types ~ /(^| )deb( |$)/ && uris != "" && uris !~ /^cdrom:/ && comps ~ /(^| )main( |$)/ && debian(suites)) {
					print "URIs: " uris
					if (signed != "") print "Signed-By:" signed
					done = 1
				}
				types = uris = suites = comps = signed = field = ""; off = 0
			}
			function debian(s,  n, i, a) {
				n = split(s, a, " ")
				for (i = 1; i <= n; i++)
					if (a[i] ~ /^(bullseye|bookworm|trixie|forky|duke|sid|oldoldstable|oldstable|stable|testing|unstable)$/) return 1
				return 0
			}
			/^#/ { next }
			/^[ \t]*$/ { flush(); next }
			/^[ \t]/ { if (field == "signed-by") signed = signed "\n" $0; else if (field == "uris") uris = uris $0; else if (field == "suites") suites = suites $0; next }
			{
				i = index($0, ":"); field = tolower(substr($0, 1, i - 1)); v = substr($0, i + 1)
				sub(/^[ \t]+/, "", v); sub(/[ \t\r]+$/, "", v)
				if (field == "types") types = v
				else if (field == "uris") uris = v
				else if (field == "suites") suites = v
				else if (field == "components") comps = v
				else if (field == "signed-by") signed = " " v
				else if (field == "enabled" && tolower(v) ~ /^(no|false|0)$/) off = 1
			}
			END { flush() }'
	done >"$work/stanzas"
	for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
		[ -r "$f" ] || continue
		awk '
			!done && $1 == "deb" {
				line = $0; signed = ""
				sub(/^[ \t]*deb[ \t]+/, "", line)
				if (line ~ /^\[/) {
					opts = substr(line, 2, index(line, "]") - 2); line = substr(line, index(line, "]") + 1)
					n = split(opts, o, " ")
					for (i = 1; i <= n; i++) if (o[i] ~ /^signed-by=/) signed = substr(o[i], 11)
				}
				n = split(line, w, " ")
				if (n >= 3 && w[1] !~ /^cdrom:/ && line ~ / main( |$)/ &&
				    w[2] ~ /^(bullseye|bookworm|trixie|forky|duke|sid|oldoldstable|oldstable|stable|testing|unstable)$/) {
					print "URIs: " w[1]
					if (signed != "") print "Signed-By: " signed
					done = 1
				}
			}' "$f"
	done >>"$work/stanzas"
	# The first is enough; the next one begins with its own URIs line.
	awk '/^URIs:/ && n++ { exit } { print }' "$work/stanzas"
}

# apt_state SUITE: a private apt state for that suite alone, its lists fetched.
# Of the machine's configuration only how to reach the mirror is taken (proxies, timeouts): its hooks and its pinning
# are none of our business, and an empty status file keeps what is installed here out of the choice of versions. A mirror
# that stands still for weeks does: its signatures are checked, not that they are of this week.
apt_state() {
	state=$work/$1
	[ ! -e "$state/ready" ] || return 0
	mkdir -p "$state/lists/partial" "$state/archives/partial" "$state/parts"
	: >"$state/status"
	{
		apt-config dump | grep '^Acquire::' | grep -v '^Acquire::IndexTargets' || true
		cat <<-CONF
			Dir::Etc::main "/dev/null";
			Dir::Etc::parts "$state/parts";
			Dir::Etc::sourcelist "$state/debian.sources";
			Dir::Etc::sourceparts "$state/parts";
			Dir::Etc::preferences "/dev/null";
			Dir::Etc::preferencesparts "$state/parts";
			Dir::State "$state";
			Dir::State::lists "$state/lists";
			Dir::State::status "$state/status";
			Dir::Cache "$state";
			Dir::Cache::archives "$state/archives";
			Dir::Log "$state";
			APT::Architecture "$arch";
			APT::Architectures { "$arch"; };
			APT::Sandbox::User "root";
			Acquire::Languages "none";
			Acquire::Retries "3";
			Acquire::Check-Valid-Until "false";
		CONF
	} >"$state/apt.conf"
	{ echo "Types: deb"; cat "$work/mirror"; echo "Suites: $1"; echo "Components: main"; } >"$state/debian.sources"
	# A missing index is only a warning to apt-get update unless it is told otherwise.
	retry apt "$1" apt-get -qq -o APT::Update::Error-Mode=any update ||
		die "could not read Debian's $1 from the mirror of this machine's apt sources: try again later, or $advice"
	: >"$state/ready"
}

# apt SUITE COMMAND…: the command on that suite's private state.
apt() {
	conf=$work/$1/apt.conf
	shift
	APT_CONFIG=$conf "$@"
}

retry() {
	for pause in 2 5 10 0; do
		"$@" && return 0
		[ "$pause" = 0 ] || { say "trying again in $pause s: $*"; sleep "$pause"; }
	done
	return 1
}

# fetch NAME: the server into its folder. It is built beside it and renamed when whole, so that neither a fetch that was
# cut off nor another one at the same time is ever mistaken for a server.
fetch() {
	name=$1
	kind=${name%-*}
	suite=$(suite_of "$name")
	apt_state "$suite"
	say "fetching $name from Debian $suite"

	build=$work/build-$name
	mkdir -p "$build/deb" "$build/root" "$build/server/lib"
	# The libraries are what the program needs; maintainer scripts' needs (perl, debconf, adduser…) are not.
	apt "$suite" apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
		--no-enhances "$kind-tools" "$kind-server" >"$build/depends"
	packages=$(grep -v '^[ <|]' "$build/depends" | sed 's/:.*//' | sort -u |
		grep -E "^(lib.*|$kind-server|$kind-tools)\$" | grep -Ev '(-perl|-dev|-doc)$')
	# shellcheck disable=SC2086 # a list of words
	(cd "$build/deb" && retry apt "$suite" apt-get -qq download $packages >&2) ||
		die "could not download $name's packages: try again later, or $advice"

	for deb in "$build"/deb/*.deb; do
		dpkg -x "$deb" "$build/root"
	done

	# The program is one file with several names, and acts by the name it is called with.
	program=$(readlink -f "$build/root/usr/bin/$kind-server")
	loader=$(find "$build/root" -name 'ld-linux*.so.*' | head -n 1)
	[ -f "$program" ] || die "Debian's $kind-server has no usr/bin/$kind-server any more"
	[ -n "$loader" ] || die "no dynamic loader among $name's packages"
	libs=$(find "$build/root" -name '*.so.*' -exec dirname {} \; | sort -u | tr '\n' ':')
	cp "$program" "$build/server/$kind-server"
	cp "$loader" "$build/server/lib/"
	for lib in $("$loader" --library-path "${libs%:}" --list "$program" | sed -n 's|.* => \(/.*\) (0x.*|\1|p'); do
		cp "$lib" "$build/server/lib/"
	done

	cat >"$build/server/run.new" <<-RUN
		#!/bin/sh
		d=\${0%/*}
		exec "\$d/lib/${loader##*/}" --library-path "\$d/lib" "\$d/$kind-server" "\$@"
	RUN
	chmod +x "$build/server/run.new"
	mv "$build/server/run.new" "$build/server/run"
	[ -n "$(version_of "$build/server")" ] || die "$name does not start here: $("$build/server/run" --version 2>&1); $advice"

	mkdir -p "$servers"
	if [ -e "$servers/$name" ] && ! works "$name"; then rm -rf "${servers:?}/$name"; fi
	mv -T "$build/server" "$servers/$name" 2>/dev/null || works "$name" || die "could not write $servers/$name"
}

[ $# -gt 0 ] || set -- redis-7.0 redis-8.0 valkey-8.1 valkey-9.1
missing=
for name; do
	suite_of "$name" >/dev/null || die "unknown server $name; known: redis-7.0 redis-8.0 valkey-8.1 valkey-9.1"
	works "$name" || missing="$missing $name"
done

if [ -n "$missing" ]; then
	for tool in apt-get apt-cache apt-config dpkg; do
		command -v "$tool" >/dev/null || die "no $tool here to fetch$missing with: $advice"
	done
	arch=$(dpkg --print-architecture)
	mkdir -p "$servers"
	# On the servers' own file system, for the rename. What a killed fetch left behind goes after a day.
	find "$servers" -maxdepth 1 -name '.fetch.*' -mtime +0 -exec rm -rf {} +
	work=$(mktemp -d "$servers/.fetch.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	debian_mirror >"$work/mirror"
	[ -s "$work/mirror" ] || die "no Debian mirror in this machine's apt sources: set REDISARROW_DEBIAN_MIRROR and REDISARROW_DEBIAN_KEYRING, or $advice"
	for name in $missing; do
		fetch "$name"
	done
fi

for name; do
	version=$(version_of "$servers/$name")
	printf '%s %s %s\n' "$name" "$version" "$servers/$name/run"
	case $version in
	"${name##*-}".*) ;;
	*) say "Debian's $(suite_of "$name") has moved on: $name is version $version" ;;
	esac
done
