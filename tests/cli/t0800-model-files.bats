#!/usr/bin/env bats
# inferstep stage: models as they lie on disks, whole and damaged. The plan (--dry-run) opens the model as a run does.

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    echo '{"prompt": "The license"}' >prompts.jsonl
    for dtype in f32 bf16; do
        "$INFERSTEP_TOP/tests/lib/make_llama.py" "safe-$dtype" --dtype $dtype
        "$INFERSTEP_TOP/tests/lib/make_llama.py" "bin-$dtype" --format bin --dtype $dtype
    done
    "$INFERSTEP_TOP/tests/lib/make_llama.py" safe-3 --shards 3 --kv-heads 1
    "$INFERSTEP_TOP/tests/lib/make_llama.py" bin-3 --format bin --shards 3 --dtype f16
    for kind in f32 f16 bf16 q8_0 q4_0 q4_1; do
        "$INFERSTEP_TOP/tests/lib/make_llama.py" gguf-$kind --format gguf-$kind --hidden 64 --heads 8 --kv-heads 2 --tied
    done
}

setup() {
    tmp=$(mktemp -d)
    cd "$tmp" || return 1
    models=$BATS_FILE_TMPDIR
}
teardown() { cd / && rm -rf "$tmp"; }

plan() { inferstep stage --dry-run --model "$1" --prompts "$models/prompts.jsonl"; }

# damaged COPY WORDS: the plan of the model ./COPY fails with these words, in one line.
damaged() {
    run plan "$1"
    [ "$status" = 1 ] || { echo "$1: exit $status: $output"; return 1; }
    [[ $output == *"$2"* ]] || { echo "$1: $output"; return 1; }
    [ "$(grep -c 'error: ' <<<"$output")" = 1 ] || { echo "$1: $output"; return 1; }
}

@test "every format, type and sharding is read" {
    for model in safe-f32 safe-bf16 safe-3 bin-f32 bin-bf16 bin-3 gguf-f32 gguf-f16 gguf-bf16 gguf-q8_0 gguf-q4_0 gguf-q4_1; do
        case $model in safe*) format=safetensors ;; bin*) format=pytorch ;; *) format=gguf ;; esac
        case $model in *q8_0) memory=int8 ;; *q4_0) memory=int4 ;; *q4_1) memory=int4_min ;; *) memory=bf16 ;; esac
        run plan "$models/$model"
        [ "$status" = 0 ] || { echo "$model: $output"; return 1; }
        [[ $output == *"tiny-llama, $format, $memory in memory, 4 layers"* ]] || { echo "$model: $output"; return 1; }
    done
}

# told MODEL: token ids and log-probabilities of its completions.
told() {
    inferstep stage --local-debug --threads 1 --model "$1" --prompts "$models/prompts.jsonl" --max-new-tokens 12 \
        --output-dir "out-$(basename "$1")" >log 2>&1 || { cat log; return 1; }
    grep -oE '"(tokens|log_probability)": [^]}]*' "out-$(basename "$1")/completions_rank_0.jsonl"
}

@test "one model tells the same in every plain format, bit for bit" {
    make=$INFERSTEP_TOP/tests/lib/make_llama.py
    told "$models/safe-bf16" >wanted
    [ "$(grep -c log_probability wanted)" = 1 ]
    for format in "bin --dtype f32" "bin --dtype f16 --shards 2" "safetensors --dtype f16 --shards 5" gguf-f32 gguf-f16 gguf-bf16; do
        # shellcheck disable=SC2086
        "$make" "m-${format// /}" --format $format
        told "m-${format// /}" >got
        cmp wanted got || { echo "$format"; return 1; }
    done
    "$make" tied --hidden 64 --heads 8 --kv-heads 2 --tied # grouped queries, and a head that is the embedding
    told tied >wanted
    for kind in f32 f16 bf16; do
        told "$models/gguf-$kind" >got
        cmp wanted got || { echo "$kind"; return 1; }
    done
}

@test "a file of its own and a directory with it are the same model" {
    plan "$models/gguf-q8_0" >directory
    plan "$models/gguf-q8_0/model.gguf" >file
    diff <(grep '^model:' directory) <(grep '^model:' file)
}

@test "files that are cut short are refused by their names" {
    cp -r "$models"/{safe-bf16,safe-3,bin-bf16,bin-3,gguf-q4_0} .
    truncate -s -1 safe-bf16/model.safetensors safe-3/model-00002-of-00003.safetensors bin-bf16/pytorch_model.bin \
        bin-3/pytorch_model-00003-of-00003.bin
    truncate -s -100 gguf-q4_0/model.gguf
    damaged safe-bf16 "safe-bf16/model.safetensors: tensor lm_head.weight lies at"
    damaged safe-3 "model-00002-of-00003.safetensors: tensor"
    damaged bin-bf16 "bin-bf16/pytorch_model.bin"
    damaged bin-3 "pytorch_model-00003-of-00003.bin"
    damaged gguf-q4_0 "gguf-q4_0/model.gguf: tensor"
    truncate -s 20 safe-bf16/model.safetensors gguf-q4_0/model.gguf
    damaged safe-bf16 "it is truncated"
    damaged gguf-q4_0 "it is truncated"
    : >safe-bf16/model.safetensors
    damaged safe-bf16 "model.safetensors is empty"
}

@test "shards that are missing, and an index that leads elsewhere" {
    cp -r "$models"/{safe-3,bin-3} .
    rm safe-3/model-00002-of-00003.safetensors
    damaged safe-3 "model-00002-of-00003.safetensors: No such file"
    sed -i 's/pytorch_model-00002/..\/pytorch_model-00002/' bin-3/pytorch_model.bin.index.json
    damaged bin-3 "which is no name of a file"
    cp "$models/bin-3/pytorch_model.bin.index.json" bin-3/
    cp bin-3/pytorch_model-0000{1,2}-of-00003.bin . && mv pytorch_model-00001-of-00003.bin bin-3/pytorch_model-00002-of-00003.bin
    damaged bin-3 "pytorch_model-00002-of-00003.bin has no tensor"
    rm bin-3/*.bin*
    damaged bin-3 "has no weights"
}

@test "a tensor of another shape or type, or none of that name" {
    cp -r "$models/safe-f32" a
    sed -i 's/"intermediate_size": 544/"intermediate_size": 540/' a/config.json
    damaged a "mlp.gate_proj.weight has the shape [544, 200], and the model's configuration asks for [540, 200]"
    cp -r "$models/safe-f32" b
    sed -i 's/"num_hidden_layers": 4/"num_hidden_layers": 5/' b/config.json
    damaged b "lacks the tensor model.layers.4.input_layernorm.weight"
    cp -r "$models/safe-f32" c # two types of the same length
    sed -i '1s/"model.norm.weight":{"dtype":"F32"/"model.norm.weight":{"dtype":"I32"/' c/model.safetensors
    damaged c "c/model.safetensors: tensor model.norm.weight is of type I32"
    cp -r "$models/gguf-q8_0" d # Q8_0 is number 8, Q6_K is 14
    python3 - d/model.gguf <<'PY'
import sys
data = open(sys.argv[1], "rb").read()
at = data.index(b"blk.0.ffn_up.weight") + len(b"blk.0.ffn_up.weight") + 4 + 16
assert data[at] == 8
open(sys.argv[1], "wb").write(data[:at] + b"\x0e" + data[at + 1:])
PY
    damaged d "d/model.gguf: tensor model.layers.0.mlp.up_proj.weight is of type Q6_K"
}

@test "models that this program does not compute" {
    cp -r "$models/safe-f32" a
    sed -i 's/LlamaForCausalLM/OPTForCausalLM/' a/config.json
    damaged a "the architecture is OPTForCausalLM"
    cp "$models/safe-f32/config.json" a/
    sed -i 's/"use_cache"/"rope_scaling": {"type": "dynamic", "factor": 2.0}, "use_cache"/' a/config.json
    damaged a 'the rotation "dynamic"'
    cp -r "$models/gguf-f16" b
    sed -i 's/general.architecture\x08\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00llama/general.architecture\x08\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00qwen2/' b/model.gguf
    damaged b "the architecture is qwen2"
    mkdir c
    damaged c "neither config.json nor one .gguf file"
    echo text >d
    damaged d "d is no GGUF file"
    damaged e "cannot open e"
}

@test "a pickle that calls anything is refused by its name, and nothing is called" {
    cp -r "$models/bin-f32" a
    python3 - a/pytorch_model.bin <<'PY'
import os, pickle, sys, zipfile
class Evil:
    def __reduce__(self):
        return os.system, ("touch called",)
with zipfile.ZipFile(sys.argv[1], "w") as out:
    out.writestr("archive/data.pkl", pickle.dumps({"model.norm.weight": Evil()}, protocol=2))
PY
    damaged a "its pickle asks for posix.system, which is never called"
    [ ! -e called ]
    python3 - a/pytorch_model.bin <<'PY'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as out:
    out.writestr("archive/data.pkl", b"\x80\x02}." * 99)
PY
    damaged a "entry archive/data.pkl is compressed"
    printf '\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19' >a/pytorch_model.bin
    damaged a "torch's format from before 1.6"
}

@test "only headers are read: a model larger than any memory here opens" {
    cp -r "$models/safe-bf16" a
    python3 - a <<'PY'
import json, os, struct, sys
c = json.load(open(sys.argv[1] + "/config.json"))
c.update(hidden_size=100_000, num_attention_heads=1000, intermediate_size=400_000, num_hidden_layers=4)
json.dump(c, open(sys.argv[1] + "/config.json", "w"))
h, f, at, header = 100_000, 400_000, 0, {}
def add(name, *shape):
    global at
    size = 2 * shape[0] * (shape[1] if len(shape) > 1 else 1)
    header[name + ".weight"] = {"dtype": "BF16", "shape": shape, "data_offsets": [at, at + size]}
    at += size
add("model.embed_tokens", 512, h), add("lm_head", 512, h), add("model.norm", h)
for i in range(4):
    p = f"model.layers.{i}."
    add(p + "input_layernorm", h), add(p + "post_attention_layernorm", h)
    for n in "qkvo":
        add(p + f"self_attn.{n}_proj", h, h)
    add(p + "mlp.gate_proj", f, h), add(p + "mlp.up_proj", f, h), add(p + "mlp.down_proj", h, f)
text = json.dumps(header).encode()
with open(sys.argv[1] + "/model.safetensors", "wb") as out:
    out.write(struct.pack("<Q", len(text)) + text)
os.truncate(sys.argv[1] + "/model.safetensors", 8 + len(text) + at)
PY
    [ "$(stat -c %s a/model.safetensors)" -gt 1000000000000 ] # on the disk a few kB
    run plan a
    [ "$status" = 0 ] || { echo "$output"; return 1; }
    [[ $output == *"hidden 100000"* ]]
}

@test "a real model is read as it comes" {
    file=$("$INFERSTEP_TOP/contrib/deps/smollm2.sh" 2>why) || skip "SmolLM2 cannot be had: $(tail -n 1 why)"
    run plan "$file"
    [ "$status" = 0 ] || { echo "$output"; return 1; }
    [[ $output == *"gguf, int4_min in memory, 30 layers, hidden 576, context 8192"* ]] || { echo "$output"; return 1; }
}
