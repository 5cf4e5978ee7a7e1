#!/usr/bin/env bats
# contrib/sbatch/llama-pipeline.sbatch in a real cluster: what it copies when, where its logs go, with and without a container, and
# the experiments with a language model in an allocation.

bats_require_minimum_version 1.5.0
load ../lib/cluster

setup_file() {
    cluster_start --nodes 4
    [ -z "${CLUSTER_MISSING-}" ] || return 0
    /usr/bin/python3 "$BATS_TEST_DIRNAME/../lib/make_llama.py" "$CLUSTER_WORK/tiny" --layers 4 >/dev/null
    cp "$BATS_TEST_DIRNAME/../../contrib/sbatch/llama-pipeline.sbatch" "$CLUSTER_WORK"
    chmod -R a+rX "$CLUSTER_WORK/tiny" "$CLUSTER_WORK/llama-pipeline.sbatch"
}
teardown_file() { cluster_stop; }
setup() {
    cluster_require
    export USER_TIMEOUT=150
    user_run sh -c 'rm -rf code scratch results image.sif bin here one.jsonl; mkdir -p code/slurm scratch bin
        for i in 1 2 3; do echo "{\"prompt\": \"The number $i of the nodes\"}"; done >code/slurm/prompts.jsonl
        echo "{\"model\": {\"model_path\": \"$PWD/tiny\"}, \"inference\": {\"max_new_tokens\": 5}}" >code/slurm/exp_config.json'
    ROOTS="CODE_ROOT=$CLUSTER_WORK/code SCRATCH_ROOT=$CLUSTER_WORK/scratch"
}
teardown() {
    cancel_all_jobs
    assert_clean 10
}

submit() { # NAME=VALUE… -- arguments: sets JOB, RUN and LOG
    local variables=()
    while [ "$1" != -- ]; do variables+=("$1"); shift; done
    # shellcheck disable=SC2086 # words
    said=$(user_run $ROOTS "${variables[@]}" "$CLUSTER_WORK/llama-pipeline.sbatch" -t5 "${@:2}")
    echo "$said"
    [[ $said =~ ^job\ ([0-9]+):\ (.*)\.out,\ (.*)$ ]]
    JOB=${BASH_REMATCH[1]} LOG=${BASH_REMATCH[2]} RUN=${BASH_REMATCH[3]}
}
ended() { # waits for the job, which must have succeeded
    for _ in $(seq 600); do [ -n "$(squeue --noheader --jobs="$JOB" 2>/dev/null)" ] || break; sleep 0.2; done
    cat "$LOG.out" "$LOG.err"
    [ "$(sacct_field "$JOB" ExitCode)" = 0:0 ]
}

@test "two nodes without a container: files of the time of submission, logs in hpc-runs, completions of the last stage" {
    submit -- --hold
    user_run sh -c 'echo "{" >code/slurm/exp_config.json' # what is edited afterwards changes nothing
    scontrol release "$JOB"
    ended
    [ "$LOG" = "$CLUSTER_WORK/scratch/hpc-runs/llama_pipeline-$JOB" ]
    [[ $RUN == "$CLUSTER_WORK"/scratch/pipeline_run/run-* ]]
    [ "$(wc -l <"$RUN/outputs/completions_rank_1.jsonl")" = 3 ]
    jq -e '(.ranks | length) == 2 and ([.ranks[].node] | unique | length) == 2 and .totals.completed == 3' "$RUN/outputs/metrics.json"
    # asked while the step was running, in columns that names can be given to
    /usr/bin/python3 - "$RUN/outputs/sacct_$JOB.txt" <<'PY'
import csv, sys
rows = list(csv.DictReader((line for line in open(sys.argv[1]) if line[0] != "#"), delimiter="|"))
assert rows and {"JobID", "JobName", "State", "Elapsed", "MaxRSS"} <= set(rows[0]), rows
PY
    # the same tokens as one process
    user_run inferstep stage --local-debug --exp-config="$RUN/exp_config.json" --prompts="$RUN/prompts.jsonl" --output-dir="$RUN/alone" >/dev/null
    diff <(jq -c '[.prompt_index, .tokens]' "$RUN/outputs/completions_rank_1.jsonl" | sort) <(jq -c '[.prompt_index, .tokens]' "$RUN/alone/completions_rank_0.jsonl" | sort)
}

@test "in a container: the run's directory is seen at EXPERIMENT_ROOT, PIPELINE_ROOT and PROFILER are heeded" {
    # A stand-in for apptainer: shows its options and the profiler, and runs the program where the folder is bound.
    user_run touch image.sif
    cat >"$CLUSTER_WORK/bin/apptainer" <<'EOP'
#!/bin/sh
echo "apptainer $* profiler=$PROFILER"
bound=''
while [ "${1%image.sif}" = "$1" ]; do
    case $1 in --bind=*:/see/here) bound=${1#--bind=} ;; esac
    shift
done
shift
export EXPERIMENT_ROOT="${bound%:/see/here}" OUTPUT_DIR="${bound%:/see/here}/outputs"
cd "$EXPERIMENT_ROOT" || exit
for word in "$@"; do shift; set -- "$@" "$(echo "$word" | sed "s,/see/here,$EXPERIMENT_ROOT,")"; done
exec "$@"
EOP
    chmod 755 "$CLUSTER_WORK/bin/apptainer"
    submit PATH="$CLUSTER_WORK/bin:$(user_run printenv PATH)" APPTAINER_IMAGE="$CLUSTER_WORK/image.sif" EXPERIMENT_ROOT=/see/here \
        PIPELINE_ROOT="$CLUSTER_WORK/scratch/mine" PROFILER=none -- -- --max-new-tokens=4
    ended
    [[ $RUN == "$CLUSTER_WORK"/scratch/mine/run-* ]]
    grep -q "^apptainer exec --bind=$RUN:/see/here --bind=$CLUSTER_WORK/code:$CLUSTER_WORK/code:ro --pwd=/see/here.* $CLUSTER_WORK/image.sif inferstep stage --prompts=prompts.jsonl --max-new-tokens=4 profiler=none" "$LOG.out"
    [ "$(jq -s '[.[].tokens_generated] | max' "$RUN/outputs/completions_rank_1.jsonl")" -le 4 ]
}

@test "the configuration's prompts go before prompts.jsonl, PROMPTS before both; RUN_DIR of somebody else is nothing to it" {
    user_run sh -c 'mkdir code/slurm/data && head -n 2 code/slurm/prompts.jsonl >code/slurm/data/two.jsonl && head -n 1 code/slurm/prompts.jsonl >one.jsonl
        echo "{\"model\": {\"model_path\": \"$PWD/tiny\"}, \"inputs\": {\"prompt_path\": \"data/two.jsonl\"}, \"inference\": {\"max_new_tokens\": 5}}" >code/slurm/exp_config.json'
    submit RUN_DIR="$CLUSTER_WORK/code" -- --hold
    user_run rm code/slurm/data/two.jsonl
    scontrol release "$JOB"
    ended
    [ "$(wc -l <"$RUN/outputs/completions_rank_1.jsonl")" = 2 ]
    submit PROMPTS="$CLUSTER_WORK/one.jsonl" --
    ended
    [ "$(wc -l <"$RUN/outputs/completions_rank_1.jsonl")" = 1 ]
}

@test "sbatch itself: from a folder without hpc-runs, with RUN_DIR in the environment" {
    JOB=$(user_run sh -c "mkdir here && cd here && env $ROOTS RUN_DIR=/nowhere sbatch --parsable -t5 $CLUSTER_WORK/llama-pipeline.sbatch")
    LOG=$CLUSTER_WORK/scratch/hpc-runs/llama_pipeline-$JOB
    for _ in $(seq 600); do [ -n "$(squeue --noheader --jobs="$JOB" 2>/dev/null)" ] || break; sleep 0.2; done
    cat "$LOG.out" "$LOG.err"
    [ "$(sacct_field "$JOB" ExitCode)" = 0:0 ]
    [ "$(wc -l <"$CLUSTER_WORK/scratch/pipeline_run/job-$JOB/outputs/completions_rank_1.jsonl")" = 3 ]
}

@test "what is missing is said before anything is submitted" {
    run user_run $ROOTS APPTAINER_IMAGE=/no/such.sif "$CLUSTER_WORK/llama-pipeline.sbatch"
    [ "$status" = 2 ] && [[ $output == *"APPTAINER_IMAGE=/no/such.sif: there is no such image"* ]]
    run user_run SCRATCH_ROOT="$CLUSTER_WORK/scratch" CODE_ROOT="$CLUSTER_WORK/scratch" "$CLUSTER_WORK/llama-pipeline.sbatch"
    [ "$status" = 2 ] && [[ $output == *"neither exp_config.json nor prompts.jsonl"* ]]
    [ -z "$(squeue --noheader)" ]
}

@test "strong scaling over one, two and four nodes of an allocation: identical to the reference at each point" {
    user_run salloc -Q -N4 --exclusive inferstep sweep pipeline-strong --model=tiny --prompts=code/slurm/prompts.jsonl --prompt_limit=3 --max_new_tokens=5 \
        --threads=1 --repeats=1 --warmups=0 >"$BATS_TEST_TMPDIR/run"
    run_dir=$(cat "$BATS_TEST_TMPDIR/run")
    jq -e -s 'length == 3 and all(.[]; .state == "done") and ([.[].step.nodes] | sort) == [1, 2, 4] and
        all(.[]; [.metrics[] | select(.name == "identical").value] == [3])' "$run_dir"/points/*/point.json
    user_run inferstep report -o - --no-plots "$run_dir" >"$BATS_TEST_TMPDIR/tables"
    grep -q 'efficiency  strong: the work is the same at every stages' "$BATS_TEST_TMPDIR/tables"
}
