#!/usr/bin/env bats
# inferstep run: a step without Slurm. What the tasks get, how it ends, what it prints.

# shellcheck disable=SC2154 # state, work, RUN and CODE are set by lib/step
load ../lib/step

setup() { step_setup; }
teardown() { step_teardown; }

@test "without --colocate the program just runs" {
    run infer -n 2 sh -c 'echo "$INFER_RANK of $INFER_RANKS, database ${SSDB:-none}"'
    [ "$status" = 0 ]
    [ "$(sort <<<"$output")" = "0 of 2, database none
1 of 2, database none" ]
}

@test "the exit code is the highest of a task, 128 + signal for one that was killed" {
    run infer true
    [ "$status" = 0 ]
    run infer false
    [ "$status" = 1 ]
    run infer -n 4 sh -c 'exit $((INFER_RANK * 7))'
    [ "$status" = 21 ]
    run infer -n 2 sh -c '[ "$INFER_RANK" = 1 ] && kill -9 $$; exit 3'
    [ "$status" = 137 ]
    run colocated sh -c 'exit 5'
    [ "$status" = 5 ]
}

@test "a task gets its database, its environment and its CPUs" {
    run colocated -n 2 sh -c 'echo "$(redis-cli -s "${SSDB#unix://}" ping) $SR_DB_TYPE $SR_SOCKET_TIMEOUT $INFER_INSTANCE $(ls -ld "$INFER_STATE_DIR" | cut -c1-10)"'
    echo "$output"
    [ "$status" = 0 ]
    [ "$output" = "PONG Standalone 600000 0 drwx------
PONG Standalone 600000 0 drwx------" ]
}

@test "SR_SOCKET_TIMEOUT of the user stays" {
    SR_SOCKET_TIMEOUT=77 run colocated sh -c 'echo $SR_SOCKET_TIMEOUT'
    [ "$output" = 77 ]
}

@test "the database's CPUs are taken out of the tasks' masks, with --pin-app=no they are not" {
    [ "$(nproc)" -gt 1 ] || skip "needs two CPUs"
    all=$(taskset -cp $$ | sed 's/.*: //')
    look='taskset -cp $$ | sed "s/.*: //"; taskset -cp $(redis-cli -s "${SSDB#unix://}" info server | tr -d "\r" | sed -n "s/^process_id://p") | sed "s/.*: //"'
    run colocated sh -c "$look"
    [ "$status" = 0 ]
    python3 - "$all" "${lines[@]}" <<'PY'
import sys
def cpus(text):
    return {c for part in text.split(",") for a, _, b in [part.partition("-")] for c in range(int(a), int(b or a) + 1)}
all_cpus, task, db = map(cpus, sys.argv[1:])
assert len(db) == 1 and db < all_cpus and task == all_cpus - db, (all_cpus, task, db)
PY
    run infer --colocate --db-cpus=1 --device=cpu --pin-app=no sh -c "$look"
    [ "${lines[0]}" = "$all" ]
}

@test "two instances: each task has the one it is told" {
    run infer --colocate=2 --db-cpus=2 --pin-app=no --device=cpu -n 2 sh -c 'echo "$INFER_INSTANCE ${SSDB##*/} $(redis-cli -s "${SSDB#unix://}" ping)"'
    echo "$output"
    [ "$status" = 0 ]
    for line in "${lines[@]}"; do
        [ "$line" = "0 db0.sock PONG" ] || [ "$line" = "1 db1.sock PONG" ]
    done
}

@test "the tasks hold none of our descriptors, and have no child that they did not make" {
    run colocated sh -c 'ls -l /proc/$$/fd; ps --no-headers --ppid $$ -o comm; wait'
    [ "$status" = 0 ]
    no grep -E 'memfd|db[0-9]\.log|pipe.*life' <<<"$output"
    [[ $output != *redis-server* && $output != *inferstep* ]]
}

@test "standard input is the first task's, standard output is passed on as it is" {
    run bash -c 'printf "a line" | inferstep run -n 3 sh -c "cat; exit 0"'
    [ "$status" = 0 ]
    [ "$output" = "a line" ]
}

@test "arguments reach the program untouched, its options are not ours" {
    run infer -n 1 printf '%s|' --help -n 7 '' 'a b' '*'
    [ "$status" = 0 ]
    [ "$output" = '--help|-n|7||a b|*|' ]
    run infer -- printf '%s|' -- x
    [ "$output" = '--|x|' ]
}

@test "two steps at once have a database each" {
    colocated sh -c 'redis-cli -s "${SSDB#unix://}" set who first >/dev/null; touch a; until [ -e b ]; do sleep 0.05; done; redis-cli -s "${SSDB#unix://}" get who' >one 3>&- &
    first=$!
    colocated sh -c 'until [ -e a ]; do sleep 0.05; done; redis-cli -s "${SSDB#unix://}" set who second >/dev/null; touch b; redis-cli -s "${SSDB#unix://}" get who' >two 3>&- &
    second=$!
    wait "$first"
    wait "$second"
    [ "$(cat one) $(cat two)" = "first second" ]
}

@test "--dry-run shows the plan, runs nothing and succeeds" {
    run colocated --dry-run touch ran
    [ "$status" = 0 ]
    [[ $output == *"database 0"* ]]
    [ ! -e ran ]
}

@test "the environment twins are read, and the command line wins" {
    INFER_COLOCATE=1 INFER_DB_CPUS=1 INFER_DEVICE=cpu run infer sh -c 'redis-cli -s "${SSDB#unix://}" ping'
    [ "$output" = PONG ]
    INFER_COLOCATE=1 INFER_DB_CPUS=abc INFER_DEVICE=cpu run infer --db-cpus=1 sh -c 'redis-cli -s "${SSDB#unix://}" ping'
    [ "$output" = PONG ]
}

@test "a program that is not there is told before anything starts" {
    run colocated ./nothing-here
    [ "$status" = 2 ]
    [[ $output == *"nothing-here"* ]]
    run colocated "$work"
    [ "$status" = 2 ]
}
