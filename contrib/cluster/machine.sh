# shellcheck shell=bash
# What of this machine a cluster uses: its directory, user, ports, cgroups, and the CPUs it pretends. Sourced by `cluster`.
# shellcheck disable=SC2154,SC2034  # the state in common.sh is shared by all parts

check_packages() {
    local need command package missing=''
    need='munged:munge slurmctld:slurmctld slurmd:slurmd srun:slurm-client setpriv:util-linux ps:procps cc:gcc
          lstopo-no-graphics:hwloc-nox useradd:passwd'
    [ "$dbd" = no ] || need+=' slurmdbd:slurmdbd mariadbd:mariadb-server-core mariadb-install-db:mariadb-server-core
          mariadb:mariadb-client-core'
    for need in $need; do
        command=${need%:*} package=${need#*:}
        command -v "$command" >/dev/null || [[ " $missing " == *" $package "* ]] || missing+=" $package"
    done
    [ -z "$missing" ] || die "these packages are missing:$missing; 'make deps' installs them"
}

# The directory is short (a Unix socket's path has 107 characters) and every user can walk into it.
make_dir() {
    local parent
    if [ -z "$dir" ]; then
        parent=${TMPDIR:-/tmp}
    else
        [[ $dir == /* ]] || dir=$PWD/$dir
        parent=$dir
        [ ! -e "$dir/cluster.env" ] || die "--dir: a cluster is already in '$dir'; 'cluster down --dir $dir' removes it"
        [ -z "$(ls -A "$dir" 2>/dev/null)" ] || die "--dir: '$dir' is not empty; name a new directory"
    fi
    [[ $parent =~ ^/[A-Za-z0-9/._-]{1,63}$ ]] || die "--dir: '$parent' must be short (64) and of letters, digits, '.', '_', '-' and '/'"
    [[ $parent/ != /dev/shm/* ]] || die "--dir: '$parent' is in /dev/shm, and every node has a /dev/shm of its own"
    [ -z "$dir" ] || parent=$(dirname "$dir")
    while [ ! -e "$parent" ]; do parent=$(dirname "$parent"); done
    setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$parent" ||
        die "other users cannot go into '$parent'; name a directory with --dir, or set TMPDIR, where everybody can"
    exec {terminal}>&2
    trap 'undo_boot' EXIT
    trap 'on_signal' INT TERM HUP
    [ -n "$dir" ] || dir=$(mktemp -d "${TMPDIR:-/tmp}/infercl.XXXX")
    (umask 022 && mkdir -p "$dir"/{etc,run,log,state,spool,db,gpu,lib,stage,work})
    chmod 755 "$dir"
    chmod 700 "$dir"/{log,state,db}
    : >"$dir/run/pids"
    work=$dir/work
    export SLURM_CONF=$dir/etc/slurm.conf
    save_state
}

# A user for this cluster alone: then its processes and files tell themselves apart from those of other clusters.
# The user's comment names the directory; a user whose cluster is gone (the machine was reset) is used again.
claim_user() {
    local lock comment name
    exec {lock}>/run/inferstep-cluster.lock
    flock "$lock"
    for ((slot = 1; slot < 100; ++slot)); do
        name=infertest$slot
        comment=$(getent passwd "$name" | cut -d: -f5)
        [ -z "$comment" ] || [ -e "$comment/cluster.env" ] || userdel -f "$name" 2>/dev/null || true
        getent passwd "$name" >/dev/null || break
    done
    [ "$slot" -lt 100 ] || die "there are 99 clusters already; 'cluster down' removes one"
    held=yes
    useradd -M -d "$work" -s /bin/bash -c "$dir" "$name" 2>"$dir/log/useradd.out" ||
        die "cannot make the test user: $(tail -n 1 "$dir/log/useradd.out")"
    user=$name uid=$(id -u "$name") gid=$(id -g "$name") # only now: what takes the cluster down ends this user's processes
    save_state
    release
    exec {lock}>&-
    chown "$uid:$gid" "$work"
    chmod 700 "$work"
    prefix=${prefix:-c${slot}n}
    ! grep -qs " - tmpfs cluster:[^ ]*:${prefix}[0-9]* " /proc/[0-9]*/mountinfo ||
        die "--prefix: another cluster has nodes named ${prefix}1, …; choose another"
}

listening() { # a port, or a pattern of ports in hexadecimal
    grep -qE "^ *[0-9]+: [0-9A-F]+:($1) [0-9A-F]+:0000 0A" /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

# Each slot has its own 80 ports, in one of three ranges below those that the kernel hands out.
choose_ports() {
    local base i pattern candidates=("$port")
    [ -n "$port" ] || candidates=($((24000 + slot * 80)) $((16000 + slot * 80)) $((8000 + slot * 80)))
    for base in "${candidates[@]}"; do
        pattern=$(printf '%04X' "$base")
        for ((i = base + 1; i <= base + 10 + nodes; ++i)); do
            pattern+=$(printf '|%04X' "$i")
        done
        listening "$pattern" || { port=$base; return; }
    done
    die "ports ${candidates[*]} and the $((10 + nodes)) after each are in use; choose others with --port"
}

# Sockets, cores and threads of a node: from the options, from an XML, or of this machine; and the machine to pretend,
# with its topology and its list of CPUs: DIR/etc/machine.
shape='' shapes=() # the words of slurm.conf for all nodes, and by their numbers for those that are unlike the others
describe_nodes() {
    local i xml=$dir/etc/topology.xml
    if [ "$real_cpus" = yes ]; then
        [ -z "$topology${topologies[*]}$cpus$sockets$cores$threads" ] || die "--real-cpus takes no --topology, --cpus, --sockets, --cores or --threads"
        read_shape ""
    elif [ -n "$topology" ]; then
        [ -z "$cpus$sockets$cores$threads" ] || die "--topology takes no --cpus, --sockets, --cores or --threads"
        xml=$topology
    else
        threads=${threads:-1}
        [ -n "$cpus" ] || cpus=$((${sockets:-2} * ${cores:-4} * threads))
        [ -n "$sockets" ] || { sockets=1; [ "$cpus" -lt 4 ] || [ $((cpus / threads % 2)) = 1 ] || sockets=2; }
        cores=${cores:-$((cpus / threads / sockets))}
        [ "$cpus" = $((sockets * cores * threads)) ] ||
            die "--cpus: $cpus is not $sockets sockets × $cores cores × $threads threads = $((sockets * cores * threads))"
        lstopo-no-graphics --input "package:$sockets numa:1 core:$cores pu:$threads" --of xml >"$xml"
    fi
    if [ "$real_cpus" = no ]; then
        [ "$constrain_cores" = no ] || die "--constrain-cores needs --real-cpus: the kernel's cpusets know the real CPUs alone"
        pretend_machine "$xml" "$dir/etc/machine"
        pretend_cpus
    fi
    for i in "${!topologies[@]}"; do
        shapes[i]=$(pretend_machine "${topologies[i]}" "$dir/etc/machine.$prefix$i" && say_shape) || exit 1
    done
    shape=$(say_shape)
    memory=${memory:-$((cpus * 2000))}
}
say_shape() {
    echo "CPUs=$cpus Sockets=$sockets CoresPerSocket=$cores ThreadsPerCore=$threads RealMemory=${memory:-$((cpus * 2000))}"
}

pretend_machine() { # XML DIRECTORY
    [ -r "$1" ] || die "--topology: cannot read '$1'"
    mkdir "$2"
    cp "$1" "$2/topology.xml"
    read_shape "$2/topology.xml"
    hwloc-calc --input "$2/topology.xml" --physical-output --intersect pu all >"$2/cpus"
}

# slurmd itself says what it makes of a topology.
read_shape() {
    local line word
    cpus='' threads=''
    line=$(env ${1:+HWLOC_XMLFILE="$1"} slurmd -C 2>/dev/null | head -n 1) || true
    for word in $line; do
        case $word in
            CPUs=*) cpus=${word#*=} ;;
            SocketsPerBoard=*) sockets=${word#*=} ;;
            CoresPerSocket=*) cores=${word#*=} ;;
            ThreadsPerCore=*) threads=${word#*=} ;;
        esac
    done
    [ -n "$cpus$threads" ] || die "slurmd finds no CPUs in ${1:-this machine}"
}

pretend_cpus() {
    local cc_log=$dir/log/cc.out
    cc -std=gnu11 -O2 -fPIC -shared -fvisibility=hidden -Wall -Wextra -o "$dir/lib/fakecpu.so" "$here/fakecpu.c" >"$cc_log" 2>&1 ||
        die "cannot compile fakecpu.c: $(head -n 3 "$cc_log")"
    # One record for each thread id there can be; the file is sparse.
    truncate -s $((($(cat /proc/sys/kernel/pid_max) + 1) * 136)) "$dir/lib/fakecpu.table"
    chmod 666 "$dir/lib/fakecpu.table"
}

usable_v1() {
    local controller try
    for controller in freezer memory cpuset cpuacct; do
        try=/sys/fs/cgroup/$controller/inferstep-try.$$
        mkdir "$try" 2>/dev/null && rmdir "$try" || return 1
    done
}
usable_v2() {
    local controllers
    { read -r controllers </sys/fs/cgroup/cgroup.controllers; } 2>/dev/null || return 1
    [[ " $controllers " == *" memory "* && " $controllers " == *" cpuset "* ]] && [ -w /sys/fs/cgroup/cgroup.subtree_control ]
}

# proctrack and accounting by cgroups where they can be used; else what Slurm has without.
cgroup_by_hand=no
choose_cgroup() {
    [ -z "$cgroup$proctrack$gather" ] || cgroup_by_hand=yes
    [ -n "$cgroup" ] || { usable_v1 && cgroup=v1; } || { usable_v2 && cgroup=v2; } || cgroup=none
    if [ "$cgroup" = none ]; then
        [[ "$proctrack $gather $constrain_cores" != *cgroup* && $constrain_cores = no ]] ||
            die "--proctrack cgroup, --gather cgroup and --constrain-cores need cgroups, which this machine does not let us use"
        say "cluster: without cgroups: proctrack/linuxproc, jobacct_gather/linux and no memory limits"
        without_cgroups
    fi
    proctrack=${proctrack:-cgroup} gather=${gather:-cgroup}
}
without_cgroups() {
    cgroup=none constrain_cores=no
    [ -n "${proctrack#cgroup}" ] || proctrack=linuxproc
    [ -n "${gather#cgroup}" ] || gather=linux
}

choose_namespaces() {
    unshare --uts --mount true 2>/dev/null || {
        [ ${#topologies[@]} = 0 ] || die "--topology: nodes unlike each other need unshare(2), which is not allowed here"
        namespaces=no
        say "cluster: unshare(2) is not allowed here: the nodes share one host name and one /dev/shm"
    }
}
