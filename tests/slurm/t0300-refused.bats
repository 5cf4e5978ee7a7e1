#!/usr/bin/env bats
# Bad input: one sentence that names the option, a non-zero code, and where it can be known no allocation.

load ../lib/cluster

setup_file() {
    cluster_start --nodes 4
    user_run inferstep model resnet18 -o model.pt --seed 1
}
teardown_file() { cluster_stop; }
setup() { cluster_require; }
teardown() { assert_clean; }

# refused PATTERN srun-options…: srun fails with a message that has PATTERN, without a job
refused() {
    local pattern=$1 before after
    shift
    before=$(next_job_id)
    run user_run srun -n1 "$@" true
    after=$(next_job_id)
    echo "$* -> $status: $output"
    [ "$status" != 0 ] && grep -qE -- "$pattern" <<<"$output" && [ "$before" = "$after" ]
}

@test "R13: values that are no numbers, zero, negative, huge, repeated, contradictory" {
    refused '--infer-colocate' --infer-colocate=abc
    refused '--infer-colocate' --infer-colocate=0
    refused '--infer-colocate' --infer-colocate=-1
    refused '--infer-colocate' --infer-colocate=99999999999999999999
    refused '--infer-db-cpus' --infer-colocate=1 --infer-db-cpus=1.5
    refused '--infer-db-cpus' --infer-colocate=1 --infer-db-cpus=0
    refused '--infer-db-tpq' --infer-colocate=1 --infer-db-tpq=x
    refused '--infer-pin-app' --infer-colocate=1 --infer-pin-app=maybe
    refused '--infer-device' --infer-colocate=1 --infer-device=tpu
    refused '--infer-timeout' --infer-colocate=1 --infer-timeout=0
    refused '--infer-colocate' --infer-colocate=4 --infer-db-cpus=2
    refused '--infer-db-cpus' --infer-db-cpus=2
}

@test "a model that is missing or has no name is refused before an allocation" {
    refused 'nowhere.pt' --infer-colocate=1 --infer-model=m:nowhere.pt
    refused '--infer-model' --infer-colocate=1 --infer-model=nowhere.pt
}

@test "an output directory that cannot be written is refused before an allocation" {
    refused '--infer-outdir' --infer-colocate=1 --infer-outdir=/proc/nowhere
}

# fails PATTERN srun-options…: the step fails with one message of ours
fails() {
    local pattern=$1
    shift
    run user_run srun -N1 -n1 -c4 "$@" true
    echo "$* -> $status: $output"
    [ "$status" != 0 ] && grep -qE -- "$pattern" <<<"$output" && [ "$(grep -cE -- "infer: .*($pattern)" <<<"$output")" = 1 ]
}

@test "more CPUs or more databases than the step has" {
    fails '--infer-db-cpus' --infer-colocate=1 --infer-db-cpus=8
    fails '--infer-colocate|--infer-db-cpus' --infer-colocate=9
}

@test "S9: a model that is truncated, no TorchScript, or has another checksum" {
    user_run sh -c 'head -c 100000 model.pt >truncated.pt; echo hello >text.pt'
    fails 'truncated.pt|model .?m' --infer-colocate=1 --infer-model=m:truncated.pt
    fails 'text.pt|model .?m' --infer-colocate=1 --infer-model=m:text.pt
    fails 'sha256' --infer-colocate=1 --infer-model=m:model.pt,sha256=0000000000000000000000000000000000000000000000000000000000000000
    fails 'batchsiz' --infer-colocate=1 --infer-model=m:model.pt,batchsiz=3
}

@test "a dry run shows the plan and starts nothing" {
    run user_run srun -N1 -n2 -c4 --infer-colocate=2 --infer-dry-run sh -c 'echo started'
    echo "$output"
    [[ $output != *started* ]]
    [[ $output == *CPU* || $output == *cpu* ]]
}
