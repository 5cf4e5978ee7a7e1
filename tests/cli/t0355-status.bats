#!/usr/bin/env bats
# inferstep db status: finding databases, what is shown, and what happens when there is none.

# shellcheck disable=SC2154 # state, work, RUN and CODE are set by lib/step
load ../lib/step

setup() { step_setup; }
teardown() { step_teardown; }

serve() { # two databases; sets RUN, and SSDB to db0
    inferstep db serve --statedir="$state" --device=cpu --colocate=2 --db-cpus=2 >out 2>err 3>&- &
    RUN=$!
    wait_until grep -q '^ready db1' out
    SSDB=$(sed -n 's/^ready db0 //p' out)
    export SSDB
}
cli() { redis-cli -s "${SSDB#unix://}" "$@"; }

execute() { # store a model and run it three times
    python3 "$INFERSTEP_TOP/tests/lib/torchscript.py" double.pt 'x: Tensor -> Tensor' 'return torch.mul(x, 2)'
    cli -x AI.MODELSTORE "$1" TORCH CPU BLOB <double.pt
    cli AI.TENSORSET x FLOAT 1 2 VALUES 1 2
    for _ in 1 2 3; do
        cli AI.MODELEXECUTE "$1" INPUTS 1 x OUTPUTS 1 y
    done
}

@test "without an address the databases of the user's steps on this node are shown" {
    serve
    execute a-model-with-a-long-name
    run inferstep db status --statedir="$state"
    [ "$status" = 0 ]
    [ "$(grep -c '^local\.[0-9]* db[01]: torch' <<<"$output")" = 2 ]
    grep -Eq '^  a-model-with-a-~ +CPU +3 +[0-9.]+ +0 +[0-9.]+/[0-9.]+ ' <<<"$output"
    grep -q '    3 batches, by samples  1: 3$' <<<"$output"
    grep -q '  no models' <<<"$output"
    [ "$(awk '{ if (length > 100) print }' <<<"$output")" = "" ]
}

@test "a step is named by its name, a database by its address; SSDB is the last resort" {
    serve
    step=$(basename "$(dirname "${SSDB#unix://}")" | sed 's/^inferstep-[0-9]*-\(local\.[0-9]*\)-.*/\1/')
    run inferstep db status --statedir="$state" "$step"
    [ "$status" = 0 ]
    [ "$(grep -c '^local' <<<"$output")" = 2 ]
    run inferstep db status "$SSDB"
    [ "$status" = 0 ]
    [ "$(grep -c '^unix:' <<<"$output")" = 1 ]
    mkdir -m 700 elsewhere
    run inferstep db status --statedir="$PWD/elsewhere"
    [ "$status" = 0 ]
    [ "$(grep -c '^unix:' <<<"$output")" = 1 ]
}

@test "--json is one line with what the records have, and --watch goes on" {
    serve
    execute m
    inferstep db status --json "$SSDB" >once
    [ "$(wc -l <once)" = 1 ]
    python3 - once <<'PY'
import json, sys
status = json.load(open(sys.argv[1]))
assert status["schema"] == "inferstep-status/1", status
one, = status["databases"]
counts = one["statistics"]["models"]["m"]
assert [counts["calls"], counts["batches"], counts["batch_sizes"]] == [3, 3, "1x3"], counts
assert 0 < counts["inference_p50_us"] <= counts["inference_p99_us"], counts
assert one["requests_per_second"] >= 0, one
PY
    inferstep db status --json --watch=0.1 "$SSDB" >many 3>&- &
    watcher=$!
    wait_until eval '[ "$(wc -l <many)" -ge 3 ]'
    kill "$watcher"
    wait "$watcher" || true
    inferstep db status --watch=0.1 "$SSDB" >tables 3>&- &
    watcher=$!
    wait_until eval '[ "$(grep -c ^unix: tables)" -ge 2 ]' # appended: this is no terminal
    kill "$watcher"
    wait "$watcher" || true
    ! grep -q $'\033' tables
}

@test "a watch ends when the last database has gone, and says why" {
    serve
    inferstep db status --watch=0.1 "$SSDB" >tables 3>&- &
    watcher=$!
    wait_until grep -q ^unix: tables
    kill "$RUN"
    end_of_run
    run wait "$watcher"
    wait_until eval '! kill -0 $watcher 2>/dev/null'
    tail -n 1 tables | grep -q "$SSDB: "
}

@test "where there is no database it says so, and what to do" {
    unset SSDB
    run inferstep db status --statedir="$state"
    [ "$status" = 1 ]
    [[ $output == *"no database of yours runs on this node, and SSDB names none"*"give an address"* ]]
    run inferstep db status --statedir="$state" 4711.0
    [ "$status" = 1 ]
    [[ $output == *"step 4711.0 has no database of yours on this node"* ]]
    run inferstep db status "unix://$PWD/none.sock"
    [ "$status" = 1 ]
    [[ $output == *none.sock* ]]
    run inferstep db status --watch=0 "unix://$PWD/none.sock"
    [ "$status" = 2 ]
}
