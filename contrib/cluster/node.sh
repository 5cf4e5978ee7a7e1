#!/bin/bash
# Become one emulated node, then the program given: node.sh DIR NODE PROGRAM…
# Runs inside `unshare --uts --mount`: the node gets its own host name, /etc/hosts and /dev/shm. The mount's source names the
# cluster and the node: that is how their processes are recognised (processes_of_nodes in daemons.sh).
set -eu
dir=$1 node=$2
shift 2
hostname "$node"
mount --bind "$dir/etc/hosts" /etc/hosts
mount -t tmpfs -o mode=1777 "cluster:$dir:$node" /dev/shm
exec "$@"
