#!/usr/bin/env bats
# The ready-made batteries in a real allocation: what SmartSim-Scaling's users look for in the results, a database that does
# not come up, and one that must go with its point. t0720 runs the rest.

bats_require_minimum_version 1.5.0
load ../lib/cluster

setup_file() {
    cluster_start --nodes 4
    [ -n "${CLUSTER_MISSING-}" ] || user_run sh -c 'test -e resnet18.pt || inferstep model resnet18 -o resnet18.pt'
    # Small, and on nodes that share one address: any free port.
    export SMALL="--clients_per_node=2 --db_cpus=2 --device=CPU --model=resnet18 --iterations=2 --batch_size=8 --net_ifname=lo --wall_time=5:00"
}
teardown_file() { cluster_stop; }
setup() {
    cluster_require
    user_run rm -rf results attach
    export USER_TIMEOUT=150 # several steps on two noisy cores
    SHARED=INFER_ATTACH_DIR=$CLUSTER_WORK/attach
}
teardown() {
    cancel_all_jobs
    assert_clean 10
    [ -z "$(user_run ls -A attach 2>/dev/null)" ]
}

allocated() { # nodes, flags…
    local nodes=$1
    shift
    # shellcheck disable=SC2086 # words
    user_run $SHARED salloc -Q -N"$nodes" --exclusive inferstep sweep "$1" $SMALL "${@:2}"
}
points() { echo "$CLUSTER_WORK/results/$1"/run-*/points; } # of the only run

@test "co-located: both languages on two nodes, in the records, the metrics and the battery that is kept" {
    run allocated 2 inference-colocated --nodes=2 --db_port=0
    echo "$output"
    [ "$status" = 0 ]
    local all language here files function point=1
    all=$(points inference-scaling)
    for language in fortran cpp; do
        here=$all/p000$point
        jq -e --arg language "$language" '.state == "done" and .parameters.languages == $language and .step.nodes == 2 and
            ([.metrics[].name] | contains(["inferences_per_second", "put_tensor_p50", "run_script_p95", "run_model_p99", "unpack_tensor_p50", "wrong"]))' "$here/point.json"
        jq -e --slurpfile summary <(cat "$here"/records/*/summary.json) \
            '[.metrics[] | select(.name == "inferences_per_second")] | length == 1 and .[0].value == $summary[0].inferences_per_second' "$here/point.json"
        jq -e --arg language "$language" '.language == $language and .workload == "smartsim" and .clients == 4' "$here"/records/*/summary.json
        # Every client has a time of each function for each iteration, and nothing was wrong.
        files=("$here"/records/*/rank_[0-9]*.csv)
        [ "${#files[@]}" = 4 ]
        for function in put_tensor run_script run_model unpack_tensor; do
            [ "$(awk -F, -v f="$function" '$2 == f' "${files[@]}" | wc -l)" = 8 ]
        done
        jq -e '.wrong == 0 and .errors == 0 and .compared == 8' "$here"/records/*/summary.json
        point=$((point + 1))
    done
    # shellcheck disable=SC2086 # words
    user_run inferstep sweep inference-colocated --launcher=slurm --nodes=2 --db_port=0 $SMALL --dry-run --json | jq .plan >"$BATS_TEST_TMPDIR/flags"
    user_run inferstep sweep -c "$(echo "$CLUSTER_WORK"/results/*/run-*/battery.yaml)" --dry-run --json | jq .plan | diff "$BATS_TEST_TMPDIR/flags" -
}

@test "a database that does not come up fails its point with the reason; nothing is left, and the next point runs" {
    echo no model >"$CLUSTER_WORK/broken.pt"
    chmod a+r "$CLUSTER_WORK/broken.pt"
    run allocated 2 inference-standard --client_nodes=1 --db_nodes=1 --run_db_as_batch=False --languages=cpp,fortran --model=broken.pt
    echo "$output"
    [ "$status" = 1 ]
    [[ $output == *"2 of 2 points failed; see "*"/points/p0001/script.log"* ]]
    for point in p0001 p0002; do
        jq -e '.state == "failed" and (.why | test("error: the database did not come up: it ended with 1: .*broken.pt"))' \
            "$(points inference-scaling)/$point/point.json"
    done
}

# A point whose clients go on for long beside a database in a job of its own, until they are at work.
endless() {
    # shellcheck disable=SC2086 # words
    user_background $SHARED salloc -Q -N1 --exclusive inferstep sweep inference-standard ${SMALL/iterations=2/iterations=100000} \
        --client_nodes=1 --db_nodes=1 --batch_args="{'exclusive': None}" --languages=cpp
    for _ in $(seq 600); do
        rows=$(cat "$(points inference-scaling)"/p0001/records/*/rank_0.csv 2>/dev/null | wc -l)
        [ "$rows" -lt 4 ] || break
        kill -0 "$BACKGROUND_PID"
        sleep 0.1
    done
    [ "$rows" -ge 4 ]
    [ "$(squeue --noheader --name=inferstep-db | wc -l)" = 1 ]
}
no_database_runs() { [ -z "$(squeue --noheader --name=inferstep-db --states=PENDING,RUNNING)" ]; }

@test "a database that is a job of its own goes with a sweep that is interrupted" {
    endless
    kill -INT "$BACKGROUND_PID"
    wait "$BACKGROUND_PID" || true
    no_database_runs
}

@test "a database that is a job of its own goes with a script that is killed" {
    endless
    kill -KILL "$(pgrep -u "$CLUSTER_USER" -f '^bash .*/points/p0001/run[.]sh')"
    wait "$BACKGROUND_PID" || true
    cat "$BACKGROUND_LOG"
    grep -q 'warning: the database [0-9]*\.0 of a point that was killed is told to end' "$BACKGROUND_LOG"
    no_database_runs
}

@test "a database that waits too long for its nodes fails its point, and its job is withdrawn" {
    SHARED="$SHARED INFER_DATABASE_WAIT=2"
    run allocated 1 inference-standard --client_nodes=1 --db_nodes=1 --batch_args="{'begin': 'now+1hour'}" --languages=cpp
    echo "$output"
    [ "$status" = 1 ]
    jq -e '.state == "failed" and (.why | test("the database did not come up: its job [0-9]+ was not ready after 2 s"))' \
        "$(points inference-scaling)/p0001/point.json"
    [ -z "$(squeue --noheader --name=inferstep-db)" ]
}
