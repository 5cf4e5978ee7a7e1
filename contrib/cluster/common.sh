# shellcheck shell=bash
# What every part of the cluster script uses: messages, the cluster's state, processes. Sourced by `cluster`.
# shellcheck disable=SC2034  # used by the other parts

# --- The cluster, as the options of up describe it; save_state keeps it in DIR/cluster.env for the other subcommands.
dir='' user='' uid='' gid='' slot='' work=''
nodes=4 cpus='' sockets='' cores='' threads='' memory='' gpus=0
proctrack='' gather='' cgroup='' constrain_cores=no dbd=yes real_cpus=no topology='' namespaces=yes
prefix='' port='' stage_first=no
plugstack=() conf=() setenv=() topologies=() # the last by node number
max_nodes=64
state_names='dir user uid gid slot work nodes cpus memory gpus cgroup proctrack gather dbd real_cpus namespaces prefix port'

say() { printf '%s\n' "$*" >&2; }
die() {
    say "cluster: $*"
    exit 1
}
elapsed() { printf '%d.%d' $(((${EPOCHREALTIME/./} - began) / 1000000)) $(((${EPOCHREALTIME/./} - began) / 100000 % 10)); }
began=${EPOCHREALTIME/./}

save_state() {
    local name
    for name in $state_names; do
        printf '%s=%q\n' "$name" "${!name}"
    done >"$dir/cluster.env.new"
    mv "$dir/cluster.env.new" "$dir/cluster.env"
}

# The cluster that a subcommand is about: --dir, else $CLUSTER_DIR, else the only one there is.
find_cluster() {
    local found
    dir=${dir:-${CLUSTER_DIR-}}
    if [ -z "$dir" ]; then
        found=$(compgen -G "${TMPDIR:-/tmp}/infercl.*/cluster.env" || true)
        [ -n "$found" ] || die "no cluster is running below ${TMPDIR:-/tmp}; 'cluster up' boots one, --dir names another"
        [ "$(wc -l <<<"$found")" = 1 ] || die "several clusters are running; choose one with --dir:"$'\n'"${found//\/cluster.env/}"
        dir=${found%/cluster.env}
    fi
    [ -f "$dir/cluster.env" ] || die "there is no cluster in '$dir'"
    [ -O "$dir/cluster.env" ] || die "'$dir/cluster.env' is not root's; that is not a cluster of this script"
    # shellcheck source=/dev/null
    . "$dir/cluster.env"
    export SLURM_CONF=$dir/etc/slurm.conf
}

# What a shell, and every command of the test user, needs to know. No value has a space in it.
exports() {
    printf '%s\n' "SLURM_CONF=$dir/etc/slurm.conf" "CLUSTER_DIR=$dir" "CLUSTER_WORK=$work" "CLUSTER_STAGE=$dir/stage" \
        "CLUSTER_USER=$user" "CLUSTER_UID=$uid" "CLUSTER_PREFIX=$prefix" "CLUSTER_NODES=$nodes" "CLUSTER_CPUS=$cpus" \
        "CLUSTER_CGROUP=$cgroup" "CLUSTER_GATHER=$gather" "CLUSTER_DBD=$dbd" "CLUSTER_REAL_CPUS=$real_cpus"
}

# A daemon that holds a file of its caller open would keep the caller's pipes from ending.
close_inherited_files() {
    local fd
    for fd in /proc/"$$"/fd/*; do
        fd=${fd##*/}
        [ "$fd" -le 2 ] || [ "$fd" = 255 ] || eval "exec $fd>&-" # 255 is this script itself
    done
}

# --- Processes. DIR/run/pids has a line "PID STARTTIME NAME" for each daemon: a pid that was used again is not ours.
start_time() {
    local stat
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    # shellcheck disable=SC2086  # the words of the line, after the name in brackets
    set -- ${stat##*) }
    [ "$1" != Z ] && printf %s "${20}"
}

# The pid of a daemon that still runs.
pid_of() {
    local pid born name
    while read -r pid born name; do
        if [ "$name" = "$1" ] && [ "$(start_time "$pid")" = "$born" ]; then
            printf %s "$pid"
            return
        fi
    done <"$dir/run/pids"
    return 1
}

# Start a daemon: start NAME COMMAND…, in a session of its own, with an environment that holds only what is listed.
# An interrupt waits until its pid is noted; INT and QUIT, which bash ignores for it, are set right again.
held='' interrupted='' terminal=2
start() {
    local name=$1
    shift
    held=yes
    setsid env -i --default-signal --chdir=/ PATH="$PATH" LANG=C.UTF-8 SLURM_CONF="$dir/etc/slurm.conf" "$@" \
        </dev/null >"$dir/log/$name.out" 2>&1 {terminal}>&- &
    printf '%s %s %s\n' "$!" "$(start_time $!)" "$name" >>"$dir/run/pids"
    disown $! # bash would report its end
    release
}
release() {
    held=''
    [ -z "$interrupted" ] || exit 130
}
on_signal() {
    interrupted=yes
    [ -n "$held" ] || exit 130
}

# Wait until a command succeeds: await NAME SECONDS COMMAND…. Fails when the daemon NAME has ended or the time is over.
await() {
    local name=$1 deadline=$((SECONDS + $2))
    shift 2
    until "$@" >/dev/null 2>&1; do
        if ! pid_of "$name" >/dev/null || [ "$SECONDS" -ge "$deadline" ]; then
            return 1
        fi
        sleep 0.05
    done
}

# Give up because of a daemon, with the end of what it said.
failed() {
    local name=$1 log=$dir/log/$1.log what='did not start'
    [ -s "$log" ] || log=$dir/log/$name.out
    ! pid_of "$name" >/dev/null || what='does not answer'
    say "cluster: $name $what; the end of its log:"
    tail -n 12 "$log" | sed 's/^/    /' >&2
    exit 1
}
