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
