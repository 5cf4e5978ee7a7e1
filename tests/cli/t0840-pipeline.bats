#!/usr/bin/env bats
# A model in stages answers as it does in one process: bit for bit, at any number of stages, groups, sequences and threads,
# in chunks of any length, over any transport.

# shellcheck disable=SC2154 # output is run's
bats_require_minimum_version 1.5.0
load ../lib/stage

setup_file() {
    stage_files
    cd "$STAGE_DIR" || return 1
    stage --local-debug --output-dir reference
}
teardown_file() { rm -rf "$STAGE_DIR"; }
setup() { cd "$BATS_TEST_TMPDIR" || return 1; }

# answers_alike RANKS OPTION…: as the reference does; the last of RANKS stages writes.
answers_alike() {
    rm -rf out
    stage -n "$1" --output-dir out "${@:2}" || { echo "failed: $*"; return 1; }
    same "$STAGE_DIR/reference/completions_rank_0.jsonl" "out/completions_rank_$(($1 - 1)).jsonl" || { echo "differs: $*"; return 1; }
}

@test "one, two, three and four stages answer alike, and so does an uneven split" {
    answers_alike 1
    answers_alike 2
    answers_alike 3 --split 1,2,1
    answers_alike 4
    answers_alike 2 --split 3,1
}

@test "groups, sequences of a group, and chunks of prompts change nothing" {
    answers_alike 1 --groups 3 --batch-size 4 --prefill-chunk 5
    answers_alike 2 --groups 1 --batch-size 3 --prefill-chunk 1
    answers_alike 2 --groups 4 --batch-size 7 --prefill-chunk 64
    answers_alike 4 --groups 2 --batch-size 2 --prefill-chunk 5
}

@test "every transport carries the same, and each edge is named in the log" {
    local transport
    for transport in shm tcp auto; do
        answers_alike 2 --transport "$transport" --batch-size 2
        grep 'Edge from rank 0 to rank 1: ' out/rank_0.log
        grep 'Edge from rank 1 to rank 0: ' out/rank_1.log
        [ "$transport" = auto ] || grep "Edge from rank 0 to rank 1: $transport" out/rank_0.log
    done
    grep 'Edge from rank 0 to rank 1: shm' out/rank_0.log
}

@test "UCX carries the same" {
    ldconfig -p | grep -q libucp || skip "no UCX on this machine"
    answers_alike 3 --transport ucx --prefill-chunk 5
    grep 'Edge from rank 1 to rank 2: ucx' out/rank_1.log
}

@test "threads change nothing, and computing without a cache neither" {
    THREADS=2 answers_alike 2 --batch-size 3
    answers_alike 2 --no-kv-cache --prefill-chunk 7 --batch-size 2
    answers_alike 1 --no-kv-cache
}

@test "eight and four bits, and drawn tokens, do not depend on stages either" {
    local options
    for options in "--precision int8" "--precision int4" "--temperature 0.9 --top-p 0.8 --seed 7" "--isa portable"; do
        rm -rf one two
        # shellcheck disable=SC2086 # several words
        stage --local-debug --output-dir one $options
        # shellcheck disable=SC2086
        stage -n 3 --output-dir two $options --batch-size 2 --prefill-chunk 5
        same one/completions_rank_0.jsonl two/completions_rank_2.jsonl
    done
    stage --local-debug --output-dir other --temperature 0.9 --top-p 0.8 --seed 8 --prompt-limit 20
    ! cmp -s other/completions_rank_0.jsonl one/completions_rank_0.jsonl || false
}

@test "a file's blocks stay as they are: the precision that has no effect is told, and not recorded" {
    /usr/bin/python3 "$INFERSTEP_TOP/tests/lib/make_llama.py" blocks --format gguf-q4_1 --layers 2 --hidden 64 --head-dim 32 --ffn 96 \
        --heads 2 --kv-heads 2
    export MODEL=blocks/model.gguf
    stage -n 2 --output-dir out --prompt-limit 2 --precision int8 2>errors
    [ "$(grep -c -- 'warning: --precision: int8 has no effect on matrices that are Q4_1 in blocks/model.gguf: they stay so (in memory: int4_min' errors)" -eq 1 ]
    jq -e '.settings.format == "int4_min" and .settings.precision == "int8" and .model.formats.int4_min >= 8' out/metrics.json
    grep 'Stage 0 is on .* GB of weights (int4_min)' out/rank_0.log
    stage --output-dir silent --prompt-limit 2 2>errors
    ! grep 'no effect' errors || false
    same out/completions_rank_1.jsonl silent/completions_rank_0.jsonl
    inferstep stage --model "$MODEL" --prompts "$STAGE_DIR/prompts.jsonl" --precision int4 --dry-run --json 2>errors |
        jq -e '.model.formats.int4_min >= 8 and (.notes | any(test("Q4_1")))'
    grep -- '--precision: int4 has no effect' errors
}

@test "a small real model answers alike in one, two and four stages" {
    local model
    model=$("$INFERSTEP_TOP/contrib/deps/smollm2.sh" 2>why) || skip "SmolLM2 cannot be had: $(tail -n 1 why)"
    MODEL=$model stage --local-debug --output-dir one --prompt-limit 3 --max-new-tokens 8
    MODEL=$model stage -n 2 --output-dir two --prompt-limit 3 --max-new-tokens 8 --batch-size 2 --prefill-chunk 7
    MODEL=$model stage -n 4 --output-dir four --prompt-limit 3 --max-new-tokens 8 --transport tcp
    [ "$(wc -l <one/completions_rank_0.jsonl)" -eq 3 ]
    same one/completions_rank_0.jsonl two/completions_rank_1.jsonl
    same one/completions_rank_0.jsonl four/completions_rank_3.jsonl
}

@test "prompts longer than a chunk, prompts of one variant, and ranks that are left over" {
    stage -n 3 --pipeline-size 2 --output-dir out --variant 4k --prompt-limit 4 --prefill-chunk 3
    [ "$(wc -l <out/completions_rank_1.jsonl)" -eq 4 ]
    grep -q '"prompt_index": *6\b' out/completions_rank_1.jsonl
    grep 'Idle: 2 stages and 3 ranks' out/rank_2.log
    [ ! -e out/completions_rank_2.jsonl ]
    [ ! -e out/completions_rank_0.jsonl ]
}

@test "the files have the original's names, keys and lines" {
    stage -n 2 --output_dir out
    /usr/bin/python3 - <<'END'
import json, re
rows = [json.loads(line) for line in open("out/completions_rank_1.jsonl")]
assert sorted(r["prompt_index"] for r in rows) == list(range(20))
for row in rows:
    assert list(row)[:6] == ["prompt_index", "prompt", "completion", "tokens_generated", "latency_s", "throughput_tok_s"], row
    assert row["completion"].startswith(row["prompt"]), row
    assert row["tokens_generated"] == len(row["tokens"]) <= 9 and row["latency_s"] > 0, row
head = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \[INFO\]\[rank=1\] "
log = open("out/rank_1.log").read()
assert len(re.findall(head + r"Prompt (\d+) done: (\d+) tokens in ([\d.]+)s \(([\d.]+) tok/s\)$", log, re.M)) == 20
assert re.search(head + r"Completed 20 prompts in [\d.]+s$", log, re.M)
assert re.search(head + r"Stage 1 loads 2 layers \(.*\) on device cpu", log, re.M)
assert re.search(head + r"Initialized torch\.distributed \(rank=1, world_size=2\)$", log, re.M)
END
}

@test "the numbers of all ranks add up" {
    stage -n 3 --output-dir out --batch-size 2 --json >bundle.json
    /usr/bin/python3 - <<'END'
import csv, json, subprocess
b = json.load(open("out/metrics.json"))
assert json.load(open("bundle.json")) == b
assert b["schema"] == "inferstep-stage/1" and b["errors"] == [] and len(b["ranks"]) == 3
rows = [json.loads(line) for line in open("out/completions_rank_2.jsonl")]
t = b["totals"]
assert t["prompts"] == t["completed"] == 20 and t["generated_tokens"] == sum(len(r["tokens"]) for r in rows)
assert t["itl_s"]["count"] == t["generated_tokens"] - 20 and t["ttft_s"]["count"] == 20
assert 0 < t["ttft_s"]["p50"] <= t["ttft_s"]["p90"] <= t["ttft_s"]["p99"] <= t["ttft_from_start_s"]["p99"] <= t["wall_s"]
assert abs(t["tokens_per_s"] * t["run_s"] - t["generated_tokens"]) < 1e-6
for r in b["ranks"]:
    assert r["prefill_rows"] == t["prompt_tokens"] and r["decode_rows"] == t["generated_tokens"] - 20, r
    assert abs(r["compute_s"] - r["prefill_s"] - r["decode_s"]) < 1e-9
    assert r["wall_s"] >= r["run_s"] >= r["compute_s"] + r["send_s"] + r["receive_wait_s"] > 0, r
    assert r["receive_wait_s"] >= r["bubble_s"] > 0 and 0 <= r["bubble_fraction"] <= 1
    assert r["wall_s"] >= r["load_s"] + r["run_s"] and r["io_s"] >= r["load_s"] > 0 and r["preprocess_s"] > 0
    assert r["memory_peak_bytes"] > r["weight_bytes"] + r["cache_bytes"] > 0 and r["bytes_sent"] > 0
    assert r["read_GBs"] > 0 and r["reference_read_GBs"] > 0
    times = list(csv.DictReader(open(f"out/rank_{r['rank']}.csv")))
    computed = sum(float(x["time"]) for x in times if x["function"] in ("prefill", "decode", "mixed"))
    assert abs(computed - r["compute_s"]) < 1e-6
assert b["ranks"][0]["bytes_sent"] > b["ranks"][2]["bytes_sent"]
assert b["settings"]["stages"] == b["settings"]["groups"] == 3 and sum(b["settings"]["split"]) == 4
table = list(csv.DictReader(open("out/metrics.csv")))
assert [r["rank"] for r in table] == ["0", "1", "2", "all"]
near = lambda text, value: abs(float(text) - value) <= 1e-9 * abs(value)
for row, rank in zip(table, b["ranks"]):
    for key in ("compute_s", "bytes_sent", "gpu_memory_bytes", "read_GBs", "errors"):
        assert near(row[key], rank[key]), key
    assert row["gpu_utilization"] == row["ttft_s_p50"] == row["tokens_per_s"] == "" and rank["gpu_utilization"] is None
for key in ("prompts", "completed", "generated_tokens", "tokens_per_s", "prompts_per_s", "wall_s", "bytes_sent"):
    assert near(table[3][key], t[key]), key
for times in ("ttft_s", "ttft_from_start_s", "tpot_s", "itl_s"):
    for of in ("mean", "p50", "p90", "p99"):
        assert near(table[3][f"{times}_{of}"], t[times][of]), (times, of)
assert table[3]["compute_s"] == table[3]["node"] == ""
cache = max(int("0" + subprocess.run(["getconf", f"LEVEL{n}_CACHE_SIZE"], stdout=-1, text=True).stdout.strip()) for n in (2, 3))
assert b["limits"]["read_cached"] == any(r["read_bytes"] < 2 * cache for r in b["ranks"])
END
}

@test "a reference is compared with: the same, a shortened one, and another precision" {
    local reference=$STAGE_DIR/reference/completions_rank_0.jsonl
    stage -n 2 --output-dir same --reference "$reference" --expect-identical >text
    grep '^20 of 20 prompts identical to ' text
    stage -n 2 --output-dir int4 --precision int4 --reference "$reference" --prefill-chunk 5 >text
    run -1 stage -n 2 --output-dir strict --precision int4 --reference "$reference" --expect-identical
    grep 'parts at position' text
    /usr/bin/python3 - <<'END'
import json, math
same = json.load(open("same/metrics.json"))["comparison"]
assert same["identical"] == same["prompts"] == 20 and same["token_agreement"] == 1 and same["first_divergence"] == []
assert math.isclose(same["perplexity"], same["reference_perplexity"], rel_tol=1e-9), same
c = json.load(open("int4/metrics.json"))["comparison"]
assert c["identical"] + len(c["first_divergence"]) == 20 and 0 < c["token_agreement"] < 1
assert c["perplexity"] > 1 and math.isclose(c["perplexity"] - c["reference_perplexity"], c["perplexity_delta"], abs_tol=1e-9)
ours = {r["prompt_index"]: r["tokens"] for r in map(json.loads, open("int4/completions_rank_1.jsonl"))}
theirs = {r["prompt_index"]: r["tokens"] for r in map(json.loads, open("same/completions_rank_1.jsonl"))}
for d in c["first_divergence"]:
    a, b, at = ours[d["prompt_index"]], theirs[d["prompt_index"]], d["position"]
    assert a[:at] == b[:at] and (a[at] if at < len(a) else -1) == d["token"] != d["reference_token"], d
END
}

@test "completions are never overwritten unasked" {
    stage --local-debug --output-dir out --prompt-limit 2
    run -1 stage --local-debug --output-dir out --prompt-limit 3
    [[ $output == *"out/completions_rank_0.jsonl exist already and are not overwritten"* ]]
    [ "$(wc -l <out/completions_rank_0.jsonl)" -eq 2 ]
    stage --local-debug --output-dir out --prompt-limit 3 --overwrite
    [ "$(wc -l <out/completions_rank_0.jsonl)" -eq 3 ]
    # nor left beside those of a run with another number of stages
    run -1 stage -n 2 --output-dir out --prompt-limit 2
    [[ $output == *"out/completions_rank_0.jsonl exist already and are not overwritten"* ]]
    [ ! -e out/completions_rank_1.jsonl ]
    touch out/completions_rank_x.jsonl out/completions_rank_12.jsonl
    stage -n 2 --output-dir out --prompt-limit 2 --overwrite
    [ "$(cd out && echo completions_*)" = "completions_rank_1.jsonl completions_rank_x.jsonl" ]
    [ "$(wc -l <out/completions_rank_1.jsonl)" -eq 2 ]
}

@test "a limit that the prompts do not reach is told once" {
    stage -n 2 --output-dir out --variant 4k --prompt-limit 11 2>said
    [ "$(grep -c "11 prompts are asked for, and .*/prompts.jsonl has 10 of variant 4k" said)" -eq 1 ]
    stage --local-debug --output-dir all --prompt-limit 20 2>said
    ! grep "asked for" said || false
}

@test "too many stages, and a split that does not fit, are told by every rank" {
    run -1 stage -n 5 --output-dir out
    [ "$(grep -c "error: the model has 4 layers" <<<"$output")" -eq 5 ]
    run -1 stage -n 2 --output-dir out --pipeline-size 3
    [[ $output == *"3 stages need 3 ranks, and the step has 2"* ]]
    run -1 stage -n 2 --output-dir out --split 1,2
    [[ $output == *"layers"* ]]
    run -2 stage -n 2 --output-dir out --split 1,2,1 --pipeline-size 2
    [[ $output == *split* ]]
}

@test "ranks that disagree say which setting differs, and both values" {
    local words='exec inferstep stage --model "$STAGE_DIR/model" --prompts "$STAGE_DIR/prompts.jsonl" --output-dir out'
    run -1 timeout -k 5 60 inferstep run --tasks 3 -- bash -c "$words"' --batch-size $((INFER_RANK / 2 + 1))'
    [ "$(grep -c "error: rank 2 on node .* has batch_size 2, and rank 0 on node .* has 1" <<<"$output")" -eq 3 ]
    run -1 timeout -k 5 60 inferstep run --tasks 2 -- bash -c "$words"' --prompt-limit $((5 + INFER_RANK))'
    [[ $output == *"has prompts 6 prompts ("*", and rank 0 on node "*" has 5 prompts ("* ]]
    run -1 timeout -k 5 60 inferstep run --tasks 2 -- bash -c "[ \$INFER_RANK = 0 ] || STAGE_DIR=/nowhere; $words"
    [[ $output == *"rank 1"*"/nowhere"* ]]
}

@test "a rank that cannot begin tells the others why, who do not wait for it" {
    local words='exec inferstep stage --model "$STAGE_DIR/model" --prompts "$STAGE_DIR/prompts.jsonl" --timeout 50' odd
    touch file
    for odd in "--output-dir out --no-such-option" "--output-dir out --batch-size x" "--output-dir file/out"; do
        run timeout -k 5 20 inferstep run --tasks 3 -- bash -c "[ \$INFER_RANK != 1 ] || set -- $odd
            [ \$# -gt 0 ] || set -- --output-dir out; $words \"\$@\"" rank
        [ "$status" -ne 0 ] && [ "$status" -ne 124 ]
        [ "$(grep -cE 'rank [02]: error: rank 1 on node .* gave up: .*(no-such-option|batch-size|file)' <<<"$output")" -eq 2 ]
    done
    run -2 timeout -k 5 20 inferstep run --tasks 3 -- inferstep stage --no-such-option
    [ "$(grep -c 'error: The following argument was not expected: --no-such-option' <<<"$output")" -eq 3 ]
}

@test "a weight that is no number ends the run, and no prompt counts as complete" {
    cp -r "$STAGE_DIR/model" bad
    /usr/bin/python3 - bad/model.safetensors <<'END'
import json, struct, sys
with open(sys.argv[1], "r+b") as f:
    size = struct.unpack("<Q", f.read(8))[0]
    entry = json.loads(f.read(size))["model.norm.weight"]
    kind = entry["dtype"]
    f.seek(8 + size + entry["data_offsets"][0])
    f.write({"F32": b"\0\0\xc0\x7f", "BF16": b"\xc0\x7f", "F16": b"\0\x7e"}[kind])
END
    MODEL=$PWD/bad run -1 stage -n 2 --output-dir out --precision bf16
    [[ $output == *"rank 1: error: prompt "*": the logits for position "*" are not finite numbers"* ]]
    [[ $output == *"rank 0: error: rank 1 on node "*"not finite"* ]]
    [ ! -s out/completions_rank_1.jsonl ]
}

@test "NCCL without GPUs, and more sequences than can be, are refused" {
    run -1 stage -n 2 --output-dir out --transport nccl --device cpu
    [[ $output == *"--transport=nccl joins GPUs, and rank 0 on node "*" computes on its CPUs"* ]]
    run -1 stage -n 2 --output-dir out --groups 65536 --batch-size 65536
    [[ $output == *"65536 groups of 65536 sequences are more than the 1048576"* ]]
}

@test "a reference that lacks prompts is not identical" {
    head -n 3 "$STAGE_DIR/reference/completions_rank_0.jsonl" >short.jsonl
    stage --local-debug --output-dir out --reference short.jsonl >text
    grep '^3 of 3 prompts identical to ' text
    grep 'the reference has no tokens of 17 prompts' text
    run -1 stage -n 2 --output-dir strict --reference short.jsonl --expect-identical
}

@test "threads keep to NUMA nodes where there are several, are named in the log, and change nothing" {
    taskset -cp 0,1 "$BASHPID" && [ "$(nproc)" = 2 ] || skip "CPUs 0 and 1 are not ours"
    local machines=$INFERSTEP_TOP/tests/topo
    HWLOC_XMLFILE=$machines/2socket-odd-even.xml THREADS=4 answers_alike 1 --batch-size 3
    grep -E 'Stage 0 is on cpu [a-z0-9]+, 4 threads on NUMA nodes 0 \(2\), 1 \(2\): ' out/rank_0.log
    HWLOC_XMLFILE=$machines/2socket-odd-even.xml THREADS=1 answers_alike 2
    grep '1 thread on NUMA node 0 (1): ' out/rank_0.log
    grep '1 thread on NUMA node 1 (1): ' out/rank_1.log
    HWLOC_XMLFILE=$machines/1socket.xml THREADS=2 answers_alike 1
    grep -E 'Stage 0 is on cpu [a-z0-9]+, 2 threads: ' out/rank_0.log
}
