#!/usr/bin/env bash
# Annotates videos on a Ray cluster, which this script starts and ends: here, and on all hosts that HOSTS names.
#
#   HOSTS="gpu2 gpu3" examples/ray_cluster.sh VIDEOS OUT [options of `redtrack annotate`]
#
# Every host needs `pip install "redtrack[ray]"` in the same place, and VIDEOS and OUT under the same paths; ssh must
# not ask for a password. A host that dies costs no video: its videos are tried again on the others.
# With a cluster of your own: redtrack annotate VIDEOS -o OUT --ray HOST:6379
set -euo pipefail

videos=$1 out=$2
shift 2
port=${RAY_PORT:-6379}
stop() {
    for host in ${HOSTS:-}; do ssh "$host" "$(command -v ray)" stop --force || true; done
    ray stop --force >&2
}
trap stop EXIT
ray start --head --port "$port" --include-dashboard false >&2
for host in ${HOSTS:-}; do ssh "$host" "$(command -v ray)" start --address "$(hostname -I | cut -d ' ' -f 1):$port" >&2; done
redtrack annotate "$videos" -o "$out" --ray "127.0.0.1:$port" --progress plain "$@"
