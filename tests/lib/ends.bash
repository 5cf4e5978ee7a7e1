# shellcheck shell=bash disable=SC2154,SC2034,SC2120
# Steps that are started in the background and ended in one way or another; after load ../lib/cluster.

# The cluster's test user's processes with this name that are no zombies.
step_pids() { pgrep -u "$CLUSTER_USER" -x "$1" --runstates RSDTt || true; }
count_pids() { step_pids "$1" | wc -l; }

# Start a co-located step of two tasks a node on NODES (1) nodes in the background; more words go to srun, and STEP_PROGRAM
# is what its tasks run. Returns when all tasks have written `started.<rank>`. Sets job.
begin() {
    local i nodes=${NODES:-1}
    rm -f "$CLUSTER_WORK"/started.* "$CLUSTER_WORK/job"
    user_background srun -N"$nodes" --ntasks-per-node=2 -c2 --infer-colocate=1 --infer-db-cpus=1 "$@" sh -c \
        'echo "$SLURM_JOB_ID" >job; '"${STEP_PROGRAM:-touch started.\$SLURM_PROCID; exec sleep 60}"
    for ((i = 0; i < 2 * nodes; i++)); do wait_for test -e "$CLUSTER_WORK/started.$i" || return 1; done
    job=$(cat "$CLUSTER_WORK/job")
    [ "$(count_pids redis-server)" = "$nodes" ]
}

# Poll until a command succeeds, at most 20 seconds (or WAIT_SECONDS).
wait_for() {
    local deadline=$((SECONDS + ${WAIT_SECONDS:-20}))
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$deadline" ] || { echo "not in time: $*"; cat "$BACKGROUND_LOG" 2>/dev/null; return 1; }
        sleep 0.05
    done
}

# Wait for the background srun. Sets code, its exit code.
end_of_srun() {
    local ended=0
    timeout "${WAIT_SECONDS:-20}" tail -s 0.05 --pid="$BACKGROUND_PID" -f /dev/null || ended=$?
    [ "$ended" = 0 ] || { echo "srun still runs"; cat "$BACKGROUND_LOG"; kill -KILL "$BACKGROUND_PID"; return 1; }
    code=0
    wait "$BACKGROUND_PID" || code=$?
}

# The step's end as the man page has it: expect CODE 'STATE A:B' [STEP]. The state may have words behind it ("by 0").
expect() {
    local state
    end_of_srun || return 1
    state=$(sacct_field "${3:-$job.0}" State) && state="${state%% *} $(sacct_field "${3:-$job.0}" ExitCode)" || return 1
    [ "$code, $state" = "$1, $2" ] || { echo "$code, $state instead of $1, $2"; cat "$BACKGROUND_LOG"; return 1; }
}

# Two ^C within a second.
interrupt_twice() {
    kill -INT "$BACKGROUND_PID"
    wait_for grep -q "interrupt (one more within 1 sec" "$BACKGROUND_LOG" || return 1
    kill -INT "$BACKGROUND_PID"
}

# A test that failed may have left its step running: the next one needs the nodes.
ends_teardown() {
    local left
    [ -z "${CLUSTER_MISSING-}" ] || return 0
    if [ -z "${BATS_TEST_COMPLETED-}" ]; then
        cat "${BACKGROUND_LOG:-/dev/null}"
        for left in $(squeue --noheader --format=%A); do scancel "$left"; done
    fi
    assert_clean
}

# Ends that do not depend on how Slurm tracks processes, one after the other, and nothing is left after each.
each_end() {
    local way
    for way in "scancel JOB" "scancel -s KILL JOB.0" interrupt; do
        echo "# $way"
        begin || return 1
        if [ "$way" = interrupt ]; then
            interrupt_twice || return 1
        else
            # shellcheck disable=SC2086  # words
            user_run ${way/JOB/$job} || return 1
        fi
        end_of_srun || return 1
        assert_clean || return 1
    done
}

# Slurm leaves the cgroups of a step whose slurmstepd was killed, with and without databases; rmdir fails where a process is
# left in one.
remove_dead_cgroups() {
    local path
    for path in $("$cluster" scan --dir "$CLUSTER_DIR" | sed -n 's/^cgroup //p'); do
        find "$path" -depth -type d -exec rmdir {} + || return 1
    done
}

# --- A node's slurmd, killed and started again in the namespaces that it had: the node keeps its /dev/shm, as one that only
# lost its daemons does.
node_name() { printf '%s%s' "$CLUSTER_PREFIX" "$1"; }

# Remember how the slurmd of node number N was started: before it is killed. Holds its namespaces by descriptors.
slurmd_remember() {
    local pid
    pid=$(slurmd_pid "$1")
    mapfile -d '' -t SLURMD_ENVIRONMENT <"/proc/$pid/environ"
    exec {SLURMD_MOUNTS}<"/proc/$pid/ns/mnt" {SLURMD_NAMES}<"/proc/$pid/ns/uts"
}

slurmd_kill() { kill -KILL "$(slurmd_pid "$1")"; }

processes_below() { # mount namespace
    find /proc -maxdepth 3 -path '/proc/[0-9]*/ns/mnt' -lname "${1//[][]/?}" 2>/dev/null | cut -d/ -f3
}

# Everything on node number N at once: slurmd, slurmstepd, tasks, databases. A node is what has its mount namespace: one
# that shares the machine's must not be ended.
node_crash() {
    local mounts # "mnt:[1234]"
    mounts=$(readlink "/proc/$(slurmd_pid "$1")/ns/mnt")
    [ -n "$mounts" ] && [ "$mounts" != "$(readlink /proc/self/ns/mnt)" ] || skip "the nodes have no namespaces of their own"
    # Some end with others before their turn comes, and that is well.
    while [ -n "$(processes_below "$mounts")" ]; do
        processes_below "$mounts" | xargs -r kill -KILL 2>/dev/null || true
    done
}

slurmd_start() {
    local name pid starts
    name=$(node_name "$1")
    starts=$(slurmd_starts "$name")
    # shellcheck disable=SC2016  # the inner shell expands it
    setsid nsenter --mount="/proc/self/fd/$SLURMD_MOUNTS" --uts="/proc/self/fd/$SLURMD_NAMES" \
        bash -c 'cd /; exec '"$SLURMD_MOUNTS<&- $SLURMD_NAMES<&-"'; exec env -i "$@"' _ "${SLURMD_ENVIRONMENT[@]}" \
        slurmd -D -N "$name" </dev/null >>"$CLUSTER_DIR/log/slurmd.$name.out" 2>&1 3>&- &
    pid=$!
    disown "$pid"
    # The cluster script ends what it finds here.
    printf '%s %s slurmd.%s\n' "$pid" "$(awk '{ print $22 }' "/proc/$pid/stat")" "$name" >>"$CLUSTER_DIR/run/pids"
    exec {SLURMD_MOUNTS}<&- {SLURMD_NAMES}<&-
    wait_for slurmd_answers "$name" "$starts"
}
slurmd_starts() { grep -c 'slurmd started on' "$CLUSTER_DIR/log/slurmd.$1.log"; }
slurmd_answers() { [ "$(slurmd_starts "$1")" -gt "$2" ] && [[ $(sinfo -h -n "$1" -o %T) =~ ^(idle|mixed|allocated|completing)$ ]]; }
