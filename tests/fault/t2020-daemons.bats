#!/usr/bin/env bats
# shellcheck disable=SC2154  # job and code are set by lib/ends
# Slurm's own daemons fail under a running step: slurmd is started again, a node is lost with all that ran on it.

load ../lib/cluster
load ../lib/ends

setup_file() { cluster_start --nodes 2; }
teardown_file() { cluster_stop; }
setup() { cluster_require; rm -rf "$CLUSTER_WORK"/{go,started.*,life.*,lives}; }
teardown() { ends_teardown; }

@test "slurmd is killed and started again: the step goes on, and ends cleanly" {
    STEP_PROGRAM='touch started.$SLURM_PROCID; until [ -e go ]; do sleep 0.05; done; redis-cli -s ${SSDB#unix://} ping' begin --nodelist="$(node_name 1)"
    slurmd_remember 1
    slurmd_kill 1
    slurmd_start 1
    [ "$(count_pids redis-server)" = 1 ]
    touch "$CLUSTER_WORK/go"
    expect 0 "COMPLETED 0:0"
    [ "$(grep -c PONG "$BACKGROUND_LOG")" = 2 ]
    assert_clean
    user_run srun --nodelist="$(node_name 1)" -c2 --infer-colocate=1 --infer-db-cpus=1 true
}

# What is still there of the state directories on node number 1.
state_directories() { find "/proc/$(slurmd_pid 1)/root"/dev/shm -maxdepth 1 -name "inferstep-*-$1*" -printf '%f\n'; }

job_is_pending() { [ "$(squeue -h -j "$job" -o %T)" = PENDING ]; }

@test "R7: a node is lost with its step: the job runs again under a name of its own, and what was left is swept" {
    cat >"$CLUSTER_WORK/lives.sh" <<'SH'
#!/bin/sh
srun -n2 -c2 --infer-colocate=1 --infer-db-cpus=1 --infer-outdir=lives sh -c 'echo "$INFER_STATE_DIR" >life.${SLURM_RESTART_COUNT:-0}; until [ -e go ]; do sleep 0.05; done'
SH
    job=$(user_run sbatch --parsable --requeue -N1 -n2 -c2 --nodelist="$(node_name 1)" -o lives.out lives.sh)
    wait_for test -s "$CLUSTER_WORK/life.0"
    slurmd_remember 1
    node_crash 1
    scontrol update nodename="$(node_name 1)" state=down reason="lost"
    wait_for job_is_pending
    slurmd_start 1
    # What the first life has left is there, and the second one, elsewhere, is called otherwise. (Not on the same node: Slurm
    # may still be about to tell it that the job is to end.)
    [ "$(state_directories "$job.0")" = "$(basename "$(cat "$CLUSTER_WORK/life.0")")" ]
    scontrol update jobid="$job" reqnodelist="$(node_name 2)" starttime=now
    wait_for test -s "$CLUSTER_WORK/life.1"
    [[ $(cat "$CLUSTER_WORK/life.1") == *"-$job.0.r1-"* ]]
    touch "$CLUSTER_WORK/go"
    [ "$(sacct_field "$job" State)" = COMPLETED ]
    [ "$(jq .restart "$CLUSTER_WORK/lives/$job.0.r1/step.json")" = 1 ]
    # The next step on the node sweeps, whatever job it is of.
    user_run srun --nodelist="$(node_name 1)" -c2 --infer-colocate=1 --infer-db-cpus=1 true
    [ -z "$(state_directories "$job.0")" ]
    remove_dead_cgroups
}

@test "srun --no-kill: a node is lost, and the tasks of the others go on with their databases" {
    NODES=2 STEP_PROGRAM='touch started.$SLURM_PROCID; until [ -e go ]; do sleep 0.05; done; redis-cli -s ${SSDB#unix://} ping' \
        begin --nodelist="$(node_name 1),$(node_name 2)" --no-kill
    slurmd_remember 2
    node_crash 2
    scontrol update nodename="$(node_name 2)" state=down reason="lost"
    slurmd_start 2
    [ "$(count_pids redis-server)" = 1 ]
    touch "$CLUSTER_WORK/go"
    end_of_srun
    [ "$code" = 0 ]
    grep -q "Node failure on $(node_name 2)" "$BACKGROUND_LOG"
    [ "$(grep -c PONG "$BACKGROUND_LOG")" = 2 ]
    user_run srun --nodelist="$(node_name 2)" -c2 --infer-colocate=1 --infer-db-cpus=1 true
    remove_dead_cgroups
}
