#!/usr/bin/env bats
# However a step ends, 5 s later no process, socket, shared memory or cgroup of it is left.

load ../lib/cluster

setup_file() { cluster_start --nodes 2; }
teardown_file() { cluster_stop; }
setup() { cluster_require; }
teardown() { assert_clean; }

# Start a co-located step in the background (not in a shell that ignores SIGINT); returns when the tasks run.
begin() { # the tasks sleep for a minute
    rm -f "$CLUSTER_WORK"/started.*
    user_background srun -N2 --ntasks-per-node=2 -c2 --infer-colocate=1 --infer-db-cpus=1 sh -c 'echo "$SLURM_JOB_ID" >job; touch started.$SLURM_PROCID; exec sleep 60'
    for _ in $(seq 150); do
        [ -e "$CLUSTER_WORK/started.0" ] && [ -e "$CLUSTER_WORK/started.1" ] && [ -e "$CLUSTER_WORK/started.2" ] && [ -e "$CLUSTER_WORK/started.3" ] && break
        sleep 0.1
    done
    job=$(cat "$CLUSTER_WORK/job")
    [ "$(step_pids redis-server | wc -l)" = 2 ]
}
step_pids() { pgrep -u "$CLUSTER_USER" -x "$1" --runstates RSDT; }
expect_end() { # the step's srun ends within 15 s
    for _ in $(seq 150); do kill -0 "$BACKGROUND_PID" 2>/dev/null || return 0; sleep 0.1; done
    return 1
}

@test "scancel of the job" { begin; user_run scancel "$job"; expect_end; }
@test "scancel of the step" { begin; user_run scancel "$job.0"; expect_end; }
@test "scancel -s TERM" { begin; user_run scancel -s TERM "$job.0"; expect_end; }
@test "scancel -s KILL" { begin; user_run scancel -s KILL "$job.0"; expect_end; }
@test "srun interrupted twice" {
    begin
    kill -INT "$BACKGROUND_PID"
    sleep 0.3
    kill -INT "$BACKGROUND_PID"
    expect_end
}
@test "srun terminated" { begin; kill -TERM "$BACKGROUND_PID"; expect_end; }

@test "kill -9 of slurmstepd: the databases end with it" {
    begin
    pkill -KILL -f "slurmstepd: \[$job\.0\]"
    for _ in $(seq 50); do [ -z "$(step_pids redis-server)" ] && break; sleep 0.1; done
    [ -z "$(step_pids redis-server)" ]
    [ -z "$(step_pids inferstep)" ]
    step_pids sleep | xargs -r kill -9        # Slurm itself orphans the tasks of a slurmstepd that is killed
    kill -TERM "$BACKGROUND_PID" || true
    sleep 0.2
    kill -KILL "$BACKGROUND_PID" 2>/dev/null || true
    user_run scancel "$job" || true
    # Slurm leaves the cgroups of a step whose slurmstepd was killed, with and without databases; they must be empty.
    # shellcheck disable=SC2154  # of cluster.bash
    left=$("$cluster" scan --dir "$CLUSTER_DIR" | grep -v '^cgroup ' || true)
    [ -z "$left" ] || { echo "$left"; return 1; }
    for c in $("$cluster" scan --dir "$CLUSTER_DIR" | sed -n 's/^cgroup //p'); do
        find "$c" -depth -type d -exec rmdir {} +
    done
}

@test "a database killed in mid-run is reported by name and ends the step" {
    begin
    step_pids redis-server | head -n 1 | xargs kill -9
    expect_end
    grep -qE 'infer.*db0 of node .* ended early: signal 9' "$BACKGROUND_LOG"
    [[ $(sacct_field "$job" State) != COMPLETED ]]
}

@test "R3: a supervisor killed in mid-run is reported by name and ends the step; so is its guard" {
    for who in inferstep:"supervisor of the databases of node .* ended early: signal 9" "inferstep-guard:guard of the supervisor of node .* was killed"; do
        begin
        step_pids "${who%%:*}" | head -n 1 | xargs kill -9
        expect_end
        grep -E "${who#*:}" "$BACKGROUND_LOG"
        [ "$(sacct_field "$job.0" State,ExitCode)" = "CANCELLED|0:15" ]
        assert_clean
    done
}

@test "the time limit" {
    rm -f "$CLUSTER_WORK/job"
    USER_TIMEOUT=200 run user_run srun -N1 -n1 -c2 -t 0:05 --infer-colocate=1 --infer-db-cpus=1 sh -c 'echo "$SLURM_JOB_ID" >job; exec sleep 140'
    [ "$status" != 0 ]
    [ "$(sacct_field "$(cat "$CLUSTER_WORK/job")" State)" = TIMEOUT ]
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
