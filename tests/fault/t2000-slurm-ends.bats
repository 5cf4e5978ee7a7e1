#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2120  # job and code are set by lib/ends
# The ways in which Slurm and its users end a step, beside those of t0400: what srun's exit code and the accounting say is what
# inferstep(7) has under "Slurm ends the step", and nothing is left.

load ../lib/cluster
load ../lib/ends

setup_file() { cluster_start --nodes 2; }
teardown_file() { cluster_stop; }
setup() { cluster_require; rm -f "$CLUSTER_WORK"/{go,started.*,caught.*,script.out}; }
teardown() { ends_teardown; }

# A batch script with one step in the background; MORE is what the script does then. Sets job.
batch() {
    printf '#!/bin/sh\n%s\nsrun -n2 -c2 --infer-colocate=1 --infer-db-cpus=1 sh -c "%s" &\nstep=$!\n%s\n' "${BEFORE-}" \
        "${STEP_PROGRAM:-touch started.\\\$SLURM_PROCID; exec sleep 60}" "${MORE:-wait \$step}" >"$CLUSTER_WORK/script.sh"
    job=$(user_run sbatch --parsable -N1 -n2 -c2 -o script.out script.sh)
    wait_for test -e "$CLUSTER_WORK/started.0" && wait_for test -e "$CLUSTER_WORK/started.1"
}
step_state() { echo "$(sacct_field "$1" State | sed 's/ .*//') $(sacct_field "$1" ExitCode)"; }

@test "scancel -s of a signal that the tasks catch: databases know nothing of it" {
    STEP_PROGRAM='trap "touch caught.$SLURM_PROCID; redis-cli -s ${SSDB#unix://} ping; exit 3" USR1; touch started.$SLURM_PROCID; while :; do sleep 0.1; done' begin
    user_run scancel -s USR1 "$job.0"
    expect 3 "FAILED 3:0"
    [ -e "$CLUSTER_WORK/caught.0" ]
    [ -e "$CLUSTER_WORK/caught.1" ]
    [ "$(grep -c PONG "$BACKGROUND_LOG")" = 2 ]
}

@test "scancel -s of a signal that ends the tasks" {
    begin
    user_run scancel -s INT "$job.0"
    expect 130 "CANCELLED 0:2"
}

@test "one ^C asks srun how it is, and the step goes on" {
    begin
    kill -INT "$BACKGROUND_PID"
    wait_for grep -q "interrupt (one more within 1 sec" "$BACKGROUND_LOG"
    user_run srun --overlap --jobid="$job" -n1 true
    [ "$(count_pids redis-server)" = 1 ]
    user_run scancel "$job"
    expect 143 "CANCELLED 0:15"
}

@test "the terminal closes: srun ends the step" { begin; kill -HUP "$BACKGROUND_PID"; expect 137 "CANCELLED 0:9"; }

@test "srun is killed: its other process ends the job" {
    begin
    kill -KILL "$BACKGROUND_PID"
    end_of_srun
    [ "$code" = 137 ]
    [[ $(step_state "$job.0") == CANCELLED* ]]
}

@test "srun -K: a task that fails ends the others, and the databases of all nodes" {
    NODES=2 STEP_PROGRAM='touch started.$SLURM_PROCID; until [ -e go ]; do sleep 0.05; done; [ $SLURM_PROCID != 3 ] || exit 7; exec sleep 60' begin -K
    touch "$CLUSTER_WORK/go"
    expect 143 "CANCELLED 0:15"
    grep -q 'task 3: Exited with exit code 7' "$BACKGROUND_LOG"
}

@test "a task that fails without -K: the others keep their database, task 0's too" {
    STEP_PROGRAM='touch started.$SLURM_PROCID; until [ -e go ]; do sleep 0.05; done; [ $SLURM_PROCID != 0 ] || exit 7; until [ -e gone ]; do sleep 0.05; done; redis-cli -s ${SSDB#unix://} ping' begin -K0
    rm -f "$CLUSTER_WORK/gone"
    touch "$CLUSTER_WORK/go"
    wait_for grep -q 'task 0: Exited with exit code 7' "$BACKGROUND_LOG"
    touch "$CLUSTER_WORK/gone"
    end_of_srun
    [ "$code" = 7 ]
    grep -q PONG "$BACKGROUND_LOG"
    rm "$CLUSTER_WORK/gone"
}

@test "scancel --batch: the script alone is told, and ends its step in its own way" {
    BEFORE="trap 'kill -TERM \$step; wait \$step; echo \"the step: \$?\"; exit 5' TERM" batch
    user_run scancel --batch -s TERM "$job"
    [ "$(step_state "$job")" = "FAILED 5:0" ]
    grep -q 'the step: 137' "$CLUSTER_WORK/script.out"
    [ "$(step_state "$job.0")" = "CANCELLED 0:9" ]
}

@test "scancel --full: script, tasks and databases" {
    batch
    user_run scancel --full -s TERM "$job"
    [ "$(step_state "$job")" = "FAILED 0:15" ]
}
