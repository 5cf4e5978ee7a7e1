#!/usr/bin/env bats
# The experiments with inferstep stage: what their flags become, what is refused before anything runs, and one of them run on a
# tiny model, with its report.

bats_require_minimum_version 1.5.0

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    /usr/bin/python3 "$INFERSTEP_TOP/tests/lib/make_llama.py" tiny --layers 4 >/dev/null
    for i in {1..21}; do echo "{\"id\": \"p$i\", \"prompt\": \"The number $i of the nodes\"}"; done >prompts.jsonl
}
setup() {
    cd "$BATS_FILE_TMPDIR" || return 1
    unset "${!SLURM_@}" "${!INFER_@}"
    INPUTS=(--model=tiny --prompts=prompts.jsonl)
}

plan() { inferstep sweep "pipeline-$1" --dry-run --json --launcher=slurm "${INPUTS[@]}" "${@:2}"; }
# Of each combination once: parameters, then nodes and tasks.
points() { jq -r '.plan | unique_by(.parameters) | sort_by(.parameters.stages)[] | [(.parameters | to_entries | map("\(.key)=\(.value)") | join(" ")), .nodes, .tasks_per_node] | @tsv'; }
refused() { # words of the message, command…
    run --separate-stderr "${@:2}"
    echo "$stderr"
    [ "$status" = 2 ] && [ -z "$output" ] && [[ $stderr == *"error: $1"* ]]
}

@test "strong and weak scaling: a task for each stage, nodes by the stages of a node" {
    [ "$(plan strong | points)" = "stages=1 nodes=1 stages_per_node=1	1	1
stages=2 nodes=2 stages_per_node=1	2	1
stages=4 nodes=4 stages_per_node=1	4	1" ]
    [ "$(plan strong --nodes=1,2 --stages_per_node=2 | points)" = "stages=2 nodes=1 stages_per_node=2	1	2
stages=4 nodes=2 stages_per_node=2	2	2" ]
    [ "$(plan weak --stages=1,3 --prompts_per_stage=7 --launcher=local | points)" = "stages=1 nodes=1 stages_per_node=1 prompts=7	1	1
stages=3 nodes=1 stages_per_node=3 prompts=21	1	3" ]
    plan weak --stages=1,3 --prompts_per_stage=7 | jq -e 'all(.plan[]; .command | index("--limit=" + "7") or index("--limit=21"))'
    [ "$(plan strong --stage_options='--variant "2 k" --ignore-eos' | jq -c '.plan[0].command[2:7]')" = '["--model=tiny","--prompts=prompts.jsonl","--variant","2 k","--ignore-eos"]' ]
    [ "$(plan strong --stage_options='[--variant=2 k,--ignore-eos]' | jq -c '.plan[0].command[4:6]')" = '["--variant=2 k","--ignore-eos"]' ]
    [ "$(plan strong | jq '.plan | length')" = 12 ] # three, each with a warm-up and three repeats
}

@test "batch sizes, the ladder of optimizations, and splits" {
    [ "$(plan batch --batch_sizes=1,16 | jq -r '[.plan[].command[] | select(startswith("--batch-size"))] | unique | join(" ")')" = "--batch-size=1 --batch-size=16" ]
    plan optimization | jq -r '.plan | unique_by(.parameters) | sort_by(.point)[] | .parameters | [.change, .kv_cache, .groups, .precision] | join("|")' | sort >ladder
    diff ladder - <<'END'
KV cache|yes|1|bf16
baseline|no|1|bf16
groups in flight|yes|0|bf16
int4 weights|yes|0|int4
int8 weights|yes|0|int8
END
    /usr/bin/python3 "$INFERSTEP_TOP/tests/lib/make_llama.py" blocks --format gguf-q8_0 --layers 2 --hidden 64 --head-dim 32 --ffn 96 \
        --heads 2 --kv-heads 2 >/dev/null
    plan optimization --model=blocks/model.gguf 2>notes | jq -e '[.plan[].parameters | [.change, .precision]] | unique ==
        [["KV cache", "int8"], ["baseline", "int8"], ["groups in flight", "int8"]]'
    grep 'int8, int4: left out, because the weights of blocks/model.gguf are quantized in its file and stay int8' notes
    [ "$(plan partitions | jq -r '[.plan[].parameters.split] | unique | join(" ")')" = "1,3 2,2 3,1" ]
    [ "$(plan partitions --stages=3 --splits=2+1+1,1+1+2 | jq -r '[.plan[].parameters.split] | unique | join(" ")')" = "1,1,2 2,1,1" ]
}

@test "mistakes are one sentence" {
    refused "--splits: 3+2 has 5 layers, and the model has 4" plan partitions --splits=3+2
    refused "--stages=5: the model has 4 layers" plan partitions --stages=5
    refused "--stages=3: with --stages_per_node=2 a multiple of that is right" plan strong --stages=3 --stages_per_node=2
    refused "--nodes and --stages: one of the two" plan strong --stages=3 --nodes=2
    refused "--nodes=2: without Slurm there is one node" inferstep sweep pipeline-strong --launcher=local --nodes=2 "${INPUTS[@]}"
    refused "4 stages with 6 prompts each need 24, and prompts.jsonl has 21" plan weak --prompts_per_stage=6
    [[ $stderr == *"hint: --prompts_per_stage=5 is what they suffice for"* ]]
    jq -c '.variant = if .id == "p1" then "4k" else "2k" end' prompts.jsonl >variants.jsonl
    refused "4 stages with 5 prompts each need 20, and variants.jsonl has 1 of variant 4k" plan weak --prompts=variants.jsonl --stage_options='--variant 4k'
    [[ $stderr == *"hint: fewer --stages are right, or more prompts"* ]]
    plan weak --prompts=variants.jsonl --stage_options=--variant=2k >/dev/null
    plan weak --prompts="$INFERSTEP_TOP/etc/stage/prompts.jsonl" >/dev/null # the shipped ones suffice for the shipped defaults
    refused "--batch_size: there is no such flag" plan batch --batch_size=2
    refused '--stage_options: ' plan strong --stage_options='--variant "2k'
    refused "no model is named" inferstep sweep pipeline-strong --launcher=local --dry-run
    SLURM_JOB_ID=7 SLURM_JOB_NODELIST=n1,n2 refused "4 stages need 4 nodes, and the allocation 7 has 2" plan strong --launcher=auto
}

@test "the manual page has every flag" {
    for kind in strong weak batch optimization partitions; do
        for flag in $(inferstep sweep pipeline-$kind --help | sed -n 's/^  --\([a-z_]*\)=.*/\1/p'); do
            grep -qE "^\.(It|Li|It Li) .*\b$flag\b" "$INFERSTEP_TOP/man/inferstep-sweep.1" || { echo "$kind: $flag"; return 1; }
        done
    done
}

@test "partitions of a tiny model, from the sweep to the paper: all points equal the reference, all numbers their bundles" {
    inferstep sweep pipeline-partitions --launcher=local "${INPUTS[@]}" --splits=1+3,2+2 --prompt_limit=4 --max_new_tokens=6 --threads=1 \
        --repeats=2 --warmups=0 >run 2>progress || { cat progress; return 1; }
    run=$(cat run)
    for point in "$run"/points/p*/point.json; do
        jq -e '.state == "done" and ([.metrics[] | select(.name == "identical" or .name == "compared").value] == [4, 4])' "$point" >/dev/null ||
            { jq '{state, why, metrics}' "$point"; return 1; }
    done
    inferstep report -o report --no-plots --reference "$run/reference/completions_rank_0.jsonl" "$run" >tables
    [ "$(grep -c '4/4 identical  4/4 identical' tables)" = 2 ]
    inferstep report --paper paper.md --no-plots "$run"
    grep -q '^| Partitions | first\\_layers 1 | 4/4 identical |$' paper.md
    grep -q '^- Strong scaling: not run' paper.md
    /usr/bin/python3 "$INFERSTEP_TOP/tests/lib/check_stages.py" report/report.json report/stages.csv "$run"
}
