#!/usr/bin/env bats
# Placement on other machines: hardware threads, sub-NUMA domains, nodes unlike each other, and the real CPUs of this one
# inside a cpuset.

load ../lib/cluster

teardown() {
    local code=0
    assert_clean || code=1
    cluster_stop
    return "$code"
}

# machine options of `cluster up`…: a cluster of such nodes, for this test
machine() {
    cluster_start "$@"
    cluster_require
    install -m 644 "$BATS_TEST_DIRNAME/../lib/placed.py" "$CLUSTER_WORK"
}
# where srun-options…: the tasks' CPUs and the databases', as one line
where() { user_run srun -Q -N1 "$@" python3 placed.py | sort | sed 's/^0 [0-9]*: //;s/ \[.*//' | paste -sd'/'; }

expect() { # WHERE srun-options…
    local want=$1 got
    shift
    got=$(where "$@") || return 1
    [ "$got" = "$want" ] || { echo "$*: $got, not $want"; return 1; }
}

@test "R4: hardware threads: whole cores, unless the tasks use one thread of each" {
    machine --nodes 1 --no-dbd --topology "$BATS_TEST_DIRNAME/../topo/2socket-smt.xml"
    expect '0-1,32-33 | 3,35/2,34 | 3,35' -n2 -c4 --infer-colocate --infer-db-cpus=2
    expect '0-7,32-39 | 15,47 | 31,63/16-23,48-55 | 15,47 | 31,63/8-14,40-46 | 15,47 | 31,63/24-30,56-62 | 15,47 | 31,63' \
        -n4 -c16 --infer-colocate=2 --infer-db-cpus=4
    expect '0-1 | 3/2 | 3' -n2 -c2 --hint=nomultithread --infer-colocate --infer-db-cpus=1
}

@test "R4: sub-NUMA domains: a database in each" {
    machine --nodes 1 --no-dbd --topology "$BATS_TEST_DIRNAME/../topo/snc2.xml"
    run where -n4 -c20 --infer-colocate=4 --infer-db-cpus=8
    echo "$output"
    [ "$(grep -o ' | 16,56 | 19,59 | 36,76 | 39,79' <<<"$output" | wc -l)" = 4 ]
}

@test "R4: nodes unlike each other: each plans for its own machine, and the one that cannot is named" {
    machine --nodes 2 --no-dbd --topology "2:$BATS_TEST_DIRNAME/../topo/1socket-smt.xml"
    cat >"$CLUSTER_WORK/unequal.sh" <<'SH'
#!/bin/sh
srun -Q -N2 -O --ntasks-per-node=2 "$@" python3 placed.py
SH
    chmod 755 "$CLUSTER_WORK/unequal.sh"
    run user_run salloc -Q -N2 --exclusive ./unequal.sh --infer-colocate=2 --infer-db-cpus=4
    echo "$output"
    [ "$status" = 0 ] # two sockets of four CPUs, and one of three cores with two threads each
    [ "$(sort <<<"$output" | paste -sd'/')" = '0 0: 0-1 | 2-3 | 6-7/0 1: 4-5 | 2-3 | 6-7/1 0: 0,3 | 1,4 | 2,5/1 1: 0,3 | 1,4 | 2,5' ]
    # Three CPUs of each socket there, and every CPU here.
    run user_run salloc -Q -N2 --exclusive ./unequal.sh --infer-colocate=2 --infer-db-cpus=6
    echo "$output"
    [ "$status" = 1 ]
    [ "$(grep -c '^infer: ' <<<"$output")" = 1 ]
    [[ $output == *"infer: --infer-db-cpus=6 leaves no CPU for the tasks: the step has 6 CPUs on this node; ask for at most 5 (node ${CLUSTER_PREFIX}2)"* ]]
}

@test "R4: real CPUs in a cpuset: the kernel itself holds tasks and databases there" {
    machine --nodes 1 --no-dbd --real-cpus --constrain-cores
    [ "$CLUSTER_CPUS" -ge 2 ] || skip "one CPU is not enough to have a database beside a task"
    expect '0 | 1' -n1 -c2 --infer-colocate --infer-db-cpus=1
    expect '0 | 1' -n1 -c2 --cpu-bind=map_cpu:0 --infer-colocate --infer-db-cpus=1
    # One CPU of two: nobody can leave it.
    # shellcheck disable=SC2016  # the task's shell expands it
    run user_run srun -Q -n1 -c1 --infer-colocate --infer-db-cpus=1 --infer-pin-app=no sh -c \
        'pid=$(jq .databases[0].pid "$INFER_STATE_DIR/step.json"); taskset -cp 0-1 $pid >/dev/null; cat /proc/self/status /proc/$pid/task/*/status'
    [ "$status" = 0 ]
    [ "$(grep Cpus_allowed_list <<<"$output" | sort -u | wc -l)" = 1 ]
    [[ $(grep -m1 Cpus_allowed_list <<<"$output") =~ ^Cpus_allowed_list:[[:space:]]+[0-9]+$ ]]
}
