#!/usr/bin/env bats
# The epilog, called by a real slurmd: what a step left whose processes were all killed at once goes with its job.

load ../lib/cluster

setup_file() {
    cluster_start --nodes 2
    with_epilog "Epilog=$CLUSTER_STAGE/lib/inferstep/epilog"
}
teardown_file() {
    with_epilog ""
    cluster_stop
}
setup() { cluster_require; }
teardown() {
    user_run touch "$CLUSTER_WORK/go"
    wait_idle
    remove_cgroups
    assert_clean
    rm -f "$CLUSTER_WORK/go"
}

# Slurm leaves those of a step whose slurmstepd was killed.
remove_cgroups() {
    local c
    # shellcheck disable=SC2154  # of cluster.bash
    for c in $("$cluster" scan --dir "$CLUSTER_DIR" | sed -n 's/^cgroup //p'); do
        find "$c" -depth -type d -exec rmdir {} +
    done
}
# slurm.conf with this line, or without any; the daemons read it anew.
with_epilog() {
    [ -z "${CLUSTER_MISSING-}" ] || return 0
    { grep -v '^Epilog=' "$CLUSTER_DIR/etc/slurm.conf"; printf '%s\n' "$1"; } | sed '/^$/d' >"$CLUSTER_DIR/etc/slurm.new"
    mv "$CLUSTER_DIR/etc/slurm.new" "$CLUSTER_DIR/etc/slurm.conf"
    scontrol reconfigure
    for _ in $(seq 100); do
        [ "$(scontrol show config | sed -n 's/^Epilog *= //p')" = "$(sed 's/^Epilog=//;s/^$/(null)/' <<<"$1")" ] && return
        sleep 0.1
    done
    return 1
}
# Start a step on node 1 that waits for the file go; sets `job`.
begin() { # name
    user_background srun -w "${CLUSTER_PREFIX}1" -c2 --mem=1500 --infer-colocate=1 --infer-db-cpus=1 \
        sh -c 'echo "$SLURM_JOB_ID" >"$0.new"; mv "$0.new" "$0"; while [ ! -e go ]; do sleep 0.1; done; redis-cli -s "${SSDB#unix:}" PING' "$1"
    for _ in $(seq 200); do [ -e "$CLUSTER_WORK/$1" ] && break; sleep 0.1; done
    job=$(cat "$CLUSTER_WORK/$1")
    rm "$CLUSTER_WORK/$1"
}
processes_of() { # job: of the user, and slurmstepd
    local pid
    for pid in $(pgrep -u "$CLUSTER_USER"); do
        grep -qzx "SLURM_JOB_ID=$1" "/proc/$pid/environ" && echo "$pid"
    done
    stepd_pids "$1.0"
}
directories() { ls "/proc/$(slurmd_pid 1)/root"/dev/shm | grep '^inferstep-' || true; }
expect_directories() { # how many, within 10 s
    for _ in $(seq 100); do [ "$(directories | wc -l)" = "$1" ] && return; sleep 0.1; done
    directories
    return 1
}

@test "R7: the epilog removes what a dead step left, as its user, and spares a step that runs" {
    begin live
    live=$job live_pid=$BACKGROUND_PID live_log=$BACKGROUND_LOG
    begin dead
    [ "$(directories | wc -l)" = 2 ]
    # Stopped first, so that nobody sees another one die and cleans up, or ends the job: srun has a child for that.
    dead="$BACKGROUND_PID $(pgrep -P "$BACKGROUND_PID") $(processes_of "$job")"
    # shellcheck disable=SC2086  # pids
    kill -STOP $dead
    # shellcheck disable=SC2086  # pids
    kill -KILL $dead
    expect_directories 2
    user_run scancel "$job"
    expect_directories 1
    [[ $(directories) == *"-$live.0-"* ]]
    user_run touch go
    wait "$live_pid"
    grep -q PONG "$live_log"
    expect_directories 0
}

@test "the epilog ends with 0 whatever it is given" {
    epilog=$CLUSTER_STAGE/lib/inferstep/epilog
    for uid in "" root "0 1" -1 4294967294 "$CLUSTER_UID"; do
        env -i PATH=/nowhere SLURM_JOB_UID="$uid" "$epilog" /dev/shm /nowhere ""
    done
    env -i "$epilog"
}
