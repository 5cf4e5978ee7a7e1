#!/usr/bin/env bats
# Stages on GPUs. The library of kernels is looked at; what it computes is tried on GPUs that are emulated on the host
# (tests/cuda), which run the same kernels, graphs and links, and on real ones where there are some.

setup_file() {
    make -s --no-print-directory -C "$INFERSTEP_TOP" BUILD="$BUILD" emulated >&2
}
setup() {
    work=$(mktemp -d)
    cd "$work" || return 1
    unset "${!INFER_@}" "${!SLURM_@}"
    export INFER_MUNGE_SOCKET=$work/none
    model=model
    mkdir -p machine/bin machine/lib/inferstep
    cp "$BUILD/bin/inferstep" machine/bin/
    ln -s "$BUILD/tests/cuda/libinferstep_cuda.so" machine/lib/inferstep/
    printf '%s\n' '{"id":"a","prompt":"The licence"}' '{"id":"b","prompt":"You may copy it and change it"}' >prompts.jsonl
}
teardown() { cd / && rm -rf "$work"; }

make_model() { # DIR, option…
    /usr/bin/python3 "$INFERSTEP_TOP/tests/lib/make_llama.py" "$@" >/dev/null
}
# "emulated" is the machine with two emulated GPUs, "real" this one.
stage() { # machine, folder, rank, ranks, option…
    local program=$BUILD/bin/inferstep libraries=''
    [ "$1" = real ] || program=$work/machine/bin/inferstep libraries=$BUILD/tests/cuda
    env LD_LIBRARY_PATH="$libraries" INFER_RUN_ID="$$.$2" INFER_RANK="$3" INFER_RANKS="$4" "$program" stage --model "$model" \
        --prompts prompts.jsonl --max-new-tokens 4 --ignore-eos --threads 1 --output-dir "$2" "${@:5}" >"$2.$3.out" 2>&1 || {
        cat "$2.$3.out"
        return 1
    }
}
one() { stage emulated "$1" 0 1 --local-debug "${@:2}"; }
two() { # folder, option…: two ranks
    stage emulated "$1" 0 2 "${@:2}" &
    stage emulated "$1" 1 2 "${@:2}"
    wait $!
}
# Of each prompt its tokens and the exact sum of their log-probabilities.
numbers() {
    cat "$1"/completions_rank_*.jsonl | /usr/bin/python3 -c '
import json, sys
print(sorted((c["prompt_index"], c["tokens"], c["log_probability"]) for c in map(json.loads, sys.stdin)))'
}
same() { # two folders: to the last bit
    [ "$(numbers "$1" | tr -d '[]()')" != "" ]
    diff <(numbers "$1") <(numbers "$2")
}
# The same tokens, and nearly the same sums of log-probabilities. With bf16 weights only the order of additions differs. With int8
# and int4 ones activations are rounded to int8, where a last bit before it can become a whole step of 1/127 of a group's largest.
near() { # two folders, format
    local bound=2e-2
    [ "$3" != bf16 ] || bound=2e-3
    /usr/bin/python3 - "$(numbers "$1")" "$(numbers "$2")" "$bound" <<'END'
import ast, sys
a, b, bound = map(ast.literal_eval, sys.argv[1:])
assert a and [x[:2] for x in a] == [x[:2] for x in b], (a, b)
assert all(abs(x[2] - y[2]) < bound for x, y in zip(a, b)), (a, b)
END
}
library() {
    [ -e "$BUILD/lib/inferstep/libinferstep_cuda.so" ] || skip "no nvcc: the kernels for GPUs are not built"
    library=$BUILD/lib/inferstep/libinferstep_cuda.so
}

@test "the kernels are there for sm_75, sm_80, sm_90 and what comes after, and need the driver alone" {
    library
    needed=$(readelf -d "$library" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | grep -vE '^(libc|libm|libgcc_s|libstdc\+\+|ld-linux.*)\.so' || true)
    [ -z "$needed" ] || { echo "needs $needed"; return 1; }
    [ "$(nm -D --defined-only "$library" | awk '{print $3}' | sort | xargs)" = \
        "inferstep_cuda_engine inferstep_cuda_read_bandwidth inferstep_cuda_version" ]
    # The entries of its fat binary: kind 1 is PTX, 2 machine code; at 28 the architecture.
    found=$(/usr/bin/python3 - "$library" <<'END'
import struct, sys
data = open(sys.argv[1], "rb").read()
found, at = set(), data.find(b"\x50\xed\x55\xba")
while at >= 0:
    header, size = struct.unpack_from("<HQ", data, at + 6)
    entry, end = at + header, at + header + size
    while entry < end:
        kind, _, length, body = struct.unpack_from("<HHIQ", data, entry)
        found.add(("ptx " if kind == 1 else "sm_") + str(struct.unpack_from("<I", data, entry + 28)[0]))
        entry += length + body
    at = data.find(b"\x50\xed\x55\xba", end)
print(*sorted(found))
END
    )
    [ "$found" = "ptx 90 sm_75 sm_80 sm_90" ] || { echo "found: $found"; return 1; }
}

@test "without a GPU --device gpu is refused in one sentence, and auto takes the CPUs and says why" {
    [ ! -e /dev/nvidiactl ] || skip "this machine has a GPU"
    make_model model --layers 2
    run "$BUILD/bin/inferstep" stage --local-debug --model model --prompts prompts.jsonl --device gpu --output-dir out
    [ "$status" = 1 ]
    [[ $output == *"error: "*"no CUDA device"* ]]
    [[ $output == *"hint: --device cpu "* ]]
    "$BUILD/bin/inferstep" stage --local-debug --model model --prompts prompts.jsonl --max-new-tokens 1 --output-dir auto
    grep "on CPUs: no CUDA device" auto/rank_0.log
}

@test "one emulated GPU completes as the CPUs do, in every format" {
    for format in bf16 int8 int4; do
        model="$format.model"
        make_model "$model" --layers 1 --hidden 128 --ffn 160
        one "gpu.$format" --device gpu --precision "$format"
        grep "is on Emulated GPU 0" "gpu.$format/rank_0.log"
        stage real "cpu.$format" 0 1 --local-debug --device cpu --isa portable --precision "$format"
        near "gpu.$format" "cpu.$format" "$format"
    done
}

@test "a tied Q4_1 file, whose head is its embedding, completes on a GPU as on the CPUs" {
    make_model model --format gguf-q4_1 --layers 1 --hidden 128 --ffn 160 --tied
    model=model/model.gguf
    one gpu --device gpu
    stage real cpu 0 1 --local-debug --device cpu --isa portable
    near gpu cpu int4
}

@test "two emulated GPUs complete as one, to the last bit: by NCCL, by shared memory, in batches and chunks" {
    make_model model --layers 2 --kv-heads 1
    one whole --device gpu --precision int8
    two nccl --device gpu --precision int8
    grep "Edge from rank 0 to rank 1: shm and nccl" nccl/rank_0.log
    same whole nccl
    for failing in 0 1; do # one end alone: both fall back, and both say why
        EMULATED_NCCL_FAILS=$failing two "fallen$failing" --device gpu --precision int8
        grep "WARNING.*NCCL.*; what is computed goes over shm" "fallen$failing/rank_0.log"
        grep "WARNING.*NCCL.*; what is computed goes over shm" "fallen$failing/rank_1.log"
        same whole "fallen$failing"
    done
    two shm --device gpu --precision int8 --transport shm --batch-size 2 --prefill-chunk 3
    grep "Edge from rank 0 to rank 1: shm$" shm/rank_0.log
    same whole shm
}

@test "a stage on a GPU and one on the CPUs work together" {
    make_model model --layers 2 --kv-heads 1
    stage emulated mixed 0 2 --device gpu --precision int8 --isa portable &
    stage real mixed 1 2 --device cpu --precision int8 --isa portable || { cat mixed.0.out; return 1; }
    wait $!
    stage real cpu 0 1 --local-debug --device cpu --isa portable --precision int8
    near mixed cpu int8
}

@test "real GPUs: as the CPUs, and two stages as one to the last bit" {
    [ -e /dev/nvidiactl ] || skip "no GPU"
    library
    make_model model --layers 2 --kv-heads 1
    stage real gpu 0 1 --local-debug --device gpu
    stage real cpu 0 1 --local-debug --device cpu
    near gpu cpu bf16
    stage real two 0 2 --device gpu &
    stage real two 1 2 --device gpu
    wait $!
    same gpu two
    if [ "$(find /dev -maxdepth 1 -name 'nvidia[0-9]*' | wc -l)" -gt 1 ]; then
        grep "shm and nccl" two/rank_0.log
    fi
}
