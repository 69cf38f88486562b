#!/bin/sh
# Makes a Docker image out of a server that fetch-servers.sh fetches, for where the official ones can't be pulled.
#
#   image.sh NAME      makes redisarrow-test:NAME; for the names see fetch-servers.sh
#
# It has the server, its libraries and nothing else, not even a shell. As with the official images, options of the
# server are what a container's command consists of. An image that is there already is made anew only if the server's
# version has changed.
set -eu

image=redisarrow-test:$1
fetched=$("$(dirname "$0")/fetch-servers.sh" "$1")
read -r name version run <<-LINE
	$fetched
LINE
if [ "$(docker image inspect --format '{{.Config.Labels.version}}' "$image" 2>/dev/null)" = "$version" ]; then
	printf '%s is there, version %s\n' "$image" "$version"
	exit
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
server=${name%-*}-server
root=$work/root
mkdir -p "$root/data" "$root/lib" "$root/tmp" "$root/usr/local/bin"
# The loader is in /lib or in /lib64, as the architecture has it, and looks for libraries in /lib.
ln -s lib "$root/lib64"
cp "${run%/run}"/lib/* "$root/lib/"
cp "${run%/run}/$server" "$root/usr/local/bin/"
tar -C "$root" --owner=0 --group=0 -cf "$work/root.tar" .
docker import --change "ENTRYPOINT [\"/usr/local/bin/$server\"]" --change 'WORKDIR /data' --change "LABEL version=$version" \
	"$work/root.tar" "$image" >/dev/null
printf '%s made, version %s, %s KiB\n' "$image" "$version" "$(du -sk "$root" | cut -f1)"
