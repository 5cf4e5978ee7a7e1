#!/usr/bin/env bats
# inferstep client when something is missing, dies, hangs or is full: one sentence, a non-zero code, an end in time.

load ../lib/step

setup() {
    step_setup
    export XDG_CACHE_HOME=$BUILD/test-cache
}
teardown() { step_teardown; }

record() { echo outputs/local.*; }
summary_line() { tail -n 1 "$(record)/rank_0.log"; }

@test "without a database it says how to get one" {
    run inferstep client
    [ "$status" = 1 ]
    [[ $output == *SSDB*"srun --infer-colocate=1"*"inferstep run --colocate=1"* ]]
    [ ! -e outputs ]
}

@test "what makes no sense is refused by name before anything begins" {
    export SSDB=unix:///nowhere.sock
    while IFS='|' read -r options words; do
        # shellcheck disable=SC2086
        run inferstep client $options
        [ "$status" = 2 ] || { echo "$options: exit $status: $output"; return 1; }
        [[ $output == *"$words"* ]] || { echo "$options: $output"; return 1; }
    done <<'TABLE'
--iterations 0|--iterations
--iterations 1e3|--iterations
--iterations 99999999999999999999|--iterations
--batch-size -1|--batch-size
--clients-per-node 0|--clients-per-node
--language c++|cpp, fortran
--device tpu|cpu, gpu, auto
--tolerance -1|--tolerance
--tolerance nan|--tolerance
--timeout 0|--timeout
--shape 3,,3|--shape
--shape 1,2,3,4|--shape
--pipelined --separate|--pipelined
--pipelined --dag=both|--dag
--separate --dag=yes|--dag=both
--dag maybe|no, yes, both
--workload train|infer, smartsim
--workload smartsim --batch-size 2|--batch-size
--workload smartsim --pipelined|--pipelined
--iteration 3|--iteration
TABLE
    [ ! -e outputs ]
}

@test "files that are not there are named before anything begins" {
    export SSDB=unix:///nowhere.sock
    for option in --model --reference --images; do
        run inferstep client $option=missing.pt
        [ "$status" = 1 ]
        [[ $output == *"$option=missing.pt: No such file"* ]]
    done
    [ ! -e outputs ]
}

@test "nobody at the address: a sentence, and a record of it" {
    run inferstep client --endpoint=unix:///nowhere.sock
    [ "$status" = 1 ]
    [[ $output == *"unix:///nowhere.sock: No such file or directory"* ]]
    summary_line | grep -q '"errors":1'
    run inferstep client --endpoint=nonsense
    [[ $output == *"'nonsense' is no database address"* ]]
}

@test "a database without the module is told apart" {
    redis-server --port 0 --unixsocket "$work/plain.sock" --save "" >/dev/null 2>&1 3>&- &
    server=$!
    wait_until test -S plain.sock
    run inferstep client --endpoint="unix://$work/plain.sock" --model=resnet18
    kill $server
    [ "$status" = 1 ]
    [[ $output == *"AI.MODELSTORE resnet18"*"unknown command"* ]]
}

@test "a file that is no model is refused in the database's words" {
    echo "not a model" >bad.pt
    run colocated inferstep client --model=bad.pt
    [ "$status" = 1 ]
    [[ $output == *"AI.MODELSTORE resnet50"*"answered: ERR"* ]]
    summary_line | grep -q '"errors":1'
}

# A client whose loop has begun, in the background. Its first option is its language.
start_loop() {
    rm -rf outputs
    colocated inferstep client --model=resnet18 --iterations=100000 --timeout=2 --language="$1" >out 2>err 3>&- &
    RUN=$!
    wait_until sh -c 'grep -qs ,loop, outputs/*/rank_0.csv'
}

@test "the database dies in the loop: the client ends by itself and keeps what it has" {
    for language in cpp fortran; do
        start_loop $language
        kill -9 "$(redis_pids)"
        end_of_run
        cat err
        [ "$CODE" != 0 ]
        grep -q "AI\.[A-Z_]* .*database unix://$state/" err
        [ "$(grep -c ,loop, "$(record)/rank_0.csv")" -gt 0 ]
        summary_line | grep -q '"errors":1'
    done
}

@test "the database hangs in the loop: the client gives up within its limit" {
    start_loop cpp
    db=$(redis_pids)
    kill -STOP "$db"
    wait_until grep -q "did not answer in time" err
    kill -CONT "$db"
    end_of_run
    [ "$CODE" != 0 ]
    summary_line | grep -q '"errors":1'
}

@test "a read-only or full place for records is named" {
    [ "$(id -u)" = 0 ] && unshare --mount true 2>/dev/null || skip "only root can make such file systems"
    mkdir place
    run unshare --mount sh -c 'mount -t tmpfs -o ro none place && inferstep client --endpoint=unix:///x --outdir=place'
    [ "$status" = 1 ]
    [[ $output == *"place/local."*"Read-only file system"* ]]
    export state
    run unshare --mount sh -c 'mount -t tmpfs -o size=16k none place &&
        inferstep run --statedir="$state" --colocate --db-cpus=1 --device=cpu \
            inferstep client --model=resnet18 --iterations=400 --outdir=place'
    echo "$output"
    [ "$status" = 1 ]
    [[ $output == *"cannot write"*"No space left on device"* ]]
}

@test "a rank that never comes is missed, not waited for" {
    run colocated -n 2 sh -c '[ "$INFER_RANK" = 0 ] || exit 3
        exec timeout 100 inferstep client --model=resnet18 --iterations=2 --wait=1'
    echo "$output"
    [ "$status" = 3 ]
    [[ $output == *"1 of 2 ranks left no summary"* ]]
}
