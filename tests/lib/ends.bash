# shellcheck shell=bash disable=SC2154,SC2034
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
    timeout "${WAIT_SECONDS:-20}" tail --pid="$BACKGROUND_PID" -f /dev/null || ended=$?
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

# The ways to end that do not depend on how Slurm tracks processes, one after the other, and nothing left after each.
each_end() {
    local way
    for way in "scancel JOB" "scancel JOB.0" "scancel -s TERM JOB.0" "scancel -s KILL JOB.0" interrupt; do
        echo "# $way"
        begin || return 1
        if [ "$way" = interrupt ]; then
            kill -INT "$BACKGROUND_PID"
            wait_for grep -q 'sending Ctrl-C\|one more within\|interrupt' "$BACKGROUND_LOG" || return 1
            kill -INT "$BACKGROUND_PID"
        else
            # shellcheck disable=SC2086  # words
            user_run ${way/JOB/$job} || return 1
        fi
        end_of_srun || return 1
        assert_clean || return 1
    done
}
