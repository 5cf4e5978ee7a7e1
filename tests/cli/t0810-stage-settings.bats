#!/usr/bin/env bats
# inferstep stage: where its settings come from, what is wrong with them or with the prompts, and the files that it leaves.

load ../lib/step

setup_file() {
    export LLAMA=$BATS_FILE_TMPDIR/llama
    /usr/bin/python3 "$INFERSTEP_TOP/tests/lib/make_llama.py" "$LLAMA" >/dev/null
}
setup() {
    work=$(mktemp -d)
    cd "$work" || return 1
    unset "${!INFER_@}" "${!SLURM_@}" "${!PROFILER@}" EXPERIMENT_ROOT EXP_CONFIG_PATH DS_CONFIG_PATH OUTPUT_DIR PROMPT_LIMIT BATCH_SIZE \
        PIPELINE_SIZE NUM_NODES
    cat >prompts.jsonl <<'J'
{"id": "a", "variant": "2k", "prompt": "first", "token_budget": 2000}

{"id": "b", "variant": "4k", "prompt": "the second one"}
{"prompt": "third"}
{"id": "d", "variant": "2k", "prompt": "fourth"}
J
}
teardown() { cd / && rm -rf "$work"; }

plan() { inferstep stage --model="$LLAMA" --prompts=prompts.jsonl --dry-run --json "$@"; }
# What a plan says: says EXPRESSION [OPTION…], of p (the plan) and s (a setting's value and where it comes from, by name)
says() {
    plan "${@:2}" >plan.json 2>notes </dev/null || { cat notes; return 1; }
    python3 -c 'import json, sys
p = json.load(open("plan.json"))
s = {x["name"]: (x["value"], x["where"]) for x in p["settings"]}
assert eval(sys.argv[1]), (sys.argv[1], s, p["notes"], p["stages"])' "$1"
}
# A call that fails: refuses CODE MESSAGE [OPTION…]
refuses() {
    run plan "${@:3}"
    [ "$status" = "$1" ] && [[ $output == *"$2"* ]] || { echo "$status: $output"; return 1; }
}

@test "an option goes before the environment, that before ds_config, that before exp_config, that before the default" {
    says 's["batch-size"] == ("1", "default") and s["pipeline-size"] == ("auto", "default")'
    cat >exp_config.json <<'J'
{"inference": {"batch_size": 2,
               "temperature": 0.5},
 "parallelism": {"pipeline_parallel_size": 3}}
J
    says 's["batch-size"] == ("2", "exp_config.json, line 1: inference.batch_size") and s["exp-config"] == ("exp_config.json", "default")'
    says 's["pipeline-size"] == ("3", "exp_config.json, line 3: parallelism.pipeline_parallel_size") and len(p["stages"]) == 3'
    says 's["temperature"] == ("0.5", "exp_config.json, line 2: inference.temperature")'
    echo '{"distributed_training": {"pipeline_parallel_size": 4}}' >ds.json
    says 's["pipeline-size"] == ("4", "ds.json, line 1: distributed_training.pipeline_parallel_size")' --ds-config=ds.json
    NUM_NODES=2 says 's["pipeline-size"] == ("2", "NUM_NODES")' --ds-config=ds.json
    NUM_NODES=2 PIPELINE_SIZE=1 says 's["pipeline-size"] == ("1", "PIPELINE_SIZE")' --ds-config=ds.json
    says 's["pipeline-size"] == ("1", "--local-debug") and len(p["stages"]) == 1 and p["notes"] == []' --ds-config=ds.json --local-debug
    says '"--pipeline-size has no effect" in p["notes"][0]' --local-debug --pipeline-size=2
    PIPELINE_SIZE=1 says 's["pipeline-size"] == ("2", "--pipeline-size") and len(p["stages"]) == 2' --pipeline-size=2
    BATCH_SIZE=5 says 's["batch-size"] == ("5", "BATCH_SIZE")'
    BATCH_SIZE=5 says 's["batch-size"] == ("6", "--batch-size")' --batch-size=6
    BATCH_SIZE='' says 's["batch-size"][0] == "2"'
    PROMPT_LIMIT=2 says 's["limit"] == ("2", "PROMPT_LIMIT") and len(p["prompts"]) == 2'
    OUTPUT_DIR=there says 's["output-dir"] == ("there", "OUTPUT_DIR")'
}

@test "configuration files are found by option, by variable, in EXPERIMENT_ROOT and here" {
    mkdir root
    echo '{"seed": 7}' >root/exp_config.json
    echo '{"seed": 8}' >other.json
    EXPERIMENT_ROOT=root says 's["seed"] == ("7", "root/exp_config.json, line 1: seed") and s["output-dir"][0] == "root/outputs/JOB.STEP"'
    EXPERIMENT_ROOT=root EXP_CONFIG_PATH=other.json says 's["seed"][0] == "8" and s["exp-config"] == ("other.json", "EXP_CONFIG_PATH")'
    EXP_CONFIG_PATH=other.json says 's["seed"][0] == "7" and s["exp-config"][1] == "--exp-config"' --exp_config root/exp_config.json
    says 's["seed"] == ("42", "default") and s["exp-config"] == ("none", "default")'
    # Without any there is nothing to run, and that is said.
    run inferstep stage --prompts=prompts.jsonl
    [ "$status" = 2 ] && [[ $output == *"no model is named"*"model.model_path"* ]]
    run inferstep stage --model="$LLAMA"
    [ "$status" = 2 ] && [[ $output == *"no file of prompts is named"* ]]
}

@test "underscores are hyphens in every option, and nothing is given twice" {
    inferstep stage --help | sed -nE 's/^  (--[^ ]+).*/\1/p' | tr , '\n' | sed 's/{.*//; s/^--//' >options
    [ "$(wc -l <options)" -gt 30 ]
    while read -r option; do
        run inferstep stage "--${option//-/_}=1" --zzz
        [[ $output == *"not expected: --zzz"* ]] || { echo "$option: $output"; return 1; }
    done <options
    says 's["limit"][0] == "1" and s["batch-size"][0] == "3" and s["kv-cache"] == ("no", "--kv-cache") and s["local-debug"][0] == "yes"' \
        --prompt_limit 1 --batch_size=3 --no_kv_cache --local_debug
    says 's["batch-size"][0] == "4"' --batch-size=3 --batch-size=4
    refuses 2 "--batch-size is given twice, once with underscores" --batch_size=3 --batch-size=3
}

@test "keys without effect are named: unknown ones with the nearest, DeepSpeed's, sizes other than 1" {
    cat >exp_config.json <<'J'
{
  "model": {"tokeniser_path": "x", "precision": "float16"},
  "inference": {"max_tokens": 5},
  "parallelism": {"tensor_parallel_size": 2, "data_parallel_size": 1},
  "colour": "blue"
}
J
    echo '{"train_batch_size": 1, "bf16": {"enabled": true}, "distributed_training": {"data_parallel_size": 4}, "pipelin": 1}' >ds_config.json
    inferstep stage --model="$LLAMA" --prompts=prompts.jsonl --dry-run >/dev/null 2>notes
    diff - notes <<'N'
inferstep: warning: exp_config.json, line 2: model.precision: float16 means bf16 here, in which weights of 16 and 32 bits are kept
inferstep: warning: exp_config.json, line 2: model.tokeniser_path is not known, and ignored; did you mean model.tokenizer_path?
inferstep: warning: exp_config.json, line 3: inference.max_tokens is not known, and ignored; did you mean inference.max_new_tokens?
inferstep: warning: exp_config.json, line 4: parallelism.tensor_parallel_size: 2 has no effect: layers are divided among stages, and not within themselves, so it is taken for 1
inferstep: warning: exp_config.json, line 5: colour is not known, and ignored
inferstep: warning: ds_config.json, line 1: distributed_training.data_parallel_size: 4 has no effect: there is one pipeline, which takes many prompts at once, so it is taken for 1
inferstep: warning: ds_config.json, line 1: pipelin is not known, and ignored
inferstep: warning: ds_config.json has keys that are DeepSpeed's and ignored here: train_batch_size, bf16
N
}

@test "sizes that can only be 1 may be given as options, and say the same" {
    inferstep stage --model="$LLAMA" --prompts=prompts.jsonl --dry-run --tensor_parallel_size 2 --data-parallel-size=4 >/dev/null 2>notes
    diff - notes <<'N'
inferstep: warning: --tensor-parallel-size: 2 has no effect: layers are divided among stages, and not within themselves, so it is taken for 1
inferstep: warning: --data-parallel-size: 4 has no effect: there is one pipeline, which takes many prompts at once, so it is taken for 1
N
    inferstep stage --model="$LLAMA" --prompts=prompts.jsonl --dry-run --tensor-parallel-size=1 --data_parallel_size 1 >/dev/null 2>notes
    diff /dev/null notes
}

@test "a wrong value is told with its option, its variable, or its file, line and key" {
    refuses 2 "--batch-size: 'x' is not a whole number; give 1 to 65536" --batch-size=x
    refuses 2 "--precision: 'int9' is not one of bf16, int8, int4" --precision=int9
    refuses 2 "--top-p: a number above 0 and up to 1 is right" --top-p=0
    refuses 2 "--temperature: 'nan' is no number" --temperature=nan
    refuses 2 "--split: '' is not a whole number" --split=1,
    refuses 2 "--split gives the layers of 2 stages and --pipeline-size asks for 3" --split=1,1 --pipeline-size=3
    refuses 2 "--expect-identical goes with --reference" --expect-identical
    BATCH_SIZE=0 refuses 2 "BATCH_SIZE: 0 is out of range; give 1 to 65536"
    for wrong in '"batch_size": 0|inference.batch_size: 0 is out of range' '"batch_size": [1]x|is not valid' \
        '"batch_size": {"a": 1}|inference.batch_size: ' '"temperature": "hot"|inference.temperature: '; do
        printf '{"inference":\n {%s}}\n' "${wrong%|*}" >exp_config.json
        run plan
        [ "$status" = 2 ] && [[ $output == *"exp_config.json"*"line 2"* ]] || { echo "$wrong: $status $output"; return 1; }
    done
    echo '{"inference": 5}' >exp_config.json
    refuses 2 "exp_config.json, line 1: inference: a section in braces is right"
    echo '[1]' >exp_config.json
    refuses 2 "exp_config.json, line 1: a configuration in braces is right"
    refuses 2 "nowhere.json" --exp-config=nowhere.json
    rm exp_config.json
    refuses 1 "nowhere" --model=nowhere
    refuses 1 "5" --pipeline-size=5
    refuses 1 "layers" --split=1,1
}

@test "prompts: a variant, a limit; each keeps its index, and blank lines have none" {
    says '[(x["prompt_index"], x["id"]) for x in p["prompts"]] == [(0, "a"), (1, "b"), (2, ""), (3, "d")]'
    says '[x["prompt_index"] for x in p["prompts"]] == [0, 3]' --variant=2k
    says '[x["prompt_index"] for x in p["prompts"]] == [0]' --variant=2k --limit=1
    says '[x["decoded"] for x in p["prompts"]] == ["first", "the second one", "third", "fourth"]'
    refuses 1 "prompts.jsonl has no prompt of variant 4l" --variant=4l
    [[ $output == *"did you mean 4k?"* ]]
    says 'len(p["prompts"]) == 4' --prompts=<(cat prompts.jsonl)
}

@test "a bad line of the prompts is told with the file and its number" {
    local wrong
    for wrong in 'word|is not one JSON object' '{"prompt": "x"|is not one JSON object' '{"prompt": "x"} {}|is not one JSON object' \
        '["x"]|is not one JSON object' '{"id": "x"}|has no "prompt"' '{"prompt": 5}|"prompt" is not a text' \
        '{"prompt": ""}|"prompt" is empty' '{"prompt": "a\u0000b"}|has a NUL character' '{"prompt": "\xff"}|is no UTF-8: byte 13 is 0xff'; do
        printf '{"prompt": "good"}\n\n%b\n' "$(sed 's/\\u/\\\\u/' <<<"${wrong%|*}")" >prompts.jsonl
        refuses 1 "prompts.jsonl, line 3" || { echo "$wrong"; return 1; }
        [[ $output == *"${wrong#*|}"* ]] || { echo "$wrong: $output"; return 1; }
    done
    printf '%s' '{"prompt": "a\\u0000 is no NUL"}' >prompts.jsonl
    says 'p["prompts"][0]["decoded"] == "a\\u0000 is no NUL"'
    printf '\xef\xbb\xbf%s\n' '{"prompt": "behind a byte order mark"}' >prompts.jsonl
    says 'p["prompts"][0]["decoded"] == "behind a byte order mark"'
    head -c 17000000 /dev/zero | tr '\0' x >prompts.jsonl
    refuses 1 "prompts.jsonl, line 1 is longer than 16 MiB"
    printf '\n\n' >prompts.jsonl
    refuses 1 "prompts.jsonl has no prompts"
    refuses 1 "/dev/zero is a device" --prompts=/dev/zero
    refuses 1 "nowhere.jsonl" --prompts=nowhere.jsonl
    refuses 1 "$work" --prompts="$work"
    python3 -c 'import json; print(json.dumps({"prompt": "word " * 1000}))' >prompts.jsonl
    run plan
    [ "$status" = 1 ] && [[ $output =~ "prompts.jsonl, line 1: the prompt has "[0-9]+" tokens, and the model's context is 512" ]]
}

@test "the tokens of a set of prompts are kept for the next run, unless --override says no" {
    stage() { inferstep stage --local-debug --model="$LLAMA" --prompts=prompts.jsonl --max-new-tokens=2 --output-dir=out --overwrite "$@" >text; }
    stage
    set=$(echo out/tokenized/*.jsonl)
    [ "$(wc -l <"$set")" = 4 ]
    plan | python3 -c 'import json, sys
kept = [json.loads(line) for line in open(sys.argv[1])]
assert kept == [{k: p[k] for k in ("prompt_index", "tokens")} for p in json.load(sys.stdin)["prompts"]], kept' "$set"
    # What is kept is taken: other tokens in it show.
    cp out/completions_rank_0.jsonl first.jsonl
    sed -i '4s/\[1, [0-9]*/[1, 400, 401/' "$set"
    tokens() { python3 -c 'import json, sys; print([json.loads(line)["tokens"] for line in open(sys.argv[1])])' "$1"; }
    cp "$set" changed
    stage --no-override
    cmp changed "$set"
    grep -q "prompts taken from the tokenized set" out/rank_0.log
    stage --override
    no cmp -s changed "$set"
    [ "$(tokens out/completions_rank_0.jsonl)" = "$(tokens first.jsonl)" ]
    # What is damaged, or of other prompts, is made anew.
    head -c 40 "$set" >short && mv short "$set"
    stage
    [ "$(wc -l <"$set")" = 4 ]
    echo '{"prompt": "fifth"}' >>prompts.jsonl
    stage
    [ "$(ls out/tokenized | wc -l)" = 2 ]
}

@test "completions and logs have distributed-inference's form, and completions are not overwritten" {
    stage() { inferstep stage --local-debug --model="$LLAMA" --prompts=prompts.jsonl --max-new-tokens=3 "$@"; }
    stage --output_dir=out
    python3 - out <<'P'
import json, re, sys
lines = [json.loads(line) for line in open(f"{sys.argv[1]}/completions_rank_0.jsonl")]
prompts = [json.loads(line) for line in open("prompts.jsonl") if line.strip()]
assert sorted(line["prompt_index"] for line in lines) == [0, 1, 2, 3]
for line in lines:
    assert list(line)[:6] == ["prompt_index", "prompt", "completion", "tokens_generated", "latency_s", "throughput_tok_s"]
    prompt = prompts[line["prompt_index"]]
    assert line["prompt"] == prompt["prompt"] and line["completion"].startswith(prompt["prompt"]), line
    assert line["id"] == prompt.get("id", "") and line["tokens_generated"] == len(line["tokens"]) <= 3
    assert line["finish"] in ("eos", "length") and line["log_probability"] < 0 and 0 < line["ttft_s"] <= line["latency_s"]
log = open(f"{sys.argv[1]}/rank_0.log").read().splitlines()
form = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \[(INFO|WARNING|ERROR)\]\[rank=0\] ")
assert all(form.match(line) for line in log[:-1]), log
assert sum(bool(re.search(r"\] Prompt \d+ done: \d+ tokens in \d+\.\d\ds \(\d+\.\d\d tok/s\)$", line)) for line in log) == 4
assert sum(bool(re.search(r"\] Completed 4 prompts in \d+\.\d\ds$", line)) for line in log) == 1
assert sum(bool(re.search(r"\] Stage 0 loads 4 layers \(.*\) on device cpu", line)) for line in log) == 1
assert json.loads(log[-1])["rank"] == 0
P
    cp out/completions_rank_0.jsonl kept
    run stage --output_dir=out
    [ "$status" = 1 ] && [[ $output == *"out/completions_rank_0.jsonl exist already and are not overwritten"*"--overwrite"* ]]
    cmp kept out/completions_rank_0.jsonl
    stage --output_dir=out --overwrite --limit=1
    [ "$(wc -l <out/completions_rank_0.jsonl)" = 1 ]
    # Without a name for them the records of each run lie in a folder of their own.
    stage
    ls outputs/local.*/completions_rank_0.jsonl
}

@test "PROFILER starts each rank under perf or nsys, and what is missing or fails does not stop the run" {
    stage() { PATH=$work/bin:$PATH inferstep stage --local-debug --model="$LLAMA" --prompts=prompts.jsonl --max-new-tokens=2 "$@"; }
    mkdir bin
    cat >bin/perf <<'S'
#!/bin/bash
# As perf has it: stat OPTION… -- COMMAND…
for word; do
    shift
    case $word in
        --output=*) echo counters >"${word#*=}" ;;
        --) break ;;
    esac
done
exec "$@"
S
    sed 's/ --) break/ profile | --force*) ;; *) set -- "$word" "$@"; break/; s/=counters/.nsys-rep/; s/"${word#\*=}"/"${word#*=}.nsys-rep"/; 3i [ "$1" != --version ] || exit 0' bin/perf >bin/nsys
    chmod +x bin/*
    PROFILER=perf stage --output-dir=perf
    [ "$(cat perf/perf_rank_0.txt)" = counters ] && [ "$(wc -l <perf/completions_rank_0.jsonl)" = 4 ]
    stage --profiler=nsys --output-dir=nsys
    ls nsys/nsys_rank_0.nsys-rep && [ "$(wc -l <nsys/completions_rank_0.jsonl)" = 4 ]
    # The records lie beside each other where the folder is named after the process, too.
    PROFILER=perf stage
    ls outputs/local.*/perf_rank_0.txt
    [ "$(echo outputs/local.*/rank_0.log)" = "$(echo outputs/local.*)/rank_0.log" ]
    printf '#!/bin/sh\nexit 5\n' >bin/perf
    PROFILER=perf stage --output-dir=failing 2>err
    grep -qx "inferstep: warning: perf cannot be used, the run goes on without it: it ends with exit code 5" err
    [ "$(wc -l <failing/completions_rank_0.jsonl)" = 4 ]
    PROFILER=vtune refuses 2 "PROFILER: 'vtune' is not one of none, nsys, perf"
}

@test "the page has every option and every key, its example of a configuration is understood, and so are those in etc" {
    local page=$INFERSTEP_TOP/man/inferstep-stage.1
    mandoc -Tlint -Wwarning "$page"
    inferstep stage --help | sed -nE 's/^  (-[^ ]+).*/\1/p' | tr , '\n' | sed 's/{.*//' | grep '^--' | grep -vx -- --help | sort >help
    sed -nE '/^\.It Fl /{s/^\.It //;s/ , /\n/g;p}' "$page" | sed -nE 's/^Fl (-[a-z-]+).*/-\1/p' | sort >page
    diff page help
    # Each key is known: a file with all of them gets no complaint.
    sed -n '/^\.Sh CONFIG/,/^\.Sh ENV/s/^\.It Li \([a-z_.]*\) Ta .*/\1/p' "$page" >keys
    [ "$(wc -l <keys)" -ge 30 ]
    python3 - <<'P'
import json
for name, of in (("exp_config.json", lambda k: not k.startswith("distributed")), ("ds_config.json", lambda k: k.startswith("distributed"))):
    tree = {}
    for key in filter(of, open("keys").read().split()):
        parts = key.split(".")
        (tree.setdefault(parts[0], {}) if len(parts) == 2 else tree)[parts[-1]] = None
    json.dump(tree, open(name, "w"))
P
    says 'p["notes"] == []'
    [ ! -s notes ]
    sed -n '/^An$/,/^\.Ed/p' "$page" | sed '1,/^\.Bd/d; /^\.Ed/d' >exp_config.json
    says 'p["notes"] == [] and s["max-new-tokens"][0] == "256" and len(p["stages"]) == 2'
    cp "$INFERSTEP_TOP"/etc/stage/* .
    says 'p["notes"] == [] and len(p["prompts"]) == 14 and len(p["stages"]) == 2' --variant=2k --tokenizer="$LLAMA"
    [ "$(wc -l <prompts.jsonl)" = 20 ]
}

@test "the page's examples run" {
    srun() { while [[ $1 == -* ]]; do shift; done; inferstep run -n 2 -- "$@" --pipeline-size=2; }
    cp "$INFERSTEP_TOP"/etc/stage/*.json .
    mkdir -p models
    ln -s "$LLAMA" models/open_llama_3b_v2
    sed -i 's/256/4/' exp_config.json
    sed -n '/^\.Sh EXAMPLES/,/^\.Sh DIAG/s/^\.Dl \$ //p' "$INFERSTEP_TOP/man/inferstep-stage.1" >examples
    [ "$(wc -l <examples)" = 6 ]
    while read -r line; do
        echo "$line"
        eval "$line" >out 2>err </dev/null || { cat out err; return 1; }
    done <examples
    [ "$(wc -l <int8/completions_rank_0.jsonl)" = 2 ]
}
