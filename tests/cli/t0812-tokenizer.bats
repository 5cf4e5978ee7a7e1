#!/usr/bin/env bats
# The tokens of inferstep stage against those that others make: SentencePiece's own program, and the package tokenizers.

setup_file() {
    export LLAMA=$BATS_FILE_TMPDIR/llama GGUF=$BATS_FILE_TMPDIR/gguf TEXTS=$BATS_FILE_TMPDIR/texts.jsonl
    /usr/bin/python3 "$INFERSTEP_TOP/tests/lib/make_llama.py" "$LLAMA" >/dev/null
    /usr/bin/python3 "$INFERSTEP_TOP/tests/lib/make_llama.py" "$GGUF" --format gguf-f16 >/dev/null
    python3 "$INFERSTEP_TOP/tests/lib/tokenizer_texts.py" texts "$TEXTS"
}
setup() {
    work=$(mktemp -d)
    cd "$work" || return 1
    unset "${!INFER_@}" "${!SLURM_@}" EXPERIMENT_ROOT EXP_CONFIG_PATH DS_CONFIG_PATH PROMPT_LIMIT
}
teardown() { cd / && rm -rf "$work"; }

plan() { inferstep stage --dry-run --json --prompts="$TEXTS" "$@" </dev/null; }
texts() { python3 "$INFERSTEP_TOP/tests/lib/tokenizer_texts.py" "$@"; }
refuses() { # MESSAGE OPTION…
    run plan "${@:2}"
    [ "$status" = 1 ] && [[ $output == *"$1"* ]] || { echo "$status: $output"; return 1; }
}
same_prompts() { # PLAN PLAN
    python3 -c 'import json, sys; a, b = (json.load(open(f))["prompts"] for f in sys.argv[1:]); assert a == b and len(a) > 500' "$@"
}
# The small real model, or a reason to skip.
real_model() {
    MODEL=$("$INFERSTEP_TOP/contrib/deps/smollm2.sh" 2>err) || skip "the small real model cannot be fetched: $(tail -n 1 err)"
}
# Its copy, in which tokenizer.ggml.pre says something else of six letters.
cut_as() { # WORD
    python3 - "$MODEL" "$1" <<'P'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
at = data.index(b"smollm", data.index(b"tokenizer.ggml.pre"))
data[at : at + 6] = sys.argv[2].encode()
open("cut.gguf", "wb").write(data)
P
}

@test "tokenizer.model makes the tokens that spm_encode makes, with the first one in front, and they say the text again" {
    plan --model="$LLAMA" >plan.json
    texts spm plan.json "$TEXTS" "$LLAMA/tokenizer.model"
    texts plan plan.json "$TEXTS"
}

@test "the pieces in a GGUF file make the same tokens" {
    plan --model="$LLAMA" >hf.json
    plan --model="$GGUF/model.gguf" >gguf.json
    same_prompts hf.json gguf.json
}

@test "byte-level tokens of a real model are those of the package tokenizers, whichever way words are cut" {
    real_model
    PYTHONPATH=$("$INFERSTEP_TOP/contrib/deps/transformers.sh" 2>err) || skip "tokenizers cannot be fetched: $(tail -n 1 err)"
    export PYTHONPATH
    plan --model="$MODEL" >plan.json
    texts tokenizers plan.json "$TEXTS" "$MODEL"
    cut_as llama3
    plan --model=cut.gguf >plan.json
    texts tokenizers plan.json "$TEXTS" cut.gguf
}

@test "control tokens are found by their names and say nothing; a long word is no long wait" {
    real_model
    python3 -c 'import json
for text in ("<|im_start|>user\nHi<|im_end|>", "a" * 1000000): print(json.dumps({"prompt": text}))' >prompts.jsonl
    head -n 1 prompts.jsonl >one.jsonl
    plan --model="$MODEL" --prompts=one.jsonl >plan.json
    python3 -c 'import json
p = json.load(open("plan.json"))["prompts"][0]
assert p["tokens"][0] == 1 and p["tokens"][-1] == 2 and p["decoded"] == "user\nHi", p'
    run timeout 20 inferstep stage --dry-run --model="$MODEL" --prompts=prompts.jsonl
    [ "$status" = 1 ] && [[ $output =~ "prompts.jsonl, line 2: the prompt has "[0-9]+" tokens, and the model's context is "[0-9]+ ]]
}

@test "a tokenizer that is missing, damaged, unknown or another model's is named" {
    cp -r "$LLAMA" model
    head -c 3000 "$LLAMA/tokenizer.model" >model/tokenizer.model
    refuses "model/tokenizer.model is no tokenizer that SentencePiece reads" --model=model
    rm model/tokenizer.model
    refuses "there is no tokenizer: model/tokenizer.model is missing" --model=model
    [[ $output == *"--tokenizer names a tokenizer.model"* ]]
    touch model/tokenizer.json
    refuses "tokenizer.json is not read" --model=model
    refuses "nowhere" --model=model --tokenizer=nowhere
    plan --model=model --tokenizer="$LLAMA" >plan.json
    plan --model="$LLAMA" >own.json
    same_prompts own.json plan.json
    # Whether a sequence begins with its token is said beside the tokenizer, where it is said at all.
    cp "$LLAMA/tokenizer.model" model
    echo '{"add_bos_token": false, "model_max_length": 1e30}' >model/tokenizer_config.json
    plan --model=model >none.json
    python3 -c 'import json
own, none = (json.load(open(f))["prompts"] for f in ("own.json", "none.json"))
assert [p["tokens"][1:] for p in own] == [p["tokens"] for p in none]'
    tr -dc '[:print:]\n' <"$TEXTS" | sed 's/[^ a-z]//g' >corpus
    spm_train --input=corpus --model_prefix=small --vocab_size=90 --model_type=bpe --hard_vocab_limit=false >/dev/null 2>&1
    [ -s small.model ]
    real_model
    refuses "small.model has " --model="$MODEL" --tokenizer=small.model
    [[ $output == *"the model has 49152: it belongs to another model"* ]]
    cut_as qwen99
    refuses "texts are cut into words as 'qwen99' does (tokenizer.ggml.pre), which is not known here" --model=cut.gguf
}
