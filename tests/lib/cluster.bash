# shellcheck shell=bash
# Helpers of the tests that need a Slurm cluster. In a .bats file:
#
#   load ../lib/cluster
#   setup_file() { cluster_start; }      # cluster_start [--bare] [--nodes N] [other options of `cluster up`]
#   teardown_file() { cluster_stop; }
#   setup() { cluster_require; }         # skips where no cluster can be booted: no root, no Slurm
#   teardown() { assert_clean; }
#
# With CLUSTER_DIR set (the test runner booted a cluster and staged the checkout there) cluster_start uses that one when it
# has nodes enough and no other option is given, and cluster_stop leaves it alone; otherwise the file boots its own.
# --bare: without the plugin.
# The variables of `cluster env` are set afterwards: SLURM_CONF, CLUSTER_DIR, CLUSTER_WORK, CLUSTER_STAGE, CLUSTER_PREFIX, …

cluster=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../contrib/cluster" && pwd)/cluster

# bats cannot skip in setup_file: cluster_start only notes why there is no cluster, the helpers then do nothing, and
# cluster_require skips each test.
cluster_require() { [ -z "${CLUSTER_MISSING-}" ] || skip "$CLUSTER_MISSING"; }

cluster_start() {
    local stage=--stage
    export CLUSTER_OWN=no CLUSTER_MISSING=''
    CLUSTER_MISSING=$("$cluster" check 2>&1) || { CLUSTER_MISSING=${CLUSTER_MISSING#cluster: }; return 0; }
    if ! shared_cluster_has "$@"; then
        [ "${1-}" != --bare ] || { stage=''; shift; }
        CLUSTER_DIR=$("$cluster" up $stage "$@") || return 1
        CLUSTER_OWN=yes
    fi
    eval "$("$cluster" env --dir "$CLUSTER_DIR")"
}
shared_cluster_has() {
    local nodes=1
    [ "${1-}" != --nodes ] || { nodes=$2; shift 2; }
    [ $# = 0 ] && [ -n "${CLUSTER_DIR-}" ] &&
        [ "$nodes" -le "$("$cluster" env --dir "$CLUSTER_DIR" | sed -n 's/.*CLUSTER_NODES=//p')" ]
}

cluster_stop() {
    [ "${CLUSTER_OWN-no}" = no ] || "$cluster" down --dir "$CLUSTER_DIR"
}

# Run a command as the test user in the work directory, at most USER_TIMEOUT (60) seconds: user_run [NAME=VALUE…] COMMAND…
# bats waits for everybody who has its descriptor 3.
user_run() {
    [ -z "${CLUSTER_MISSING-}" ] || return 0
    timeout -k 5 "${USER_TIMEOUT:-60}" "$cluster" run --dir "$CLUSTER_DIR" -- env "$@" 3>&-
}

# The same in the background, where SIGINT ends it as it does in a terminal. Sets BACKGROUND_PID, the command's own, and
# BACKGROUND_LOG, the file with all that it prints.
user_background() {
    BACKGROUND_LOG=$(mktemp "${BATS_TEST_TMPDIR:-/tmp}/background.XXXX")
    "$cluster" run --dir "$CLUSTER_DIR" -- env "$@" >"$BACKGROUND_LOG" 2>&1 3>&- &
    # shellcheck disable=SC2034  # the test reads it
    BACKGROUND_PID=$!
}

# The plugin's line in plugstack.conf with other settings, without the plugin, and as it was.
plugstack_with() { "$cluster" plugin --dir "$CLUSTER_DIR" "$@"; }
plugstack_empty() { "$cluster" plugin --dir "$CLUSTER_DIR" --off; }
plugstack_restore() { "$cluster" plugin --dir "$CLUSTER_DIR"; }

# The pid of the slurmd of node number N.
slurmd_pid() { awk -v name="slurmd.$CLUSTER_PREFIX$1" '$3 == name { pid = $1 } END { print pid }' "$CLUSTER_DIR/run/pids"; }

# The slurmstepds of a step, of this cluster: others may have a job of the same number.
stepd_pids() {
    local pid
    for pid in $(pgrep -U root -f "^slurmstepd: \[$1\]"); do
        ! grep -qszxF "SLURM_CONF=$CLUSTER_DIR/etc/slurm.conf" "/proc/$pid/environ" || echo "$pid"
    done
}

# The number that the next job will get: unchanged when a command has made no job. (sacct without -j lags by seconds.)
next_job_id() { scontrol show config | awk '$1 == "NEXT_JOB_ID" { print $3 }'; }

cancel_all_jobs() {
    local jobs
    jobs=$(squeue --noheader -o %A)
    # shellcheck disable=SC2086 # words
    [ -z "$jobs" ] || scancel $jobs
}

# Nothing of a step may be left after at most 5 seconds (or as many as given): no process, socket, shared memory, cgroup.
assert_clean() {
    local deadline=$((SECONDS + ${1:-5})) left
    [ -z "${CLUSTER_MISSING-}" ] || return 0
    until left=$("$cluster" scan --dir "$CLUSTER_DIR"); do
        if [ "$SECONDS" -ge "$deadline" ]; then
            printf 'left behind after %s s:\n%s\n' "${1:-5}" "$left" >&2
            return 1
        fi
        sleep 0.1
    done
    wait_idle
}

# Wait, at most 10 seconds, until Slurm has no job any more, not even a completing one: the next srun would say that it
# waits for the node, amid what a test looks at.
wait_idle() {
    local deadline=$((SECONDS + 10))
    while [ -n "$(squeue --noheader 2>/dev/null)" ] && [ "$SECONDS" -lt "$deadline" ]; do sleep 0.05; done
}

# A field of the accounting record of a step (or job), once that is final: sacct_field JOB.STEP FIELD
# Once a job has ended its steps are FAILED 0:0 until their own records arrive, a sixth of a second later: two looks must
# agree.
sacct_field() {
    local deadline=$((SECONDS + 20)) id end value before=none
    while [ "$SECONDS" -lt "$deadline" ]; do
        while IFS='|' read -r id end value; do
            if [ "$id" = "$1" ] && [ "$end" != Unknown ] && [ -n "$end" ]; then
                [ "$value" != "$before" ] || { printf '%s\n' "$value"; return 0; }
                before=$value
            fi
        done < <(sacct --noheader --parsable2 --jobs="$1" --format="JobID,End,$2" 2>/dev/null)
        sleep 0.4
    done
    echo "no final accounting record of $1 after 20 s" >&2
    return 1
}
