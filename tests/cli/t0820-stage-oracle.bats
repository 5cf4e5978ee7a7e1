#!/usr/bin/env bats
# What `inferstep stage` computes against transformers, which read the same files by themselves. The bounds are twice of what
# was measured: of bf16 weights 0.4 to 0.65 % of the logits' RMS (transformers' own bfloat16 is off by 0.9 to 1.2 %), with
# activations of 8 bits 1.5 %.

LIB=$BATS_TEST_DIRNAME/../lib
DEPS=$BATS_TEST_DIRNAME/../../contrib/deps

# NAME MODEL [OPTION…]: completions and logits, and a line for the oracle; EXTRA is JSON to add
compute() {
    local name=$1 model=$2
    shift 2
    inferstep stage --local-debug --model "$model" --prompts prompts.jsonl --output-dir "out_$name" --max-new-tokens 16 \
        --ignore-eos "$@" >"log_$name" 2>&1 &&
        inferstep stage --model "$model" --prompts prompts.jsonl --logits "logits_$name" "$@" >>"log_$name" 2>&1 ||
        { cat "log_$name"; return 1; }
    echo "{\"name\": \"$name\", \"model\": \"$PWD/$model\", \"logits\": \"logits_$name\", ${EXTRA:-}
        \"completions\": \"out_$name/completions_rank_0.jsonl\"}" | tr -d '\n' >>cases
    echo >>cases
}

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    cat >prompts.jsonl <<'END'
{"id": "a", "variant": "2k", "prompt": "The GNU General Public License is a free"}
{"id": "b", "variant": "2k", "prompt": "Derivative Works shall not include works that remain separable from"}
{"id": "c", "variant": "4k", "prompt": "Unless required by applicable law or agreed to in writing, Licensor provides the Work on an \"AS IS\" BASIS"}
END
    make_llama() { local name=$1; shift; /usr/bin/python3 "$LIB/make_llama.py" "$name" "$@"; }
    local wide=(--hidden 320 --heads 8 --kv-heads 2)   # rows of whole blocks of 32; four queries to a key
    make_llama safetensors && make_llama bin --format bin --shards 2 &&
        make_llama tied --heads 4 --kv-heads 2 --tied --dtype f16 && make_llama f16 --format gguf-f16 "${wide[@]}" &&
        make_llama q8_0 --format gguf-q8_0 "${wide[@]}" && make_llama q4_1 --format gguf-q4_1 "${wide[@]}" || return 1
    compute safetensors safetensors && compute bin bin && compute tied tied && compute f16 f16/model.gguf &&
        compute q8_0 q8_0/model.gguf && compute q4_1 q4_1/model.gguf && compute int8 safetensors --precision int8 &&
        compute int4 safetensors --precision int4 || return 1
    if small=$("$DEPS/smollm2.sh" 2>no-small); then
        ln -s "$small" small.gguf
        EXTRA='"bfloat16": false,' compute small small.gguf
    fi
    if path=$("$DEPS/transformers.sh" 2>no-oracle); then
        HF_HUB_OFFLINE=1 PYTHONPATH=$path python3 "$LIB/llama_oracle.py" <cases >found 2>oracle.err ||
            { tail -n 5 oracle.err; return 1; }
        cat found
    fi
}

setup() {
    cd "$BATS_FILE_TMPDIR" || return 1
}

# NAME BOUND: the oracle's line says that the logits are as near as that, and no choice is another
near() {
    [ -e found ] || skip "transformers cannot be fetched: $(tail -n 1 no-oracle)"
    grep "^$1 " found
    awk -v name="$1" -v bound="$2" '$1 == name { split($2, error, "="); good = error[2] > 0 && error[2] < bound && $4 == "wrong=0"
        split($5, same, /[=\/]/); good = good && same[2] == same[3] && same[3] > 0 } END { exit !good }' found
}

@test "logits of safetensors are those of transformers" { near safetensors 0.01; }
@test "logits of pytorch_model.bin are those of transformers" { near bin 0.01; }
@test "logits with grouped queries and a tied head are those of transformers" { near tied 0.013; }
@test "logits of GGUF F16 are those of transformers" { near f16 0.01; }
@test "logits of GGUF Q8_0 are those of transformers" { near q8_0 0.03; }
@test "logits of GGUF Q4_1 are those of transformers" { near q4_1 0.03; }
@test "logits of weights quantized to int8 are near those of the weights" { near int8 0.04; }
@test "logits of weights quantized to int4 are not far from those of the weights" { near int4 0.4; }
@test "logits of a small real model are those of transformers" {
    [ -e small.gguf ] || skip "the model cannot be fetched: $(tail -n 1 no-small)"
    near small 0.08
}

@test "bf16 is nearer to float32 than transformers' own bfloat16" {
    [ -e found ] || skip "transformers cannot be fetched: $(tail -n 1 no-oracle)"
    awk '$1 ~ /^(safetensors|bin|tied|f16)$/ { split($2, ours, "="); split($3, theirs, "="); if (ours[2] >= theirs[2]) bad = 1; n++ }
        END { exit bad || n != 4 }' found
}

@test "the same weights give the same bits from safetensors and pytorch_model.bin" {
    for i in 0 1 2; do cmp "logits_safetensors/prompt_$i.npy" "logits_bin/prompt_$i.npy"; done
}

@test "pieces of a prompt and threads change no bit of the logits" {
    inferstep stage --model q8_0/model.gguf --prompts prompts.jsonl --logits other --prefill-chunk 5 --threads 3
    for i in 0 1 2; do cmp "logits_q8_0/prompt_$i.npy" "other/prompt_$i.npy"; done
}

@test "a small real model knows the capital of France" {
    [ -e small.gguf ] || skip "the model cannot be fetched: $(tail -n 1 no-small)"
    echo '{"prompt": "The capital of France is"}' >france.jsonl
    inferstep stage --local-debug --model small.gguf --prompts france.jsonl --output-dir france --max-new-tokens 12
    grep -F '"completion": "The capital of France is Paris.' france/completions_rank_0.jsonl
}
