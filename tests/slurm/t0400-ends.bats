#!/usr/bin/env bats
# shellcheck disable=SC2154  # job and code are set by lib/ends
# However a step ends, 5 s later no process, socket, shared memory or cgroup of it is left.

load ../lib/cluster

load ../lib/ends

setup_file() { cluster_start --nodes 2; }
teardown_file() { cluster_stop; }
setup() { cluster_require; }
teardown() { ends_teardown; }

export NODES=2

# What the man page inferstep(7) has under "Slurm ends the step": exit code of srun, state and code of the step.
@test "scancel of the job" { begin; user_run scancel "$job"; expect 143 "CANCELLED 0:15"; }
@test "scancel of the step" { begin; user_run scancel "$job.0"; expect 137 "CANCELLED 0:9"; }
@test "scancel -s TERM" { begin; user_run scancel -s TERM "$job.0"; expect 143 "CANCELLED 0:15"; }
@test "scancel -s KILL" { begin; user_run scancel -s KILL "$job.0"; expect 137 "CANCELLED 0:9"; }
@test "srun interrupted twice" {
    begin
    interrupt_twice
    expect 130 "CANCELLED 0:2"
}
@test "srun terminated" { begin; kill -TERM "$BACKGROUND_PID"; expect 137 "CANCELLED 0:9"; }

no_databases() { [ "$(count_pids redis-server)$(count_pids inferstep)" = 00 ]; }

@test "kill -9 of slurmstepd: the databases end with it" {
    begin
    stepd_pids "$job.0" | xargs kill -KILL
    wait_for no_databases
    step_pids sleep | xargs -r kill -9        # Slurm itself orphans the tasks of a slurmstepd that is killed
    kill -TERM "$BACKGROUND_PID" || true
    sleep 0.2
    kill -KILL "$BACKGROUND_PID" 2>/dev/null || true
    user_run scancel "$job" || true
    # shellcheck disable=SC2154  # of cluster.bash
    left=$("$cluster" scan --dir "$CLUSTER_DIR" | grep -v '^cgroup ' || true)
    [ -z "$left" ] || { echo "$left"; return 1; }
    remove_dead_cgroups
}

@test "a database killed in mid-run is reported by name and ends the step" {
    begin
    step_pids redis-server | head -n 1 | xargs kill -9
    end_of_srun
    grep -qE 'infer.*db0 of node .* ended early: signal 9' "$BACKGROUND_LOG"
    [[ $(sacct_field "$job" State) != COMPLETED ]]
}

@test "R3: a supervisor killed in mid-run is reported by name and ends the step; so is its guard" {
    for who in inferstep:"supervisor of the databases of node .* ended early: signal 9" "inferstep-guard:guard of the supervisor of node .* was killed"; do
        begin
        step_pids "${who%%:*}" | head -n 1 | xargs kill -9
        end_of_srun
        grep -E "${who#*:}" "$BACKGROUND_LOG"
        [ "$(sacct_field "$job.0" State,ExitCode)" = "CANCELLED|0:15" ]
        assert_clean
    done
}

# Slurm's limits are whole minutes; the end that was set can be moved, and --signal=USR1@60 is due at once. Slurm looks
# every 30 seconds: once for both.
@test "the time limit; tasks that trap the signal before it have their database until their own end" {
    local limited log
    rm -f "$CLUSTER_WORK/trapping"
    begin -t 1
    limited=$BACKGROUND_PID log=$BACKGROUND_LOG
    user_background srun -N1 -n1 -c2 -t 1 --signal=USR1@60 --infer-colocate=1 --infer-db-cpus=1 sh -c \
        'trap "redis-cli -s ${SSDB#unix://} ping; exit 4" USR1; touch trapping; while :; do sleep 0.1; done'
    wait_for test -e "$CLUSTER_WORK/trapping"
    scontrol update jobid="$job" endtime=now
    WAIT_SECONDS=60 end_of_srun
    [ "$code" = 4 ]
    grep -q PONG "$BACKGROUND_LOG"
    BACKGROUND_PID=$limited BACKGROUND_LOG=$log
    WAIT_SECONDS=60 expect 143 "CANCELLED 0:15"
    [ "$(sacct_field "$job" State)" = TIMEOUT ]
}

@test "out of memory" {
    run user_run srun -N1 -n1 -c2 --mem=300 --infer-colocate=1 --infer-db-cpus=1 python3 -c 'x = bytearray(600_000_000); print("survived", len(x))'
    echo "$output"
    [ "$status" != 0 ]
    [[ $output != *survived* ]]
}

# The database killed while it starts: one line that says so, non-zero code.
fails_to_start() { # plugstack setting
    plugstack_with "$1"
    run user_run srun -N2 --ntasks-per-node=1 -c2 --infer-colocate=1 --infer-db-cpus=1 --infer-timeout=5 true
    plugstack_restore
    echo "$output"
    [ "$status" != 0 ] && grep -q 'infer: ' <<<"$output"
}

# What plugstack.conf names must be root's: it lies in the staged installation.
@test "a database killed in start" {
    cat >"$CLUSTER_STAGE/dies.sh" <<'SH'
#!/bin/sh
kill -9 $$
SH
    chmod 755 "$CLUSTER_STAGE/dies.sh"
    fails_to_start "redis=$CLUSTER_STAGE/dies.sh"
}
@test "a database that never gets ready" {
    printf '#!/bin/sh\nexec sleep 100\n' >"$CLUSTER_STAGE/hangs.sh"
    chmod 755 "$CLUSTER_STAGE/hangs.sh"
    fails_to_start "redis=$CLUSTER_STAGE/hangs.sh"
}
@test "redis-server missing" { fails_to_start "redis=/nonexistent/redis-server"; }
@test "the module missing" {
    mv "$CLUSTER_DIR/stage/lib/inferstep/inferdb.so" "$CLUSTER_DIR/stage/lib/inferstep/inferdb.gone"
    run user_run srun -N1 -n1 -c2 --infer-colocate=1 --infer-db-cpus=1 true
    mv "$CLUSTER_DIR/stage/lib/inferstep/inferdb.gone" "$CLUSTER_DIR/stage/lib/inferstep/inferdb.so"
    echo "$output"
    [ "$status" != 0 ]
    grep -q 'inferdb.so' <<<"$output"
}
@test "inferstep missing" { # the plugin's own failure: no supervisor
    mv "$CLUSTER_DIR/stage/bin/inferstep" "$CLUSTER_DIR/stage/bin/inferstep.gone"
    run user_run srun -N1 -n1 -c2 --infer-colocate=1 --infer-db-cpus=1 true
    mv "$CLUSTER_DIR/stage/bin/inferstep.gone" "$CLUSTER_DIR/stage/bin/inferstep"
    echo "$output"
    [ "$status" != 0 ]
    grep -q 'infer: ' <<<"$output"
}
