#!/bin/sh
# switch VERSION: what the next start of Redis runs. Written by redis-cluster-kit, called by its engine while the node is stopped.
set -eu
version=${1:?usage: switch VERSION}
case $version in
*[!0-9.]*)
    echo "$version is no version" >&2
    exit 2
    ;;
esac
folder=/opt/redis-cluster-kit/redis-$version
if [ ! -x "$folder/redis-server" ]; then
    echo "Redis $version is not installed in $folder" >&2
    exit 3
fi
if [ "$(readlink /opt/redis-cluster-kit/current 2>/dev/null || true)" != "redis-$version" ]; then
    ln -sfn "redis-$version" /opt/redis-cluster-kit/current.new
    mv -fT /opt/redis-cluster-kit/current.new /opt/redis-cluster-kit/current
fi
# Always: a run that was killed after the link must not leave systemd with the other version's unit.
systemctl daemon-reload
