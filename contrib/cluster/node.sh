#!/bin/bash
# Become one emulated node, then the program given: node.sh DIR NODE PROGRAM…
# Runs inside `unshare --uts --mount`: the node gets its own host name, /etc/hosts, /dev/shm and, where it is unlike the
# others, machine. The source of /dev/shm's mount names the cluster and the node: that is how their processes are recognised
# (processes_of_nodes in daemons.sh).
set -eu
dir=$1 node=$2
shift 2
hostname "$node"
mount --bind "$dir/etc/hosts" /etc/hosts
[ ! -d "$dir/etc/machine.$node" ] || mount --bind "$dir/etc/machine.$node" "$dir/etc/machine"
mount -t tmpfs -o mode=1777 "cluster:$dir:$node" /dev/shm
exec "$@"
