#!/usr/bin/env bats
# inferstep stage under plain srun: the ranks of a step find each other, answer as one process does, and end together.

# shellcheck disable=SC2154 # output is run's
bats_require_minimum_version 1.5.0
load ../lib/cluster
load ../lib/stage

setup_file() {
    cluster_start --nodes 4
    [ -n "${CLUSTER_MISSING-}" ] || {
        stage_files "$CLUSTER_WORK/stage"
        chmod -R a+rX "$STAGE_DIR"
        export WORDS="inferstep stage --model stage/model --prompts stage/prompts.jsonl --max-new-tokens 9"
        # shellcheck disable=SC2086 # words
        user_run $WORDS --local-debug --output-dir reference --overwrite
    }
}
teardown_file() {
    [ -z "${CLUSTER_MISSING-}" ] && rm -rf "${STAGE_DIR:?}"
    cluster_stop
}
setup() {
    cluster_require
    user_run rm -rf out one two outputs out.log
}
teardown() {
    cancel_all_jobs
    assert_clean 10
}

alike() { same "$CLUSTER_WORK/reference/completions_rank_0.jsonl" "$@"; }

@test "two and four nodes answer like one process" {
    # shellcheck disable=SC2086
    user_run srun -N2 --ntasks-per-node=1 $WORDS --output-dir out
    alike "$CLUSTER_WORK/out/completions_rank_1.jsonl"
    jq -e '[.ranks[].node] | unique | length == 2' "$CLUSTER_WORK/out/metrics.json"
    job=$(jq -r .step.job "$CLUSTER_WORK/out/metrics.json")
    grep -F "$job" "$CLUSTER_WORK/out/sacct_$job.txt"
    # shellcheck disable=SC2086
    user_run srun -N4 --ntasks-per-node=1 $WORDS --batch-size 2 --prefill-chunk 5 --transport tcp
    alike "$CLUSTER_WORK"/outputs/*/completions_rank_3.jsonl
    [ "$(find "$CLUSTER_WORK"/outputs/*/ -name 'rank_?.log' | wc -l)" -eq 4 ]
}

@test "a batch script has several ranks on a node, and some left over" {
    printf '#!/bin/sh\nsrun --ntasks-per-node=2 %s --pipeline-size 3 --output-dir out\n' "$WORDS" >"$CLUSTER_WORK/job.sh"
    job=$(user_run sbatch --parsable -N2 --ntasks-per-node=2 -t2 -o out.log job.sh)
    for _ in $(seq 300); do [ -n "$(squeue --noheader --jobs="$job" 2>/dev/null)" ] || break; sleep 0.1; done
    cat "$CLUSTER_WORK/out.log"
    alike "$CLUSTER_WORK/out/completions_rank_2.jsonl"
    grep 'Idle: 3 stages and 4 ranks' "$CLUSTER_WORK/out/rank_3.log"
}

@test "two steps at the same time never meet" {
    # shellcheck disable=SC2016,SC2086 # the shell of the allocation
    user_run salloc -Q -N2 --ntasks-per-node=2 -t2 sh -c '
        srun -N2 -n2 --exact -c1 --mem=0 '"$WORDS"' --output-dir one & first=$!
        srun -N2 -n2 --exact -c1 --mem=0 '"$WORDS"' --output-dir two --split 3,1 && wait $first'
    alike "$CLUSTER_WORK/one/completions_rank_1.jsonl" "$CLUSTER_WORK/two/completions_rank_1.jsonl"
}

@test "a rank that is killed ends the step, and what was complete stays" {
    # shellcheck disable=SC2086
    user_background srun -N3 --ntasks-per-node=1 inferstep stage --model stage/model --prompts stage/prompts.jsonl \
        --max-new-tokens 1500 --ignore-eos --timeout 10 --output-dir out
    for _ in $(seq 200); do [ ! -s "$CLUSTER_WORK/out/completions_rank_2.jsonl" ] || break; sleep 0.1; done
    pid=$(pgrep -f 'inferstep [s]tage .*--timeout 10' | while read -r p; do
        ! tr '\0' '\n' <"/proc/$p/environ" 2>/dev/null | grep -qx SLURM_PROCID=1 || echo "$p"; done | head -n 1)
    kill -9 "$pid"
    code=0
    wait "$BACKGROUND_PID" || code=$?
    [ "$code" -ne 0 ]
    grep 'rank 0: error: rank 1 on node' "$BACKGROUND_LOG"
    grep 'rank 2: error: rank 1 on node' "$BACKGROUND_LOG"
    [ -s "$CLUSTER_WORK/out/completions_rank_2.jsonl" ]
    jq -e '.errors | length == 2' "$CLUSTER_WORK/out/metrics.json"
}
