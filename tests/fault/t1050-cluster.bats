#!/usr/bin/env bats
# shellcheck disable=SC2154 # code is set by lib/ends
# Under Slurm: databases are started once per node, and whoever of them dies, the step ends, says why, and leaves nothing.

load ../lib/cluster
load ../lib/ends

setup_file() { cluster_start --nodes 2; }
teardown_file() { cluster_stop; }
setup() { cluster_require; }
teardown() { assert_clean; }

# begin_with REDIS SRUN…: a step whose databases are started by the script REDIS; returns when that runs on a node.
begin_with() {
    local redis=$1
    shift
    rm -f "$CLUSTER_WORK"/{starts,go,ran}
    plugstack_with "redis=$redis"
    user_background srun "$@"
    wait_for test -s "$CLUSTER_WORK/starts"
}
finish() { # sets code
    end_of_srun
    plugstack_restore
    cat "$BACKGROUND_LOG"
}
# A redis-server that notes its start and waits for the file go. It belongs to root, as the plugin demands.
late_redis() {
    cat >"$CLUSTER_DIR/stage/late-redis" <<SH
#!/bin/sh
echo "\$SLURM_JOB_ID" >>"$CLUSTER_WORK/starts"
until [ -e "$CLUSTER_WORK/go" ]; do sleep 0.02; done
exec redis-server "\$@"
SH
    chmod 755 "$CLUSTER_DIR/stage/late-redis"
    echo "$CLUSTER_DIR/stage/late-redis"
}
last_step() { echo "$(head -n 1 "$CLUSTER_WORK/starts").0"; }

@test "R1: one supervisor and one database for 1, 2 and 64 tasks of a node" {
    for tasks in 1 2 64; do
        # shellcheck disable=SC2016
        run user_run srun -N1 -n"$tasks" --overcommit --infer-pin-app=no --infer-colocate=1 --infer-db-cpus=1 sh -c '
            redis-cli -s "${SSDB#unix://}" incr met; [ "$SLURM_LOCALID" != 0 ] || {
            until [ "$(redis-cli -s "${SSDB#unix://}" get met)" = "$SLURM_NTASKS" ]; do sleep 0.1; done
            echo "of each:" $(for p in inferstep inferstep-guard redis-server; do pgrep -c --runstates RSDT -u "$(id -u)" -x "$p"; done); }'
        echo "$output"
        [ "$status" = 0 ]
        [ "$(grep -c '^[0-9]*$' <<<"$output")" = "$tasks" ]
        [[ $output == *"of each: 1 1 1"* ]]
        assert_clean
    done
}

@test "R1: the first task is killed in mid-start: the others get their database, the step fails once" {
    redis=$(late_redis)
    # shellcheck disable=SC2016
    begin_with "$redis" -N1 -n3 -c2 --infer-colocate=1 --infer-db-cpus=1 sh -c 'redis-cli -s "${SSDB#unix://}" ping'
    pgrep -P "$(stepd_pids "$(last_step)")" | sort -n | head -n 1 | xargs kill -9
    touch "$CLUSTER_WORK/go"
    finish
    [ "$code" = 137 ]
    [ "$(grep -c PONG "$BACKGROUND_LOG")" = 2 ]
    [ "$(sacct_field "$(last_step)" State,ExitCode)" = "CANCELLED|0:9" ]
}

@test "R3: the supervisor, and its guard, killed before the databases are ready: one line, exit code 1, FAILED" {
    redis=$(late_redis)
    for who in inferstep inferstep-guard; do
        begin_with "$redis" -N1 -n2 -c2 --infer-colocate=1 --infer-db-cpus=1 touch ran
        step_pids "$who" | xargs kill -9
        finish
        [ "$code" = 1 ]
        [ "$(grep -c 'infer: the supervisor of the databases ended before they were ready' "$BACKGROUND_LOG")" = 1 ]
        [ "$(sacct_field "$(last_step)" State,ExitCode)" = "FAILED|1:0" ]
        [ ! -e "$CLUSTER_WORK/ran" ]
        assert_clean
    done
}

@test "R3: any task killed in mid-run: Slurm's code, and the databases end with the step" {
    rm -f "$CLUSTER_WORK"/{job,task,go}
    # shellcheck disable=SC2016
    user_background srun -N2 -n2 -c2 --infer-colocate=1 --infer-db-cpus=1 sh -c '[ "$SLURM_PROCID" = 0 ] || { echo "$SLURM_JOB_ID" >job; echo $$ >task; }; until [ -e go ]; do sleep 0.1; done'
    wait_for test -s "$CLUSTER_WORK/task"
    kill -9 "$(cat "$CLUSTER_WORK/task")"
    touch "$CLUSTER_WORK/go"
    finish
    [ "$code" = 137 ]
    [ "$(sacct_field "$(cat "$CLUSTER_WORK/job").0" State,ExitCode)" = "CANCELLED|0:9" ]
    ! grep 'infer: ' "$BACKGROUND_LOG" || false
}

@test "R6: a database that is started again keeps a step of two nodes alive" {
    # shellcheck disable=SC2016
    run user_run srun -N2 -n2 -c2 --infer-colocate=1 --infer-db-cpus=1 --infer-on-db-failure=restart sh -c '
        redis() { redis-cli -s "${SSDB#unix://}" "$@"; }
        redis set k old
        [ "$SLURM_PROCID" = 0 ] || kill -9 $(redis info server | tr -d "\r" | sed -n "s/^process_id://p")
        until redis set n new >/dev/null 2>&1; do sleep 0.05; done
        echo "$SLURM_PROCID $(redis mget k n | tr "\n" " ")"'
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *"0 old new"* ]]
    [[ $output == *"1  new"* ]]
    [[ $output == *"warning: db0 of node ${CLUSTER_PREFIX}2 ended early: signal 9 (Killed); it is started again (1 of 3)"* ]]
}

@test "R5: the kernel kills the database for memory: one line, OUT_OF_MEMORY, and the record has it" {
    cat >"$CLUSTER_WORK/hungry.sh" <<'SH'
echo "$SLURM_JOB_ID" >job
for i in $(seq 25); do head -c 8000000 /dev/urandom | redis-cli -s "${SSDB#unix://}" -x set "k$i" >/dev/null 2>&1; done
for i in $(seq 8); do { head -c 25000000 /dev/zero; sleep 20; } | tail >/dev/null & sleep 0.1; done    # each smaller than the database
wait
SH
    run user_run srun -N1 -n1 -c2 --mem=300 --infer-colocate=1 --infer-db-cpus=1 --infer-db-memory=280M --infer-outdir=oom sh hungry.sh
    echo "$output"
    [ "$status" != 0 ]
    # The kernel may choose a second one before the memory of the first is free: the supervisor, as its guard tells.
    [ "$(grep -cE '(db0 of|the supervisor of the databases of) node .* ended early: signal 9 \(Killed\); the kernel killed for memory in this step' <<<"$output")" = 1 ]
    job=$(cat "$CLUSTER_WORK/job")
    [ "$(sacct_field "$job.0" State,ExitCode)" = "OUT_OF_MEMORY|0:125" ]
    [ "$(jq '.nodes[0].memory.oom_kills' "$CLUSTER_WORK/oom/$job.0/step.json")" -ge 1 ]
}
