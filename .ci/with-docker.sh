#!/usr/bin/env bash
# Runs a command with a Docker engine: the one that answers, else one that is started for the command, and ends with it.
#
#   with-docker.sh COMMAND…
#
# The engine that is started keeps to a temporary folder. It sets up neither firewall rules nor forwarding nor a default
# bridge, so that the machine, and another engine on it, stay as they are: containers of one network reach each other,
# published ports are reached on this machine, and that's all.
set -euo pipefail

PATH=$PATH:/usr/sbin:/sbin
answers() { docker version --format '{{.Server.Version}}'; }

if answers >/dev/null 2>&1; then
	exec "$@"
fi

as_root=()
if [ "$(id -u)" != 0 ]; then
	as_root=(sudo)
fi
dir=$(mktemp -d /tmp/redisarrow-docker.XXXXXX) # not in TMPDIR: the paths of sockets are short
export DOCKER_HOST=unix://$dir/socket
# The address is a container's gateway otherwise, where this is a container itself.
export TESTCONTAINERS_HOST_OVERRIDE=127.0.0.1
unset DOCKER_CONTEXT DOCKER_TLS_VERIFY DOCKER_CERT_PATH

# Where a firewall, or another engine, has the machine forward nothing by default, that goes for the bridges too.
bridged=(FORWARD -i br-+ -o br-+ -m physdev --physdev-is-bridged -j ACCEPT)
opened=
if "${as_root[@]}" iptables -S FORWARD 2>/dev/null | grep -q '^-P FORWARD DROP'; then
	"${as_root[@]}" iptables -I "${bridged[@]}"
	opened=1
fi

end() {
	local pid
	if pid=$(cat "$dir/pid" 2>/dev/null); then
		# What a test that was killed has left. The bridges of networks would outlive the engine.
		docker ps --all --quiet | xargs -r docker rm --force --volumes >/dev/null || true
		docker network prune --force >/dev/null || true
		# The shell's own kill: the program is in procps, which isn't everywhere.
		"${as_root[@]}" sh -c "kill $pid" || true
		for _ in {1..100}; do
			[ -e "/proc/$pid" ] || break
			sleep 0.2
		done
		[ ! -e "/proc/$pid" ] || "${as_root[@]}" sh -c "kill -KILL $pid" || true
	fi
	[ -z "$opened" ] || "${as_root[@]}" iptables -D "${bridged[@]}" || true
	"${as_root[@]}" umount "$dir/data" 2>/dev/null || true # the engine does, where it can
	"${as_root[@]}" rm -rf --one-file-system "$dir" || true
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Not the machine's own /etc/docker/daemon.json, nor its containerd. Should this script be killed, the engine ends too.
echo '{}' >"$dir/daemon.json"
begun=$SECONDS
"${as_root[@]}" env PATH="$PATH" setsid setpriv --pdeathsig TERM dockerd \
	--config-file "$dir/daemon.json" --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/pid" \
	--host "$DOCKER_HOST" --group "$(id -g)" --bridge none --iptables=false --ip6tables=false --ip-forward=false \
	--containerd-namespace redisarrow --containerd-plugins-namespace redisarrow-plugins >"$dir/log" 2>&1 </dev/null &
until version=$(answers 2>/dev/null); do
	if ! kill -0 $! 2>/dev/null || [ $((SECONDS - begun)) -gt 60 ]; then
		printf '%s: the Docker engine does not start; the end of its log:\n' "$0" >&2
		tail -n 20 "$dir/log" >&2
		exit 1
	fi
	sleep 0.2
done
printf 'Docker engine %s, started in %s s\n' "$version" $((SECONDS - begun))
"$@"
