# shellcheck shell=bash
# What is still there of a cluster's jobs: processes, sockets, shared memory, files, cgroups. Sourced by `cluster`.
# shellcheck disable=SC2154,SC2034  # the state in common.sh is shared by all parts
# Prints a line "KIND WHAT" for each; fails when there is any. Things are this cluster's by its user or its nodes' names.

scan() {
    local found
    found=$(
        scan_processes
        scan_shared_memory
        scan_sockets
        scan_cgroups
    )
    [ -n "$found" ] || return 0
    printf '%s\n' "$found"
    return 1
}

# The user's processes, and others on a node that are no slurmd (a slurmstepd, a hook that did not give up being root).
scan_processes() {
    local pid name
    for pid in $({ processes_of_user; processes_of_nodes; } | sort -nu); do
        { read -r name <"/proc/$pid/comm"; } 2>/dev/null || continue
        [ "$name" != slurmd ] || continue
        ps -o stat=,pid=,user=,args= -p "$pid" | sed -n '/^Z/!s/^[^ ]* */process /p'
    done
}

# Every node's /dev/shm is seen through its slurmd; the host's too, for a cluster without namespaces.
scan_shared_memory() {
    local i pid
    scan_directory "" /dev/shm
    for ((i = 1; i <= nodes; ++i)); do
        if [ "$namespaces" = yes ] && pid=$(pid_of "slurmd.$prefix$i"); then
            scan_directory "$prefix$i:" "/proc/$pid/root"/dev/shm
        fi
    done
    awk -v uid="$uid" 'NR > 1 && $8 == uid { print "shm sysv segment " $2 }' /proc/sysvipc/shm 2>/dev/null || true
}
scan_directory() { find "$2" -mindepth 1 -uid "$uid" -printf "shm $1/dev/shm/%P\n" 2>/dev/null || true; }

# Unix sockets in the work directory, the user's files in the common directories, listening TCP sockets.
scan_sockets() {
    find "$work" -type s -printf 'socket %p\n' 2>/dev/null || true
    find /tmp /var/tmp -maxdepth 1 -uid "$uid" -printf 'file %p\n' 2>/dev/null || true
    awk -v uid="$uid" '$4 == "0A" && $8 == uid { print "socket listening at " $2 " (hexadecimal)" }' \
        /proc/net/tcp /proc/net/tcp6 2>/dev/null || true
}

scan_cgroups() {
    local path
    for path in $(cgroups_of_nodes); do
        find "$path" -type d -name 'job_*' -printf 'cgroup %p\n' 2>/dev/null || true
    done
}
