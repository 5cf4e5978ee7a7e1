#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2120  # job and code are set by lib/ends
# scontrol suspend and resume: databases stop with their tasks and go on with them; nobody takes the pause for a fault.

load ../lib/cluster
load ../lib/ends

setup_file() { cluster_start --nodes 1; }
teardown_file() { cluster_stop; }
setup() { cluster_require; rm -f "$CLUSTER_WORK"/{go,beat,started.*}; }
teardown() { ends_teardown; }

beat() { cat "$CLUSTER_WORK/beat"; }
beats_on() { local before; before=$(beat) && sleep 0.3 && [ "$(beat)" != "$before" ]; }
is_suspended() { [ "$(squeue -h -j "$job" -o %T)" = SUSPENDED ]; }
stands_still() { ! beats_on && is_suspended; }

@test "a step that is suspended and resumed: requests under way are answered, nothing is lost" {
    # Task 0 counts in the database until it is told to stop; an answer that fails ends it with an error.
    STEP_PROGRAM='touch started.$SLURM_PROCID; [ $SLURM_PROCID = 0 ] || exec sleep 60; until [ -e go ]; do redis-cli -s ${SSDB#unix://} incr beats >beat.new || exit 9; mv beat.new beat; done; kill -0 $$' begin -K0
    wait_for beats_on
    scontrol suspend "$job"
    wait_for stands_still
    [ "$(count_pids redis-server)" = 1 ]
    before=$(beat)
    scontrol resume "$job"
    wait_for beats_on
    [ "$(beat)" -gt "$before" ]
    touch "$CLUSTER_WORK/go"
    user_run scancel -s KILL "$job.0"
    end_of_srun
    ! grep -iE 'infer|ended early|timed out|Exited with exit code 9' "$BACKGROUND_LOG"
}

@test "a step that is cancelled while it is suspended ends" {
    begin
    scontrol suspend "$job"
    wait_for is_suspended
    user_run scancel "$job"
    end_of_srun
    [ "$code" != 0 ]
}

# A redis-server that begins when the file `go` is there. What plugstack.conf names must be root's.
slow_start() {
    printf '#!/bin/sh\nuntil [ -e %s/go ]; do sleep 0.05; done\nexec redis-server "$@"\n' "$CLUSTER_WORK" >"$CLUSTER_STAGE/slow.sh"
    chmod 755 "$CLUSTER_STAGE/slow.sh"
    plugstack_with "redis=$CLUSTER_STAGE/slow.sh"
    user_background srun -n2 -c2 --infer-colocate=1 --infer-db-cpus=1 "$@" sh -c 'redis-cli -s ${SSDB#unix://} ping'
    wait_for is_starting
    plugstack_restore
    job=$(squeue -h -o %A)
}
is_starting() { [ -n "$(step_pids slow.sh)" ]; } # the supervisor has its path as an argument

@test "a step that is suspended while its databases start goes on, within its time" {
    slow_start --infer-timeout=60
    scontrol suspend "$job"
    wait_for is_suspended
    touch "$CLUSTER_WORK/go"
    scontrol resume "$job"
    expect 0 "COMPLETED 0:0"
    [ "$(grep -c PONG "$BACKGROUND_LOG")" = 2 ]
}

@test "a step that is suspended while its databases start, for longer than --infer-timeout, says that they are late" {
    slow_start --infer-timeout=1
    scontrol suspend "$job"
    wait_for is_suspended
    sleep 1.5 # the time that they are given
    scontrol resume "$job"
    expect 1 "FAILED 1:0"
    grep 'not ready within --infer-timeout=1 s' "$BACKGROUND_LOG"
}
