#!/usr/bin/env bats
# inferstep topo: the plan for this machine and for others, as text, SVG and JSON; every refusal in one sentence.

bats_require_minimum_version 1.5.0

setup() {
    cd "$INFERSTEP_TOP" || exit 1
    tmp=$(mktemp -d)
}
teardown() { rm -rf "$tmp"; }

# shellcheck disable=SC2154 # bats sets stderr
refused() { # exit code, words, arguments…
    local code=$1 words=$2
    shift 2
    run --separate-stderr inferstep topo "$@"
    echo "exit $status, says: $stderr"
    [ "$status" = "$code" ]
    [ -z "$output" ]
    [[ $stderr == "inferstep: error: "*"$words"* ]]
}

@test "this machine has a plan, within the CPUs that we may use" {
    [ "$(nproc)" -ge 2 ] || skip "one CPU has no room for a database beside a task"
    run inferstep topo
    [ "$status" = 0 ]
    [[ $output == *"database 0"*"task 0"* ]]
    run taskset -c "$(taskset -cp $$ | sed 's/.*: \([0-9]*\).*/\1/')" inferstep topo
    [ "$status" = 1 ]
    [[ $output == *"leaves no CPU for the tasks: the step has 1 CPU"* ]]
}

@test "the example of the man page is what the program prints" {
    sed -n '/^\$ inferstep topo/,/^\.Ed/p' man/inferstep-topo.1 | sed '1d;/^\.Ed/d' >"$tmp/expected"
    [ -s "$tmp/expected" ]
    HWLOC_SYNTHETIC="package:2 numa:1 core:8 pu:1" inferstep topo --colocate=2 --db-cpus=4 --tasks=4 >"$tmp/got"
    diff "$tmp/expected" "$tmp/got"
}

@test "every machine of tests/topo is drawn, no line wider than 100 columns" {
    for xml in tests/topo/*.xml; do
        inferstep topo --xml "$xml" --colocate 2 --tasks 3 >"$tmp/out"
        grep -q '^   D1 database 1' "$tmp/out"
        run ! grep -nE '^.{101}' "$tmp/out"
    done
}

@test "a node of 256 CPUs and 64 tasks fits on one screen" {
    run inferstep topo --xml tests/topo/nps4.xml --colocate 8 --db-cpus 32 --tasks 64
    [ "$status" = 0 ]
    [ "${#lines[@]}" -le 40 ]
    [[ $output == *"D7 database 7, NUMA 7: CPUs 125,127,253,255; tasks 56-63"* ]]
}

@test "GPUs go to the database of their package; --device=cpu shows none" {
    run inferstep topo --xml tests/topo/8gpu.xml --colocate 2
    [[ $output == *"GPUs 0-3; task"*"GPUs 4-7"* ]]
    run inferstep topo --xml tests/topo/8gpu.xml --colocate 2 --device cpu
    [ "$status" = 0 ]
    [[ $output != *GPU* ]]
    refused 1 "--device=gpu: there is no GPU" --xml tests/topo/1socket.xml --device gpu
}

@test "masks of tasks are taken as given, and kept with --pin-app=no" {
    run inferstep topo --xml tests/topo/1socket.xml --task-masks '0-3;4-7' --db-cpus 2
    [[ $output == *"task 0: CPUs 0-2;"*"task 1: CPUs 4-6;"* ]]
    run inferstep topo --xml tests/topo/1socket.xml --task-masks '0-3;4-7' --db-cpus 2 --pin-app no
    [[ $output == *"task 0: CPUs 0-3;"*"task 1: CPUs 4-7;"* ]]
    [[ $output == *"the tasks keep their masks"* ]]
}

@test "srun's names of the options are known" {
    run inferstep topo --xml tests/topo/1socket.xml --infer-colocate=2 --infer-db-cpus=4 --infer-pin-app=yes --infer-device=cpu
    [ "$status" = 0 ]
    [[ $output == *"D1 database 1"* ]]
}

@test "--json is JSON and agrees with the picture" {
    inferstep topo --xml tests/topo/2socket-smt.xml --colocate 2 --db-cpus 4 --tasks 4 --json >"$tmp/plan.json"
    run python3 -c '
import json, sys
plan = json.load(open(sys.argv[1]))
print([i["cpus"] for i in plan["instances"]], [t["instance"] for t in plan["tasks"]], plan["tasks"][3]["after"])' "$tmp/plan.json"
    [ "$output" = "['15,47', '31,63'] [0, 0, 1, 1] 24-30,56-62" ]
}

@test "--svg writes a well-formed drawing" {
    inferstep topo --xml tests/topo/8gpu.xml --colocate 2 --svg "$tmp/plan.svg" >/dev/null
    python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$tmp/plan.svg"
    [ "$(grep -c '<title>CPU ' "$tmp/plan.svg")" = 128 ]
}

@test "options that are not numbers, zero, negative, huge or contradictory are refused by name" {
    for value in 0 -1 x 2.5 '' 99999999999999999999 1e3; do
        for option in --colocate --db-cpus --tasks; do
            run --separate-stderr inferstep topo "$option=$value"
            echo "$option=$value: exit $status, says: $stderr"
            [ "$status" = 2 ]
            [[ $stderr == *"$option"* ]]
        done
    done
    refused 2 "--pin-app" --pin-app=perhaps
    refused 2 "--device" --device=tpu
    refused 2 "--tasks and --task-masks exclude each other" --tasks 2 --task-masks '0;1'
    refused 2 "--task-masks=0;;1: '' is not a CPU list" --task-masks '0;;1'
    refused 2 "--task-masks=0-: '0-' is not a CPU list" --task-masks '0-'
}

@test "what cannot be planned is refused with what would be right" {
    refused 1 "--db-cpus=8 leaves no CPU for the tasks: the step has 8 CPUs on this node; ask for at most 7" --xml tests/topo/1socket.xml --db-cpus 8
    refused 1 "--colocate=8 needs a CPU for each instance and one for the tasks" --xml tests/topo/1socket.xml --colocate 8
    refused 1 "ask for 1 to 8 tasks" --xml tests/topo/1socket.xml --tasks 9
    refused 1 "none of the step's CPUs (100)" --xml tests/topo/1socket.xml --task-masks 100
}

@test "files that cannot be read or written are refused by name" {
    refused 1 "cannot read the topology file $tmp/none.xml: No such file" --xml "$tmp/none.xml"
    head -c 1000 tests/topo/1socket.xml >"$tmp/half.xml"
    refused 1 "$tmp/half.xml is not an hwloc topology" --xml "$tmp/half.xml"
    refused 1 "$tmp/no/plan.svg" --xml tests/topo/1socket.xml --svg "$tmp/no/plan.svg"
    run bash -c 'inferstep topo --xml tests/topo/1socket.xml >/dev/full'
    [ "$status" = 1 ]
    [[ $output == *"cannot write the picture"* ]]
}
